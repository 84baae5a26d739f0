"""Brings a database to the schema of any version, as an upgrade that stopped there, or a downgrade, would have left it."""

from __future__ import annotations

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection


def up(connection: Connection, revision: str) -> None:
    """Run migrations up to a revision."""
    command.upgrade(_config(connection), revision)


def down(connection: Connection, revision: str) -> None:
    """Undo migrations down to a revision."""
    command.downgrade(_config(connection), revision)


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", "sfm:migrations")
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config
