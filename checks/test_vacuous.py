"""The subject's own tests: each of them can fail."""

from strictreal.check import check
from strictreal.facts.code import Module, TestFunction
from strictreal.facts.patterns import TestMatch, of_check
from strictreal.model import Facts


@check(
    "tests.vacuous",
    proves="Every test of the subject has an assertion that can fail, on a path that runs.",
    remedy="Assert what the code should have done; break the code once and see the test fail.",
)
def test_every_test_can_fail(tests: Facts[TestFunction], matches: Facts[TestMatch], modules: Facts[Module]):
    for test in tests:
        if test.weakness:
            yield test.finding(f"{test.name} {test.weakness}")
    for match in of_check(matches, "tests.vacuous"):
        yield match.finding(match.message)
