"""The high-water mark: how far changes have been acknowledged, kept apart from the database.

SQLite drops the tail of a write-ahead log from the first frame on whose checksum is bad, and says nothing. So the position of
every commit is written here, and synced, before anybody is told that it is durable. A database that ends before the mark has
lost what was acknowledged. Two slots are written in turn, in different disk blocks: a write cut short by a power loss spoils
one of them, and the other says what was acknowledged before.
"""

from __future__ import annotations

import hashlib
import os
import struct
from pathlib import Path
from typing import NamedTuple

from sfm.errors import Damaged
from sfm.store.rows import CHECKSUM_BYTES, Head, head_checksum

SLOT_BYTES = 4096
_SLOT = struct.Struct("<8s32sq16s")
_MAGIC = b"sfm-mark"


class Acknowledged(NamedTuple):
    """The newest slot: position in a lineage, and the checksum of the head there."""

    lineage: str
    position: int
    head: bytes


class Mark:
    """The file of the mark. Only `write` is called by several threads, one at a time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: int | None = None
        self._turn = 0

    def read(self) -> Acknowledged | None:
        """The newest readable slot; None when there is no file.

        Raises:
            Damaged: no slot is readable.
        """
        try:
            data = self.path.read_bytes()
        except FileNotFoundError:
            return None
        slots = [found for at in (0, SLOT_BYTES) if (found := _decoded(data[at : at + SLOT_BYTES])) is not None]
        if not slots:
            raise Damaged(f"{self.path}: no slot is readable, so it is not known what was acknowledged")
        return max(slots, key=lambda slot: slot.position)

    def check(self, head: Head) -> None:
        """Compare the database's head with what was acknowledged.

        Raises:
            Damaged: the database is behind, or of another history; or has changes and the mark is missing.
        """
        found = self.read()
        if found is None:
            if head.position:
                raise Damaged(
                    f"{self.path} is missing, so it is not known whether the database still has all that was acknowledged"
                )
            return
        if found.lineage != head.lineage and not found.position:
            return
        if found.lineage != head.lineage:
            raise Damaged(
                f"the database begins a new history, {head.lineage}, but {found.position} changes of {found.lineage} were "
                f"acknowledged ({self.path}): they are lost"
            )
        if head.position < found.position:
            raise Damaged(
                f"the database ends at change {head.position}, but changes up to {found.position} were acknowledged: changes "
                f"{head.position + 1} to {found.position} are lost"
            )
        if head.position == found.position and head_checksum(head) != found.head:
            raise Damaged(f"the database at change {head.position} is not what was acknowledged there")

    def open(self, head: Head) -> None:
        """Begin anew at `head`, both slots alike."""
        fresh = self.path.with_name(self.path.name + ".new")
        with fresh.open("wb") as file:
            file.write(_encoded(head) * 2)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self.path)
        sync_folder(self.path.parent)
        self.close()
        self._file = os.open(self.path, os.O_WRONLY | os.O_CLOEXEC)

    def write(self, head: Head) -> None:
        """Note that all up to `head` is about to be acknowledged; returns when that is on the disk."""
        if self._file is None:
            raise Damaged(f"{self.path} is not open")
        os.pwrite(self._file, _encoded(head), self._turn * SLOT_BYTES)
        os.fdatasync(self._file)
        self._turn = 1 - self._turn

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


def sync_folder(folder: Path) -> None:
    """Make names in a folder durable."""
    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def _encoded(head: Head) -> bytes:
    data = _SLOT.pack(_MAGIC, head.lineage.encode(), head.position, head_checksum(head))
    return (data + hashlib.sha256(data).digest()[:CHECKSUM_BYTES]).ljust(SLOT_BYTES, b"\0")


def _decoded(slot: bytes) -> Acknowledged | None:
    data, checksum = slot[: _SLOT.size], slot[_SLOT.size : _SLOT.size + CHECKSUM_BYTES]
    if hashlib.sha256(data).digest()[:CHECKSUM_BYTES] != checksum:
        return None
    _, lineage, position, head = _SLOT.unpack(data)
    return Acknowledged(lineage.decode(), position, head)
