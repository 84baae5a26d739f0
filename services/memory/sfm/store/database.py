"""The database: SQLite in a file, or PostgreSQL by its DSN; the same statements for both.

One connection writes, one commit at a time; reads take others. The head is moved by each commit from the position that this
process knows, so a second writer is noticed before anything of it is mixed with ours.
"""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Table, bindparam, event, select, text, tuple_
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from sfm.errors import Damaged
from sfm.store import migrate, tables
from sfm.store.failures import Away, judged
from sfm.store.lock import FolderLock
from sfm.store.plan import Name, Plan
from sfm.store.rows import TABLE_OF, EventRow, Head, MemoryRow, Row, head_values, verified, verified_head

PAGE = 2048
"""Rows that a scan fetches at once."""
ADVISORY_LOCK = 0x50F4_3E30
"""Number of PostgreSQL's advisory lock that the writer holds."""


class Database:
    """One database, of one history.

    Args:
        url: for SQLAlchemy, with an asynchronous driver.
    """

    def __init__(self, url: str) -> None:
        parsed = make_url(url)
        self.embedded = parsed.get_backend_name() == "sqlite"
        self.path = Path(parsed.database or "") if self.embedded else None
        self._engine = _engine(url, embedded=self.embedded)
        insert = sqlite.insert if self.embedded else postgresql.insert
        self._upserts = {table: _upsert(insert(table), table) for table in tables.metadata.tables.values()}
        self._deletes = {table: _delete(table) for table in (tables.accesses, tables.idempotency)}
        self._move = tables.head.update().where(tables.head.c.id == 1, tables.head.c.position == bindparam("known"))
        self._lock = FolderLock(self.path.with_name(self.path.name + ".lock")) if self.path else None
        self._writer: AsyncConnection | None = None

    async def open(self, dimension: int) -> Head:
        """Connect, lock, migrate; make the head of a database that has none.

        Raises:
            Away, Damaged.
        """
        async with self._writing("migrating the database") as writer:
            if self.embedded:
                await writer.exec_driver_sql("BEGIN IMMEDIATE")  # SQLite's driver begins none before DDL
            await writer.run_sync(migrate.upgrade)
            found = (await writer.execute(select(tables.head))).mappings().all()
            if not found:
                for table in tables.metadata.tables.values():
                    if (await writer.execute(select(table).limit(1))).first() is not None:
                        raise Damaged(f"table head is empty, but table {table.name} is not; restore from a backup")
                await writer.execute(
                    self._upserts[tables.head], [head_values(Head(lineage=uuid.uuid4().hex, dimension=dimension))]
                )
            await writer.commit()
        return await self.head()

    async def head(self) -> Head:
        """The head as the database has it now, by the writing connection."""
        async with self._writing("reading the head") as writer:
            found = (await writer.execute(select(tables.head))).mappings().all()
            await writer.rollback()
        if len(found) != 1:
            raise Damaged(f"table head has {len(found)} rows instead of 1; restore from a backup")
        return verified_head(dict(found[0]))

    async def write(self, plan: Plan) -> None:
        """Commit a plan: all of it or nothing. After Away it is not known which; compare the head.

        Raises:
            Away, Refused, Damaged.
        """
        async with self._writing("writing") as writer:
            await self._write(writer, plan)
            await writer.commit()

    async def _write(self, writer: AsyncConnection, plan: Plan) -> None:
        values = head_values(plan.after)
        moved = await writer.execute(self._move.values(**values), {"known": plan.before.position})
        if moved.rowcount != 1:
            raise Damaged("another process has changed the database; this one knows only the older state: restart it")
        for table, rows in (
            (tables.tenants, plan.tenants.values()),
            (tables.memories, plan.memories.values()),
            (tables.accesses, plan.accesses.values()),
            (tables.idempotency, plan.keys.values()),
            (tables.outbox, plan.events),
        ):
            if rows:
                await writer.execute(self._upserts[table], [row._asdict() for row in rows])
        for table, gone in ((tables.accesses, plan.accesses_gone), (tables.idempotency, plan.keys_gone)):
            if gone:
                await writer.execute(
                    self._deletes[table], [{"first": first, "second": second} for first, second in gone]
                )
        if plan.published:
            told = tables.outbox.c.position <= plan.published.position
            removed = await writer.execute(tables.outbox.delete().where(told))
            if removed.rowcount != plan.published.count:
                raise Damaged(
                    f"table outbox: {removed.rowcount} rows up to {plan.published.position} instead of {plan.published.count}"
                )

    async def memories(self, names: Collection[Name]) -> dict[Name, MemoryRow]:
        """Rows of live memories, verified by their checksums; those that are not there are left out.

        Raises:
            Away, Damaged.
        """
        table = tables.memories
        query = select(table).where(tuple_(table.c.tenant, table.c.id).in_(list(names)), table.c.deleted == 0)
        with judged("reading memories"):
            async with self._engine.connect() as connection:
                found = (await connection.execute(query)).all()
            rows = [verified(values, MemoryRow) for values in found]
        return {(row.tenant, row.id): row for row in rows}

    async def events(self, after: int, most: int) -> list[EventRow]:
        """The oldest rows of the outbox beyond a position, in order, verified.

        Raises:
            Away, Damaged.
        """
        table = tables.outbox
        query = select(table).where(table.c.position > after).order_by(table.c.position).limit(most)
        with judged("reading the outbox"):
            async with self._engine.connect() as connection:
                found = (await connection.execute(query)).all()
            return [verified(values, EventRow) for values in found]

    async def scan(self, kind: type[Row], after: int | None = None) -> AsyncIterator[Sequence[Row]]:
        """Every row of a table, or those written after a position, verified, in pages.

        Raises:
            Away, Damaged.
        """
        table = tables.metadata.tables[TABLE_OF[kind]]
        query = select(table) if after is None else select(table).where(table.c.position > after)
        with judged(f"reading table {table.name}"):
            async with self._engine.connect() as connection, connection.stream(query) as result:
                async for page in result.partitions(PAGE):
                    yield [verified(values, kind) for values in page]

    async def purge(self, position: int) -> None:
        """Remove the places of memories that were deleted up to a position that a durable snapshot has taken note of."""
        table = tables.memories
        async with self._writing("removing deleted memories") as writer:
            await writer.execute(table.delete().where(table.c.deleted == 1, table.c.position <= position))
            await writer.commit()

    @asynccontextmanager
    async def _writing(self, doing: str) -> AsyncIterator[AsyncConnection]:
        """The writing connection; given up when anything goes wrong, since it may stand in the middle of a transaction."""
        writer = await self._connected()
        try:
            with judged(doing):
                yield writer
        except BaseException:
            await self._drop_writer()
            raise

    async def _connected(self) -> AsyncConnection:
        if self._writer is not None and not self._writer.closed and not self._writer.invalidated:
            return self._writer
        await self._drop_writer()
        with judged("connecting to the database"):
            if self._lock:
                self._lock.take()
            writer = await self._engine.connect()
        self._writer = writer
        if not self.embedded:
            with judged("locking the database"):
                alone = (await writer.execute(text("SELECT pg_try_advisory_lock(:n)"), {"n": ADVISORY_LOCK})).scalar()
                await writer.commit()
            if not alone:
                await self._drop_writer()
                raise Away("another process serves this database")
        return writer

    async def _drop_writer(self) -> None:
        """Give the connection up, whatever state it is in: the next use makes a new one."""
        writer, self._writer = self._writer, None
        if writer is not None:
            with judged("closing a connection"):
                await writer.invalidate()
                await writer.close()

    async def close(self) -> None:
        """Close all connections."""
        await self._drop_writer()
        await self._engine.dispose()
        if self._lock:
            self._lock.release()


def _engine(url: str, *, embedded: bool) -> AsyncEngine:
    if not embedded:
        return create_async_engine(
            url, pool_pre_ping=True, connect_args={"server_settings": {"synchronous_commit": "on"}}
        )
    engine = create_async_engine(url)

    @event.listens_for(engine.sync_engine, "connect")
    def _prepare(connection: Any, _: object) -> None:
        cursor = connection.cursor()
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "cell_size_check=ON", "busy_timeout=10000"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    return engine


def _upsert(insert: Any, table: Table) -> Any:
    key = [column.name for column in table.primary_key]
    others = {column.name: insert.excluded[column.name] for column in table.columns if column.name not in key}
    return insert.on_conflict_do_update(index_elements=key, set_=others)


def _delete(table: Table) -> Any:
    first, second = table.primary_key.columns
    return table.delete().where(first == bindparam("first"), second == bindparam("second"))
