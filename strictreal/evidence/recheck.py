"""Recheck: the verdict computed again from a bundle alone, offline, and compared bit for bit with the one recorded.

The suite that judges is the installed one; it is the recorded one only when their digests are equal, and only then can
the verdict be called the same. The specimens in the bundle must be drawn from those of that suite: a check that was
shown others has earned nothing. What recheck cannot know is whether the facts are true to the tree: for that, audit the
tree again and compare the two bundles.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from strictreal import suite
from strictreal.errors import EvidenceError
from strictreal.evidence import contents, factfiles, listing
from strictreal.evidence.diff import Difference, compare
from strictreal.evidence.listing import Bundle
from strictreal.model import Result, RunTime, canonical
from strictreal.subject import open_tree

Judge = Callable[[Path, tuple[str, ...]], tuple[Result, ...]]
"""Runs a suite over a folder of facts, only these check ids or all when there is none, and gives results by id."""


class Recheck(msgspec.Struct, frozen=True, kw_only=True):
    """What recomputing gave. No problem: the bundle's facts give the recorded verdict."""

    bundle: Path
    problems: tuple[str, ...]
    notes: tuple[str, ...]
    identical: bool
    """The recomputed results have the recorded bytes, whichever suite gave them."""
    differing: tuple[str, ...]
    """Ids of the checks whose results differ in any byte."""
    difference: Difference
    """From the recorded to the recomputed results, as people read it."""
    suite_recorded: str
    suite_installed: str

    specimens: tuple[str, ...]
    """The specimens, as `<check id>/<kind>`, in which the bundle and the installed suite differ."""

    @property
    def agrees(self) -> bool:
        """No problem was found. Under another suite, which has to be allowed, that does not say that they are equal."""
        return not self.problems

    @property
    def same_suite(self) -> bool:
        return self.suite_recorded == self.suite_installed


def recheck(folder: Path, judge: Judge, *, allow_other_suite: bool = False) -> Recheck:
    """Judge a bundle's facts again.

    Args:
        folder: the bundle.
        judge: the installed suite.
        allow_other_suite: differences are expected, and no problem, where the installed suite is not the recorded one.

    Raises:
        NotEvidence: the folder is no bundle.
        EvidenceError: the bundle's files are not what its manifest says, or its facts do not decode.
    """
    folder = folder.absolute()
    contents.require_bundle(folder)
    if wrong := contents.verify(folder).problems:
        raise EvidenceError(f"{folder}: not intact, so there is nothing to recheck: {wrong[0]}")
    bundle = listing.load(folder)
    problems = list(_contradictions(bundle))
    factfiles.read(folder)  # the judge meets only facts that decode
    results = judge(folder, bundle.predicate.only)
    identical = canonical(results) == canonical(bundle.results.results)
    installed = suite.suite_digest()
    notes: list[str] = []
    others = _other_specimens(folder)
    if others:
        text = f"the bundle's specimens are not those of the installed suite: {', '.join(others)}"
        (problems if installed == bundle.predicate.suite else notes).append(text)
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
        specimens=others,
    )


def _other_specimens(folder: Path) -> tuple[str, ...]:
    """The specimens that only the bundle or only the installed suite has, or whose trees have other digests."""
    recorded = factfiles.drawn_from(folder)
    installed = suite.specimens(suite.root() / "checks")
    differ = (
        key
        for key in sorted(recorded.keys() | installed.keys())
        if key not in installed or recorded.get(key) != open_tree(suite.judged(installed[key])).digest
    )
    return tuple("/".join(key) for key in differ)


def _differing(recorded: tuple[Result, ...], recomputed: tuple[Result, ...]) -> tuple[str, ...]:
    before, after = ({r.check: canonical(r) for r in results} for results in (recorded, recomputed))
    return tuple(id for id in sorted(before.keys() | after.keys()) if before.get(id) != after.get(id))


def _contradictions(bundle: Bundle) -> Iterator[str]:
    """Where the statement says other than the files that it covers."""
    said = bundle.predicate
    if said.outcomes != {result.check: result.outcome for result in bundle.results.results}:
        yield "the statement's outcomes are not those of results.json"
    if said.only and set(said.only) != said.outcomes.keys():
        yield f"only {', '.join(said.only)} were asked for, but the outcomes are of {', '.join(sorted(said.outcomes))}"
    clocks, trees = [], set()
    for observation in factfiles.observations(bundle.folder, factfiles.FACTS):
        clocks += [fact for fact in observation.facts if isinstance(fact, RunTime)]
        if observation.collector == "subject":
            trees.add(observation.digest)
    if [clock.now for clock in clocks] != [said.time]:
        times = ", ".join(clock.now for clock in clocks) or "no known time"
        yield f"the facts were collected at {times}, the statement says {said.time}"
    if any((clock.lane, clock.strict) != (said.lane, said.strict) for clock in clocks):
        yield f"the facts were not collected in lane {said.lane}, {'strict' if said.strict else 'not strict'}"
    if trees != {said.subject.tree}:
        drawn = ", ".join(sorted(trees)) or "unknown"
        yield f"the facts were drawn from tree {drawn}, the statement names {said.subject.tree}"
    if (said.base is not None) != os.path.lexists(bundle.folder / factfiles.BASE):
        yield "the statement and the facts disagree on whether there is a base revision"
