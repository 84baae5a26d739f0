"""What both caches promise, and the bounds of the one in process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from caching import TTL, VALUE_BYTES, keep, memory_cache, run
from common.config.settings import load
from common.utils.cache import Cache, MemoryCache, chosen
from common.utils.redis_cache import RedisCache

HOSTILE = [
    "",
    "\n",
    "a\nb",
    "a\r\nFLUSHALL\r\n",
    "\0",
    "a\0b",
    "{x}",
    "*",
    "é\u202e",
    "\ud800",
    "k" * 1_000_000,
    ":",
    "value",
]


class Clock:
    """Monotonic seconds that the test moves."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_what_was_put_is_found_and_nothing_else(made: Callable[..., Cache]) -> None:
    async def test(cache: Cache) -> None:
        assert (await cache.look("t", "k")).value is None
        await keep(cache, "t", "k", b"one")
        found = await cache.look("t", "k")
        assert found.value == b"one"
        assert 0 < found.seconds_left <= TTL
        await keep(cache, "t", "k", b"")
        assert (await cache.look("t", "k")).value == b""
        for tenant, key in [("t", "other"), ("other", "k"), ("tk", ""), ("", "tk")]:
            assert (await cache.look(tenant, key)).value is None
        assert (cache.counts.hits, cache.counts.misses, cache.counts.puts, cache.counts.failures) == (3, 6, 2, 0)

    run(made, test)


def test_any_text_is_a_tenant_and_a_key_of_its_own(made: Callable[..., Cache]) -> None:
    names = [(tenant, key) for tenant in HOSTILE[:12] for key in HOSTILE if tenant != key][:60]

    async def test(cache: Cache) -> None:
        for number, (tenant, key) in enumerate(names):
            await keep(cache, tenant, key, str(number).encode())
        for number, (tenant, key) in enumerate(names):
            assert (await cache.look(tenant, key)).value == str(number).encode()
        assert cache.counts.failures == 0

    run(made, test)


def test_any_bytes_up_to_the_bound_come_back_and_more_are_refused(made: Callable[..., Cache]) -> None:
    async def test(cache: Cache) -> None:
        for value in (bytes(range(256)), b"\xff" * VALUE_BYTES):
            await keep(cache, "t", "k", value)
            assert (await cache.look("t", "k")).value == value
        await keep(cache, "t", "big", b"x" * (VALUE_BYTES + 1))
        assert (await cache.look("t", "big")).value is None
        assert cache.counts.refused == 1

    run(made, test)


def test_an_invalidation_is_of_one_tenant(made: Callable[..., Cache]) -> None:
    async def test(cache: Cache) -> None:
        for tenant in "ab":
            for key in "xy":
                await keep(cache, tenant, key, b"v")
        await cache.invalidate("a")
        assert [(await cache.look(t, k)).value for t in "ab" for k in "xy"] == [None, None, b"v", b"v"]
        await keep(cache, "a", "x", b"new")
        assert (await cache.look("a", "x")).value == b"new"

    run(made, test)


def test_an_answer_that_was_computed_before_an_invalidation_is_never_found_however_late_it_is_put(
    made: Callable[..., Cache],
) -> None:
    async def test(cache: Cache) -> None:
        slow = await cache.look("t", "k")
        await cache.invalidate("t")
        await cache.put("t", "k", b"stale", slow.generation)
        assert (await cache.look("t", "k")).value is None
        await keep(cache, "t", "k", b"fresh")
        await cache.put("t", "k", b"stale", slow.generation)
        fresh = (await cache.look("t", "k")).value
        assert fresh == b"fresh" if isinstance(cache, MemoryCache) else fresh in {None, b"fresh"}
        await cache.put("t", "unknown", b"stale", None)
        assert (await cache.look("t", "unknown")).value is None

    run(made, test)


def test_a_value_expires(made: Callable[..., Cache]) -> None:
    async def test(cache: Cache) -> None:
        await keep(cache, "t", "k", b"v")
        assert (await cache.look("t", "k")).value == b"v"
        await asyncio.sleep(0.6)
        assert (await cache.look("t", "k")).value is None

    run(lambda: made(ttl=0.5), test)


def test_caches_in_process_expire_by_the_clock_that_they_are_given() -> None:
    clock = Clock()

    async def test(cache: Cache) -> None:
        await keep(cache, "t", "k", b"v")
        clock.now += TTL - 1
        assert (await cache.look("t", "k")).seconds_left == pytest.approx(1)
        clock.now += 1
        assert (await cache.look("t", "k")).value is None
        assert isinstance(cache, MemoryCache)
        assert (cache.held, cache.size) == (0, 0)

    run(lambda: memory_cache(clock=clock), test)


def test_the_value_that_was_asked_for_longest_ago_goes_first() -> None:
    async def test(cache: Cache) -> None:
        for key in "abc":
            await keep(cache, "t", key, key.encode())
        await cache.look("t", "a")
        await keep(cache, "t", "d", b"d")
        assert [(await cache.look("t", key)).value for key in "abcd"] == [b"a", None, b"c", b"d"]

    run(lambda: memory_cache(entries=3), test)


def test_a_cache_in_process_is_bounded_in_entries_bytes_and_tenants() -> None:
    async def test(cache: Cache) -> None:
        assert isinstance(cache, MemoryCache)
        for number in range(500):
            await keep(cache, f"t{number % 40}", f"k{number}", b"x" * (number % VALUE_BYTES))
            assert cache.held <= 20
            assert cache.size <= 3000
        assert len(cache._generations) <= 20
        await keep(cache, "t", "k", b"x" * 3001)
        assert cache.counts.refused == 1

    run(lambda: memory_cache(entries=20, bytes_=3000, value_bytes=5000), test)


def test_settings_choose_the_cache() -> None:
    async def main() -> None:
        url = "redis://127.0.0.1:1/0"
        assert chosen(load(redis_url=url), "n", ttl_seconds=1, entries=0) is None
        assert isinstance(chosen(load(), "n", ttl_seconds=1, entries=1), MemoryCache)
        redis = chosen(load(redis_url=url), "n", ttl_seconds=1, entries=1)
        assert isinstance(redis, RedisCache)
        await redis.close()

    asyncio.run(main())
