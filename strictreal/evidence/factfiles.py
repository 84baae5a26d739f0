"""The fact files of a run: what the judge reads, at the audit and at every recheck alike."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from strictreal import facts
from strictreal.errors import EvidenceError
from strictreal.judge import Case, FactSet
from strictreal.model import Observation, canonical

FACTS, BASE, SPECIMENS = "facts.jsonl", "base.jsonl", "specimens.jsonl"
MAX_BYTES = 2 * 1024**3


def write(
    folder: Path,
    subject: Iterable[Observation],
    specimens: Mapping[tuple[str, str], Iterable[Observation]],
    base: Iterable[Observation] | None = None,
) -> None:
    """Write facts.jsonl, specimens.jsonl and, with a base revision, base.jsonl into `folder`."""
    with open(folder / FACTS, "wb") as file:
        file.writelines(facts.encode(subject))
    if base is not None:
        with open(folder / BASE, "wb") as file:
            file.writelines(facts.encode(base))
    with open(folder / SPECIMENS, "wb") as file:
        for (check, kind), observations in sorted(specimens.items()):
            file.write(canonical({"check": check, "kind": kind}) + b"\n")
            file.writelines(facts.encode(observations))


def read(folder: Path) -> Case:
    """The case that a folder's fact files make.

    Raises:
        EvidenceError: a file is missing, too large, or does not decode; the message names it.
    """
    specimens: dict[tuple[str, str], list[bytes]] = {}
    current: list[bytes] = []
    for line in _lines(folder / SPECIMENS):
        if line.startswith(b'{"check":'):
            head = msgspec.json.decode(line, type=dict[str, str])
            current = specimens.setdefault((head["check"], head["kind"]), [])
        else:
            current.append(line)
    base = folder / BASE
    return Case(
        subject=FactSet(facts.decode(_lines(folder / FACTS), FACTS)),
        specimens={key: FactSet(facts.decode(lines, SPECIMENS)) for key, lines in specimens.items()},
        base=FactSet(facts.decode(_lines(base), BASE)) if base.exists() else None,
    )


def _lines(path: Path) -> list[bytes]:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise EvidenceError(f"{path.name}: larger than {MAX_BYTES} bytes (bound: facts file)")
        return path.read_bytes().splitlines()
    except OSError as error:
        raise EvidenceError(f"{path.name}: cannot be read: {error.strerror}") from error
