"""What a failure of the database means: it is away and may come back, it refuses what it was given, or it is damaged."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from alembic.util.exc import CommandError
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from sfm.errors import Damaged

PRIMARY = 0xFF
"""The part of SQLite's result codes that names the class of an error."""
AWAY = frozenset(
    {
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_INTERRUPT,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_PROTOCOL,
    }
)
REFUSED = frozenset({sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_MISMATCH, sqlite3.SQLITE_TOOBIG})
REFUSED_STATES = ("22", "23")
"""SQLSTATE classes: data exception, integrity constraint violation."""
DAMAGED_STATE = "XX"
"""SQLSTATE class: internal error, data or index corrupted."""


class Away(Exception):
    """The database cannot be reached, or cannot write, for now."""


class Refused(Exception):
    """The database will not take this change, however often it is tried."""


@contextmanager
def judged(doing: str) -> Iterator[None]:
    """Turn what database drivers raise into Away, Refused or Damaged.

    Args:
        doing: for the message.
    """
    try:
        yield
    except DBAPIError as error:
        raise _judge(error, doing) from error
    except (OSError, TimeoutError) as error:
        raise Away(f"{doing}: {error or type(error).__name__}") from error
    except (SQLAlchemyError, CommandError, TypeError, ValueError, OverflowError) as error:
        # A column whose value is not of the column's type, or a schema that is not the one of the migrations.
        raise Damaged(f"{doing}: the database holds what was never written there: {error}") from error


def _judge(error: DBAPIError, doing: str) -> Exception:
    said = f"{doing}: {error.orig}"
    state = getattr(error.orig, "sqlstate", None) or getattr(error.orig, "pgcode", None)
    if isinstance(error.orig, sqlite3.Error):
        code = getattr(error.orig, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & PRIMARY
        if code in AWAY:
            return Away(said)
        return Refused(said) if code in REFUSED else Damaged(said)
    if state and state.startswith(REFUSED_STATES):
        return Refused(said)
    return Damaged(said) if state and state.startswith(DAMAGED_STATE) else Away(said)
