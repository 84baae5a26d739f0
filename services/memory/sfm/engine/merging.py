"""When segments are merged, and how the rows of dead memories are reclaimed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from sfm.engine import quantized
from sfm.engine.directory import tabulate
from sfm.engine.scoring import Parameters, Rows
from sfm.engine.segment import Segment, merge
from sfm.engine.slab import Slab
from sfm.engine.snapshot import Snapshot

RATIO = 2
"""A segment stays as it is while it has this many times the rows of all younger ones that are due."""
MOST_SEGMENTS = 32
"""With more segments than this, a writer does the due merges itself before it writes."""
DEAD_SHARE = 0.25
"""Share of dead rows in the slab above which a compaction is due."""


def due(sizes: Sequence[int]) -> int | None:
    """From which segment on, oldest first, all are to be merged into one; None when none is due.

    After every merge each segment has at least RATIO times the rows of the next, so there are O(log n) of them, and a
    row
    changes segment only into one that is larger by a constant factor: O(log n) times.
    """
    if len(sizes) < 2 or sizes[-2] >= RATIO * sizes[-1]:
        return None
    start, total = len(sizes) - 1, sizes[-1]
    while start and sizes[start - 1] < RATIO * total:
        start -= 1
        total += sizes[start]
    return start


class Compaction(NamedTuple):
    """A slab without the dead, built beside the one in use.

    Attributes:
        old: the snapshot that it was built from.
        slab: copies of the rows that live, of those before the tail.
        kept: their numbers in the old slab.
        ids: their ids.
        row: id map of them.
        segment: all of them, in order, by new row numbers.
    """

    old: Snapshot
    slab: Slab
    kept: Rows
    ids: list[str]
    row: dict[str, int]
    segment: Segment | None


def compact(old: Snapshot, slab: Slab, p: Parameters) -> Compaction:
    """Copy what lives of a snapshot into an empty slab. Reads only immutable data: others may search and write."""
    kept = np.flatnonzero(old.alive(slice(0, old.tail_start)))
    for part in quantized.chunks(len(kept)):
        slab.append({name: column[kept[part]] for name, column in old.columns.items()})
    segments = old.directory.segments
    segment = merge(segments, [old.alive(s.rows) for s in segments], p) if segments else None
    if segment is not None:
        place = np.empty(old.tail_start, np.int64)
        place[kept] = np.arange(len(kept))
        segment = replace(segment, rows=place[segment.rows])
    ids = [old.ids[row] for row in kept.tolist()]
    return Compaction(old, slab, kept, ids, {id: row for row, id in enumerate(ids)}, segment)


def finish(built: Compaction, now: Snapshot, p: Parameters, alive: int) -> tuple[Slab, dict[str, int], Snapshot]:
    """Catch up with what was written since, under the write lock: later rows move by a constant, deaths are copied."""
    old, slab, kept = built.old, built.slab, built.kept
    for name in ("died", "accessed", "accesses"):
        slab[name][:] = now.columns[name][kept]
    later = slice(old.tail_start, now.rows)
    shift = old.tail_start - len(kept)
    slab.append({name: column[later] for name, column in now.columns.items()})
    ids = [*built.ids, *now.ids[later]]
    row = built.row
    for gone in np.flatnonzero(slab["died"][: len(kept)] != alive).tolist():
        del row[ids[gone]]
    living = np.flatnonzero(slab["died"][len(kept) :] == alive) + len(kept)
    row.update((ids[at], at) for at in living.tolist())
    segments = [] if built.segment is None else [built.segment]
    for younger in now.directory.segments[len(old.directory.segments) :]:
        moved = replace(younger, rows=younger.rows - shift)
        again = (
            moved if (p.alpha, p.tau) == (moved.parameters.alpha, moved.parameters.tau) else merge([moved], [None], p)
        )
        segments += [] if again is None else [again]
    snapshot = now._replace(
        sequence=now.sequence + 1,
        columns=slab.columns,
        ids=ids,
        rows=slab.rows,
        dead=int(np.count_nonzero(slab["died"] != alive)),
        directory=tabulate(segments, p, slab["features"].shape[1]),
        tail_start=now.tail_start - shift,
    )
    return slab, row, snapshot
