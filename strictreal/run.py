"""Collect → judge → record → report, readable top to bottom."""

from __future__ import annotations

import datetime
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import msgspec

from strictreal import collect as collectors
from strictreal import config as configuration
from strictreal import suite
from strictreal.cache import Cache
from strictreal.collect.session import Session, Watch
from strictreal.config import Config, Settings
from strictreal.evidence import factfiles
from strictreal.model import Observation, Outcome, Result, RunTime
from strictreal.plugin import judge_folder
from strictreal.subject import Tree, open_revision, open_tree


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """One audit as asked for."""

    path: Path
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
    cache_damage: int


class Verdict(msgspec.Struct, kw_only=True):
    """The end of an audit."""

    collected: Collected
    results: tuple[Result, ...]
    seconds: dict[str, float]
    strict: bool
    bundle: Path | None = None

    @property
    def exit_code(self) -> int:
        """pytest's codes: 0 all proven or waived, 1 findings or, in strict mode, anything not proven, 5 nothing to check."""
        outcomes = {result.outcome for result in self.results}
        if Outcome.ERROR in outcomes:
            return 3
        if Outcome.FAILED in outcomes or (self.strict and Outcome.NOT_PROVEN in outcomes):
            return 1
        return 0 if outcomes - {Outcome.NOT_APPLICABLE} else 5


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
            before = open_revision(tree.root, request.since)
            base = collectors.collect(before, config, session)
        specimens = collect_specimens(session)
        factfiles.write(folder, subject, specimens, base)
        return Collected(tree=tree, config=config, cache_damage=cache.damaged)


def collect_specimens(session: Session) -> dict[tuple[str, str], list[Observation]]:
    """The facts of every specimen, each a small subject of its own."""
    found = {}
    for folder in sorted((suite.root() / "checks" / "specimens").glob("*/*")):
        if folder.is_dir():
            tree = open_tree(folder)
            found[folder.parent.name, folder.name] = collectors.collect(tree, configuration.load(tree), session)
    return found


def audit(request: Request, *, settings: Settings, watch: Watch | None = None) -> Verdict:
    """One audit, from a repository to a verdict and a bundle."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="strictreal-")))
        collected = collect(request, folder, settings=settings, watch=watch)
        recorder = judge_folder(folder, only=request.only)
        results = tuple(recorder.results[id] for id in sorted(recorder.results))
        return Verdict(
            collected=collected, results=results, seconds=recorder.seconds, strict=request.strict or settings.strict
        )


def _clock(now: Callable[[], datetime.datetime] = lambda: datetime.datetime.now(datetime.UTC)) -> Observation:
    stamp = now().strftime("%Y-%m-%dT%H:%M:%SZ")
    return Observation(collector="run", source="", digest="", facts=(RunTime(now=stamp),))
