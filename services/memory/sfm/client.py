"""Clients of the memory service, in the domain's words: `AsyncClient`, and `Client` for programs without an event loop.

While the server is away only what does no harm twice is repeated: reads, deletes, and stores, each of which has an
idempotency key. Vectors come back as float32 arrays of unit norm; times are microseconds since the Unix epoch.
"""

from __future__ import annotations

import asyncio
import functools
import threading
import time
import uuid
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

import grpc
from common.utils.backoff import backoff
from grpc_health.v1 import health_pb2
from grpc_health.v1.health_pb2_grpc import HealthStub

from sfm import domain, replies
from sfm.errors import NotReady
from sfm.memory.v1 import memory_pb2 as pb
from sfm.memory.v1.memory_pb2_grpc import MemoryServiceStub
from sfm.replies import BatchStored, Content, Recollection
from sfm.server.answers import struct

FIRST_PAUSE_SECONDS = 0.05
LONGEST_PAUSE_SECONDS = 2.0
SERVING = "SERVING"
RETRY_AFTER = "retry-after-seconds"
Reply = TypeVar("Reply")
P = ParamSpec("P")
_NOTHING: Mapping[str, Any] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """PEM files: whom to believe (None: the system's roots), and who we are where the server asks for it (mTLS)."""

    roots: Path | None = None
    certificate: Path | None = None
    key: Path | None = None

    def credentials(self) -> grpc.ChannelCredentials:
        """What a channel takes."""
        parts = [path.read_bytes() if path else None for path in (self.roots, self.key, self.certificate)]
        return grpc.ssl_channel_credentials(*parts)


class AsyncClient:
    """Calls one server from an event loop; a context manager, or `close` it.

    Args:
        target: host:port
        token: sent with every call as a bearer token.
        tls: None for clear text.
        timeout_seconds: for each call, repetitions included.
        max_message_bytes: the largest reply that is taken.

    Every method raises an error of sfm.errors, or CallFailed, which has the status code.
    """

    def __init__(
        self,
        target: str,
        *,
        token: str,
        tls: Tls | None = None,
        timeout_seconds: float = 30.0,
        max_message_bytes: int = 64 * 1024 * 1024,
    ) -> None:
        options = [("grpc.max_receive_message_length", max_message_bytes)]
        if tls:
            self._channel = grpc.aio.secure_channel(target, tls.credentials(), options)
        else:
            self._channel = grpc.aio.insecure_channel(target, options)
        self._stub: Any = MemoryServiceStub(self._channel)  # type: ignore[no-untyped-call]  # generated
        self._metadata = (("authorization", f"Bearer {token}"),)
        self._timeout = timeout_seconds

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *unused: object) -> None:
        await self.close()

    async def close(self) -> None:
        """End the connection; calls that run are cancelled."""
        await self._channel.close()

    async def wait_until_serving(self, timeout_seconds: float) -> None:
        """Return as soon as the server says that it serves.

        Raises:
            NotReady: it did not within the time.
        """
        until = time.monotonic() + timeout_seconds
        while (found := await self.health()) != SERVING:
            if time.monotonic() >= until:
                raise NotReady(f"the server did not serve within {timeout_seconds:g} s: {found}")
            await asyncio.sleep(FIRST_PAUSE_SECONDS)

    async def health(self) -> str:
        """What the server says of itself, SERVING or NOT_SERVING, or else the status with which it was not reached."""
        try:
            reply = await HealthStub(self._channel).Check(health_pb2.HealthCheckRequest(), timeout=self._timeout)
        except grpc.aio.AioRpcError as error:
            return error.code().name
        return str(health_pb2.HealthCheckResponse.ServingStatus.Name(reply.status))

    async def store(  # noqa: PLR0913 -- the fields of a memory
        self,
        tenant: str,
        id: str,
        content: Content,
        *,
        importance: float = 0.0,
        created: int | None = None,
        payload: bytes = b"",
        metadata: Mapping[str, Any] = _NOTHING,
        features: Mapping[str, float] = _NOTHING,
        idempotency_key: str = "",
    ) -> domain.Stored:
        """Store one memory; returns when it is durable. Without a key of the caller's a random one is used."""
        request = _store_request(tenant, id, content, importance, created, payload, metadata, features)
        request.idempotency_key = idempotency_key or uuid.uuid4().hex
        return replies.stored(await self._call(self._stub.Store, request))

    async def store_batch(self, memories: Iterable[domain.NewMemory]) -> BatchStored:
        """Store many as one stream, which is not repeated. The iterable is read as fast as the server takes it.

        When the iterable raises, what it gave before is stored, and its error raised.
        """

        broken: list[Exception] = []

        async def requests() -> AsyncIterator[pb.StoreRequest]:
            for new in _until_broken(memories, broken):
                request = _store_request(
                    new.tenant,
                    new.id,
                    new.vector,
                    new.raw_importance,
                    new.created,
                    new.payload,
                    new.metadata,
                    new.features,
                )
                request.idempotency_key = new.idempotency_key
                yield request

        try:
            reply = await self._stub.StoreBatch(requests(), timeout=self._timeout, metadata=self._metadata)
        except grpc.aio.AioRpcError as error:
            raise _error(error) from None
        if broken:
            raise broken[0]
        return replies.batch_stored(reply)

    async def get(self, tenant: str, id: str) -> domain.Memory:
        """One memory, or MemoryNotFound."""
        reply = await self._call(self._stub.Get, pb.GetRequest(tenant=tenant, id=id))
        return replies.memory(reply.memory)

    async def delete(self, tenant: str, id: str) -> bool:
        """Forget one memory; whether it was there (False also when the reply to a first attempt was lost)."""
        deleted: bool = (await self._call(self._stub.Delete, pb.DeleteRequest(tenant=tenant, id=id))).deleted
        return deleted

    async def recall(  # noqa: PLR0913 -- the fields of a query
        self,
        tenant: str,
        query: Content,
        *,
        k: int = 10,
        alpha: float | None = None,
        beta: float | None = None,
        tau_seconds: float | None = None,
        feature_weights: Mapping[str, float] = _NOTHING,
        as_of: int | None = None,
        filter: Mapping[str, Any] = _NOTHING,
        min_score: float = 0.0,
        with_vectors: bool = False,
        with_payloads: bool = False,
    ) -> Recollection:
        """The k memories of largest score, best first."""
        request = pb.RecallRequest(
            tenant=tenant,
            k=k,
            parameters=replies.parameters(alpha, beta, tau_seconds, feature_weights),
            as_of=replies.timestamp(as_of),
            filter=struct(filter),
            min_score=min_score,
            with_vectors=with_vectors,
            with_payloads=with_payloads,
            **replies.content(query),
        )
        return replies.recollection(await self._call(self._stub.Recall, request))

    async def explain(
        self,
        tenant: str,
        id: str,
        query: Content,
        *,
        alpha: float | None = None,
        beta: float | None = None,
        tau_seconds: float | None = None,
        feature_weights: Mapping[str, float] = _NOTHING,
        as_of: int | None = None,
    ) -> domain.Explanation:
        """Every factor of the score that a memory has for a query."""
        request = pb.ExplainRequest(
            tenant=tenant,
            id=id,
            parameters=replies.parameters(alpha, beta, tau_seconds, feature_weights),
            as_of=replies.timestamp(as_of),
            **replies.content(query),
        )
        return replies.explanation(await self._call(self._stub.Explain, request))

    async def stats(self, tenant: str) -> pb.StatsResponse:
        """What is stored, and how it has been used."""
        reply: pb.StatsResponse = await self._call(self._stub.Stats, pb.StatsRequest(tenant=tenant))
        return reply

    async def gates(self) -> tuple[pb.Gate, ...]:
        """The gates G1 to G6."""
        return tuple((await self._call(self._stub.GateReport, pb.GateReportRequest())).gates)

    async def _call(self, method: Any, request: Any) -> Any:
        """Call, and call again while the server is away or asks to wait, until the time is over."""
        until = time.monotonic() + self._timeout
        pauses = backoff(FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS)
        while True:
            try:
                left = max(until - time.monotonic(), 0.0)
                return await method(request, timeout=left, metadata=self._metadata)
            except grpc.aio.AioRpcError as error:
                wait = _wait(error, next(pauses))
                if wait is None or time.monotonic() + wait >= until:
                    raise _error(error) from None
            await asyncio.sleep(wait)


