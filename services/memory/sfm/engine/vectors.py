"""What may enter a space: unit rows, importances, times and features in range."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sfm.engine.errors import InvalidValue, InvalidVector
from sfm.engine.scoring import Floats
from sfm.engine.slab import Column

LATEST = 1e20
"""Largest absolute time, in seconds; keeps the arithmetic of ages far from overflow."""


def unit(vectors: NDArray[Any], n: int, d: int, dtype: np.dtype[Any]) -> tuple[NDArray[Any], float]:
    """Rows of length 1 in the given type, and the largest | ‖v‖ − 1 | of them.

    Rows that have length 1 already, to one unit of the type's precision, are taken as they are.
    """
    given = np.asarray(vectors)
    if given.shape != (n, d):
        raise InvalidVector("vector", f"must be of shape {(n, d)}, not {given.shape}")
    wide = given.astype(np.float64)
    largest = np.abs(wide).max(axis=1, initial=0.0)
    if not np.isfinite(largest).all():
        raise InvalidVector("vector", "has a component that is not finite")
    if not largest.all():
        raise InvalidVector("vector", "is zero: it has no direction")
    exact = given.astype(dtype) if given.dtype == dtype else None
    kept = np.zeros(n, np.bool_) if exact is None else np.abs(_norms(exact) - 1.0) <= np.finfo(dtype).eps
    wide /= largest[:, None]
    rows = (wide / _norms(wide)[:, None]).astype(dtype)
    if exact is not None:
        rows[kept] = exact[kept]
    error = float(np.abs(_norms(rows) - 1.0).max(initial=0.0))
    return rows, error


def unit_query(query: NDArray[Any], d: int) -> Floats:
    """The query as a unit vector in float64, shape (d,)."""
    wide = np.asarray(query, np.float64)
    if wide.shape != (d,):
        raise InvalidVector("query", f"must be of shape {(d,)}, not {wide.shape}")
    largest = float(np.abs(wide).max())
    if not np.isfinite(largest):
        raise InvalidVector("query", "has a component that is not finite")
    if largest == 0.0:
        raise InvalidVector("query", "is zero: it has no direction")
    wide = wide / largest
    found: Floats = wide / float(_norms(wide[None])[0])
    return found


def check_batch(
    n: int,
    importance: Floats,
    created: Floats,
    features: NDArray[Any] | None,
    accessed: Floats | None,
    accesses: NDArray[np.int64] | None,
    channels: int,
) -> dict[str, Column]:
    """The slab columns of a batch, with what was not given filled in."""
    times = _numbers("created", created, (n,), -LATEST, LATEST)
    return {
        "importance": _numbers("importance", importance, (n,), 0.0, 1.0),
        "created": times,
        "features": _numbers(
            "features", np.ones((n, channels)) if features is None else features, (n, channels), 0.0, 1.0
        ),
        "accessed": times if accessed is None else _numbers("accessed", accessed, (n,), -LATEST, LATEST),
        "accesses": _numbers("accesses", np.zeros(n) if accesses is None else accesses, (n,), 0.0, 2.0**53),
    }


def _numbers(field: str, values: NDArray[Any], shape: tuple[int, ...], least: float, most: float) -> Floats:
    found = np.asarray(values, np.float64)
    if found.shape != shape:
        raise InvalidValue(field, f"must be of shape {shape}, not {found.shape}")
    if not ((found >= least) & (found <= most)).all():  # false for NaN too
        raise InvalidValue(field, f"must lie in [{least:g}, {most:g}]")
    return found


def _norms(rows: NDArray[Any]) -> Floats:
    wide = rows.astype(np.float64, copy=False)
    found: Floats = np.sqrt((wide * wide).sum(axis=1))
    return found
