"""Exact top-k: the same ids in the same order, with the same scores to the last bit, as scoring every row in float64.

A search screens blocks by their int8 codes in the order of their largest possible weight, scores in float64 what the
bound lets through, and stops when the k-th best score is above the bound of every block that is left.

Questions that are put together read each block once for all of them: one question is bound by memory, several by the
processor.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sfm.engine import quantized, scoring
from sfm.engine.directory import ABSOLUTE, SLACK, Directory, Plan, plan
from sfm.engine.quantized import Codes, QueryCode, Reals
from sfm.engine.scoring import Floats, Parameters, Rows
from sfm.engine.segment import BLOCK, Segment
from sfm.engine.snapshot import Snapshot
from sfm.engine.top import Hit, Top

LARGEST_STEP = 16
"""Blocks read in one step at the most, so that what a step makes stays in the processor's cache."""
FIRST_SCORED = 256
"""Survivors scored before the threshold is looked at again; doubles while there are more."""
LEAST_SCREENED = 1e-290
"""Thresholds below this are too near the subnormal range to screen by."""


class Question(NamedTuple):
    """A question to a snapshot, its arguments checked; see Space.search.

    Attributes:
        query: a unit vector in float64, shape (d,).
    """

    snapshot: Snapshot
    query: Floats
    k: int
    p: Parameters
    now: float
    keep: Callable[[str], bool] | None = None
    channel_weights: Sequence[float] | None = None
    min_score: float = 0.0


class Survivors(NamedTuple):
    """Rows that may belong to the answer, and the most that each can score."""

    rows: Rows
    most: Floats


class Range(NamedTuple):
    """Adjacent blocks of a segment, as positions of their rows in it."""

    segment: Segment
    start: int
    stop: int


def search(questions: Sequence[Question]) -> list[list[Hit]]:
    """The answer to each question, as if it had been put alone."""
    searches = [_Search(question) for question in questions]
    codes, steps = [each.code for each in searches], [each.steps() for each in searches]
    wanted = {at: ranges for at, step in enumerate(steps) if (ranges := next(step, None)) is not None}
    while wanted:
        products = _products(codes, wanted)
        for at in list(wanted):
            try:
                wanted[at] = steps[at].send(products[at])
            except StopIteration:
                del wanted[at]
    return [each.top.hits() for each in searches]


def _products(codes: Sequence[QueryCode], wanted: Mapping[int, list[Range]]) -> dict[int, list[Reals]]:
    """The products of some of the codes with the ranges that are wanted for them."""
    if len(wanted) == 1:
        [(at, ranges)] = wanted.items()
        return {at: [quantized.multiply([codes[at]], r.segment.codes.values[r.start : r.stop])[0] for r in ranges]}
    found = {at: [np.empty(r.stop - r.start, np.float32) for r in ranges] for at, ranges in wanted.items()}
    blocks: dict[tuple[int, int], tuple[NDArray[np.int8], list[QueryCode], list[Reals]]] = {}
    for at, ranges in wanted.items():
        for (segment, first, stop), products in zip(ranges, found[at], strict=True):
            for start in range(first, stop, BLOCK):
                values = segment.codes.values[start : start + BLOCK]
                _, asking, places = blocks.setdefault((id(segment), start), (values, [], []))
                asking.append(codes[at])
                places.append(products[start - first : start - first + BLOCK])
    for values, asking, places in blocks.values():
        for place, products in zip(places, quantized.multiply(asking, values), strict=True):
            place[:] = products
    return found


