"""The mathematics of the score, against 50-digit arithmetic."""

from __future__ import annotations

import math

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sfm.engine import scoring
from sfm.engine.errors import InvalidValue, InvalidVector
from sfm.engine.scoring import Parameters
from sfm.engine.space import Space
from sfm.engine.vectors import unit, unit_query

from .reference import exact_product, exact_score

unit_interval = st.floats(0.0, 1.0)
components = st.floats(-(2.0**100), 2.0**100, width=32)
alphas = st.sampled_from([0.0, 0.5, 1.0, 2.0, 7.3, 100.0])
betas = st.sampled_from([0.001, 0.5, 1.0, 1.5, 2.0, 40.0])
taus = st.one_of(st.just(math.inf), st.floats(1e-3, 1e12))


@given(hnp.arrays(np.float32, st.tuples(st.integers(1, 5), st.just(7)), elements=components))
def test_norm_invariant(vectors):
    """Every stored row has length 1 to the precision of float32, whatever its length was."""
    if not np.abs(vectors).max(axis=1).all():
        with pytest.raises(InvalidVector):
            unit(vectors, len(vectors), 7, np.dtype(np.float32))
        return
    rows, error = unit(vectors, len(vectors), 7, np.dtype(np.float32))
    for row in rows:
        norm = mpmath.sqrt(mpmath.fsum(mpmath.mpf(float(x)) ** 2 for x in row))
        assert abs(norm - 1) <= 2.0**-23
    assert error <= 2.0**-23
    again, _ = unit(rows, len(rows), 7, np.dtype(np.float32))
    assert (again == rows).all()


@given(st.lists(st.floats(-1.0, 1.0), min_size=2, max_size=8), betas)
def test_similarity_monotonicity(dots, beta):
    """Of equal memories the one whose vector is nearer to the query never scores less."""
    found = scoring.similarity(np.sort(np.array(dots)), beta)
    assert (np.diff(found) >= -4 * np.spacing(found[1:])).all()
    clamped = [min(max(mpmath.mpf(d), 0), 1) for d in sorted(dots)]
    assert [float(x) for x in found] == pytest.approx([float(c**beta) for c in clamped], rel=1e-12, abs=1e-300)


@given(st.floats(-1.0, 0.0), betas, unit_interval)
def test_zero_similarity_clamp(dot, beta, i):
    """A memory that points away from the query scores exactly 0, and is never a hit."""
    assert scoring.explain(dot, i, 0.0, Parameters(1.0, beta), np.empty(0), None).score == 0.0
    space = Space(2)
    space.put(["away"], np.array([[dot, math.sqrt(1 - dot * dot)]]), np.array([i]), np.array([0.0]))
    assert space.search(np.array([1.0, 0.0]), 1, now=1.0) == []


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e3), st.floats(-1e3, 1e3))
def test_importance_present(raw, k, c):
    """Normalised importance is the logistic function of the raw one, and lies in [0, 1]."""
    found = float(scoring.importance(np.array([raw]), k, c)[0])
    assert 0.0 <= found <= 1.0
    z = -mpmath.mpf(k) * (mpmath.mpf(raw) - mpmath.mpf(c))
    exact = 1 / (1 + mpmath.exp(z))
    rounding = 1e-15 * (1 + abs(float(z)) + k * (abs(raw) + abs(c)))  # of the argument, which the exponential passes on
    assert abs(found - exact) <= exact * min(1.0, math.expm1(min(rounding, 1.0)) + 1e-15) + 1e-320


@given(st.floats(1e-6, 1e12), st.floats(0.0, 50.0), unit_interval)
def test_half_life_halving(tau, lives, i):
    """After each half-life the score is half of what it was, to the precision of the quotient age/τ."""
    p = Parameters(1.0, 1.0, tau)
    before = scoring.explain(0.5, i, lives * tau, p, np.empty(0), None)
    after = scoring.explain(0.5, i, (lives + 1.0) * tau, p, np.empty(0), None)
    assert after.score == pytest.approx(before.score / 2, rel=1e-13, abs=1e-320)
    assert after.log_score == pytest.approx(before.log_score - math.log(2), abs=1e-12) or i == 0.0
    assert scoring.decay(np.array([tau]), tau)[0] == 0.5


