"""Rows ordered by weight, in blocks that each know the largest weight they can hold.

Rows stand in descending order of i^α·2^(−age/τ) for one α and τ. While a clock runs, all weights shrink by the same
factor, so the order never changes. A segment is immutable: a merge builds a new one from several, and leaves dead
rows out.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sfm.engine import quantized
from sfm.engine.quantized import Codes, Reals
from sfm.engine.scoring import LN2, Floats, Parameters, Rows

BLOCK = 2048
"""Rows of a block: small enough to stop early, large enough for the overhead of a call to vanish."""
RELATIVE_CUT = -80.0
"""Logarithm below which a relative weight is stored as 0 in float32; the screening's absolute slack covers e^−80."""


class Blocks(NamedTuple):
    """What is known of each block; all arrays of length ceil(n / BLOCK).

    Attributes:
        static, instant: the logarithm of the largest weight at time `now` is static − (ln2/τ)·(now − instant), for the
            segment's own α and τ.
        log_importance: logarithm of the largest i.
        first, last: creation times of the oldest and the newest row, seconds.
        error: largest ‖v − ṽ‖.
        relative_error: largest ‖v − ṽ‖·relative weight.
        features: largest value of each channel, shape (blocks, m).
    """

    static: Floats
    instant: Floats
    log_importance: Floats
    first: Floats
    last: Floats
    error: Floats
    relative_error: Floats
    features: Floats


@dataclass(frozen=True, slots=True)
class Segment:
    """Rows in order of weight.

    Attributes:
        rows: row numbers of the slab, shape (n,).
        codes: their int8 codes, in the same order.
        relative: code scale · weight relative to the largest of the block, for the segment's own α and τ.
        importance, created: of each row, in the same order; created in seconds.
        features: channels, shape (n, m).
        blocks: bounds of each block.
        parameters: the α and τ that the order is for.
    """

    rows: Rows
    codes: Codes
    relative: Reals
    importance: Floats
    created: Floats
    features: Reals
    blocks: Blocks
    parameters: Parameters

    def __len__(self) -> int:
        return len(self.rows)


class Part(NamedTuple):
    """Rows to be ordered, in any order: see Segment for the fields."""

    rows: Rows
    codes: Codes
    importance: Floats
    created: Floats
    features: Reals


def merge(parts: Sequence[Part | Segment], alive: Sequence[NDArray[np.bool_] | None], p: Parameters) -> Segment | None:
    """One segment of the rows of several parts, ordered for the α and τ of `p`; None when no row is left.

    Reads only its arguments, so it may run while others search and write. Codes are copied part by part, each in its
    own
    order, in chunks: a merge never holds the interpreter for long.

    Args:
        parts: at least one.
        alive: for each part the rows to keep, None for all.
        p: parameters to order for.
    """
    taken = [np.arange(len(x.rows)) if a is None else np.flatnonzero(a) for x, a in zip(parts, alive, strict=True)]
    total = sum(len(t) for t in taken)
    if not total:
        return None
    pairs = list(zip(parts, taken, strict=True))
    i = np.concatenate([x.importance[t] for x, t in pairs])
    created = np.concatenate([x.created[t] for x, t in pairs])
    order = np.argsort(-_key(i, created, p), kind="stable")
    place = np.empty(total, np.int64)
    place[order] = np.arange(total)
    codes = quantized.empty(total, parts[0].codes.values.shape[1])
    rows = np.empty(total, np.int64)
    features = np.empty((total, parts[0].features.shape[1]), np.float32)
    done = 0
    for part, t in pairs:
        for piece in quantized.chunks(len(t)):
            source = t[piece]
            to = place[done + piece.start : done + piece.stop]
            codes.write(to, part.codes, source)
            rows[to] = part.rows[source]
            features[to] = part.features[source]
        done += len(t)
    return _finish(rows, codes, i[order], created[order], features, p)


def log_importance(i: Floats, alpha: float) -> Floats:
    """α·ln i; 0 when α is 0, −∞ for i = 0 otherwise."""
    if alpha == 0.0:
        return np.zeros_like(i)
    with np.errstate(divide="ignore"):
        found: Floats = alpha * np.log(i)
    return found


def _key(i: Floats, created: Floats, p: Parameters) -> Floats:
    """The logarithm of weight less what is the same for all rows. Its rounding can only make the order less good."""
    key = log_importance(i, p.alpha)
    return key if math.isinf(p.tau) else key + (LN2 / p.tau) * (created - created.max())


def _finish(rows: Rows, codes: Codes, i: Floats, created: Floats, features: Reals, p: Parameters) -> Segment:
    """Bounds of each block, from differences to the block's first row, which rounding hurts least."""
    starts = np.arange(0, len(rows), BLOCK)
    block = np.arange(len(rows)) // BLOCK
    static = log_importance(i, p.alpha)
    base, instant = static[starts], created[starts]
    base = np.where(np.isfinite(base), base, 0.0)  # a block that begins with i = 0 holds nothing else, if α > 0
    log_relative = static - base[block]
    if not math.isinf(p.tau):
        with np.errstate(over="ignore"):
            log_relative += (LN2 / p.tau) * (created - instant[block])
    largest = np.maximum.reduceat(log_relative, starts)
    finite = np.where(np.isfinite(largest), largest, 0.0)
    with np.errstate(invalid="ignore", over="ignore"):
        log_relative -= finite[block]
        relative = np.where(log_relative > RELATIVE_CUT, np.exp(np.minimum(log_relative, 0.0)), 0.0).astype(np.float32)
    blocks = Blocks(
        base + largest,
        instant,
        log_importance(np.maximum.reduceat(i, starts), 1.0),
        np.minimum.reduceat(created, starts),
        np.maximum.reduceat(created, starts),
        np.maximum.reduceat(codes.error, starts).astype(np.float64),
        np.maximum.reduceat(codes.error * relative, starts).astype(np.float64) * float(quantized.ROUNDING),
        np.maximum.reduceat(features, starts, axis=0).astype(np.float64),
    )
    return Segment(rows, codes, codes.scale * relative, i, created, features, blocks, p)