class _Search:
    """One question, step by step."""

    def __init__(self, question: Question) -> None:
        self.snapshot, self.query, k, self.p, self.now, keep, self.channel_weights, min_score = question
        self.top = Top(k, min_score, keep)
        self.floors = keep is None
        self.code = quantized.quantize_query(self.query)

    def steps(self) -> Generator[list[Range], list[Reals]]:
        """Asks for the products of the query with ranges of codes, until `top` is the answer."""
        directory, top = self.snapshot.directory, self.top
        self._consume([self._tail()])
        found = plan(directory, self.p, self.now, self.channel_weights)
        bounds = found.bound
        at, size, total = 0, 1, len(bounds)
        while at < total and bounds[at] >= top.threshold:
            stop = min(at + size, total)
            if bounds[stop - 1] < top.threshold:
                stop = at + int(np.searchsorted(-bounds[at:stop], -top.threshold, side="right"))
            runs = [(run, self._range(found.block[run])) for run in _runs(directory, found, at, stop)]
            products = yield [where for _, where in runs]
            self._consume([self._run(found, *run, value) for run, value in zip(runs, products, strict=True)])
            at, size = stop, min(2 * size, LARGEST_STEP)

    def _range(self, numbers: Rows) -> Range:
        """Where adjacent blocks of one segment stand."""
        directory = self.snapshot.directory
        segment, start = directory.segments[directory.segment[numbers[0]]], int(directory.start[numbers[0]])
        return Range(segment, start, min(start + len(numbers) * BLOCK, len(segment)))

    def _tail(self) -> Survivors:
        """Screen the rows that stand in no segment yet, each by its own weight."""
        snapshot = self.snapshot
        rows = slice(snapshot.tail_start, snapshot.rows)
        count = snapshot.rows - snapshot.tail_start
        if not count:
            return Survivors(np.empty(0, np.int64), np.empty(0))
        columns = snapshot.columns
        codes = snapshot.tail.at(slice(0, count))
        weight = self._weight(columns["importance"][rows], columns["created"][rows], columns["features"][rows])
        value = quantized.multiply([self.code], codes.values)[0]
        found = self._general(codes, value, weight, snapshot.alive(rows))
        return Survivors(np.arange(rows.start, rows.stop)[found.rows], found.most)

    def _run(self, found: Plan, positions: list[int], where: Range, value: Reals) -> Survivors:
        """Screen adjacent blocks of one segment, given by their positions in the plan, in the order of the segment.

        `value` is their product with the query's code, and is overwritten.
        """
        blocks, segment, part = self.snapshot.directory.blocks, where.segment, slice(where.start, where.stop)
        numbers, rows = found.block[positions], segment.rows[part]
        if not (found.own[positions[0]] and self.p.beta == 1.0):
            weight = self._weight(segment.importance[part], segment.created[part], segment.features[part])
            needed = self.floors and not self.top.full and self.snapshot.dead
            alive = self.snapshot.alive(rows) if needed else None
            general = self._general(segment.codes.at(part), value, weight, alive)
            return Survivors(rows[general.rows], general.most)
        value *= segment.relative[part]  # now q·v · weight relative to the block's largest, over the query's scale
        scale, bound = self.code.scale, found.bound[positions]
        slack = blocks.relative_error[numbers] * self.code.norm + self.code.error
        threshold = self.top.threshold
        if self.floors and not self.top.full:
            least = np.maximum(value * scale - _spread(slack, len(rows)), 0.0) * _spread(bound, len(rows))
            threshold = max(threshold, self._floor(least, self.snapshot.alive(rows) if self.snapshot.dead else None))
        reach = threshold * (1.0 - SLACK) / bound if threshold >= LEAST_SCREENED else 0.0
        passed = _above(value, ((reach - slack) / scale).astype(np.float32))
        block = passed // BLOCK
        most = np.minimum(value[passed] * scale + slack[block], 1.0) * (bound[block] * (1.0 + SLACK)) + ABSOLUTE
        return Survivors(rows[passed], most)

    def _general(self, codes: Codes, value: Reals, weight: Floats, alive: NDArray[np.bool_] | None) -> Survivors:
        """Screen rows by their own weights; the rows of the result are positions. `value` is overwritten."""
        value *= codes.scale
        about = value.astype(np.float64) * self.code.scale
        slack = codes.error * np.float64(self.code.norm) + self.code.error
        upper = weight * (1.0 + SLACK) + ABSOLUTE
        most = scoring.similarity(about + slack, self.p.beta) * upper
        most[weight <= 0.0] = 0.0
        threshold = self.top.threshold
        if self.floors and not self.top.full:
            least = scoring.similarity(about - slack, self.p.beta) * weight * (1.0 - SLACK)
            threshold = max(threshold, self._floor(least, alive))
        passed = np.flatnonzero((most * (1.0 + SLACK) + ABSOLUTE >= threshold) & (most > 0.0))
        return Survivors(passed, most[passed] * (1.0 + SLACK) + ABSOLUTE)

    def _weight(self, i: Floats, created: Floats, features: Reals) -> Floats:
        """All of the score but the similarity, for rows that are about to be screened; 0 for rows not created yet."""
        weight = scoring.emphasis(i, self.p.alpha)
        if np.isfinite(self.p.tau):
            weight = weight * scoring.decay(self.now - created, self.p.tau)
        for j, w in enumerate(self.channel_weights or ()):
            weight = weight * scoring.channel(features[:, j].astype(np.float64), w)
        found: Floats = np.where(created <= self.now, weight, 0.0)
        return found

    def _floor(self, least: Floats, alive: NDArray[np.bool_] | None) -> float:
        """What the k-th best of these rows scores at least; 0 when they are too few."""
        if alive is not None:
            least = least[alive]
        k = self.top.k
        if len(least) < k:
            return 0.0
        return float(np.partition(least, len(least) - k)[len(least) - k]) * (1.0 - 4 * SLACK) - 4 * ABSOLUTE

    def _consume(self, found: list[Survivors]) -> None:
        """Score survivors, the most promising first, and offer them."""
        snapshot, top = self.snapshot, self.top
        rows, most = found[0] if len(found) == 1 else (np.concatenate(column) for column in zip(*found, strict=True))
        if snapshot.dead and len(rows):
            alive = snapshot.alive(rows)
            rows, most = rows[alive], most[alive]
        size = FIRST_SCORED
        if len(rows) > size:
            order = np.argsort(-most, kind="stable")
            rows, most = rows[order], most[order]
        at = 0
        while at < len(rows) and (most[at] >= top.threshold or len(rows) <= FIRST_SCORED):
            part = rows[at : at + size]
            top.offer(part, snapshot.score(part, self.query, self.p, self.now, self.channel_weights), snapshot.ids)
            at, size = at + size, min(2 * size, BLOCK)


