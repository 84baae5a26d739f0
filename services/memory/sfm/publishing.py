"""Tells others of durable changes: each at least once, those of one memory in their order, and never holding up a store.

Each commit puts its changes into the outbox, a table of the same database, so a change that was acknowledged is there after
any crash, and one that was not committed never is. The relay reads the outbox in order, publishes, and has what was published
taken out by a later commit, a group at a time. What was published just before a crash is therefore published again.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass

from common.utils.backoff import backoff

from sfm.domain import Changed
from sfm.errors import Damaged, MemoryServiceError
from sfm.store.plan import Published
from sfm.store.rows import MODULUS, EventRow, total
from sfm.store.store import Store

log = logging.getLogger(__name__)
Publish = Callable[[Sequence[Changed]], Awaitable[None]]
"""Returns when others have all of the changes for good; raises when it is not sure, and is then given the same ones again."""
REMOVED_AT_ONCE = 4096
"""Published changes after which they are taken out without waiting longer; a commit that removes them stays short."""


@dataclass(frozen=True, kw_only=True)
class Rhythm:
    """How much and how often; see the settings kafka_batch, events_linger_seconds, events_note_seconds and kafka_retry_…."""

    batch: int
    linger_seconds: float
    note_seconds: float
    retry_first_seconds: float
    retry_longest_seconds: float


class Relay:
    """Empties the outbox of a store.

    Args:
        store: opened before `run`.
        publish: see Publish.
    """

    def __init__(self, store: Store, publish: Publish, rhythm: Rhythm) -> None:
        self._store, self._publish, self._rhythm = store, publish, rhythm
        self._news = asyncio.Event()
        self._ending = False
        self._task: asyncio.Task[None] | None = None
        self._position = self._count = self._total = 0
        """Of what was published and is still in the outbox."""
        self._noted = 0.0
        self.trouble = ""
        """Why changes are not published for now; empty when all is well."""

    def start(self) -> None:
        """Begin, with what the outbox holds."""
        self._task = asyncio.create_task(self._run(), name="events")

    def news(self) -> None:
        """There is more in the outbox."""
        self._news.set()

    @property
    def backlog(self) -> int:
        """Changes that wait to be published."""
        state = self._store.state
        return max(0, state.waiting - self._count) if state else 0

    async def finish(self, seconds: float) -> None:
        """Publish what waits, for at most so long and only while others take it; the rest keeps its place until the next start."""
        self._ending = True
        self._news.set()
        if self._task is None:
            return
        await asyncio.wait({self._task}, timeout=0 if self.trouble else seconds)
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        if self.backlog:
            log.warning("%d changes are not published yet; they will be after the next start", self.backlog)

    async def _run(self) -> None:
        pauses = self._pauses()
        while True:
            self._news.clear()
            try:
                more = await self._round()
            except Damaged as error:
                self.trouble = str(error)
                log.critical("no more changes are published: %s", error)
                return
            except Exception as error:  # noqa: BLE001 - whatever a broker's client raises, the changes are kept and told later
                self._note_trouble(error)
                if self._ending:
                    return
                await asyncio.sleep(next(pauses))
                continue
            if self.trouble:
                log.info("changes are published again, %d wait", self.backlog)
                self.trouble, pauses = "", self._pauses()
            if more or self._news.is_set():
                continue
            if self._ending:
                await self._take_out()
                return
            await self._until_news()

    async def _round(self) -> bool:
        """Publish the next changes; whether there are surely more."""
        rows = await self._store.events(self._position, self._rhythm.batch)
        if rows:
            lineage = self._store.lineage
            await self._publish([_changed(row, lineage) for row in rows])
            self._position = rows[-1].position
            self._count += len(rows)
            self._total = (self._total + total(row.checksum for row in rows)) % MODULUS
        if self._count >= REMOVED_AT_ONCE or self._overdue <= 0:
            await self._take_out()
        return len(rows) == self._rhythm.batch

    @property
    def _overdue(self) -> float:
        """Seconds until published changes are to be taken out."""
        return self._noted + self._rhythm.note_seconds - time.monotonic()

    async def _take_out(self) -> None:
        """Have published changes removed; always the same ones until it is known that they are."""
        self._noted = time.monotonic()
        if not self._count:
            return
        published = Published(self._position, self._count, self._total)
        for pause in self._pauses():
            try:
                await self._store.submit(published)
            except Damaged:
                raise
            except MemoryServiceError as error:
                if self._ending:
                    raise
                self._note_trouble(error)
                await asyncio.sleep(pause)
                continue
            break
        self._count = self._total = 0

    async def _until_news(self) -> None:
        try:
            async with asyncio.timeout(max(0.0, self._overdue) if self._count else None):
                await self._news.wait()
        except TimeoutError:
            return
        await asyncio.sleep(0 if self._ending else self._rhythm.linger_seconds)

    def _pauses(self) -> Iterator[float]:
        return backoff(self._rhythm.retry_first_seconds, self._rhythm.retry_longest_seconds)

    def _note_trouble(self, error: Exception) -> None:
        said = str(error) or repr(error)
        if said != self.trouble:
            log.warning("changes are not published for now, %d wait: %s", self.backlog, said)
        self.trouble = said


def _changed(row: EventRow, lineage: str) -> Changed:
    return Changed(
        tenant=row.tenant,
        id=row.id,
        lineage=lineage,
        position=row.position,
        sequence=row.sequence,
        deleted=bool(row.deleted),
        digest=row.digest,
        made=row.made,
    )
