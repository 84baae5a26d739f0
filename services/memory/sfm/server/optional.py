"""The parts that a service may do without: the cache of recalls, and the flags that switch it. Each is real, or absent by name."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass

import aiohttp
from common.config.settings import SMFSettings
from common.feature_flags import Declared, FeatureFlags
from common.utils.cache import MISSED, Cache, Look, chosen
from common.utils.etcd_client import EtcdClient
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from sfm.recalling import RecallCache

RECALL_CACHE = Declared(name="memory.recall_cache", default=True)
"""Whether recalls may be answered from the cache, where settings allow one."""


class SwitchedCache:
    """A cache that is passed by while the flag is off. Invalidations go through, so that what it holds is right when the flag is on again."""

    def __init__(self, cache: Cache, flags: FeatureFlags) -> None:
        self._cache, self._flags = cache, flags

    async def look(self, tenant: str, key: str) -> Look:
        """See RecallCache."""
        return await self._cache.look(tenant, key) if self._flags.get(RECALL_CACHE).value else MISSED

    async def put(self, tenant: str, key: str, value: bytes, generation: bytes | None) -> None:
        """See RecallCache."""
        await self._cache.put(tenant, key, value, generation)

    async def invalidate(self, tenant: str) -> None:
        """See RecallCache."""
        await self._cache.invalidate(tenant)


@dataclass(frozen=True, eq=False)
class Parts(Collector):
    """The parts of one server, and what they count.

    Attributes:
        cache: of recalls; None if it is switched off.
        flags: have their defaults where no etcd is configured.
        absent: the parts that are not configured, and what is done without each.
    """

    cache: Cache | None
    flags: FeatureFlags
    absent: dict[str, str]

    @property
    def recall_cache(self) -> RecallCache | None:
        """What recalls are answered from."""
        return SwitchedCache(self.cache, self.flags) if self.cache else None

    def away(self) -> dict[str, str]:
        """The parts that are configured and do not answer now, and why."""
        found = {"redis": self.cache.away if self.cache else "", "etcd": self.flags.trouble}
        return {part: why for part, why in found.items() if why and part not in self.absent}

    def collect(self) -> Iterable[Metric]:
        """For Prometheus."""
        absent = GaugeMetricFamily(
            "sfm_part_absent", "1 for each optional part that is not configured.", labels=["part"]
        )
        for part in self.absent:
            absent.add_metric([part], 1)
        away = GaugeMetricFamily("sfm_part_away", "1 for each configured part that does not answer.", labels=["part"])
        for part in self.away():
            away.add_metric([part], 1)
        flag = self.flags.get(RECALL_CACHE)
        switched = GaugeMetricFamily("sfm_flag", "1 while a flag is on.", labels=["flag", "source"])
        switched.add_metric([RECALL_CACHE.name, flag.source], flag.value)
        yield from (absent, away, switched, *self._counts())

    def _counts(self) -> Iterator[Metric]:
        if self.cache:
            counted = CounterMetricFamily("sfm_cache", "What the recall cache did.", labels=["what"])
            for what, count in asdict(self.cache.counts).items():
                counted.add_metric([what], count)
            yield counted


@asynccontextmanager
async def parts(settings: SMFSettings, session: aiohttp.ClientSession) -> AsyncIterator[Parts]:
    """The parts that the settings ask for; their connections are closed at the end.

    Raises:
        SettingsError: an address is not usable.
    """
    cache = chosen(settings, "recalls", ttl_seconds=settings.cache_ttl_seconds, entries=settings.cache_entries)
    try:
        etcd = EtcdClient(settings, session) if settings.etcd_url else None
        shared = None
        if etcd and settings.redis_url:
            shared = chosen(settings, "flags", ttl_seconds=settings.flags_ttl_seconds, entries=1)
        try:
            yield Parts(cache, FeatureFlags(settings, etcd, shared), settings.absent_parts())
        finally:
            if shared:
                await shared.close()
    finally:
        if cache:
            await cache.close()
