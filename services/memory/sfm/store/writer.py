"""The one connection that writes. What it is to do is handed over as a whole, as a function of a plain connection.

A transaction of SQLite so costs one hand-over to the connection's own thread, however many statements it has; asyncpg, which
has no threads, runs the same function by awaiting at each statement.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol, TypeVar

from sqlalchemy import Connection, create_engine, event
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlalchemy.pool import NullPool

T = TypeVar("T")
PRAGMAS = ("journal_mode=WAL", "synchronous=FULL", "cell_size_check=ON", "busy_timeout=10000")


class Writer(Protocol):
    """A connection that is made when it is first needed, and again after it was dropped. One call at a time."""

    @property
    def connected(self) -> bool:
        """Whether there is a connection that is not known to be broken."""

    async def connect(self) -> None:
        """Make the connection."""

    async def run(self, work: Callable[[Connection], T]) -> T:
        """Do something on it. `work` may run in another thread, and must end its transaction itself."""

    async def drop(self) -> None:
        """Give the connection up, in whatever state it is; waits for what still runs on it."""

    async def close(self) -> None:
        """Drop it for good. More than once is no harm."""


class ThreadWriter:
    """SQLite's: a connection, and a thread that nothing else uses it from."""

    def __init__(self, url: URL) -> None:
        self._engine = create_engine(url.set(drivername="sqlite"), poolclass=NullPool)
        event.listen(self._engine, "connect", prepare)
        self._thread = ThreadPoolExecutor(1, "writer")
        self._connection: Connection | None = None
        self._closed = False

    @property
    def connected(self) -> bool:
        """See Writer."""
        return self._connection is not None and not self._connection.invalidated

    async def connect(self) -> None:
        """See Writer."""

        def made() -> None:
            self._connection = self._engine.connect()

        await self._in_thread(made)

    async def run(self, work: Callable[[Connection], T]) -> T:
        """See Writer."""
        connection = self._connection
        if connection is None:
            raise OSError("the writing connection is gone")
        return await self._in_thread(lambda: work(connection))

    async def drop(self) -> None:
        """See Writer."""

        def dropped() -> None:
            connection, self._connection = self._connection, None
            if connection is not None:
                _discard(connection)

        await self._in_thread(dropped)

    async def close(self) -> None:
        """See Writer."""
        if not self._closed:
            self._closed = True
            await self.drop()
            self._thread.shutdown()

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)


class AsyncWriter:
    """PostgreSQL's.

    Args:
        engine: shared with those who read; closed by its owner.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._connection: AsyncConnection | None = None

    @property
    def connected(self) -> bool:
        """See Writer."""
        return self._connection is not None and not self._connection.closed and not self._connection.invalidated

    async def connect(self) -> None:
        """See Writer."""
        self._connection = await self._engine.connect()

    async def run(self, work: Callable[[Connection], T]) -> T:
        """See Writer."""
        if self._connection is None:
            raise OSError("the writing connection is gone")
        return await self._connection.run_sync(work)

    async def drop(self) -> None:
        """See Writer."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.invalidate()
            await connection.close()

    async def close(self) -> None:
        """See Writer."""
        await self.drop()


def prepare(connection: Any, _: object) -> None:
    """Set a new connection to SQLite, by whatever driver, to durable commits and to look at what it reads."""
    cursor = connection.cursor()
    for pragma in PRAGMAS:
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _discard(connection: Connection) -> None:
    connection.invalidate()
    connection.close()
