"""The k best hits so far."""

from __future__ import annotations

import bisect
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from sfm.engine.scoring import Floats, Rows


class Hit(NamedTuple):
    """One recalled memory: its id and score."""

    id: str
    score: float


class Top:
    """Keeps the k hits of largest score > 0; of equal scores the smaller id.

    Args:
        k: at least 1.
        min_score: hits below this are not wanted.
        keep: a filter by id; asked only about memories that would enter.
    """

    def __init__(self, k: int, min_score: float = 0.0, keep: Callable[[str], bool] | None = None) -> None:
        self.k = k
        self.threshold = min_score
        self._keep = keep
        self._best: list[tuple[float, str]] = []

    @property
    def full(self) -> bool:
        """Whether there are k, so that the threshold is the score of the k-th."""
        return len(self._best) == self.k

    def offer(self, rows: Rows, scores: Floats, ids: Sequence[str]) -> None:
        """Take in scored rows. A hit must reach the threshold to enter."""
        wanted = (scores >= self.threshold) & (scores > 0.0)
        rows, scores = rows[wanted], scores[wanted]
        if self._keep is None and len(rows) > 2 * self.k:
            enough = scores >= np.partition(scores, len(scores) - self.k)[len(scores) - self.k]
            rows, scores = rows[enough], scores[enough]
        for item in sorted(zip((-scores).tolist(), (ids[row] for row in rows.tolist()), strict=True)):
            if self.full and item > self._best[-1]:
                break
            if self._keep is None or self._keep(item[1]):
                bisect.insort(self._best, item)
                del self._best[self.k :]
        if self.full:
            self.threshold = max(self.threshold, -self._best[-1][0])

    def hits(self) -> list[Hit]:
        """Best first."""
        return [Hit(id, -score) for score, id in self._best]
