"""A search gives what scoring every memory by itself gives: the same ids, order and scores, to the last bit."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sfm.engine import top
from sfm.engine.errors import EngineError
from sfm.engine.scoring import Parameters
from sfm.engine.search import Question, search
from sfm.engine.space import Space
from sfm.engine.vectors import unit_query

from .reference import by_one

NOW = 1e6
parameters = st.builds(
    Parameters,
    st.sampled_from([0.0, 0.3, 1.0, 2.0, 90.0]),
    st.sampled_from([0.01, 0.5, 1.0, 3.0, 200.0]),
    st.sampled_from([math.inf, 1e-6, 1.0, 900.0, 1e4, 1e6, 1e15]),
)
importances = st.sampled_from([0.0, 5e-324, 1e-310, 1e-200, 1e-12, 0.1, 0.5, 0.5, 0.9, 1.0 - 2**-53, 1.0])
times = st.one_of(
    st.sampled_from([0.0, NOW, NOW + 1.0, NOW * 2, -1e19, 1e19, NOW - 1.0, NOW - 1e-9]), st.floats(0.0, 2 * NOW)
)


@st.composite
def spaces(draw, channels: int = 0):
    """A space after batches of inserts with many equal vectors, replacements, deletions and merges."""
    d = draw(st.sampled_from([1, 3, 16]))
    own = draw(parameters)
    made = Space(d, own, channels=channels, dtype=draw(st.sampled_from([np.float32, np.float16])))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    pool = rng.standard_normal((6, d))
    pool[0] = 0.0
    pool[0, 0] = 1.0
    pool[1] = -pool[0]
    pool[2] = pool[3] + 1e-7 * rng.standard_normal(d)
    ids = st.integers(0, 60).map(str)
    for _ in range(draw(st.integers(1, 6))):
        rows = draw(st.lists(st.tuples(ids, st.integers(0, 5), importances, times), max_size=20))
        made.put(
            [r[0] for r in rows],
            pool[[r[1] for r in rows]] if rows else np.empty((0, d)),
            np.array([r[2] for r in rows]),
            np.array([r[3] for r in rows]),
            features=rng.choice([0.0, 1e-30, 0.5, 1.0], (len(rows), channels)),
        )
        for id in draw(st.lists(ids, max_size=3)):
            made.delete(id)
        if draw(st.booleans()):
            made.maintain()
    if draw(st.integers(0, 9)) == 0:
        made.compact(draw(parameters))
    query = pool[draw(st.integers(0, 5))] + draw(st.sampled_from([0.0, 1e-9, 0.3])) * rng.standard_normal(d)
    return made, query


@settings(max_examples=300, deadline=None)
@given(spaces(), st.integers(1, 70), st.one_of(st.none(), parameters), st.sampled_from([NOW, 0.0, 3 * NOW, NOW / 2]))
def test_a_search_finds_what_scoring_every_memory_finds(made, k, p, now):
    found, query = made
    p = p or found.p
    ids = [str(n) for n in range(61) if str(n) in found]
    assert found.search(query, k, p, now) == by_one(found, ids, query, k, p, now)


@settings(max_examples=150, deadline=None)
@given(
    spaces(channels=2),
    st.integers(1, 10),
    parameters,
    st.sampled_from([(0.0, 0.0), (1.0, 0.0), (0.2, 0.7)]),
    st.sampled_from([0.0, 1e-300, 0.1, 1.0]),
    st.booleans(),
)
def test_feature_channels_filters_and_a_least_score_change_nothing_about_exactness(
    made, k, p, weights, min_score, filtered
):
    found, query = made
    keep = (lambda name: int(name) % 3 == 0) if filtered else None
    ids = [str(n) for n in range(61) if str(n) in found]
    options = {"keep": keep, "channel_weights": weights, "min_score": min_score}
    assert found.search(query, k, p, NOW, **options) == by_one(found, ids, query, k, p, NOW, **options)


@settings(max_examples=60, deadline=None)
@given(spaces())
def test_a_snapshot_answers_the_same_after_later_writes(made):
    found, query = made
    before = found.snapshot
    vector = query / np.abs(query).max()
    unit = vector / np.sqrt((vector * vector).sum())
    answer = search([Question(before, unit, 9, found.p, NOW)])
    everything = [str(n) for n in range(61)]
    found.put(everything, np.ones((61, found.d)), np.ones(61), np.zeros(61))
    for id in everything[:40]:
        found.delete(id)
    found.compact()
    assert search([Question(before, unit, 9, found.p, NOW)]) == answer


questions = st.tuples(
    st.integers(1, 70),
    st.one_of(st.none(), parameters),
    st.sampled_from([NOW, 0.0, 3 * NOW]),
    st.sampled_from([0.0, 0.1, 1.0]),
    st.booleans(),
    st.integers(0, 2**32),
)


@settings(max_examples=300, deadline=None)
@given(spaces(), st.lists(questions, min_size=2, max_size=9), st.integers(0, 9))
def test_questions_that_are_put_together_are_answered_as_if_each_was_alone(made, asked, split):
    found, query = made
    put = []
    for number, (k, p, now, least, filtered, seed) in enumerate(asked):
        if number == split:  # later ones see another state
            found.put(["0", "later"], np.ones((2, found.d)), np.ones(2), np.zeros(2))
        unit = unit_query(query + 0.1 * np.random.default_rng(seed).standard_normal(found.d), found.d)
        keep = (lambda name: len(name) == 1) if filtered else None
        put.append(Question(found.snapshot, unit, k, p or found.p, now, keep, None, least))
    assert search(put) == [search([question])[0] for question in put]


def test_equal_scores_stand_in_the_order_of_ids():
    made = Space(4)
    ids = [f"{n:03}" for n in np.random.default_rng(1).permutation(300)]
    made.put(ids, np.ones((300, 4)), np.full(300, 0.5), np.zeros(300))
    assert [hit.id for hit in made.search(np.ones(4), 7, now=1.0)] == [f"{n:03}" for n in range(7)]


def test_memories_created_later_are_not_seen():
    made = Space(2, Parameters(tau=10.0))
    made.put(["old", "new"], np.eye(2) + 1.0, np.ones(2), np.array([0.0, 100.0]))
    assert [hit.id for hit in made.search(np.ones(2), 5, now=50.0)] == ["old"]
    assert [hit.id for hit in made.search(np.ones(2), 5, now=100.0)] == ["new", "old"]


BAD = [
    ("vector", {"vectors": np.zeros((1, 2))}),
    ("vector", {"vectors": np.array([[np.nan, 1.0]])}),
    ("vector", {"vectors": np.array([[np.inf, 1.0]])}),
    ("vector", {"vectors": np.ones((1, 3))}),
    ("importance", {"importance": np.array([1.5])}),
    ("importance", {"importance": np.array([-0.1])}),
    ("importance", {"importance": np.array([np.nan])}),
    ("importance", {"importance": np.ones(2)}),
    ("created", {"created": np.array([np.inf])}),
    ("created", {"created": np.array([np.nan])}),
    ("features", {"features": np.array([[2.0]])}),
    ("accesses", {"accesses": np.array([-1])}),
]


@pytest.mark.parametrize(("field", "change"), BAD)
def test_a_bad_memory_is_refused_by_field_and_changes_nothing(field, change):
    made = Space(2, channels=1)
    made.put(["there"], np.ones((1, 2)), np.ones(1), np.zeros(1))
    before = made.snapshot
    good = {"vectors": np.ones((1, 2)), "importance": np.ones(1), "created": np.zeros(1), "features": np.ones((1, 1))}
    with pytest.raises(EngineError) as caught:
        made.put(["there"], **{**good, **change})
    assert caught.value.field == field
    assert made.snapshot is before


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("query", {"query": np.zeros(2)}),
        ("query", {"query": np.array([np.nan, 0.0])}),
        ("query", {"query": np.ones(3)}),
        ("k", {"k": 0}),
        ("now", {"now": math.nan}),
        ("now", {"now": math.inf, "p": Parameters(tau=1.0)}),
        ("min_score", {"min_score": 1.1}),
        ("min_score", {"min_score": math.nan}),
        ("tau", {"p": Parameters(tau=0.0)}),
        ("weights", {"channel_weights": [1.0]}),
    ],
)
def test_a_bad_query_is_refused_by_field(field, change):
    made = Space(2)
    with pytest.raises(EngineError) as caught:
        made.search(**{"query": np.ones(2), "k": 1, "now": 0.0, **change})
    assert caught.value.field == field


def test_an_insert_that_may_not_replace_refuses_known_ids():
    made = Space(1)
    made.put(["a"], np.ones((1, 1)), np.ones(1), np.zeros(1), replace=False)
    for ids in (["a"], ["b", "b"]):
        with pytest.raises(EngineError):
            made.put(ids, np.ones((len(ids), 1)), np.ones(len(ids)), np.zeros(len(ids)), replace=False)
    assert len(made) == 1


def test_the_best_are_kept_when_more_tie_than_fit():
    best = top.Top(2)
    best.offer(np.arange(6), np.array([0.5, 0.5, 0.0, 0.5, 0.5, 0.4]), "fedcba")
    assert best.hits() == [("b", 0.5), ("c", 0.5)]
