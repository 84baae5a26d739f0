"""How Alembic reaches the database: by the connection that it was handed, or else by the settings."""

from __future__ import annotations

import asyncio

from alembic import context
from common.config.settings import load
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from sfm.store import tables


def run(connection: Connection) -> None:
    """Run the migrations that were asked for in one transaction."""
    context.configure(connection=connection, target_metadata=tables.metadata, transactional_ddl=True)
    with context.begin_transaction():
        context.run_migrations()


async def connect_and_run() -> None:
    """For the `alembic` command."""
    engine = create_async_engine(load().database, poolclass=NullPool)
    async with engine.connect() as connection:
        await connection.run_sync(run)
        await connection.commit()
    await engine.dispose()


if context.is_offline_mode():
    context.configure(url=load().database, target_metadata=tables.metadata, literal_binds=True)
    with context.begin_transaction():
        context.run_migrations()
elif (given := context.config.attributes.get("connection")) is not None:
    run(given)
else:
    asyncio.run(connect_and_run())
