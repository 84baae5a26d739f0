"""What is due after commits, and what is due now and then. No call waits for any of it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterable

from common.config.settings import SMFSettings

from sfm.engine.space import Space
from sfm.errors import MemoryServiceError
from sfm.hot import HotRows
from sfm.store.plan import Touch, Touched
from sfm.store.state import State
from sfm.store.store import Store

log = logging.getLogger(__name__)


class Upkeep:
    """Merges segments and writes snapshots after commits; now and then persists accesses, and chooses the hot tier anew.

    Args:
        hot: None where there is no hot tier.
    """

    def __init__(self, settings: SMFSettings, store: Store, hot: HotRows | None) -> None:
        self._settings, self._store, self._hot = settings, store, hot
        self._unkept: set[str] = set()
        self._due = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin, with all tenants: their segments are as the restoring left them."""
        self._unkept.update(self._store.check().tenants)
        self._task = asyncio.create_task(self._run(), name="upkeep")

    def committed(self, tenants: Iterable[str]) -> None:
        """Tenants were changed."""
        self._unkept.update(tenants)
        self._due.set()

    async def stop(self) -> None:
        """End; what was being done is left as it is."""
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def keep_accesses(self, state: State) -> None:
        """Persist accesses, a group at a time.

        Raises:
            NotReady, Damaged.
        """
        waiting = [
            Touched(tenant.name, id, record.sequence, tenant.access[id].accessed, tenant.access[id].count)
            for tenant in state.tenants.values()
            for id in tenant.dirty
            if (record := tenant.records.get(id)) is not None
        ]
        for start in range(0, len(waiting), self._settings.commit_batch):
            await self._store.submit(Touch(tuple(waiting[start : start + self._settings.commit_batch])))

    async def _run(self) -> None:
        later = 0.0
        while True:
            self._due.clear()
            try:
                await self._after_commits()
                if time.monotonic() >= later:
                    later = time.monotonic() + self._settings.upkeep_seconds
                    await self._now_and_then()
            except MemoryServiceError as error:
                log.warning("upkeep: %s", error)
            except OSError as error:
                log.warning("the snapshot is not written: %s", error)
            try:
                async with asyncio.timeout(max(0.0, later - time.monotonic())):
                    await self._due.wait()
            except TimeoutError:
                continue

    async def _after_commits(self) -> None:
        state = self._store.check()
        names, self._unkept = self._unkept, set()
        for name in names:
            tenant = state.tenants[name]
            if await asyncio.to_thread(_maintained, tenant.space):
                async with self._store.still():
                    tenant.publish()
        if state.head.position - self._store.snapshot_position >= self._settings.snapshot_every_changes:
            await self._store.write_snapshot()

    async def _now_and_then(self) -> None:
        state = self._store.check()
        self._store.suspect()
        await self.keep_accesses(state)
        if self._hot:
            await self._hot.refresh(self._store, state, time.time())


def _maintained(space: Space) -> bool:
    """Do all merges that are due; whether there were any."""
    done = False
    while space.maintain():
        done = True
    return done
