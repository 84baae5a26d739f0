"""What collectors share in one run: the cache, a pool of bounded worker processes, and the progress that people see."""

from __future__ import annotations

import multiprocessing
import os
import resource
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from strictreal import facts, suite
from strictreal.cache import Cache
from strictreal.model import Fact, Gap, Location, Observation, canonical
from strictreal.subject import Entry, Tree

if TYPE_CHECKING:
    from pebble import ProcessPool

WORKER_BYTES = 2 * 1024**3
"""Address space of one worker; a unit that needs more is a gap."""
UNIT_SECONDS = 30
"""Wall time for one unit (a file, a render, a query); one that needs more is a gap."""

T = TypeVar("T")
R = TypeVar("R")
Watch = Callable[[str, Sequence[Any]], AbstractContextManager[Callable[[int], None]]]


def _unwatched(title: str, items: Sequence[Any]) -> AbstractContextManager[Callable[[int], None]]:
    return nullcontext(lambda done: None)


class Session:
    """One run of the collectors.

    Args:
        cache: where facts of earlier runs are.
        jobs: worker processes, at least 1.
        watch: called as `watch(title, items)` around long work; gives a function that is told how many are done.
    """

    def __init__(self, cache: Cache, *, jobs: int = 0, watch: Watch = _unwatched) -> None:
        self.cache = cache
        self.jobs = jobs or os.cpu_count() or 1
        self.watch = watch
        self._pool: ProcessPool | None = None

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *exception: object) -> None:
        if self._pool:
            self._pool.stop()  # type: ignore[no-untyped-call]
            self._pool.join()
        self.cache.close()

    def bounded(
        self, function: Callable[[T], R], items: Sequence[T], *, seconds: float = UNIT_SECONDS
    ) -> list[R | str]:
        """`function` of each item in worker processes bounded in time and memory.

        Returns:
            For each item its result, or, where the worker died, ran out of time or memory or raised, the reason in words.
        """
        if not items:
            return []
        if self._pool is None:
            from pebble import ProcessPool  # 0.1 s to import, and an unchanged subject needs no worker

            context = multiprocessing.get_context("fork")
            self._pool = ProcessPool(self.jobs, initializer=_limit_worker, context=context)
        futures = [self._pool.schedule(function, args=(item,), timeout=seconds) for item in items]
        results: list[R | str] = []
        with self.watch(getattr(function, "__doc__", "") or function.__name__, items) as advance:
            for future in futures:
                try:
                    results.append(future.result())
                except TimeoutError:
                    results.append(f"took more than {seconds:g} s (bound: unit time)")
                except MemoryError:
                    results.append(f"needed more than {WORKER_BYTES} bytes (bound: unit memory)")
                except RecursionError:
                    results.append("is nested too deeply (bound: recursion)")
                except Exception as error:
                    results.append(f"{type(error).__name__}: {error}"[:300])
                advance(1)
        return results

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
            blob = known.get(keys[entry.path])
            try:
                if blob is None:
                    raise KeyError
                [observation] = facts.decode([blob], "cache")
                observations.append(msgspec.structs.replace(observation, cached=True))
            except Exception:
                fresh.append(entry)
        readable: list[tuple[str, bytes]] = []
        for entry in fresh:
            try:
                readable.append((entry.path, tree.read(entry.path)))
            except Exception as error:
                observations.append(self._gap(collector, unit, tree, entry.path, str(error), tools))
        store: dict[str, bytes] = {}
        for (path, _), result in zip(readable, self.bounded(function, readable), strict=True):
            if isinstance(result, str):
                observations.append(self._gap(collector, unit, tree, path, result, tools))
                continue
            made = Observation(
                collector=collector, source=path, digest=tree.digests[path], tools=tools, facts=tuple(result)
            )
            observations.append(made)
            store[keys[path]] = canonical(made)
        self.cache.put_many(store)
        return observations

    @staticmethod
    def _gap(collector: str, unit: str, tree: Tree, path: str, reason: str, tools: dict[str, str]) -> Observation:
        reason = reason.removeprefix(path + ": ")
        gap = Gap(of=unit, where=Location(path), reason=reason)
        return Observation(collector=collector, source=path, digest=tree.digests[path], tools=tools, facts=(gap,))


def _limit_worker() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (WORKER_BYTES, WORKER_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
