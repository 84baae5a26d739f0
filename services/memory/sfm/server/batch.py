"""A stream of memories, stored with bounded concurrency: the stream is read no faster than they are stored."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from sfm.memory.v1 import memory_pb2 as pb
from sfm.server import status
from sfm.server.refusals import TooLarge

Key = tuple[str, str]


class Batch:
    """Takes one stream. Memories of one id are stored in the order in which they came.

    Args:
        store: stores one memory, or raises what it is refused for.
        in_flight: how many are stored at once.
        refusals: how many may be refused before the stream is broken off.
    """

    def __init__(self, store: Callable[[pb.StoreRequest], Awaitable[None]], in_flight: int, refusals: int) -> None:
        self._store = store
        self._refusals = refusals
        self._room = asyncio.Semaphore(in_flight)
        self._last: dict[Key, asyncio.Task[None]] = {}
        self._answer = pb.StoreBatchResponse()

    async def take(self, requests: AsyncIterator[pb.StoreRequest]) -> pb.StoreBatchResponse:
        """Store all that comes, and say what was refused.

        Raises:
            TooLarge: too many were refused; what was stored stays stored.
            Exception: the first error that is no refusal, such as a defect; likewise.
        """
        async with _broken_off_by_first_error() as group:
            index = 0
            async for request in requests:
                await self._room.acquire()
                if len(self._answer.refusals) > self._refusals:
                    stored = self._answer.stored
                    raise TooLarge(f"more than {self._refusals} memories were refused; {stored} were stored so far")
                key = request.tenant, request.id
                task = group.create_task(self._one(index, request, self._last.get(key)))
                self._last[key] = task
                task.add_done_callback(functools.partial(self._forget, key))
                index += 1
        self._answer.refusals.sort(key=lambda refusal: refusal.index)
        return self._answer

    def _forget(self, key: Key, done: asyncio.Task[None]) -> None:
        self._room.release()
        if self._last.get(key) is done:
            del self._last[key]

    async def _one(self, index: int, request: pb.StoreRequest, before: asyncio.Task[None] | None) -> None:
        if before:
            await asyncio.wait([before])
        try:
            await self._store(request)
        except Exception as error:
            ended = status.of(error)
            if not ended.expected:
                raise
            self._answer.refusals.add(index=index, id=request.id, code=ended.code.value[0], message=ended.message)
        else:
            self._answer.stored += 1


@asynccontextmanager
async def _broken_off_by_first_error() -> AsyncIterator[asyncio.TaskGroup]:
    """A group of tasks whose first error ends the others, and is raised as it is."""
    try:
        async with asyncio.TaskGroup() as group:
            yield group
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None
