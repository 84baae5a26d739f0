"""What the server has to do with Kafka: it tells of changes to memories, and hears that flags have changed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

from common.config.settings import SMFSettings
from common.feature_flags import FeatureFlags
from common.utils.kafka_consumer import Consumer, Received
from common.utils.kafka_producer import Producer
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from sfm.events import Events
from sfm.publishing import Publish


class Followed(Collector):
    """What a consumer counts, for Prometheus."""

    def __init__(self, topic: str, consumer: Consumer) -> None:
        self._topic, self._consumer = topic, consumer

    def collect(self) -> Iterable[Metric]:
        """One sample each."""
        consumer = self._consumer
        lag = GaugeMetricFamily("sfm_consumer_lag", "Messages that are not handled yet.", labels=["topic"])
        lag.add_metric([self._topic], consumer.lag)
        counted = CounterMetricFamily("sfm_consumed", "Messages by what became of them.", labels=["topic", "what"])
        for what in ("handled", "failures", "buried"):
            counted.add_metric([self._topic, what], getattr(consumer, what))
        yield from (lag, counted)


@asynccontextmanager
async def brokers(
    settings: SMFSettings, flags: FeatureFlags, registry: CollectorRegistry
) -> AsyncIterator[Publish | None]:
    """How changes are told; None where no brokers are configured. Flags are followed meanwhile, where there is an etcd to read them from.

    Every process hears of every flag, from its start on, since each keeps flags of its own; what changed before it reads anyway.
    """
    if not settings.kafka_brokers:
        yield None
        return

    async def hear(received: Received) -> None:
        await flags.changed(None if received.key is None else received.key.decode())

    producer = Producer(settings)
    follower = Consumer(settings, [settings.flags_topic], None, hear, producer) if settings.etcd_url else None
    if follower:
        registry.register(Followed(settings.flags_topic, follower))
        follower.start()
    try:
        yield Events(producer, settings.events_topic).publish
    finally:
        if follower:
            await follower.stop(settings.drain_seconds)
        await producer.close()