def _spread(per_block: Floats, count: int) -> Floats:
    """One number a block to one a row."""
    found: Floats = np.repeat(per_block, BLOCK)[:count]
    return found


def _above(value: Reals, limit: Reals) -> Rows:
    """Positions of the rows that reach the limit of their block."""
    if len(value) == len(limit) * BLOCK:
        return np.flatnonzero(value.reshape(len(limit), BLOCK) >= limit[:, None])
    return np.flatnonzero(value >= np.repeat(limit, BLOCK)[: len(value)])


def _runs(directory: Directory, found: Plan, start: int, stop: int) -> Iterator[list[int]]:
    """Positions start…stop of the plan as runs of adjacent blocks of one segment that are screened the same way."""
    if stop - start == 1:
        yield [start]
        return
    numbers = found.block[start:stop]
    segment = directory.segment[numbers]
    if segment[0] == segment[-1] and all(found.own[start:stop]) and (np.diff(numbers) == 1).all():
        yield list(range(start, stop))  # one segment, in its own order: the common case
        return
    order = np.argsort(numbers, kind="stable")
    run: list[int] = []
    previous = (-2, -1, False)
    for at in order.tolist():
        this = (int(numbers[at]), int(segment[at]), found.own[start + at])
        if run and this != (previous[0] + 1, *previous[1:]):
            yield run
            run = []
        run.append(start + at)
        previous = this
    if run:
        yield run
