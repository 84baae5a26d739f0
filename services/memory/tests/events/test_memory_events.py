"""The memory service and a real Kafka: every acknowledged change is told, whichever of the two is killed."""

from __future__ import annotations

import asyncio
import functools
import importlib.resources
import json
import re
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kafka_broker
import pytest
from aiokafka import AIOKafkaConsumer
from jsonschema_rs import validator_for
from kafka_broker import Broker
from serving import DIMENSION, Server, serving, until
from sfm.client import Client
from sfm.errors import MemoryNotFound, MemoryServiceError
from sfm.replies import CallFailed

pytestmark = [
    pytest.mark.xdist_group("kafka"),
    pytest.mark.skipif(bool(kafka_broker.missing()), reason=kafka_broker.missing() or "Kafka is there"),
]
VECTOR = [1.0] * DIMENSION
SCHEMA = validator_for(json.loads((importlib.resources.files("sfm") / "event.schema.json").read_text()))


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    with kafka_broker.broker(tmp_path_factory.mktemp("kafka")) as made:
        yield made


@pytest.fixture
def settings(broker: Broker) -> dict[str, str]:
    """Of a service that tells a topic of its own."""
    return {
        "SOMA_KAFKA_BROKERS": broker.address,
        "SOMA_KAFKA_TIMEOUT_SECONDS": "2",
        "SOMA_KAFKA_RETRY_FIRST_SECONDS": "0.05",
        "SOMA_KAFKA_RETRY_LONGEST_SECONDS": "0.5",
        "SOMA_EVENTS_NOTE_SECONDS": "0.2",
        "SOMA_EVENTS_TOPIC": f"events-{uuid.uuid4().hex}",
    }


def told(broker: Broker, topic: str) -> list[dict[str, Any]]:
    """Every event of a topic up to now, those of a partition in order; each fits the schema and has the key of its memory."""

    async def read() -> list[dict[str, Any]]:
        consumer = AIOKafkaConsumer(topic, bootstrap_servers=broker.address, auto_offset_reset="earliest")
        await consumer.start()
        try:
            ends = await consumer.end_offsets(consumer.assignment())
            found = []
            while any([await consumer.position(partition) < end for partition, end in ends.items()]):
                for records in (await consumer.getmany(timeout_ms=500)).values():
                    found += records
        finally:
            await consumer.stop()
        events = [json.loads(record.value) for record in found]
        for record, event in zip(found, events, strict=True):
            SCHEMA.validate(event)
            assert record.key == f"{event['tenant']}\0{event['id']}".encode()
            assert record.timestamp == event["made"] // 1000
        return events

    return asyncio.run(read())


def wrong(events: list[dict[str, Any]]) -> list[str]:
    """Where the order of a memory's events is not that of its changes, once what came before is dropped."""
    seen: dict[tuple[str, str], list[int]] = {}
    for event in events:
        sequences = seen.setdefault((event["tenant"], event["id"]), [])
        if event["sequence"] not in sequences:
            sequences.append(event["sequence"])
    return [f"{name}: {sequences}" for name, sequences in seen.items() if sequences != sorted(sequences)]


def backlog(server: Server) -> float:
    _, text = server.get("/metrics")
    found = re.search(r"^sfm_event_backlog (\S+)$", text, re.MULTILINE)
    assert found
    return float(found[1])


def changes(events: list[dict[str, Any]]) -> set[tuple[str, str, int]]:
    return {(event["kind"], event["id"], event["sequence"]) for event in events}


class Load:
    """Stores and deletes from a thread until it is ended, and what was acknowledged and what was tried."""

    def __init__(self, server: Server, name: str) -> None:
        self.acknowledged: set[tuple[str, str, int]] = set()
        self.tried: set[str] = set()
        self.failures = 0
        self._server, self._name = server, name
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        with self._server.client(timeout_seconds=2.0) as client:
            number = 0
            while not self._end.is_set():
                number += 1
                id = f"{self._name}{number % 20}"
                self.tried.add(id)
                try:
                    answer = client.store("t", id, VECTOR)
                except (MemoryServiceError, CallFailed):
                    self.failures += 1
                    self._end.wait(0.05)
                    continue
                self.acknowledged.add(("stored", id, answer.sequence))

    def end(self) -> None:
        """No more."""
        self._end.set()
        self._thread.join()


