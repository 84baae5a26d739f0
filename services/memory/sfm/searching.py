"""Searches in a few threads. Those of one tenant that wait for a thread are put to the engine together."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import NamedTuple, TypeVar

from sfm.engine.search import Question, search
from sfm.engine.top import Hit

MOST_TOGETHER = 8
"""Questions of one pass: more save little, and each waits for all."""
T = TypeVar("T")


class _Waiting(NamedTuple):
    question: Question
    answer: asyncio.Future[list[Hit]]


class Searches:
    """All methods belong to one event loop.

    Args:
        threads: searches, or passes of several, at the same time; at least 1.
    """

    def __init__(self, threads: int) -> None:
        self._threads = ThreadPoolExecutor(threads, "search")
        self._free = threads
        self._waiting: dict[str, deque[_Waiting]] = {}
        """By tenant; the tenant whose turn it is comes first."""
        self._tasks: set[asyncio.Task[None]] = set()

    def close(self) -> None:
        """End the threads."""
        self._threads.shutdown()

    async def search(self, tenant: str, question: Question) -> list[Hit]:
        """The engine's answer."""
        answer: asyncio.Future[list[Hit]] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(tenant, deque()).append(_Waiting(question, answer))
        if self._free:
            self._free -= 1
            task = asyncio.create_task(self._work())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return await answer

    def run(self, work: Callable[[], T]) -> asyncio.Future[T]:
        """Anything else that takes a while, in a thread."""
        return asyncio.get_running_loop().run_in_executor(self._threads, work)

    async def _work(self) -> None:
        """Keep one thread busy until nothing waits."""
        try:
            while self._waiting:
                if together := self._next():
                    await self._answer(together)
        finally:
            self._free += 1

    def _next(self) -> list[_Waiting]:
        """The questions of the next tenant that somebody still waits for, the oldest first."""
        tenant = next(iter(self._waiting))
        waiting = self._waiting.pop(tenant)
        together = [waiting.popleft() for _ in range(min(len(waiting), MOST_TOGETHER))]
        if waiting:
            self._waiting[tenant] = waiting
        return [each for each in together if not each.answer.done()]

    async def _answer(self, together: list[_Waiting]) -> None:
        pending = self.run(partial(search, [each.question for each in together]))
        await asyncio.wait([pending])
        error = pending.exception()
        if error and len(together) > 1:  # it is the doing of one of them
            for each in together:
                await self._answer([each])
            return
        for number, (_, answer) in enumerate(together):
            if answer.done():
                continue
            if error:
                answer.set_exception(error)
            else:
                answer.set_result(pending.result()[number])
