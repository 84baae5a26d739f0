"""The ledger: an append-only hash chain of bundles, one canonical JSON line each.

A line holds its index from 0, the SHA-256 of the line before it (64 zeros for the first), the folder of the bundle and
the SHA-256 of its envelope. The digest of a line is over the whole line with its line end, so that
`tail -n 1 ledger.jsonl | sha256sum` prints the head. The digest of the first line is the ledger's identity: it stays
when the folder moves.

Everything but `read` is pure.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import msgspec

from strictreal.errors import EvidenceError
from strictreal.evidence import disk
from strictreal.evidence.statement import NO_PREVIOUS, Position, decode
from strictreal.model import Natural, canonical, digest

LEDGER, LOCK, PENDING = "ledger.jsonl", ".lock", ".pending-"
MAX_BYTES = 256 * 1024 * 1024
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
MAX_DEPTH = 4


class Line(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One bundle's entry."""

    index: Natural
    previous: str
    bundle: str
    statement: str


@dataclass(frozen=True)
class Chain:
    """A whole ledger whose chain holds. `digests` has the digest of each line."""

    lines: tuple[Line, ...] = ()
    digests: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.lines)

    @property
    def id(self) -> str:
        """Digest of the first line; empty for an empty ledger."""
        return self.digests[0] if self.digests else ""

    @property
    def head(self) -> str:
        """Digest of the last line; 64 zeros for an empty ledger."""
        return self.digests[-1] if self.digests else NO_PREVIOUS

    @property
    def next(self) -> Position:
        """Where the next bundle will stand."""
        return Position(index=len(self.lines), previous=self.head)

    def line_of(self, bundle: str) -> Line | None:
        return next((line for line in self.lines if line.bundle == bundle), None)

    def line_with(self, statement: str) -> Line | None:
        return next((line for line in reversed(self.lines) if line.statement == statement), None)


def safe_name(name: str) -> bool:
    """Whether `name` can be one folder of a bundle's path: ASCII letters, digits, `.`, `_`, `-`; not hidden."""
    return bool(_NAME.fullmatch(name))


def safe_path(path: str) -> bool:
    """Whether `path` names a bundle's folder below the evidence folder and cannot leave it."""
    parts = path.split("/")
    return 1 < len(parts) <= MAX_DEPTH and all(map(safe_name, parts)) and str(PurePosixPath(path)) == path


def parse(data: bytes) -> Chain:
    """The chain that a ledger file holds.

    Raises:
        EvidenceError: a line was edited, cut, taken out, put in or moved; the message names the first that does
            not fit.
    """
    if not data:
        return Chain()
    raw = data.split(b"\n")
    if raw.pop():
        raise EvidenceError(f"{LEDGER}:{len(raw) + 1}: the last line was cut")
    lines: list[Line] = []
    digests: list[str] = []
    seen: dict[str, int] = {}
    for number, text in enumerate(raw, 1):
        place = f"{LEDGER}:{number}"
        line = decode(text, Line, place)
        if line.index != number - 1:
            raise EvidenceError(f"{place}: index {line.index} where {number - 1} belongs: lines are missing or moved")
        expected = digests[-1] if digests else NO_PREVIOUS
        if line.previous != expected:
            before = f"line {number - 1} is not the line that this one was chained to: edited, replaced or forked"
            raise EvidenceError(f"{place}: {before if lines else 'the first line must have 64 zeros as previous'}")
        if not safe_path(line.bundle):
            raise EvidenceError(f"{place}: {line.bundle!r} is not a folder inside the evidence folder")
        if not _SHA256.fullmatch(line.statement):
            raise EvidenceError(f"{place}: statement is not a SHA-256")
        if line.bundle in seen:
            raise EvidenceError(f"{place}: {line.bundle} is listed a second time, first in line {seen[line.bundle]}")
        seen[line.bundle] = number
        lines.append(line)
        digests.append(digest(text + b"\n"))
    return Chain(tuple(lines), tuple(digests))


def extended(data: bytes, bundle: str, statement: str) -> bytes:
    """The ledger file with one more line for `bundle`, whose envelope has the SHA-256 `statement`."""
    position = parse(data).next
    line = Line(index=position.index, previous=position.previous, bundle=bundle, statement=statement)
    return data + canonical(line) + b"\n"


def load(output: Path) -> bytes:
    """The bytes of the ledger in an evidence folder; empty when it has none.

    Raises:
        EvidenceError: it is not a regular file, or cannot be read.
    """
    path = output / LEDGER
    if not path.exists() and not path.is_symlink():
        return b""
    return disk.read(path, LEDGER, MAX_BYTES)


def read(output: Path) -> Chain:
    """The chain in an evidence folder.

    Raises:
        EvidenceError: it does not hold, or cannot be read.
    """
    return parse(load(output))
