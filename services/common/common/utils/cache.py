"""Answers kept for a while, by tenant: what a cache is, the one in process, and the choice between that and Redis.

A stale answer cannot be read: each tenant has a generation, a name that no two moments share. Who is about to compute an answer
takes the generation first (`look`), and the answer is kept under that generation (`put`). An invalidation gives the tenant a new
generation, so an answer that was computed before it, and is put after it, is never found.
"""

from __future__ import annotations

import itertools
import logging
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from common.config.settings import CommonSettings
from common.utils.logger import fields

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Look:
    """What a cache knows.

    Attributes:
        value: what was put, None if that is not known.
        generation: what `put` wants to have; None if nothing can be kept for now.
        seconds_left: how long the value will still be kept; 0 without one.
    """

    value: bytes | None
    generation: bytes | None
    seconds_left: float = 0.0


MISSED = Look(None, None)
"""Nothing is known, and nothing can be kept."""


@dataclass(slots=True)
class CacheCounts:
    """How often what has happened."""

    hits: int = 0
    misses: int = 0
    puts: int = 0
    refused: int = 0
    """Values that were too big to be kept."""
    invalidations: int = 0
    failures: int = 0
    """Questions that the cache did not answer, or answered with an error."""


class Cache(Protocol):
    """Keeps values for a while. None of the methods raises because of what a cache is asked, or because it is away."""

    counts: CacheCounts

    @property
    def away(self) -> str:
        """Why nothing is kept for now; empty when all is well."""

    async def look(self, tenant: str, key: str) -> Look:
        """What is known under a key."""

    async def put(self, tenant: str, key: str, value: bytes, generation: bytes | None) -> None:
        """Keep a value that was computed after `look` gave this generation."""

    async def invalidate(self, tenant: str) -> None:
        """Nothing that is kept of the tenant now, or computed already, is found by any look that begins after this returns."""

    async def close(self) -> None:
        """Let go of connections."""


@dataclass(frozen=True, slots=True)
class _Kept:
    value: bytes
    generation: bytes
    until: float


class MemoryCache:
    """Keeps values in process; the one that was asked for longest ago goes first.

    Args:
        ttl_seconds: how long a value is kept.
        entries: the most values, and the most tenants whose generation is remembered.
        value_bytes: the most that one value may have.
        bytes_: the most that all values may have.
        clock: monotonic seconds.
    """

    away = ""

    def __init__(
        self,
        *,
        ttl_seconds: float,
        entries: int,
        value_bytes: int,
        bytes_: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ttl, self._entries, self._value_bytes, self._most_bytes = ttl_seconds, entries, value_bytes, bytes_
        self._clock = clock
        self._kept: OrderedDict[tuple[str, str], _Kept] = OrderedDict()
        self._generations: OrderedDict[str, bytes] = OrderedDict()
        self._numbers = itertools.count()
        self.size = 0
        """Bytes of all values."""
        self.counts = CacheCounts()

    @property
    def held(self) -> int:
        """How many values are kept, among them such as are not found any more."""
        return len(self._kept)

    async def look(self, tenant: str, key: str) -> Look:
        """See Cache."""
        generation = self._generations.get(tenant) or self._renew(tenant)
        self._generations.move_to_end(tenant)
        kept, now = self._kept.get((tenant, key)), self._clock()
        if kept is not None and (kept.generation != generation or kept.until <= now):
            self._drop((tenant, key))
            kept = None
        if kept is None:
            self.counts.misses += 1
            return Look(None, generation)
        self._kept.move_to_end((tenant, key))
        self.counts.hits += 1
        return Look(kept.value, generation, kept.until - now)

    async def put(self, tenant: str, key: str, value: bytes, generation: bytes | None) -> None:
        """See Cache."""
        if len(value) > min(self._value_bytes, self._most_bytes):
            self.counts.refused += 1
            return
        if generation is None or self._generations.get(tenant) != generation:
            return
        self._drop((tenant, key))
        self._kept[tenant, key] = _Kept(value, generation, self._clock() + self._ttl)
        self.size += len(value)
        self.counts.puts += 1
        while len(self._kept) > self._entries or self.size > self._most_bytes:
            self._drop(next(iter(self._kept)))

    async def invalidate(self, tenant: str) -> None:
        """See Cache."""
        self._renew(tenant)
        self.counts.invalidations += 1

    async def close(self) -> None:
        """Forget everything."""
        self._kept.clear()
        self._generations.clear()
        self.size = 0

    def _renew(self, tenant: str) -> bytes:
        """A new generation. One that is forgotten is never given again, so what was kept under it stays unread."""
        generation = str(next(self._numbers)).encode()
        self._generations[tenant] = generation
        self._generations.move_to_end(tenant)
        if len(self._generations) > self._entries:
            self._generations.popitem(last=False)
        return generation

    def _drop(self, name: tuple[str, str]) -> None:
        kept = self._kept.pop(name, None)
        if kept is not None:
            self.size -= len(kept.value)


def chosen(settings: CommonSettings, name: str, *, ttl_seconds: float, entries: int) -> Cache | None:
    """The cache at the place that the settings choose, and no cache where no entries are wanted.

    Args:
        name: of what is kept; caches of different names know nothing of each other.
    """
    if not entries:
        return None
    _log.info("answers are kept", extra=fields(cache=name, place=settings.cache_place, seconds=ttl_seconds))
    match settings.cache_place:
        case "redis":
            from common.utils.redis_cache import RedisCache  # what is not configured is not loaded

            return RedisCache(settings, name, ttl_seconds=ttl_seconds)
        case "process":
            return MemoryCache(
                ttl_seconds=ttl_seconds,
                entries=entries,
                value_bytes=settings.cache_value_bytes,
                bytes_=settings.cache_bytes,
            )
