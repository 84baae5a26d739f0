"""The rules of strictreal/judge.py, as a table and as properties."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from typing import Annotated

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from strictreal.check import Check, check
from strictreal.collect.python.module import parse
from strictreal.facts.code import EnvAccess, Module, SettingsModule
from strictreal.facts.patterns import PatternMatch, SourceFile
from strictreal.judge import Case, FactSet, covered, judge
from strictreal.model import (
    Demand,
    Fact,
    Facts,
    Finding,
    Findings,
    Gap,
    Inventory,
    Location,
    Observation,
    Outcome,
    Result,
    RunTime,
    Severity,
    Waiver,
)


def declared(function: object) -> Check:
    """The check that a decorated function is."""
    return function.__check__  # type: ignore[attr-defined, no-any-return]


def _checks() -> dict[str, Check]:
    """The checks of this file by id; inside a function, so that pytest does not take them for a suite."""

    @check("demo.access", proves="No module reads the environment.", remedy="Do not.")
    def finds_accesses(accesses: Facts[EnvAccess]):
        for access in accesses:
            yield access.finding(f"{access.form} is used")

    @check("demo.settled", proves="No module reads the environment but the settings.", remedy="Do not.")
    def finds_accesses_outside_settings(accesses: Facts[EnvAccess], settings: SettingsModule):
        for access in accesses:
            if access.path not in settings:
                yield access.finding(f"{access.form} is used")

    @check("demo.clean", proves="No other check finds anything.", remedy="Mend it.")
    def repeats_findings(modules: Facts[Module], others: Annotated[Findings, "demo.access"]):
        for finding in others:
            yield Finding(where=finding.where, message=f"{finding.check} found {finding.message}")

    @check("demo.blind", proves="Nothing.", remedy="None.")
    def finds_nothing(accesses: Facts[EnvAccess]):
        return ()

    @check("demo.shrill", proves="Nothing.", remedy="None.")
    def finds_something_everywhere(modules: Facts[Module]):
        for module in modules:
            yield module.finding("is a module")

    @check("demo.broken", proves="Nothing.", remedy="None.")
    def raises_on_accesses(accesses: Facts[EnvAccess]):
        for access in accesses:
            raise LookupError(access.form)
        yield from ()

    @check("demo.leaving", proves="Nothing.", remedy="None.")
    def leaves_on_accesses(accesses: Facts[EnvAccess]):
        for _ in accesses:
            raise SystemExit(0)
        yield from ()

    @check("demo.skipping", proves="Nothing.", remedy="None.")
    def skips_on_accesses(accesses: Facts[EnvAccess]):
        for _ in accesses:
            pytest.skip("not today")
        yield from ()

    @check("demo.wordy", proves="Nothing.", remedy="None.")
    def yields_words(accesses: Facts[EnvAccess]):
        for access in accesses:
            yield access.form

    @check("demo.mild", proves="No module reads the environment.", remedy="Do not.", severity=Severity.WARNING)
    def finds_accesses_of_different_weight(accesses: Facts[EnvAccess]):
        for access in accesses:
            yield access.finding("is used", severity=Severity.NOTE if access.path == "setup.py" else None)

    @check("demo.wide", proves="No source reads the environment.", remedy="Do not.")
    def finds_accesses_in_every_language(accesses: Facts[EnvAccess], matches: Facts[PatternMatch]):
        for seen in (*accesses, *matches):
            yield seen.finding("reads the environment")

    return {found.id: found for found in map(declared, locals().copy().values())}


CHECKS = _checks()
LINE = 'broker = os.getenv("BROKER")'


def module(path: str = "worker.py") -> Module:
    return Module(where=Location(path), lines=9)


def access(path: str = "worker.py", line: int = 3, text: str = LINE, column: int = 10) -> EnvAccess:
    return EnvAccess(where=Location(path, line, column, line, column + 9, text), form="os.getenv")


def gap(of: str = "Module", path: str = "odd.py") -> Gap:
    return Gap(of=of, where=Location(path), reason="is not valid Python here: line 1: invalid syntax")


def count(number: int, of: str = "Module") -> Inventory:
    return Inventory(of=of, count=number)


def waiver(fingerprint: str = "", *, paths: str = "", number: int = 1, expires: str = "2027-01-31") -> Waiver:
    return Waiver(
        where=Location("waivers.toml", 1),
        check="demo.access",
        reason="the launcher runs before the settings exist",
        approver="ada@example.org",
        expires=expires,
        fingerprint=fingerprint,
        paths=paths,
        count=number,
    )


NOW = RunTime(now="2026-11-21T09:15:00Z", waivers_until="2027-02-19")
NO_SETTINGS = SettingsModule(paths=(), declared=False)
CLEAN: tuple[Fact, ...] = (NOW, count(1), module(), NO_SETTINGS)
DIRTY: tuple[Fact, ...] = (*CLEAN, access())


def seen(facts: Iterable[Fact]) -> FactSet:
    return FactSet([Observation(collector="test", source="", digest="", facts=tuple(facts))])


def case(
    subject: Iterable[Fact],
    *,
    bad: Iterable[Fact] | None = DIRTY,
    good: Iterable[Fact] | None = CLEAN,
    base: Iterable[Fact] | None = None,
) -> Case:
    """A case in which every check of this file has the same two specimens; None leaves a specimen away."""
    kinds = {"bad": bad, "good": good}
    specimens = {(id, kind): seen(facts) for id in CHECKS for kind, facts in kinds.items() if facts is not None}
    return Case(subject=seen(subject), specimens=specimens, base=None if base is None else seen(base))


def judged(id: str, laid: Case) -> Result:
    return judge(CHECKS[id], laid, CHECKS)


def fingerprint(*facts: Fact, index: int = 0) -> str:
    return judged("demo.access", case([*CLEAN, *facts])).findings[index].fingerprint


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


def test_a_check_that_judges_the_findings_of_another_needs_what_that_one_needs():
    @check("demo.access", proves="No module reads the environment.", remedy="Do not.")
    def finds_accesses_and_needs_waivers(accesses: Facts[EnvAccess], files: Facts[Waiver]):
        for access in accesses:
            yield access.finding("is used")

    registry = {**CHECKS, "demo.access": declared(finds_accesses_and_needs_waivers)}
    laid = case([*CLEAN, gap(of="WaiverFile", path="waivers.toml")])
    result = judge(CHECKS["demo.clean"], laid, registry)
    reason = "demo.access: waivers.toml: is not valid Python here: line 1: invalid syntax"
    assert (result.outcome, result.reason) == (Outcome.NOT_PROVEN, reason)


def test_a_check_that_judges_the_findings_of_one_that_is_not_there_is_not_believed():
    registry = {id: found for id, found in CHECKS.items() if id != "demo.access"}
    result = judge(CHECKS["demo.clean"], case(CLEAN), registry)
    reason = "it judges the findings of demo.access, which the suite does not have"
    assert (result.outcome, result.reason) == (Outcome.NOT_PROVEN, reason)


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


# Fingerprints and waivers.


@given(st.integers(1, 10_000), st.integers(1, 200))
def test_a_moved_line_keeps_its_fingerprint(line: int, column: int):
    assert fingerprint(access(line=line, column=column)) == fingerprint(access())


@given(st.text(st.characters(codec="utf-8", exclude_categories=("Zs", "Cc")), min_size=1))
def test_another_line_has_another_fingerprint(text: str):
    if text.split() != LINE.split():
        assert fingerprint(access(text=text)) != fingerprint(access())


def test_indentation_is_no_part_of_a_fingerprint():
    assert fingerprint(access(text="\t    " + LINE)) == fingerprint(access())


def test_an_identical_line_beside_a_waived_one_is_not_waived():
    covers = waiver(fingerprint(access()))
    result = judged("demo.access", case([*DIRTY, access(line=30), covers]))
    assert result.outcome is Outcome.FAILED
    assert sorted(bool(f.waived) for f in result.findings) == [False, True]
    assert len({f.fingerprint for f in result.findings}) == 2


def test_the_same_line_in_another_file_is_not_waived():
    covers = waiver(fingerprint(access()))
    laid = case([*CLEAN, count(1), module("two.py"), access("two.py"), covers])
    assert judged("demo.access", laid).outcome is Outcome.FAILED


@given(st.permutations([access(), access(line=30), access("two.py"), access(line=30, text="other"), access(column=40)]))
def test_fingerprints_do_not_depend_on_the_order_of_facts(shuffled: list[EnvAccess]):
    def by_place(facts: list[EnvAccess]) -> dict[Location, str]:
        found = judged("demo.access", case([*CLEAN, *facts])).findings
        return {f.where: f.fingerprint for f in found}

    assert by_place(shuffled) == by_place(sorted(shuffled, key=lambda a: msgspec.structs.astuple(a.where)))


@pytest.mark.parametrize(
    ("made", "outcome"),
    [
        (waiver(paths="worker.py", number=2), Outcome.WAIVED),
        (waiver(paths="*.py", number=3), Outcome.WAIVED),
        (waiver(paths="work*", number=1), Outcome.FAILED),
        (waiver(paths="other/*", number=2), Outcome.FAILED),
        (waiver(paths="worker.py", number=2, expires="2026-11-21"), Outcome.WAIVED),
        (waiver(paths="worker.py", number=2, expires="2026-11-20"), Outcome.FAILED),
        (waiver(paths="worker.py", number=2, expires="2027-02-19"), Outcome.WAIVED),
        (waiver(paths="worker.py", number=2, expires="2027-02-20"), Outcome.FAILED),
        (msgspec.structs.replace(waiver(paths="*", number=9), check="demo.other"), Outcome.FAILED),
        (msgspec.structs.replace(waiver(paths="*", number=9), check="demo.*"), Outcome.FAILED),
    ],
)
def test_a_waiver_covers_what_it_says_and_no_more(made: Waiver, outcome: Outcome):
    two = [*DIRTY, access(line=30)]
    assert judged("demo.access", case([*two, made])).outcome is outcome


def test_a_glob_covers_all_of_its_findings_or_none():
    findings = judged("demo.access", case([*DIRTY, access(line=30)])).findings
    assert covered(waiver(paths="worker.py", number=2), findings) == list(findings)
    assert covered(waiver(paths="worker.py", number=1), findings) == []


def test_without_the_moment_of_the_run_no_waiver_holds():
    timeless = [fact for fact in DIRTY if fact is not NOW]
    assert judged("demo.access", case([*timeless, waiver(fingerprint(access()))])).outcome is Outcome.FAILED


# Whatever the facts are, a pass is earned.

FACTS = st.lists(
    st.one_of(
        st.just(module()),
        st.just(module("two.py")),
        st.just(access()),
        st.just(access(line=30)),
        st.just(gap()),
        st.just(gap(of="Render")),
        st.integers(0, 3).map(count),
        st.just(NO_SETTINGS),
        st.just(NOW),
        st.just(Demand(check="demo.*", by="x")),
        st.just(waiver(fingerprint(access()))),
        st.just(waiver(paths="*", number=2)),
    ),
    max_size=7,
)
MAYBE = st.one_of(st.none(), FACTS, st.just(list(CLEAN)), st.just(list(DIRTY)))


def of(kind: type[Fact], facts: Iterable[Fact] | None) -> list[Fact]:
    return [fact for fact in facts or () if isinstance(fact, kind)]


def total(facts: Iterable[Fact]) -> int:
    return sum(fact.count for fact in of(Inventory, facts))  # type: ignore[attr-defined]


@given(subject=FACTS, bad=MAYBE, good=MAYBE, id=st.sampled_from(["demo.access", "demo.settled", "demo.clean"]))
def test_no_combination_of_facts_is_proven_without_having_earned_it(
    subject: list[Fact], bad: list[Fact] | None, good: list[Fact] | None, id: str
):
    result = judged(id, case(subject, bad=bad, good=good))
    if result.outcome in {Outcome.PROVEN, Outcome.WAIVED}:
        for facts in (subject, good or []):
            assert of(Module, facts)
            assert not [g for g in of(Gap, facts) if g.of == "Module"]  # type: ignore[attr-defined]
            assert total(facts) == len(of(Module, facts))
        assert of(EnvAccess, bad)
        assert not of(EnvAccess, good)
        waived = of(EnvAccess, subject)
        assert (result.outcome is Outcome.WAIVED) == bool(waived)
        assert not waived or (of(Waiver, subject) and of(RunTime, subject))
        assert result.examined == len(of(Module, subject))


@given(subject=FACTS, id=st.sampled_from(sorted(CHECKS)))
def test_the_same_facts_give_the_same_result(subject: list[Fact], id: str):
    assert judged(id, case(subject)) == judged(id, case(subject))


@given(subject=FACTS, bad=MAYBE, good=MAYBE)
def test_a_check_that_finds_nothing_is_never_believed(
    subject: list[Fact], bad: list[Fact] | None, good: list[Fact] | None
):
    result = judged("demo.blind", case(subject, bad=bad, good=good))
    assert result.outcome in {Outcome.NOT_PROVEN, Outcome.NOT_APPLICABLE}
    assert (result.outcome is Outcome.NOT_PROVEN) or not of(Module, subject)


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


def test_a_swallowed_error_that_moves_to_another_function_is_another_finding():
    swallow = "    try:\n        run()\n    except Exception:\n        pass\n"
    plain = "    run()\n"

    def fingerprints(source: str) -> set[str]:
        module = parse("a.py", source.encode())
        handlers = module.of(ast.ExceptHandler)
        facts = [EnvAccess(where=module.at(handler), form="os.getenv") for handler in handlers]
        return {finding.fingerprint for finding in judged("demo.access", case([*CLEAN, *facts])).findings}

    before = fingerprints(f"def read():\n{swallow}\ndef pay():\n{plain}")
    after = fingerprints(f"def read():\n{plain}\ndef pay():\n{swallow}")
    moved = fingerprints(f"\n\ndef read():\n{swallow}\ndef pay():\n{plain}")
    assert before == moved
    assert before.isdisjoint(after)


def test_a_finding_has_its_own_severity_or_its_checks():
    result = judged("demo.mild", case([*CLEAN, count(1), module("setup.py"), access(), access("setup.py")]))
    assert [(found.where.path, found.severity, found.level) for found in result.findings] == [
        ("setup.py", Severity.NOTE, Severity.NOTE),
        ("worker.py", Severity.WARNING, Severity.WARNING),
    ]


def test_a_check_that_does_not_apply_is_not_asked_for_its_findings():
    """Its facts may lack what it counts on, since nothing of its kind is there."""

    def needs_a_source(sources: Facts[SourceFile]):
        yield sources[0].finding("is a source")

    needy = Check("demo.needy", "Nothing.", "None.", Severity.ERROR, needs_a_source)

    def repeats(modules: Facts[Module], others: Annotated[Findings, "demo.needy"]):
        yield from others
        yield from (each.finding("reads") for each in modules if each.path == "bad.py")

    asking = Check("demo.asking", "Nothing.", "None.", Severity.ERROR, repeats)
    specimens = {
        ("demo.asking", "bad"): seen([NOW, count(1), module("bad.py")]),
        ("demo.asking", "good"): seen(CLEAN),
    }
    registry = {check.id: check for check in (needy, asking)}
    assert judge(asking, Case(seen(CLEAN), specimens), registry).outcome is Outcome.PROVEN
