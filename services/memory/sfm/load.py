"""A load driver: a fixed number of stores and recalls, so many at a time, and how long each took."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from sfm.client import AsyncClient
from sfm.errors import MemoryServiceError

QUANTILES = (0.5, 0.95, 0.99)
EDGES_A_DECADE = 5
SHORTEST_SECONDS, LONGEST_SECONDS = 1e-4, 1e2


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What to do.

    Attributes:
        count: stores, and then recalls.
        concurrency: how many are under way at once.
        seconds: each of the two parts ends after this time, done or not.
    """

    tenant: str
    dimension: int
    count: int
    concurrency: int
    seconds: float
    k: int = 10
    seed: int = 0


async def run(client: AsyncClient, load: Load) -> dict[str, Any]:
    """Store vectors that point everywhere, then recall by others.

    Returns:
        For `store` and `recall`: done, failed (by kind), per_second, seconds at p50, p95 and p99, and a histogram of
        pairs [upper edge in seconds, calls].
    """
    component = np.sqrt(np.arange(2, load.dimension + 2, dtype=np.float64))

    def vector(index: int) -> np.ndarray[Any, np.dtype[np.float32]]:
        """The angles (index + seed)·√j, which no two indices share: directions spread evenly, and alike in each run."""
        found: np.ndarray[Any, np.dtype[np.float32]] = np.sin((index + load.seed + 1) * component).astype(np.float32)
        return found

    async def store(index: int) -> None:
        await client.store(load.tenant, f"bench-{index}", vector(index), importance=math.sin(index))

    async def recall(index: int) -> None:
        await client.recall(load.tenant, vector(load.count + index), k=load.k)

    return {"store": await _measure(store, load), "recall": await _measure(recall, load)}


async def _measure(work: Callable[[int], Awaitable[None]], load: Load) -> dict[str, Any]:
    taken: list[float] = []
    failed: dict[str, int] = {}
    started = time.perf_counter()
    left = iter(range(load.count))

    async def worker() -> None:
        for index in left:
            before = time.perf_counter()
            if before - started >= load.seconds:
                return
            try:
                await work(index)
            except MemoryServiceError as error:
                kind = type(error).__name__
                failed[kind] = failed.get(kind, 0) + 1
            else:
                taken.append(time.perf_counter() - before)

    async with asyncio.TaskGroup() as group:
        for _ in range(load.concurrency):
            group.create_task(worker())
    return summary(taken, time.perf_counter() - started) | {"failed": failed}


def summary(taken: list[float], elapsed: float) -> dict[str, Any]:
    """Count, rate, quantiles and histogram of durations in seconds."""
    found: dict[str, Any] = {"done": len(taken), "per_second": round(len(taken) / elapsed, 1)}
    if not taken:
        return found
    for q, value in zip(QUANTILES, np.quantile(taken, QUANTILES), strict=True):
        found[f"p{q * 100:g}_seconds"] = round(float(value), 6)
    decades = int(np.log10(LONGEST_SECONDS / SHORTEST_SECONDS))
    edges = np.geomspace(SHORTEST_SECONDS, LONGEST_SECONDS, decades * EDGES_A_DECADE + 1)
    places = np.bincount(np.searchsorted(edges, taken).clip(max=len(edges) - 1), minlength=len(edges))
    found["histogram"] = [[round(float(e), 6), int(n)] for e, n in zip(edges, places, strict=True) if n]
    return found
