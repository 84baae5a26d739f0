"""A cache in Redis; see common.utils.cache for what a cache promises.

Four rules keep it from ever giving a wrong answer:

1. Generations are random names, so one that Redis has lost, or has evicted, never comes back.
2. The generation of an answer contains the run id of the Redis process. A Redis that was started again from an old dump, or a
   replica that took over, may have the generations of before an invalidation; under another run id none of them counts.
3. Each value is sealed: it begins with a digest over generation, tenant, key and value. What does not fit its seal is no answer,
   whoever wrote it.
4. When an invalidation did not get through, nothing is read until everything has been invalidated.

A process that could not tell Redis of a change and then ends leaves other processes what they have kept, for at most the time that
values are kept. Where that matters, the key has to name the version of what the answer was computed from.

Names are hashed, so a tenant or key may be any text of any length.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
import secrets
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.connection import parse_url
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

from common.config.settings import CommonSettings, SettingsError
from common.utils.cache import MISSED, CacheCounts, Look
from common.utils.logger import fields

SEAL_BYTES = 32
TOKEN_BYTES = 16
LOOK = """
local function generation(key)
    local found = redis.call('GETEX', key, 'PX', ARGV[1])
    if not found then
        found = ARGV[2]
        redis.call('SET', key, found, 'PX', ARGV[1])
    end
    return found
end
local process = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
if not process then
    return redis.error_reply('ERR the server does not tell its run id')
end
return {process, generation(KEYS[1]), generation(KEYS[2]),
        redis.call('GETRANGE', KEYS[3], 0, ARGV[3]), redis.call('PTTL', KEYS[3])}
