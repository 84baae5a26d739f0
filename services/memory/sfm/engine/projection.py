"""Fewer dimensions by a random projection, and the penalty for what that loses. Approximate: scores are estimates."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sfm.engine.errors import InvalidValue
from sfm.engine.scoring import Floats


class Projection:
    """An orthogonal projection of R^d onto a random subspace of `m` dimensions, the same for the same seed.

    Args:
        d: dimension of vectors.
        m: dimension of the subspace, 1 … d.
        seed: any integer ≥ 0.
    """

    def __init__(self, d: int, m: int, seed: int) -> None:
        if not 1 <= m <= d:
            raise InvalidValue("m", f"must lie in [1, {d}], not {m}")
        gaussian = np.random.default_rng(seed).standard_normal((d, m))
        self._basis: Floats = np.linalg.qr(gaussian)[0]

    def apply(self, rows: NDArray[Any]) -> Floats:
        """Coordinates in the subspace, shape (n, m); lengths shrink to what the subspace holds of them."""
        found: Floats = np.asarray(rows, np.float64) @ self._basis
        return found

    def residual(self, rows: NDArray[Any]) -> Floats:
        """‖v − v̂‖ in [0, 1] of unit rows: how much of each the subspace does not hold."""
        kept = (self.apply(rows) ** 2).sum(axis=1)
        found: Floats = np.sqrt(np.clip(1.0 - kept, 0.0, 1.0))
        return found


def residual_penalty(residual: Floats, strength: float) -> Floats:
    """(1 − ρ²)^(strength/2) in [0, 1] for residuals ρ in [0, 1]: one more bounded factor of a score.

    With strength 1 it is the cosine between a vector and its approximation; 0 switches it off.
    """
    if not strength >= 0.0:
        raise InvalidValue("strength", f"must be ≥ 0, not {strength}")
    found: Floats = np.clip(1.0 - np.asarray(residual, np.float64) ** 2, 0.0, 1.0) ** (strength / 2.0)
    return found
