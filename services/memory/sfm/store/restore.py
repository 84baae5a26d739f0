"""The state at start: from the snapshot and what was changed since, or from the whole database.

Either way the sums over all rows must be those of the head. A snapshot that does not lead to them is put aside, and the
database is read in full; a database that does not have them itself is damaged, and nothing is answered from it. Idempotency
keys and the outbox stay where they are: they are read through, and not kept.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sfm.engine import scoring
from sfm.engine.space import Space
from sfm.errors import Damaged
from sfm.store import snapshot
from sfm.store.database import Database
from sfm.store.rows import MODULUS, AccessRow, EventRow, Head, MemoryRow, TenantRow, total
from sfm.store.sections import SectionDamaged
from sfm.store.state import Record, State, Tenant

log = logging.getLogger(__name__)
MICROSECONDS = 1e6
BATCH = 1 << 14
"""Rows handed to the engine at once."""


class Spaces:
    """Makes spaces, and turns rows into what they take.

    Args:
        make: an empty space.
        names: feature channels, in the order of the space's columns.
        k, c: slope and centre of importance.
    """

    def __init__(self, make: Callable[[], Space], names: tuple[str, ...], k: float, c: float) -> None:
        self.make, self.names, self.k, self.c = make, names, k, c
        like = make()
        self.dimension, self.dtype = like.d, like.dtype

    def importance(self, raw: Iterable[float]) -> NDArray[np.float64]:
        """Normalised importance."""
        return scoring.importance(np.fromiter(raw, np.float64), self.k, self.c)

    def put(
        self,
        space: Space,
        ids: list[str],
        vectors: NDArray[Any],
        records: list[Record],
        accesses: list[AccessRow | None] | None = None,
    ) -> None:
        """Insert or replace memories whose vectors are unit rows, shape (n, d), kept bit for bit."""
        if not ids:
            return
        created = np.array([record.created for record in records], np.float64) / MICROSECONDS
        accessed, counts = created.copy(), np.zeros(len(ids), np.int64)
        for at, access in enumerate(accesses or ()):
            if access is not None:
                accessed[at], counts[at] = access.accessed / MICROSECONDS, access.count
        space.put(
            ids,
            vectors.astype(space.dtype, copy=False),
            self.importance(record.raw_importance for record in records),
            created,
            accessed=accessed,
            accesses=counts,
            features=self.features(records) if self.names else None,
        )

    def features(self, records: list[Record]) -> NDArray[np.float32]:
        """Channels of each record, shape (n, m); 1 where a record has none."""
        found = (json.loads(record.features) for record in records)
        return np.array([[values.get(name, 1.0) for name in self.names] for values in found], np.float32)


class _Tables:
    """Rows gathered tenant by tenant, before any space is made."""

    def __init__(self) -> None:
        self.tenants: dict[str, TenantRow] = {}
        self.records: dict[str, dict[str, Record]] = {}
        self.vectors: dict[str, dict[str, bytes | NDArray[Any]]] = {}
        self.persisted: dict[str, dict[str, AccessRow]] = {}
        self.snapshot_position = 0

    def memory(self, row: MemoryRow) -> None:
        records = self.records.setdefault(row.tenant, {})
        vectors = self.vectors.setdefault(row.tenant, {})
        self.persisted.get(row.tenant, {}).pop(row.id, None)
        records.pop(row.id, None)
        vectors.pop(row.id, None)
        if not row.deleted:
            records[row.id], vectors[row.id] = Record.of(row), row.vector

    def wrong(self, head: Head) -> list[str]:
        """Tables whose rows do not add up to the head's sums."""
        sums = {
            "tenants": total(row.checksum for row in self.tenants.values()),
            "memories": total(record.checksum for records in self.records.values() for record in records.values()),
            "accesses": total(row.checksum for rows in self.persisted.values() for row in rows.values()),
        }
        return [table for table, found in sums.items() if found != getattr(head, f"{table}_sum")]


async def restore(database: Database, head: Head, path: Path, spaces: Spaces) -> tuple[State, int]:
    """The state of the database, whose head was read and checked, and up to where the snapshot went that was used.

    Args:
        path: of the snapshot.

    Raises:
        Away, Damaged.
    """
    tables = await _from_snapshot(database, head, path, spaces)
    if tables is None:
        tables = await _from_database(database, head)
    state = await asyncio.to_thread(_assembled, head, tables, spaces)
    await _check_keys(database, head)
    await _note_events(database, state)
    return state, tables.snapshot_position