def test_each_store_and_each_deletion_is_told(broker: Broker, settings: dict[str, str], tmp_path: Path) -> None:
    with serving(tmp_path, **settings) as server, server.client() as client:
        for n in range(3):
            client.store("t", "a", VECTOR, payload=b"secret", importance=n)
        client.store("u", "a", VECTOR)
        client.delete("t", "a")
        until(lambda: backlog(server) == 0)
        assert server.stop() == 0
    events = told(broker, settings["SOMA_EVENTS_TOPIC"])
    of_t = [event for event in events if event["tenant"] == "t"]
    assert [(event["kind"], event["id"], event["sequence"]) for event in of_t] == [
        ("stored", "a", 1),
        ("stored", "a", 2),
        ("stored", "a", 3),
        ("deleted", "a", 4),
    ]
    assert len({event["digest"] for event in of_t}) == 4
    assert [event["sequence"] for event in events if event["tenant"] == "u"] == [1]
    assert "secret" not in json.dumps(events)


def test_every_acknowledged_change_is_told_although_the_broker_was_killed_meanwhile(
    broker: Broker, settings: dict[str, str], tmp_path: Path
) -> None:
    with serving(tmp_path, **settings) as server:
        load = Load(server, "m")
        until(lambda: len(load.acknowledged) > 200)
        broker.kill()
        try:
            before = len(load.acknowledged)
            until(lambda: backlog(server) > 200)
            assert len(load.acknowledged) > before
            assert server.get("/ready")[0] == 200
            until(lambda: "kafka" in json.loads(server.get("/ready")[1])["away"])
        finally:
            broker.start()
        until(lambda: "kafka" not in json.loads(server.get("/ready")[1])["away"])
        load.end()
        assert load.failures == 0
        until(lambda: backlog(server) == 0)
        with server.client() as client:
            assert client.stats("t").total_vectors == 20
        assert server.stop() == 0
    events = told(broker, settings["SOMA_EVENTS_TOPIC"])
    assert changes(events) == load.acknowledged
    assert wrong(events) == []


def test_what_was_committed_and_not_told_when_the_service_was_killed_is_told_after_its_restart(
    broker: Broker, settings: dict[str, str], tmp_path: Path
) -> None:
    unreachable = settings | {"SOMA_KAFKA_BROKERS": kafka_broker.nowhere()}
    with serving(tmp_path, **unreachable) as server, server.client() as client:
        acknowledged = {("stored", f"m{n}", client.store("t", f"m{n}", VECTOR).sequence) for n in range(50)}
        client.delete("t", "m7")
        assert backlog(server) == 51
        server.process.kill()
        server.process.wait(30)
    with serving(tmp_path, **settings) as server:
        until(lambda: backlog(server) == 0)
        assert server.stop() == 0
    events = told(broker, settings["SOMA_EVENTS_TOPIC"])
    assert changes(events) == acknowledged | {("deleted", "m7", 51)}
    assert wrong(events) == []


def test_kills_under_load_lose_no_acknowledged_change_and_tell_none_that_is_not_there(
    broker: Broker, settings: dict[str, str], tmp_path: Path
) -> None:
    acknowledged: set[tuple[str, str, int]] = set()
    for turn in range(3):
        with serving(tmp_path, **settings) as server:
            load = Load(server, f"turn {turn} ")
            until(functools.partial(enough, load, 50 + 60 * turn))
            server.process.kill()
            server.process.wait(30)
            load.end()
            acknowledged |= load.acknowledged
    with serving(tmp_path, **settings) as server:
        until(lambda: backlog(server) == 0)
        present = stored(server.client(), {id for _, id, _ in acknowledged} | load.tried)
        assert server.stop() == 0
    events = told(broker, settings["SOMA_EVENTS_TOPIC"])
    assert acknowledged <= changes(events)
    assert wrong(events) == []
    assert {event["id"] for event in events} == present
    sequences = sorted({event["sequence"] for event in events})
    assert sequences == list(range(1, len(sequences) + 1))


def enough(load: Load, count: int) -> bool:
    return len(load.acknowledged) > count


def stored(client: Client, ids: set[str]) -> set[str]:
    """Those that are there."""
    found = set()
    with client:
        for id in ids:
            try:
                client.get("t", id)
            except MemoryNotFound:
                continue
            found.add(id)
    return found


def test_without_brokers_nothing_is_kept_for_them_and_the_absence_is_named(tmp_path: Path) -> None:
    with serving(tmp_path) as server, server.client() as client:
        client.store("t", "a", VECTOR)
        assert backlog(server) == 0
        assert 'sfm_part_absent{part="kafka"} 1.0' in server.get("/metrics")[1]
        assert "kafka" in json.loads(server.get("/ready")[1])["absent"]
        assert any(line.get("part") == "kafka" for line in server.lines())
        assert not any("aiokafka" in line["logger"] for line in server.lines())
        assert server.stop() == 0
