"""The memory service over the wire against what lies beneath it: its own engine without a wire, and the disk's fsync.

    python benchmarks/serving.py [--size N] [--dimension D] [--seconds S] [--folder DIR] [--strict]

One server process, started here, stores in DIR (a real disk: a folder in memory has no fsync to compare with). Answers over
the wire are compared with those in process before times. The clients share the machine's processors with the server, so
what a client costs is in every figure.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

try:
    import numpy as np
    from common.config.settings import load
    from sfm.client import AsyncClient
    from sfm.domain import NewMemory, Query, ScoreParameters
    from sfm.system import MemorySystemBuilder
except ImportError as error:
    print(f"{error.name} is absent: install services/common and services/memory to run this benchmark")
    sys.exit(0)

TENANT = "bench"
TOKEN = "benchmark-token"  # noqa: S105 -- known to the server of this run alone
K = 10
COMPARED = 50
START_SECONDS = 120.0
CALL_SECONDS = 600.0
AS_OF = 2_000_000_000_000_000
STORERS, RECALLERS = 32, 16
Seconds = list[float]


def vectors(n: int, d: int, seed: int) -> Any:
    """Rows that point everywhere."""
    return np.random.default_rng(seed).standard_normal((n, d), dtype=np.float32)


def memories(n: int, d: int) -> Iterator[NewMemory]:
    """Importances spread, a payload of some dozens of bytes."""
    raw = np.random.default_rng(7).normal(0.0, 2.0, n)
    for number, row in enumerate(vectors(n, d, 1)):
        yield NewMemory(
            tenant=TENANT,
            id=f"m{number}",
            vector=row,
            raw_importance=float(raw[number]),
            created=number,
            payload=b"payload " * 5,
        )


def settings(folder: Path, d: int) -> dict[str, str]:
    """A durable server on free loopback ports whose answers are all computed: no cache, no limit on calls."""
    return {
        "SOMA_HOST": "127.0.0.1",
        "SOMA_PORT": "0",
        "SOMA_SIDE_PORT": "0",
        "SOMA_DIMENSION": str(d),
        "SOMA_DATA_DIR": str(folder),
        "SOMA_AUTH_DEV_TOKEN": TOKEN,
        "SOMA_CACHE_ENTRIES": "0",
        "SOMA_RATE_PER_SECOND": "1000000",
        "SOMA_RATE_BURST": "1000000",
    }


@contextmanager
def serving(folder: Path, d: int) -> Iterator[str]:
    """The target of a server over `folder`, stopped at the end."""
    environment = {"PATH": os.defpath, "HOME": str(folder), **settings(folder, d)}
    command = [str(Path(sys.executable).with_name("sfm")), "serve"]
    with (folder.parent / "server.log").open("ab") as log:
        process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=log, text=True)
    try:
        yield str(json.loads(process.stdout.readline())["grpc"])  # type: ignore[union-attr]
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


async def timed(target: str, seconds: float, workers: int, kind: str, d: int, seed: int) -> Seconds:
    """How long each call took, of `workers` callers that each call again as soon as they are answered."""
    taken: Seconds = []
    rows = vectors(4096, d, seed)
    end = 0.0

    async def caller(client: AsyncClient, number: int) -> None:
        calls = 0
        while (before := time.perf_counter()) < end:
            row = rows[(number * 131 + calls) % len(rows)]
            if kind == "store":
                await client.store(TENANT, f"{seed}-{number}-{calls}", row, importance=0.0, payload=b"payload")
            else:
                await client.recall(TENANT, row, k=K)
            taken.append(time.perf_counter() - before)
            calls += 1

    async with AsyncClient(target, token=TOKEN, timeout_seconds=CALL_SECONDS) as client:
        await client.wait_until_serving(START_SECONDS)
        end = time.perf_counter() + seconds
        await asyncio.gather(*(caller(client, number) for number in range(workers)))
    return taken


def call(target: str, seconds: float, workers: int, kind: str, d: int, seed: int) -> Seconds:
    """`timed` in a process of its own."""
    return asyncio.run(timed(target, seconds, workers, kind, d, seed))


async def filled(target: str, n: int, d: int, queries: Any) -> tuple[float, list[Any]]:
    """Fill the server by one stream; how long that took, and what it answers then."""
    async with AsyncClient(target, token=TOKEN, timeout_seconds=CALL_SECONDS) as client:
        await client.wait_until_serving(START_SECONDS)
        before = time.perf_counter()
        done = await client.store_batch(memories(n, d))
        if done.stored != n:
            raise SystemExit(f"{n - done.stored} of {n} memories were refused: {done.refusals[:3]}")
        took = time.perf_counter() - before
        return took, [await client.recall(TENANT, row, k=K, as_of=AS_OF) for row in queries]


async def in_process(folder: Path, d: int, queries: Any) -> tuple[list[Any], Seconds]:
    """The same store opened here: the answers, and how long each took, one after the other."""
    system = MemorySystemBuilder(load(data_dir=folder, dimension=d, cache_entries=0)).build()
    await system.start()
    answers, taken = [], []
    for row in queries:
        query = Query(tenant=TENANT, vector=row, k=K, parameters=ScoreParameters(), as_of=AS_OF)
        before = time.perf_counter()
        hits, _ = await system.recall(query)
        taken.append(time.perf_counter() - before)
        answers.append(hits)
    await system.drain(30)
    return answers, taken


def fsyncs_a_second(folder: Path, seconds: float = 2.0) -> float:
    """How often a page can be appended to a file and synchronised, one after the other."""
    with tempfile.TemporaryFile(dir=folder) as file:
        count, before = 0, time.perf_counter()
        while time.perf_counter() - before < seconds:
            os.write(file.fileno(), bytes(4096))
            os.fdatasync(file.fileno())
            count += 1
        return count / (time.perf_counter() - before)


def p(quantile: float, taken: Seconds) -> float:
    """A quantile in milliseconds."""
    return float(np.quantile(taken, quantile)) * 1e3


def names(answers: list[Any]) -> list[list[tuple[str, float]]]:
    """Ids and scores of each answer, whichever side gave it."""
    found = []
    for answer in answers:
        hits = answer if isinstance(answer, list) else list(answer.hits)
        found.append([(hit.memory.id, hit.score) for hit in hits])
    return found


def main() -> int:
    """Print each figure beside its target; 1 when --strict and one was missed."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--size", type=int, default=100_000)
    parser.add_argument("--dimension", type=int, default=256)
    parser.add_argument("--seconds", type=float, default=10.0, help="of each part")
    parser.add_argument("--folder", type=Path, help="where the store lies; a temporary folder otherwise")
    parser.add_argument("--strict", action="store_true", help="a missed target is an error")
    options = parser.parse_args()
    n, d, seconds = options.size, options.dimension, options.seconds
    missed: list[str] = []

    def say(what: str, figure: str, *, good: bool) -> None:
        print(f"  {what:<58} {figure}{'' if good else '   MISSED'}", flush=True)
        if not good:
            missed.append(what)

    with tempfile.TemporaryDirectory(dir=options.folder, prefix="sfm-bench-") as name:
        folder = Path(name, "data")
        folder.mkdir()
        queries = vectors(COMPARED, d, 2)
        fsyncs = fsyncs_a_second(folder)
        print(f"N = {n:,}, D = {d}, k = {K}; {fsyncs:,.0f} fsyncs a second here")
        with serving(folder, d) as target:
            took, answers = asyncio.run(filled(target, n, d, queries))
            print(f"  filled by one stream in {took:.1f} s, {n / took:,.0f} a second")
        own, _ = asyncio.run(in_process(folder, d, queries))
        if names(answers) != names(own):
            raise SystemExit("the wire answers otherwise than the engine")
        print(f"  {COMPARED} answers over the wire equal those in process, scores to the last bit")
        _, alone = asyncio.run(in_process(folder, d, vectors(1000, d, 3)))
        with serving(folder, d) as target, ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
            wire = pool.submit(call, target, seconds, 1, "recall", d, 3).result()
            inside, over = p(0.95, alone), p(0.95, wire)
            say("recall p95, one client, against in process (≤ 2 × + 1 ms)", f"{over:.2f} ms : {inside:.2f} ms",
                good=over <= 2 * inside + 1)  # fmt: skip
            recalls = pool.submit(call, target, seconds, RECALLERS, "recall", d, 4).result()
            say(f"recall p95, {RECALLERS} clients (< 50 ms)", f"{p(0.95, recalls):.1f} ms, "
                f"{len(recalls) / seconds:,.0f} a second", good=p(0.95, recalls) < 50)  # fmt: skip
            stores = pool.submit(call, target, seconds, RECALLERS, "store", d, 5).result()
            say(f"store p95, {RECALLERS} clients (< 50 ms)", f"{p(0.95, stores):.1f} ms", good=p(0.95, stores) < 50)
            durable = pool.submit(call, target, seconds, STORERS, "store", d, 6).result()
            rate = len(durable) / seconds
            say(f"durable stores a second, {STORERS} clients (≥ 2,000)", f"{rate:,.0f}, {rate / fsyncs:.2f} a fsync",
                good=rate >= 2000)  # fmt: skip
            storing = pool.submit(call, target, seconds, STORERS, "store", d, 7)
            busy = pool.submit(call, target, seconds, 1, "recall", d, 8).result()
            meanwhile = len(storing.result()) / seconds
            say("recall p99 while storing, against idle (≤ 3 ×)", f"{p(0.99, busy):.1f} ms : {p(0.99, wire):.1f} ms, "
                f"median {statistics.median(busy) * 1e3:.1f} ms, {meanwhile:,.0f} stores a second",
                good=p(0.99, busy) <= 3 * p(0.99, wire))  # fmt: skip
    return int(bool(missed) and options.strict)


if __name__ == "__main__":
    sys.exit(main())
