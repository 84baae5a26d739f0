"""The gate: exceptions are few, dated and used, and a change does not loosen what it is judged by."""

from typing import Annotated

from strictreal.check import check
from strictreal.facts.gate import (
    Comparison,
    Configuration,
    Emptied,
    Exemption,
    GateChange,
    WaiverFile,
    WaiverProblem,
)
from strictreal.judge import covered, lapse
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
        if ended := lapse(waiver, time):
            yield waiver.finding(f"the waiver of {waiver.check} for {target} {ended}")
        elif not covered(waiver, findings):
            yield waiver.finding(f"the waiver of {waiver.check} for {target} covers no finding, or more than its count")


HANDFUL = 5
"""Settings modules that every subject may have; a larger one may have one in TENTH source files."""
TENTH = 10


@check(
    "gate.exemptions",
    proves="The configuration names a handful of settings modules, and its exclusions leave something to audit.",
    remedy="Name the very files or folders that are meant, and leave the rest to the audit.",
)
def test_the_configuration_takes_little_out_of_the_audit(
    configurations: Facts[Configuration], exemptions: Facts[Exemption], emptied: Facts[Emptied]
):
    for exemption in exemptions:
        if exemption.unbounded:
            yield exemption.finding(
                f"{exemption.setting}: {exemption.glob!r} names no folder or file: it covers everything"
            )
        elif exemption.setting == "settings" and exemption.matched > 1 and 2 * exemption.matched > exemption.of:
            some = "all" if exemption.matched == exemption.of else f"{exemption.matched} of the"
            yield exemption.finding(f"settings: {exemption.glob!r} covers {some} {exemption.of} source files")
        for path in exemption.ordinary:
            yield exemption.finding(
                f"settings: {exemption.glob!r} covers {path}, which does something else for the most part"
            )
        if not exemption.reasoned:
            yield exemption.finding(
                f"{exemption.setting}: the reason for {exemption.glob!r} is none: say in a sentence why it may be left out"
            )
    for configuration in configurations:
        modules = sum(
            each.matched for each in exemptions if each.setting == "settings" and each.path == configuration.path
        )
        allowed = max(HANDFUL, configuration.sources // TENTH)
        if modules > allowed:
            yield configuration.finding(f"settings: {modules} modules may read the environment, more than {allowed}")
        share = 100 * configuration.excluded // max(1, configuration.lines)
        if share > configuration.allowed:
            yield configuration.finding(
                f"exclude: {configuration.excluded} of the {configuration.lines} lines of source code are left out: {share} %, "
                f"more than {configuration.allowed} %"
            )
    for kind in emptied:
        if kind.setting == "exclude":
            yield kind.finding(f"exclude: none of the {kind.count} {kind.kind} is left to audit")
        else:
            yield kind.finding(f"evidence: the folder holds {kind.count} {kind.kind}, which are not audited")


@check(
    "gate.loosened",
    proves="The change leaves the configuration, waivers and thresholds that judge it as they were, or stricter.",
    remedy="Bring the change of the gate in a commit of its own, which its owners approve.",
)
def test_a_change_does_not_loosen_its_own_gate(comparisons: Facts[Comparison], changes: Facts[GateChange]):
    for change in changes:
        if not change.tightens:
            yield change.finding(f"{change.name}: {change.before or 'absent'} became {change.after or 'absent'}")
