"""Checks are pure: while one runs, files, processes and sockets are out of its reach.

Python's audit events tell of every open, spawn and connection, whichever library does it. The hook is installed once
and does nothing outside a check. Clock and environment raise no event: their modules are refused in checks/ by
tests/test_imports.py instead.
"""

from __future__ import annotations

import gc
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_FORBIDDEN = (
    "open",
    "os.",
    "subprocess.",
    "socket.",
    "shutil.",
    "tempfile.",
    "import",
    "ctypes.",
    "exec",
    "glob.",
    "sqlite3.",
    "urllib.",
    "mmap.",
    "time.sleep",
    "builtins.input",
)
_judging = ""
_bystanders: frozenset[int] = frozenset()
"""Threads that ran before the check began, and are none of its doing."""
_breach = ""
_installed = False


class ImpureCheckError(BaseException):
    """A check reached beyond its facts. Not an `Exception`, so that it stops the check at once."""


@contextmanager
def pure(check: str) -> Iterator[None]:
    """Refuse file, process and network access inside the block, on behalf of `check`.

    Raises:
        RuntimeError: the block tried anyway, and be it that it swallowed the refusal; the message names the access.
    """
    global _judging, _breach, _bystanders, _installed
    if not _installed:
        sys.addaudithook(_refuse)
        _installed = True
    outer = _judging, _breach, _bystanders
    running = frozenset(sys._current_frames())
    collecting = gc.isenabled()
    gc.disable()  # what others left behind must not be cleaned up, files and all, at the check's expense
    _judging, _breach, _bystanders = check, "", running - {threading.get_ident()}
    try:
        yield
    except BaseException:
        if not _breach:
            raise
    finally:
        left = sys._current_frames().keys() - running
        breach = _breach or (f"{check} is not pure: it left a thread running" if left else "")
        _judging, _breach, _bystanders = outer
        if collecting:
            gc.enable()
    if breach:
        raise RuntimeError(breach)


def _refuse(event: str, arguments: tuple[object, ...]) -> None:
    global _breach
    if _judging and event.startswith(_FORBIDDEN) and threading.get_ident() not in _bystanders:
        what = "".join(f" {argument!r}" for argument in arguments[:1])
        _breach = _breach or f"{_judging} is not pure: it tried {event}{what}"[:200]
        raise ImpureCheckError(_breach)
