"""Flips bits in what a store has on the disk and judges the answers afterwards. As a command:

python services/memory/tests/store/damage.py ROUNDS [SEED]
"""

from __future__ import annotations

import asyncio
import random
import shutil
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from memory_model import Model, build, image, new, running
from sfm.domain import Stored
from sfm.errors import Damaged, IdempotencyConflict

IDS = {f"m{n}" for n in range(30)}


@dataclass
class Scene:
    """A folder as it lies on the disk, and what it holds.

    Attributes:
        stored: stores with idempotency keys, and their answers.
        accesses: how often memories of tenant t were read.
    """

    folder: Path
    model: Model
    stored: list[tuple[str, int, str, Stored]]
    accesses: dict[str, int]


async def make(root: Path) -> list[Scene]:
    """Two scenes: closed in good order with a snapshot; and cut off, with a log and an older snapshot."""
    model, stored, folder = Model(), [], root / "making"
    async with running(folder) as system:
        await change(system, model, stored, range(20))
    async with running(folder) as system:
        await change(system, model, stored, range(10, 30))
        for n in range(5):
            model.memories["t"].pop(f"m{n}")
            await system.delete("t", f"m{n}")
        accesses = {f"m{n}": n % 3 for n in range(10, 30)}
        for id, count in accesses.items():
            for _ in range(count):
                await system.get("t", id)
        cut = image(folder, root / "cut")
    return [Scene(cut, model, stored, {}), Scene(folder, model, stored, accesses)]


async def change(system, model: Model, stored: list[tuple[str, int, str, Stored]], numbers: range) -> None:  # type: ignore[no-untyped-def]
    """Store in groups and one by one, a third of them with keys."""
    for tenant in ("t", "u"):
        requests = [
            new(
                f"m{n}",
                numbers.start,
                tenant,
                idempotency_key=f"k{n}-{numbers.start}" if n % 3 == 0 and tenant == "t" else "",
            )
            for n in numbers
        ]
        for memory, answer in zip(requests, await asyncio.gather(*map(system.store, requests)), strict=True):
            model.put(memory)
            if memory.idempotency_key:
                stored.append((memory.id, numbers.start, memory.idempotency_key, answer))


def flip(path: Path, position: int) -> None:
    """Turn one bit of a file around; `position` counts bits."""
    data = bytearray(path.read_bytes())
    data[position // 8] ^= 1 << position % 8
    path.write_bytes(data)


def truncate(path: Path, size: int) -> None:
    """Cut a file off."""
    with path.open("r+b") as file:
        file.truncate(size)


async def judge(scene: Scene, folder: Path) -> tuple[str, list[str]]:
    """Start on a damaged folder: how it takes it, and what it answers wrongly.

    Refusing to answer, by a Damaged at start or at a call, is right. So is the exact answer. Nothing else is.
    """
    system = build(folder)
    try:
        await system.start()
    except Damaged:
        assert not system.ready
        return "refused", []
    try:
        wrong, refusals = [], 0
        for id, count in scene.accesses.items():
            try:
                found = (await system.get("t", id)).access_count
            except Damaged:
                refusals += 1
                continue
            if found != count:
                wrong.append(f"{id} was read {found} times, not {count}")
        differences, more = await scene.model.judged(system, IDS)
        wrong += differences
        for id, version, key, answer in scene.stored:
            try:
                again = await system.store(new(id, version, idempotency_key=key))
            except Damaged:
                refusals += 1
                break
            except IdempotencyConflict as error:
                wrong.append(str(error))
                continue
            if again != answer:
                wrong.append(f"key {key}: {again} instead of {answer}")
        try:
            await system.store(new("later", 1))
        except Damaged:
            refusals += 1
        return "answers in part, exactly" if refusals + more else "answers all, exactly", wrong
    finally:
        await system.drain(5)


async def rounds(scenes: list[Scene], count: int, seed: int, root: Path) -> tuple[Counter[str], list[str]]:
    """Damage files in turn, at random places, one bit a round or a tail cut off now and then."""
    rng = random.Random(seed)
    outcomes: Counter[str] = Counter()
    wrong: list[str] = []
    for number in range(count):
        scene = scenes[number % len(scenes)]
        copy = image(scene.folder, root / "damaged")
        files = sorted(path for path in copy.iterdir() if path.stat().st_size and path.suffix not in {".lock"})
        path = files[(number // len(scenes)) % len(files)]
        if path.name != "snapshot" and rng.random() < 0.5:
            (copy / "snapshot").unlink()
        size = path.stat().st_size
        position = rng.randrange(size * 8)
        cut = rng.random() < 0.1
        if cut:
            truncate(path, position // 8)
        else:
            flip(path, position)
        what = f"{path.name}: {'cut at byte' if cut else 'bit'} {position // 8 if cut else position}"
        try:
            outcome, found = await judge(scene, copy)
        except Exception as error:
            outcome, found = "error", [repr(error)]
        outcomes[f"{path.name}: {outcome}"] += 1
        wrong += [f"{what}: {one}" for one in found]
    return outcomes, wrong


async def main(count: int, seed: int) -> int:
    """Report; the exit status tells whether anything was answered wrongly."""
    root = Path(tempfile.mkdtemp(prefix="sfm-damage-"))
    try:
        outcomes, wrong = await rounds(await make(root), count, seed, root)
    finally:
        shutil.rmtree(root)
    for name, number in sorted(outcomes.items()):
        print(f"{number:6} {name}")
    print(f"{count} rounds, seed {seed}: {len(wrong)} wrong answers")
    print("\n".join(wrong[:20]))
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(asyncio.run(main(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 1)))
