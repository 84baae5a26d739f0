"""Against a real broker: what is sent arrives, in order; what is followed is handled, whoever fails meanwhile."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Any

import kafka_broker
import pytest
from common.config.settings import SMFSettings, load
from common.utils.kafka_consumer import Consumer, Handle, Received
from common.utils.kafka_producer import Message, Producer, Undelivered
from kafka_broker import Broker

SECONDS = 60.0
pytestmark = pytest.mark.xdist_group("kafka")
needs_kafka = pytest.mark.skipif(bool(kafka_broker.missing()), reason=kafka_broker.missing() or "Kafka is there")


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    with kafka_broker.broker(tmp_path_factory.mktemp("kafka")) as made:
        yield made


@pytest.fixture
def topic() -> str:
    return f"topic-{uuid.uuid4().hex}"


def settings(broker: Broker, **more: object) -> SMFSettings:
    return load(
        **{
            "kafka_brokers": broker.address,
            "kafka_attempts": 3,
            "kafka_retry_first_seconds": 0.05,
            "kafka_retry_longest_seconds": 0.5,
            **more,
        }
    )


def run(work: Coroutine[Any, Any, None]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(SECONDS):
            await work

    asyncio.run(bounded())


async def until(condition: Callable[[], bool]) -> None:
    while not condition():
        await asyncio.sleep(0.02)


@asynccontextmanager
async def producing(broker: Broker, **more: object) -> AsyncIterator[Producer]:
    producer = Producer(settings(broker, **more))
    try:
        yield producer
    finally:
        await producer.close()


@asynccontextmanager
async def following(
    broker: Broker, topic: str, group: str | None, handle: Handle, **more: object
) -> AsyncIterator[Consumer]:
    async with producing(broker) as dead_letters:
        consumer = Consumer(settings(broker, **more), [topic], group, handle, dead_letters)
        consumer.start()
        try:
            yield consumer
        finally:
            await consumer.stop(10)


def keeping(heard: list[Received]) -> Callable[[Received], Awaitable[None]]:
    async def keep(received: Received) -> None:
        heard.append(received)

    return keep


def numbered(topic: str, numbers: range, keys: int = 5) -> list[Message]:
    return [Message(topic, f"key {n % keys}".encode(), str(n).encode()) for n in numbers]


def by_key(heard: list[Received]) -> dict[bytes | None, list[int]]:
    """Numbers by key, each where it came first."""
    found: dict[bytes | None, list[int]] = {}
    for one in heard:
        numbers = found.setdefault(one.key, [])
        if int(one.value or b"") not in numbers:
            numbers.append(int(one.value or b""))
    return found


def expected(numbers: range, keys: int = 5) -> dict[bytes | None, list[int]]:
    return {f"key {key}".encode(): [n for n in numbers if n % keys == key] for key in range(keys)}


def test_brokers_that_are_away_are_told_of_in_time() -> None:
    async def work() -> None:
        producer = Producer(load(kafka_brokers=kafka_broker.nowhere(), kafka_timeout_seconds=0.5))
        for _ in range(2):
            with pytest.raises(Undelivered, match="1 messages, the first for t"):
                await producer.send([Message("t", b"k", b"v")])
        await producer.close()

    run(work())


@needs_kafka
def test_what_is_sent_arrives_once_and_whole_and_in_order_by_key(broker: Broker, topic: str) -> None:
    async def work() -> None:
        heard: list[Received] = []
        whole = Message(topic, b"key 0", b"0", (("a", b"1"), ("a", b"\xff")), made=1_700_000_000_123)
        async with producing(broker, kafka_batch=64) as producer:
            await producer.send([whole, *numbered(topic, range(1, 500))])
        async with following(broker, topic, "g", keeping(heard)) as consumer:
            await until(lambda: len(heard) >= 500)
            assert consumer.lag == 0
        assert len(heard) == 500
        assert by_key(heard) == expected(range(500))
        first = next(one for one in heard if one.value == b"0")
        assert first[3:] == (whole.key, whole.value, whole.headers, whole.made)
        assert (consumer.handled, consumer.failures, consumer.buried) == (500, 0, 0)

    run(work())


@needs_kafka
def test_a_message_that_cannot_be_handled_is_put_aside_and_the_next_are_handled(broker: Broker, topic: str) -> None:
    async def work() -> None:
        tries: Counter[bytes | None] = Counter()
        heard: list[Received] = []
        dead: list[Received] = []

        async def handle(received: Received) -> None:
            tries[received.value] += 1
            if received.value == b"3":
                raise LookupError("poison")
            heard.append(received)

        async with producing(broker) as producer:
            poison = Message(topic, b"key 0", b"3", (("trace", b"t"),), made=1_700_000_000_123)
            await producer.send([*numbered(topic, range(3), keys=1), poison, *numbered(topic, range(4, 8), keys=1)])
        async with following(broker, topic, "g", handle) as consumer:
            await until(lambda: len(heard) == 7)
        async with following(broker, f"{topic}.dlq", "g", keeping(dead)):
            await until(lambda: len(dead) == 1)
        assert [one.value for one in heard] == [b"0", b"1", b"2", b"4", b"5", b"6", b"7"]
        assert tries[b"3"] == consumer.failures == 3
        assert consumer.buried == 1
        at = heard[0].partition
        assert (dead[0].key, dead[0].value, dead[0].made) == (b"key 0", b"3", poison.made)
        assert dead[0].headers == (
            ("trace", b"t"),
            ("dlq-error", b"LookupError"),
            ("dlq-topic", topic.encode()),
            ("dlq-partition", str(at).encode()),
            ("dlq-offset", b"3"),
            ("dlq-attempts", b"3"),
        )

    run(work())


@needs_kafka
def test_a_failure_that_passes_is_tried_again_after_growing_waits(broker: Broker, topic: str) -> None:
    async def work() -> None:
        moments: list[float] = []

        async def handle(received: Received) -> None:
            moments.append(time.monotonic())
            if len(moments) < 4:
                raise ConnectionError("away")

        async with producing(broker) as producer:
            await producer.send(numbered(topic, range(1)))
        async with following(
            broker,
            topic,
            "g",
            handle,
            kafka_attempts=5,
            kafka_retry_first_seconds=0.2,
            kafka_retry_longest_seconds=10.0,
        ) as consumer:
            await until(lambda: consumer.handled == 1)
        waits = [later - earlier for earlier, later in pairwise(moments)]
        assert all(wait >= least for wait, least in zip(waits, (0.1, 0.2, 0.4), strict=True)), waits
        assert (consumer.failures, consumer.buried) == (3, 0)

    run(work())


@needs_kafka
def test_a_group_goes_on_where_it_stopped(broker: Broker, topic: str) -> None:
    async def work() -> None:
        first: list[Received] = []
        second: list[Received] = []
        async with producing(broker) as producer:
            await producer.send(numbered(topic, range(50)))
            async with following(broker, topic, "g", keeping(first)):
                await until(lambda: len(first) == 50)
            await producer.send(numbered(topic, range(50, 80)))
            async with following(broker, topic, "g", keeping(second)):
                await until(lambda: len(second) >= 30)
        assert by_key(first) == expected(range(50))
        assert by_key(second) == expected(range(50, 80))
        assert len(second) == 30

    run(work())


@needs_kafka
def test_a_message_whose_handling_was_cut_off_comes_again(broker: Broker, topic: str) -> None:
    async def work() -> None:
        heard: list[bytes | None] = []
        again: list[Received] = []
        hanging = asyncio.Event()

        async def hang_on_the_third(received: Received) -> None:
            heard.append(received.value)
            if len(heard) == 3:
                hanging.set()
                await asyncio.Event().wait()

        async with producing(broker) as producer:
            await producer.send(numbered(topic, range(6), keys=1))
            consumer = Consumer(settings(broker), [topic], "g", hang_on_the_third, producer)
            consumer.start()
            await hanging.wait()
            await consumer.stop(0.1)
        async with following(broker, topic, "g", keeping(again)):
            await until(lambda: len(again) > 0 and again[-1].value == b"5")
        assert [one.value for one in again][-4:] == [b"2", b"3", b"4", b"5"]

    run(work())


@needs_kafka
def test_a_stop_ends_the_message_at_hand_and_commits_it(broker: Broker, topic: str) -> None:
    async def work() -> None:
        heard: list[bytes | None] = []
        again: list[Received] = []

        async def slowly(received: Received) -> None:
            await asyncio.sleep(0.3)
            heard.append(received.value)

        async with producing(broker) as producer:
            await producer.send(numbered(topic, range(6), keys=1))
            consumer = Consumer(settings(broker), [topic], "g", slowly, producer)
            consumer.start()
            await until(lambda: len(heard) == 2)
            await consumer.stop(10)
        async with following(broker, topic, "g", keeping(again)):
            await until(lambda: len(again) > 0 and again[-1].value == b"5")
        assert heard == [b"0", b"1", b"2"]
        assert [one.value for one in again] == [b"3", b"4", b"5"]

    run(work())


@needs_kafka
def test_nothing_is_lost_or_disordered_while_members_come_and_go(broker: Broker, topic: str) -> None:
    async def work() -> None:
        heard: list[Received] = []
        members: list[Consumer] = []
        count = 400

        async def handle(received: Received) -> None:
            await asyncio.sleep(0.005)
            heard.append(received)

        async with producing(broker) as producer, producing(broker) as dead_letters:
            await producer.send(numbered(topic, range(count // 2), keys=20))
            for size in (1, 2, 3):
                member = Consumer(settings(broker, kafka_batch=20), [topic], "g", handle, dead_letters)
                member.start()
                members.append(member)
                before = len(heard)
                await until(lambda before=before: len(heard) > before + 20)  # type: ignore[misc]
                assert len(members) == size
            await members[0].stop(10)
            await producer.send(numbered(topic, range(count // 2, count), keys=20))
            await until(lambda: len({one.value for one in heard}) == count)
            for member in members:
                await member.stop(10)
        assert by_key(heard) == expected(range(count), keys=20)
        assert all(member.handled for member in members)

    run(work())


@needs_kafka
def test_without_a_group_every_consumer_hears_everything_from_its_start_on(broker: Broker, topic: str) -> None:
    async def work() -> None:
        one: list[Received] = []
        other: list[Received] = []
        async with producing(broker) as producer:
            await producer.send(numbered(topic, range(10)))
            async with (
                following(broker, topic, None, keeping(one)),
                following(broker, topic, None, keeping(other)),
            ):
                number = 10
                while not (one and other):
                    await producer.send(numbered(topic, range(number, number + 1)))
                    number += 1
                    await asyncio.sleep(0.1)
                await producer.send(numbered(topic, range(number, number + 20)))
                await until(lambda: {n for s in by_key(one).values() for n in s} >= set(range(number, number + 20)))
                await until(lambda: {n for s in by_key(other).values() for n in s} >= set(range(number, number + 20)))
        assert min(n for s in (*by_key(one).values(), *by_key(other).values()) for n in s) >= 10

    run(work())


@needs_kafka
def test_both_outlive_a_broker_that_is_killed(broker: Broker, topic: str) -> None:
    async def work() -> None:
        heard: list[Received] = []
        async with (
            producing(broker, kafka_timeout_seconds=1.0) as producer,
            following(broker, topic, "g", keeping(heard)),
        ):
            await producer.send(numbered(topic, range(20)))
            await until(lambda: len(heard) >= 20)
            broker.kill()
            with pytest.raises(Undelivered):
                await producer.send(numbered(topic, range(20, 40)))
            await asyncio.to_thread(broker.start)
            while True:
                try:
                    await producer.send(numbered(topic, range(20, 40)))
                except Undelivered:
                    continue
                break
            await until(lambda: len({one.value for one in heard}) == 40)
        assert by_key(heard) == expected(range(40))

    run(work())
