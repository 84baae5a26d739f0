"""Idempotency keys stay in the database: however many there are, memory holds none, and each is found, kept and let go of."""

from __future__ import annotations

import asyncio
import gc
import sqlite3
import types
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from damage import flip
from memory_model import FUTURE, D, build, image, new, running
from sfm.domain import Query, ScoreParameters
from sfm.errors import Damaged, IdempotencyConflict
from sfm.store import sections
from sfm.store.plan import EXPIRED_AT_ONCE, KnownKeys, Put, make
from sfm.store.rows import Head, KeyRow, head_values, moved, sealed, total, verified_head
from sfm.store.state import State
from sfm.system import MemorySystem
from sqlalchemy import event

OLD = 1_000_000
"""Microseconds since the epoch: long before any time at which a key is still kept."""


def reachable(root: object, kind: type) -> int:
    """How many objects of a kind can be come to from another one, whatever lies between, code and classes aside."""
    seen, waiting, found = {id(root)}, [root], 0
    while waiting:
        one = waiting.pop()
        found += isinstance(one, kind)
        for next_ in gc.get_referents(one):
            if id(next_) not in seen and not isinstance(next_, type | types.ModuleType | types.FunctionType):
                seen.add(id(next_))
                waiting.append(next_)
    return found


def in_table(folder: Path) -> int:
    with closing(sqlite3.connect(folder / "memories.db")) as database:
        return int(database.execute("SELECT count(*) FROM idempotency").fetchone()[0])


async def stored(system: MemorySystem, numbers: range) -> None:
    await asyncio.gather(*(system.store(new(f"m{n % 7}", 1, idempotency_key=f"k{n}")) for n in numbers))


def test_memory_holds_no_more_keys_after_many_stores_than_after_few(tmp_path: Path) -> None:
    async def work() -> None:
        async with running(tmp_path, commit_batch=16) as system:
            await stored(system, range(40))
            assert reachable(system, KeyRow) <= 16, "no more than one group's"
            await stored(system, range(40, 400))
            assert reachable(system, KeyRow) <= 16
            assert reachable([KeyRow("t", "k", 1, b"", "m", 1, 0, 0.5, 1)], KeyRow) == 1, "the count counts"
        assert in_table(tmp_path) == 400
        _, found = sections.read(tmp_path / "snapshot")
        assert {name.partition(".")[0] for name in found} == {"0"}, "sections of the one tenant alone"
        async with running(tmp_path) as system:
            assert reachable(system, KeyRow) == 0

    asyncio.run(work())


@pytest.mark.parametrize("how", ["drained", "cut off", "without snapshot"])
def test_after_a_restart_a_key_gives_the_first_answer_and_another_request_is_refused(tmp_path: Path, how: str) -> None:
    async def work() -> None:
        folder, once = tmp_path / "whole", new("a", 1, idempotency_key="k")
        async with running(folder) as system:
            first = await system.store(once)
            await system.store(new("a", 2))
            cut = image(folder, tmp_path / "cut")
        if how == "cut off":
            folder = cut
        if how == "without snapshot":
            (folder / "snapshot").unlink()
        async with running(folder) as system:
            with pytest.raises(IdempotencyConflict):
                await system.store(new("a", 3, idempotency_key="k"))
            assert await asyncio.gather(*(system.store(once) for _ in range(3))) == [first] * 3
            assert (await system.get("t", "a")).metadata["version"] == 2
            assert (await system.store(new("b", 1))).sequence == 3, "a repeated store is no change"

    asyncio.run(work())


