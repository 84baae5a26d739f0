"""The one way into the server: who calls, may it, how long, and how did it end. No method is reached but by here."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import grpc
from common.config.settings import SMFSettings
from common.utils.auth_client import Principal
from common.utils.logger import fields as log_fields
from common.utils.trace import Tracing
from google.protobuf.message import DecodeError, Message

from sfm.errors import InvalidField, NotReady
from sfm.server import fields, policy, status
from sfm.server.auth import Authenticator, Metadata
from sfm.server.limits import RateLimit
from sfm.server.metrics import Metrics
from sfm.server.refusals import DeadlinePassed, Overloaded, RateExceeded, TooLarge

OPEN = "/grpc.health.v1.Health/"
"""Answered to everybody: orchestrators have no token."""
KNOWN_TENANTS = 1000
"""Tenants of one stream whose decision is remembered for the rest of it."""
Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"
Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Received:
    """A request as it came.

    Attributes:
        message: None if the bytes are no message of the method's type.
        size: in bytes.
    """

    message: Message | None
    size: int


@dataclass(slots=True)
class Call:
    """A call that is being served, its caller known."""

    method: str
    principal: Principal
    rules: Admission
    tenant: str = ""
    permitted: set[str] = field(default_factory=set)

    async def admit(self, message: Message, size: int, *, patient: bool = False) -> None:
        """Let one request pass, or raise InvalidField, Denied or RateExceeded.

        A patient one waits for its turn instead, and relies on what was permitted to this call before.
        """
        tenant = ""
        if "tenant" in message.DESCRIPTOR.fields_by_name:
            tenant = self.tenant = fields.tenant(message.tenant)  # type: ignore[attr-defined]  # just looked for
        if not patient or tenant not in self.permitted:
            await policy.admit(self.rules.judge, self.method, tenant, self.principal, size)
            if len(self.permitted) < KNOWN_TENANTS:
                self.permitted.add(tenant)
        while True:
            try:
                self.rules.rate.take(tenant, time.monotonic())
            except RateExceeded as error:
                if not patient:
                    raise
                await asyncio.sleep(error.retry_after_seconds)
            else:
                return


CALL: ContextVar[Call] = ContextVar("call")
"""The call that the running task serves; a method that takes a stream admits each of its messages by it."""


@dataclass(frozen=True, slots=True)
class Admission:
    """What decides whether a call is served."""

    authenticator: Authenticator
    judge: policy.Judge
    rate: RateLimit
    why_not_ready: Callable[[], str]
    """Empty while calls are answered."""


class Interceptor(grpc.aio.ServerInterceptor):
    """Wraps every method. Those of the health service are open, and do not compete with the others for room."""

    def __init__(self, settings: SMFSettings, admission: Admission, metrics: Metrics, tracing: Tracing) -> None:
        self._settings = settings
        self._admission = admission
        self._metrics = metrics
        self._tracing = tracing
        self._running = {True: 0, False: 0}
        """Calls that are served now, those of open methods apart."""
        self._wrapped: dict[str, Handler] = {}
        """By method. Only known methods are in it, so callers cannot make it grow."""

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Handler | None]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Handler | None:
        """The wrapped method, or what there was when it is not known."""
        method = handler_call_details.method
        if method not in self._wrapped:
            handler = await continuation(handler_call_details)
            if handler is None:
                return None  # the library answers UNIMPLEMENTED
            self._wrapped[method] = self._wrap(method, handler)
        return self._wrapped[method]

    def _wrap(self, method: str, handler: Any) -> Handler:
        options = {
            "request_deserializer": _received_by(handler.request_deserializer),
            "response_serializer": handler.response_serializer,
        }
        if handler.request_streaming and handler.response_streaming:
            return grpc.stream_stream_rpc_method_handler(self._both_streams(method, handler.stream_stream), **options)
        if handler.request_streaming:
            return grpc.stream_unary_rpc_method_handler(self._stream(method, handler.stream_unary), **options)
        if handler.response_streaming:
            return grpc.unary_stream_rpc_method_handler(self._answers(method, handler.unary_stream), **options)
        return grpc.unary_unary_rpc_method_handler(self._unary(method, handler.unary_unary), **options)

    def _unary(self, method: str, work: Any) -> Any:
        async def serve(received: Received, context: Context) -> Message:
            async with self._serving(method, context) as call:
                message = _message(received)
                if call:
                    await call.admit(message, received.size)
                return self._fitting(await work(message, context))

        return serve

    def _stream(self, method: str, work: Any) -> Any:
        async def serve(requests: AsyncIterator[Received], context: Context) -> Message:
            async with self._serving(method, context):
                return self._fitting(await work(_messages(requests), context))

        return serve

    def _answers(self, method: str, work: Any) -> Any:
        async def serve(received: Received, context: Context) -> AsyncIterator[Message]:
            async with self._serving(method, context) as call:
                message = _message(received)
                if call:
                    await call.admit(message, received.size)
                async for answer in work(message, context):
                    yield answer

        return serve

    def _both_streams(self, method: str, work: Any) -> Any:
        async def serve(requests: AsyncIterator[Received], context: Context) -> AsyncIterator[Message]:
            async with self._serving(method, context) as call:
                if call:
                    await policy.admit(self._admission.judge, method, "", call.principal, 0)
                async for answer in work(_messages(requests), context):
                    yield answer

        return serve

    def _fitting(self, answer: Message) -> Message:
        size, most = answer.ByteSize(), self._settings.max_message_bytes
        if size > most:
            raise TooLarge(
                f"the answer has {size} bytes, a message at most {most}: ask for fewer memories or parts of them"
            )
        return answer

    @asynccontextmanager
    async def _serving(self, method: str, context: Context) -> AsyncIterator[Call | None]:
        """What surrounds every call: its span, deadline, authentication, and an end that is counted and logged.

        Gives None for an open method, whose caller is not asked for.
        """
        metadata = tuple(context.invocation_metadata() or ())
        started = time.perf_counter()
        code, call = grpc.StatusCode.OK, None
        open_ = method.startswith(OPEN)
        scope = asyncio.timeout(self._seconds_left(context, endless=open_))
        with self._tracing.serving(method, metadata) as span:
            self._running[open_] += 1
            self._metrics.running.set(self._running[False])
            try:
                async with scope:
                    if self._running[open_] > self._settings.max_concurrent_calls:
                        raise Overloaded("the server serves as many calls as it may; try again later")
                    if not open_:
                        call = await self._known(method, metadata)
                    yield call
            except asyncio.CancelledError:
                code = grpc.StatusCode.CANCELLED
                raise
            except Exception as error:
                late = isinstance(error, TimeoutError) and scope.expired()
                ended = status.of(DeadlinePassed("the deadline has passed") if late else error)
                code = ended.code
                if not ended.expected:
                    _log.exception("a call met a defect", extra=log_fields(method=method))
                await context.abort(ended.code, ended.message, ended.trailing)
            finally:
                self._running[open_] -= 1
                self._metrics.running.set(self._running[False])
                span.set_attribute("rpc.grpc.status_code", code.value[0])
                self._ended(method, call, code, time.perf_counter() - started)

    async def _known(self, method: str, metadata: Metadata) -> Call:
        principal = await self._admission.authenticator.principal(metadata)
        if why := self._admission.why_not_ready():
            raise NotReady(why)
        call = Call(method, principal, self._admission)
        CALL.set(call)
        return call

    def _seconds_left(self, context: Context, *, endless: bool) -> float | None:
        """Until the caller's deadline, or the default one; None without any."""
        given = context.time_remaining()
        if given is None:
            return None if endless else self._settings.default_timeout_seconds
        return max(given, 0.0)

    def _ended(self, method: str, call: Call | None, code: grpc.StatusCode, seconds: float) -> None:
        self._metrics.seconds.labels(method).observe(seconds)
        self._metrics.calls.labels(method, code.name).inc()
        who = {"tenant": call.tenant, "subject": call.principal.subject} if call else {}
        level = logging.DEBUG if method.startswith(OPEN) else logging.INFO
        _log.log(level, "call", extra=log_fields(method=method, status=code.name, seconds=round(seconds, 6), **who))


def _received_by(parse: Callable[[bytes], Message]) -> Callable[[bytes], Received]:
    """Bytes that are no message must end as a bad request, where the library would call it a defect of the server."""

    def receive(data: bytes) -> Received:
        try:
            return Received(parse(data), len(data))
        except DecodeError:
            return Received(None, len(data))

    return receive


def _message(received: Received) -> Message:
    if received.message is None:
        raise InvalidField("request", "is not encoded as this method's message")
    return received.message


async def _messages(requests: AsyncIterator[Received]) -> AsyncIterator[Message]:
    async for received in requests:
        yield _message(received)
