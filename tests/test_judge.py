"""The rules of strictreal/judge.py, as a table and case by case."""

from __future__ import annotations

import pytest
from demos import CLEAN, DIRTY, NO_SETTINGS, access, case, count, fingerprint, gap, judged, module, waiver

from strictreal.facts.patterns import SourceFile
from strictreal.judge import Case
from strictreal.model import Demand, Fact, Finding, Location, Outcome, Severity


@pytest.mark.parametrize(
    ("id", "laid", "outcome", "examined", "reason"),
    [
        # 1. The specimens.
        ("demo.access", case(CLEAN, bad=None), Outcome.NOT_PROVEN, 0, "it has no bad specimen"),
        ("demo.access", case(CLEAN, good=None), Outcome.NOT_PROVEN, 0, "it has no good specimen"),
        ("demo.blind", case(CLEAN), Outcome.NOT_PROVEN, 0, "it found nothing on its bad specimen"),
        ("demo.blind", case(DIRTY), Outcome.NOT_PROVEN, 0, "it found nothing on its bad specimen"),
        (
            "demo.shrill",
            case(CLEAN),
            Outcome.NOT_PROVEN,
            0,
            "it fails on its good specimen: worker.py:0 is a module",
        ),
        ("demo.access", case(CLEAN, good=[]), Outcome.NOT_PROVEN, 0, "it examined nothing on its good specimen"),
        (
            "demo.access",
            case(CLEAN, good=[count(2), module(), gap()]),
            Outcome.NOT_PROVEN,
            0,
            "its good specimen is incomplete: odd.py: is not valid Python here: line 1: invalid syntax",
        ),
        (
            "demo.settled",
            case(CLEAN, bad=[count(1), module(), access()]),
            Outcome.NOT_PROVEN,
            0,
            "its bad specimen is incomplete: exactly one SettingsModule is needed, there are 0",
        ),
        # 2. Nothing of the kind.
        ("demo.access", case([]), Outcome.NOT_APPLICABLE, 0, "the subject has no module"),
        ("demo.access", case([count(0)]), Outcome.NOT_APPLICABLE, 0, "the subject has no module"),
        (
            "demo.access",
            case([access()]),
            Outcome.FAILED,
            0,
            "1 finding",
        ),  # what tells of a thing is no sign that there is none
        (
            "demo.access",
            case([count(0), Demand(check="demo.*", by="strictreal.toml")]),
            Outcome.NOT_PROVEN,
            0,
            "demanded by strictreal.toml, but the subject has no module",
        ),
        (
            "demo.access",
            case([count(0), Demand(check="other.*", by="strictreal.toml")]),
            Outcome.NOT_APPLICABLE,
            0,
            "the subject has no module",
        ),
        (
            "demo.access",
            case([gap()]),
            Outcome.NOT_PROVEN,
            0,
            "odd.py: is not valid Python here: line 1: invalid syntax",
        ),
        (
            "demo.access",
            case([count(0)], good=[count(1), gap()]),
            Outcome.NOT_APPLICABLE,
            0,
            "the subject has no module",
        ),
        (
            "demo.access",
            case([Demand(check="*", by="strictreal.toml")], bad=[count(1), gap()]),
            Outcome.NOT_PROVEN,
            0,
            "odd.py: is not valid Python here: line 1: invalid syntax",
        ),
        # 3. Findings.
        ("demo.access", case(DIRTY), Outcome.FAILED, 1, "1 finding"),
        ("demo.access", case([*DIRTY, access(line=9)]), Outcome.FAILED, 1, "2 findings"),
        ("demo.access", case([*DIRTY, count(1), gap()]), Outcome.FAILED, 1, "1 finding"),
        ("demo.access", case([*DIRTY, waiver("another fingerprint")]), Outcome.FAILED, 1, "1 finding"),
        # 4. Something missing.
        (
            "demo.access",
            case([*CLEAN, count(2), gap(), gap(path="b.py")]),
            Outcome.NOT_PROVEN,
            1,
            "odd.py: is not valid Python here: line 1: invalid syntax and 1 more",
        ),
        ("demo.access", case([*CLEAN, count(1)]), Outcome.NOT_PROVEN, 1, "1 of 2 module were lost on the way"),
        (
            "demo.access",
            case([*CLEAN, module("two.py")]),
            Outcome.NOT_PROVEN,
            2,
            "2 module were examined, but only 1 counted",
        ),
        ("demo.access", case([count(1)]), Outcome.NOT_PROVEN, 0, "1 of 1 module were lost on the way"),
        (
            "demo.settled",
            case([count(1), module()]),
            Outcome.NOT_PROVEN,
            1,
            "exactly one SettingsModule is needed, there are 0",
        ),
        (
            "demo.settled",
            case([*CLEAN, NO_SETTINGS]),
            Outcome.NOT_PROVEN,
            1,
            "exactly one SettingsModule is needed, there are 2",
        ),
        ("demo.access", case([*CLEAN, gap(of="Render")]), Outcome.PROVEN, 1, ""),
        # 5. Nothing left to say.
        ("demo.access", case(CLEAN), Outcome.PROVEN, 1, ""),
        ("demo.access", case([*DIRTY, waiver(fingerprint(access()))]), Outcome.WAIVED, 1, "1 waived"),
        # The findings of others.
        ("demo.clean", case(CLEAN), Outcome.PROVEN, 1, ""),
        ("demo.clean", case(DIRTY), Outcome.FAILED, 1, "1 finding"),
        # An error.
        ("demo.broken", case(CLEAN, bad=DIRTY), Outcome.ERROR, 0, "LookupError: os.getenv"),
        ("demo.leaving", case(CLEAN), Outcome.ERROR, 0, "SystemExit: 0"),
        ("demo.skipping", case(CLEAN), Outcome.ERROR, 0, "Skipped: not today"),
        ("demo.wordy", case(CLEAN), Outcome.ERROR, 0, "AttributeError: 'str' object has no attribute 'where'"),
    ],
)
def test_each_rule_gives_its_outcome(id: str, laid: Case, outcome: Outcome, examined: int, reason: str):
    result = judged(id, laid)
    assert (result.check, result.outcome, result.examined, result.reason) == (id, outcome, examined, reason)


