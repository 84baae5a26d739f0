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


@contextlib.contextmanager
def forwarded(cluster: Cluster, namespace: str, pod: str, port: int) -> Iterator[str]:
    """host:port of the loopback that leads to a port of a pod, until the block ends.

    Raises:
        ClusterError: the API server does not let us through to the pod.
    """
    _open(cluster, namespace, pod, port).close()
    over = threading.Event()
    with socket.create_server((LOOPBACK, 0)) as listener:
        listener.settimeout(IDLE_SECONDS)
        threads = [threading.Thread(target=_accept, args=(listener, over, cluster, namespace, pod, port), daemon=True)]
        threads[0].start()
        try:
            yield f"{LOOPBACK}:{listener.getsockname()[1]}"
        finally:
            over.set()
            threads[0].join()


def _accept(
    listener: socket.socket, over: threading.Event, cluster: Cluster, namespace: str, pod: str, port: int
) -> None:
    """Serve every connection until it is over; one that cannot be led on is closed."""
    bridges = []
    while not over.is_set():
        try:
            connection, _ = listener.accept()
        except TimeoutError:
            continue
        bridge = threading.Thread(target=_bridge, args=(connection, over, cluster, namespace, pod, port), daemon=True)
        bridge.start()
        bridges.append(bridge)
    for bridge in bridges:
        bridge.join()


def _open(cluster: Cluster, namespace: str, pod: str, port: int) -> Any:
    """The WebSocket to a port of a pod.

    Raises:
        ClusterError: it is refused.
    """
    from kubernetes.stream.ws_client import create_websocket

    client = cluster._client  # noqa: SLF001 -- the same user and the same server, by another protocol
    inside = "/".join(urllib.parse.quote(name, safe="") for name in (namespace, "pods", pod))
    path = f"/api/v1/namespaces/{inside}/portforward"
    headers = {"sec-websocket-protocol": PROTOCOL}
    client.update_params_for_auth(headers, [], ["BearerToken"], path, "GET", None)
    headers = {name.lower(): value for name, value in headers.items()}
    url = f"{client.configuration.host}{path}?ports={port}".replace("http", "ws", 1)
    try:
        return create_websocket(client.configuration, url, headers)
    except Exception as error:  # noqa: BLE001 -- of any of four packages
        raise ClusterError(f"port {port} of {namespace}/{pod} cannot be reached: {type(error).__name__}") from None


def _bridge(
    connection: socket.socket, over: threading.Event, cluster: Cluster, namespace: str, pod: str, port: int
) -> None:
    """Carry bytes both ways until either side ends."""
    import websocket

    connection.settimeout(None)
    with contextlib.closing(connection):
        try:
            channel = _open(cluster, namespace, pod, port)
        except ClusterError:
            return
        begun: set[int] = set()
        try:
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
        except (OSError, websocket.WebSocketException):
            return
        finally:
            with contextlib.suppress(OSError, websocket.WebSocketException):
                channel.close(timeout=0)


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
