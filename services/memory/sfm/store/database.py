"""The database: SQLite in a file, or PostgreSQL by its DSN; the same statements for both.

One connection writes, one commit at a time; reads take others. The head is moved by each commit from the position that this
process knows, so a second writer is noticed before anything of it is mixed with ours.
"""

from __future__ import annotations

import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Collection, Sequence
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from pathlib import Path
from typing import TypeAlias, TypeVar

from sqlalchemy import Connection, Select, event, select, text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from sfm.errors import Damaged
from sfm.store import migrate, tables
from sfm.store.failures import Away, judged
from sfm.store.lock import FolderLock
from sfm.store.plan import KnownKeys, Name, Plan
from sfm.store.rows import TABLE_OF, EventRow, Head, KeyRow, MemoryRow, Row, head_values, verified, verified_head
from sfm.store.statements import Statements, known_keys
from sfm.store.writer import AsyncWriter, ThreadWriter, Writer, prepare

T = TypeVar("T")
PAGE = 2048
"""Rows that a scan fetches at once."""
ADVISORY_LOCK = 0x50F4_3E30
"""Number of PostgreSQL's advisory lock that the writer holds."""

Pages: TypeAlias = AbstractAsyncContextManager[AsyncGenerator[Sequence[Row], None]]
"""Rows of a scan; whoever leaves the block early gives the connection back at once."""


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
        self._lock = FolderLock(self.path.with_name(self.path.name + ".lock")) if self.path else None
        self._writer: Writer = ThreadWriter(parsed) if self.embedded else AsyncWriter(self._engine)
        self._statements = Statements(embedded=self.embedded)

    async def open(self, dimension: int) -> Head:
        """Connect, lock, migrate; make the head of a database that has none.

        Raises:
            Away, Damaged.
        """

        def work(connection: Connection) -> None:
            if self.embedded:
                connection.exec_driver_sql("BEGIN IMMEDIATE")  # SQLite's driver begins none before DDL
            migrate.upgrade(connection)
            if not connection.execute(select(tables.head)).all():
                for table in tables.metadata.tables.values():
                    if connection.execute(select(table).limit(1)).first() is not None:
                        raise Damaged(f"table head is empty, but table {table.name} is not; restore from a backup")
                fresh = Head(lineage=uuid.uuid4().hex, dimension=dimension)
                connection.execute(self._statements.upserts[tables.head], [head_values(fresh)])
            connection.commit()

        await self._write("migrating the database", work)
        return await self.head()

    async def head(self) -> Head:
        """The head as the database has it now, by the writing connection."""

        def work(connection: Connection) -> Head:
            found = connection.execute(select(tables.head)).mappings().all()
            connection.rollback()
            if len(found) != 1:
                raise Damaged(f"table head has {len(found)} rows instead of 1; restore from a backup")
            return verified_head(dict(found[0]))

        return await self._write("reading the head", work)

    async def commit(self, names: Collection[Name], since: int, planned: Callable[[KnownKeys], Plan]) -> Plan:
        """Look idempotency keys up, have a plan made of what is known of them, and commit it: all of it or nothing.

        After Away it is not known which; compare the head. An empty plan leaves everything as it is.

        Args:
            names: of keys. Without any nothing is looked up.
            since: with them, the oldest of the keys that were made before this are looked up, at most EXPIRED_AT_ONCE.
            planned: computes only; may be called in another thread.

        Raises:
            Away, Refused, Damaged.
        """

        def work(connection: Connection) -> Plan:
            plan = planned(known_keys(connection, names, since) if names else KnownKeys())
            if plan.empty:
                connection.rollback()
            else:
                self._statements.write(connection, plan)
                connection.commit()
            return plan

        return await self._write("writing", work)

    async def memories(self, tenant: str, ids: Collection[str]) -> dict[str, MemoryRow]:
        """Rows of live memories by id, verified by their checksums; those that are not there are left out.

        Raises:
            Away, Damaged.
        """
        table = tables.memories
        query = select(table).where(table.c.tenant == tenant, table.c.id.in_(list(ids)), table.c.deleted == 0)
        with judged("reading memories"):
            async with self._engine.connect() as connection:
                found = (await connection.execute(query)).all()
            rows = [verified(values, MemoryRow) for values in found]
        return {row.id: row for row in rows}

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

    def scan(self, kind: type[Row], after: int | None = None) -> Pages[Row]:
        """Every row of a table, or those written after a position, verified, in pages.

        Raises:
            Away, Damaged.
        """
        table = tables.metadata.tables[TABLE_OF[kind]]
        return aclosing(
            self._pages(select(table) if after is None else select(table).where(table.c.position > after), kind)
        )

    def keys(self) -> Pages[KeyRow]:
        """Every idempotency key, verified, in pages.

        In SQLite they are read in the order of the tree in which a key is looked up, which is all that there is of the table: if
        they stand in order, and none is missing, then each is found when it is asked for.

        Raises:
            Away, Damaged.
        """
        return aclosing(self._keys())

    async def _keys(self) -> AsyncGenerator[Sequence[KeyRow], None]:
        table = tables.idempotency
        query = select(table).order_by(table.c.tenant, table.c.key) if self.embedded else select(table)
        last: Name | None = None
        async with aclosing(self._pages(query, KeyRow)) as pages:
            async for page in pages:
                for row in page if self.embedded else ():
                    name = (row.tenant, row.key)
                    if last is not None and last >= name:
                        raise Damaged(f"table idempotency, row {row.tenant!r} {row.key!r}: it is not in its place")
                    last = name
                yield page

    async def _pages(self, query: Select[tuple[object, ...]], kind: type[Row]) -> AsyncGenerator[Sequence[Row], None]:
        with judged(f"reading table {TABLE_OF[kind]}"):
            async with self._engine.connect() as connection, connection.stream(query) as result:
                async for page in result.partitions(PAGE):
                    yield [verified(values, kind) for values in page]

    async def purge(self, position: int) -> None:
        """Remove the places of memories that were deleted up to a position that a durable snapshot has taken note of."""
        table = tables.memories

        def work(connection: Connection) -> None:
            connection.execute(table.delete().where(table.c.deleted == 1, table.c.position <= position))
            connection.commit()

        await self._write("removing deleted memories", work)

    async def _write(self, doing: str, work: Callable[[Connection], T]) -> T:
        """By the writing connection; it is given up when anything goes wrong, since it may stand in the middle of a transaction."""
        await self._connect()
        async with self._dropped_on_error():
            with judged(doing):
                return await self._writer.run(work)

    async def _connect(self) -> None:
        if self._writer.connected:
            return
        await self._drop()
        async with self._dropped_on_error():
            with judged("connecting to the database"):
                if self._lock:
                    self._lock.take()
                await self._writer.connect()
            if not self.embedded:
                with judged("locking the database"):
                    alone = await self._writer.run(_locked)
                if not alone:
                    raise Away("another process serves this database")

    @asynccontextmanager
    async def _dropped_on_error(self) -> AsyncIterator[None]:
        try:
            yield
        except BaseException:
            await self._drop()
            raise

    async def _drop(self) -> None:
        with judged("closing a connection"):
            await self._writer.drop()

    async def close(self) -> None:
        """Close all connections."""
        with judged("closing a connection"):
            await self._writer.close()
        await self._engine.dispose()
        if self._lock:
            self._lock.release()


def _engine(url: str, *, embedded: bool) -> AsyncEngine:
    if not embedded:
        return create_async_engine(
            url, pool_pre_ping=True, connect_args={"server_settings": {"synchronous_commit": "on"}}
        )
    engine = create_async_engine(url)
    event.listen(engine.sync_engine, "connect", prepare)
    return engine


def _locked(connection: Connection) -> bool:
    alone = connection.execute(text("SELECT pg_try_advisory_lock(:n)"), {"n": ADVISORY_LOCK}).scalar()
    connection.commit()
    return bool(alone)
