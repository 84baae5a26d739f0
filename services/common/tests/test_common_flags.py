"""Feature flags over a real etcd, with and without a real Redis."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from caching import until_answered
from common.config.settings import load
from common.feature_flags import Declared, FeatureFlags, Flag
from common.utils.cache import Cache, chosen
from common.utils.etcd_client import EtcdClient
from etcd_server import EtcdServer
from hypothesis import given
from hypothesis import strategies as st
from redis_server import RedisServer

ON = Declared(name="on", default=True)
RATE = Declared(name="rate", default=0.5, low=0.0, high=10.0)
MODE = Declared(name="mode", default="slow", choices=("slow", "fast"))
PREFIX = "/soma/flags/"


class Service:
    """One process' worth: its client, its shared cache if there is one, and its flags."""

    def __init__(self, url: str, session: aiohttp.ClientSession, clock: Any = None, **given: Any) -> None:
        fast = {"flags_ttl_seconds": 30.0, "etcd_timeout_seconds": 0.5, "redis_retry_seconds": 0.001}
        settings = load(etcd_url=url, **{**fast, **given})
        self.etcd = EtcdClient(settings, session)
        self.shared: Cache | None = None
        if settings.redis_url:
            self.shared = chosen(settings, "flags", ttl_seconds=settings.flags_ttl_seconds, entries=1)
        clocked = {"clock": clock} if clock else {}
        self.flags = FeatureFlags(settings, self.etcd, self.shared, **clocked)

    async def put(self, name: str, value: bytes) -> None:
        await self.etcd.put((PREFIX + name).encode(), value)


