"""An int8 copy of unit rows, and the proven distance between what it says and what is true.

A row v is stored as integers c ∈ [−127, 127]^d with a scale s, ṽ = s·c. For a query q stored as q̃ in the same way,

    |q·v − q̃·ṽ| = |q̃·(v − ṽ) + (q − q̃)·v| ≤ ‖q̃‖·‖v − ṽ‖ + ‖q − q̃‖·‖v‖        (Cauchy–Schwarz)

so a row whose q̃·ṽ lies further below a threshold than that cannot reach it, and need not be looked at again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numkong
import numpy as np
import simsimd
from numpy.typing import NDArray

from sfm.engine.scoring import Floats, Rows

Reals = NDArray[np.float32]
LEVELS = 127
ROUNDING = np.float32(1.0 + 2.0**-18)
"""Covers rounding to float32 and a few operations in it, each of relative error 2^-24."""
NORM_SLACK = 1.0 + 2.0**-9
"""Rows are unit rows only to the precision of their type; ‖v‖ ≤ this, for float16 too."""
ABSOLUTE = 2.0**-19
"""Covers the float32 rounding of a product near 1 (fewer than ten operations), and what a float32 weight loses."""
CHUNK = 4096
"""Rows quantised at a time: their float64 copy stays in the cache, and other threads get their turn in between."""


class Codes(NamedTuple):
    """Quantised rows: integers (n, d), scale (n,) and ‖v − ṽ‖ (n,), rounded up."""

    values: NDArray[np.int8]
    scale: Reals
    error: Reals

    def at(self, rows: slice) -> Codes:
        """A view of some rows."""
        return Codes(self.values[rows], self.scale[rows], self.error[rows])

    def write(self, to: Rows | slice, other: Codes, source: Rows | slice) -> None:
        """Copy rows of other codes into these."""
        self.values[to] = other.values[source]
        self.scale[to] = other.scale[source]
        self.error[to] = other.error[source]


class QueryCode(NamedTuple):
    """A quantised query.

    Attributes:
        values: integers, shape (1, d).
        scale: what they are multiples of.
        norm: ‖q̃‖, rounded up.
        error: ‖q − q̃‖·‖v‖ for any row, and the rounding of what is computed in float32, rounded up.
    """

    values: NDArray[np.int8]
    scale: float
    norm: float
    error: float


def empty(rows: int, d: int) -> Codes:
    """Room for the codes of `rows` rows of dimension `d`."""
    return Codes(np.zeros((rows, d), np.int8), np.zeros(rows, np.float32), np.zeros(rows, np.float32))


def quantize(rows: NDArray[Any], into: Codes | None = None) -> Codes:
    """Symmetric int8 codes of rows, shape (n, d), each scaled by its own largest component."""
    codes = into or empty(*rows.shape)
    for part in chunks(len(rows)):
        wide = rows[part].astype(np.float64)
        scale = (np.abs(wide).max(axis=1, initial=0.0) / LEVELS).astype(np.float32)
        step = np.where(scale > 0, scale, 1).astype(np.float64)[:, None]
        values = np.rint(wide / step).clip(-LEVELS, LEVELS)
        wide -= values * scale.astype(np.float64)[:, None]
        codes.values[part] = values
        codes.scale[part] = scale
        codes.error[part] = np.sqrt(np.einsum("ij,ij->i", wide, wide)).astype(np.float32) * ROUNDING
    return codes


def chunks(n: int) -> Iterator[slice]:
    """0…n in slices of CHUNK."""
    return (slice(start, min(start + CHUNK, n)) for start in range(0, n, CHUNK))


def quantize_query(query: Floats) -> QueryCode:
    """The code of one unit query, shape (d,)."""
    scale = float(np.float32(np.abs(query).max() / LEVELS))
    values = np.rint(query / scale).clip(-LEVELS, LEVELS)
    back = values * scale
    missed = query - back
    norm, error = float(back @ back) ** 0.5, float(missed @ missed) ** 0.5
    up = float(ROUNDING)
    return QueryCode(values.astype(np.int8)[None], scale, norm * up, (error * NORM_SLACK + ABSOLUTE) * up)


def multiply(queries: Sequence[QueryCode], values: NDArray[np.int8]) -> NDArray[Any]:
    """The integer products c_q·c_v, shape (queries, n), float32 or int32; exact up to d = 1040, to 24 bits beyond."""
    if len(queries) > 1:
        packed = numkong.dots_pack(np.concatenate([query.values for query in queries]), dtype="int8")
        return np.asarray(numkong.dots_packed(values, packed)).T
    # not with out=: simsimd 6.5 then gives back a None that it does not own, which Python 3.11 ends the process for
    return np.asarray(simsimd.cdist(queries[0].values, values, metric="dot", out_dtype="float32"))
