"""The hot tier of all tenants: rows of the memories most worth keeping at hand, so that their payloads need no disk."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from sfm.engine.retention import Retention, standings
from sfm.engine.tier import HotTier
from sfm.store.rows import MemoryRow
from sfm.store.state import State, Tenant
from sfm.store.store import Store


class HotRows:
    """At most `capacity` rows a tenant, chosen by retention score.

    A row here is used only while its checksum is that of the memory's record, so a replaced memory is never answered from it.
    """

    def __init__(self, capacity: int, weights: Retention) -> None:
        self._capacity, self._weights = capacity, weights
        self._tiers: dict[str, HotTier] = {}
        self._rows: dict[tuple[str, str], MemoryRow] = {}

    def row(self, tenant: str, id: str) -> MemoryRow | None:
        """A row, if it is kept."""
        return self._rows.get((tenant, id))

    def recalled(self, tenant: str, ids: Sequence[str]) -> None:
        """Memories were read."""
        self._tier(tenant).observe(ids)

    async def refresh(self, store: Store, state: State, now: float) -> None:
        """Choose anew; `now` in seconds."""
        for tenant in list(state.tenants.values()):
            await self._refresh(store, tenant, now)

    async def _refresh(self, store: Store, tenant: Tenant, now: float) -> None:
        tier = self._tier(tenant.name)
        ordered = await asyncio.to_thread(standings, tenant.space, now, self._weights)
        _, went = tier.refresh(ordered)
        for id in went:
            self._rows.pop((tenant.name, id), None)
        stale = [
            id
            for id in tier.resident
            if (record := tenant.records.get(id)) is not None
            and ((row := self.row(tenant.name, id)) is None or row.checksum != record.checksum)
        ]
        for id, (_, row) in (await store.latest(tenant, stale)).items():
            self._rows[tenant.name, id] = row

    def _tier(self, tenant: str) -> HotTier:
        return self._tiers.setdefault(tenant, HotTier(self._capacity))

    @property
    def hit_ratio(self) -> float:
        """Share of recalled memories that were in the tier; 0 before the first."""
        lookups = sum(tier.counts.lookups for tier in self._tiers.values())
        return sum(tier.counts.hits for tier in self._tiers.values()) / lookups if lookups else 0.0

    @property
    def evictions(self) -> int:
        """Memories that have left the tier."""
        return sum(tier.counts.evictions for tier in self._tiers.values())
