"""Options behind flags: retention, hot tier, float16 rows, approximate indexes and the gates."""

from __future__ import annotations

import math

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sfm.engine.approximate import GuardedIndex, HnswIndex, ProjectedIndex, UsearchIndex
from sfm.engine.errors import InvalidValue, RecallBelowGuard
from sfm.engine.gates import Observed, Thresholds, evaluate
from sfm.engine.projection import Projection, residual_penalty
from sfm.engine.retention import Retention, Standing, eviction_candidates, retention, standings
from sfm.engine.scoring import Parameters
from sfm.engine.space import Space
from sfm.engine.tier import HotTier

NOW = 1000.0
some = st.floats(0.0, 1.0)


def clustered(n: int, d: int, seed: int) -> np.ndarray:
    """Unit-free rows around a few centres, as embeddings are."""
    rng = np.random.default_rng(seed)
    return rng.standard_normal((20, d))[rng.integers(0, 20, n)] + 0.5 * rng.standard_normal((n, d))


def filled(n: int, d: int, seed: int, **options) -> Space:
    rng = np.random.default_rng(seed)
    made = Space(d, **options)
    made.put([f"m{at}" for at in range(n)], clustered(n, d, seed), rng.random(n), rng.uniform(0, NOW, n))
    while made.maintain():
        pass
    return made


@given(
    st.lists(st.tuples(some, st.floats(0.0, NOW), st.integers(0, 1000), some), min_size=1, max_size=12),
    st.builds(Retention, some, some, some, some, st.sampled_from([0.0, 1.0, 2.0]), st.floats(1.0, 1e6)),
)
def test_retention_ordering(memories, r):
    """R is the roadmap's formula, orders memories, and candidates for eviction are the least of them."""
    space = Space(2)
    n = len(memories)
    i, accessed, accesses, cost = (np.array(column, np.float64) for column in zip(*memories, strict=True))
    space.put([f"m{at}" for at in range(n)], np.ones((n, 2)), i, np.zeros(n), accessed=accessed, accesses=accesses)
    found = standings(space, NOW, r, cost)
    most = mpmath.log(1 + max(accesses))
    for standing in found:
        at = int(standing.id[1:])
        exact = r.importance * (mpmath.mpf(i[at]) ** r.alpha if r.alpha else 1)
        exact += r.recency * mpmath.power(2, -(NOW - mpmath.mpf(accessed[at])) / r.tau) - r.cost * mpmath.mpf(cost[at])
        exact += r.frequency * mpmath.log(1 + accesses[at]) / most if most else 0
        assert abs(standing.retention - exact) < 1e-13
    assert found == sorted(found, key=lambda standing: (-standing.retention, standing.id))
    for capacity in (0, 1, n):
        assert eviction_candidates(found, capacity) == found[capacity:][::-1]


def test_retention_does_not_touch_retrieval_or_memories():
    space = filled(200, 8, 1)
    before = space.search(np.ones(8), 10, now=NOW)
    memory = space.get("m3")
    standings(space, NOW, Retention())
    again = space.get("m3")
    assert (memory.vector == again.vector).all()
    assert (memory.importance, memory.created, memory.accesses) == (again.importance, again.created, again.accesses)
    assert space.search(np.ones(8), 10, now=NOW) == before


def test_an_access_raises_retention():
    space = filled(50, 4, 2)
    before = {s.id: s.retention for s in standings(space, NOW, Retention(tau=100.0))}
    assert space.touch(["m7", "unknown"], NOW) == 1
    after = {s.id: s.retention for s in standings(space, NOW, Retention(tau=100.0))}
    assert after["m7"] > before["m7"]
    assert space.get("m7").accesses == 1


def test_bad_retention_weights_are_refused():
    one = np.ones(1)
    for bad in (Retention(importance=-1.0), Retention(tau=0.0), Retention(tau=math.nan)):
        with pytest.raises(InvalidValue):
            retention(one, one, one, one, NOW, bad)


def test_the_hot_tier_is_bounded_and_counts_what_comes_and_goes():
    tier = HotTier(2)
    assert tier.refresh([Standing("a", 3.0), Standing("b", 2.0), Standing("c", 1.0)]) == ({"a", "b"}, set())
    assert tier.refresh([Standing("c", 3.0), Standing("a", 2.0), Standing("b", 1.0)]) == ({"c"}, {"b"})
    tier.observe(["a", "b", "c", "d"])
    assert tier.counts == (2, 4, 3, 1)
    assert tier.counts.hot_hit_ratio == 0.5
    with pytest.raises(InvalidValue):
        HotTier(0)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 1000))
