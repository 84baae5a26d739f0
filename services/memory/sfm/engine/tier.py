"""The hot tier: a bounded set of memories that are kept at hand, chosen by retention.

The tier decides residency alone: which payloads a server holds in memory. Searches never look at it, so results are
exact with it or without it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from sfm.engine.errors import InvalidValue
from sfm.engine.retention import Standing


class TierCounts(NamedTuple):
    """Since the tier was made: recalled memories that were in it, all recalled ones, and changes of residency."""

    hits: int
    lookups: int
    promotions: int
    evictions: int

    @property
    def hot_hit_ratio(self) -> float:
        """Share of recalled memories that were in the tier; 0 before the first."""
        return self.hits / self.lookups if self.lookups else 0.0


class HotTier:
    """At most `capacity` resident ids. Not for concurrent writers: one owner calls `observe` and `refresh`."""

    def __init__(self, capacity: int) -> None:
        if capacity < 1:
            raise InvalidValue("capacity", f"must be at least 1, not {capacity}")
        self.capacity = capacity
        self.resident: frozenset[str] = frozenset()
        self.counts = TierCounts(0, 0, 0, 0)

    def observe(self, recalled: Iterable[str]) -> None:
        """Count recalled memories as hits or misses."""
        ids = list(recalled)
        hits = sum(id in self.resident for id in ids)
        self.counts = self.counts._replace(hits=self.counts.hits + hits, lookups=self.counts.lookups + len(ids))

    def refresh(self, ordered: Sequence[Standing]) -> tuple[frozenset[str], frozenset[str]]:
        """Make the best of `ordered` (best first) resident. Returns who came and who went."""
        wanted = frozenset(standing.id for standing in ordered[: self.capacity])
        came, went = wanted - self.resident, self.resident - wanted
        self.resident = wanted
        self.counts = self.counts._replace(
            promotions=self.counts.promotions + len(came), evictions=self.counts.evictions + len(went)
        )
        return came, went