async def _check_keys(database: Database, head: Head) -> None:
    found = 0
    async with database.keys() as pages:
        async for rows in pages:
            found = (found + total(row.checksum for row in rows)) % MODULUS
    if found != head.idempotency_sum:
        raise _wrong("idempotency", head)


async def _note_events(database: Database, state: State) -> None:
    """What the outbox holds. No snapshot has it."""
    found = 0
    async with database.scan(EventRow) as pages:
        async for rows in pages:
            state.waiting += len(rows)
            state.noted = max(state.noted, *(row.position for row in rows))
            found = (found + total(row.checksum for row in rows)) % MODULUS
    if found != state.head.outbox_sum:
        raise _wrong("outbox", state.head)


def _wrong(names: str, head: Head) -> Damaged:
    return Damaged(
        f"table {names}: the rows do not add up to what was committed up to change {head.position}, so rows are missing, doubled or "
        "old; restore the database from a backup"
    )


async def _from_snapshot(database: Database, head: Head, path: Path, spaces: Spaces) -> _Tables | None:
    try:
        then, loaded = await asyncio.to_thread(snapshot.read, path, spaces.dimension, spaces.dtype)
    except FileNotFoundError:
        log.info("no snapshot: reading the whole database")
        return None
    except SectionDamaged as error:
        log.warning("snapshot discarded, reading the whole database: %s", error)
        return None
    if then.lineage != head.lineage or then.position > head.position:
        log.warning("snapshot discarded, reading the whole database: it is of another history or of a later state")
        return None
    tables = _Tables()
    tables.snapshot_position = then.position
    for t in loaded:
        tables.tenants[t.name] = TenantRow(t.name, t.position, t.sequence, t.checksum)
        tables.records[t.name] = dict(zip(t.ids, t.records, strict=True))
        tables.vectors[t.name] = dict(zip(t.ids, t.vectors, strict=True))
        tables.persisted[t.name] = {row.id: row for row in t.persisted}
    try:
        await _read(database, tables, then.position)
    except Damaged as error:
        log.warning("reading the whole database, since what follows the snapshot is damaged: %s", error)
        return None
    if wrong := tables.wrong(head):
        log.warning("snapshot discarded, reading the whole database: table %s does not add up", ", ".join(wrong))
        return None
    return tables


async def _from_database(database: Database, head: Head) -> _Tables:
    tables = _Tables()
    await _read(database, tables, None)
    if wrong := tables.wrong(head):
        raise _wrong(", ".join(wrong), head)
    return tables


async def _read(database: Database, tables: _Tables, after: int | None) -> None:
    async with database.scan(TenantRow, after) as pages:
        async for tenants in pages:
            tables.tenants.update((row.tenant, row) for row in tenants)
    async with database.scan(MemoryRow, after) as pages:
        async for memories in pages:
            for memory in memories:
                tables.memory(memory)
    async with database.scan(AccessRow, after) as pages:
        async for accesses in pages:
            for access in accesses:
                tables.persisted.setdefault(access.tenant, {})[access.id] = access


def _assembled(head: Head, tables: _Tables, spaces: Spaces) -> State:
    state = State(head)
    for name, row in tables.tenants.items():
        tenant = Tenant(name, spaces.make(), row.sequence, row.position, row.checksum)
        tenant.records = tables.records.get(name, {})
        tenant.newest = max((record.created for record in tenant.records.values()), default=tenant.newest)
        persisted = tables.persisted.get(name, {})
        vectors, ids = tables.vectors.get(name, {}), list(tenant.records)
        for start in range(0, len(ids), BATCH):
            part = ids[start : start + BATCH]
            array = np.empty((len(part), spaces.dimension), spaces.dtype)
            for at, id in enumerate(part):
                vector = vectors[id]
                array[at] = np.frombuffer(vector, "<f4") if isinstance(vector, bytes) else vector
            accesses = [persisted.get(id) for id in part] if persisted else None
            spaces.put(tenant.space, part, array, [tenant.records[id] for id in part], accesses)
        for access in persisted.values():
            if access.id in tenant.records:
                tenant.persist(access)
        tenant.publish()
        state.tenants[name] = tenant
    return state
