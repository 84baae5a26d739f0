"""The gate: exceptions are few, dated and used, and a change does not loosen what it is judged by."""

from typing import Annotated

from strictreal.check import check
from strictreal.facts.gate import Comparison, GateChange, WaiverFile, WaiverProblem
from strictreal.judge import covered
from strictreal.model import Facts, Findings, RunTime, Waiver


@check(
    "gate.waivers",
    proves="Every waiver is well formed, in date and covers a finding that exists.",
    remedy="Mend the finding and delete the waiver, or have the waiver renewed by its approver.",
)
def test_waivers_are_valid_and_used(
    files: Facts[WaiverFile],
    problems: Facts[WaiverProblem],
    waivers: Facts[Waiver],
    findings: Annotated[Findings, "*"],
    time: RunTime,
):
    for problem in problems:
        yield problem.finding(f"the waiver {problem.problem}")
    for waiver in waivers:
        target = waiver.fingerprint or waiver.paths
        if waiver.expires < time.now[:10]:
            yield waiver.finding(f"the waiver of {waiver.check} for {target} expired on {waiver.expires}")
        elif not covered(waiver, findings):
            yield waiver.finding(f"the waiver of {waiver.check} for {target} covers no finding, or more than its count")


@check(
    "gate.loosened",
    proves="The change leaves the configuration, waivers and thresholds that judge it as they were, or stricter.",
    remedy="Bring the change of the gate in a commit of its own, which its owners approve.",
)
def test_a_change_does_not_loosen_its_own_gate(comparisons: Facts[Comparison], changes: Facts[GateChange]):
    for change in changes:
        if not change.tightens:
            yield change.finding(f"{change.name}: {change.before or 'absent'} became {change.after or 'absent'}")
