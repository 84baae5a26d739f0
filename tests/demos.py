"""Small checks, and facts and cases to judge with them, for tests of strictreal/judge.py."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

import pytest

from strictreal.check import Check, check
from strictreal.facts.code import EnvAccess, Module, SettingsModule
from strictreal.facts.patterns import PatternMatch
from strictreal.judge import Case, FactSet, judge
from strictreal.model import (
    Fact,
    Facts,
    Finding,
    Findings,
    Gap,
    Inventory,
    Location,
    Observation,
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
