"""Approximate indexes behind a recall guard.

An index proposes candidates by direction; the engine scores them exactly, times the penalty of the index. The index
is a
picture of one snapshot: later writes need a new one. It serves only after its recall, measured against exact search on
sampled queries, has reached the guard.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from sfm.engine.errors import InvalidValue, RecallBelowGuard
from sfm.engine.projection import Projection, residual_penalty
from sfm.engine.scoring import Floats, Parameters, Rows
from sfm.engine.search import Question, search
from sfm.engine.snapshot import Snapshot
from sfm.engine.top import Hit, Top
from sfm.engine.vectors import unit_query

OVERFETCH = 20
"""Candidates asked of an index for each wanted hit: importance and decay reorder what direction alone proposes."""


class Index(Protocol):
    """Proposes rows near a direction."""

    def propose(self, query: Floats, count: int) -> Rows:
        """Positions, in the order in which vectors were given, of at most `count` vectors near a unit query."""

    def residual(self) -> Floats | None:
        """‖v − v̂‖ of each vector, when the index knows only v̂."""


class UsearchIndex:
    """Graph index of the optional package `usearch`."""

    def __init__(self, vectors: NDArray[Any], *, connectivity: int = 32, expansion: int = 256) -> None:
        module = importlib.import_module("usearch.index")
        self._index = module.Index(
            ndim=vectors.shape[1],
            metric="ip",
            connectivity=connectivity,
            expansion_add=expansion,
            expansion_search=expansion,
        )
        self._index.add(np.arange(len(vectors)), np.asarray(vectors, np.float32), threads=1)

    def propose(self, query: Floats, count: int) -> Rows:
        """See Index."""
        found = self._index.search(query.astype(np.float32), min(count, len(self._index)), threads=1)
        return np.asarray(found.keys, np.int64)

    def residual(self) -> Floats | None:
        """None: whole vectors are kept."""
        return None


class HnswIndex:
    """Graph index of the optional package `hnswlib`."""

    def __init__(self, vectors: NDArray[Any], *, connectivity: int = 32, expansion: int = 256, seed: int = 1) -> None:
        module = importlib.import_module("hnswlib")
        self._count = len(vectors)
        self._index = module.Index(space="ip", dim=vectors.shape[1])
        self._index.init_index(self._count, M=connectivity, ef_construction=expansion, random_seed=seed)
        self._index.set_num_threads(1)
        self._index.add_items(np.asarray(vectors, np.float32), np.arange(self._count))
        self._expansion = expansion

    def propose(self, query: Floats, count: int) -> Rows:
        """See Index."""
        count = min(count, self._count)
        self._index.set_ef(max(self._expansion, count))
        return np.asarray(self._index.knn_query(query.astype(np.float32), k=count)[0][0], np.int64)

    def residual(self) -> Floats | None:
        """None: whole vectors are kept."""
        return None


class ProjectedIndex:
    """All vectors in fewer dimensions, compared one by one."""

    def __init__(self, vectors: NDArray[Any], projection: Projection) -> None:
        self._projection = projection
        self._rows = projection.apply(vectors).astype(np.float32)
        self._residual = projection.residual(vectors)

    def propose(self, query: Floats, count: int) -> Rows:
        """See Index."""
        near = self._rows @ self._projection.apply(query[None])[0].astype(np.float32)
        count = min(count, len(near))
        return np.argpartition(near, len(near) - count)[len(near) - count :].astype(np.int64)

    def residual(self) -> Floats | None:
        """See Index."""
        return self._residual


class GuardedIndex:
    """An index over the live rows of one snapshot that serves only above a measured recall.

    Args:
        snapshot: whose rows `index` was built from, in the order of `Snapshot.live_rows`.
        index: any Index.
        guard: least recall@k, in (0, 1].
        penalty: strength of the residual penalty, ≥ 0; see projection.residual_penalty.
    """

    def __init__(self, snapshot: Snapshot, index: Index, *, guard: float, penalty: float = 0.0) -> None:
        if not 0.0 < guard <= 1.0:
            raise InvalidValue("guard", f"must lie in (0, 1], not {guard}")
        self._snapshot, self._index, self.guard = snapshot, index, guard
        self._rows = snapshot.live_rows()
        residual = index.residual()
        self._penalty = None if residual is None or not penalty else residual_penalty(residual, penalty)
        self.measured: float | None = None
        """Recall@k as last measured; None before."""

    def measure(self, queries: Sequence[NDArray[Any]], k: int, p: Parameters, now: float) -> float:
        """Recall@k over sampled queries: the share of exact hits that are found. 1 when there are none."""
        found = wanted = 0
        for query in queries:
            unit = unit_query(query, self._snapshot.columns["vector"].shape[1])
            exact = {hit.id for hit in search([Question(self._snapshot, unit, k, p, now)])[0]}
            found += len(exact & {hit.id for hit in self._search(unit, k, p, now)})
            wanted += len(exact)
        self.measured = found / wanted if wanted else 1.0
        return self.measured

    def search(self, query: NDArray[Any], k: int, p: Parameters, now: float) -> list[Hit]:
        """Approximate top k with exact scores, times the penalty.

        Raises:
            RecallBelowGuard: the recall was not measured yet, or is below the guard.
        """
        if self.measured is None or self.measured < self.guard:
            raise RecallBelowGuard("recall", f"measured {self.measured}, the guard is {self.guard}")
        return self._search(unit_query(query, self._snapshot.columns["vector"].shape[1]), k, p, now)

    def _search(self, unit: Floats, k: int, p: Parameters, now: float) -> list[Hit]:
        positions = self._index.propose(unit, k * OVERFETCH)
        rows = self._rows[positions]
        scores = self._snapshot.score(rows, unit, p, now, None)
        if self._penalty is not None:
            scores = scores * self._penalty[positions]
        top = Top(k)
        top.offer(rows, scores, self._snapshot.ids)
        return top.hits()
