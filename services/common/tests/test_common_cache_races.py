"""No order of looks, puts, invalidations and failures lets a stale answer be read."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Any

import pytest
import redis
import redis_server
from caching import memory_cache, redis_cache, until_answered
from common.utils.cache import Cache, Look
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule
from redis_server import RedisServer

TENANTS = st.sampled_from(["a", "b"])
KEYS = st.sampled_from(["x", "y"])
WHO = st.integers(0, 1)


class Races(RuleBasedStateMachine):
    """Two users of a cache compute answers, which are the version of a tenant; a change of the version is followed by an invalidation."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.caches = self.make()
        self.versions = {"a": 0, "b": 0}
        self.computing: list[tuple[int, str, str, int, Look]] = []

    def make(self) -> list[Cache]:
        """The caches of the users."""
        one = memory_cache(entries=2)
        return [one, one]

    def wait(self, work: Any) -> Any:
        """Run in the loop of this machine."""
        return self.loop.run_until_complete(work)

    @rule(who=WHO, tenant=TENANTS, key=KEYS)
    def ask(self, who: int, tenant: str, key: str) -> None:
        look = self.wait(self.caches[who].look(tenant, key))
        assert look.value in {None, str(self.versions[tenant]).encode()}, "a stale answer"
        if look.value is None:
            self.computing.append((who, tenant, key, self.versions[tenant], look))

    @precondition(lambda self: self.computing)
    @rule(data=st.data(), again=st.booleans())
    def answer(self, data: st.DataObject, *, again: bool) -> None:
        place = data.draw(st.integers(0, len(self.computing) - 1))
        who, tenant, key, version, look = self.computing[place] if again else self.computing.pop(place)
        self.wait(self.caches[who].put(tenant, key, str(version).encode(), look.generation))

    @rule(who=WHO, tenant=TENANTS, key=KEYS)
    def compute(self, who: int, tenant: str, key: str) -> None:
        self.ask(who, tenant, key)
        if self.computing:
            who, tenant, key, version, look = self.computing[-1]
            self.wait(self.caches[who].put(tenant, key, str(version).encode(), look.generation))

    @rule(who=WHO, tenant=TENANTS)
    def change(self, who: int, tenant: str) -> None:
        self.versions[tenant] += 1
        self.wait(self.caches[who].invalidate(tenant))

    def teardown(self) -> None:
        for cache in self.caches:
            self.wait(cache.close())
        self.loop.close()


class RedisRaces(Races):
    """The same over a real Redis that writes dumps, forgets, runs out of memory, ends and comes back with what it dumped."""

    def make(self) -> list[Cache]:
        self.folder = tempfile.TemporaryDirectory()
        self.server = RedisServer(Path(self.folder.name))
        self.server.start()
        self.up = True

        async def both() -> list[Cache]:
            return [redis_cache(self.server), redis_cache(self.server)]

        found: list[Cache] = self.wait(both())
        return found

    def raw(self, *command: str) -> None:
        with redis.Redis(port=self.server.port) as client:
            client.execute_command(*command)

    @precondition(lambda self: self.up)
    @rule()
    def dump(self) -> None:
        self.raw("CONFIG", "SET", "maxmemory", "0")
        self.raw("SAVE")

    @precondition(lambda self: self.up)
    @rule(who=WHO, tenant=TENANTS)
    def lose_a_change(self, who: int, tenant: str) -> None:
        """It falls back to what it held before a change."""
        self.dump()
        self.change(who, tenant)
        self.end(back=True)
        self.ask(who, tenant, "x")

    @precondition(lambda self: self.up)
    @rule(command=st.sampled_from([("FLUSHALL",), ("CONFIG", "SET", "maxmemory", "1")]))
    def tell(self, command: tuple[str, ...]) -> None:
        self.raw(*command)

    @precondition(lambda self: self.up)
    @rule(back=st.booleans())
    def end(self, *, back: bool) -> None:
        self.server.kill()
        self.up = False
        if back:
            self.come_back()

    @precondition(lambda self: not self.up)
    @rule()
    def come_back(self) -> None:
        self.server.start()
        self.up = True
        for cache in self.caches:
            self.wait(until_answered(cache))

    def teardown(self) -> None:
        super().teardown()
        self.server.kill()
        self.folder.cleanup()


TestRacesInProcess = Races.TestCase
TestRacesInProcess.settings = settings(max_examples=100, stateful_step_count=60, deadline=None)
TestRacesInRedis = pytest.mark.skipif(redis_server.PROGRAM is None, reason=redis_server.ABSENT)(RedisRaces.TestCase)
TestRacesInRedis.settings = settings(
    max_examples=25, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)
