"""The fact files of a run: what the judge reads, at the audit and at every recheck alike."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import msgspec

from strictreal import facts
from strictreal.errors import EvidenceError
from strictreal.evidence import disk
from strictreal.judge import Case, FactSet
from strictreal.model import Observation, canonical

FACTS, BASE, SPECIMENS = "facts.jsonl", "base.jsonl", "specimens.jsonl"
MAX_BYTES = 2 * 1024**3


class _Heading(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The line before the observations of one specimen."""

    check: str
    kind: str


def write(
    folder: Path,
    subject: Iterable[Observation],
    specimens: Mapping[tuple[str, str], Iterable[Observation]],
    base: Iterable[Observation] | None = None,
) -> None:
    """Write facts.jsonl, specimens.jsonl and, with a base revision, base.jsonl into `folder`.

    Raises:
        EvidenceNotWritten: the disk is full, …
    """
    with disk.unwritten("the facts"):
        with open(folder / FACTS, "wb") as file:
            file.writelines(facts.encode(subject))
        if base is not None:
            with open(folder / BASE, "wb") as file:
                file.writelines(facts.encode(base))
        with open(folder / SPECIMENS, "wb") as file:
            for (check, kind), observations in sorted(specimens.items()):
                file.write(canonical(_Heading(check, kind)) + b"\n")
                file.writelines(facts.encode(observations))


def read(folder: Path) -> Case:
    """The case that a folder's fact files make.

    Raises:
        EvidenceError: a file is missing, not a regular file, or does not decode; the message names it.
        BoundExceeded: a file is larger than MAX_BYTES.
    """
    base = observations(folder, BASE) if os.path.lexists(folder / BASE) else None
    return Case(
        subject=FactSet(observations(folder, FACTS)),
        specimens=_specimens(folder),
        base=FactSet(base) if base is not None else None,
    )


def observations(folder: Path, name: str) -> Iterator[Observation]:
    """The observations of facts.jsonl or base.jsonl, in their order.

    Raises:
        EvidenceError: as for `read`.
    """
    return facts.decode(_lines(folder / name), name)


def drawn_from(folder: Path) -> dict[tuple[str, str], str]:
    """The digest of the tree that the facts of each specimen were drawn from, by check id and kind; "" if unsaid.

    Raises:
        EvidenceError: as for `read`.
    """
    origins = {}
    for key, lines in _headed(folder).items():
        seen = facts.decode(lines, SPECIMENS)
        origins[key] = next((each.digest for each in seen if each.collector == "subject"), "")
    return origins


def _specimens(folder: Path) -> dict[tuple[str, str], FactSet]:
    headed = _headed(folder)
    return {key: FactSet(facts.decode(lines, f"{SPECIMENS} ({'/'.join(key)})")) for key, lines in headed.items()}


def _headed(folder: Path) -> dict[tuple[str, str], list[bytes]]:
    """The lines of each specimen, by the check id and kind of the heading before them."""
    found: dict[tuple[str, str], list[bytes]] = {}
    current: list[bytes] | None = None
    for number, line in enumerate(_lines(folder / SPECIMENS), 1):
        if line.startswith(b'{"check":'):
            try:
                heading = msgspec.json.decode(line, type=_Heading)
            except msgspec.DecodeError as error:
                raise EvidenceError(f"{SPECIMENS}:{number}: not the heading of a specimen: {error}") from error
            if (heading.check, heading.kind) in found:
                raise EvidenceError(f"{SPECIMENS}:{number}: {heading.check}/{heading.kind} a second time")
            current = found[heading.check, heading.kind] = []
        elif current is None:
            raise EvidenceError(f"{SPECIMENS}:{number}: an observation without a heading")
        else:
            current.append(line)
    return found


def _lines(path: Path) -> list[bytes]:
    data = disk.read(path, path.name, MAX_BYTES)
    if data and not data.endswith(b"\n"):
        raise EvidenceError(f"{path.name}: the last line was cut")
    return data.split(b"\n")[:-1]
