"""Several clients at once: how long stores and recalls take, as histograms."""

from __future__ import annotations

import asyncio
import bisect
import time
from collections.abc import Awaitable, Callable, Iterator

import grpc

from strictreal.collect.service import scenario
from strictreal.collect.service.stage import CALL_SECONDS, Stage
from strictreal.facts.memory import MemoryLatency
from strictreal.model import Location

CLIENTS = 2
CALLS = 1500
"""Of each method."""
BOUNDS_US = tuple(round(100 * 2 ** (step / 4)) for step in range(60))
"""From 0.1 ms to 2.8 s, each a quarter of a power of two above the last."""
MOST_FAILED = 50
"""Calls that may fail before no more are made: each may have taken its whole time."""
_PERCENT = (50, 95, 99)


def measure(stage: Stage, address: str) -> Iterator[MemoryLatency]:
    """Store, then recall, CALLS times each by CLIENTS clients, with a histogram of each."""
    draw = scenario.seeded("latency")
    stores = [scenario.memory(tenant(at), f"l{at:05}", stage.shape.vector(draw)) for at in range(CALLS)]
    recalls = [scenario.recall(tenant(at), stage.shape.vector(draw), 10) for at in range(CALLS)]
    for method, requests in (("Store", stores), ("Recall", recalls)):
        took, failed = drive(stage, address, method, [stage.encode(method, request) for request in requests])
        yield latency(stage.proto, method, took, failed)


def tenant(at: int) -> str:
    """Whose call this is, of those of each method. Each tenant makes few enough that a limit of its own is not reached."""
    return scenario.LOADED[at % len(scenario.LOADED)]


def latency(proto: str, method: str, took: list[int], failed: int) -> MemoryLatency:
    """The histogram of the microseconds that calls took."""
    counts = [0] * (len(BOUNDS_US) + 1)
    for microseconds in took:
        counts[bisect.bisect_left(BOUNDS_US, microseconds)] += 1
    ordered = sorted(took) or [0]
    p50, p95, p99 = (ordered[min(len(ordered) - 1, len(ordered) * percent // 100)] for percent in _PERCENT)
    return MemoryLatency(
        where=Location(proto, resource=f"{method} by {CLIENTS} clients"),
        method=method,
        clients=CLIENTS,
        memories=CALLS,
        bounds_us=BOUNDS_US,
        counts=tuple(counts),
        failed=failed,
        p50_us=p50,
        p95_us=p95,
        p99_us=p99,
    )


def drive(
    stage: Stage, address: str, method: str, requests: list[bytes], clients: int = CLIENTS
) -> tuple[list[int], int]:
    """Microseconds of each call of several clients that succeeded, and how many did not."""
    return asyncio.run(_drive(stage, address, method, requests, clients))


async def _drive(
    stage: Stage,
    address: str,
    method: str,
    requests: list[bytes],
    clients: int,
    clock: Callable[[], float] = time.perf_counter,
) -> tuple[list[int], int]:
    took: list[int] = []
    failed = 0
    waiting = iter(requests)
    async with stage.channel(address) as channel:
        call: Callable[..., Awaitable[bytes]] = channel.unary_unary(stage.wire.path(method))

        async def client() -> None:
            nonlocal failed
            for request in waiting:
                if failed > MOST_FAILED:
                    return
                start = clock()
                try:
                    await call(request, timeout=CALL_SECONDS, metadata=stage.metadata("operator"))
                    took.append(round((clock() - start) * 1e6))
                except grpc.RpcError:
                    failed += 1

        await asyncio.gather(*(client() for _ in range(clients)))
    return took, failed
