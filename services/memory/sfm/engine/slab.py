"""Contiguous arrays that grow geometrically: one row a memory, its vector never moved or changed once written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

FIRST_CAPACITY = 1024
GROWTH = 2.0
Column = NDArray[Any]
Layout = Mapping[str, tuple[DTypeLike, tuple[int, ...]]]


class Slab:
    """Columns of equal length, addressed by row number.

    Readers that hold the columns of before a growth keep a valid view of the rows that they know.

    Args:
        layout: dtype and trailing shape of each column by name, such as {"vector": (np.float32, (256,))}.
        capacity: rows to make room for at once.
    """

    def __init__(self, layout: Layout, capacity: int = FIRST_CAPACITY) -> None:
        self.layout = layout
        capacity = max(capacity, FIRST_CAPACITY)
        self.columns = {name: np.zeros((capacity, *shape), dtype) for name, (dtype, shape) in layout.items()}
        self.rows = 0

    @property
    def capacity(self) -> int:
        """Rows that fit before the next growth."""
        return len(next(iter(self.columns.values())))

    @property
    def nbytes(self) -> int:
        """Memory held by all columns, in bytes."""
        return sum(column.nbytes for column in self.columns.values())

    def __getitem__(self, name: str) -> Column:
        """A column, shape (rows, …): a view, which writes through."""
        return self.columns[name][: self.rows]

    def append(self, values: Mapping[str, Column]) -> int:
        """Add rows; each column's array has the same length n. Returns the number of the first new row."""
        count = len(next(iter(values.values())))
        first = self.rows
        self.reserve(first + count)
        for name, array in values.items():
            self.columns[name][first : first + count] = array
        self.rows = first + count
        return first

    def reserve(self, rows: int) -> None:
        """Make room for `rows` in all. Grown columns stand in a new dict: a reader's old one stays as it is."""
        capacity = self.capacity
        if rows <= capacity:
            return
        while capacity < rows:
            capacity = int(capacity * GROWTH)
        grown: dict[str, Column] = {}
        for name, old in self.columns.items():
            grown[name] = np.zeros((capacity, *old.shape[1:]), old.dtype)
            grown[name][: self.rows] = old[: self.rows]
        self.columns = grown
