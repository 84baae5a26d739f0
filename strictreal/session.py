"""What collectors share in one run: the cache, a pool of bounded worker processes, and the progress that people see."""

from __future__ import annotations

import multiprocessing
import os
import resource
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar, cast

import msgspec

from strictreal import facts, suite
from strictreal.cache import Cache
from strictreal.config import ClusterAccess
from strictreal.errors import EvidenceError, StrictRealError
from strictreal.model import Fact, Gap, Location, Observation, canonical
from strictreal.redact import redact
from strictreal.subject import Entry, Tree

if TYPE_CHECKING:
    from pebble import ProcessPool

WORKER_BYTES = 2 * 1024**3
"""Memory that one worker can write to; a unit that needs more is a gap."""
UNIT_SECONDS = 30
"""Wall time for one unit (a file, a render, a query); one that needs more is a gap."""
MAX_FACT_BYTES = 16 * 1024**2
"""Canonical JSON of the facts of one file; a file that has more to say is a gap."""
MAX_REASON = 300
WAITING_PER_WORKER = 16
STORED_AT_ONCE = 500

T = TypeVar("T")
R = TypeVar("R")


class Closable(Protocol):
    """Something that holds processes or files until it is closed."""

    def close(self) -> None:
        """Let go of them."""


C = TypeVar("C", bound=Closable)
Watch = Callable[[str, Sequence[Any]], AbstractContextManager[Callable[[int], None]]]


def _unwatched(title: str, items: Sequence[Any]) -> AbstractContextManager[Callable[[int], None]]:
    return nullcontext(lambda _: None)


class Session:
    """One run of the collectors.

    Args:
        cache: where facts of earlier runs are.
        jobs: worker processes, at least 1.
        watch: called as `watch(title, items)` around long work; gives a function that is told how many are done.
        lane: where facts come from: `embedded`, `local` or `kind`.
        cluster: how the user reaches the cluster of the lane `kind`.
        trivy_cache: folder of trivy's databases; its own default when it is None.
    """

    def __init__(
        self,
        cache: Cache,
        *,
        jobs: int = 0,
        watch: Watch = _unwatched,
        lane: str = "embedded",
        cluster: ClusterAccess | None = None,
        trivy_cache: Path | None = None,
    ) -> None:
        self.cache = cache
        self.jobs = jobs or os.cpu_count() or 1
        self.watch = watch
        self.lane = lane
        self.cluster = cluster or ClusterAccess()
        self.trivy_cache = trivy_cache
        self.memo: dict[str, Any] = {}
        """What one collector leaves for another in this run, by a key that names the collector first."""
        self._pool: ProcessPool | None = None
        self._shared: dict[Callable[[Session], Closable], Closable] = {}

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *exception: object) -> None:
        for shared in self._shared.values():
            shared.close()
        if self._pool:
            self._pool.stop()  # type: ignore[no-untyped-call]
            self._pool.join()
        self.cache.close()

    def shared(self, make: Callable[[Session], C]) -> C:
        """The one `make(session)` of this run, for what several trees have in common; closed with the session."""
        if make not in self._shared:
            self._shared[make] = make(self)
        return cast("C", self._shared[make])

    def bounded(
        self, function: Callable[[T], R], items: Sequence[T], *, seconds: float = UNIT_SECONDS
    ) -> list[R | str]:
        """`function` of each item in worker processes bounded in time and memory.

        Returns:
            For each item its result, or, where the worker died, ran out of time or memory or raised, why in words.
        """
        title = getattr(function, "__doc__", "") or function.__name__
        with self.watch(title, items) as advance:
            return list(self._stream(function, items, seconds, advance))

    def _stream(
        self, function: Callable[[T], R], items: Iterable[T], seconds: float, advance: Callable[[int], None]
    ) -> Iterator[R | str]:
        """The results of `bounded` in order, while only a few items wait for a worker: they may be large."""
        running: deque[Future[R]] = deque()
        for item in items:
            running.append(self._workers().schedule(function, args=(item,), timeout=seconds))
            if len(running) >= WAITING_PER_WORKER * self.jobs:
                yield _outcome(running.popleft(), seconds)
                advance(1)
        while running:
            yield _outcome(running.popleft(), seconds)
            advance(1)

    def _workers(self) -> ProcessPool:
        if self._pool is None:
            from pebble import ProcessPool  # 0.1 s to import, and an unchanged subject needs no worker

            # Not spawn: that starts `python -c`, which imports from the current folder, and that may be the subject.
            context = multiprocessing.get_context("fork")
            self._pool = ProcessPool(self.jobs, initializer=_limit_worker, context=context)
        return self._pool

    def per_file(
        self,
        collector: str,
        unit: str,
        tree: Tree,
        entries: Iterable[Entry],
        function: Callable[[tuple[str, bytes]], list[Fact]],
        tools: dict[str, str] | None = None,
        salt: str = "",
    ) -> list[Observation]:
        """One observation a file, from the cache where path, content, engine, tools and `salt` are the same.

        `function` runs in a bounded worker on (path, bytes). What it cannot do becomes a `Gap` of `unit`.
        """
        tools = tools or {}
        entries = list(entries)
        stamp = [collector, suite.engine_digest(), canonical(tools).decode(), salt]
        keys = {e.path: Cache.key(*stamp, e.path, tree.digests[e.path]) for e in entries}
        known = self.cache.get_many(keys.values())
        observations: list[Observation] = []
        fresh: list[Entry] = []
        for entry in entries:
            try:
                [observation] = facts.decode([known[keys[entry.path]]], "cache")
                observations.append(msgspec.structs.replace(observation, cached=True))
            except (KeyError, EvidenceError):
                fresh.append(entry)
        sent: list[str] = []

        def work() -> Iterator[_FileWork]:
            for entry in fresh:
                try:
                    data = tree.read(entry.path)
                except Exception as error:
                    observations.append(self._gap(collector, unit, tree, entry.path, str(error), tools))
                    continue
                sent.append(entry.path)
                yield _FileWork(function, collector, entry.path, data, tree.digests[entry.path], tools)

        store: dict[str, bytes] = {}
        with self.watch(function.__doc__ or function.__name__, fresh) as advance:
            for index, result in enumerate(self._stream(_observe, work(), UNIT_SECONDS, advance)):
                path = sent[index]
                if isinstance(result, bytes):
                    observations += facts.decode([result], collector)
                    store[keys[path]] = result
                else:
                    observations.append(self._gap(collector, unit, tree, path, result, tools))
                if len(store) >= STORED_AT_ONCE:
                    self.cache.put_many(store)
                    store.clear()
        self.cache.put_many(store)
        return observations

    @staticmethod
    def _gap(collector: str, unit: str, tree: Tree, path: str, reason: str, tools: dict[str, str]) -> Observation:
        reason = redact(reason.removeprefix(path + ": "), MAX_REASON)
        gap = Gap(of=unit, where=Location(path), reason=reason)
        return Observation(collector=collector, source=path, digest=tree.digests[path], tools=tools, facts=(gap,))


