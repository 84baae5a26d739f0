"""The sockets: gRPC with or without TLS, and the HTTP side port."""

from __future__ import annotations

from collections.abc import Sequence

import grpc
from aiohttp import web
from common.config.settings import SMFSettings

GREATEST_METADATA_BYTES = 32 * 1024
OPTIONS = (
    ("grpc.so_reuseport", 0),  # a second server on the port is a mistake, and must fail
    ("grpc.max_metadata_size", GREATEST_METADATA_BYTES),
    ("grpc.absolute_max_metadata_size", GREATEST_METADATA_BYTES),
)


STREAMS_A_CALL = 3
"""Streams of one connection for each call that the server serves at once. Calls beyond are told why they are refused,
where the protocol would let them wait in silence, and health is still answered."""


class CannotListen(Exception):
    """An address cannot be bound; the message says which."""


def grpc_server(settings: SMFSettings, interceptors: Sequence[grpc.aio.ServerInterceptor]) -> grpc.aio.Server:
    """A server without methods, its messages and calls bounded. Answers are bounded by the interceptor."""
    options = (
        *OPTIONS,
        ("grpc.max_receive_message_length", settings.max_message_bytes),
        ("grpc.max_concurrent_streams", STREAMS_A_CALL * settings.max_concurrent_calls),
    )
    return grpc.aio.server(interceptors=interceptors, options=options)


def bind(server: grpc.aio.Server, settings: SMFSettings) -> str:
    """Bind the gRPC port; the address, with the port that was taken if the settings leave it open.

    Raises:
        CannotListen: the address is taken, or the certificate not usable.
    """
    address = f"{settings.host}:{settings.port}"
    try:
        credentials = _credentials(settings)
        port = server.add_secure_port(address, credentials) if credentials else server.add_insecure_port(address)
    except (RuntimeError, OSError) as error:
        raise CannotListen(f"gRPC cannot listen on {address}: {error}") from None
    return f"{settings.host}:{port}"


def _credentials(settings: SMFSettings) -> grpc.ServerCredentials | None:
    if not (settings.tls_cert and settings.tls_key):
        return None
    roots = settings.tls_client_ca.read_bytes() if settings.tls_client_ca else None
    pair = (settings.tls_key.read_bytes(), settings.tls_cert.read_bytes())
    return grpc.ssl_server_credentials([pair], root_certificates=roots, require_client_auth=roots is not None)


async def start_side(application: web.Application, settings: SMFSettings) -> tuple[web.AppRunner, str]:
    """Serve the HTTP side port; the runner, which ends it, and the address.

    Raises:
        CannotListen: the address is taken.
    """
    runner = web.AppRunner(application, access_log=None, handle_signals=False)
    await runner.setup()
    try:
        await web.TCPSite(runner, settings.host, settings.side_port).start()
    except OSError as error:
        await runner.cleanup()
        address = f"{settings.host}:{settings.side_port}"
        raise CannotListen(f"HTTP cannot listen on {address}: {error.strerror}") from None
    return runner, f"{settings.host}:{runner.addresses[0][1]}"
