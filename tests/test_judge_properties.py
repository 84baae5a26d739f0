"""The rules of strictreal/judge.py, as properties of any facts."""

from __future__ import annotations

from collections.abc import Iterable

from demos import CHECKS, CLEAN, DIRTY, NO_SETTINGS, NOW, access, case, count, fingerprint, gap, judged, module, waiver
from hypothesis import given
from hypothesis import strategies as st

from strictreal.facts.code import EnvAccess, Module
from strictreal.model import Demand, Fact, Gap, Inventory, Outcome, RunTime, Waiver

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
