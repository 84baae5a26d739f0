"""The subject's own tests: each of them can fail."""

from strictreal.check import check
from strictreal.facts.code import Module, TestExclusion, TestFunction
from strictreal.facts.patterns import TestMatch, of_check
from strictreal.facts.unread import UnreadPart, UnreadTests
from strictreal.model import Facts

RUN = "Let every test run; skip one under the condition in which it cannot, or mend it."


@check(
    "tests.vacuous",
    proves="Every test of the subject has an assertion that can fail, on a path that runs.",
    remedy="Assert what the code should have done; break the code once and see the test fail.",
)
def test_every_test_can_fail(
    tests: Facts[TestFunction],
    exclusions: Facts[TestExclusion],
    matches: Facts[TestMatch],
    modules: Facts[Module],
    unread: Facts[UnreadTests],
    parts: Facts[UnreadPart],
):
    for test in tests:
        if test.weakness:
            yield test.finding(f"{test.name} {test.weakness}")
    for exclusion in exclusions:
        what = f" {exclusion.what}" if exclusion.what else ""
        yield exclusion.finding(f"{exclusion.how}{what} keeps tests from running in every run", remedy=RUN)
    for match in of_check(matches, "tests.vacuous"):
        yield match.finding(match.message)