"""
"""Run id, generation of all, generation of the tenant, value and its time to live, all of one moment."""
_log = logging.getLogger(__name__)


class RedisCache:
    """A cache in the Redis that the settings name.

    Args:
        settings: redis_… and cache_value_bytes.
        name: caches of different names know nothing of each other.
        ttl_seconds: how long a value is kept.
        clock: monotonic seconds.

    Raises:
        SettingsError: redis_url is not usable.
    """

    def __init__(
        self,
        settings: CommonSettings,
        name: str,
        *,
        ttl_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings, self._clock = settings, clock
        self._milliseconds = max(1, round(ttl_seconds * 1000))
        self._prefix = f"{{soma:{name}}}:"
        self._redis = Redis(connection_pool=_pool(settings))
        self._look = self._redis.register_script(LOOK)
        self._resting_until = clock()
        self._failed, self._settled = 0, 0
        self._settling = asyncio.Lock()
        self._troubles: dict[str, str] = {}
        self.counts = CacheCounts()

    @property
    def away(self) -> str:
        """See Cache."""
        return "; ".join(f"{what}: {why}" for what, why in sorted(self._troubles.items()))

    async def look(self, tenant: str, key: str) -> Look:
        """See Cache."""
        if self._failed != self._settled and not await self._settle():
            self.counts.misses += 1
            return MISSED
        keys = [self._all, self._of(tenant), self._value(tenant, key)]
        given: list[bytes | int] = [self._milliseconds, _token(), SEAL_BYTES + self._settings.cache_value_bytes]
        found = await self._asked("look", lambda: self._look(keys=keys, args=given))
        if not isinstance(found, Sequence):
            self.counts.misses += 1
            return MISSED
        process, of_all, of_tenant, sealed, left = found
        generation = b"%b:%b:%b" % (process, of_all.hex().encode(), of_tenant.hex().encode())
        seal, value = sealed[:SEAL_BYTES], sealed[SEAL_BYTES:]
        if not hmac.compare_digest(seal, _seal(generation, tenant, key, value)):
            self.counts.misses += 1
            return Look(None, generation)
        self.counts.hits += 1
        return Look(value, generation, max(0, left) / 1000)

    async def put(self, tenant: str, key: str, value: bytes, generation: bytes | None) -> None:
        """See Cache."""
        if len(value) > self._settings.cache_value_bytes:
            self.counts.refused += 1
            return
        if generation is None:
            return
        sealed = _seal(generation, tenant, key, value) + value
        name = self._value(tenant, key)
        if await self._asked("put", lambda: self._redis.set(name, sealed, px=self._milliseconds)):
            self.counts.puts += 1

    async def invalidate(self, tenant: str) -> None:
        """See Cache."""
        self.counts.invalidations += 1
        name = self._of(tenant)
        done = False
        try:
            done = await self._renewed(name)
        finally:  # a cancelled invalidation may not have got through either
            if not done:
                self._failed += 1

    async def close(self) -> None:
        """See Cache."""
        await self._redis.aclose(close_connection_pool=True)

    async def _settle(self) -> bool:
        """Invalidate everything; whether that got through."""
        async with self._settling:
            failed = self._failed
            if failed != self._settled and await self._renewed(self._all):
                self._settled = failed
            return self._failed == self._settled

    async def _renewed(self, name: str) -> bool:
        return bool(await self._asked("invalidate", lambda: self._redis.set(name, _token(), px=self._milliseconds)))

    async def _asked(self, what: str, question: Callable[[], Awaitable[Any]]) -> Any:
        """What Redis answers; None, counted and logged, when it does not, or not in time, or with an error."""
        if self._clock() < self._resting_until:
            self.counts.failures += 1
            return None
        try:
            async with asyncio.timeout(self._settings.redis_timeout_seconds):
                answer = await question()
        except (RedisConnectionError, RedisTimeoutError, TimeoutError, OSError) as error:
            self._resting_until = self._clock() + self._settings.redis_retry_seconds
            self._trouble(what, error)
            return None
        except RedisError as error:
            self._trouble(what, error)
            return None
        if self._troubles.pop(what, None):
            _log.info("Redis answers again", extra=fields(what=what))
        return answer

    def _trouble(self, what: str, error: Exception) -> None:
        """Told once, by the kind of the error alone: its message may quote what was asked, or the address with its password."""
        self.counts.failures += 1
        kind = type(error).__name__
        if self._troubles.get(what) != kind:
            _log.warning("Redis does not answer as it should, and is passed by", extra=fields(what=what, reason=kind))
        self._troubles[what] = kind

    @property
    def _all(self) -> str:
        return f"{self._prefix}all"

    def _of(self, tenant: str) -> str:
        return f"{self._prefix}tenant:{_digest(tenant).hex()}"

    def _value(self, tenant: str, key: str) -> str:
        return f"{self._prefix}value:{_digest(tenant, key).hex()}"


def _pool(settings: CommonSettings) -> BlockingConnectionPool:
    if settings.redis_url is None:
        raise SettingsError("redis_url: is not set")
    try:
        options = parse_url(settings.redis_url.get_secret_value())
    except ValueError:  # its message quotes the address
        raise SettingsError("redis_url: must be a URL of Redis") from None
    ours: dict[str, Any] = {
        "max_connections": settings.redis_connections,
        "timeout": settings.redis_timeout_seconds,
        "socket_timeout": settings.redis_timeout_seconds,
        "socket_connect_timeout": settings.redis_timeout_seconds,
        "retry": Retry(NoBackoff(), 0),
        "decode_responses": False,
        "protocol": 2,
    }
    return BlockingConnectionPool(**{**options, **ours})


def _token() -> bytes:
    return secrets.token_bytes(TOKEN_BYTES)


def _digest(*texts: str | bytes) -> bytes:
    """Of texts in this order, and no others: each is preceded by its length. Lone surrogates are texts as well."""
    made = hashlib.blake2b(digest_size=SEAL_BYTES)
    for text in texts:
        data = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
        made.update(len(data).to_bytes(8, "big"))
        made.update(data)
    return made.digest()


def _seal(generation: bytes, tenant: str, key: str, value: bytes) -> bytes:
    return _digest(generation, tenant, key, value)
