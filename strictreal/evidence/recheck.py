"""Recheck: the verdict computed again from a bundle alone, offline, and compared bit for bit with the one recorded.

The suite that judges is the installed one; it is the recorded one only when their digests are equal. What recheck
cannot know is whether the facts are true to the tree: for that, audit the tree again and compare the two bundles.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import msgspec

from strictreal import suite
from strictreal.errors import EvidenceError
from strictreal.evidence import contents, factfiles, listing
from strictreal.evidence.diff import Difference, compare
from strictreal.evidence.listing import Bundle
from strictreal.model import Result, RunTime, canonical
from strictreal.plugin import judge_folder


class Recheck(msgspec.Struct, frozen=True, kw_only=True):
    """What recomputing gave. No problem: the bundle's facts give the recorded verdict."""

    bundle: Path
    problems: tuple[str, ...]
    notes: tuple[str, ...]
    identical: bool
    """The recomputed results have the recorded bytes."""
    differing: tuple[str, ...]
    """Ids of the checks whose results differ in any byte."""
    difference: Difference
    """From the recorded to the recomputed results, as people read it."""
    suite_recorded: str
    suite_installed: str

    @property
    def agrees(self) -> bool:
        return not self.problems


def recheck(folder: Path, *, allow_other_suite: bool = False) -> Recheck:
    """Judge a bundle's facts again.

    Args:
        folder: the bundle.
        allow_other_suite: differences are expected, and no problem, where the installed suite is not the recorded one.

    Raises:
        EvidenceError: the bundle's files are not what its manifest says, or its facts do not decode.
    """
    folder = folder.absolute()
    if wrong := contents.verify(folder).problems:
        raise EvidenceError(f"{folder}: not intact, so there is nothing to recheck: {wrong[0]}")
    bundle = listing.load(folder)
    problems = list(_contradictions(bundle))
    factfiles.read(folder)  # the judge meets only facts that decode
    recorder = judge_folder(folder, only=bundle.results.only)
    results = tuple(recorder.results[id] for id in sorted(recorder.results))
    identical = canonical(results) == canonical(bundle.results.results)
    installed = suite.suite_digest()
    notes: list[str] = []
    if installed != bundle.predicate.suite:
        text = f"the bundle was judged by suite {bundle.predicate.suite}, and {installed} is installed"
        (notes if allow_other_suite else problems).append(text)
    if suite.engine_digest() != bundle.predicate.engine:
        notes.append(f"the bundle was made by another build of strictreal ({bundle.predicate.version})")
    if not identical and (installed == bundle.predicate.suite or not allow_other_suite):
        problems.append("the recomputed results are not the recorded ones")
    return Recheck(
        bundle=folder,
        problems=tuple(problems),
        notes=tuple(notes),
        identical=identical,
        differing=_differing(bundle.results.results, results),
        difference=compare(bundle.results.results, results),
        suite_recorded=bundle.predicate.suite,
        suite_installed=installed,
    )


def _differing(recorded: tuple[Result, ...], recomputed: tuple[Result, ...]) -> tuple[str, ...]:
    before, after = ({r.check: canonical(r) for r in results} for results in (recorded, recomputed))
    return tuple(id for id in sorted(before.keys() | after.keys()) if before.get(id) != after.get(id))


def _contradictions(bundle: Bundle) -> Iterator[str]:
    """Where the statement says other than the files that it covers."""
    said = bundle.predicate
    if said.outcomes != {result.check: result.outcome for result in bundle.results.results}:
        yield "the statement's outcomes are not those of results.json"
    clocks, trees = [], set()
    for observation in factfiles.observations(bundle.folder, factfiles.FACTS):
        clocks += [fact.now for fact in observation.facts if isinstance(fact, RunTime)]
        if observation.collector == "subject":
            trees.add(observation.digest)
    if clocks != [said.time]:
        yield f"the facts were collected at {', '.join(clocks) or 'no known time'}, the statement says {said.time}"
    if trees != {said.subject.tree}:
        drawn = ", ".join(sorted(trees)) or "unknown"
        yield f"the facts were drawn from tree {drawn}, the statement names {said.subject.tree}"
    if (said.base is not None) != os.path.lexists(bundle.folder / factfiles.BASE):
        yield "the statement and the facts disagree on whether there is a base revision"