class Clock:
    """Monotonic seconds that the test moves."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@asynccontextmanager
async def services(count: int, url: str, **given: Any) -> AsyncIterator[list[Service]]:
    async with aiohttp.ClientSession() as session:
        made = [Service(url, session, **given) for _ in range(count)]
        try:
            yield made
        finally:
            for one in made:
                if one.shared:
                    await one.shared.close()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.01)


@asynccontextmanager
async def kept(flags: FeatureFlags) -> AsyncIterator[None]:
    """Flags that keep themselves up to date."""
    task = asyncio.create_task(flags.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def run(work: Awaitable[None]) -> None:
    async def main() -> None:
        await work

    asyncio.run(main())


def test_flags_have_the_values_of_etcd_and_their_defaults_otherwise(etcd_running: EtcdServer) -> None:
    async def work() -> None:
        async with services(1, etcd_running.url) as (one,):
            flags = one.flags
            assert flags.get(ON) == Flag(True, "default", "they have not been read yet")
            await one.put("on", b"false")
            await one.put("rate", b"7")
            await one.etcd.put(b"/soma/flag", b"false")
            assert await flags.refresh()
            assert flags.get(ON) == Flag(False, "etcd")
            assert flags.get(RATE) == Flag(7.0, "etcd")
            assert isinstance(flags.get(RATE).value, float)
            assert flags.get(MODE) == Flag("slow", "default", "it is not set")
            await one.put("mode", b'"fast"')
            await flags.changed(PREFIX + "mode")
            assert flags.get(MODE) == Flag("fast", "etcd")
            await one.etcd.delete((PREFIX + "mode").encode())
            await flags.changed("/elsewhere")
            assert flags.get(MODE).value == "fast"
            await flags.changed(None)
            assert flags.get(MODE).value == "slow"

    run(work())


@pytest.mark.parametrize(
    ("flag", "bad"),
    [
        (ON, b"1"), (ON, b'"true"'), (ON, b"null"), (ON, b"True"), (ON, b""), (ON, b"\xff"), (ON, b"[" * 4000),
        (ON, b" " * 5000 + b"false"), (RATE, b"true"), (RATE, b"-1"), (RATE, b"11"), (RATE, b"NaN"), (RATE, b"1e999"),
        (RATE, b"1" + b"0" * 400), (RATE, b'"1"'), (MODE, b'"other"'), (MODE, b"1"), (MODE, b"fast"),
    ],
)  # fmt: skip
def test_a_value_that_a_flag_may_not_have_is_refused(flag: Declared[Any], bad: bytes) -> None:
    with pytest.raises(ValueError, match="must"):
        flag.read(bad)


@given(st.booleans() | st.floats(0, 10) | st.sampled_from(["slow", "fast"]) | st.integers(0, 10))
def test_a_value_that_fits_comes_back(value: Any) -> None:
    flag: Declared[Any] = ON if isinstance(value, bool) else MODE if isinstance(value, str) else RATE
    found = flag.read(json.dumps(value).encode())
    assert found == value
    assert type(found) is type(flag.default)


def test_an_unusable_value_is_told_once_and_gives_the_default(
    etcd_running: EtcdServer, caplog: pytest.LogCaptureFixture
) -> None:
    async def work() -> None:
        async with services(1, etcd_running.url) as (one,):
            await one.put("on", b'"secret words"')
            await one.flags.refresh()
            for _ in range(3):
                assert one.flags.get(ON) == Flag(True, "default", "must be true or false")
            assert one.flags.get(RATE).value == 0.5

    run(work())
    errors = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert len(errors) == 1
    assert "secret words" not in str(errors[0].__dict__)


def test_a_change_is_seen_by_the_watch(etcd_running: EtcdServer) -> None:
    async def work() -> None:
        async with services(1, etcd_running.url, flags_ttl_seconds=600.0) as (one,), kept(one.flags):
            await until(lambda: one.flags.trouble == "")
            for value in (b"false", b"true", b"false"):
                await one.put("on", value)
                await until(lambda: one.flags.get(ON) == Flag(value == b"true", "etcd"))  # noqa: B023 - waited for here
            await one.etcd.delete((PREFIX + "on").encode())
            await until(lambda: one.flags.get(ON).source == "default")

    run(work())


@asynccontextmanager
async def slow_watch(url: str, gate: asyncio.Event) -> AsyncIterator[str]:
    """A way to etcd on which what asks for a watch waits at a gate."""
    host, _, port = url.removeprefix("http://").rpartition(":")

    async def carry(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while data := await source.read(65536):
            if b"/v3/watch" in data:
                await gate.wait()
            sink.write(data)
            await sink.drain()
        sink.close()

    async def lead(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(host, int(port))
        await asyncio.gather(carry(reader, back), carry(there, writer))

    async with await asyncio.start_server(lead, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


def test_a_change_is_seen_that_falls_between_the_first_read_and_the_watch(etcd_running: EtcdServer) -> None:
    async def work() -> None:
        gate = asyncio.Event()
        async with (
            slow_watch(etcd_running.url, gate) as url,
            services(1, url, flags_ttl_seconds=600.0) as (one,),
            kept(one.flags),
        ):
            await until(lambda: one.flags.trouble == "")
            await one.put("on", b"false")
            gate.set()
            await until(lambda: one.flags.get(ON) == Flag(False, "etcd"))

    run(work())


def test_a_watch_survives_a_restart_and_a_compaction(etcd_running: EtcdServer) -> None:
    async def work() -> None:
        async with services(1, etcd_running.url, flags_ttl_seconds=600.0) as (one,), kept(one.flags):
            await one.put("on", b"false")
            await until(lambda: one.flags.get(ON).value is False)
            await asyncio.to_thread(etcd_running.kill)
            await asyncio.to_thread(etcd_running.start)
            for number in range(5):
                revision = await one.etcd.put(b"/unrelated", str(number).encode())
            await one.put("on", b"true")
            await one.etcd._ask("/v3/kv/compaction", {"revision": str(revision)}, changes=True)
            await until(lambda: one.flags.get(ON) == Flag(True, "etcd"))
            await one.put("on", b"false")
            await until(lambda: one.flags.get(ON).value is False)

    run(work())


def test_the_last_value_is_believed_for_its_time_when_etcd_is_away_and_then_the_default(
    etcd_running: EtcdServer, caplog: pytest.LogCaptureFixture
) -> None:
    async def work() -> None:
        clock = Clock()
        async with services(1, etcd_running.url, clock=clock) as (one,):
            await one.put("on", b"false")
            await one.flags.refresh()
            etcd_running.kill()
            clock.now += 29
            for _ in range(3):
                await one.flags.changed(None)
            assert one.flags.get(ON) == Flag(False, "etcd")
            clock.now += 1
            found = one.flags.get(ON)
            assert (found.value, found.source) == (True, "default")
            assert "etcd" in found.why
            await asyncio.to_thread(etcd_running.start)
            await one.flags.refresh()
            assert one.flags.get(ON) == Flag(False, "etcd")

    run(work())
    assert [record.levelname for record in caplog.records if "flags" in record.getMessage()].count("WARNING") == 1


def test_what_others_have_read_is_believed_when_etcd_is_away(
    etcd_running: EtcdServer, redis_running: RedisServer
) -> None:
    async def work() -> None:
        async with services(2, etcd_running.url, redis_url=redis_running.url) as (one, other):
            await one.put("on", b"false")
            await one.flags.refresh()
            etcd_running.kill()
            assert not await other.flags.refresh()
            assert other.flags.get(ON) == Flag(False, "cache")
            assert other.flags.get(MODE).source == "default"
            await one.flags.changed(PREFIX + "on")
            assert one.flags.get(ON).source == "etcd", "its own is believed until its time is over"
            async with services(1, etcd_running.url, redis_url=redis_running.url) as (late,):
                await late.flags.refresh()
                assert late.flags.get(ON).source == "default", "what is said to have changed is not taken from others"

    run(work())


def test_what_others_have_read_is_not_believed_for_longer_than_its_time(
    etcd_running: EtcdServer, redis_running: RedisServer
) -> None:
    async def work() -> None:
        given = {"redis_url": redis_running.url, "flags_ttl_seconds": 1.5}
        async with services(2, etcd_running.url, **given) as (one, other):
            await one.put("on", b"false")
            await one.flags.refresh()
            etcd_running.kill()
            await asyncio.sleep(0.7)
            await other.flags.refresh()
            assert other.flags.get(ON) == Flag(False, "cache")
            await asyncio.sleep(0.9)
            assert other.flags.get(ON).source == "default"

    run(work())


def test_flags_go_on_without_redis(etcd_running: EtcdServer, redis_running: RedisServer) -> None:
    async def work() -> None:
        async with services(1, etcd_running.url, redis_url=redis_running.url) as (one,):
            redis_running.kill()
            await one.put("on", b"false")
            await one.flags.changed(None)
            assert one.flags.get(ON) == Flag(False, "etcd")
            redis_running.start()
            assert one.shared
            await until_answered(one.shared)
            await one.flags.refresh()
            assert one.shared.counts.puts == 1

    run(work())


def test_flags_of_other_prefixes_do_not_come_by_the_cache(etcd_running: EtcdServer, redis_running: RedisServer) -> None:
    async def work() -> None:
        given = {"redis_url": redis_running.url}
        async with (
            services(1, etcd_running.url, **given) as (one,),
            services(1, etcd_running.url, flags_prefix="/other/", **given) as (other,),
        ):
            await one.put("on", b"false")
            await one.flags.refresh()
            etcd_running.kill()
            await other.flags.refresh()
            assert other.flags.get(ON).source == "default"

    run(work())


def test_more_keys_than_the_bound_are_refused(etcd_running: EtcdServer) -> None:
    async def work() -> None:
        async with services(1, etcd_running.url, flags_most=3) as (one,):
            for number in range(3):
                await one.put(f"f{number}", b"1")
            assert await one.flags.refresh()
            await one.put("f3", b"1")
            assert not await one.flags.refresh()
            assert "more than 3 keys" in one.flags.trouble

    run(work())


def test_messages_of_a_topic_are_followed(etcd_running: EtcdServer) -> None:
    async def work() -> None:
        async with services(1, etcd_running.url) as (one,):
            await one.flags.refresh()
            await one.put("on", b"false")

            async def messages() -> AsyncIterator[str | None]:
                yield "/elsewhere"
                assert one.flags.get(ON).value is True
                yield PREFIX + "on"
                assert one.flags.get(ON).value is False

            await one.flags.follow(messages())

    run(work())


def test_without_etcd_every_flag_has_its_default_and_says_why() -> None:
    async def work() -> None:
        flags = FeatureFlags(load(), None)
        await flags.run()
        await flags.changed(None)
        assert flags.get(ON) == Flag(True, "default", "etcd_url is not set")

    run(work())
