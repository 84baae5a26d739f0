"""Collect → judge → record → report, readable top to bottom."""

from __future__ import annotations

import datetime
import difflib
import os
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from strictreal import collect as collectors
from strictreal import config as configuration
from strictreal import suite
from strictreal.cache import Cache
from strictreal.check import load
from strictreal.collect import gate, toolchain
from strictreal.collect.session import Session, Watch
from strictreal.config import Config, Settings
from strictreal.errors import ConfigurationError, EvidenceError, EvidenceNotWritten
from strictreal.evidence import factfiles, sign
from strictreal.evidence.bundle import Receipt, Writer, output_folder
from strictreal.evidence.compose import Audit
from strictreal.evidence.statement import Base, Subject
from strictreal.evidence.witness import Witness
from strictreal.model import LeftOut, Observation, Outcome, Record, Result, RunTime
from strictreal.plugin import judge_folder
from strictreal.subject import Tree, open_revision, open_tree


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """One audit as asked for."""

    path: Path
    lane: str = "embedded"
    strict: bool = False
    since: str = ""
    sprint: str = ""
    output: Path | None = None
    only: tuple[str, ...] = ()
    jobs: int = 0
    cached: bool = True


class Collected(msgspec.Struct, kw_only=True):
    """What collecting left behind, besides the fact files."""

    tree: Tree
    config: Config
    time: str
    """The run's moment, as in its `RunTime` fact."""
    base: str
    """The commit of the base revision, or ""."""
    left_out: int
    cache_damage: int


def collect(
    request: Request,
    folder: Path,
    *,
    settings: Settings,
    watch: Watch | None = None,
    subject: tuple[Tree, Config] | None = None,
) -> Collected:
    """Collect the subject, its base revision if any, and all specimens into fact files in `folder`."""
    if subject is None:
        tree = open_tree(request.path)
        subject = tree, configuration.load(tree)
    tree, config = subject
    cache = Cache(settings.cache_home if request.cached else None)
    keywords: dict[str, Any] = {"watch": watch} if watch else {}
    subjects = [(tree, config)]
    difference = []
    if request.since:
        before = open_revision(tree.root, request.since, evidence=config.evidence)
        subjects.append((before, configuration.load(before)))
        difference = [gate.compare(*subjects[1], tree, config)]
    with Session(cache, jobs=request.jobs, **keywords) as session:
        specimens = _specimens(suite.root() / "checks")
        facts = collectors.collect_all([*subjects, *((s.tree, s.config) for s in specimens)], session)
    now = clock()
    observed = [now, *facts[0], *difference]
    base = [now, *facts[1]] if request.since else None
    shown = {
        specimen.key: [now, *seen, *specimen.difference]
        for specimen, seen in zip(specimens, facts[len(subjects) :], strict=True)
    }
    factfiles.write(folder, observed, shown, base)
    left_out = sum(isinstance(fact, LeftOut) for observation in observed for fact in observation.facts)
    return Collected(
        tree=tree,
        config=config,
        time=now.facts[0].now,
        base=subjects[1][0].commit if request.since else "",
        left_out=left_out,
        cache_damage=cache.damaged,
    )


class _Specimen(NamedTuple):
    """A small subject that a check must fail on, or pass."""

    key: tuple[str, str]
    tree: Tree
    config: Config
    difference: list[Observation]


def _specimens(checks: Path) -> list[_Specimen]:
    """Every specimen of a suite; one with before/ and after/ is a change."""
    found = []
    for folder in sorted((checks / "specimens").glob("*/*")):
        if folder.is_dir():
            changed = (folder / "before").is_dir()
            tree = open_tree(folder / "after" if changed else folder)
            config = configuration.load(tree)
            before = open_tree(folder / "before") if changed else None
            difference = [gate.compare(before, configuration.load(before), tree, config)] if before else []
            found.append(_Specimen((folder.parent.name, folder.name), tree, config, difference))
    return found


def collect_specimens(checks: Path, session: Session) -> dict[tuple[str, str], list[Observation]]:
    """The facts of every specimen of a suite, by check id and kind."""
    specimens = _specimens(checks)
    facts = collectors.collect_all([(s.tree, s.config) for s in specimens], session)
    now = clock()
    return {s.key: [now, *observed, *s.difference] for s, observed in zip(specimens, facts, strict=True)}


