"""Collect → judge → record → report, readable top to bottom."""

from __future__ import annotations

import datetime
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

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
    with Session(cache, jobs=request.jobs, **keywords) as session:
        subject = [_clock(), *collectors.collect(tree, config, session)]
        base = None
        if request.since:
            before = open_revision(tree.root, request.since, evidence=config.evidence)
            base, difference = _compared(before, tree, config, session)
            subject.append(difference)
        specimens = collect_specimens(suite.root() / "checks", session)
        factfiles.write(folder, subject, specimens, base)
    left_out = sum(isinstance(fact, LeftOut) for observation in subject for fact in observation.facts)
    return Collected(tree=tree, config=config, left_out=left_out, cache_damage=cache.damaged)


def _compared(before: Tree, tree: Tree, config: Config, session: Session) -> tuple[list[Observation], Observation]:
    """The facts of the base revision, judged by its own configuration, and how the gate differs from it."""
    config_before = configuration.load(before)
    base = [_clock(), *collectors.collect(before, config_before, session)]
    return base, gate.compare(before, config_before, tree, config)


def collect_specimens(checks: Path, session: Session) -> dict[tuple[str, str], list[Observation]]:
    """The facts of every specimen, each a small subject of its own; before/ and after/ make a change."""
    found = {}
    for folder in sorted((checks / "specimens").glob("*/*")):
        if folder.is_dir():
            changed = (folder / "before").is_dir()
            tree = open_tree(folder / "after" if changed else folder)
            config = configuration.load(tree)
            facts = [_clock(), *collectors.collect(tree, config, session)]
            if changed:
                facts.append(_compared(open_tree(folder / "before"), tree, config, session)[1])
            found[folder.parent.name, folder.name] = facts
    return found


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


def _clock(now: Callable[[], datetime.datetime] = lambda: datetime.datetime.now(datetime.UTC)) -> Observation:
    stamp = now().strftime("%Y-%m-%dT%H:%M:%SZ")
    return Observation(collector="run", source="", digest="", facts=(RunTime(now=stamp),))
