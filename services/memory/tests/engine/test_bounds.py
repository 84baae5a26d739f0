"""No bound leaves out a row that it should not: searches with thresholds that single rows reach exactly."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sfm.engine import merging, quantized
from sfm.engine.directory import plan
from sfm.engine.scoring import Parameters
from sfm.engine.search import Question, search
from sfm.engine.slab import Slab
from sfm.engine.space import ALIVE, Space
from sfm.engine.vectors import unit_query

NOW = 1000.0
some = st.builds(
    Parameters,
    st.sampled_from([0.0, 0.5, 1.0, 3.0]),
    st.sampled_from([0.02, 1.0, 1.0, 2.5]),
    st.sampled_from([math.inf, 3.0, 200.0]),
)
weights = st.one_of(st.none(), st.sampled_from([(0.0, 0.3), (0.5, 0.5), (1.0, 0.0)]))


def varied(seed: int, n: int, d: int, p: Parameters, dtype: type = np.float32) -> Space:
    """Different vectors near one direction, importances and times of all sizes, several segments, some rows dead."""
    rng = np.random.default_rng(seed)
    space = Space(d, p, channels=2, dtype=dtype)
    centre = rng.standard_normal(d)
    for start in range(0, n, 23):
        count = min(23, n - start)
        vectors = centre * rng.choice([0.0, 1.0, 4.0]) + rng.standard_normal((count, d)) ** rng.choice([1, 3])
        space.put(
            [f"{x:04}" for x in range(start, start + count)],
            vectors,
            rng.random(count) ** 3,
            rng.uniform(0, 1.2 * NOW, count),
            features=rng.random((count, 2)),
        )
        space.delete(f"{rng.integers(0, start + count):04}")
        if rng.random() < 0.7:
            space.maintain()
    return space


def everything(space: Space, query: np.ndarray, p: Parameters, now: float, channel_weights) -> list[tuple[str, float]]:
    """All memories of score > 0, scored at once by the exact function, sorted."""
    snapshot = space.snapshot
    rows = snapshot.live_rows()
    scores = snapshot.score(rows, unit_query(query, space.d), p, now, channel_weights)
    found = sorted((-s, snapshot.ids[row]) for s, row in zip(scores.tolist(), rows.tolist(), strict=True) if s > 0.0)
    return [(id, -score) for score, id in found]


@settings(max_examples=80, deadline=None)
@given(
    st.integers(0, 2**32),
    st.sampled_from([2, 24, 300]),
    some,
    st.one_of(st.none(), some),
    weights,
    st.sampled_from([NOW, NOW / 2, 2 * NOW]),
    st.sampled_from([np.float32, np.float16]),
)
def test_a_row_whose_score_is_the_threshold_is_found(seed, d, own, other, channel_weights, now, dtype):
    space = varied(seed, 200, d, own, dtype)
    p = other or own
    query = np.random.default_rng(seed + 1).standard_normal(d)
    truth = everything(space, query, p, now, channel_weights)
    options = {"now": now, "channel_weights": channel_weights}
    for at in range(0, len(truth), 5):
        score = truth[at][1]
        if score <= 1.0:
            expected = [hit for hit in truth if hit[1] >= score]
            assert space.search(query, len(truth), p, min_score=score, **options) == expected
        assert space.search(query, at + 1, p, **options) == truth[: at + 1]
        assert space.search(query, at + 1, p, keep=lambda _: True, **options) == truth[: at + 1]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), some, some, weights, st.sampled_from([NOW, NOW / 2, -1.0]))
def test_no_row_weighs_more_than_the_bound_of_its_block(seed, own, other, channel_weights, now):
    space = varied(seed, 150, 3, own)
    for p in (own, other):
        directory = space.snapshot.directory
        found = plan(directory, p, now, channel_weights)
        bound = np.zeros(len(directory.start))
        bound[found.block] = found.bound
        assert (np.diff(found.bound) <= 0.0).all()
        for number, (at, start) in enumerate(zip(directory.segment, directory.start, strict=True)):
            segment, part = directory.segments[at], slice(start, start + 4)
            i, created, f = segment.importance[part], segment.created[part], segment.features[part].astype(float)
            weight = i**p.alpha * np.exp2(-np.maximum(now - created, 0.0) / p.tau) * (created <= now)
            for j, w in enumerate(channel_weights or ()):
                weight = weight * f[:, j] ** w
            assert (weight <= bound[number]).all()


@given(
    st.integers(0, 2**32), st.integers(1, 400), st.sampled_from([1, 3, 9]), st.sampled_from([np.float32, np.float16])
)
def test_the_int8_error_bound_holds(seed, d, power, dtype):
    rng = np.random.default_rng(seed)
    rows = rng.standard_normal((50, d)) ** power + 1e-9
    rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(dtype)
    query = unit_query(rng.standard_normal(d) ** power + 1e-9, d)
    code, codes = quantized.quantize_query(query), quantized.quantize(rows)
    products = quantized.multiply([code], codes.values)
    together = quantized.multiply([code, quantized.quantize_query(-query), code], codes.values)
    assert (together.astype(np.float32) == products * [[1], [-1], [1]]).all()
    about = products[0].astype(np.float64) * codes.scale * code.scale
    exact = rows.astype(np.float64) @ query
    slack = codes.error * code.norm + code.error
    assert (np.abs(exact - about) <= slack).all()
    assert slack.max() < 0.02 * np.sqrt(d) + 0.02  # a bound that lets everything through would prove nothing


def test_an_order_that_rounding_has_spoilt_loses_no_row():
    """Times of 10¹⁹ s leave no digits for the seconds between the others; blocks must be bounded all the same."""
    space = Space(2, Parameters(tau=1e-3))
    created = np.array([1e19] * 8 + [0.0, 1.0, 2.0, NOW] * 2)
    space.put([f"{at:02}" for at in range(16)], np.ones((16, 2)), np.ones(16), created)
    assert len(space.snapshot.directory.segments) == 1
    assert space.search(np.ones(2), 5, now=NOW) == [("11", pytest.approx(1.0)), ("15", pytest.approx(1.0))]


@given(st.integers(0, 2**32))
@example(1521)
@settings(max_examples=40, deadline=None)
def test_what_is_written_during_a_compaction_is_kept(seed):
    """The two halves of a compaction, with writes of all kinds between them."""
    space = varied(seed, 120, 3, Parameters(tau=200.0))
    rng = np.random.default_rng(seed)
    p = Parameters(0.5, 1.0, 50.0)
    old = space.snapshot
    built = merging.compact(old, Slab(space._layout()), p)
    for id in rng.integers(0, 120, 15):
        space.delete(f"{id:04}")
    for _ in range(int(rng.integers(0, 5))):
        ids = [f"{x:04}" for x in rng.integers(0, 150, 7)]
        n = len(ids)
        space.put(ids, rng.standard_normal((n, 3)), rng.random(n), rng.uniform(0, NOW, n), features=rng.random((n, 2)))
    space.touch(["0003", "0007"], 5 * NOW)
    slab, row, snapshot = merging.finish(built, space.snapshot, p, ALIVE)
    expected = {space.snapshot.ids[at]: at for at in space.snapshot.live_rows().tolist()}
    assert row.keys() == expected.keys()
    assert snapshot.dead == snapshot.rows - len(row)
    for name in slab.layout:
        assert (slab[name][[row[id] for id in expected]] == space.snapshot.columns[name][list(expected.values())]).all()
    query = rng.standard_normal(3)
    unit = unit_query(query, 3)
    for asked in (p, Parameters()):
        assert search([Question(snapshot, unit, 200, asked, NOW)])[0] == space.search(query, 200, asked, NOW)
