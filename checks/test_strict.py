"""Strict mode: nothing in the subject turns it off."""

from strictreal.check import check
from strictreal.facts.code import StrictEvasion
from strictreal.facts.patterns import StrictMatch, of_check
from strictreal.model import Facts


@check(
    "strict.evaded",
    proves="Nothing sets the variable of strict mode to a false value, defaults it to one, or deletes it.",
    remedy="Set it to 1, or leave it to whoever runs the program; mend what fails in strict mode.",
)
def test_strict_mode_is_not_turned_off(evasions: Facts[StrictEvasion], matches: Facts[StrictMatch]):
    for evasion in evasions:
        if evasion.action == "delete":
            yield evasion.finding("the variable of strict mode is deleted")
        else:
            done = "is set" if evasion.action == "set" else "defaults"
            yield evasion.finding(f"the variable of strict mode {done} to {evasion.value!r}, which turns it off")
    for match in of_check(matches, "strict.evaded", beside=evasions):
        yield match.finding(match.message)
