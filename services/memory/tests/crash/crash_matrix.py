"""Kills a storing process by SIGKILL at random moments and judges what is there afterwards. As a command:

    python services/memory/tests/crash/crash_matrix.py ROUNDS [SEED]

Each round goes on from the files that the kill left behind. The process tells of every answer in a file; what it told of
must be there, exactly, once. What it did not tell of may be there or not, but only as it was asked for.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any

import numpy as np
from common.config.settings import load
from sfm.domain import NewMemory, Query, ScoreParameters
from sfm.errors import InvalidField, MemoryNotFound
from sfm.system import MemorySystem, MemorySystemBuilder

D = 16
WRITERS = 12
IDS_OF_A_WRITER = 6
LONGEST_SECONDS = 0.9
"""Until the kill."""
OPENED = 0.5
"""The share of rounds in which the time counts from when the store is open, and not from the start of the process."""
OPENED_WITHIN = 60.0
FUTURE = 4_000_000_000_000_000


def build(folder: Path) -> MemorySystem:
    """With small groups and frequent snapshots, so that kills fall into everything."""
    return MemorySystemBuilder(
        load(data_dir=folder, dimension=D, commit_batch=8, snapshot_every_changes=60, upkeep_seconds=0.05)
    ).build()


def memory(id: str, version: int) -> NewMemory:
    """Its whole content follows from id and version."""
    rng = np.random.default_rng([*id.encode(), version])
    return NewMemory(
        tenant=f"t{int(id.split('.', maxsplit=1)[0]) % 2}",
        id=id,
        vector=rng.standard_normal(D).astype(np.float32),
        raw_importance=float(rng.normal()),
        created=version,
        payload=f"{id}:{version};".encode() * int(rng.integers(1, 60)),
        metadata={"version": version},
        idempotency_key=f"{id}:{version}",
    )


def deletes(version: int) -> bool:
    """Every seventh version of a memory is that it is gone."""
    return version % 7 == 6


def storing(folder: str, versions: dict[str, int], answers: str) -> None:
    """The process that gets killed: stores and deletes without end, and tells of every answer."""
    file = os.open(answers, os.O_WRONLY | os.O_APPEND)

    def tell(*what: Any) -> None:
        os.write(file, json.dumps(what).encode() + b"\n")

    async def writer(system: MemorySystem, number: int, rng: random.Random) -> None:
        while True:
            id = f"{number}.{rng.randrange(IDS_OF_A_WRITER)}"
            version = versions[id] = versions.get(id, 0) + 1
            new = memory(id, version)
            if deletes(version):
                await system.delete(new.tenant, id)
                tell(id, version, 0)
            else:
                tell(id, version, (await system.store(new)).sequence)
            if rng.random() < 0.2:
                try:
                    await system.get(new.tenant, id)
                except MemoryNotFound:
                    assert deletes(version)

    async def work() -> None:
        system = build(Path(folder))
        await system.start()
        tell("started", 0, 0)
        await asyncio.gather(
            *(writer(system, number, random.Random(number + time.time_ns())) for number in range(WRITERS))
        )

    asyncio.run(work())


@dataclass
class Told:
    """What was acknowledged: the version of each id, and the answers to stores with their keys."""

    versions: dict[str, int] = field(default_factory=dict)
    sequences: dict[tuple[str, int], int] = field(default_factory=dict)
    started: int = 0
    answers: int = 0


def kill_one(context: ForkServerContext, folder: Path, told: Told, seconds: float, *, opened: bool) -> None:
    """Run the process for a while, counted from its start or from when its store is open; kill it; take in what it told."""
    answers = folder.with_name("answers")
    answers.write_bytes(b"")
    process = context.Process(target=storing, args=(str(folder), told.versions, str(answers)))
    process.start()
    deadline = time.monotonic() + OPENED_WITHIN
    while opened and not answers.stat().st_size and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(seconds)
    assert process.pid is not None
    assert process.is_alive(), "the process ended by itself"
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    for line in answers.read_bytes().split(b"\n")[:-1]:
        id, version, sequence = json.loads(line)
        if id == "started":
            told.started += 1
            continue
        told.answers += 1
        told.versions[id] = version
        if sequence:
            told.sequences[id, version] = sequence


async def judge(folder: Path, told: Told) -> list[str]:
    """What is wrong with the files. Brings `told` up to what is there, since the next process goes on from that."""
    system = build(folder)
    await system.start()
    wrong: list[str] = []
    sequences: Counter[tuple[str, int]] = Counter()
    live: dict[str, dict[str, NewMemory]] = {"t0": {}, "t1": {}}
    for number in range(WRITERS):
        for which in range(IDS_OF_A_WRITER):
            id = f"{number}.{which}"
            known = told.versions.get(id, 0)
            tenant = memory(id, 0).tenant
            try:
                found = await system.get(tenant, id)
            except (MemoryNotFound, InvalidField):  # the latter while its tenant has no memory yet
                here = next((v for v in (known, known + 1) if deletes(v) or not v), None)
                if here is None:
                    wrong.append(f"{id}: version {known} was acknowledged and is gone")
                    continue
            else:
                here = int(found.metadata["version"])
                expected = memory(id, here)
                live[tenant][id] = expected
                sequences[tenant, found.sequence] += 1
                unit = expected.vector.astype(np.float64) / np.linalg.norm(expected.vector.astype(np.float64))
                if (
                    found.payload != expected.payload
                    or found.raw_importance != expected.raw_importance
                    or found.created != here
                    or np.abs(found.vector - unit).max() > 1e-7
                ):
                    wrong.append(f"{id}: version {here} is not as it was stored")
                if told.sequences.get((id, here), found.sequence) != found.sequence:
                    wrong.append(f"{id}: version {here} has sequence {found.sequence}, another one was told")
            if not known <= here <= known + 1:
                wrong.append(f"{id}: is at version {here}, {known} was acknowledged")
            told.versions[id] = max(known, here)
    wrong += [f"sequence {name} stands at {count} memories" for name, count in sequences.items() if count > 1]
    wrong += await _searches(system, live)
    wrong += await _keys(system, told)
    await system.drain(10)
    return wrong


async def _searches(system: MemorySystem, live: dict[str, dict[str, NewMemory]]) -> list[str]:
    wrong = []
    for tenant, memories in live.items():
        if not memories:
            continue
        if (await system.stats(tenant)).total_vectors != len(memories):
            wrong.append(f"{tenant}: {(await system.stats(tenant)).total_vectors} memories instead of {len(memories)}")
        vectors = np.array([m.vector for m in memories.values()], np.float64)
        vectors /= np.linalg.norm(vectors, axis=1)[:, None]
        importance = 1 / (1 + np.exp(-np.array([m.raw_importance for m in memories.values()])))
        query = np.random.default_rng(0).standard_normal(D)
        scores = np.maximum(vectors @ (query / np.linalg.norm(query)), 0) * importance
        ids = list(memories)
        expected = [ids[at] for at in np.argsort(-scores) if scores[at] > 0][:10]
        asked = Query(
            tenant=tenant,
            vector=query.astype(np.float32),
            k=10,
            parameters=ScoreParameters(),
            as_of=FUTURE,
            with_payloads=True,
        )
        hits, _ = await system.recall(asked)
        if [hit.memory.id for hit in hits] != expected:
            wrong.append(f"{tenant}: recall finds {[hit.memory.id for hit in hits]} instead of {expected}")
        if any(hit.memory.payload != memories[hit.memory.id].payload for hit in hits if hit.memory.id in memories):
            wrong.append(f"{tenant}: recall has a wrong payload")
    return wrong


async def _keys(system: MemorySystem, told: Told) -> list[str]:
    """Repeat some stores: each must give its first answer, and change nothing."""
    wrong = []
    for (id, version), sequence in list(told.sequences.items())[-20:]:
        again = await system.store(memory(id, version))
        if again.sequence != sequence:
            wrong.append(f"{id}: version {version} was answered {sequence}, and now {again.sequence}")
    return wrong


def matrix(rounds: int, seed: int, root: Path) -> tuple[Told, list[str]]:
    """All rounds; what was told in all, and what is wrong."""
    rng = random.Random(seed)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["sfm.system"])
    told, wrong, folder = Told(), [], root / "store"
    for number in range(rounds):
        kill_one(context, folder, told, rng.uniform(0.02, LONGEST_SECONDS), opened=rng.random() < OPENED)
        if rng.random() < 0.5 and folder.exists():
            # Judge a copy: the next process starts from what the kill left, and not from what a good end made of it.
            copy = Path(shutil.copytree(folder, root / "copy"))
            wrong += [f"round {number}: {one}" for one in asyncio.run(judge(copy, told))]
            shutil.rmtree(copy)
        else:
            wrong += [f"round {number}: {one}" for one in asyncio.run(judge(folder, told))]
        if wrong:
            break
    return told, wrong


def main(rounds: int, seed: int) -> int:
    """Report; the exit status tells whether anything is wrong."""
    root = Path(tempfile.mkdtemp(prefix="sfm-crash-"))
    began = time.perf_counter()
    told, wrong = matrix(rounds, seed, root)
    print(
        f"{rounds} kills, {rounds - told.started} of them before the store was open; {told.answers} acknowledged changes; "
        f"{len(wrong)} wrong; seed {seed}; {time.perf_counter() - began:.0f} s"
    )
    print("\n".join(wrong[:20]))
    if not wrong:
        shutil.rmtree(root)
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 1))
