"""What collectors share in one run: the cache, a pool of bounded worker processes, and the progress that people see."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeVar, cast

import msgspec

from strictreal import facts, suite
from strictreal.cache import Cache
from strictreal.config import ClusterAccess
from strictreal.errors import EvidenceError
from strictreal.model import Fact, Gap, Location, Observation, canonical
from strictreal.redact import redact
from strictreal.subject import Entry, Tree
from strictreal.workers import MAX_REASON, Workers

UNIT_SECONDS = 30
"""Wall time for one unit (a file, a render, a query); one that needs more is a gap."""
MAX_FACT_BYTES = 16 * 1024**2
"""Canonical JSON of the facts of one file; a file that has more to say is a gap."""
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
        self._workers = Workers(self.jobs)
        self._shared: dict[Callable[[Session], Closable], Closable] = {}

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *exception: object) -> None:
        for shared in self._shared.values():
            shared.close()
        self._workers.close()
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
        results: list[R | str] = []
        with self.watch(title, items) as advance:
            for result in self._workers.results(function, items, seconds):
                results.append(result)
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
            for index, result in enumerate(self._workers.results(_observe, work(), UNIT_SECONDS)):
                advance(1)
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
    """The observation of one file as canonical JSON; made in the worker, which is bounded."""
    found = tuple(work.function((work.path, work.data)))
    made = canonical(
        Observation(collector=work.collector, source=work.path, digest=work.digest, tools=work.tools, facts=found)
    )
    return made if len(made) <= MAX_FACT_BYTES else f"has more than {MAX_FACT_BYTES} bytes of facts (bound: unit facts)"
