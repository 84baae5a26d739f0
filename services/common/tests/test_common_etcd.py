"""The client of etcd against a real one, that is killed, frozen and compacted, and against answers that etcd would not give."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from common.config.settings import SettingsError, load
from common.utils.etcd_client import (
    Change,
    EtcdAnswer,
    EtcdAway,
    EtcdClient,
    EtcdCompacted,
    EtcdError,
    EtcdRefused,
    prefix_end,
)
from etcd_server import EtcdServer
from hypothesis import given
from hypothesis import strategies as st

Test = Callable[[EtcdClient], Awaitable[None]]


def run(url: str, test: Test, **settings: Any) -> None:
    async def main() -> None:
        async with aiohttp.ClientSession() as session:
            await test(EtcdClient(load(etcd_url=url, **settings), session))

    asyncio.run(main())


async def all_of(told: AsyncIterator[list[Change]]) -> list[Change]:
    """What a watch tells until it ends."""
    return [change async for changes in told for change in changes]


def test_what_is_put_is_read_and_deleted(etcd_running: EtcdServer) -> None:
    keys = [b"p/" + bytes([byte]) for byte in (0, 10, 47, 127, 255)] + [b"p/long" * 100]

    async def test(etcd: EtcdClient) -> None:
        revisions = [await etcd.put(key, key[::-1]) for key in keys]
        assert revisions == sorted(set(revisions))
        await etcd.put(b"p0", b"beyond")
        found = await etcd.range(b"p/", prefix_end(b"p/"))
        assert {pair.key: pair.value for pair in found.pairs} == {key: key[::-1] for key in keys}
        assert [pair.revision for pair in sorted(found.pairs, key=lambda pair: keys.index(pair.key))] == revisions
        assert (found.revision, found.more) == (revisions[-1] + 1, False)
        some = await etcd.range(b"p/", prefix_end(b"p/"), limit=2)
        assert (len(some.pairs), some.more) == (2, True)
        assert (await etcd.range(b"absent")).pairs == ()
        await etcd.put(b"empty", b"")
        assert (await etcd.range(b"empty")).pairs[0].value == b""
        assert await etcd.delete(b"absent") == 0
        assert await etcd.delete(b"p/", prefix_end(b"p/")) == len(keys)
        assert [pair.key for pair in (await etcd.range(b"\0", b"\0")).pairs] == [b"empty", b"p0"]

    run(etcd_running.url, test)


@given(st.binary(max_size=4), st.binary(max_size=6))
def test_the_end_of_a_prefix_bounds_exactly_the_keys_that_begin_with_it(prefix: bytes, key: bytes) -> None:
    end = prefix_end(prefix)
    assert (key >= prefix and (end == b"\0" or key < end)) == key.startswith(prefix)


def test_a_watch_tells_each_change_in_order_and_goes_on_after_the_last_one(etcd_running: EtcdServer) -> None:
    async def test(etcd: EtcdClient) -> None:
        seen: list[Change] = []
        async with aclosing(etcd.watch(b"w/", b"w0")) as told:
            assert await anext(told) == []
            await etcd.put(b"w/a", b"1")
            await etcd.put(b"other", b"1")
            await etcd.put(b"w/b", b"x" * 100_000)
            await etcd.delete(b"w/a")
            while len(seen) < 3:
                seen += await anext(told)
        first = seen[0].revision
        assert seen == [
            Change(b"w/a", b"1", first),
            Change(b"w/b", b"x" * 100_000, first + 2),
            Change(b"w/a", None, first + 3),
        ]
        again: list[Change] = []
        async with aclosing(etcd.watch(b"w/", b"w0", revision=first + 1)) as told:
            while len(again) < 2:
                again += await anext(told)
        assert again == seen[1:]

    run(etcd_running.url, test)


def test_a_watch_of_a_past_that_is_compacted_says_so(etcd_running: EtcdServer) -> None:
    async def test(etcd: EtcdClient) -> None:
        revisions = [await etcd.put(b"k", str(n).encode()) for n in range(5)]
        await etcd._ask("/v3/kv/compaction", {"revision": str(revisions[-1])}, changes=True)
        async with aclosing(etcd.watch(b"k", revision=revisions[0])) as told:
            with pytest.raises(EtcdCompacted):
                await all_of(told)

    run(etcd_running.url, test)


def test_a_watch_ends_when_etcd_does(etcd_running: EtcdServer) -> None:
    async def test(etcd: EtcdClient) -> None:
        async with aclosing(etcd.watch(b"k")) as told:
            assert await anext(told) == []
            etcd_running.kill()
            with pytest.raises(EtcdAway):
                await anext(told)
        with pytest.raises(EtcdAway):
            await all_of(etcd.watch(b"k"))

    run(etcd_running.url, test)


def test_a_watch_whose_connection_died_unseen_ends(etcd_running: EtcdServer) -> None:
    async def test(etcd: EtcdClient) -> None:
        async with aclosing(etcd.watch(b"k")) as told:
            assert await anext(told) == []
            etcd_running.freeze()
            with pytest.raises(EtcdAway):
                await anext(told)

    run(etcd_running.url, test, etcd_watch_idle_seconds=0.3)


def test_a_read_waits_for_etcd_to_come_back_within_its_deadline(etcd_running: EtcdServer) -> None:
    async def test(etcd: EtcdClient) -> None:
        await etcd.put(b"k", b"v")
        etcd_running.kill()
        reading = asyncio.create_task(etcd.range(b"k"))
        await asyncio.sleep(0.3)
        await asyncio.to_thread(etcd_running.start)
        assert (await reading).pairs[0].value == b"v"

    run(etcd_running.url, test, etcd_timeout_seconds=30.0)


@pytest.mark.parametrize("state", ["killed", "frozen"])
def test_the_deadline_holds_while_etcd_is_away(etcd_running: EtcdServer, state: str) -> None:
    async def test(etcd: EtcdClient) -> None:
        etcd_running.kill() if state == "killed" else etcd_running.freeze()
        for ask in (lambda: etcd.range(b"k"), lambda: etcd.put(b"k", b"v"), lambda: etcd.delete(b"k")):
            began = time.monotonic()
            with pytest.raises(EtcdAway, match=r"within 0\.4 s|cannot be reached"):
                await ask()
            assert time.monotonic() - began < 5

    run(etcd_running.url, test, etcd_timeout_seconds=0.4)


def test_etcd_says_what_it_refuses(etcd_running: EtcdServer) -> None:
    async def test(etcd: EtcdClient) -> None:
        with pytest.raises(EtcdRefused, match="key is not provided") as caught:
            await etcd.put(b"", b"v")
        assert caught.value.code == 3

    run(etcd_running.url, test)


def test_an_address_is_needed_and_carries_no_password() -> None:
    async def test() -> None:
        async with aiohttp.ClientSession() as session:
            with pytest.raises(SettingsError, match="etcd_url"):
                EtcdClient(load(), session)

    asyncio.run(test())
    for url in ("http://user:s3cret@127.0.0.1:2379", "ftp://127.0.0.1", "127.0.0.1:2379"):
        with pytest.raises(SettingsError) as caught:
            load(etcd_url=url)
        assert "s3cret" not in str(caught.value)


@asynccontextmanager
async def answering(*answers: tuple[int, bytes]) -> AsyncIterator[tuple[str, list[str]]]:
    """A web server that gives answers one after the other, the last one from then on; its address, and the paths that were asked."""
    asked: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(request.path)
        status, body = answers[min(len(asked), len(answers)) - 1]
        return web.Response(status=status, body=body)

    application = web.Application()
    application.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}", asked
    finally:
        await runner.cleanup()


async def asked(ask: Callable[[EtcdClient], Awaitable[Any]], *answers: tuple[int, bytes]) -> tuple[Any, int]:
    """What the client makes of answers, or the error, and how often it asked."""
    async with answering(*answers) as (url, paths), aiohttp.ClientSession() as session:
        client = EtcdClient(load(etcd_url=url, etcd_timeout_seconds=1.0), session)
        try:
            return await ask(client), len(paths)
        except EtcdError as error:
            return error, len(paths)


GOOD = b'{"header": {"revision": "7"}}'
UNAVAILABLE = b'{"error": "no leader", "code": 14, "message": "etcdserver: no leader"}'


def test_a_read_is_tried_again_when_etcd_has_no_leader_and_a_change_is_not() -> None:
    read, times = asyncio.run(asked(lambda etcd: etcd.range(b"k"), (503, UNAVAILABLE), (503, UNAVAILABLE), (200, GOOD)))
    assert (read.revision, times) == (7, 3)
    put, times = asyncio.run(asked(lambda etcd: etcd.put(b"k", b"v"), (503, UNAVAILABLE), (200, GOOD)))
    assert isinstance(put, EtcdAway)
    assert times == 1


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b"{}",
        b'{"header": {}}',
        b'{"header": {"revision": "x"}}',
        b'{"header": {"revision": true}}',
        b'{"header": {"revision": "7"}, "kvs": {}}',
        b'{"header": {"revision": "7"}, "kvs": [1]}',
        b'{"header": {"revision": "7"}, "kvs": [{"key": "?"}]}',
        b'{"header": {"revision": "7"}, "kvs": [{"key": 5}]}',
        b'{"header": {"revision": "7"}, "kvs": [{"mod_revision": {}}]}',
        b"[" * 100_000,
        b'{"header": {"revision": "%s"}}' % (b"9" * 5000),
        b" " * 9_000_000,
    ],
)
def test_what_does_not_speak_as_etcd_is_no_answer(body: bytes) -> None:
    found, times = asyncio.run(asked(lambda etcd: etcd.range(b"k"), (200, body)))
    assert isinstance(found, EtcdAnswer)
    assert times == 1


def test_a_redirect_is_not_followed() -> None:
    found, times = asyncio.run(asked(lambda etcd: etcd.range(b"k"), (302, b"{}")))
    assert isinstance(found, EtcdError)
    assert times == 1