def test_what_the_base_revision_has_already_does_not_fail_and_stays_visible():
    result = judged("demo.access", case([*DIRTY, access(line=5, text="env = os.environ")], base=DIRTY))
    assert result.outcome is Outcome.FAILED
    assert [(f.where.line, f.known) for f in result.findings] == [(3, True), (5, False)]
    old = judged("demo.access", case(DIRTY, base=DIRTY))
    assert (old.outcome, old.reason) == (Outcome.WAIVED, "1 known at the base revision")


def test_a_base_revision_that_lacks_what_a_check_needs_makes_every_finding_new():
    result = judged("demo.settled", case(DIRTY, base=[count(1), module(), access()]))
    assert [f.known for f in result.findings] == [False]


def test_findings_carry_what_the_check_says_of_itself():
    [finding] = judged("demo.access", case(DIRTY)).findings
    expected = Finding(
        where=access().where,
        message="os.getenv is used",
        check="demo.access",
        remedy="Do not.",
        severity=Severity.ERROR,
        fingerprint=finding.fingerprint,
    )
    assert finding == expected
    assert len(finding.fingerprint) == 32


def source(path: str) -> SourceFile:
    return SourceFile(where=Location(path), language="javascript", lines=9)


@pytest.mark.parametrize(
    ("subject", "outcome", "examined", "reason"),
    [
        ([], Outcome.NOT_APPLICABLE, 0, "the subject has no module"),
        ([count(1, "SourceFile"), source("a.js")], Outcome.PROVEN, 1, ""),
        ([count(1), module(), count(1, "SourceFile"), source("worker.py")], Outcome.PROVEN, 1, ""),
        ([count(1), module(), count(2, "SourceFile"), source("worker.py"), source("a.js")], Outcome.PROVEN, 2, ""),
        (
            [count(1), module(), count(1, "SourceFile")],
            Outcome.NOT_PROVEN,
            1,
            "1 of 1 source file were lost on the way",
        ),
        ([count(1, "SourceFile"), gap("SourceFile", "a.js")], Outcome.NOT_PROVEN, 0, f"a.js: {gap().reason}"),
    ],
)
def test_a_check_applies_where_facts_that_widen_it_do_and_counts_each_file_once(
    subject: list[Fact], outcome: Outcome, examined: int, reason: str
):
    result = judged("demo.wide", case(subject))
    assert (result.outcome, result.examined, result.reason) == (outcome, examined, reason)


def test_a_finding_has_its_own_severity_or_its_checks():
    result = judged("demo.mild", case([*CLEAN, count(1), module("setup.py"), access(), access("setup.py")]))
    assert [(found.where.path, found.severity, found.level) for found in result.findings] == [
        ("setup.py", Severity.NOTE, Severity.NOTE),
        ("worker.py", Severity.WARNING, Severity.WARNING),
    ]
