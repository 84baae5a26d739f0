"""One temporary folder a run, in which all the others of that run stand; what a killed run left goes with the next run.

The folder is the run's own as long as it holds the lock of a file inside, which the operating system frees however the
process and its workers end. A process id would not do: it may be another process's by now.
"""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from strictreal.errors import StrictRealError
from strictreal.evidence import disk

PREFIX = "strictreal-run-"
CLAIM = ".alive"
_ATTEMPTS = 5


@contextmanager
def folder() -> Iterator[Path | None]:
    """The temporary folder of this process until the block ends; before that, those of dead runs are removed.

    Inside, `tempfile` puts everything there. None where no folder can be made: each then goes where it always would.
    """
    outer = tempfile.tempdir
    home = Path(tempfile.gettempdir())
    sweep(home)
    made = _claimed(home)
    if made is None:
        yield None
        return
    path, claim = made
    tempfile.tempdir = str(path)
    try:
        yield path
    finally:
        tempfile.tempdir = outer
        shutil.rmtree(path, ignore_errors=True)
        os.close(claim)


def sweep(home: Path) -> None:
    """Remove this user's folders of runs that have ended. What is not surely one of those stays."""
    with suppress(OSError):
        for path in home.iterdir():
            if path.name.startswith(PREFIX) and _is_own(path):
                _remove_if_dead(path)


def _is_own(path: Path) -> bool:
    try:
        status, claim = os.lstat(path), os.lstat(path / CLAIM)
    except OSError:
        return False
    ours = status.st_uid == claim.st_uid == os.geteuid()
    return ours and stat.S_ISDIR(status.st_mode) and stat.S_ISREG(claim.st_mode)


def _remove_if_dead(path: Path) -> None:
    with suppress(OSError, StrictRealError):
        claim = disk.try_lock(path / CLAIM)
        if claim is not None:
            shutil.rmtree(path, ignore_errors=True)
            os.close(claim)


def _claimed(home: Path) -> tuple[Path, int] | None:
    """A new folder and the descriptor that holds its lock. Another run may sweep it before it is locked: then again."""
    for _ in range(_ATTEMPTS):
        try:
            path = Path(tempfile.mkdtemp(prefix=PREFIX, dir=home))
            claim = disk.try_lock(path / CLAIM)
            if claim is None:
                continue
            if os.path.lexists(path / CLAIM) and os.path.samestat(os.fstat(claim), os.lstat(path / CLAIM)):
                return path, claim
            os.close(claim)
        except (OSError, StrictRealError):
            return None
    return None
