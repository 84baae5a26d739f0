"""Worker processes bounded in time and memory, which outlive the death of any of them."""

from __future__ import annotations

import ctypes
import faulthandler
import multiprocessing
import os
import resource
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError, Future, wait
from concurrent.futures.process import BrokenProcessPool
from typing import TYPE_CHECKING, Any, TypeVar

from strictreal.errors import StrictRealError

if TYPE_CHECKING:
    from pebble import ProcessPool

WORKER_BYTES = 2 * 1024**3
"""Memory that one worker can write to; a unit that needs more is a gap."""
MAX_REASON = 300
WAITING_PER_WORKER = 16
PR_SET_PDEATHSIG = 1
"""prctl(2): the signal that a process gets when the thread that made it ends."""
PATIENCE = 60.0
"""Seconds beyond its own bound, twice, that a unit may take from its worker's start to its answer's arrival."""

T = TypeVar("T")
R = TypeVar("R")


class Workers:
    """Processes for the units of one run, started when the first unit comes.

    A worker that dies with the lock of the pool's pipe in its hands leaves the others waiting, and one that dies between
    two units breaks the pool. Either way new pools do what was waiting, one unit at a time, so that the unit that loses its
    pool again is the one that is told so: nothing is waited for without end, and no other unit is charged.

    Args:
        jobs: how many processes, at least 1.
        patience: seconds beyond its bound after which the answer of a unit counts as lost.
    """

    def __init__(self, jobs: int, patience: float = PATIENCE) -> None:
        self._jobs = jobs
        self._patience = patience
        self._pool: ProcessPool | None = None

    def results(self, function: Callable[[T], R], items: Iterable[T], seconds: float) -> Iterator[R | str]:
        """`function` of each item in order, or in words why there is none, while few items wait: they may be large."""
        waiting: deque[tuple[T, Future[R | str]]] = deque()
        for item in items:
            waiting.append((item, self._start(function, item, seconds)))
            if len(waiting) >= WAITING_PER_WORKER * self._jobs:
                yield self._oldest(function, waiting, seconds)
        while waiting:
            yield self._oldest(function, waiting, seconds)

    def close(self) -> None:
        """End the processes."""
        pool, self._pool = self._pool, None
        if pool is None:
            return
        pool.stop()  # type: ignore[no-untyped-call]
        # Joining waits for locks that a dead worker may hold; what is left then ends with the interpreter.
        joining = threading.Thread(target=pool.join, daemon=True)
        joining.start()
        joining.join(self._patience)

    def _start(self, function: Callable[[T], R], item: T, seconds: float) -> Future[R | str]:
        if self._pool is None:
            from pebble import ProcessPool  # 0.1 s to import, and an unchanged subject needs no worker

            # Not spawn: that starts `python -c`, which imports from the current folder, and that may be the subject.
            context = multiprocessing.get_context("fork")
            self._pool = ProcessPool(self._jobs, initializer=_limit, initargs=(os.getpid(),), context=context)
        try:
            return self._pool.schedule(_answer, args=(function, item), timeout=seconds)
        except RuntimeError as broken:
            lost = Future[R | str]()
            lost.set_exception(BrokenProcessPool(str(broken)))
            return lost

    def _oldest(self, function: Callable[[Any], Any], waiting: deque[tuple[Any, Future[Any]]], seconds: float) -> Any:
        """The result of the item that has waited longest: it runs already or is next, since all before it are done."""
        if self._lost(waiting[0][1], seconds):
            # What comes of a future while its pool is torn down says nothing of its item.
            answered = [not _lost(future) for _, future in waiting]
            self.close()
            for index, (item, _) in enumerate(waiting):
                if not answered[index]:
                    waiting[index] = item, self._alone(function, item, seconds)
        return _outcome(waiting.popleft()[1], seconds)

    def _alone(self, function: Callable[[Any], Any], item: Any, seconds: float) -> Future[Any]:
        """The future of an item that has the pool for itself, so that what becomes of the pool is its doing."""
        future = self._start(function, item, seconds)
        lost = self._lost(future, seconds)
        if lost or future.exception():
            self.close()
        if lost:
            future = Future[Any]()
            future.set_result("was lost by its worker twice")
        return future

    def _lost(self, future: Future[Any], seconds: float) -> bool:
        wait([future], 2 * seconds + self._patience)
        return _lost(future)


def _lost(future: Future[Any]) -> bool:
    """Whether no answer has come, or only that its pool is no more."""
    if not future.done() or future.cancelled():
        return True
    return isinstance(future.exception(), (BrokenProcessPool, CancelledError))


def _answer(function: Callable[[T], R], item: T) -> R | str:
    """The result, or why there is none: told here, as not every exception survives the way to the parent."""
    try:
        return function(item)
    except BaseException as error:  # a library's panic is no Exception, and cannot be pickled
        return _words(error)


def _outcome(future: Future[R | str], seconds: float) -> R | str:
    """What a worker returned, or why it did not, in words."""
    from pebble import ProcessExpired

    try:
        return future.result()
    except TimeoutError:
        return f"took more than {seconds:g} s (bound: unit time)"
    except ProcessExpired as error:
        # A Go or Rust library does not raise when memory or stack run out: it ends the process.
        ended = f"ended its worker (exit code {error.exitcode})"
        return f"{ended}, as what needs more than {WORKER_BYTES} bytes does (bound: unit memory)"
    except Exception as error:
        return _words(error)


def _words(error: BaseException) -> str:
    if isinstance(error, MemoryError):
        return f"needed more than {WORKER_BYTES} bytes (bound: unit memory)"
    if isinstance(error, RecursionError):
        return "is nested too deeply (bound: recursion)"
    text = str(error) if isinstance(error, (StrictRealError, ValueError)) else f"{type(error).__name__}: {error}"
    return text.encode(errors="backslashreplace").decode()[:MAX_REASON]


def _limit(parent: int) -> None:
    # A worker that outlived its parent would have no bound in time, and keep the locks that it was forked with.
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
    # Go reserves more address space than it ever uses, so what a worker can write is bounded, not what it maps.
    resource.setrlimit(resource.RLIMIT_DATA, (WORKER_BYTES, WORKER_BYTES))
    resource.setrlimit(resource.RLIMIT_AS, (8 * WORKER_BYTES, 8 * WORKER_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # What a library and pytest write when it gives up, pages of it, is for no reader: the gap says how the worker ended.
    faulthandler.disable()
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(nowhere, stream)
    os.close(nowhere)
