"""What a search reads: immutable, so that it needs no lock and sees all of a write or nothing of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sfm.engine import scoring
from sfm.engine.directory import Directory
from sfm.engine.quantized import Codes
from sfm.engine.scoring import Floats, Parameters, Rows
from sfm.engine.slab import Column


class Snapshot(NamedTuple):
    """The state of a space after one write.

    Attributes:
        sequence: number of the write; a row is alive when it died later, see `died`.
        columns: slab columns; only the first `rows` rows count.
        ids: id of each row.
        rows: rows of the slab.
        dead: how many of them are dead.
        directory: the ordered segments.
        tail_start: rows from here on stand in no segment yet.
        tail: their codes.
    """

    sequence: int
    columns: dict[str, Column]
    ids: Sequence[str]
    rows: int
    dead: int
    directory: Directory
    tail_start: int
    tail: Codes

    def alive(self, rows: Rows | slice) -> NDArray[np.bool_]:
        """Which rows are alive in this snapshot. `died` may gain later numbers meanwhile; they do not matter here."""
        found: NDArray[np.bool_] = self.columns["died"][rows] > self.sequence
        return found

    def live_rows(self) -> Rows:
        """Numbers of all rows that are alive."""
        return np.flatnonzero(self.alive(slice(0, self.rows)))

    def score(
        self, rows: Rows, query: Floats, p: Parameters, now: float, channel_weights: Sequence[float] | None
    ) -> Floats:
        """The exact scores of some rows; 0 for a row created after `now`."""
        columns = self.columns
        created = columns["created"][rows]
        factors = [scoring.similarity(scoring.dots(columns["vector"][rows], query), p.beta)]
        factors += scoring.weights(columns["importance"][rows], now - created, p)
        if channel_weights is not None:
            features = columns["features"][rows]
            factors += [scoring.channel(features[:, j], w) for j, w in enumerate(channel_weights)]
        found: Floats = np.where(created <= now, scoring.product(factors), 0.0)
        return found
