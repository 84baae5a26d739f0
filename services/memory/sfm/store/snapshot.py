"""Everything that memory holds of a state, as a file: a start reads it and then only what was changed since.

Snapshots of an earlier version hold idempotency keys too, in sections of a group "shared"; those are passed over.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sfm.errors import Damaged
from sfm.store import sections
from sfm.store.rows import CHECKSUM_BYTES, AccessRow, Head
from sfm.store.state import Record, State, View

SEPARATOR = "\0"
"""Stands between texts; ids and tenants may not contain it, and JSON has it escaped."""
PART = 1 << 16
"""Rows whose vectors are copied at once while a snapshot is written."""


class TenantImage(NamedTuple):
    """One tenant at one moment."""

    name: str
    sequence: int
    position: int
    checksum: bytes
    records: dict[str, Record]
    persisted: dict[str, AccessRow]
    view: View


class Image(NamedTuple):
    """A state at one moment; nothing in it changes any more."""

    head: Head
    tenants: list[TenantImage]


class Loaded(NamedTuple):
    """One tenant as read: ids, their records and vectors in the same order, shape (n, d)."""

    name: str
    sequence: int
    position: int
    checksum: bytes
    ids: list[str]
    records: list[Record]
    vectors: NDArray[Any]
    persisted: list[AccessRow]


def image(state: State) -> Image:
    """Take note of a state; quick, as it copies references only."""
    return Image(
        state.head,
        [
            TenantImage(t.name, t.sequence, t.position, t.checksum, dict(t.records), dict(t.persisted), t.view)
            for t in state.tenants.values()
        ],
    )


def write(path: Path, what: Image, dimension: int, dtype: np.dtype[Any]) -> None:
    """Write a snapshot, vectors in the type that the engine keeps. Long; meant for a thread of its own."""
    tenants = [
        {
            "name": tenant.name,
            "sequence": tenant.sequence,
            "position": tenant.position,
            "checksum": tenant.checksum.hex(),
            "rows": len(tenant.records),
        }
        for tenant in what.tenants
    ]
    about = {"head": what.head._asdict(), "dimension": dimension, "dtype": dtype.str, "tenants": tenants}
    sections.write(path, about, _sections(what, dtype))


def _sections(what: Image, dtype: np.dtype[Any]) -> Iterator[tuple[str, bytes | memoryview]]:
    for number, tenant in enumerate(what.tenants):
        for name, data in _tenant(tenant, dtype):
            yield f"{number}.{name}", data


def _tenant(tenant: TenantImage, dtype: np.dtype[Any]) -> Iterator[tuple[str, bytes | memoryview]]:
    snapshot = tenant.view.snapshot
    rows = snapshot.live_rows()
    ids = [snapshot.ids[row] for row in rows.tolist()]
    if len(ids) != len(tenant.records):
        raise Damaged(f"tenant {tenant.name!r}: the engine has {len(ids)} memories, the records {len(tenant.records)}")
    records = [tenant.records[id] for id in ids]
    yield "ids.id.text", SEPARATOR.join(ids).encode()
    yield from _rows("records", records, ("metadata", "features"), ("checksum",), ("raw_importance",))
    column = snapshot.columns["vector"]
    for part, start in enumerate(range(0, len(rows), PART)):
        chosen = np.ascontiguousarray(column[rows[start : start + PART]], dtype)
        yield f"vectors.{part}.{dtype.str}", chosen.data
    yield from _rows("accesses", list(tenant.persisted.values()), ("tenant", "id"), ("checksum",), ())


def _rows(
    name: str, rows: list[Any], texts: Iterable[str], binaries: Iterable[str], floats: Iterable[str]
) -> Iterator[tuple[str, bytes | memoryview]]:
    """Named tuples by columns: texts joined, binaries of one length each, the others 8-byte integers."""
    if not rows:
        return
    for field, column in zip(type(rows[0])._fields, zip(*rows, strict=True), strict=True):
        if field in texts:
            yield f"{name}.{field}.text", SEPARATOR.join(column).encode()
        elif field in binaries:
            yield f"{name}.{field}.binary", b"".join(column)
        else:
            kind = "<f8" if field in floats else "<i8"
            yield f"{name}.{field}.{kind}", np.array(column, kind).data


def _read_rows(name: str, kind: type[Any], found: dict[str, memoryview]) -> list[Any]:
    columns: dict[str, list[Any]] = {}
    for section, data in found.items():
        group, field, form = section.split(".")
        if group != name:
            continue
        if form == "text":
            columns[field] = str(data, "utf-8").split(SEPARATOR)
        elif form == "binary":
            whole = bytes(data)
            columns[field] = [whole[at : at + CHECKSUM_BYTES] for at in range(0, len(whole), CHECKSUM_BYTES)]
        else:
            columns[field] = np.frombuffer(data, form).tolist()
    if not columns:
        return []
    return list(map(kind._make, zip(*(columns[field] for field in kind._fields), strict=True)))


def read(path: Path, dimension: int, dtype: np.dtype[Any]) -> tuple[Head, list[Loaded]]:
    """What `write` wrote.

    Raises:
        FileNotFoundError.
        sections.SectionDamaged: the file is not what was written.
    """
    about, found = sections.read(path)
    if (about["dimension"], about["dtype"]) != (dimension, dtype.str):
        raise sections.SectionDamaged(
            f"{path}: it holds vectors of {about['dimension']} × {about['dtype']}, not {dimension}"
        )
    by_tenant: dict[str, dict[str, memoryview]] = {}
    for name, data in found.items():
        number, _, section = name.partition(".")
        by_tenant.setdefault(number, {})[section] = data
    loaded = []
    for at, t in enumerate(about["tenants"]):
        mine = by_tenant[str(at)]
        ids = str(mine["ids.id.text"], "utf-8").split(SEPARATOR) if t["rows"] else []
        parts = [
            np.frombuffer(mine[f"vectors.{part}.{dtype.str}"], dtype).reshape(-1, dimension)
            for part in range(-(-t["rows"] // PART))
        ]
        vectors = np.concatenate(parts) if parts else np.empty((0, dimension), dtype)
        loaded.append(
            Loaded(
                t["name"],
                t["sequence"],
                t["position"],
                bytes.fromhex(t["checksum"]),
                ids,
                _read_rows("records", Record, mine),
                vectors,
                _read_rows("accesses", AccessRow, mine),
            )
        )
    return Head(**about["head"]), loaded
