"""A mixed load on a real server for some time: `python services/memory/tests/server/soak.py --seconds 600`.

The ids come from a fixed set, so the server's size must come to rest. It is sampled each second, and a line fitted to the
second half of the samples by least squares.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from serving import DIMENSION, Server, serving
from sfm.client import AsyncClient
from sfm.domain import NewMemory
from sfm.errors import MemoryServiceError

IDS = 500
TENANTS = ("acme", "other")
WORKERS = 16
CACHED = "500"
"""Answers that the cache keeps: so few that it is full long before the second half, and does not pass for a leak."""
EXPECTED = {"MemoryNotFound", "InvalidField"}
"""Errors that deleted and not yet stored memories bring."""


@dataclass(frozen=True)
class Outcome:
    """What came of it.

    Attributes:
        unexpected: errors other than those that the load brings about by itself.
        first_bytes, last_bytes: resident size after the first tenth and at the end.
        slope_bytes_a_second: of the second half.
    """

    calls: int
    seconds: float
    answers: dict[str, int]
    unexpected: int
    first_bytes: int
    last_bytes: int
    slope_bytes_a_second: float


async def _one(client: AsyncClient, random_: random.Random) -> None:
    tenant, id_ = random_.choice(TENANTS), f"m{random_.randrange(IDS)}"
    vector = [random_.gauss(0, 1) for _ in range(DIMENSION)]
    match random_.randrange(10):
        case 0 | 1 | 2:
            await client.store(tenant, id_, vector, payload=random_.randbytes(100), metadata={"n": 1})
        case 3 | 4 | 5 | 6:
            await client.recall(tenant, vector, k=10, tau_seconds=random_.choice((None, 60.0)), with_payloads=True)
        case 7:
            await client.get(tenant, id_)
        case 8:
            await client.delete(tenant, id_)
        case _:
            row = np.array(vector, np.float32)
            await client.store_batch(
                NewMemory(tenant=tenant, id=f"m{n}", vector=row, raw_importance=0.0, created=n) for n in range(5)
            )


async def _drive(server: Server, seconds: float) -> tuple[Counter[str], list[int]]:
    answers: Counter[str] = Counter()
    sizes: list[int] = []
    end = time.monotonic() + seconds

    async def worker(seed: int) -> None:
        random_ = random.Random(seed)
        async with AsyncClient(server.target, token=server.token) as client:
            while time.monotonic() < end:
                try:
                    await _one(client, random_)
                    answers["OK"] += 1
                except MemoryServiceError as error:
                    answers[type(error).__name__] += 1

    async def sample() -> None:
        while time.monotonic() < end:
            sizes.append(server.rss())
            await asyncio.sleep(1)

    await asyncio.gather(sample(), *(worker(seed) for seed in range(WORKERS)))
    return answers, sizes


def run(seconds: float, folder: Path) -> Outcome:
    """Start a server, load it, stop it."""
    with serving(folder, SOMA_LOG_LEVEL="WARNING", SOMA_CACHE_ENTRIES=CACHED) as server:
        answers, sizes = asyncio.run(_drive(server, seconds))
        sizes.append(server.rss())
        assert server.stop() == 0
    half = np.array(sizes[len(sizes) // 2 :], float)
    slope = float(np.polyfit(np.arange(len(half)), half, 1)[0]) if len(half) > 1 else 0.0
    unexpected = sum(number for name, number in answers.items() if name not in EXPECTED | {"OK"})
    first = sizes[len(sizes) // 10]
    return Outcome(answers.total(), seconds, dict(answers), unexpected, first, sizes[-1], round(slope, 1))


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--seconds", type=float, default=600.0)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = run(given.seconds, Path(folder))
    print(json.dumps(vars(found), indent=1))
    return 1 if found.unexpected else 0


if __name__ == "__main__":
    raise SystemExit(main())
