"""One process a database. The state in memory is complete only while nobody else writes."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from sfm.store.failures import Away


class FolderLock:
    """A lock on a file, which the kernel lets go of when the process ends, however it ends."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: int | None = None

    def take(self) -> None:
        """Take the lock, or raise Away when another process has it."""
        if self._file is not None:
            return
        file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(file)
            raise Away(f"{self.path} is locked: another process serves this database") from error
        self._file = file

    def release(self) -> None:
        """Let go."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
