"""Rows as they lie in the database, and their checksums.

A checksum is the first 128 bits of SHA-256 over the row's canonical bytes, the name of its table among them. A CRC of 32 bits
would let one random damage in 4·10⁹ pass, and is linear: damage that strikes a row and its checksum alike can cancel. Here
nothing short of 2⁻¹²⁸ passes, for 4 µs a row, which is little beside the milliseconds of a durable commit.

The sum of all checksums of a table modulo 2¹²⁸ stands in `head`; it is brought up to date by adding what is new and
subtracting what is replaced, and tells when a whole row is missing, doubled or old.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, TypeVar

import numpy as np

from sfm.errors import Damaged

CHECKSUM_BYTES = 16
MODULUS = 1 << (8 * CHECKSUM_BYTES)


class Head(NamedTuple):
    """How far the journal has come.

    Attributes:
        lineage: names this history; a snapshot or mark of another is of no use.
        position: number of the last commit's last change, from 0.
    """

    lineage: str
    dimension: int
    position: int = 0
    tenants_sum: int = 0
    memories_sum: int = 0
    accesses_sum: int = 0
    idempotency_sum: int = 0
    outbox_sum: int = 0


class TenantRow(NamedTuple):
    """A tenant: it exists from its first store on. `sequence` is the number of its last change."""

    tenant: str
    position: int
    sequence: int
    checksum: bytes = b""


class MemoryRow(NamedTuple):
    """A memory; a deleted one keeps its place with nothing in it.

    Attributes:
        vector: little-endian float32 of the unit row.
        metadata, features: canonical JSON.
    """

    tenant: str
    id: str
    position: int
    sequence: int
    deleted: int
    vector: bytes
    raw_importance: float
    created: int
    payload: bytes
    metadata: str
    features: str
    checksum: bytes = b""


class AccessRow(NamedTuple):
    """When a memory was last read, in microseconds, and how often."""

    tenant: str
    id: str
    position: int
    accessed: int
    count: int  # type: ignore[assignment]  # tuple.count is never called
    checksum: bytes = b""


class KeyRow(NamedTuple):
    """The answer to a store that had an idempotency key, and the digest of the request."""

    tenant: str
    key: str
    position: int
    request: bytes
    id: str
    sequence: int
    replaced: int
    importance: float
    created: int
    checksum: bytes = b""


class EventRow(NamedTuple):
    """A change that is to be told.

    Attributes:
        digest: of the content, see sfm.events; empty for a deletion.
        made: when it was committed, in microseconds since the epoch.
    """

    position: int
    tenant: str
    id: str
    sequence: int
    deleted: int
    digest: bytes
    made: int
    checksum: bytes = b""


Row = TypeVar("Row", TenantRow, MemoryRow, AccessRow, KeyRow, EventRow)
TABLE_OF: dict[type[Any], str] = {
    TenantRow: "tenants",
    MemoryRow: "memories",
    AccessRow: "accesses",
    KeyRow: "idempotency",
    EventRow: "outbox",
}


def checksum(row: Sequence[Any], kind: type[Any]) -> bytes:
    """Of a row's fields up to its checksum. Each value is preceded by its type and length, so no two rows share bytes.

    Raises:
        TypeError, UnicodeEncodeError, struct.error: a value is of no type that a row may hold.
    """
    shape, pieces = [kind.__name__], []
    for value in row[: len(kind._fields) - 1]:
        if type(value) is str:
            data = value.encode()
            shape.append(f"s{len(data)}")
        elif type(value) is bytes:
            data = value
            shape.append(f"b{len(data)}")
        elif type(value) is int:
            data = b""
            shape.append(f"i{value}")
        elif type(value) is float:
            data = struct.pack("<d", value)
            shape.append("f")
        else:
            raise TypeError(f"{type(value).__name__} in a row of {TABLE_OF[kind]}")
        pieces.append(data)
    return hashlib.sha256(b"".join((" ".join(shape).encode(), *pieces))).digest()[:CHECKSUM_BYTES]


def sealed(row: Row) -> Row:
    """The row with its checksum."""
    return row._replace(checksum=checksum(row, type(row)))


def verified(values: Sequence[Any], kind: type[Row]) -> Row:
    """A row as read, once its checksum agrees.

    Raises:
        Damaged: names the table and the row.
    """
    row = kind._make(values)
    try:
        good = checksum(row, kind) == row.checksum
    except (TypeError, UnicodeEncodeError, struct.error):
        good = False
    if not good:
        raise Damaged(f"table {TABLE_OF[kind]}, row {row[0]!r} {row[1]!r}: its checksum does not fit what it holds")
    return row


def head_values(head: Head) -> dict[str, Any]:
    """The columns of the head's row."""
    sums = {
        name: value.to_bytes(CHECKSUM_BYTES, "big") for name, value in head._asdict().items() if name.endswith("_sum")
    }
    return {"id": 1, **head._asdict(), **sums, "checksum": head_checksum(head)}


def head_checksum(head: Head) -> bytes:
    """Over all of its fields. An empty outbox is left out, as in heads from before there was one, which so stay good."""
    values = tuple(head) if head.outbox_sum else tuple(head)[:-1]
    return hashlib.sha256(repr(values).encode()).digest()[:CHECKSUM_BYTES]


def verified_head(values: dict[str, Any]) -> Head:
    """The head as read.

    Raises:
        Damaged: its checksum does not agree.
    """
    try:
        read: dict[str, Any] = {
            name: int.from_bytes(values[name], "big") if name.endswith("_sum") else values[name]
            for name in Head._fields
        }
        head = Head(**read)
        good = head_checksum(head) == values["checksum"]
    except (TypeError, UnicodeEncodeError, ValueError):
        good = False
    if not good:
        raise Damaged("table head: its checksum does not fit what it holds; restore the database from a backup")
    return head


def total(checksums: Iterable[bytes]) -> int:
    """The sum of checksums modulo 2¹²⁸."""
    data = b"".join(checksums)
    if not data:
        return 0
    limbs = np.frombuffer(data, ">u4").reshape(-1, CHECKSUM_BYTES // 4).astype(np.uint64).sum(axis=0)
    return sum(int(limb) << (32 * power) for power, limb in enumerate(reversed(limbs))) % MODULUS


def moved(sum_: int, new: Iterable[bytes], old: Iterable[bytes]) -> int:
    """A table's sum after `new` rows have come in place of `old` ones."""
    return (sum_ + total(new) - total(old)) % MODULUS
