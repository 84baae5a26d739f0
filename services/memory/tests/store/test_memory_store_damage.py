"""Whatever happens to the files, an answer is exact or there is none."""

from __future__ import annotations

import asyncio
import logging
import random
import sqlite3
from pathlib import Path

import pytest
from damage import flip, make, rounds, truncate
from memory_model import FUTURE, D, Model, build, image, new, running
from sfm.domain import Query, ScoreParameters
from sfm.errors import Damaged, NotReady
from sfm.store import sections


def test_flipped_bits_and_cut_files_never_lead_to_a_wrong_answer(tmp_path: Path) -> None:
    async def work() -> None:
        outcomes, wrong = await rounds(await make(tmp_path), 48, seed=7, root=tmp_path)
        assert wrong == []
        assert sum(outcomes.values()) == 48
        assert any("refused" in name for name in outcomes)

    asyncio.run(work())


async def filled(folder: Path) -> Model:
    model = Model()
    async with running(folder) as system:
        for tenant in ("t", "u"):
            for n in range(6):
                memory = new(f"m{n}", 1, tenant, idempotency_key=f"k{n}")
                model.put(memory)
                await system.store(memory)
                await system.get(tenant, f"m{n}")
    return model


def test_a_snapshot_with_a_flip_in_any_section_is_discarded_and_said_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def work() -> None:
        model = await filled(tmp_path / "whole")
        path = tmp_path / "whole" / "snapshot"
        whole = path.read_bytes()
        _, found = sections.read(path)
        assert len(found) > 25
        places = {"start": 3, "index length": 17, "index digest": 30, "index": 90}
        at = len(whole) - sum(map(len, found.values()))
        for name, data in found.items():
            places[f"section {name}"] = at + random.Random(name).randrange(len(data))
            at += len(data)
        for name, place in places.items():
            copy = image(tmp_path / "whole", tmp_path / "copy")
            flip(copy / "snapshot", place * 8 + 1)
            caplog.clear()
            with caplog.at_level(logging.WARNING, logger="sfm.store.restore"):
                async with running(copy) as system:
                    assert await model.differences(system, {"m9"}) == [], name
            assert "snapshot discarded" in caplog.text, name

    asyncio.run(work())


def test_a_log_that_lost_its_tail_is_noticed_and_the_loss_is_named(tmp_path: Path) -> None:
    async def work() -> None:
        async with running(tmp_path / "whole") as system:
            for n in range(8):
                await system.store(new(f"m{n}", 1))
            image(tmp_path / "whole", tmp_path / "cut")
        wal = tmp_path / "cut" / "memories.db-wal"
        flip(wal, (wal.stat().st_size - 100) * 8)
        system = build(tmp_path / "cut")
        with pytest.raises(Damaged, match=r"ends at change 7, but changes up to 8 .* changes 8 to 8 are lost"):
            await system.start()
        assert not system.ready
        assert "are lost" in system.why_not_ready
        with pytest.raises(NotReady, match="are lost"):
            await system.get("t", "m1")
        await system.drain(5)

    asyncio.run(work())


def test_a_lost_database_is_not_taken_for_a_new_one(tmp_path: Path) -> None:
    async def work() -> None:
        await filled(tmp_path)
        (tmp_path / "memories.db").unlink()
        with pytest.raises(Damaged, match="lost"):
            await build(tmp_path).start()

    asyncio.run(work())


@pytest.mark.parametrize("how", ["missing", "both slots"])
def test_without_a_mark_it_is_not_known_whether_all_is_there(tmp_path: Path, how: str) -> None:
    async def work() -> None:
        await filled(tmp_path)
        mark = tmp_path / "memories.db.acknowledged"
        if how == "missing":
            mark.unlink()
        else:
            flip(mark, 100)
            flip(mark, 4096 * 8 + 100)
        with pytest.raises(Damaged, match="acknowledged"):
            await build(tmp_path).start()

    asyncio.run(work())


def test_one_slot_of_the_mark_is_enough(tmp_path: Path) -> None:
    async def work() -> None:
        model = await filled(tmp_path / "whole")
        for slot in (0, 1):
            copy = image(tmp_path / "whole", tmp_path / "copy")
            flip(copy / "memories.db.acknowledged", slot * 4096 * 8 + 100)
            async with running(copy) as system:
                assert await model.differences(system, set()) == []

    asyncio.run(work())


@pytest.mark.parametrize(
    ("statement", "table"),
    [
        ("DELETE FROM memories WHERE id = 'm3'", "memories"),
        ("DELETE FROM tenants WHERE tenant = 'u'", "tenants"),
        ("DELETE FROM accesses WHERE id = 'm3'", "accesses"),
        ("DELETE FROM idempotency WHERE key = 'k3'", "idempotency"),
        ("UPDATE memories SET deleted = 1 WHERE id = 'm3'", "memories"),
        ("UPDATE memories SET payload = x'00' WHERE id = 'm3'", "memories"),
        ("UPDATE accesses SET count = count + 1 WHERE id = 'm3'", "accesses"),
        ("UPDATE head SET position = position + 1", "head"),
        ("DELETE FROM head", "head"),
        ("UPDATE memories SET raw_importance = 'much' WHERE id = 'm3'", "memories"),
        ("DROP TABLE idempotency", "idempotency"),
    ],
)
def test_rows_that_were_lost_or_altered_refuse_a_start_without_snapshot(
    tmp_path: Path, statement: str, table: str
) -> None:
    async def work() -> None:
        await filled(tmp_path)
        (tmp_path / "snapshot").unlink()
        with sqlite3.connect(tmp_path / "memories.db") as database:
            assert database.execute(statement).rowcount != 0
        database.close()
        with pytest.raises(Damaged, match=table):
            await build(tmp_path).start()

    asyncio.run(work())


def test_a_row_put_back_to_an_older_state_is_never_answered(tmp_path: Path) -> None:
    """Such a row has a good checksum of its own; memory knows which one it should be."""

    async def work() -> None:
        async with running(tmp_path) as system:
            await system.store(new("a", 1))
            await system.store(new("b", 1))
            with sqlite3.connect(tmp_path / "memories.db") as database:
                old = database.execute("SELECT * FROM memories WHERE id = 'a'").fetchone()
            await system.store(new("a", 2))
            with sqlite3.connect(tmp_path / "memories.db") as database:
                database.execute(f"REPLACE INTO memories VALUES ({','.join('?' * len(old))})", old)
            with pytest.raises(Damaged):
                await system.get("t", "a")
            asked = Query(
                tenant="t",
                vector=new("a", 2).vector,
                k=1,
                parameters=ScoreParameters(),
                as_of=FUTURE,
                with_payloads=True,
            )
            with pytest.raises(Damaged):
                await system.recall(asked)
            assert (await system.get("t", "b")).payload == new("b", 1).payload

    asyncio.run(work())


def test_another_dimension_is_refused(tmp_path: Path) -> None:
    async def work() -> None:
        await filled(tmp_path)
        system = type(build(tmp_path))(build(tmp_path)._settings.model_copy(update={"dimension": D + 1}), None, None)
        with pytest.raises(Damaged, match="dimension"):
            await system.start()

    asyncio.run(work())


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    async def work() -> None:
        await filled(tmp_path)
        truncate(tmp_path / "memories.db", 4096)
        flip(tmp_path / "memories.db", 3)
        with pytest.raises(Damaged):
            await build(tmp_path).start()

    asyncio.run(work())
