"""Tells others of durable changes, in order and without holding up a store."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable

from sfm.domain import Changed
from sfm.store.plan import Plan

log = logging.getLogger(__name__)
Publish = Callable[[Changed], Awaitable[None]]


class Publisher:
    """A line of changes that wait to be published.

    A change that is published was made; one that was made just before a crash may not be published. Of several changes to one
    memory in one commit only the last is told.

    Args:
        publish: tries again by itself, and raises when it gives up on a change.
        most: changes that may wait; the oldest are given up when there are more.
    """

    def __init__(self, publish: Publish, most: int) -> None:
        self._publish, self._most = publish, most
        self._line: deque[Changed] = deque()
        self._news = asyncio.Event()
        self.lost = 0
        """Changes that were given up."""

    def take(self, plan: Plan) -> None:
        """Put the changes of a commit in line."""
        for row in sorted(plan.memories.values(), key=lambda row: row.position):
            self._line.append(
                Changed(
                    tenant=row.tenant,
                    id=row.id,
                    position=row.position,
                    sequence=row.sequence,
                    deleted=bool(row.deleted),
                    raw_importance=row.raw_importance,
                    created=row.created,
                    metadata=row.metadata,
                )
            )
        while len(self._line) > self._most:
            self._lose(self._line.popleft(), "too many changes wait")
        self._news.set()

    async def run(self) -> None:
        """Publish until cancelled."""
        while True:
            self._news.clear()
            while self._line:
                change = self._line.popleft()
                try:
                    await self._publish(change)
                except Exception as error:  # noqa: BLE001 - whatever a broker's client raises, the next change is told
                    self._lose(change, repr(error))
            await self._news.wait()

    async def finish(self) -> None:
        """Wait until the line is empty."""
        while self._line:
            await asyncio.sleep(0)

    def _lose(self, change: Changed, why: str) -> None:
        self.lost += 1
        log.error("change %d of tenant %s is not published: %s", change.position, change.tenant, why)