def _until_broken(memories: Iterable[domain.NewMemory], broken: list[Exception]) -> Iterator[domain.NewMemory]:
    """What an iterable gives until it raises; the error is kept, since the library would not pass it on."""
    try:
        yield from memories
    except Exception as error:  # noqa: BLE001 -- it is the caller's own, and raised to it later
        broken.append(error)


def _store_request(
    tenant: str,
    id: str,
    content: Content,
    importance: float,
    created: int | None,
    payload: bytes,
    metadata: Mapping[str, Any],
    features: Mapping[str, float],
) -> pb.StoreRequest:
    return pb.StoreRequest(
        tenant=tenant,
        id=id,
        importance=importance,
        created_at=replies.timestamp(created),
        payload=payload,
        metadata=struct(metadata),
        features=features,
        **replies.content(content),
    )


def _wait(error: grpc.aio.AioRpcError, pause: float) -> float | None:
    """Seconds until it is worth calling again, None if it is not."""
    if error.code() is grpc.StatusCode.UNAVAILABLE:
        return pause
    after = dict(error.trailing_metadata() or ()).get(RETRY_AFTER)
    if error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED and isinstance(after, str):
        return float(after)
    return None


def _error(error: grpc.aio.AioRpcError) -> Exception:
    return replies.error(error.code(), error.details() or "")


def _at_once(
    method: Callable[Concatenate[AsyncClient, P], Coroutine[Any, Any, Reply]],
) -> Callable[Concatenate[Client, P], Reply]:
    """The method of AsyncClient as one that blocks."""

    @functools.wraps(method)
    def call(self: Client, /, *args: P.args, **named: P.kwargs) -> Reply:
        return self.run(method(self.inner, *args, **named))

    return call


class Client:
    """AsyncClient, whose arguments it takes, for programs without an event loop; several threads may use it."""

    def __init__(self, target: str, **options: Any) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="sfm-client", daemon=True)
        self._thread.start()
        self.inner = self.run(_made(target, options))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *unused: object) -> None:
        self.close()

    def run(self, work: Coroutine[Any, Any, Reply]) -> Reply:
        """Wait for work that runs in the client's own event loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def close(self) -> None:
        """End the connection and the thread; calls that run are cancelled."""
        self.run(self.inner.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    health = _at_once(AsyncClient.health)
    wait_until_serving = _at_once(AsyncClient.wait_until_serving)
    store = _at_once(AsyncClient.store)
    store_batch = _at_once(AsyncClient.store_batch)
    get = _at_once(AsyncClient.get)
    delete = _at_once(AsyncClient.delete)
    recall = _at_once(AsyncClient.recall)
    explain = _at_once(AsyncClient.explain)
    stats = _at_once(AsyncClient.stats)
    gates = _at_once(AsyncClient.gates)


async def _made(target: str, options: Mapping[str, Any]) -> AsyncClient:
    """Made inside the event loop, to which a channel belongs."""
    return AsyncClient(target, **options)