class _FileWork(NamedTuple):
    """One file for one detector."""

    function: Callable[[tuple[str, bytes]], list[Fact]]
    collector: str
    path: str
    data: bytes
    digest: str
    tools: dict[str, str]


def _observe(work: _FileWork) -> bytes | str:
    """The observation of one file as canonical JSON, or why there is none; made in the worker, which is bounded."""
    try:
        found = tuple(work.function((work.path, work.data)))
        made = canonical(
            Observation(collector=work.collector, source=work.path, digest=work.digest, tools=work.tools, facts=found)
        )
    except Exception as error:  # here and not in the parent: not every exception survives the way there
        return _words(error)
    return made if len(made) <= MAX_FACT_BYTES else f"has more than {MAX_FACT_BYTES} bytes of facts (bound: unit facts)"


def _outcome(future: Future[Any], seconds: float) -> Any:
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


def _words(error: Exception) -> str:
    if isinstance(error, MemoryError):
        return f"needed more than {WORKER_BYTES} bytes (bound: unit memory)"
    if isinstance(error, RecursionError):
        return "is nested too deeply (bound: recursion)"
    text = str(error) if isinstance(error, (StrictRealError, ValueError)) else f"{type(error).__name__}: {error}"
    return text.encode(errors="backslashreplace").decode()[:MAX_REASON]


def _limit_worker() -> None:
    # Go reserves more address space than it ever uses, so what a worker can write is bounded, not what it maps.
    resource.setrlimit(resource.RLIMIT_DATA, (WORKER_BYTES, WORKER_BYTES))
    resource.setrlimit(resource.RLIMIT_AS, (8 * WORKER_BYTES, 8 * WORKER_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # What a library writes when it gives up, pages of it, is for no reader: the gap says how the worker ended.
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(nowhere, stream)
    os.close(nowhere)
