"""Sends messages to Kafka: idempotent, confirmed by all replicas in sync, in order, and a bounded number at a time."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Any, NamedTuple

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from common.config.settings import CommonSettings

log = logging.getLogger(__name__)
MILLISECONDS = 1000


class Undelivered(Exception):
    """It is not sure that brokers have all of what was to be sent; some of it may have arrived."""


class Message(NamedTuple):
    """What is sent.

    Attributes:
        key: messages of one key go to one partition and keep their order.
        made: milliseconds since the epoch; None is when it is sent.
    """

    topic: str
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()
    made: int | None = None


class Producer:
    """One connection to the brokers, made when the first message is sent and made anew after a failure.

    Belongs to one event loop. While it stands, brokers drop what a retry repeats, and refuse what would come out of order.

    Args:
        settings: kafka_brokers (at least one), kafka_batch, kafka_timeout_seconds and kafka_retry_first_seconds.
    """

    def __init__(self, settings: CommonSettings) -> None:
        self._settings = settings
        self._client: AIOKafkaProducer | None = None
        self._turn = asyncio.Lock()

    async def send(self, messages: Sequence[Message]) -> None:
        """Send messages in their order; returns when the brokers have all of them.

        Raises:
            Undelivered: after kafka_timeout_seconds, or at once if brokers refuse. Send the same again, in the same order.
        """
        size = self._settings.kafka_batch
        async with self._turn:
            for start in range(0, len(messages), size):
                await self._deliver(messages[start : start + size])

    async def close(self) -> None:
        """Let go of the connection, once what is under way has ended."""
        async with self._turn:
            if self._client is not None:
                client, self._client = self._client, None
                await client.stop()

    async def _deliver(self, messages: Sequence[Message]) -> None:
        waiting: list[asyncio.Future[Any]] = []
        try:
            async with asyncio.timeout(self._settings.kafka_timeout_seconds):
                client = await self._connected()
                for one in messages:
                    sent = await client.send(
                        one.topic, one.value, one.key, timestamp_ms=one.made, headers=list(one.headers)
                    )
                    waiting.append(sent)
                if waiting:
                    await asyncio.wait(waiting, return_when=asyncio.FIRST_EXCEPTION)
                for sent in waiting:
                    sent.result()
        except (KafkaError, OSError, asyncio.InvalidStateError) as error:
            await self._abandon(waiting)
            said = str(error) or type(error).__name__
            raise Undelivered(f"{len(messages)} messages, the first for {messages[0].topic}: {said}") from error
        except BaseException:
            await self._abandon(waiting)
            raise

    async def _connected(self) -> AIOKafkaProducer:
        if self._client is None:
            settings = self._settings
            client = AIOKafkaProducer(
                bootstrap_servers=list(settings.kafka_brokers),
                enable_idempotence=True,
                acks="all",
                request_timeout_ms=round(settings.kafka_timeout_seconds * MILLISECONDS),
                retry_backoff_ms=round(settings.kafka_retry_first_seconds * MILLISECONDS),
            )
            try:
                await client.start()
            except BaseException:
                await client.stop()
                raise
            self._client = client
        return self._client

    async def _abandon(self, waiting: Sequence[asyncio.Future[Any]]) -> None:
        """Give the connection up with all that is under way.

        An idempotent producer of aiokafka tries without end, and `stop` waits for its success: so its parts are stopped one by one.
        """
        for sent in waiting:
            if not sent.cancel() and not sent.cancelled():
                sent.exception()  # each is looked at, or asyncio complains that nobody did
        client, self._client = self._client, None
        if client is not None:
            await client._sender.close()  # noqa: SLF001 - there is no public way
            await client.client.close()
            client._closed = True  # noqa: SLF001 - or it complains when it is collected