def audit(request: Request, *, settings: Settings, watch: Watch | None = None) -> Record:
    """One audit, from a repository to a record and a bundle.

    A bundle that cannot be written leaves the verdict standing, says why, and fails strict mode.

    Raises:
        StrictRealError: the subject cannot be read, its configuration is wrong, or the suite does not load.
    """
    started = time.monotonic()
    _refuse_unknown_checks(request.only)
    tree = open_tree(request.path)
    config = configuration.load(tree)
    with _desk(tree, config, request) as (folder, writer, unwritten):
        collected = collect(request, folder, settings=settings, watch=watch, subject=(tree, config))
        gathered = time.monotonic()
        recorder = judge_folder(folder, only=request.only)
        results = tuple(recorder.results[id] for id in sorted(recorder.results))
        receipt, problem = None, unwritten
        if writer:
            phases = {"collect": gathered - started, "judge": time.monotonic() - gathered}
            account = _account(request, collected, results, settings, phases, recorder.seconds)
            try:
                witness = Witness(settings.state_home)
                receipt = writer.commit(account, sign.signer(settings), witness=witness, secrets=settings.secrets)
            except EvidenceNotWritten as error:
                problem = str(error)
    unsigned = receipt is None or receipt.key == sign.NONE
    return Record(
        subject=tree.root.name,
        tree=tree.digest,
        commit=tree.commit,
        dirty=len(tree.dirty),
        lane=request.lane,
        strict=request.strict,
        since=request.since,
        suite=suite.suite_digest(),
        results=results,
        left_out=collected.left_out,
        seconds=round(time.monotonic() - started),
        bundle=_shown(receipt.bundle) if receipt else "",
        signed=_signature(receipt) if receipt else f"no bundle: {problem}",
        notes=receipt.notes if receipt else (),
        sprint=request.sprint,
        exit_code=exit_code(results, strict=request.strict) or int(request.strict and unsigned),
    )


@contextmanager
def _desk(tree: Tree, config: Config, request: Request) -> Iterator[tuple[Path, Writer | None, str]]:
    """Where the fact files go: a bundle in the making, or, where none can be written, a folder that goes away."""
    try:
        writer = Writer(output_folder(tree.root, config.evidence, request.output))
    except EvidenceError as error:
        if not isinstance(error, EvidenceNotWritten):
            raise
        with tempfile.TemporaryDirectory(prefix="strictreal-") as name:
            yield Path(name), None, str(error)
        return
    with writer:
        yield writer.folder, writer, ""


def _account(
    request: Request,
    collected: Collected,
    results: tuple[Result, ...],
    settings: Settings,
    phases: dict[str, float],
    seconds: dict[str, float],
) -> Audit:
    """What the bundle states of this run."""
    tree = collected.tree
    return Audit(
        time=collected.time,
        subject=Subject(tree=tree.digest, commit=tree.commit, origin=tree.origin, dirty=len(tree.dirty)),
        results=results,
        only=request.only,
        lane=request.lane,
        strict=request.strict,
        base=Base(revision=request.since, commit=collected.base) if request.since else None,
        tools=toolchain.packages(),
        phases=phases,
        checks=seconds,
        variables=settings.variables,
    )


def _signature(receipt: Receipt) -> str:
    return "unsigned" if receipt.key == sign.NONE else f"{receipt.key} key"


def _shown(bundle: Path) -> str:
    """The bundle as the user would type it: relative to the current folder where it lies below."""
    return os.path.relpath(bundle) if bundle.is_relative_to(Path.cwd()) else str(bundle)


def _refuse_unknown_checks(ids: tuple[str, ...]) -> None:
    known = load(suite.root() / "checks")
    for id in ids:
        if id not in known:
            near = difflib.get_close_matches(id, known, 1)
            raise ConfigurationError(f"there is no check {id!r}" + (f"; did you mean {near[0]!r}?" if near else ""))


def exit_code(results: Iterable[Result], *, strict: bool) -> int:
    """pytest's codes: 0 all proven or waived; 1 findings, or in strict mode anything not proven; 3 error; 5 nothing."""
    outcomes = {result.outcome for result in results}
    if Outcome.ERROR in outcomes:
        return 3
    if Outcome.FAILED in outcomes or (strict and Outcome.NOT_PROVEN in outcomes):
        return 1
    return 0 if outcomes - {Outcome.NOT_APPLICABLE} else 5


def clock(now: Callable[[], datetime.datetime] = lambda: datetime.datetime.now(datetime.UTC)) -> Observation:
    """The moment of the run as a fact, so that a recheck judges waivers by the same day."""
    stamp = now().strftime("%Y-%m-%dT%H:%M:%SZ")
    return Observation(collector="run", source="", digest="", facts=(RunTime(now=stamp),))
