"""Findings are known again by their fingerprints, and a waiver covers those that it names."""

from __future__ import annotations

import ast

import msgspec
import pytest
from demos import CLEAN, DIRTY, LINE, NOW, access, case, count, fingerprint, judged, module, waiver
from hypothesis import given
from hypothesis import strategies as st

from strictreal.collect.python.module import parse
from strictreal.facts.code import EnvAccess
from strictreal.judge import covered
from strictreal.model import Location, Outcome, Waiver

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
