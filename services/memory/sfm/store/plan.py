"""What a group of changes does to the database, worked out before anything is touched. No I/O here.

Changes take effect in their order. Each that has an effect takes the next position of the journal, and the next sequence
number of its tenant. Of several changes to one memory only the last leaves a row, yet all are numbered and answered, and,
where others are to be told of changes, each is put into the outbox by the same commit.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple

from sfm.domain import Stored
from sfm.errors import IdempotencyConflict
from sfm.store import canonical
from sfm.store.rows import MODULUS, AccessRow, EventRow, Head, KeyRow, MemoryRow, TenantRow, moved, sealed
from sfm.store.state import State

Name = tuple[str, str]
"""Tenant, and id or idempotency key."""
EXPIRED_AT_ONCE = 1024
"""Old idempotency keys that one commit removes at the most."""
NOTHING: Mapping[Name, KeyRow] = MappingProxyType({})


class Put(NamedTuple):
    """Store a memory.

    Attributes:
        vector: little-endian float32 of the unit row.
        importance: normalised, for the answer.
        request: digest of the request, compared when `key` comes again.
    """

    tenant: str
    id: str
    vector: bytes
    raw_importance: float
    importance: float
    created: int
    payload: bytes
    metadata: str
    features: str
    key: str
    request: bytes


class Forget(NamedTuple):
    """Delete a memory."""

    tenant: str
    id: str


class Touched(NamedTuple):
    """The latest access of the memory that change number `sequence` stored."""

    tenant: str
    id: str
    sequence: int
    accessed: int
    count: int  # type: ignore[assignment]  # tuple.count is never called


class Touch(NamedTuple):
    """Persist accesses; those of memories that are gone by then are left out."""

    accesses: tuple[Touched, ...]


class Published(NamedTuple):
    """All of the outbox up to a position was told.

    Attributes:
        count, total: number of its rows, and the sum of their checksums.
    """

    position: int
    count: int  # type: ignore[assignment]  # tuple.count is never called
    total: int


Change = Put | Forget | Touch | Published
Outcome = Stored | bool | IdempotencyConflict


class KnownKeys(NamedTuple):
    """What the database has of idempotency keys, as far as a group is concerned with them.

    Attributes:
        asked: rows of the keys that occur in the group.
        expired: some of the oldest rows, that may go.
    """

    asked: Mapping[Name, KeyRow] = NOTHING
    expired: Sequence[KeyRow] = ()


@dataclass
class Plan:
    """Rows to write and to remove, the head before and after, and the answer to each change."""

    before: Head
    after: Head
    tenants: dict[str, TenantRow] = field(default_factory=dict)
    memories: dict[Name, MemoryRow] = field(default_factory=dict)
    accesses: dict[Name, AccessRow] = field(default_factory=dict)
    keys: dict[Name, KeyRow] = field(default_factory=dict)
    accesses_gone: set[Name] = field(default_factory=set)
    keys_gone: set[Name] = field(default_factory=set)
    events: list[EventRow] = field(default_factory=list)
    published: Published | None = None
    outcomes: list[Outcome] = field(default_factory=list)

    @property
    def empty(self) -> bool:
        """Whether nothing is to be written."""
        return self.after == self.before


def names_of_keys(changes: Iterable[Change]) -> set[Name]:
    """The idempotency keys that occur in a group."""
    return {(change.tenant, change.key) for change in changes if isinstance(change, Put) and change.key}


def make(state: State, changes: Sequence[Change], now: int, known: KnownKeys, keys_since: int, *, outbox: bool) -> Plan:
    """Plan a group.

    Args:
        state: what is committed; not changed.
        known: what is committed of the keys that `names_of_keys` named.
        now: microseconds since the epoch, noted with idempotency keys and events.
        keys_since: keys made before this are forgotten.
        outbox: whether others are to be told.
    """
    plan = Plan(state.head, state.head)
    work = _Work(state, plan, now, known, keys_since, outbox=outbox)
    plan.outcomes = [work.take(change) for change in changes]
    if work.position > state.head.position:
        work.expire()
        work.finish()
    return plan


class _Work:
    def __init__(self, state: State, plan: Plan, now: int, known: KnownKeys, keys_since: int, *, outbox: bool) -> None:
        self.state, self.plan, self.now, self.outbox = state, plan, now, outbox
        self.known, self.keys_since = known, keys_since
        self.position = state.head.position
        self.sequences: dict[str, int] = {}

    def take(self, change: Change) -> Outcome:
        if isinstance(change, Put):
            return self.put(change)
        if isinstance(change, Forget):
            return self.forget(change)
        if isinstance(change, Published):
            return self.published(change)
        return self.touch(change)

    def put(self, change: Put) -> Outcome:
        name = (change.tenant, change.key)
        if change.key:
            known = self.plan.keys.get(name) or self.known.asked.get(name)
            if known is not None and known.created >= self.keys_since:
                if known.request != change.request:
                    return IdempotencyConflict(
                        f"idempotency_key: {change.key!r} was used before, with another request; use a new key"
                    )
                return Stored(
                    id=known.id,
                    replaced=bool(known.replaced),
                    sequence=known.sequence,
                    importance=known.importance,
                )
        replaced = self.sequence_of(change.tenant, change.id) is not None
        sequence = self.advance(change.tenant)
        self.write(
            MemoryRow(
                change.tenant,
                change.id,
                self.position,
                sequence,
                0,
                change.vector,
                change.raw_importance,
                change.created,
                change.payload,
                change.metadata,
                change.features,
            )
        )
        if change.key:
            self.plan.keys[name] = KeyRow(
                *name,
                self.position,
                change.request,
                change.id,
                sequence,
                int(replaced),
                change.importance,
                self.now,
            )
        return Stored(id=change.id, replaced=replaced, sequence=sequence, importance=change.importance)

    def forget(self, change: Forget) -> bool:
        if self.sequence_of(change.tenant, change.id) is None:
            return False
        sequence = self.advance(change.tenant)
        self.write(MemoryRow(change.tenant, change.id, self.position, sequence, 1, b"", 0.0, 0, b"", "{}", "{}"))
        return True

    def touch(self, change: Touch) -> bool:
        wanted = [a for a in change.accesses if self.sequence_of(a.tenant, a.id) == a.sequence]
        if wanted:
            self.position += 1
        for a in wanted:
            self.plan.accesses[a.tenant, a.id] = AccessRow(a.tenant, a.id, self.position, a.accessed, a.count)
        return bool(wanted)

    def published(self, change: Published) -> bool:
        """Once only: what was taken out of the sum is not taken out again."""
        if change.position <= self.state.published or self.plan.published:
            return False
        self.position += 1
        self.plan.published = change
        return True

    def sequence_of(self, tenant: str, id: str) -> int | None:
        """The change that stored the live memory of this id; None when there is none."""
        row = self.plan.memories.get((tenant, id))
        if row is not None:
            return None if row.deleted else row.sequence
        known = self.state.tenants.get(tenant)
        record = known.records.get(id) if known else None
        return record.sequence if record else None

    def advance(self, tenant: str) -> int:
        known = self.state.tenants.get(tenant)
        sequence = self.sequences.get(tenant, known.sequence if known else 0) + 1
        self.sequences[tenant] = sequence
        self.position += 1
        return sequence

    def write(self, row: MemoryRow) -> None:
        name = (row.tenant, row.id)
        self.plan.memories[name] = row
        self.plan.accesses.pop(name, None)
        known = self.state.tenants.get(row.tenant)
        if known and row.id in known.persisted:
            self.plan.accesses_gone.add(name)
        if self.outbox:
            digest = b"" if row.deleted else content_digest(row)
            event = EventRow(row.position, row.tenant, row.id, row.sequence, row.deleted, digest, self.now)
            self.plan.events.append(sealed(event))

    def expire(self) -> None:
        """Old keys go with the next commit: as many as were read."""
        for row in self.known.expired:
            name = (row.tenant, row.key)
            if row.created < self.keys_since and name not in self.plan.keys:
                self.plan.keys_gone.add(name)

    def finish(self) -> None:
        """Seal rows and bring the sums up to date."""
        plan, state, head = self.plan, self.state, self.plan.before
        plan.memories = {name: sealed(row) for name, row in plan.memories.items()}
        plan.accesses = {name: sealed(row) for name, row in plan.accesses.items()}
        plan.keys = {name: sealed(row) for name, row in plan.keys.items()}
        plan.tenants = {
            tenant: sealed(TenantRow(tenant, self.position, sequence)) for tenant, sequence in self.sequences.items()
        }
        plan.accesses_gone -= plan.accesses.keys()
        keys = {(row.tenant, row.key): row for row in (*self.known.expired, *self.known.asked.values())}
        known = [(state.tenants[tenant], id) for tenant, id in plan.memories if tenant in state.tenants]
        counted = [
            (state.tenants[tenant], id)
            for tenant, id in plan.accesses.keys() | plan.accesses_gone
            if tenant in state.tenants
        ]
        plan.after = head._replace(
            position=self.position,
            tenants_sum=moved(
                head.tenants_sum,
                _checksums(plan.tenants.values()),
                (state.tenants[tenant].checksum for tenant in plan.tenants if tenant in state.tenants),
            ),
            memories_sum=moved(
                head.memories_sum,
                _checksums(row for row in plan.memories.values() if not row.deleted),
                (tenant.records[id].checksum for tenant, id in known if id in tenant.records),
            ),
            accesses_sum=moved(
                head.accesses_sum,
                _checksums(plan.accesses.values()),
                (tenant.persisted[id].checksum for tenant, id in counted if id in tenant.persisted),
            ),
            idempotency_sum=moved(
                head.idempotency_sum,
                _checksums(plan.keys.values()),
                (keys[name].checksum for name in plan.keys.keys() | plan.keys_gone if name in keys),
            ),
            outbox_sum=(
                moved(head.outbox_sum, _checksums(plan.events), ()) - (plan.published.total if plan.published else 0)
            )
            % MODULUS,
        )


def content_digest(row: MemoryRow) -> bytes:
    """128 bits that are equal for equal content: unit vector, raw importance, time of creation, payload, metadata, features."""
    return canonical.digest(
        row.vector,
        struct.pack("<d", row.raw_importance),
        str(row.created).encode(),
        row.payload,
        row.metadata.encode(),
        row.features.encode(),
    )


def _checksums(rows: Iterable[TenantRow | MemoryRow | AccessRow | KeyRow | EventRow]) -> Iterable[bytes]:
    return (row.checksum for row in rows)
