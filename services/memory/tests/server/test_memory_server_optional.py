"""The server with a real Redis and a real etcd, without them, and when they go away while it serves."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import etcd_server
import pytest
import redis_server
from common.config.settings import load
from common.utils.etcd_client import EtcdClient
from etcd_server import EtcdServer
from redis_server import RedisServer
from serving import Server, serving, until
from sfm.client import Client

VECTOR = [1.0, 0.0, 0.0, 0.0]
PASSWORD = "s3cret-of-redis"


@pytest.fixture
def redis_running(tmp_path: Path) -> Iterator[RedisServer]:
    if redis_server.PROGRAM is None:
        pytest.skip(redis_server.ABSENT)
    (tmp_path / "redis").mkdir()
    found = RedisServer(tmp_path / "redis", "--requirepass", PASSWORD)
    found.start()
    yield found
    found.kill()


@pytest.fixture
def etcd_running(tmp_path: Path) -> Iterator[EtcdServer]:
    if etcd_server.PROGRAM is None:
        pytest.skip(etcd_server.ABSENT)
    found = EtcdServer(tmp_path)
    found.start()
    yield found
    found.kill()


def address(server: RedisServer) -> str:
    return f"redis://:{PASSWORD}@127.0.0.1:{server.port}/0"


def flag(server: EtcdServer, name: str, value: bytes) -> None:
    async def put() -> None:
        async with aiohttp.ClientSession() as session:
            settings = load(etcd_url=server.url)
            await EtcdClient(settings, session).put((settings.flags_prefix + name).encode(), value)

    asyncio.run(put())


def cached(client: Client, *, times: int = 2) -> list[bool]:
    return [client.recall("t", VECTOR).cached for _ in range(times)]


def metrics(server: Server) -> dict[str, float]:
    _, text = server.get("/metrics")
    lines = (line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    return {name: float(value) for name, value in lines}


def page(server: Server) -> dict[str, object]:
    found: dict[str, object] = json.loads(server.get("/ready")[1])
    return found


def test_recalls_come_from_the_cache_until_a_store_or_a_delete(tmp_path: Path, redis_running: RedisServer) -> None:
    for name, settings in {"process": {}, "redis": {"SOMA_REDIS_URL": address(redis_running)}}.items():
        with serving(tmp_path / name, **settings) as server, server.client() as client:
            client.store("t", "a", VECTOR)
            assert cached(client, times=3) == [False, True, True]
            client.store("t", "b", VECTOR)
            assert cached(client) == [False, True]
            assert client.delete("t", "b")
            assert cached(client) == [False, True]
            found = metrics(server)
            assert found["sfm_cache_hit_ratio"] == pytest.approx(4 / 7)
            assert (found['sfm_cache_total{what="hits"}'], found['sfm_cache_total{what="misses"}']) == (4, 3)
            assert PASSWORD not in server.log.read_text()
            assert ("redis" in page(server)["absent"]) == (name == "process")  # type: ignore[operator]


def test_no_entries_switch_the_cache_off(tmp_path: Path) -> None:
    with serving(tmp_path, SOMA_CACHE_ENTRIES="0") as server, server.client() as client:
        client.store("t", "a", VECTOR)
        assert cached(client, times=3) == [False, False, False]
        assert "sfm_cache_total" not in server.get("/metrics")[1]


def test_a_flag_switches_the_cache_while_the_server_runs(tmp_path: Path, etcd_running: EtcdServer) -> None:
    with serving(tmp_path / "server", SOMA_ETCD_URL=etcd_running.url) as server, server.client() as client:
        client.store("t", "a", VECTOR)
        assert cached(client) == [False, True]
        flag(etcd_running, "memory.recall_cache", b"false")
        until(lambda: not any(cached(client)))
        assert metrics(server)['sfm_flag{flag="memory.recall_cache",source="etcd"}'] == 0
        client.store("t", "b", VECTOR)
        flag(etcd_running, "memory.recall_cache", b"true")
        until(lambda: all(cached(client)))
        assert {hit.memory.id for hit in client.recall("t", VECTOR).hits} == {"a", "b"}
        flag(etcd_running, "memory.recall_cache", b"false")
        until(lambda: not any(cached(client)))


def test_a_flag_does_not_switch_on_what_settings_switch_off(tmp_path: Path, etcd_running: EtcdServer) -> None:
    flag(etcd_running, "memory.recall_cache", b"true")
    settings = {"SOMA_ETCD_URL": etcd_running.url, "SOMA_CACHE_ENTRIES": "0"}
    with serving(tmp_path / "server", **settings) as server, server.client() as client:
        until(lambda: 'source="etcd"' in server.get("/metrics")[1])
        client.store("t", "a", VECTOR)
        assert not any(cached(client))


def test_parts_that_are_absent_are_named_and_the_server_serves(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        found = page(server)
        assert found["ready"] is True
        assert {"redis", "etcd"} <= set(found["absent"])  # type: ignore[call-overload]
        assert found["away"] == {}
        named = {line["part"] for line in server.lines() if line["message"] == "an optional part is not configured"}
        assert {"redis", "etcd"} <= named
        assert metrics(server)['sfm_part_absent{part="redis"}'] == 1


def test_the_server_goes_on_when_redis_and_etcd_go_away_and_uses_them_when_they_are_back(
    tmp_path: Path, redis_running: RedisServer, etcd_running: EtcdServer
) -> None:
    settings = {
        "SOMA_REDIS_URL": address(redis_running),
        "SOMA_REDIS_RETRY_SECONDS": "0.05",
        "SOMA_ETCD_URL": etcd_running.url,
        "SOMA_ETCD_TIMEOUT_SECONDS": "0.3",
        "SOMA_FLAGS_TTL_SECONDS": "0.6",
    }
    flag(etcd_running, "memory.recall_cache", b"true")
    with serving(tmp_path / "server", **settings) as server, server.client() as client:
        client.store("t", "a", VECTOR)
        until(lambda: page(server)["away"] == {})
        assert all(cached(client, times=5)[1:])
        redis_running.kill()
        etcd_running.kill()
        for number in range(20):
            client.store("t", f"m{number}", VECTOR)
            assert f"m{number}" in {hit.memory.id for hit in client.recall("t", VECTOR, k=50).hits}
        until(lambda: set(page(server)["away"]) == {"redis", "etcd"})  # type: ignore[call-overload]
        assert page(server)["ready"] is True
        until(lambda: 'source="default"' in server.get("/metrics")[1])
        assert metrics(server)['sfm_part_away{part="redis"}'] == 1
        redis_running.start()
        etcd_running.start()
        until(lambda: all(cached(client)))
        client.store("t", "last", VECTOR)
        assert "last" in {hit.memory.id for hit in client.recall("t", VECTOR, k=50).hits}
        until(lambda: page(server)["away"] == {})
        until(lambda: 'source="etcd"' in server.get("/metrics")[1])
        told = [line for line in server.lines() if line["message"].startswith("flags cannot be read")]
        assert len(told) == 1, "told once"
        assert PASSWORD not in server.log.read_text()
        assert server.stop() == 0
