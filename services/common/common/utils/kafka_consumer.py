"""Follows Kafka topics: each message is handled at least once, those of a partition in order.

An offset is committed only after its message was handled. A message that cannot be handled is tried again with growing waits;
after kafka_attempts it is sent to the topic of dead letters, with headers that say where it came from and why, and the next one
is handled. When partitions move to another consumer, what is under way ends at the next message and is committed first.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError

from common.config.settings import CommonSettings
from common.utils.backoff import backoff
from common.utils.kafka_producer import Message, Producer, Undelivered

log = logging.getLogger(__name__)
MILLISECONDS = 1000


class Received(NamedTuple):
    """A message as it came; `made` is in milliseconds since the epoch."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]
    made: int


Handle = Callable[[Received], Awaitable[None]]
"""Returns when a message needs no more care; raises when it should be tried again. May see a message more than once."""


class Consumer(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka has no types
    """One member of a group. Belongs to one event loop.

    Args:
        settings: kafka_brokers (at least one), kafka_batch, kafka_attempts, the two of retries, and dead_letter_suffix.
        group: members share the partitions, and go on where the group has come to, from the oldest message at first. None: this
            consumer alone gets all messages that come from its start on, and nothing is committed.
        dead_letters: sends what could not be handled; closed by its owner.
    """

    def __init__(
        self, settings: CommonSettings, topics: Sequence[str], group: str | None, handle: Handle, dead_letters: Producer
    ) -> None:
        self._settings, self._topics, self._group, self._handle = settings, tuple(topics), group, handle
        self._dead_letters = dead_letters
        self._client: AIOKafkaConsumer | None = None
        self._task: asyncio.Task[None] | None = None
        self._closing, self._interrupt = asyncio.Event(), asyncio.Event()
        self._leaving: set[TopicPartition] = set()
        self._working: dict[TopicPartition, asyncio.Task[None]] = {}
        self._next: dict[TopicPartition, int] = {}
        self.handled = self.failures = self.buried = 0
        """Messages handled; tries that failed; messages sent to dead letters."""

    def start(self) -> None:
        """Begin to follow; brokers that are away are waited for."""
        self._task = asyncio.create_task(self._run(), name=f"follow {','.join(self._topics)}")

    async def stop(self, seconds: float) -> None:
        """Let the message that is being handled end, commit, and leave the group.

        Args:
            seconds: after which the message is given up; it will be delivered again.
        """
        self._closing.set()
        self._interrupt.set()
        if self._task is not None:
            await asyncio.wait({self._task}, timeout=seconds)
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    @property
    def lag(self) -> int:
        """Messages of this consumer's partitions that are not handled yet, as far as brokers have told."""
        client = self._client
        ends = {partition: client.highwater(partition) for partition in self._next} if client else {}
        return sum(max(0, end - self._next[partition]) for partition, end in ends.items() if end is not None)

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Before a rebalance: end and commit what is under way."""
        self._leaving |= set(revoked)
        self._interrupt.set()
        working = [self._working[partition] for partition in self._leaving if partition in self._working]
        if working:
            await asyncio.wait(working)
        for partition in self._leaving:
            self._next.pop(partition, None)

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:  # noqa: ARG002 - aiokafka's signature
        """After a rebalance: go on, from what is committed."""
        self._leaving.clear()
        if not self._closing.is_set():
            self._interrupt.clear()

    async def _run(self) -> None:
        pauses = self._pauses()
        while not self._closing.is_set():
            client = self._made()
            try:
                client.subscribe(topics=self._topics, listener=self)
                await client.start()
                self._client, pauses = client, self._pauses()
                await self._follow(client)
            except (KafkaError, OSError) as error:
                log.warning("cannot follow %s for now: %r", ", ".join(self._topics), error)
            except Exception:
                log.exception("following %s begins anew", ", ".join(self._topics))
            finally:
                self._client = None
                await client.stop()
                self._next.clear()
                await self.on_partitions_assigned(())
            await self._pause(next(pauses))

    def _made(self) -> AIOKafkaConsumer:
        settings = self._settings
        return AIOKafkaConsumer(
            bootstrap_servers=list(settings.kafka_brokers),
            group_id=self._group,
            enable_auto_commit=False,
            auto_offset_reset="earliest" if self._group else "latest",
            max_poll_records=settings.kafka_batch,
            retry_backoff_ms=round(settings.kafka_retry_first_seconds * MILLISECONDS),
        )

    async def _follow(self, client: AIOKafkaConsumer) -> None:
        closing = asyncio.create_task(self._closing.wait())
        try:
            while not self._closing.is_set():
                fetching = asyncio.create_task(client.getmany(timeout_ms=MILLISECONDS))
                await asyncio.wait({fetching, closing}, return_when=asyncio.FIRST_COMPLETED)
                if not fetching.done():
                    fetching.cancel()
                    await asyncio.gather(fetching, return_exceptions=True)
                    return
                for partition, records in fetching.result().items():
                    self._working[partition] = asyncio.create_task(self._work(client, partition, records))
                await asyncio.gather(*self._working.values())
                self._working.clear()
        finally:
            closing.cancel()
            for task in self._working.values():
                task.cancel()
            await asyncio.gather(*self._working.values(), return_exceptions=True)
            self._working.clear()

    async def _work(self, client: AIOKafkaConsumer, partition: TopicPartition, records: Sequence[Any]) -> None:
        """Handle the messages of one partition, and commit how far it has come."""
        first = reached = records[0].offset
        self._next[partition] = first
        for record in records:
            if self._ends(partition) or not await self._settle(partition, _received(record)):
                break
            self._next[partition] = reached = record.offset + 1
        if reached > first and self._group:
            await self._commit(client, partition, reached)
        if reached <= records[-1].offset and partition in client.assignment():
            client.seek(partition, reached)  # what was fetched and not handled is to be fetched again

    def _ends(self, partition: TopicPartition) -> bool:
        return self._closing.is_set() or partition in self._leaving

    async def _settle(self, partition: TopicPartition, received: Received) -> bool:
        """Handle a message, or bury it; False when there was no time for either."""
        pauses, most = self._pauses(), self._settings.kafka_attempts
        for attempt in range(1, most + 1):
            try:
                await self._handle(received)
            except Exception as error:  # noqa: BLE001 - a message that its handler cannot take is the case this is for
                self.failures += 1
                log.warning("message %d of %s is not handled, try %d: %r", received.offset, partition, attempt, error)
                if attempt == most:
                    return await self._bury(partition, received, error)
            else:
                self.handled += 1
                return True
            await self._pause(next(pauses))
            if self._ends(partition):
                return False
        return False

    async def _bury(self, partition: TopicPartition, received: Received, error: Exception) -> bool:
        """Send a message to the dead letters, however long it takes; False when there was no time."""
        said = {
            "dlq-error": type(error).__qualname__,
            "dlq-topic": received.topic,
            "dlq-partition": str(received.partition),
            "dlq-offset": str(received.offset),
            "dlq-attempts": str(self._settings.kafka_attempts),
        }
        headers = (*received.headers, *((name, value.encode()) for name, value in said.items()))
        topic = received.topic + self._settings.dead_letter_suffix
        for pause in self._pauses():
            try:
                await self._dead_letters.send([Message(topic, received.key, received.value, headers, received.made)])
            except Undelivered as away:
                log.warning("message %d of %s cannot be put aside for now: %s", received.offset, partition, away)
            else:
                log.error("message %d of %s is put aside in %s", received.offset, partition, topic)
                self.buried += 1
                return True
            await self._pause(pause)
            if self._ends(partition):
                return False
        return False

    async def _commit(self, client: AIOKafkaConsumer, partition: TopicPartition, offset: int) -> None:
        """Until it is done, or the partition is no longer ours: then the messages up to there come again, to whoever has it."""
        for pause in self._pauses():
            ours = not self._ends(partition)
            try:
                await client.commit({partition: offset})
            except KafkaError as error:
                log.warning("offset %d of %s is not committed: %r", offset, partition, error)
                ours = ours and not isinstance(error, CommitFailedError | IllegalStateError)
            else:
                return
            if not ours:
                return
            await self._pause(pause)

    async def _pause(self, seconds: float) -> None:
        """Wait; shorter when partitions move or all ends."""
        try:
            async with asyncio.timeout(seconds):
                await self._interrupt.wait()
        except TimeoutError:
            return

    def _pauses(self) -> Iterator[float]:
        return backoff(self._settings.kafka_retry_first_seconds, self._settings.kafka_retry_longest_seconds)


def _received(record: Any) -> Received:
    headers = tuple((name, bytes(value)) for name, value in record.headers)
    return Received(record.topic, record.partition, record.offset, record.key, record.value, headers, record.timestamp)
