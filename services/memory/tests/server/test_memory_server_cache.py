"""Recalls through a cache never contradict what was acknowledged before they were asked, in process and with a real Redis."""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import redis_server
from common.config.settings import load
from common.utils.cache import Cache, Look, chosen
from redis_server import RedisServer
from sfm.domain import NewMemory, Query, ScoreParameters
from sfm.recalling import RecallCache
from sfm.system import MemorySystem, MemorySystemBuilder

DIMENSION = 4
VECTOR = np.float32([1, 0, 0, 0])
FUTURE = 4_000_000_000_000_000
ASKED = Query(tenant="t", vector=VECTOR, k=50, parameters=ScoreParameters(), as_of=FUTURE)


@pytest.fixture(params=["in process", "redis"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RedisServer | None]:
    """The Redis server that the cache lies in, None for one in process."""
    if request.param == "in process":
        yield None
        return
    if redis_server.PROGRAM is None:
        pytest.skip(redis_server.ABSENT)
    server = RedisServer(tmp_path)
    server.start()
    yield server
    server.kill()


class OneKey:
    """Every question has the same key, so that nothing but the generation tells old answers from new ones."""

    def __init__(self, cache: Cache) -> None:
        self._cache = cache

    async def look(self, tenant: str, key: str) -> Look:  # noqa: ARG002 - that is the point
        return await self._cache.look(tenant, "k")

    async def put(self, tenant: str, key: str, value: bytes, generation: bytes | None) -> None:  # noqa: ARG002
        await self._cache.put(tenant, "k", value, generation)

    async def invalidate(self, tenant: str) -> None:
        await self._cache.invalidate(tenant)


@asynccontextmanager
async def system(
    folder: Path,
    server: RedisServer | None,
    around: Callable[[Cache], RecallCache] = lambda cache: cache,
    **given: Any,
) -> AsyncIterator[tuple[MemorySystem, Cache]]:
    """A memory system with a cache that the settings choose."""
    chosen_by = {"redis_url": server.url} if server else {}
    fast = {"redis_retry_seconds": 0.01, "redis_timeout_seconds": 0.5}
    settings = load(data_dir=folder / "data", dimension=DIMENSION, **{**fast, **chosen_by, **given})
    cache = chosen(settings, "recalls", ttl_seconds=settings.cache_ttl_seconds, entries=settings.cache_entries)
    assert cache
    made = MemorySystemBuilder(settings).with_cache(around(cache)).build()
    await made.start()
    try:
        yield made, cache
    finally:
        await made.drain(10)
        await cache.close()


def new(id: str, raw: float, tenant: str = "t", created: int = 0) -> NewMemory:
    return NewMemory(tenant=tenant, id=id, vector=VECTOR, raw_importance=raw, created=created, payload=b"", metadata={})


def score(raw: float) -> float:
    """Of a memory in the direction of the question."""
    return 1 / (1 + math.exp(-raw))


async def scores(memories: MemorySystem, query: Query = ASKED) -> dict[str, float]:
    return {hit.memory.id: hit.score for hit in (await memories.recall(query))[0]}


@pytest.mark.parametrize("around", [lambda cache: cache, OneKey], ids=["as it is", "by generations alone"])
def test_whoever_was_told_that_a_store_is_done_recalls_it(
    tmp_path: Path, address: RedisServer | None, around: Callable[[Cache], RecallCache]
) -> None:
    async def work() -> None:
        async with system(tmp_path, address, around) as (memories, cache):
            await memories.store(new("always", 0.0))
            done = asyncio.Event()

            async def write(number: int) -> None:
                rng, mine = random.Random(number), f"m{number}"
                for version in range(1, 40):
                    if rng.random() < 0.2:
                        await memories.delete("t", mine)
                        assert mine not in await scores(memories), "a recall found what was deleted"
                        continue
                    raw = version / 10
                    await memories.store(new(mine, raw))
                    found = (await scores(memories)).get(mine)
                    assert found == pytest.approx(score(raw), abs=1e-6), "a recall did not find what was stored"
                    await asyncio.sleep(rng.random() / 200)

            async def read() -> None:
                while not done.is_set():
                    assert "always" in await scores(memories)
                    await asyncio.sleep(0.0005)

            readers = [asyncio.create_task(read()) for _ in range(4)]
            await asyncio.gather(*(write(number) for number in range(8)))
            done.set()
            await asyncio.gather(*readers)
            assert cache.counts.hits > 20, "the cache took part"
            assert cache.counts.failures == 0

    asyncio.run(work())


class Overtaken(OneKey):
    """Before the next look, something else happens."""

    meanwhile: Callable[[], Awaitable[object]] | None = None

    async def look(self, tenant: str, key: str) -> Look:
        happens, self.meanwhile = self.meanwhile, None
        if happens:
            await happens()
        return await super().look(tenant, key)


def test_an_answer_about_a_state_that_a_store_has_overtaken_is_not_kept(
    tmp_path: Path, address: RedisServer | None
) -> None:
    async def work() -> None:
        made: list[Overtaken] = []

        def around(cache: Cache) -> RecallCache:
            made.append(Overtaken(cache))
            return made[0]

        async with system(tmp_path, address, around) as (memories, _):
            await memories.store(new("a", 1.0))
            made[0].meanwhile = lambda: memories.store(new("a", 2.0))
            await memories.recall(ASKED)
            assert (await scores(memories))["a"] == pytest.approx(score(2.0), abs=1e-6)

    asyncio.run(work())


def test_a_redis_that_comes_and_goes_changes_no_answer_and_stops_no_store(tmp_path: Path) -> None:
    if redis_server.PROGRAM is None:
        pytest.skip(redis_server.ABSENT)
    server = RedisServer(tmp_path)
    server.start()

    async def work() -> None:
        async with system(tmp_path, server, OneKey) as (memories, cache):
            done = asyncio.Event()

            async def write(number: int) -> None:
                version = 0
                while not done.is_set():
                    version += 1
                    raw = (version % 70) / 10
                    await memories.store(new(f"m{number}", raw))
                    found = (await scores(memories))[f"m{number}"]
                    assert found == pytest.approx(score(raw), abs=1e-6), "a recall did not find what was stored"
                    found = (await scores(memories))[f"m{number}"]
                    assert found == pytest.approx(score(raw), abs=1e-6), "a recall did not find what was stored"

            writers = [asyncio.create_task(write(number)) for number in range(3)]
            for action in (server.kill, server.start, server.freeze, server.thaw, server.kill, server.start):
                before = cache.counts.puts
                await asyncio.sleep(0.3)
                await asyncio.to_thread(action)
                if action == server.start:
                    async with asyncio.timeout(20):
                        while cache.counts.puts < before + 20:
                            await asyncio.sleep(0.02)
            done.set()
            await asyncio.gather(*writers)
            assert cache.counts.failures > 0

    try:
        asyncio.run(work())
    finally:
        server.kill()


def test_tenants_do_not_share_answers(tmp_path: Path, address: RedisServer | None) -> None:
    async def work() -> None:
        async with system(tmp_path, address, OneKey) as (memories, _):
            await memories.store(new("a", 1.0, "t"))
            await memories.store(new("b", 1.0, "u"))
            for tenant, id in [("t", "a"), ("u", "b")] * 2:
                assert list(await scores(memories, replace(ASKED, tenant=tenant))) == [id]

    asyncio.run(work())


def test_a_memory_of_the_future_appears_when_its_time_has_come(tmp_path: Path, address: RedisServer | None) -> None:
    """A recall that names no moment is asked at one; the cache must not carry its answer over the creation of a memory."""

    async def work() -> None:
        async with system(tmp_path, address) as (memories, cache):
            await memories.store(new("now", 1.0, created=1000))
            await memories.store(new("later", 1.0, created=2000))
            asked = [replace(ASKED, as_of=moment, as_of_given=False) for moment in (1500, 1999, 2000, 3000, 3001)]
            found = [(sorted(await scores(memories, query)), cache.counts.hits) for query in asked]
            assert found == [
                (["now"], 0),
                (["now"], 0),
                (["later", "now"], 0),
                (["later", "now"], 1),
                (["later", "now"], 2),
            ]
            assert cache.counts.puts == 1, "a moment that does not come back is not kept"

    asyncio.run(work())


def test_with_decay_only_a_moment_that_was_named_is_kept(tmp_path: Path, address: RedisServer | None) -> None:
    async def work() -> None:
        async with system(tmp_path, address) as (memories, cache):
            await memories.store(new("a", 1.0))
            decaying = replace(ASKED, parameters=ScoreParameters(tau=1000.0))
            for microseconds in (0, 1_000_000_000, 2_000_000_000):
                query = replace(decaying, as_of=microseconds, as_of_given=False)
                expected = score(1.0) * 2 ** -(microseconds / 1e9)
                assert (await scores(memories, query))["a"] == pytest.approx(expected, rel=1e-6)
            assert cache.counts.puts == 0
            named = replace(decaying, as_of=1_000_000_000)
            answers = [await memories.recall(named) for _ in range(2)]
            assert [cached for _, cached in answers] == [False, True]
            assert answers[0][0][0].score == answers[1][0][0].score == pytest.approx(score(1.0) / 2, rel=1e-6)

    asyncio.run(work())


def test_a_start_with_other_settings_takes_nothing_from_the_former_one(
    tmp_path: Path, address: RedisServer | None
) -> None:
    async def work() -> None:
        async with system(tmp_path, address) as (memories, _):
            await memories.store(new("a", 1.0))
            assert (await scores(memories))["a"] == pytest.approx(score(1.0), abs=1e-6)
        async with system(tmp_path, address, importance_slope=3.0) as (memories, cache):
            assert (await scores(memories))["a"] == pytest.approx(score(3.0), abs=1e-6)
            assert cache.counts.hits == 0

    asyncio.run(work())
