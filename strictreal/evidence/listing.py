"""Reading bundles for people and reporters. Nothing here verifies: what it returns is what the files claim."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import msgspec

from strictreal.errors import EvidenceError, StrictRealError
from strictreal.evidence import contents, disk, ledger
from strictreal.evidence.contents import Contents
from strictreal.evidence.sign import NONE
from strictreal.evidence.statement import (
    ENVIRONMENT,
    MANIFEST,
    RESULTS,
    Environment,
    Manifest,
    Predicate,
    Results,
    decode,
)
from strictreal.model import Outcome

MAX_RESULTS_BYTES = 1024**3


class Bundle(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a bundle says, but its facts."""

    folder: Path
    predicate: Predicate
    signed: bool
    """There is a signature; whose, only verification tells."""
    manifest: Manifest
    results: Results
    environment: Environment


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """One line of `evidence list`."""

    index: int
    bundle: str
    time: str
    key: str
    """`development`, `configured` or `none`, as the bundle claims."""
    totals: dict[str, int]
    """How many checks had each outcome."""
    lane: str
    only: tuple[str, ...]
    """The checks that were asked for; none: the whole suite."""
    strict: bool
    commit: str
    dirty: int
    problem: str = ""
    """Why the bundle cannot be read; the other fields are then empty."""


def load(folder: Path) -> Bundle:
    """One bundle.

    Raises:
        NotEvidence: the folder is no bundle.
        EvidenceError: a file is missing or is not what it should be; the message names it.
    """
    contents.require_bundle(folder)
    found = contents.envelope(folder)
    if found.statement is None or found.envelope is None:
        raise EvidenceError(f"{folder}: {found.problems[0]}")
    try:
        return Bundle(
            folder=folder,
            predicate=found.statement.predicate,
            signed=bool(found.envelope.signatures),
            manifest=decode(disk.read(folder / MANIFEST, MANIFEST, contents.MAX_MANIFEST_BYTES), Manifest, MANIFEST),
            results=decode(disk.read(folder / RESULTS, RESULTS, MAX_RESULTS_BYTES), Results, RESULTS),
            environment=decode(
                disk.read(folder / ENVIRONMENT, ENVIRONMENT, MAX_RESULTS_BYTES), Environment, ENVIRONMENT
            ),
        )
    except StrictRealError as error:
        raise EvidenceError(f"{folder}: {error}") from error


def runs(output: Path) -> list[Run]:
    """The bundles of an evidence folder in the order of its ledger; empty when it has none.

    Raises:
        EvidenceError: the ledger does not hold.
    """
    listed = []
    for line in ledger.read(output).lines:
        inside = disk.real_folder(output, line.bundle)
        found = contents.envelope(output / line.bundle) if inside else Contents(problems=[f"{line.bundle}: missing"])
        said = found.statement.predicate if found.statement else None
        listed.append(
            Run(
                index=line.index,
                bundle=line.bundle,
                time=said.time if said else "",
                key=said.key.kind if said and found.envelope and found.envelope.signatures else NONE,
                totals=totals(said) if said else {},
                lane=said.lane if said else "",
                only=said.only if said else (),
                strict=bool(said and said.strict),
                commit=said.subject.commit if said else "",
                dirty=said.subject.dirty if said else 0,
                problem="" if said else found.problems[0],
            )
        )
    return listed


def totals(predicate: Predicate) -> dict[str, int]:
    """How many checks had each outcome, in the order of `Outcome`; outcomes that nobody had are left out."""
    counted = Counter(predicate.outcomes.values())
    return {str(outcome): counted[outcome] for outcome in Outcome if counted[outcome]}
