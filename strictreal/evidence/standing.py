"""The ledger against the disk, and against heads that were seen before."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from strictreal.errors import StrictRealError
from strictreal.evidence import contents, disk, ledger
from strictreal.evidence.contents import Contents, printable
from strictreal.evidence.ledger import Chain, Line
from strictreal.evidence.statement import ENVELOPE, MANIFEST, Position
from strictreal.evidence.witness import UNWITNESSED, Witness

MAX_UNLISTED = 1000
"""Strange files that are named; the first is enough to fail."""
_BESIDE = (ledger.LEDGER, ledger.LOCK, "README.md", ".gitignore", ".gitattributes", ".gitkeep")
"""Files that may stand in an evidence folder beside its bundles."""


@dataclass
class Standing:
    """The chain (empty when it does not hold), the folder of each bundle that is there, and what is wrong."""

    chain: Chain = field(default_factory=Chain)
    places: dict[str, Path] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def judge(
    output: Path, *, head: str = "", witness: Witness | None = None, known: Mapping[str, Contents] | None = None
) -> Standing:
    """Read an evidence folder's ledger and compare it with what stands there, and with what was seen before.

    Args:
        head: the digest of a line that the ledger must hold; any when empty.
        witness: what this user saw last.
        known: bundles, by their place, whose envelopes have been read already.

    Raises:
        BoundExceeded: a running audit kept the ledger locked all the time.
    """
    known = known or {}
    found = Standing()
    with disk.locked_to_read(output / ledger.LOCK):
        try:
            found.chain = ledger.read(output)
        except StrictRealError as error:
            found.problems.append(str(error))
            return found
        _place(output, found)
        found.problems += _lines(found, known)
        found.problems += islice(_unlisted(output, found), MAX_UNLISTED)
    found.problems += [f"{printable(name)}: not in {ledger.LEDGER}" for name in known if not found.chain.line_of(name)]
    found.problems += _history(output, found, head, witness)
    found.problems = list(dict.fromkeys(found.problems))
    return found


def _place(output: Path, found: Standing) -> None:
    """Find each listed bundle. The last one may still be under the hidden name of a run that was interrupted."""
    for line in found.chain.lines:
        if disk.real_folder(output, line.bundle):
            found.places[line.bundle] = output / line.bundle
        elif line.index == len(found.chain) - 1 and (hidden := _interrupted(output, line)):
            found.notes.append(f"{line.bundle}: interrupted before it got its name; the next audit finishes it")
            found.places[line.bundle] = hidden
        else:
            found.problems.append(f"{line.bundle}: missing: listed in {ledger.LEDGER}:{line.index + 1}")


def _interrupted(output: Path, line: Line) -> Path | None:
    for name in sorted(os.listdir(output)):
        folder = output / name
        hidden = name.startswith(ledger.PENDING) and disk.real_folder(output, name)
        if hidden and contents.envelope(folder).sha256 == line.statement:
            return folder
    return None


def _lines(found: Standing, known: Mapping[str, Contents]) -> Iterator[str]:
    """Each line against the envelope of its bundle."""
    for line in found.chain.lines:
        if line.bundle not in found.places:
            continue
        bundle = known.get(line.bundle) or contents.envelope(found.places[line.bundle])
        name = f"{line.bundle}/{ENVELOPE}"
        if bundle.sha256 != line.statement:
            yield f"{name}: not the envelope that {ledger.LEDGER}:{line.index + 1} names"
        if bundle.statement is None:
            yield f"{name}: not readable"
            continue
        said = bundle.statement.predicate
        if said.ledger != Position(index=line.index, previous=line.previous):
            yield f"{name}: signed for index {said.ledger.index} of another chain or place, listed at {line.index}"
        if said.bundle != line.bundle:
            yield f"{name}: states that it is {said.bundle}: renamed or swapped"


def _unlisted(output: Path, found: Standing) -> Iterator[str]:
    """What stands in the evidence folder and belongs to no listed bundle."""
    listed = {line.bundle for line in found.chain.lines}
    stack = [""]
    try:
        while stack:
            prefix = stack.pop()
            for name in sorted(os.listdir(output / prefix)):
                path = f"{prefix}/{name}" if prefix else name
                kind = disk.kind(os.lstat(output / path).st_mode)
                if not prefix and name.startswith((ledger.PENDING, f".{ledger.LEDGER}.new")):
                    found.notes.append(f"{printable(path)}: of a run that goes on or was interrupted; not evidence")
                elif path in listed or (path in _BESIDE and not kind):
                    continue
                elif kind == "a folder" and path.count("/") < ledger.MAX_DEPTH and not _is_bundle(output / path):
                    stack.append(path)
                else:
                    yield f"{printable(path)}: not in {ledger.LEDGER}"
    except OSError as error:
        yield f"{printable(os.fsdecode(error.filename or output))}: cannot be listed: {error.strerror}"


def _is_bundle(folder: Path) -> bool:
    return any(os.path.lexists(folder / name) for name in (ENVELOPE, MANIFEST))


def _history(output: Path, found: Standing, head: str, witness: Witness | None) -> Iterator[str]:
    """The chain against heads that were seen before."""
    chain = found.chain
    if head and head not in chain.digests:
        yield f"{ledger.LEDGER}: no line has the digest {head}: rolled back, forked, or another ledger"
    try:
        if witness and (problem := witness.problem(output, chain)):
            yield f"{ledger.LEDGER}: {problem}"
        elif not head and not (witness and witness.knows(output, chain)):
            found.notes.append(UNWITNESSED)
    except StrictRealError as error:
        yield str(error)
