"""The cache in a real Redis that is killed, frozen, restored, full, protected, and written to by others."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
import redis_server
from caching import VALUE_BYTES, keep, redis_cache, until_answered
from common.config.settings import SettingsError, load
from common.utils.redis_cache import RedisCache
from redis_server import RedisServer

pytestmark = pytest.mark.skipif(redis_server.PROGRAM is None, reason=redis_server.ABSENT)
PASSWORD = "s3cret/with:everything@in#it?%"
QUOTED = "s3cret%2Fwith%3Aeverything%40in%23it%3F%25"


@pytest.fixture
def raw(redis_running: RedisServer) -> Iterator[redis.Redis]:
    """Redis' own client."""
    with redis.Redis(port=redis_running.port) as client:
        yield client


def run(redis_running: RedisServer, test: Any, **settings: Any) -> None:
    async def main() -> None:
        cache = redis_cache(redis_running, **settings)
        try:
            await test(cache)
        finally:
            await cache.close()

    asyncio.run(main())


def value_keys(raw: redis.Redis) -> list[bytes]:
    return sorted(raw.keys("*value:*"))


def warnings(caplog: pytest.LogCaptureFixture) -> list[Any]:
    return [record for record in caplog.records if record.levelno >= logging.WARNING]


def test_a_killed_server_is_a_miss_that_is_counted_and_told_once_and_is_used_again_when_it_is_back(
    redis_running: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    async def test(cache: RedisCache) -> None:
        await keep(cache, "t", "k", b"before")
        redis_running.kill()
        for _ in range(5):
            assert (await cache.look("t", "k")).value is None
            await cache.put("t", "k", b"lost", b"generation")
            await asyncio.sleep(0.002)
        assert cache.counts.failures == 10
        assert "look" in cache.away
        assert len(warnings(caplog)) <= 2, "one at the most for each kind of question"
        redis_running.start()
        await asyncio.sleep(0.002)
        assert (await cache.look("t", "k")).value is None
        await keep(cache, "t", "k", b"after")
        assert (await cache.look("t", "k")).value == b"after"
        assert cache.away == ""

    run(redis_running, test)


def test_a_server_that_is_away_is_not_asked_again_at_once(redis_running: RedisServer) -> None:
    async def test(cache: RedisCache) -> None:
        await keep(cache, "t", "k", b"v")
        redis_running.freeze()
        began = time.monotonic()
        for _ in range(200):
            assert (await cache.look("t", "k")).value is None
        assert time.monotonic() - began < 5, "one timeout, not two hundred"
        redis_running.thaw()

    run(redis_running, test, redis_timeout_seconds=0.2, redis_retry_seconds=60.0)


def test_an_invalidation_that_a_frozen_server_did_not_confirm_holds(redis_running: RedisServer) -> None:
    async def test(cache: RedisCache) -> None:
        for tenant in "tu":
            await keep(cache, tenant, "k", b"stale")
        redis_running.freeze()
        await cache.invalidate("t")
        assert (await cache.look("t", "k")).value is None
        redis_running.thaw()
        await asyncio.sleep(0.3)
        assert (await cache.look("t", "k")).value is None
        assert (await cache.look("u", "k")).value is None, "nothing of before is believed"
        await keep(cache, "t", "k", b"fresh")
        assert (await cache.look("t", "k")).value == b"fresh"

    run(redis_running, test, redis_timeout_seconds=0.2)


def test_an_invalidation_that_did_not_get_through_holds(redis_running: RedisServer, raw: redis.Redis) -> None:
    async def test(cache: RedisCache) -> None:
        await keep(cache, "t", "k", b"stale")
        raw.execute_command("ACL", "SETUSER", "default", "-set")
        await cache.invalidate("t")
        assert (await cache.look("t", "k")).value is None
        raw.execute_command("ACL", "SETUSER", "default", "+set")
        assert (await cache.look("t", "k")).value is None

    run(redis_running, test)


def test_a_cancelled_invalidation_is_made_up_for(redis_running: RedisServer) -> None:
    async def test(cache: RedisCache) -> None:
        await keep(cache, "t", "k", b"stale")
        redis_running.freeze()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await cache.invalidate("t")
        redis_running.kill()
        redis_running.start()
        await until_answered(cache)
        assert (await cache.look("t", "k")).value is None
        assert cache._failed == cache._settled == 1

    run(redis_running, test)


def test_a_server_that_comes_back_with_an_old_dump_does_not_bring_back_old_answers(
    redis_running: RedisServer, raw: redis.Redis
) -> None:
    async def test(cache: RedisCache) -> None:
        await keep(cache, "t", "k", b"stale")
        raw.save()
        before = raw.dbsize()
        await cache.invalidate("t")
        redis_running.kill()
        redis_running.start()
        assert raw.dbsize() == before, "generation and answer of before the invalidation are there again"
        await until_answered(cache)
        assert (await cache.look("t", "k")).value is None

    run(redis_running, test)


def test_a_lost_generation_does_not_bring_back_what_was_kept_under_it(
    redis_running: RedisServer, raw: redis.Redis
) -> None:
    async def test(cache: RedisCache) -> None:
        await keep(cache, "t", "k", b"stale")
        for name in raw.keys("*"):
            if b"value" not in name:
                raw.delete(name)
        assert (await cache.look("t", "k")).value is None

    run(redis_running, test)


@pytest.mark.parametrize("garbage", [b"", b"x", b"\0" * 32, b"\0" * 31, b"\xff" * 500, b"y" * 100_000])
def test_what_others_write_is_no_answer(redis_running: RedisServer, raw: redis.Redis, garbage: bytes) -> None:
    async def test(cache: RedisCache) -> None:
        await keep(cache, "t", "k", b"v")
        raw.set(value_keys(raw)[0], garbage)
        assert (await cache.look("t", "k")).value is None

    run(redis_running, test)


def test_every_flipped_bit_of_a_kept_value_makes_it_no_answer(redis_running: RedisServer, raw: redis.Redis) -> None:
    async def test(cache: RedisCache) -> None:
        await keep(cache, "t", "k", b"value")
        (name,) = value_keys(raw)
        good: Any = raw.get(name)
        for bit in range(8 * len(good)):
            bad = bytearray(good)
            bad[bit // 8] ^= 1 << bit % 8
            raw.set(name, bytes(bad))
            assert (await cache.look("t", "k")).value is None
        raw.set(name, good)
        assert (await cache.look("t", "k")).value == b"value"

    run(redis_running, test)


def test_an_answer_does_not_move_to_another_tenant_or_key(redis_running: RedisServer, raw: redis.Redis) -> None:
    async def test(cache: RedisCache) -> None:
        for tenant, key in others:
            await keep(cache, "a", "k", b"the first")
            (first,) = value_keys(raw)
            await keep(cache, tenant, key, b"the other")
            (other,) = set(value_keys(raw)) - {first}
            raw.rename(first, other)
            assert (await cache.look(tenant, key)).value is None
            raw.delete(other)

    others = [("b", "k"), ("a", "l")]

    run(redis_running, test)


def test_caches_of_different_names_share_nothing(redis_running: RedisServer) -> None:
    async def test(cache: RedisCache) -> None:
        other = redis_cache(redis_running, name="other")
        await keep(cache, "t", "k", b"v")
        assert (await other.look("t", "k")).value is None
        await other.invalidate("t")
        assert (await cache.look("t", "k")).value == b"v"
        await other.close()

    run(redis_running, test)


def test_a_full_server_refuses_and_is_passed_by(
    redis_running: RedisServer, raw: redis.Redis, caplog: pytest.LogCaptureFixture
) -> None:
    async def test(cache: RedisCache) -> None:
        generation = (await cache.look("t", "k")).generation
        raw.config_set("maxmemory", 1)
        for _ in range(3):
            await cache.put("t", "k", b"v", generation)
        assert (cache.counts.puts, cache.counts.failures) == (0, 3)
        assert len(warnings(caplog)) == 1
        raw.config_set("maxmemory", 0)
        await keep(cache, "t", "k", b"v")
        assert (await cache.look("t", "k")).value == b"v"

    run(redis_running, test)


def test_a_key_of_another_type_is_a_miss(redis_running: RedisServer, raw: redis.Redis) -> None:
    async def test(cache: RedisCache) -> None:
        await keep(cache, "t", "k", b"v")
        (name,) = value_keys(raw)
        raw.delete(name)
        raw.lpush(name, "x")
        assert (await cache.look("t", "k")).value is None
        assert cache.counts.failures == 1
        await cache.put("t", "other", b"v", (await cache.look("t", "other")).generation)
        assert (await cache.look("t", "other")).value == b"v"

    run(redis_running, test)


def test_the_scripts_of_a_server_may_be_flushed(redis_running: RedisServer, raw: redis.Redis) -> None:
    async def test(cache: RedisCache) -> None:
        await keep(cache, "t", "k", b"v")
        raw.script_flush()
        assert (await cache.look("t", "k")).value == b"v"

    run(redis_running, test)


def test_a_password_is_used_and_never_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    protected = RedisServer(tmp_path, "--requirepass", PASSWORD)
    protected.start()
    url = f"redis://:{QUOTED}@127.0.0.1:{protected.port}/0"

    async def test(cache: RedisCache) -> None:
        await keep(cache, "t", "k", b"v")
        assert (await cache.look("t", "k")).value == b"v"
        protected.kill()
        await cache.look("t", "k")

    async def refused(cache: RedisCache) -> None:
        assert (await cache.look("t", "k")).value is None
        assert "AuthenticationError" in cache.away

    try:
        run(protected, test, redis_url=url)
        protected.start()
        run(protected, refused, redis_url=url.replace("s3cret", "s3cretwrong"))
    finally:
        protected.kill()
    assert len(warnings(caplog)) == 2
    assert not any("s3cret" in f"{record.getMessage()} {record.__dict__}" for record in caplog.records)


@pytest.mark.parametrize(
    "url",
    [
        f"redis://:{PASSWORD}@127.0.0.1:6379/0",
        "redis://:s3cret@127.0.0.1:s3cret/0",
        "http://:s3cret@127.0.0.1:6379",
        "redis://",
        "s3cret",
        "redis://:s3cret@[::1/0",
    ],
)
def test_an_address_that_is_not_usable_is_refused_without_being_repeated(url: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load(redis_url=url)
    assert "redis_url" in str(caught.value)
    assert "s3cret" not in repr(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_calls_that_are_cancelled_at_any_moment_never_mix_up_answers(redis_running: RedisServer) -> None:
    async def test(cache: RedisCache) -> None:
        rng = random.Random(1)
        names = [f"k{number}" for number in range(20)]
        for name in names:
            await keep(cache, "t", name, name.encode())

        async def ask() -> int:
            found = 0
            for _ in range(50):
                name = rng.choice(names)
                try:
                    async with asyncio.timeout(rng.choice([0.0001, 0.0005, 0.002, 1])):
                        value = (await cache.look("t", name)).value
                except TimeoutError:
                    continue
                assert value in {None, name.encode()}
                found += value is not None
            return found

        assert sum(await asyncio.gather(*(ask() for _ in range(20)))) > 50
        assert all([(await cache.look("t", name)).value == name.encode() for name in names])

    run(redis_running, test, redis_connections=8)


def test_a_bound_of_connections_holds_and_all_are_closed(redis_running: RedisServer, raw: redis.Redis) -> None:
    async def test(cache: RedisCache) -> None:
        await asyncio.gather(*(keep(cache, "t", str(number), b"v") for number in range(200)))
        assert len(raw.client_list()) <= 4 + 1
        assert cache.counts.failures == 0

    run(redis_running, test, redis_connections=4)
    deadline = time.monotonic() + 20
    while len(raw.client_list()) > 1:  # the server hears of an end a moment later
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_values_have_a_time_to_live_in_redis_and_so_have_generations(
    redis_running: RedisServer, raw: redis.Redis
) -> None:
    async def test(cache: RedisCache) -> None:
        await keep(cache, "t", "k", b"x" * VALUE_BYTES)
        await cache.invalidate("u")
        assert len(raw.keys("*")) == 4
        for name in raw.keys("*"):
            assert 0 < raw.pttl(name) <= 30_000

    run(redis_running, test)


def test_settings_do_not_show_the_address() -> None:
    assert "s3cret" not in repr(load(redis_url="redis://:s3cret@127.0.0.1:6379/0"))
