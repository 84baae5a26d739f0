"""What is committed, as memory holds it: everything but payloads, and vectors, which the engine keeps.

All of it is changed by one thread, the event loop's. Searches run in other threads on an immutable view of a space; what they
need to know of a memory they read by `Tenant.record_at`, which remembers what was replaced since the view was taken.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import NamedTuple

from sfm.engine.snapshot import Snapshot
from sfm.engine.space import Space
from sfm.store.rows import AccessRow, Head, MemoryRow


class Record(NamedTuple):
    """A live memory without vector and payload; `checksum` is that of its row, by which the row is known when it is read."""

    sequence: int
    position: int
    raw_importance: float
    created: int
    metadata: str
    features: str
    checksum: bytes

    @classmethod
    def of(cls, row: MemoryRow) -> Record:
        """What is remembered of a row."""
        return cls(
            row.sequence, row.position, row.raw_importance, row.created, row.metadata, row.features, row.checksum
        )


class Access(NamedTuple):
    """When a memory was last read, in microseconds, and how often."""

    accessed: int
    count: int  # type: ignore[assignment]  # tuple.count is never called


class Former(NamedTuple):
    """A record that change number `until` of its tenant has replaced or deleted."""

    until: int
    id: str
    record: Record


class View(NamedTuple):
    """A tenant after change number `sequence`."""

    sequence: int
    snapshot: Snapshot


@dataclass
class Tenant:
    """One namespace.

    Attributes:
        sequence: number of its last change; `position` and `checksum` are those of its row.
        records: every live memory by id.
        persisted: access rows as the database has them.
        access: the latest accesses, of memories that were read since they were stored.
        dirty: ids whose access is newer than the database has it.
        newest: no memory was created after this, in microseconds.
    """

    name: str
    space: Space
    sequence: int = 0
    position: int = 0
    checksum: bytes = b""
    records: dict[str, Record] = field(default_factory=dict)
    persisted: dict[str, AccessRow] = field(default_factory=dict)
    access: dict[str, Access] = field(default_factory=dict)
    dirty: set[str] = field(default_factory=set)
    newest: int = -(1 << 62)
    _view: View | None = None
    _readers: dict[object, int] = field(default_factory=dict)
    _log: deque[Former] = field(default_factory=deque)
    _former: dict[str, list[Former]] = field(default_factory=dict)

    def publish(self) -> None:
        """Let searches that begin from now on see the space as it is."""
        self._view = View(self.sequence, self.space.snapshot)

    @property
    def view(self) -> View:
        """The state that records and accesses agree with."""
        return self._view or View(self.sequence, self.space.snapshot)

    def begin(self, token: object) -> View:
        """A view whose records stay readable until `end` is called with the same token."""
        view = self.view
        self._readers[token] = view.sequence
        return view

    def end(self, token: object) -> None:
        """Let go of a view, and of what was remembered for it alone."""
        del self._readers[token]
        oldest = min(self._readers.values(), default=self.sequence)
        while self._log and self._log[0].until <= oldest:
            gone = self._log.popleft()
            rest = [former for former in self._former[gone.id] if former is not gone]
            if rest:
                self._former[gone.id] = rest
            else:
                del self._former[gone.id]

    def record_at(self, id: str, sequence: int) -> Record | None:
        """The record as it was after change number `sequence`, for a view that was begun and not ended. Any thread."""
        record = self.records.get(id)
        if record is not None and record.sequence <= sequence:
            return record
        return next((former.record for former in self._former.get(id, ()) if former.until > sequence), None)

    def put(self, id: str, record: Record) -> None:
        """A memory was stored."""
        self._remember(id, record.sequence)
        self._forget_accesses(id)
        self.records[id] = record
        self.newest = max(self.newest, record.created)

    def delete(self, id: str, sequence: int) -> None:
        """A memory was deleted by change number `sequence`."""
        self._remember(id, sequence)
        self._forget_accesses(id)
        self.records.pop(id, None)

    def touch(self, id: str, now: int) -> None:
        """A memory was read at `now`, microseconds."""
        old = self.access.get(id)
        self.access[id] = Access(now, 1) if old is None else Access(max(old.accessed, now), old.count + 1)
        self.dirty.add(id)

    def persist(self, row: AccessRow) -> None:
        """The database has a memory's access; it may have been read again since."""
        self.persisted[row.id] = row
        if self.access.setdefault(row.id, Access(row.accessed, row.count)) == (row.accessed, row.count):
            self.dirty.discard(row.id)

    def _remember(self, id: str, sequence: int) -> None:
        old = self.records.get(id)
        if old is not None and self._readers:
            former = Former(sequence, id, old)
            self._log.append(former)
            self._former[id] = [*self._former.get(id, ()), former]

    def _forget_accesses(self, id: str) -> None:
        self.access.pop(id, None)
        self.persisted.pop(id, None)
        self.dirty.discard(id)


@dataclass
class State:
    """Everything of one database but idempotency keys, of which there may be more than memories: see Database.commit.

    Attributes:
        waiting: number of changes in the outbox.
        noted: position of the newest change that was put there and is known of since the start.
        published: up to where it was emptied since the start.
    """

    head: Head
    tenants: dict[str, Tenant] = field(default_factory=dict)
    waiting: int = 0
    noted: int = 0
    published: int = 0
