"""Checks are pure: while one runs, files, processes and sockets are out of its reach.

Python's audit events tell of every open, spawn and connection, whichever library does it. The hook is installed once and
does nothing outside a check. Clock and environment raise no event; checks/ is linted for their modules instead.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

_FORBIDDEN = (
    "open",
    "os.",
    "subprocess.",
    "socket.",
    "shutil.",
    "import",
    "ctypes.",
    "exec",
    "glob.",
    "sqlite3.",
    "urllib.",
)
_judging = ""
_installed = False


class ImpureCheckError(BaseException):
    """A check reached beyond its facts. Not an `Exception`, so that the check cannot swallow it."""


@contextmanager
def pure(check: str) -> Iterator[None]:
    """Refuse file, process and network access inside the block, on behalf of `check`.

    Raises:
        RuntimeError: the block tried anyway; the message names the access.
    """
    global _judging, _installed
    if not _installed:
        sys.addaudithook(_refuse)
        _installed = True
    outer, _judging = _judging, check
    try:
        yield
    except ImpureCheckError as error:
        raise RuntimeError(str(error)) from None
    finally:
        _judging = outer


def _refuse(event: str, arguments: tuple[object, ...]) -> None:
    if _judging and event.startswith(_FORBIDDEN):
        raise ImpureCheckError(f"{_judging} is not pure: it tried {event} {arguments[0]!r}"[:200])