def test_float16_recall(seed):
    """Half-precision rows find at least 99 % of what float32 rows find, and score within what 11 bits can say."""
    full, half = (filled(1500, 32, seed, dtype=dtype) for dtype in (np.float32, np.float16))
    assert half.snapshot.columns["vector"].nbytes * 2 == full.snapshot.columns["vector"].nbytes
    found = 0
    for query in clustered(20, 32, seed + 1):
        exact = {hit.id: hit.score for hit in full.search(query, 10, now=NOW)}
        rounded = {hit.id: hit.score for hit in half.search(query, 10, now=NOW)}
        common = exact.keys() & rounded.keys()
        found += len(common)
        assert all(abs(exact[id] - rounded[id]) < 2.0**-10 for id in common)
    assert found >= 0.99 * 200


@pytest.mark.parametrize("make", [UsearchIndex, HnswIndex])
def test_an_approximate_index_serves_only_above_its_guard(make):
    pytest.importorskip({UsearchIndex: "usearch", HnswIndex: "hnswlib"}[make])
    space = filled(2000, 16, 3)
    p, queries = Parameters(), list(clustered(20, 16, 4))
    vectors = space.snapshot.columns["vector"][space.snapshot.live_rows()]
    index = GuardedIndex(space.snapshot, make(vectors), guard=0.5)
    with pytest.raises(RecallBelowGuard):
        index.search(queries[0], 5, p, NOW)
    recall = index.measure(queries, 5, p, NOW)
    assert recall >= 0.5
    exact = dict(space.search(queries[0], 2000, p, NOW))
    assert all(hit.score == exact[hit.id] for hit in index.search(queries[0], 5, p, NOW))


def test_an_index_that_loses_too_much_is_refused():
    space = filled(1000, 32, 5)
    vectors = space.snapshot.columns["vector"][space.snapshot.live_rows()]
    index = GuardedIndex(space.snapshot, ProjectedIndex(vectors, Projection(32, 1, 1)), guard=0.99)
    assert index.measure(list(clustered(10, 32, 6)), 5, Parameters(), NOW) < 0.99
    with pytest.raises(RecallBelowGuard):
        index.search(np.ones(32), 5, Parameters(), NOW)


def test_the_residual_penalty_is_a_bounded_factor_that_falls_with_what_is_lost():
    rows = clustered(50, 16, 7)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    whole, part = Projection(16, 16, 1), Projection(16, 4, 1)
    assert np.abs(whole.residual(rows)).max() < 1e-6
    lost = part.residual(rows)
    assert ((lost > 0.0) & (lost <= 1.0)).all()
    penalty = residual_penalty(lost, 1.0)
    assert (np.diff(penalty[np.argsort(lost)]) <= 0.0).all()
    np.testing.assert_allclose(penalty, np.linalg.norm(part.apply(rows), axis=1), atol=1e-12)
    assert (residual_penalty(lost, 0.0) == 1.0).all()
    space = filled(300, 16, 8)
    vectors = space.snapshot.columns["vector"][space.snapshot.live_rows()]
    index = GuardedIndex(space.snapshot, ProjectedIndex(vectors, part), guard=0.01, penalty=1.0)
    index.measure(list(rows), 5, Parameters(), NOW)
    exact = dict(space.search(rows[0], 300, now=NOW))
    assert all(hit.score < exact[hit.id] for hit in index.search(rows[0], 5, Parameters(), NOW))


CALM = Observed(1000, 0.001, 0.5, 0.9, 0.0, 10, 100)


@pytest.mark.parametrize(
    ("holding", "observed"),
    [
        (set(), CALM),
        (set(), CALM._replace(total_vectors=300_000)),
        (set(), CALM._replace(recall_p95=0.03)),
        ({"G1"}, CALM._replace(total_vectors=300_000, recall_p95=0.03)),
        ({"G2"}, CALM._replace(importance_p50=0.01, importance_p99=0.99)),
        ({"G3"}, CALM._replace(tie_ratio=0.2)),
        ({"G4"}, CALM._replace(memory_bytes=90)),
        (set(), CALM._replace(memory_limit=0)),
        ({"G5"}, CALM._replace(approximate=True)),
        ({"G6"}, CALM._replace(aging_requested=True)),
    ],
)
def test_a_gate_holds_exactly_when_its_condition_does(holding, observed):
    gates = evaluate(observed, Thresholds())
    assert [gate.name for gate in gates] == ["G1", "G2", "G3", "G4", "G5", "G6"]
    assert {gate.name for gate in gates if gate.holds} == holding
    for gate in gates[1:4]:
        assert gate.holds == (gate.value > gate.threshold)
