"""Caches under test: the one in process, and Redis with a real server."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from common.config.settings import load
from common.utils.cache import Cache, MemoryCache
from common.utils.redis_cache import RedisCache
from redis_server import RedisServer

TTL = 30.0
VALUE_BYTES = 1000
Test = Callable[[Cache], Awaitable[None]]


def redis_cache(server: RedisServer, name: str = "tests", ttl: float = TTL, **settings: Any) -> RedisCache:
    """A cache of a server, which is asked again soon after it was away."""
    given = {"redis_url": server.url, "cache_value_bytes": VALUE_BYTES, "redis_retry_seconds": 0.001}
    return RedisCache(load(**{**given, "redis_timeout_seconds": 5.0, **settings}), name, ttl_seconds=ttl)


def memory_cache(ttl: float = TTL, **bounds: Any) -> MemoryCache:
    """A cache in process."""
    return MemoryCache(
        **{"ttl_seconds": ttl, "entries": 100, "value_bytes": VALUE_BYTES, "bytes_": 50 * VALUE_BYTES, **bounds}
    )


def run(cache: Callable[[], Cache], test: Test) -> None:
    """Run a test in an event loop of its own, with a cache made there."""

    async def main() -> None:
        made = cache()
        try:
            await test(made)
        finally:
            await made.close()

    asyncio.run(main())


async def keep(cache: Cache, tenant: str, key: str, value: bytes) -> None:
    """Look and put, as who computes an answer does."""
    await cache.put(tenant, key, value, (await cache.look(tenant, key)).generation)


async def until_answered(cache: Cache) -> None:
    """Ask until the server answers; the first question after a restart finds the old connection gone."""
    async with asyncio.timeout(60):
        while True:
            failures = cache.counts.failures
            await cache.look("nobody", "nothing")
            if cache.counts.failures == failures:
                return
            await asyncio.sleep(0.002)
