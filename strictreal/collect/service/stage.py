"""Where the scenario is played: callers with their tokens, one channel, and the transcript that grows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import grpc

from strictreal.collect.service.wire import Wire
from strictreal.errors import StrictRealError
from strictreal.facts.memory import MemoryCall
from strictreal.model import Location
from strictreal.redact import redact

CALL_SECONDS = 20


class Stage:
    """One incarnation of the server, and the calls that were made so far.

    Args:
        wire: how messages are written.
        proto: path of the .proto in the subject, where findings lie.
        tokens: bearer token by caller.
        root: PEM of the certificate to trust; None for a channel in clear text.
    """

    def __init__(self, wire: Wire, proto: str, tokens: Mapping[str, str], root: bytes | None) -> None:
        self.wire, self.proto, self.tokens, self.root = wire, proto, tokens, root
        self.calls: list[MemoryCall] = []
        self.incarnation = 0
        self._channel: grpc.Channel | None = None

    def connect(self, address: str, *, incarnation: int = 0) -> None:
        """Speak to a server from now on."""
        self.close()
        self.incarnation = incarnation
        self._channel = channel(address, self.root)

    def close(self) -> None:
        """Let go of the channel."""
        if self._channel:
            self._channel.close()
            self._channel = None

    def call(
        self, act: type[MemoryCall], method: str, request: Mapping[str, Any], *, caller: str = "operator", **more: Any
    ) -> MemoryCall:
        """Make one call and write it down; `more` are further fields of the act's fact."""
        if self._channel is None:
            raise StrictRealError("there is no server to call")
        path, data = self.wire.path(method), self.wire.encode(method, request)
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

    def metadata(self, caller: str) -> tuple[tuple[str, str], ...]:
        """What a caller sends with each call."""
        return (("authorization", f"Bearer {self.tokens[caller]}"),) if caller in self.tokens else ()

    def store(self, act: type[MemoryCall], memories: Iterable[Mapping[str, Any]], *, caller: str = "operator") -> None:
        """Store memories one by one."""
        for memory in memories:
            self.call(act, "Store", memory, caller=caller)


def channel(address: str, root: bytes | None) -> grpc.Channel:
    """A channel to a loopback address, by no proxy."""
    options = [("grpc.enable_http_proxy", 0)]
    if root is None:
        return grpc.insecure_channel(address, options)
    return grpc.secure_channel(address, grpc.ssl_channel_credentials(root), options)
