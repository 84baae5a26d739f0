"""Collect → judge → record → report, readable top to bottom."""

from __future__ import annotations

import datetime
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from strictreal import collect as collectors
from strictreal import config as configuration
from strictreal import suite
from strictreal.cache import Cache
from strictreal.collect import gate
from strictreal.collect.session import Session, Watch
from strictreal.config import Config, Settings
from strictreal.evidence import factfiles
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
    left_out: int
    cache_damage: int


def collect(
    request: Request, folder: Path, *, settings: Settings | None = None, watch: Watch | None = None
) -> Collected:
    """Collect the subject, its base revision if any, and all specimens into fact files in `folder`."""
    settings = settings or configuration.settings()
    tree = open_tree(request.path)
    config = configuration.load(tree)
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
    subject = [now, *facts[0], *difference]
    base = [now, *facts[1]] if request.since else None
    shown = {
        specimen.key: [now, *observed, *specimen.difference]
        for specimen, observed in zip(specimens, facts[len(subjects) :], strict=True)
    }
    factfiles.write(folder, subject, shown, base)
    left_out = sum(isinstance(fact, LeftOut) for observation in subject for fact in observation.facts)
    return Collected(tree=tree, config=config, left_out=left_out, cache_damage=cache.damaged)


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

    Raises:
        StrictRealError: the subject cannot be read, its configuration is wrong, or the suite does not load.
    """
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="strictreal-") as name:
        folder = Path(name)
        collected = collect(request, folder, settings=settings, watch=watch)
        recorder = judge_folder(folder, only=request.only)
        results = tuple(recorder.results[id] for id in sorted(recorder.results))
        return Record(
            subject=collected.tree.root.name,
            tree=collected.tree.digest,
            commit=collected.tree.commit,
            dirty=len(collected.tree.dirty),
            lane=request.lane,
            strict=request.strict,
            since=request.since,
            suite=suite.suite_digest(),
            results=results,
            left_out=collected.left_out,
            seconds=round(time.monotonic() - started),
            sprint=request.sprint,
            exit_code=exit_code(results, strict=request.strict),
        )


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
