"""What the store's tests share: systems over real files, and a plain model of what they should hold."""

from __future__ import annotations

import math
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from common.config.settings import load
from sfm.domain import Memory, NewMemory, Query, ScoreParameters
from sfm.errors import Damaged, MemoryNotFound
from sfm.system import MemorySystem, MemorySystemBuilder

D = 8
FUTURE = 4_000_000_000_000_000


def build(folder: Path, **settings: object) -> MemorySystem:
    """A system over a folder, not started."""
    return MemorySystemBuilder(
        load(data_dir=folder, dimension=D, **{"default_timeout_seconds": 20.0, **settings})
    ).build()


@asynccontextmanager
async def running(folder: Path, **settings: object) -> AsyncIterator[MemorySystem]:
    """A started system, drained at the end."""
    system = build(folder, **settings)
    await system.start()
    try:
        yield system
    finally:
        await system.drain(10)


def new(id: str, version: int, tenant: str = "t", **more: object) -> NewMemory:
    """A memory whose whole content follows from its id and version."""
    rng = np.random.default_rng([*id.encode(), version])
    return NewMemory(
        tenant=tenant,
        id=id,
        vector=rng.standard_normal(D).astype(np.float32),
        raw_importance=float(rng.normal()),
        created=int(rng.integers(0, 1_000_000_000)),
        payload=f"{id}:{version}".encode() * int(rng.integers(1, 20)),
        metadata={"version": version, "id": id, "parity": version % 2 == 0, "deep": {"list": [version, None]}},
        **more,  # type: ignore[arg-type]
    )


def same(found: Memory, expected: NewMemory) -> bool:
    """Whether a memory is what was stored, to the last bit; vectors as unit rows."""
    unit = expected.vector.astype(np.float64) / math.sqrt(sum(float(x) ** 2 for x in expected.vector))
    return (
        found.id == expected.id
        and found.payload == expected.payload
        and found.raw_importance == expected.raw_importance
        and found.created == expected.created
        and found.metadata == expected.metadata
        and bool(np.abs(found.vector - unit).max() < 1e-7)
    )


def best(memories: list[NewMemory], query: np.ndarray, k: int, filter: dict[str, object]) -> list[tuple[str, float]]:
    """Brute force, by the formula."""
    scored = []
    for m in memories:
        if not all(name in m.metadata and m.metadata[name] == value for name, value in filter.items()):
            continue
        v, q = m.vector.astype(np.float64), query.astype(np.float64)
        score = max(0.0, float(v @ q) / math.sqrt(float(v @ v) * float(q @ q))) / (1 + math.exp(-m.raw_importance))
        if score > 0:
            scored.append((m.id, score))
    return sorted(scored, key=lambda item: (-item[1], item[0]))[:k]


@dataclass
class Model:
    """What should be there, by tenant and id."""

    memories: dict[str, dict[str, NewMemory]] = field(default_factory=dict)

    def put(self, memory: NewMemory) -> bool:
        """Whether one was replaced."""
        mine = self.memories.setdefault(memory.tenant, {})
        replaced = memory.id in mine
        mine[memory.id] = memory
        return replaced

    async def differences(self, system: MemorySystem, ids: set[str]) -> list[str]:
        """Where answers are wrong, or refused."""
        wrong, refusals = await self.judged(system, ids)
        return [*wrong, *(["refused as damaged"] * refusals)]

    async def judged(self, system: MemorySystem, ids: set[str]) -> tuple[list[str], int]:
        """Where answers are wrong, and how many were refused because of damage."""
        wrong, refusals = [], 0
        for tenant, expected in self.memories.items():
            for id in sorted(ids | expected.keys()):
                try:
                    found = await system.get(tenant, id)
                except MemoryNotFound:
                    if id in expected:
                        wrong.append(f"{tenant}/{id} is gone")
                except Damaged:
                    refusals += 1
                else:
                    if id not in expected or not same(found, expected[id]):
                        wrong.append(f"{tenant}/{id} is {found}")
            for seed in range(3):
                filter = {"parity": True} if seed == 2 else {}
                query = np.random.default_rng(seed).standard_normal(D).astype(np.float32)
                wanted = best(list(expected.values()), query, 5, filter)
                asked = Query(
                    tenant=tenant,
                    vector=query,
                    k=5,
                    parameters=ScoreParameters(),
                    as_of=FUTURE,
                    filter=filter,
                    with_payloads=seed == 1,
                )
                try:
                    hits, _ = await system.recall(asked)
                except Damaged:
                    refusals += 1
                    continue
                got = [(hit.memory.id, hit.score) for hit in hits]
                if [id for id, _ in got] != [id for id, _ in wanted] or any(
                    abs(a - b) > 1e-6 for (_, a), (_, b) in zip(got, wanted, strict=True)
                ):
                    wrong.append(f"recall {seed} of {tenant}: {got} instead of {wanted}")
                if seed == 1 and any(hit.memory.payload != expected[hit.memory.id].payload for hit in hits):
                    wrong.append(f"payloads of recall of {tenant}")
        return wrong, refusals


def image(folder: Path, target: Path) -> Path:
    """A copy of all files as they lie now, as after a power loss at a quiet moment."""
    shutil.rmtree(target, ignore_errors=True)
    return Path(shutil.copytree(folder, target))
