"""Where the scenario is played: callers with their tokens, one channel, and the transcript that grows."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import grpc

from strictreal.collect.service.scenario import EMBEDDED, Shape
from strictreal.collect.service.wire import Wire
from strictreal.errors import StrictRealError
from strictreal.facts.memory import MemoryCall
from strictreal.model import Location
from strictreal.redact import redact

CALL_SECONDS = 20
PLAY_SECONDS = 1200
"""That all calls of one stage may take together."""


class Stage:
    """One incarnation of the server, and the calls that were made so far.

    Args:
        wire: how messages are written.
        proto: path of the .proto in the subject, where findings lie.
        tokens: bearer token by caller.
        root: PEM of the certificate to trust; None for a channel in clear text.
        shape: what memories are like.
        run: what every tenant's name ends with on the wire and nowhere else, so that nobody's memories are touched.
        name: the server's name in its certificate, where that is not its address.
    """

    def __init__(
        self,
        wire: Wire,
        proto: str,
        tokens: Mapping[str, str],
        root: bytes | None,
        *,
        shape: Shape = EMBEDDED,
        run: str = "",
        name: str = "",
    ) -> None:
        self.wire, self.proto, self.tokens, self.root = wire, proto, tokens, root
        self.shape, self.run, self.name = shape, run, name
        self.calls: list[MemoryCall] = []
        self.incarnation = 0
        self._channel: grpc.Channel | None = None
        self._until = time.monotonic() + PLAY_SECONDS

    def connect(self, address: str, *, incarnation: int = 0) -> None:
        """Speak to a server from now on."""
        self.close()
        self.incarnation = incarnation
        if self.root is None:
            self._channel = grpc.insecure_channel(address, self.options)
        else:
            self._channel = grpc.secure_channel(address, grpc.ssl_channel_credentials(self.root), self.options)

    def channel(self, address: str) -> grpc.aio.Channel:
        """A channel of its own, by which several clients call at once; none of their calls is in the transcript."""
        if self.root is None:
            return grpc.aio.insecure_channel(address, self.options)
        return grpc.aio.secure_channel(address, grpc.ssl_channel_credentials(self.root), self.options)

    def close(self) -> None:
        """Let go of the channel."""
        if self._channel:
            self._channel.close()
            self._channel = None

    def call(
        self, act: type[MemoryCall], method: str, request: Mapping[str, Any], *, caller: str = "operator", **more: Any
    ) -> MemoryCall:
        """Make one call and write it down; `more` are further fields of the act's fact.

        Raises:
            StrictRealError: there is no server, or the time of all calls is over.
        """
        if self._channel is None:
            raise StrictRealError("there is no server to call")
        if time.monotonic() > self._until:
            raise StrictRealError(f"the scenario takes more than {PLAY_SECONDS} s (bound: time of the scenario)")
        path, data = self.wire.path(method), self.encode(method, request)
        code, message, response = "OK", "", {}
        metadata = self.metadata(caller)
        try:
            send: Callable[..., bytes] = self._channel.unary_unary(path)
            answer = send(data, timeout=CALL_SECONDS, metadata=metadata)
            response = self.wire.decode(method, answer)
        except grpc.RpcError as error:
            code, message = error.code().name, redact(error.details() or "", 300)
        order = len(self.calls)
        made = act(
            where=Location(self.proto, resource=f"{method} #{order}"),
            order=order,
            method=method,
            caller=caller,
            incarnation=self.incarnation,
            request=dict(request),
            code=code,
            message=message,
            response=response,
            **more,
        )
        self.calls.append(made)
        return made

    def encode(self, method: str, request: Mapping[str, Any]) -> bytes:
        """A request as this run sends it."""
        own = {"tenant": f"{request['tenant']}{self.run}"} if request.get("tenant") else {}
        return self.wire.encode(method, {**request, **own})

    @property
    def options(self) -> list[tuple[str, str | int]]:
        """Of a channel to the server: by no proxy."""
        named = [("grpc.ssl_target_name_override", self.name)] if self.name else []
        return [("grpc.enable_http_proxy", 0), *named]

    def metadata(self, caller: str) -> tuple[tuple[str, str], ...]:
        """What a caller sends with each call."""
        return (("authorization", f"Bearer {self.tokens[caller]}"),) if caller in self.tokens else ()

    def store(self, act: type[MemoryCall], memories: Iterable[Mapping[str, Any]], *, caller: str = "operator") -> None:
        """Store memories one by one."""
        for memory in memories:
            self.call(act, "Store", memory, caller=caller)
