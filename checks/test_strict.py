"""Strict mode: nothing in the subject turns it off."""

from strictreal.check import check
from strictreal.facts.code import StrictEvasion
from strictreal.facts.patterns import StrictMatch, of_check
from strictreal.facts.unread import UnreadPlace
from strictreal.model import Facts

VERDICT = "Let the exit status of the audit end the job; waive what has to stay for a while."


@check(
    "strict.evaded",
    proves="Nothing turns strict mode off: no false value, no deletion, no audit whose exit status is thrown away.",
    remedy="Set it to 1, or leave it to whoever runs the program; mend what fails in strict mode.",
)
def test_strict_mode_is_not_turned_off(
    evasions: Facts[StrictEvasion], matches: Facts[StrictMatch], parts: Facts[UnreadPlace]
):
    for evasion in evasions:
        if evasion.action == "delete":
            yield evasion.finding("the variable of strict mode is deleted")
        elif evasion.action == "swallow":
            yield evasion.finding(f"the verdict of the audit is thrown away by {evasion.value}", remedy=VERDICT)
        else:
            done = "is set" if evasion.action == "set" else "defaults"
            yield evasion.finding(f"the variable of strict mode {done} to {evasion.value!r}, which turns it off")
    for match in of_check(matches, "strict.evaded", beside=evasions):
        yield match.finding(match.message)
