"""The score of a memory, factor by factor (SFM roadmap v2.1, section 3).

    score = max(0, q·v)^β · i^α · 2^(−Δt/τ) · Π f_j^w_j        every factor, and so the score, lies in [0, 1]
    i     = 1 / (1 + exp(−k (r − c)))

All functions take and give float64, element by element: what is beside a value never changes what comes out for it. The
product is rounded once (see `product`), so it lies within 1 ulp of the exact product of the float64 factors, in any
order.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sfm.engine.errors import InvalidValue

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]
LN2 = math.log(2.0)
LARGEST_ALPHA = 100.0
SMALLEST_BETA, LARGEST_BETA = 1e-3, 1e3
SHORTEST_TAU = 1e-6
"""Half-lives below a microsecond are refused: the arithmetic of ages stays far from overflow."""
WEIGHTS_SLACK = 1e-12
"""What Σw may exceed 1 by: decimal weights such as ten times 0.1 do not add up to 1 exactly."""
EPSILON = 1e-12
"""Added to the similarity in the log form, which is then finite when the similarity is 0."""
_SPLIT = 2.0**27 + 1.0
_TINY = 2.0**-900
"""Products below this have no exact error term; they are rounded at each step."""


class Parameters(NamedTuple):
    """The free parameters of a score.

    Attributes:
        alpha: exponent of the importance, in [0, 100]; 0 leaves importance out.
        beta: exponent of the similarity, in [0.001, 1000].
        tau: half-life in seconds, at least 1e-6; infinity switches decay off.
    """

    alpha: float = 1.0
    beta: float = 1.0
    tau: float = math.inf


def check(p: Parameters, weights: Sequence[float] | None = None, channels: int = 0) -> None:
    """Raise InvalidValue, naming the field, unless parameters and feature weights are in range."""
    if not 0.0 <= p.alpha <= LARGEST_ALPHA:
        raise InvalidValue("alpha", f"must lie in [0, {LARGEST_ALPHA}], not {p.alpha}")
    if not SMALLEST_BETA <= p.beta <= LARGEST_BETA:
        raise InvalidValue("beta", f"must lie in [{SMALLEST_BETA}, {LARGEST_BETA}], not {p.beta}")
    if not p.tau >= SHORTEST_TAU:
        raise InvalidValue("tau", f"must be at least {SHORTEST_TAU} seconds, or infinity, not {p.tau}")
    if weights is None:
        return
    if len(weights) != channels:
        raise InvalidValue("weights", f"must be {channels} numbers, one a feature channel, not {len(weights)}")
    if not all(0.0 <= w <= 1.0 for w in weights) or sum(weights) > 1.0 + WEIGHTS_SLACK:
        raise InvalidValue("weights", "must be ≥ 0 and add up to at most 1")


def importance(raw: Floats, k: float, c: float) -> Floats:
    """Logistic importance in [0, 1] of raw importance, with slope `k` > 0 around centre `c`; never overflows."""
    z = k * (np.asarray(raw, np.float64) - c)
    small = np.exp(-np.abs(z))
    found: Floats = np.where(z >= 0, 1.0 / (1.0 + small), small / (1.0 + small))
    return found


def similarity(dots: Floats, beta: float) -> Floats:
    """max(0, q·v)^β in [0, 1]; rounding above 1 is cut off."""
    clamped: Floats = np.clip(np.asarray(dots, np.float64), 0.0, 1.0)
    return clamped if beta == 1.0 else np.power(clamped, beta)


def emphasis(i: Floats, alpha: float) -> Floats:
    """i^α in [0, 1]; 0^0 is 1."""
    return i if alpha == 1.0 else np.power(i, alpha)


def decay(age: Floats, tau: float) -> Floats:
    """2^(−age/τ) in [0, 1] for ages in seconds, negative ones taken as 0; 1 everywhere when τ is infinite."""
    with np.errstate(over="ignore"):  # an age of 1e300 half-lives is infinitely many: 2^−∞ = 0
        return np.exp2(np.minimum(-np.asarray(age, np.float64) / tau, 0.0))


def channel(values: Floats, weight: float) -> Floats:
    """f^w in [0, 1] of one feature channel; 0^0 is 1."""
    return np.power(np.asarray(values, np.float64), weight)


def product(factors: Sequence[Floats]) -> Floats:
    """Π of arrays of equal shape with values in [0, 1], as if multiplied exactly and rounded once.

    The rounding error of each multiplication is computed exactly (Dekker 1971, by Veltkamp's splitting) and carried
    along, so the result is within 1 ulp of the exact product; subnormal results within 2. No overflow: all values are
    ≤ 1.
    """
    total = factors[0]
    error: Floats | None = None
    for factor in factors[1:]:
        found = total * factor
        high, other = _high(total), _high(factor)
        low, rest = total - high, factor - other
        term = ((high * other - found) + high * rest + low * other) + low * rest
        term = np.where(found > _TINY, term, 0.0)
        error = term if error is None else error * factor + term
        total = found
    if error is None:
        return total
    bounded: Floats = np.minimum(total + error, 1.0)
    return bounded


def _high(values: Floats) -> Floats:
    scaled = values * _SPLIT
    high: Floats = scaled - (scaled - values)
    return high


def dots(rows: NDArray[Any], query: Floats) -> Floats:
    """The inner product of each row with the query, in float64.

    Each row is summed by itself (numpy's pairwise summation), so a row's score does not depend on the rows beside it:
    equal rows score equal to the last bit, and a search over a few rows agrees with one over all. A BLAS product
    would not.

    Args:
        rows: shape (n, d), float32 or float16.
        query: shape (d,).
    """
    found: Floats = np.multiply(rows, query, dtype=np.float64).sum(axis=1)
    return found


def weights(i: Floats, age: Floats, p: Parameters) -> list[Floats]:
    """The factors that do not depend on the query vector: i^α, and 2^(−Δt/τ) when τ is finite."""
    found = [emphasis(i, p.alpha)]
    if not math.isinf(p.tau):
        found.append(decay(age, p.tau))
    return found


class Factors(NamedTuple):
    """Every factor of one memory's score.

    Attributes:
        dot: q·v before clamping.
        similarity: max(0, q·v)^β.
        importance: i^α.
        decay: 2^(−Δt/τ).
        features: f_j^w_j of each channel; empty when the query weighs none.
        score: their product, within 1 ulp of the exact one and bit for bit what a search says.
        log_score: β·log(max(0, q·v) + ε) + α·log i − (ln2/τ)·Δt + Σ w_j·log f_j; −∞ when another factor is 0.
    """

    dot: float
    similarity: float
    importance: float
    decay: float
    features: tuple[float, ...]
    score: float
    log_score: float


def explain(
    dot: float, i: float, age: float, p: Parameters, features: Floats, channel_weights: Sequence[float] | None
) -> Factors:
    """The factors of one memory, computed by the same functions as a search.

    Args:
        dot: q·v, from `dots`.
        i: normalised importance in [0, 1].
        age: seconds since its creation.
        p: α, β, τ.
        features: its channels, shape (m,).
        channel_weights: w_j, or None to leave features out.
    """
    used = () if channel_weights is None else tuple(zip(features, channel_weights, strict=True))
    parts = [similarity(np.array([dot]), p.beta), emphasis(np.array([i]), p.alpha), decay(np.array([age]), p.tau)]
    channels = [channel(np.array([f]), w) for f, w in used]
    log_score = p.beta * math.log(max(0.0, min(dot, 1.0)) + EPSILON) - LN2 * max(age, 0.0) / p.tau
    log_score += sum(w * _log(float(v)) for v, w in ((i, p.alpha), *used) if w)
    return Factors(
        dot,
        float(parts[0][0]),
        float(parts[1][0]),
        float(parts[2][0]),
        tuple(float(part[0]) for part in channels),
        float(product(parts + channels)[0]),
        log_score,
    )


def _log(value: float) -> float:
    return math.log(value) if value > 0.0 else -math.inf
