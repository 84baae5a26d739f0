"""The score of a memory in 50-digit decimal arithmetic, written from the roadmap alone (SFM v2.1, sections 3 and 4).

    score = max(0, q·v)^β · i^α · 2^(−Δt/τ) · Π f_j^w_j
    i     = 1 / (1 + exp(−k (r − c)))
    R     = γ₁ i^α + γ₂ 2^(−(now − t_access)/τ_r) + γ₃ log(1 + c)/log(1 + C_max) − γ₄ cost

It shares no code with any service, so that it can judge one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Context, Decimal, localcontext

DIGITS = 50
_CONTEXT = Context(prec=DIGITS + 10, Emin=-(10**9), Emax=10**9)
_ZERO, _ONE = Decimal(0), Decimal(1)


def numbers(text: str) -> tuple[Decimal, ...]:
    """A vector as a transcript writes it, each component exactly the double that stands for it."""
    return tuple(Decimal(float(part)) for part in text.split())


def norm(vector: Sequence[Decimal]) -> Decimal:
    """Euclidean length."""
    with localcontext(_CONTEXT):
        return sum((x * x for x in vector), _ZERO).sqrt()


def dot(query: Sequence[Decimal], vector: Sequence[Decimal]) -> Decimal:
    """q·v of a query of any length, which is normalised here, and a vector as it is stored."""
    with localcontext(_CONTEXT):
        return sum((q * v for q, v in zip(query, vector, strict=True)), _ZERO) / norm(query)


def importance(raw: Decimal, slope: Decimal, centre: Decimal) -> Decimal:
    """Logistic importance in (0, 1)."""
    with localcontext(_CONTEXT):
        return _ONE / (_ONE + (-slope * (raw - centre)).exp())


def power(base: Decimal, exponent: Decimal) -> Decimal:
    """base^exponent for base ≥ 0; 0^0 is 1."""
    with localcontext(_CONTEXT):
        if not exponent:
            return _ONE
        return (base.ln() * exponent).exp() if base else _ZERO


def decay(age: Decimal, tau: Decimal) -> Decimal:
    """2^(−age/τ), both in seconds; 1 for infinite τ, and for what lies ahead."""
    with localcontext(_CONTEXT):
        return log_decay(age, tau).exp()


def log_decay(age: Decimal, tau: Decimal) -> Decimal:
    """The natural logarithm of `decay`."""
    if tau.is_infinite() or age <= 0:
        return _ZERO
    with localcontext(_CONTEXT):
        return -(age / tau) * Decimal(2).ln()


def score(
    similarity: Decimal, i: Decimal, age: Decimal, parameters: Mapping[str, Decimal], features: Sequence[Decimal] = ()
) -> Decimal:
    """The product of the factors; `parameters` has alpha, beta and tau_seconds, `features` are the powers f_j^w_j."""
    with localcontext(_CONTEXT):
        found = power(min(max(similarity, _ZERO), _ONE), parameters["beta"]) * power(i, parameters["alpha"])
        found *= decay(age, parameters["tau_seconds"])
        for factor in features:
            found *= factor
        return found


def product(factors: Sequence[Decimal]) -> Decimal:
    """All factors multiplied."""
    with localcontext(_CONTEXT):
        found = _ONE
        for factor in factors:
            found *= factor
        return found


def retention(
    gammas: Sequence[Decimal], i: Decimal, idle: Decimal, tau: Decimal, count: int, most: int, cost: Decimal = _ZERO
) -> Decimal:
    """How much a memory deserves to stay; `idle` and `tau` in seconds, `most` is the largest count of all."""
    with localcontext(_CONTEXT):
        frequency = Decimal(1 + count).ln() / Decimal(1 + most).ln() if most else _ZERO
        return gammas[0] * i + gammas[1] * decay(idle, tau) + gammas[2] * frequency - gammas[3] * cost
