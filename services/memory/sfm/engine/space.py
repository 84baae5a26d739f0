"""The memories of one tenant: slabs, an id map, and segments that searches read without waiting for writers.

New rows stand in a short tail, screened like all others but not ordered. A full tail becomes a segment; segments are
merged geometrically (each row is re-ordered O(log n) times) by `maintain`, which builds outside the write lock from
immutable inputs and then swaps one reference. Deleted and replaced rows vanish from segments at merges and from the
slab at a compaction.

Threads: `search`, `explain`, `snapshot` and all reads of one space may run in any number of threads beside each other
and beside one writer; they take no lock, except `get`, which takes the write lock for a moment. Writers (`put`,
`delete`, `touch`) exclude each other. `maintain` and `compact` exclude each other and hold up writers only while they
swap. The kernels (numpy, simsimd, numkong) release the interpreter lock, so searches in several threads do run at once.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray

from sfm.engine import merging, quantized, scoring, search
from sfm.engine.directory import tabulate
from sfm.engine.errors import InvalidValue
from sfm.engine.scoring import Factors, Floats, Parameters
from sfm.engine.search import Question
from sfm.engine.segment import BLOCK, Part, merge
from sfm.engine.slab import Layout, Slab
from sfm.engine.snapshot import Snapshot
from sfm.engine.top import Hit
from sfm.engine.vectors import LATEST, check_batch, unit, unit_query

TAIL = 2 * BLOCK
"""New rows that stand outside the ordered segments, at the most."""
ALIVE = np.iinfo(np.int64).max
"""The `died` of a row that lives."""


class Memory(NamedTuple):
    """One memory as the engine knows it; times in seconds, features shape (m,)."""

    id: str
    vector: NDArray[Any]
    importance: float
    created: float
    accessed: float
    accesses: int
    features: NDArray[np.float32]


class Space:
    """One namespace of memories.

    Args:
        d: components of every vector, at least 1.
        p: α and τ that segments are ordered for; queries may differ and stay exact, but read more.
        channels: feature channels of every memory, m ≥ 0.
        dtype: of the vectors, float32 or float16 (half the memory; scores are then exact for the rounded rows).
    """

    def __init__(
        self, d: int, p: Parameters | None = None, *, channels: int = 0, dtype: DTypeLike = np.float32
    ) -> None:
        if d < 1 or channels < 0:
            raise InvalidValue("d" if d < 1 else "channels", "must be positive")
        if np.dtype(dtype) not in {np.dtype(np.float32), np.dtype(np.float16)}:
            raise InvalidValue("dtype", "must be float32 or float16")
        self.d, self.p, self.channels, self.dtype = d, p or Parameters(), channels, np.dtype(dtype)
        scoring.check(self.p)
        self.norm_error_max = 0.0
        """The largest | ‖v‖ − 1 | of a stored row so far."""
        self._lock = threading.Lock()
        self._maintenance = threading.Lock()
        self._slab = Slab(self._layout())
        self._row: dict[str, int] = {}
        self._snapshot = Snapshot(
            0, self._slab.columns, [], 0, 0, tabulate((), self.p, channels), 0, quantized.empty(TAIL, d)
        )

    def _layout(self) -> Layout:
        return {
            "vector": (self.dtype, (self.d,)),
            "importance": (np.float64, ()),
            "created": (np.float64, ()),
            "accessed": (np.float64, ()),
            "accesses": (np.int64, ()),
            "died": (np.int64, ()),
            "features": (np.float32, (self.channels,)),
        }

    def __len__(self) -> int:
        return len(self._row)

    def __contains__(self, id: str) -> bool:
        return id in self._row

    @property
    def snapshot(self) -> Snapshot:
        """The present state; it does not change when the space does."""
        return self._snapshot

    @property
    def nbytes(self) -> int:
        """Memory of slabs and segments, in bytes; ids not counted."""
        segments = self._snapshot.directory.segments
        arrays = [a for s in segments for a in (s.rows, *s.codes, s.relative, s.importance, s.created, s.features)]
        return self._slab.nbytes + sum(a.nbytes for a in (*arrays, *self._snapshot.tail))

    def put(
        self,
        ids: Sequence[str],
        vectors: NDArray[Any],
        importance: Floats,
        created: Floats,
        *,
        features: NDArray[Any] | None = None,
        accessed: Floats | None = None,
        accesses: NDArray[np.int64] | None = None,
        replace: bool = True,
    ) -> None:
        """Insert memories, or replace those of the same id; of equal ids in one batch the last counts. All or nothing.

        Args:
            ids: n ids.
            vectors: shape (n, d), any length but 0; stored as unit rows. Rows that are unit rows already, to the
                precision of the space's type, are stored as they are, so what was read from a space goes back
                unchanged.
            importance: normalised, in [0, 1], shape (n,); see scoring.importance.
            created: seconds, shape (n,).
            features: in [0, 1], shape (n, m); 1 when not given.
            accessed, accesses: last access in seconds and number of accesses; creation and 0 when not given.
            replace: when false, an id that is there already is refused.

        Raises:
            InvalidVector, InvalidValue: an argument is out of range; nothing has changed.
        """
        n = len(ids)
        rows, error = unit(vectors, n, self.d, self.dtype)
        values = check_batch(n, importance, created, features, accessed, accesses, self.channels)
        if not n:
            return
        if not replace and len(set(ids)) < n:
            raise InvalidValue("id", "the same id stands twice in the batch")
        codes = quantized.quantize(rows)
        while len(self._snapshot.directory.segments) > merging.MOST_SEGMENTS and self.maintain():
            pass
        with self._lock:
            if not replace and (known := next((id for id in ids if id in self._row), None)) is not None:
                raise InvalidValue("id", f"there is a memory of the id {known!r} already")
            first = self._slab.append({"vector": rows, "died": np.full(n, ALIVE), **values})
            known_ids = self._snapshot.ids
            assert isinstance(known_ids, list)  # noqa: S101 - typed as a sequence for readers, who must not change it
            known_ids.extend(ids)
            sequence, dead = self._snapshot.sequence + 1, self._snapshot.dead
            died = self._slab["died"]
            for row, id in enumerate(ids, first):
                old = self._row.get(id)
                if old is not None:
                    died[old] = sequence
                    dead += 1
                self._row[id] = row
            self.norm_error_max = max(self.norm_error_max, error)
            state = self._snapshot._replace(sequence=sequence, columns=self._slab.columns, rows=first + n, dead=dead)
            self._snapshot = self._extend_tail(state, first, codes)

    def _extend_tail(self, state: Snapshot, first: int, codes: quantized.Codes) -> Snapshot:
        """Put the codes of new rows beside the tail, or make a segment of the tail and them when it would overflow."""
        start = first - state.tail_start
        stop = state.rows - state.tail_start
        if stop <= TAIL:
            state.tail.write(slice(start, stop), codes, slice(None))
            return state
        parts = [Part(*self._ordering(state, first, state.rows, codes))]
        if start:
            tail = state.tail.at(slice(0, start))
            parts.append(Part(*self._ordering(state, state.tail_start, first, tail)))
        segment = merge(parts, [state.alive(part.rows) for part in parts], self.p)
        segments = state.directory.segments if segment is None else (*state.directory.segments, segment)
        return state._replace(
            directory=tabulate(segments, self.p, self.channels),
            tail_start=state.rows,
            tail=quantized.empty(TAIL, self.d),
        )

    @staticmethod
    def _ordering(state: Snapshot, start: int, stop: int, codes: quantized.Codes) -> Part:
        part, columns = slice(start, stop), state.columns
        return Part(
            np.arange(start, stop),
            codes,
            columns["importance"][part],
            columns["created"][part],
            columns["features"][part],
        )

    def delete(self, id: str) -> bool:
        """Forget one memory; False when there is none of that id."""
        with self._lock:
            row = self._row.pop(id, None)
            if row is None:
                return False
            state = self._snapshot
            self._slab["died"][row] = state.sequence + 1
            self._snapshot = state._replace(sequence=state.sequence + 1, dead=state.dead + 1)
            return True

    def get(self, id: str) -> Memory | None:
        """One memory, None when there is none of that id."""
        with self._lock:
            row = self._row.get(id)
            if row is None:
                return None
            c = self._slab.columns
            return Memory(
                id,
                c["vector"][row].copy(),
                float(c["importance"][row]),
                float(c["created"][row]),
                float(c["accessed"][row]),
                int(c["accesses"][row]),
                c["features"][row].copy(),
            )

    def touch(self, ids: Sequence[str], now: float) -> int:
        """Record an access to memories at `now`, seconds; unknown ids are passed over. Returns how many were known."""
        with self._lock:
            rows = [row for id in ids if (row := self._row.get(id)) is not None]
            accessed = self._slab["accessed"]
            accessed[rows] = np.maximum(accessed[rows], now)
            np.add.at(self._slab["accesses"], rows, 1)
            return len(rows)

    def search(
        self,
        query: NDArray[Any],
        k: int,
        p: Parameters | None = None,
        now: float = math.inf,
        *,
        keep: Callable[[str], bool] | None = None,
        channel_weights: Sequence[float] | None = None,
        min_score: float = 0.0,
    ) -> list[Hit]:
        """The k memories of largest score > 0, best first, equal scores by id. Exact: the same as scoring every row.

        Args:
            query: shape (d,), any length but 0.
            k: at least 1; fewer hits when fewer memories score above 0.
            p: parameters of this query; the space's own when not given.
            now: seconds; memories created later are not seen. Must be finite when τ is.
            keep: a filter by id, asked only about memories that would be hits. A filter that lets few of many pass
                makes the search read everything.
            channel_weights: w_j ≥ 0, one a channel, Σw ≤ 1; features do not count when not given.
            min_score: hits below this are left out, in [0, 1].

        Raises:
            InvalidVector, InvalidValue: an argument is out of range.
        """
        p = p or self.p
        scoring.check(p, channel_weights, self.channels)
        if k < 1:
            raise InvalidValue("k", f"must be at least 1, not {k}")
        if not 0.0 <= min_score <= 1.0:
            raise InvalidValue("min_score", f"must lie in [0, 1], not {min_score}")
        check_now(now, p)
        question = Question(self._snapshot, unit_query(query, self.d), k, p, now, keep, channel_weights, min_score)
        return search.search([question])[0]

    def explain(
        self,
        id: str,
        query: NDArray[Any],
        p: Parameters | None = None,
        now: float = math.inf,
        *,
        channel_weights: Sequence[float] | None = None,
    ) -> Factors | None:
        """Every factor of one memory's score; None when there is no such memory, or it was created after `now`.

        The score is bit for bit the one that `search` gives.
        """
        p = p or self.p
        scoring.check(p, channel_weights, self.channels)
        check_now(now, p)
        unit_vector = unit_query(query, self.d)
        memory = self.get(id)
        if memory is None or memory.created > now:
            return None
        dot = float(scoring.dots(memory.vector[None], unit_vector)[0])
        age = now - memory.created
        return scoring.explain(dot, memory.importance, age, p, memory.features.astype(np.float64), channel_weights)

    def maintain(self) -> bool:
        """Do one due merge or compaction; False when none is due or another thread is at it. Call it until False."""
        if not self._maintenance.acquire(blocking=False):
            return False
        try:
            state = self._snapshot
            if state.dead > max(TAIL, merging.DEAD_SHARE * state.rows):
                self._compact(self.p)
                return True
            due = merging.due([len(s) for s in state.directory.segments])
            if due is None:
                return False
            self._merge(state, due)
            return True
        finally:
            self._maintenance.release()

    def compact(self, p: Parameters | None = None) -> None:
        """Reclaim the rows of dead memories and order all others in one segment, for new parameters if given."""
        if p is not None:
            scoring.check(p)
        with self._maintenance:
            self._compact(p or self.p)

    def _merge(self, state: Snapshot, due: int) -> None:
        """Merge the segments from number `due` on. Writers may append some meanwhile; only maintenance removes any."""
        inputs = state.directory.segments[due:]
        merged = merge(inputs, [state.alive(s.rows) if state.dead else None for s in inputs], self.p)
        with self._lock:
            segments = self._snapshot.directory.segments
            segments = (*segments[:due], *([] if merged is None else [merged]), *segments[due + len(inputs) :])
            self._snapshot = self._snapshot._replace(directory=tabulate(segments, self.p, self.channels))

    def _compact(self, p: Parameters) -> None:
        built = merging.compact(self._snapshot, Slab(self._layout(), self._snapshot.rows), p)
        with self._lock:
            self.p = p
            self._slab, self._row, self._snapshot = merging.finish(built, self._snapshot, p, ALIVE)


def check_now(now: float, p: Parameters) -> None:
    """Refuse a time that is not a number, or one with which a finite half-life has no meaning."""
    if math.isnan(now) or (abs(now) > LATEST and not (math.isinf(p.tau) and now > 0)):
        raise InvalidValue("now", f"must be a time in seconds, not {now}")
