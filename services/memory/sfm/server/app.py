"""The process of the server: made from the settings, ready when the memory system is, and drained on SIGTERM.

The first line on standard output is one JSON object, as soon as the sockets are bound:

    {"grpc": "host:port", "http": "host:port", "tls": false, "token_file": "…/dev-token", "unprotected": ["tls", …]}

`token_file` is null unless a token was made. The health service and /ready say when calls are answered.
"""

from __future__ import annotations

import asyncio
import json
import logging
import signal
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import aiohttp
from common.config.settings import SMFSettings
from common.utils.auth_client import KeySet, TokenVerifier
from common.utils.logger import configure, fields
from common.utils.trace import Tracing
from grpc_health.v1.health import SERVICE_NAME as HEALTH
from grpc_health.v1.health_pb2_grpc import add_HealthServicer_to_server
from grpc_reflection.v1alpha import reflection

from sfm.memory.v1 import memory_pb2
from sfm.memory.v1.memory_pb2_grpc import add_MemoryServiceServicer_to_server
from sfm.server import listen, policy, side
from sfm.server.auth import Authenticator, make_dev_token
from sfm.server.brokers import brokers
from sfm.server.embedder import Embedder
from sfm.server.health import Health
from sfm.server.interceptor import Admission, Interceptor
from sfm.server.limits import RateLimit
from sfm.server.metrics import Metrics
from sfm.server.optional import parts
from sfm.server.servicer import Servicer
from sfm.server.wire import Reader
from sfm.system import MemorySystem, MemorySystemBuilder

NAME = "sfm"
SERVICE = memory_pb2.DESCRIPTOR.services_by_name["MemoryService"].full_name
_log = logging.getLogger(__name__)


class StrictModeRefused(Exception):
    """Strict mode is on, and something that it asks for is not configured; the message names all of it, a line each."""


@dataclass(frozen=True, slots=True)
class Ready:
    """Where the server listens, and what protects it."""

    grpc: str
    http: str
    tls: bool
    token_file: Path | None
    unprotected: tuple[str, ...]

    def line(self) -> str:
        """As JSON."""
        token_file = str(self.token_file) if self.token_file else None
        return json.dumps(
            {
                "grpc": self.grpc,
                "http": self.http,
                "tls": self.tls,
                "token_file": token_file,
                "unprotected": self.unprotected,
            }
        )


class Readiness:
    """Whether calls are answered: while the memory system is ready, until the server drains."""

    def __init__(self, system: MemorySystem) -> None:
        self._system = system
        self._draining = False

    def why_not(self) -> str:
        """The reason, or the empty string while calls are answered."""
        if self._draining:
            return "the server is draining"
        return "" if self._system.ready else self._system.why_not_ready or "the memory system is starting"

    def drain(self) -> None:
        """No longer, from now on."""
        self._draining = True


def unprotected(settings: SMFSettings) -> tuple[str, ...]:
    """Which protections these settings leave out, by name."""
    lacks = {
        "auth": not settings.auth_jwks_url,
        "tls": not settings.tls_cert,
        "policy": not (settings.opa_url or settings.policy_dir),
    }
    return tuple(name for name, lacking in lacks.items() if lacking)


async def serve(settings: SMFSettings) -> None:
    """Serve until SIGTERM or SIGINT, then drain.

    Raises:
        StrictModeRefused: before anything is bound or opened.
        SettingsError: the policy is not usable.
        CannotListen: an address is taken.
        MemoryServiceError: the memory system cannot start, such as when stored data is damaged.
    """
    lacks = settings.missing_in_strict_mode() if settings.strict_real else []
    if lacks:
        raise StrictModeRefused("\n".join(lacks))
    configure(NAME, settings.log_level)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with running(settings) as (ready, started):
        print(ready.line(), flush=True)
        if ready.unprotected:
            _log.warning("not for production: protections are not configured", extra=fields(lacking=ready.unprotected))
        for part, lack in settings.absent_parts().items():
            _log.log(
                logging.WARNING if settings.strict_real else logging.INFO,
                "an optional part is not configured",
                extra=fields(part=part, lack=lack),
            )
        stopped = asyncio.create_task(stop.wait())
        await asyncio.wait([started, stopped], return_when=asyncio.FIRST_COMPLETED)
        if started.done():
            started.result()
            _log.info("ready", extra=fields(grpc=ready.grpc, http=ready.http))
        await stopped
        _log.info("draining", extra=fields(seconds=settings.drain_seconds))


