"""A message of `config.updates` makes the service read its flags anew; one that cannot be read is put aside."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import etcd_server
import kafka_broker
import pytest
from aiokafka import AIOKafkaConsumer
from common.config.settings import SMFSettings, load
from common.feature_flags import Declared, FeatureFlags
from common.utils.etcd_client import EtcdClient
from common.utils.kafka_producer import Message, Producer
from etcd_server import EtcdServer
from kafka_broker import Broker
from prometheus_client import CollectorRegistry
from sfm.server.brokers import brokers

ABSENT = kafka_broker.missing() or ("" if etcd_server.PROGRAM else etcd_server.ABSENT)
pytestmark = [pytest.mark.xdist_group("kafka"), pytest.mark.skipif(bool(ABSENT), reason=ABSENT or "both are there")]
FLAG = Declared(name="limit", default=1.0)


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[SMFSettings]:
    etcd = EtcdServer(tmp_path)
    try:
        etcd.start()
        with kafka_broker.broker(tmp_path) as broker:
            yield told(broker, etcd)
    finally:
        etcd.kill()


def told(broker: Broker, etcd: EtcdServer) -> SMFSettings:
    return load(
        kafka_brokers=broker.address,
        etcd_url=etcd.url,
        flags_topic=f"updates-{uuid.uuid4().hex}",
        flags_ttl_seconds=3600.0,
        kafka_attempts=2,
        kafka_retry_first_seconds=0.05,
    )


async def value(flags: FeatureFlags, wanted: float, producer: Producer, message: Message) -> None:
    """Send until the flag has a value: a consumer without a group hears what is sent after its start only."""
    async with asyncio.timeout(30):
        while flags.get(FLAG).value != wanted:
            await producer.send([message])
            await asyncio.sleep(0.1)


def test_flags_are_read_anew_when_a_message_says_so(settings: SMFSettings) -> None:
    async def work() -> None:
        key, topic = f"{settings.flags_prefix}limit".encode(), settings.flags_topic
        registry, producer = CollectorRegistry(), Producer(settings)
        async with aiohttp.ClientSession() as session:
            etcd = EtcdClient(settings, session)
            flags = FeatureFlags(settings, etcd)
            await flags.refresh()
            async with brokers(settings, flags, registry):
                await etcd.put(key, b"2")
                await value(flags, 2.0, producer, Message(topic, key, b""))
                await producer.send([Message(topic, b"\xff", b"no text")])
                await etcd.put(key, b"3")
                await value(flags, 3.0, producer, Message(topic, None, b"any"))
                async with asyncio.timeout(30):
                    while registry.get_sample_value("sfm_consumed_total", {"topic": topic, "what": "buried"}) != 1:
                        await asyncio.sleep(0.05)
        await producer.close()
        dead = AIOKafkaConsumer(
            topic + settings.dead_letter_suffix,
            bootstrap_servers=list(settings.kafka_brokers),
            auto_offset_reset="earliest",
        )
        await dead.start()
        try:
            buried = await asyncio.wait_for(dead.getone(), 30)
        finally:
            await dead.stop()
        assert (buried.key, dict(buried.headers)["dlq-error"]) == (b"\xff", b"UnicodeDecodeError")

    asyncio.run(work())
