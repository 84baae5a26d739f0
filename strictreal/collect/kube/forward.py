"""A port of a pod on a loopback port of this machine: each connection to it is a WebSocket to the API server.

The protocol is portforward's v4.channel.k8s.io: channel 0 carries the bytes and channel 1 what went wrong, and the first
frame of each is the port's number. The connection ends when the pod does; so does the one on this side.
"""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import threading
import urllib.parse
from collections.abc import Iterator
from typing import Any

from strictreal.collect.kube.access import Cluster, ClusterError

LOOPBACK = "127.0.0.1"
PROTOCOL = "v4.channel.k8s.io"
DATA = 0
CHUNK = 64 * 1024
"""Bytes that are taken from this side at once."""
IDLE_SECONDS = 0.5
"""After which a quiet connection sees whether it should end."""


class Forward:
    """A port of a pod, led to this machine until it is closed.

    Attributes:
        address: host:port of the loopback.
        ends: why connections have ended that neither side closed.

    Raises:
        ClusterError: the API server does not let us through to the pod.
    """

    def __init__(self, cluster: Cluster, namespace: str, pod: str, port: int) -> None:
        self._target = (cluster, namespace, pod, port)
        with _opened(*self._target):
            pass  # is let through
        self._over = threading.Event()
        self._listener = socket.create_server((LOOPBACK, 0))
        self._listener.settimeout(IDLE_SECONDS)
        self._bridges: list[threading.Thread] = []
        self.address = f"{LOOPBACK}:{self._listener.getsockname()[1]}"
        self.ends: list[str] = []
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End every connection, and listen no more."""
        self._over.set()
        for thread in (self._thread, *self._bridges):
            thread.join()
        self._listener.close()

    def _accept(self) -> None:
        while not self._over.is_set():
            try:
                connection, _ = self._listener.accept()
            except TimeoutError:
                continue
            self._bridges.append(threading.Thread(target=self._bridge, args=(connection,), daemon=True))
            self._bridges[-1].start()

    def _bridge(self, connection: socket.socket) -> None:
        """Carry bytes both ways until either side ends."""
        import websocket

        connection.settimeout(None)
        with contextlib.closing(connection):
            try:
                with _opened(*self._target) as channel:
                    _carry(connection, channel, self._over)
            except (OSError, ClusterError, websocket.WebSocketException) as error:
                self.ends.append(f"{type(error).__name__}: {error}")


@contextlib.contextmanager
def forwarded(cluster: Cluster, namespace: str, pod: str, port: int) -> Iterator[str]:
    """host:port of the loopback that leads to a port of a pod, until the block ends.

    Raises:
        ClusterError: the API server does not let us through to the pod.
    """
    with contextlib.closing(Forward(cluster, namespace, pod, port)) as made:
        yield made.address


def _opened(cluster: Cluster, namespace: str, pod: str, port: int) -> contextlib.AbstractContextManager[Any]:
    """The WebSocket to a port of a pod."""
    inside = "/".join(urllib.parse.quote(name, safe="") for name in (namespace, "pods", pod))
    return cluster.websocket(f"/api/v1/namespaces/{inside}/portforward", PROTOCOL, f"ports={port}")


def _carry(connection: socket.socket, channel: Any, over: threading.Event) -> None:
    """Carry bytes both ways until either side closes, or it is over."""
    import websocket

    begun: set[int] = set()
    while not over.is_set():
        if _waiting(channel):
            ready = [channel.sock]
        else:
            ready, _, _ = select.select([channel.sock, connection], [], [], IDLE_SECONDS)
        if channel.sock in ready:
            code, frame = channel.recv_data_frame(control_frame=True)
            if code == websocket.ABNF.OPCODE_CLOSE or not _taken(connection, frame.data, code, begun):
                return
        if connection in ready:
            data = connection.recv(CHUNK)
            if not data:
                return
            channel.send_binary(bytes([DATA]) + data)


def _waiting(channel: Any) -> bool:
    """Whether bytes have been decrypted that no select tells of."""
    return isinstance(channel.sock, ssl.SSLSocket) and channel.sock.pending() > 0


def _taken(connection: socket.socket, data: bytes, code: int, begun: set[int]) -> bool:
    """Hand one frame on; whether there may be more."""
    import websocket

    if code != websocket.ABNF.OPCODE_BINARY or not data:
        return True
    number = data[0]
    if number not in begun:  # the port's number
        begun.add(number)
        return True
    if number != DATA:
        return False
    connection.sendall(data[1:])
    return True
