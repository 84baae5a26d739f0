"""Real servers, for one test each; a test whose server is not installed is skipped."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import etcd_server
import pytest
import redis_server
from caching import memory_cache, redis_cache
from common.utils.cache import Cache
from etcd_server import EtcdServer
from redis_server import RedisServer


@pytest.fixture
def redis_running(tmp_path: Path) -> Iterator[RedisServer]:
    if redis_server.PROGRAM is None:
        pytest.skip(redis_server.ABSENT)
    found = RedisServer(tmp_path)
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


@pytest.fixture(params=["in process", "redis"])
def made(request: pytest.FixtureRequest) -> Callable[..., Cache]:
    """Makes a cache, of each kind."""
    if request.param == "in process":
        return memory_cache
    server = request.getfixturevalue("redis_running")
    return lambda **options: redis_cache(server, **options)