def test_groups_of_many_tenants_and_keys_are_answered_each_by_its_own(tmp_path: Path) -> None:
    async def work() -> None:
        requests = [new("a", 1, tenant=f"t{n % 40}", idempotency_key=f"k{n // 40}") for n in range(600)]
        async with running(tmp_path, commit_batch=600) as system:
            first = await asyncio.gather(*map(system.store, requests))
            assert await asyncio.gather(*map(system.store, requests)) == first
            assert [answer.sequence for answer in first] == [n // 40 + 1 for n in range(600)]

    asyncio.run(work())


def plant(folder: Path, rows: list[KeyRow]) -> None:
    """Put rows of keys into a database as if they had been made there long ago."""
    with closing(sqlite3.connect(folder / "memories.db")) as database, database:
        cursor = database.execute("SELECT * FROM head")
        names = [column[0] for column in cursor.description]
        head = verified_head(dict(zip(names, cursor.fetchone(), strict=True)))
        rows = [sealed(row) for row in rows]
        after: Head = head._replace(idempotency_sum=moved(head.idempotency_sum, (row.checksum for row in rows), ()))
        database.executemany(f"INSERT INTO idempotency VALUES ({','.join('?' * len(KeyRow._fields))})", rows)
        values = head_values(after)
        database.execute(f"UPDATE head SET {', '.join(f'{name} = :{name}' for name in names)}", values)
    (folder / "memories.db.acknowledged").unlink()


def old(n: int, tenant: str = "t") -> KeyRow:
    return KeyRow(tenant, f"old{n}", 1, bytes(16), "gone", 1, 0, 0.5, OLD + n)


def test_expired_keys_go_a_bounded_number_at_a_time_and_mean_nothing_any_more(tmp_path: Path) -> None:
    async def work() -> None:
        async with running(tmp_path) as system:
            assert system.ready
        many = 2 * EXPIRED_AT_ONCE + 100
        plant(tmp_path, [old(n, "tu"[n % 2]) for n in range(many)])
        async with running(tmp_path) as system:
            await system.store(new("a", 1))
            assert in_table(tmp_path) == many, "without keys none is read"
            again = await system.store(new("b", 1, tenant="u", idempotency_key=f"old{many - 1}"))
            assert (again.id, again.sequence) == ("b", 1), "an expired key is as good as new"
            assert in_table(tmp_path) == many - EXPIRED_AT_ONCE
            await system.store(new("c", 1, idempotency_key="k1"))
            assert in_table(tmp_path) == many - 2 * EXPIRED_AT_ONCE + 1
            await system.store(new("d", 1, idempotency_key="k2"))
            assert in_table(tmp_path) == 3
        (tmp_path / "snapshot").unlink()
        async with running(tmp_path) as system:
            assert await system.store(new("b", 1, tenant="u", idempotency_key=f"old{many - 1}")) == again

    asyncio.run(work())


@pytest.mark.parametrize(("since", "goes"), [(OLD + 6, True), (OLD + 5, False)])
def test_what_was_read_as_expired_goes_only_if_it_is(since: int, goes: bool) -> None:
    """An index that is damaged may bring rows that are not old."""
    row = sealed(old(5))
    state = State(Head(lineage="x", dimension=D, idempotency_sum=total([row.checksum])))
    plan = make(state, [put("k")], OLD + 7, KnownKeys(expired=[row]), since, outbox=False)
    assert plan.keys_gone == ({("t", "old5")} if goes else set())
    left = [plan.keys["t", "k"].checksum, *([] if goes else [row.checksum])]
    assert plan.after.idempotency_sum == total(left)


def put(key: str) -> Put:
    return Put("t", "a", bytes(4 * D), 0.0, 0.5, 1, b"", "{}", "{}", key, bytes(16))


def test_a_row_of_a_key_that_was_altered_while_it_is_served_is_never_answered_from(tmp_path: Path) -> None:
    async def work() -> None:
        once = new("a", 1, idempotency_key="k")
        async with running(tmp_path) as system:
            await system.store(once)
            with closing(sqlite3.connect(tmp_path / "memories.db")) as database, database:
                assert database.execute("UPDATE idempotency SET sequence = 9 WHERE key = 'k'").rowcount == 1
            with pytest.raises(Damaged, match="table idempotency, row 't' 'k'"):
                await system.store(once)
            assert not system.ready

    asyncio.run(work())


def test_a_flipped_bit_in_any_part_of_a_row_of_a_key_is_found(tmp_path: Path) -> None:
    """The same bytes also stand in the index by time, and in free space; a flip there must change no answer."""

    async def work() -> None:
        whole, once = tmp_path / "whole", new("m0", 1, idempotency_key="k77")
        async with running(whole) as system:
            await stored(system, range(77))
            first = await system.store(once)
            await stored(system, range(78, 200))
        path = whole / "memories.db"
        with closing(sqlite3.connect(path)) as database:
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            row = database.execute("SELECT request, checksum FROM idempotency WHERE key = 'k77'").fetchone()
        for part in (b"tk77", *row):
            refused = []
            for at in places(path.read_bytes(), part):
                copy = image(whole, tmp_path / "copy")
                flip(copy / "memories.db", (at + 2) * 8 + 1)
                try:
                    async with running(copy) as system:
                        assert await system.store(once) == first
                except Damaged as error:
                    refused.append(str(error))
            assert refused
            assert all("table idempotency" in said for said in refused), refused

    asyncio.run(work())


def places(data: bytes, part: bytes) -> Iterator[int]:
    at = data.find(part)
    while at >= 0:
        yield at
        at = data.find(part, at + 1)


def test_rows_that_stand_where_they_are_not_looked_for_refuse_the_start(tmp_path: Path) -> None:
    """All of them are there, and good by their checksums; but a search would pass some by, and a store be made twice."""

    async def work() -> None:
        async with running(tmp_path) as system:
            for key in ("a", "B", "c", "D"):
                await system.store(new("m", 1, idempotency_key=key))
        with closing(sqlite3.connect(tmp_path / "memories.db", isolation_level=None)) as database:
            rows = database.execute("SELECT * FROM idempotency").fetchall()
            schema = database.execute("SELECT sql FROM sqlite_master WHERE name = 'idempotency'").fetchone()[0]
            database.execute("DELETE FROM idempotency")
            otherwise = schema.replace('"key" VARCHAR(128)', '"key" VARCHAR(128) COLLATE NOCASE')
            assert otherwise != schema
            redefine(database, otherwise)
        with closing(sqlite3.connect(tmp_path / "memories.db", isolation_level=None)) as database:
            database.executemany(f"INSERT INTO idempotency VALUES ({','.join('?' * len(KeyRow._fields))})", rows)
            redefine(database, schema)
        with closing(sqlite3.connect(tmp_path / "memories.db")) as database:
            hidden = [
                row
                for row in rows
                if not database.execute("SELECT 1 FROM idempotency WHERE tenant = 't' AND key = ?", row[1:2]).fetchone()
            ]
            assert hidden
        refusing = build(tmp_path)
        engine = refusing._store._database._engine.sync_engine
        event.listen(engine, "connect", lambda *_: kept.append("opened"))
        event.listen(engine, "close", lambda *_: kept.append("closed"))
        with pytest.raises(Damaged, match="it is not in its place"):
            await refusing.start()

    kept: list[str] = []
    asyncio.run(work())
    assert kept.count("closed") == kept.count("opened") > 0, "whoever stops reading halfway gives the connection back"


def redefine(database: sqlite3.Connection, sql: str) -> None:
    database.execute("PRAGMA writable_schema = ON")
    database.execute("UPDATE sqlite_master SET sql = ? WHERE name = 'idempotency'", (sql,))


def test_no_call_reads_a_whole_table(tmp_path: Path) -> None:
    """What a call costs would otherwise grow with all that is stored. The head is one row."""

    async def work() -> None:
        said: set[str] = set()

        def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
            said.add(statement)

        async with running(tmp_path) as system:
            database = system._store._database
            event.listen(database._engine.sync_engine, "before_cursor_execute", note)
            event.listen(database._writer._engine, "before_cursor_execute", note)  # type: ignore[attr-defined]
            requests = [new(f"m{n}", 1, tenant="tu"[n % 2], idempotency_key=f"k{n}") for n in range(20)]
            await asyncio.gather(*map(system.store, requests))
            await system.get("t", "m2")
            asked = Query(
                tenant="t",
                vector=new("m2", 1).vector,
                k=5,
                parameters=ScoreParameters(),
                as_of=FUTURE,
                with_payloads=True,
            )
            assert len((await system.recall(asked))[0]) > 1
            await system.delete("t", "m2")
        assert len(said) > 6
        for statement, plan in explained(tmp_path, said):
            assert "SCAN" not in plan.replace("SCAN head", ""), f"{statement}: {plan}"

    asyncio.run(work())


def explained(folder: Path, statements: set[str]) -> Iterator[tuple[str, str]]:
    with closing(sqlite3.connect(folder / "memories.db")) as database:
        for statement in statements:
            if statement.startswith(("SELECT", "UPDATE", "DELETE")):
                marks = [None] * statement.count("?")
                plan = database.execute(f"EXPLAIN QUERY PLAN {statement}", marks).fetchall()
                yield statement, "; ".join(row[3] for row in plan)
