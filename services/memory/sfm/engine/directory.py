"""The bounds of every block of every segment in one table: which blocks a query must read, and in what order."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from sfm.engine.scoring import LN2, Floats, Parameters, Rows
from sfm.engine.segment import BLOCK, Blocks, Segment

UNDERFLOW = -760.0
"""A weight whose logarithm is below this is 0 in float64 (the least positive one is e^−744.4)."""
SLACK = 1e-9
"""Relative slack of a bound; the rounding of what leads to it stays below 1e-11."""
ABSOLUTE = 1e-300
"""Absolute slack of a bound: products near the subnormal range round in absolute, not in relative terms."""


class Directory(NamedTuple):
    """Immutable table of blocks, segment after segment.

    Attributes:
        segments: the segments.
        segment: index of each block's segment.
        start: position of each block's first row in its segment.
        blocks: their bounds, concatenated.
        parameters: α and τ that the segments are ordered for.
    """

    segments: tuple[Segment, ...]
    segment: Rows
    start: Rows
    blocks: Blocks
    parameters: Parameters


class Plan(NamedTuple):
    """The blocks that a query may need, best bound first.

    Attributes:
        block: their numbers in the directory.
        log_bound: logarithm of the largest weight each can hold, features included; no less than UNDERFLOW.
        bound: the same as a number, rounded up.
        own: whether the rows' stored relative weights are right for this query, in each.
    """

    block: Rows
    log_bound: Floats
    bound: Floats
    own: list[bool]


def tabulate(segments: Sequence[Segment], p: Parameters, channels: int) -> Directory:
    """The directory of segments that are all ordered for the α and τ of `p`."""
    counts = [len(s.blocks.static) for s in segments]
    if segments:
        blocks = Blocks(*(np.concatenate(column) for column in zip(*(s.blocks for s in segments), strict=True)))
        start = np.concatenate([np.arange(n) * BLOCK for n in counts])
    else:
        none = np.empty(0)
        blocks = Blocks(none, none, none, none, none, none, none, np.empty((0, channels)))
        start = np.empty(0, np.int64)
    return Directory(tuple(segments), np.repeat(np.arange(len(counts)), counts), start, blocks, p)


def plan(directory: Directory, p: Parameters, now: float, channel_weights: Sequence[float] | None) -> Plan:
    """Which blocks may hold a row of weight > 0 at time `now`, in descending order of their bounds."""
    blocks = directory.blocks
    rate = 0.0 if math.isinf(p.tau) else LN2 / p.tau
    settled = blocks.last <= now
    same = (p.alpha, p.tau) == (directory.parameters.alpha, directory.parameters.tau)
    if same and settled.all():
        log_bound = blocks.static - rate * (now - blocks.instant) if rate else blocks.static
        own = settled
    else:
        log_bound = p.alpha * blocks.log_importance if p.alpha else np.zeros(len(settled))
        if rate:
            log_bound = log_bound - rate * np.maximum(now - blocks.last, 0.0)
        own = np.zeros_like(settled)
        if same:
            own = settled
            log_bound = np.where(own, blocks.static - rate * (now - blocks.instant), log_bound)
        log_bound = np.where(blocks.first <= now, log_bound, -math.inf)
    if channel_weights is not None:
        own = np.zeros_like(settled)
        for values, weight in zip(blocks.features.T, channel_weights, strict=True):
            if weight:
                with np.errstate(divide="ignore"):
                    log_bound = log_bound + weight * np.log(values)
    order = np.argsort(-log_bound, kind="stable")
    log_bound = log_bound[order]
    count = int(np.searchsorted(-log_bound, -UNDERFLOW, side="right"))
    order, log_bound = order[:count], log_bound[:count]
    bound = np.exp(np.minimum(log_bound, 0.0)) * (1.0 + SLACK) + ABSOLUTE
    return Plan(order, log_bound, bound, own[order].tolist())
