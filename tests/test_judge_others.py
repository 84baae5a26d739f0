"""A check that judges the findings of others needs what they need, and is asked for nothing where it does not apply."""

from __future__ import annotations

from typing import Annotated

from demos import CHECKS, CLEAN, NOW, case, count, declared, gap, module, seen

from strictreal.check import Check, check
from strictreal.facts.code import EnvAccess, Module
from strictreal.facts.patterns import SourceFile
from strictreal.judge import Case, judge
from strictreal.model import Facts, Findings, Outcome, Severity, Waiver


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
