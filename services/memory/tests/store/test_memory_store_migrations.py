"""What an earlier version left, in its schema and with its snapshot, is served on as it was."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
import schema
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from memory_model import Model, new, running
from sfm.domain import Stored
from sfm.errors import IdempotencyConflict
from sfm.store import sections, tables
from sqlalchemy import create_engine

TABLES = ("head", "tenants", "memories", "accesses", "idempotency", "outbox")


def as_of(revision: str, source: Path, target: Path) -> None:
    """Copy all rows into a database that was only brought to an earlier revision."""
    engine = create_engine(f"sqlite:///{target}")
    with engine.begin() as connection:
        schema.up(connection, revision)
    engine.dispose()
    with closing(sqlite3.connect(target)) as database, database:
        database.execute("ATTACH ? AS source", (str(source),))
        for table in TABLES:
            names = [row[1] for row in database.execute(f"PRAGMA main.table_info({table})")]
            columns = ", ".join(f'"{name}"' for name in names)
            if names:
                database.execute(f"INSERT INTO main.{table} ({columns}) SELECT {columns} FROM source.{table}")


def with_keys(path: Path) -> None:
    """A snapshot as it was written when snapshots held keys."""
    about, found = sections.read(path)
    columns = {"tenant.text": b"t\0t", "key.text": b"k1\0k2", "position.<i8": bytes(16), "checksum.binary": bytes(32)}
    sections.write(
        path,
        about,
        [*found.items(), *((f"shared.keys.{name}", data) for name, data in columns.items())],
    )


async def filled(folder: Path) -> tuple[Model, Stored]:
    model = Model()
    async with running(folder) as system:
        for n in range(60):
            memory = new(f"m{n % 20}", n, "tu"[n % 2], idempotency_key=f"k{n}")
            model.put(memory)
            answer = await system.store(memory)
            await system.get(memory.tenant, memory.id)
    return model, answer


@pytest.mark.parametrize("snapshot", ["with keys in it", "missing"])
@pytest.mark.parametrize("revision", ["0001", "0002"])
def test_a_database_of_an_earlier_version_keeps_its_memories_and_keys(
    tmp_path: Path, revision: str, snapshot: str
) -> None:
    async def work() -> None:
        model, answer = await filled(tmp_path)
        as_of(revision, tmp_path / "memories.db", tmp_path / "earlier.db")
        for name in ("memories.db-wal", "memories.db-shm"):
            (tmp_path / name).unlink(missing_ok=True)
        (tmp_path / "earlier.db").replace(tmp_path / "memories.db")
        if snapshot == "missing":
            (tmp_path / "snapshot").unlink()
        else:
            with_keys(tmp_path / "snapshot")
        for start in range(2):
            async with running(tmp_path) as system:
                used = system._store.snapshot_position > 0
                assert used == (start > 0 or snapshot != "missing")
                assert await system.store(new("m19", 59, "u", idempotency_key="k59")) == answer
                with pytest.raises(IdempotencyConflict):
                    await system.store(new("m19", 60, "u", idempotency_key="k59"))
                assert await model.differences(system, set()) == []

    asyncio.run(work())


def test_the_migrations_make_the_tables_that_are_described(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'memories.db'}")
    with engine.begin() as connection:
        schema.up(connection, "head")
        assert compare_metadata(MigrationContext.configure(connection), tables.metadata) == []
    engine.dispose()


def test_a_downgrade_leaves_what_an_upgrade_to_there_makes_and_every_row(tmp_path: Path) -> None:
    asyncio.run(filled(tmp_path))

    def described(path: Path) -> set[tuple[str, str]]:
        with closing(sqlite3.connect(path)) as database:
            found = database.execute("SELECT name, sql FROM sqlite_master WHERE tbl_name = 'idempotency'").fetchall()
        return {(name, " ".join((sql or "").split())) for name, sql in found}

    def rows(path: Path) -> list[tuple[object, ...]]:
        with closing(sqlite3.connect(path)) as database:
            return database.execute("SELECT * FROM idempotency ORDER BY tenant, key").fetchall()

    path = tmp_path / "memories.db"
    as_of("0002", path, tmp_path / "earlier.db")
    before = rows(path)
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        schema.down(connection, "0002")
    engine.dispose()
    assert described(path) == described(tmp_path / "earlier.db")
    assert rows(path) == rows(tmp_path / "earlier.db") == before
