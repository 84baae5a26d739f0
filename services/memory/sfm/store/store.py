"""The durable store of one service: database, mark, snapshot and journal, opened together and closed together."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Collection
from pathlib import Path

from sfm.errors import Damaged, NotReady
from sfm.store import snapshot
from sfm.store.apply import Applier
from sfm.store.database import Database
from sfm.store.failures import Away
from sfm.store.journal import Journal, Pace
from sfm.store.mark import Mark
from sfm.store.plan import Change, Outcome, Plan
from sfm.store.restore import Spaces, restore
from sfm.store.rows import EventRow, MemoryRow
from sfm.store.state import Record, State, Tenant

log = logging.getLogger(__name__)
ATTEMPTS = 3
"""Reads of rows that change meanwhile, before commits are held back for one."""
AT_ONCE = 512
"""Rows that one statement asks for."""


class Store:
    """What is kept, in memory and on the disk.

    Args:
        url: of the database.
        folder: of the snapshot.
        seconds: how long a change may wait.
        changed: called in the event loop after each commit.
    """

    def __init__(
        self, url: str, folder: Path, spaces: Spaces, pace: Pace, seconds: float, changed: Callable[[Plan], None]
    ) -> None:
        self._folder, self._spaces, self._pace, self._seconds, self._changed = folder, spaces, pace, seconds, changed
        self._snapshot = folder / "snapshot"
        self._database = Database(url)
        path = self._database.path
        self._mark = Mark(path.with_name(path.name + ".acknowledged")) if path else None
        self._journal: Journal | None = None
        self.state: State | None = None
        self._writing = threading.Lock()
        self.snapshot_position = 0
        """Up to where the last snapshot goes."""
        self.trouble = "it has not been started"
        """Why it could not be opened yet."""

    async def open(self) -> None:
        """Open the database, however long it takes to be there, and restore what it holds.

        Raises:
            Damaged: something is not what was written; nothing is served.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        if self._database.path:
            self._database.path.parent.mkdir(parents=True, exist_ok=True)
        self.trouble = "it is reading what is stored"
        try:
            self.state = state = await self._waited_for()
        except BaseException as error:
            self.trouble = str(error)
            await self._database.close()
            raise
        if self._mark:
            self._mark.open(state.head)
        applier = Applier(state, self._spaces, self._changed)
        self._journal = Journal(
            self._database, self._mark, state, self._pace, microseconds, applier.engine, applier.records
        )
        self._journal.start()
        self.trouble = ""

    async def _waited_for(self) -> State:
        for wait in self._pace.waits():
            try:
                return await self._restored()
            except Away as error:
                self.trouble = f"the database is away: {error}"
                log.warning("%s; trying again", self.trouble)
                await asyncio.sleep(wait)
        raise NotReady(self.trouble)

    async def _restored(self) -> State:
        began = time.perf_counter()
        head = await self._database.open(self._spaces.dimension)
        if self._mark:
            self._mark.check(head)
        if head.dimension != self._spaces.dimension:
            raise Damaged(
                f"the database holds vectors of {head.dimension} components, the setting `dimension` is {self._spaces.dimension}"
            )
        state, self.snapshot_position = await restore(self._database, head, self._snapshot, self._spaces)
        count = sum(len(tenant.records) for tenant in state.tenants.values())
        log.info("restored %d memories up to change %d in %.2f s", count, head.position, time.perf_counter() - began)
        return state

    @property
    def why_not_ready(self) -> str:
        """Why changes are not taken, or not all reads are answered, for now; empty when all is well."""
        if self._journal is None:
            return self.trouble
        return str(self._journal.damage or self._journal.trouble)

    def check(self) -> State:
        """The state, unless it is not to be answered from.

        Raises:
            NotReady, Damaged.
        """
        if self._journal is not None and self._journal.damage:
            raise self._journal.damage
        return self._ready()

    @property
    def lineage(self) -> str:
        """Names this history of changes."""
        return self._ready().head.lineage

    def _ready(self) -> State:
        if self.state is None:
            raise NotReady(f"the service cannot answer yet: {self.trouble}")
        return self.state

    async def submit(self, change: Change) -> Outcome:
        """Make a change durable; see Journal.submit."""
        self.check()
        if self._journal is None:
            raise NotReady(f"the service cannot answer yet: {self.trouble}")
        return await self._journal.submit(change, self._seconds)

    async def rows(self, tenant: Tenant, wanted: dict[str, Record]) -> dict[str, MemoryRow] | None:
        """The rows of records, exactly as committed; None when one of them has changed since.

        Raises:
            NotReady: the database is away.
            Damaged: a row is not what was written.
        """
        found: dict[str, MemoryRow] = {}
        ids = list(wanted)
        try:
            for start in range(0, len(ids), AT_ONCE):
                found |= await self._database.memories(tenant.name, ids[start : start + AT_ONCE])
        except Away as error:
            if self._journal:
                self._journal.suspect()
            raise NotReady(f"the database is away: {error}") from error
        rows = {id: row for id, row in found.items() if row.checksum == wanted[id].checksum}
        return rows if len(rows) == len(wanted) else None

    async def latest(self, tenant: Tenant, ids: Collection[str]) -> dict[str, tuple[Record, MemoryRow]]:
        """The present record and row of each memory that there is.

        Raises:
            NotReady: the database is away.
            Damaged: a row is not what was written, or is missing.
        """
        for _ in range(ATTEMPTS):
            wanted = {id: record for id in ids if (record := tenant.records.get(id)) is not None}
            rows = await self.rows(tenant, wanted) if wanted else {}
            if rows is not None:
                return {id: (wanted[id], row) for id, row in rows.items()}
        async with self.still():
            wanted = {id: record for id in ids if (record := tenant.records.get(id)) is not None}
            return {id: (wanted[id], row) for id, row in (await self.settled(tenant, wanted)).items()}

    async def settled(self, tenant: Tenant, wanted: dict[str, Record]) -> dict[str, MemoryRow]:
        """As `rows`, while commits are held back: what does not fit then is damaged."""
        rows = await self.rows(tenant, wanted) if wanted else {}
        if rows is None:
            raise Damaged(
                f"table memories, tenant {tenant.name!r}: rows among {sorted(wanted)[:AT_ONCE]} are missing or not the ones that "
                "were committed"
            )
        return rows

    async def events(self, after: int, most: int) -> list[EventRow]:
        """The oldest changes of the outbox beyond a position, at the most so many, in order.

        Raises:
            NotReady: the database is away.
            Damaged: a row is not what was written, or is missing.
        """
        noted = self.check().noted
        try:
            rows = await self._database.events(after, most)
        except Away as error:
            self.suspect()
            raise NotReady(f"the database is away: {error}") from error
        if len(rows) < most and noted > (rows[-1].position if rows else after):
            raise Damaged(f"table outbox: change {noted} and perhaps others are missing")
        return rows

    def still(self) -> _Still:
        """Hold back commits; waits for the one that runs, and no longer than a change may wait."""
        if self._journal is None:
            raise NotReady(f"the service cannot answer yet: {self.trouble}")
        return _Still(self._journal, self._seconds)

    def suspect(self) -> None:
        """Find out whether the database is there."""
        if self._journal:
            self._journal.suspect()

    async def write_snapshot(self) -> None:
        """Write what memory holds, and let go of places of deleted memories that it has taken note of."""
        what = snapshot.image(self._ready())
        began = time.perf_counter()
        await asyncio.to_thread(self._write, what)
        self.snapshot_position = what.head.position
        log.info("snapshot of change %d written in %.2f s", what.head.position, time.perf_counter() - began)
        if self._journal and not self._journal.trouble and not self._journal.damage:
            async with self.still():
                try:
                    await self._database.purge(what.head.position)
                except Away as error:
                    log.warning("deleted memories keep their places until the next snapshot: %s", error)

    def _write(self, what: snapshot.Image) -> None:
        """One after the other: a write whose caller was cancelled goes on in its thread."""
        with self._writing:
            snapshot.write(self._snapshot, what, self._spaces.dimension, self._spaces.dtype)

    async def _last_snapshot(self) -> None:
        try:
            await self.write_snapshot()
        except OSError as error:
            self.trouble = f"the snapshot is not written: {error}"
            log.warning("%s; the next start takes longer, nothing is lost", self.trouble)

    async def close(self, seconds: float) -> None:
        """Commit what waits, write a snapshot, let go of everything.

        Args:
            seconds: for commits; what is not done by then is told that it is not.
        """
        try:
            if self._journal:
                try:
                    async with asyncio.timeout(seconds):
                        await self._journal.stop()
                except TimeoutError:
                    await self._journal.abandon()
                if not self._journal.damage and self._ready().head.position > self.snapshot_position:
                    await self._last_snapshot()
        finally:
            if self._mark:
                self._mark.close()
            await self._database.close()
            self.state = None
            self.trouble = "it has been closed"


class _Still:
    """Journal.still with a bound on the wait."""

    def __init__(self, journal: Journal, seconds: float) -> None:
        self._journal, self._seconds = journal, seconds

    async def __aenter__(self) -> None:
        try:
            async with asyncio.timeout(self._seconds):
                await self._journal.quiet.acquire()
        except TimeoutError:
            raise NotReady(f"storage is busy or away ({self._journal.trouble or 'it is slow'})") from None

    async def __aexit__(self, *_: object) -> None:
        self._journal.quiet.release()


def microseconds() -> int:
    """Now, since the Unix epoch."""
    return time.time_ns() // 1000