@given(
    hnp.arrays(np.float64, 6, elements=st.floats(-1.0, 1.0)),
    hnp.arrays(np.float64, 6, elements=st.floats(-1.0, 1.0)),
    unit_interval,
    st.floats(0.0, 1e9),
    st.builds(Parameters, alphas, betas, taus),
    st.lists(st.tuples(unit_interval, st.floats(0.0, 0.3)), max_size=3),
)
def test_the_score_is_the_exact_product_of_its_factors_rounded_once(v, q, i, age, p, channels):
    if np.abs(v).max() < 1e-3 or np.abs(q).max() < 1e-3:
        return
    rows, _ = unit(v[None], 1, 6, np.dtype(np.float32))
    query = unit_query(q, 6)
    dot = float(scoring.dots(rows, query)[0])
    features, weights = np.array([f for f, _ in channels]), [w for _, w in channels]
    found = scoring.explain(dot, i, age, p, features, weights)
    factors = (found.similarity, found.importance, found.decay, *found.features)
    assert all(0.0 <= f <= 1.0 for f in (*factors, found.score))
    product = exact_product(factors)
    assert abs(mpmath.mpf(found.score) - product) <= mpmath.mpf(2 * float(np.spacing(found.score)))
    exact = exact_score(rows[0], query, i, age, p, features, weights)
    lost = 1e-15 * (
        1 + p.beta / max(abs(dot), 1e-9) + age / p.tau
    )  # rounding of q·v and age/τ, passed on by the powers
    assert abs(mpmath.mpf(found.score) - exact) <= exact * lost * 4 + mpmath.mpf(1e-300) or abs(dot) < 1e-9


@given(st.lists(st.tuples(unit_interval, unit_interval, unit_interval, unit_interval), min_size=1, max_size=40))
def test_a_product_is_within_one_ulp_of_the_exact_one_and_two_when_subnormal(rows):
    factors = [np.array(column) for column in zip(*rows, strict=True)]
    for at, found in enumerate(scoring.product(factors)):
        exact = exact_product([float(f[at]) for f in factors])
        ulps = 1 if found > 1e-250 else 2
        assert abs(mpmath.mpf(float(found)) - exact) <= ulps * mpmath.mpf(float(np.spacing(found)))


def test_a_product_of_many_factors_does_not_gather_rounding_errors():
    rng = np.random.default_rng(1)
    factors = list(rng.uniform(0.5, 1.0, (12, 200)))
    for at, found in enumerate(scoring.product(factors)):
        exact = exact_product([float(f[at]) for f in factors])
        assert abs(mpmath.mpf(float(found)) - exact) <= mpmath.mpf(0.501 * float(np.spacing(found)))


@given(st.integers(1, 40), st.integers(0, 39), st.integers(1, 300), st.builds(Parameters, alphas, betas, taus))
def test_equal_rows_score_equal_whatever_is_beside_them(n, at, d, p):
    """All arithmetic is by element or by row: the position in an array, or its length, changes no bit."""
    rng = np.random.default_rng(n * 1000 + d)
    rows = rng.standard_normal((n, d)).astype(np.float32)
    rows /= np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-6)
    i, age, query = rng.random(n), rng.random(n) * 1e6, unit_query(rng.standard_normal(d), d)
    at %= n

    def scores(part: slice) -> np.ndarray:
        factors = [scoring.similarity(np.abs(scoring.dots(rows[part], query)), p.beta)]
        return scoring.product(factors + scoring.weights(i[part], age[part], p))

    assert scores(slice(0, n))[at] == scores(slice(at, at + 1))[0]


@pytest.mark.parametrize(
    ("field", "p", "weights"),
    [
        ("alpha", Parameters(-1.0), None),
        ("alpha", Parameters(math.nan), None),
        ("alpha", Parameters(math.inf), None),
        ("beta", Parameters(1.0, 0.0), None),
        ("beta", Parameters(1.0, math.nan), None),
        ("tau", Parameters(1.0, 1.0, 0.0), None),
        ("tau", Parameters(1.0, 1.0, -1.0), None),
        ("tau", Parameters(1.0, 1.0, math.nan), None),
        ("tau", Parameters(1.0, 1.0, 1e-30), None),
        ("weights", Parameters(), [0.5]),
        ("weights", Parameters(), [0.6, 0.6]),
        ("weights", Parameters(), [-0.1, 0.6]),
        ("weights", Parameters(), [math.nan, 0.6]),
    ],
)
def test_parameters_out_of_range_are_refused_by_name(field, p, weights):
    with pytest.raises(InvalidValue) as caught:
        scoring.check(p, weights, 2)
    assert caught.value.field == field
