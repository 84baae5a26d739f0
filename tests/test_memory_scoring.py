"""The 50-digit reference of the score, against mpmath."""

from __future__ import annotations

from decimal import Decimal

import mpmath
import pytest
from hypothesis import given
from hypothesis import strategies as st

from strictreal.facts import scoring

mpmath.mp.dps = 60
DOUBLE = st.floats(-1e6, 1e6)
SHARE = st.floats(0, 1)


def same(found: Decimal, wanted: mpmath.mpf) -> bool:
    return abs(mpmath.mpf(str(found)) - wanted) <= mpmath.mpf(10) ** -45 * max(1, abs(wanted))


@given(raw=st.floats(-700, 700), slope=st.floats(0.01, 10), centre=st.floats(-10, 10))
def test_importance_is_the_logistic_function(raw: float, slope: float, centre: float):
    wanted = 1 / (1 + mpmath.exp(-mpmath.mpf(slope) * (mpmath.mpf(raw) - mpmath.mpf(centre))))
    assert same(scoring.importance(Decimal(raw), Decimal(slope), Decimal(centre)), wanted)


@given(base=SHARE, exponent=st.floats(0, 16))
def test_a_power_is_a_power(base: float, exponent: float):
    wanted = mpmath.mpf(base) ** mpmath.mpf(exponent) if base or exponent else mpmath.mpf(1)
    assert same(scoring.power(Decimal(base), Decimal(exponent)), wanted)


@given(age=st.floats(0, 1e9), tau=st.floats(1e-3, 1e9))
def test_decay_halves(age: float, tau: float):
    wanted = mpmath.mpf(2) ** (-mpmath.mpf(age) / mpmath.mpf(tau))
    assert same(scoring.decay(Decimal(age), Decimal(tau)), wanted)
    assert scoring.decay(Decimal(age), Decimal("Infinity")) == 1


@given(query=st.lists(DOUBLE, min_size=3, max_size=3), vector=st.lists(DOUBLE, min_size=3, max_size=3))
def test_a_dot_product_normalises_the_query_alone(query: list[float], vector: list[float]):
    length = mpmath.sqrt(sum(mpmath.mpf(q) ** 2 for q in query))
    if not length:
        return
    wanted = sum(mpmath.mpf(q) * mpmath.mpf(v) for q, v in zip(query, vector, strict=True)) / length
    found = scoring.dot([Decimal(q) for q in query], [Decimal(v) for v in vector])
    assert abs(mpmath.mpf(str(found)) - wanted) <= mpmath.mpf(10) ** -40 * max(1, abs(wanted), *map(abs, vector))


@given(similarity=st.floats(-1, 1), i=SHARE, age=st.floats(0, 1e6), alpha=st.floats(0, 4), beta=st.floats(0.1, 4))
def test_a_score_is_the_product_of_its_factors_and_lies_between_0_and_1(
    similarity: float, i: float, age: float, alpha: float, beta: float
):
    parameters = {"alpha": Decimal(alpha), "beta": Decimal(beta), "tau_seconds": Decimal(3600)}
    found = scoring.score(Decimal(similarity), Decimal(i), Decimal(age), parameters, [Decimal("0.5")])
    near = mpmath.mpf(max(similarity, 0.0))
    wanted = near ** mpmath.mpf(beta) if near else mpmath.mpf(0)
    wanted *= mpmath.mpf(i) ** mpmath.mpf(alpha) if i or alpha else mpmath.mpf(1)
    wanted *= mpmath.mpf(2) ** (-mpmath.mpf(age) / 3600) / 2
    assert same(found, wanted)
    assert 0 <= found <= 1


@pytest.mark.parametrize(("count", "most", "wanted"), [(0, 0, "0.8"), (0, 3, "0.8"), (3, 3, "1.0")])
def test_retention_adds_importance_recency_and_frequency(count: int, most: int, wanted: str):
    gammas = [Decimal(g) for g in ("0.5", "0.3", "0.2", "0")]
    found = scoring.retention(gammas, Decimal(1), Decimal(0), Decimal(60), count, most)
    assert abs(found - Decimal(wanted)) < Decimal("1e-40")
