"""References that share nothing with the search: 50-digit arithmetic, and one memory scored at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import mpmath
import numpy as np
from sfm.engine.scoring import Parameters
from sfm.engine.space import Space

mpmath.mp.dps = 50


def exact_score(
    vector: Sequence[float],
    query: Sequence[float],
    i: float,
    age: float,
    p: Parameters,
    features: Sequence[float] = (),
    weights: Sequence[float] = (),
) -> Any:
    """The score of a stored unit row for a stored unit query, to 50 digits."""
    dot = mpmath.fdot((mpmath.mpf(float(a)), mpmath.mpf(float(b))) for a, b in zip(vector, query, strict=True))
    score = mpmath.power(min(max(dot, mpmath.mpf(0)), mpmath.mpf(1)), mpmath.mpf(p.beta))
    score *= mpmath.power(mpmath.mpf(i), mpmath.mpf(p.alpha)) if p.alpha else 1
    if not np.isinf(p.tau):
        score *= mpmath.power(2, -mpmath.mpf(age) / mpmath.mpf(p.tau))
    for f, w in zip(features, weights, strict=True):
        score *= mpmath.power(mpmath.mpf(float(f)), mpmath.mpf(w)) if w else 1
    return score


def exact_product(factors: Sequence[float]) -> Any:
    """Π of float64 numbers, to 50 digits and beyond: 53 bits each need 16 digits each."""
    with mpmath.workdps(120):
        return mpmath.fprod(mpmath.mpf(f) for f in factors)


def by_one(
    space: Space,
    ids: Sequence[str],
    query: Any,
    k: int,
    p: Parameters,
    now: float,
    *,
    keep: Callable[[str], bool] | None = None,
    channel_weights: Sequence[float] | None = None,
    min_score: float = 0.0,
) -> list[tuple[str, float]]:
    """The answer of a search by explaining every memory alone and sorting all."""
    found = []
    for id in ids:
        factors = space.explain(id, query, p, now, channel_weights=channel_weights)
        if factors and factors.score > 0.0 and factors.score >= min_score and (keep is None or keep(id)):
            found.append((-factors.score, id))
    return [(id, -score) for score, id in sorted(found)[:k]]
