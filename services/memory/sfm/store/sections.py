"""A file of named sections, each with its checksum, which is either whole or not there.

Layout: the magic number, the length and the SHA-256 of a JSON index, the index, then the sections one after the other. The index
gives the length and digest of each section; a digest is SHA-256 over the SHA-256 of each chunk, so that several threads can
work at one section.
"""

from __future__ import annotations

import hashlib
import json
import os
import struct
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from sfm.store.mark import sync_folder

MAGIC = b"sfm-sections-1\0\0"
CHUNK = 4 * 1024 * 1024
THREADS = 2
_START = struct.Struct("<16sQ32s")


class SectionDamaged(Exception):
    """The file is not what was written; the message names the section."""


def write(path: Path, about: Mapping[str, Any], sections: Iterable[tuple[str, bytes | memoryview]]) -> None:
    """Write a file beside `path`, sync it, and put it in the place of `path`.

    Args:
        about: JSON that is kept in the index.
        sections: taken one by one, so that not all of them need to be in memory at once.
    """
    body, fresh = path.with_name(path.name + ".body"), path.with_name(path.name + ".new")
    index: list[tuple[str, int, str]] = []
    try:
        with body.open("w+b") as file, ThreadPoolExecutor(THREADS) as pool:
            for name, data in sections:
                view = memoryview(data).cast("B")
                index.append((name, len(view), _digest(view, pool)))
                file.write(view)
            head = json.dumps({"about": about, "sections": index}).encode()
            with fresh.open("wb") as whole:
                whole.write(_START.pack(MAGIC, len(head), hashlib.sha256(head).digest()) + head)
                whole.flush()
                file.flush()
                _append(file.fileno(), whole.fileno())
                os.fsync(whole.fileno())
        fresh.replace(path)
        sync_folder(path.parent)
    finally:
        body.unlink(missing_ok=True)
        fresh.unlink(missing_ok=True)


def read(path: Path) -> tuple[dict[str, Any], dict[str, memoryview]]:
    """What was written.

    Raises:
        FileNotFoundError.
        SectionDamaged: a bit differs somewhere.
    """
    data = memoryview(path.read_bytes())
    if len(data) < _START.size:
        raise SectionDamaged(f"{path}: the start is missing")
    magic, length, digest = _START.unpack(data[: _START.size])
    at = _START.size + length
    head = bytes(data[_START.size : at])
    if magic != MAGIC or hashlib.sha256(head).digest() != digest:
        raise SectionDamaged(f"{path}: the index is damaged")
    parsed = json.loads(head)
    found = {}
    with ThreadPoolExecutor(THREADS) as pool:
        for name, size, expected in parsed["sections"]:
            section = data[at : at + size]
            at += size
            if len(section) != size or _digest(section, pool) != expected:
                raise SectionDamaged(f"{path}: section {name} is damaged")
            found[name] = section
    if at != len(data):
        raise SectionDamaged(f"{path}: there is more than was written")
    return parsed["about"], found


def _digest(view: memoryview, pool: ThreadPoolExecutor) -> str:
    chunks = (view[at : at + CHUNK] for at in range(0, len(view), CHUNK))
    return hashlib.sha256(b"".join(pool.map(lambda chunk: hashlib.sha256(chunk).digest(), chunks))).hexdigest()


def _append(source: int, target: int) -> None:
    size, at = os.fstat(source).st_size, 0
    while at < size:
        at += os.sendfile(target, source, at, size - at)