@asynccontextmanager
async def running(settings: SMFSettings) -> AsyncIterator[tuple[Ready, asyncio.Task[None]]]:
    """A server that listens, and the task that starts its memory system; leaving drains both."""
    token, token_file = _dev_token(settings)
    metrics, tracing, health = Metrics(), Tracing(NAME, settings), Health(SERVICE, HEALTH)
    async with AsyncExitStack() as stack:
        stack.callback(tracing.close)
        session = await stack.enter_async_context(aiohttp.ClientSession())
        optional = await stack.enter_async_context(parts(settings, session))
        metrics.registry.register(optional)
        publish = await stack.enter_async_context(brokers(settings, optional.flags, metrics.registry))
        system = MemorySystemBuilder(settings).with_cache(optional.recall_cache).with_events(publish).build()
        readiness = Readiness(system)
        verifier = TokenVerifier(settings, KeySet(settings, session)) if settings.auth_jwks_url else None
        admission = Admission(
            Authenticator(verifier, token),
            policy.judge(settings, session),
            RateLimit(settings.rate_per_second, settings.rate_burst, settings.rate_tenants),
            readiness.why_not,
        )
        server = listen.grpc_server(settings, [Interceptor(settings, admission, metrics, tracing)])
        reader = Reader(settings, Embedder(settings, session).embed)
        add_MemoryServiceServicer_to_server(Servicer(settings, system, reader), server)  # type: ignore[no-untyped-call]
        add_HealthServicer_to_server(health, server)
        reflection.enable_server_reflection((SERVICE, HEALTH, reflection.SERVICE_NAME), server)
        for what in unprotected(settings):
            metrics.unprotected.labels(what).set(1)
        address = listen.bind(server, settings)
        pages = side.application(
            lambda: scrape(metrics, system),
            readiness.why_not,
            lambda: {"absent": optional.absent, "away": optional.away() | system.away},
        )
        runner, side_address = await listen.start_side(pages, settings)
        stack.push_async_callback(runner.cleanup)
        stack.push_async_callback(system.drain, settings.drain_seconds)
        await server.start()
        stack.push_async_callback(server.stop, settings.drain_seconds)
        stack.callback(health.drain)
        stack.callback(readiness.drain)
        started = await stack.enter_async_context(_until_left(system.start()))
        await stack.enter_async_context(_until_left(optional.flags.run()))
        await stack.enter_async_context(_until_left(_follow(health, metrics, readiness, settings)))
        yield Ready(address, side_address, bool(settings.tls_cert), token_file, unprotected(settings)), started


def _dev_token(settings: SMFSettings) -> tuple[str | None, Path | None]:
    """The settings' development token, or a new one and its file where no auth is configured; none in strict mode."""
    if settings.strict_real:
        return None, None
    if settings.auth_dev_token:
        return settings.auth_dev_token.get_secret_value(), None
    return (None, None) if settings.auth_jwks_url else make_dev_token(settings.data_dir)


async def _follow(health: Health, metrics: Metrics, readiness: Readiness, settings: SMFSettings) -> None:
    while True:
        serving = not readiness.why_not()
        health.set(serving=serving)
        metrics.ready.set(serving)
        await asyncio.sleep(settings.readiness_seconds)


async def scrape(metrics: Metrics, system: MemorySystem) -> bytes:
    """The metrics with what the memory system counts now; without most of that while it does not answer."""
    metrics.event_backlog.set(system.event_backlog)
    if system.ready:
        found = await system.stats("")
        metrics.observe(
            asdict(found),
            [(one.q, one.value) for one in found.importance_quantiles],
            [(one.id, one.holds, one.enabled) for one in system.gates()],
        )
    return metrics.text()


@asynccontextmanager
async def _until_left(work: Coroutine[None, None, None]) -> AsyncIterator[asyncio.Task[None]]:
    """A task that is cancelled, if it still runs, when the context is left."""
    task = asyncio.create_task(work)
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.wait([task])
