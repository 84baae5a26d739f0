"""Searches in a few threads. Those of one tenant that wait for a thread are put to the engine together."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
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

    def close(self) -> None:
        """End the threads. What still waits is not answered: it is cancelled."""
        for waiting in self._waiting.values():
            for each in waiting:
                each.answer.cancel()
        self._waiting.clear()
        self._threads.shutdown()

    async def search(self, tenant: str, question: Question) -> list[Hit]:
        """The engine's answer."""
        answer: asyncio.Future[list[Hit]] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(tenant, deque()).append(_Waiting(question, answer))
        self._start()
        return await answer

    async def run(self, work: Callable[[], T]) -> T:
        """Anything else that takes a while, in a thread."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    def _start(self) -> None:
        while self._free > 0 and self._waiting:
            if together := self._next():
                self._put(together)

    def _next(self) -> list[_Waiting]:
        """The questions of the next tenant that somebody still waits for, the oldest first."""
        tenant = next(iter(self._waiting))
        waiting = self._waiting.pop(tenant)
        together = [waiting.popleft() for _ in range(min(len(waiting), MOST_TOGETHER))]
        if waiting:
            self._waiting[tenant] = waiting
        return [each for each in together if not each.answer.done()]

    def _put(self, together: list[_Waiting]) -> None:
        """To the engine; without a task, as each turn of a busy loop takes long."""
        loop = asyncio.get_running_loop()
        try:
            work = self._threads.submit(search, [each.question for each in together])
        except RuntimeError as ended:
            for each in together:
                each.answer.set_exception(ended)
            return
        self._free -= 1
        work.add_done_callback(lambda done: loop.call_soon_threadsafe(self._done, together, done))

    def _done(self, together: list[_Waiting], done: Future[list[list[Hit]]]) -> None:
        self._free += 1
        error = done.exception()
        awaited = [(number, each) for number, each in enumerate(together) if not each.answer.done()]
        for number, each in awaited:
            if not error:
                each.answer.set_result(done.result()[number])
            elif len(together) == 1:
                each.answer.set_exception(error)
            else:  # it is the doing of one of them
                self._put([each])
        self._start()
