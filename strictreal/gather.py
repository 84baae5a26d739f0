"""What an audit judges, collected into one folder of fact files: the subject, its base revision, all specimens."""

from __future__ import annotations

import datetime
import difflib
import fnmatch
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from strictreal import collect as collectors
from strictreal import config as configuration
from strictreal import sprint, suite
from strictreal.cache import Cache
from strictreal.check import load
from strictreal.collect import COLLECTORS, Collector, gate
from strictreal.config import Config, Settings
from strictreal.errors import ConfigurationError
from strictreal.evidence import factfiles
from strictreal.facts.charts import Manifest, Render, rendered
from strictreal.model import LeftOut, Observation, RunTime
from strictreal.session import Session, Watch
from strictreal.subject import Tree, open_revision, open_tree

SPECIMEN_TIME = "2026-01-01T00:00:00Z"
"""When specimens are judged, at every run: their waivers name days around it."""


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


class Subject(NamedTuple):
    """What is audited, opened and configured, and the sprint it is audited for."""

    tree: Tree
    config: Config
    choice: sprint.Choice | None


class Collected(msgspec.Struct, kw_only=True):
    """What collecting leaves behind, besides the fact files."""

    time: str
    """The run's moment, as in its `RunTime` fact."""
    base: str
    """The commit of the base revision, or ""."""
    left_out: int
    renders: tuple[bytes, ...]
    """What each chart renders to with each set of values; `Render.digest` is the SHA-256 of one."""
    notes: tuple[str, ...]
    """What went wrong with the cache, which changes nothing but the time."""


def open_subject(request: Request) -> Subject:
    """Open what is asked for.

    Raises:
        SubjectError, ConfigurationError: it cannot be read, or says something that it cannot mean.
    """
    tree = open_tree(request.path)
    config = configuration.load(tree)
    if config.evidence != tree.evidence:
        tree = open_tree(request.path, evidence=config.evidence)
    checks = load(suite.root() / "checks")
    for glob in config.require:
        if not fnmatch.filter(checks, glob):
            near = difflib.get_close_matches(glob, checks, 1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise ConfigurationError(f"{config.source}: require: there is no check {glob!r}{hint}")
    if not request.sprint:
        return Subject(tree, config, None)
    roadmaps = sprint.load(tree, config.sprints, checks)
    return Subject(tree, config, sprint.choose(roadmaps, request.sprint))


def collect(
    request: Request,
    subject: Subject,
    folder: Path,
    *,
    settings: Settings,
    watch: Watch | None = None,
    registry: Sequence[Collector] = COLLECTORS,
) -> Collected:
    """Write the fact files of one audit into `folder`; `registry` has the collectors that take part."""
    tree, config, choice = subject
    taking_part = [c for c in registry if c not in collectors.LIVE or _asked_for(c, request.only)]
    trees = [(tree, config)]
    extra = sprint.observe(tree, config.sprints, load(suite.root() / "checks"))
    if choice:
        extra.append(_observed("sprint", tuple(sprint.demands(choice, request.lane))))
    if request.since:
        before = open_revision(tree.root, request.since, evidence=config.evidence)
        trees.append((before, configuration.load(before)))
        extra += _compared(trees[1], trees[0])
    with session(settings, cached=request.cached, jobs=request.jobs, watch=watch, lane=request.lane) as shared:
        specimens = _specimens(suite.root() / "checks")
        facts = collectors.collect_all([*trees, *((s.tree, s.config) for s in specimens)], shared, taking_part)
    time = _now()
    now = clock(time, config.waiver_days, lane=request.lane, strict=request.strict)
    seen = [now, *facts[0], *extra]
    base = [now, *facts[1]] if request.since else None
    factfiles.write(folder, seen, _labelled(specimens, facts[len(trees) :]), base)
    return Collected(
        time=time,
        base=trees[1][0].commit if request.since else "",
        left_out=sum(isinstance(fact, LeftOut) for observation in seen for fact in observation.facts),
        renders=tuple(_renders(facts[0])),
        notes=_remarks(shared.cache),
    )


def _asked_for(collector: Collector, only: tuple[str, ...]) -> bool:
    """Whether a check that is to be run, or one whose findings it judges, takes facts that the collector counts."""
    checks = load(suite.root() / "checks")
    wanted = [*only] or ["*"]
    wanted += [id for chosen in only for parameter in checks[chosen].parameters for id in parameter.findings_of]
    chosen = [check for id, check in checks.items() if any(fnmatch.fnmatchcase(id, glob) for glob in wanted)]
    asked = (fact for check in chosen for p in check.parameters if (fact := p.facts or p.only))
    return any(fact.unit_name() in collector.UNITS for fact in asked)


def _renders(observations: list[Observation]) -> Iterator[bytes]:
    facts = [fact for observation in observations if observation.collector == "charts" for fact in observation.facts]
    for render in facts:
        if isinstance(render, Render) and render.digest:
            own = (f for f in facts if isinstance(f, Manifest) and f.chart == render.chart)
            yield rendered(manifest.document for manifest in own if render.overlay in manifest.overlays)


def _remarks(cache: Cache) -> tuple[str, ...]:
    damaged = f"{cache.damaged} damaged entries of the cache were computed again" if cache.damaged else ""
    return tuple(remark for remark in (cache.trouble, damaged) if remark)


def session(
    settings: Settings, *, cached: bool = True, jobs: int = 0, watch: Watch | None = None, lane: str = "embedded"
) -> Session:
    """What collectors share, as the settings say."""
    keywords: dict[str, Any] = {"watch": watch} if watch else {}
    return Session(
        Cache(settings.cache_home if cached else None),
        jobs=jobs,
        lane=lane,
        cluster=settings.cluster,
        trivy_cache=settings.trivy_cache,
        **keywords,
    )


class _Specimen(NamedTuple):
    """A small subject that a check must fail on, or pass."""

    key: tuple[str, str]
    tree: Tree
    config: Config
    difference: list[Observation]


def collect_specimens(checks: Path, session: Session) -> dict[tuple[str, str], list[Observation]]:
    """The facts of every specimen of a suite, by check id and kind."""
    specimens = _specimens(checks)
    facts = collectors.collect_all([(s.tree, s.config) for s in specimens], session)
    return _labelled(specimens, facts)


def _specimens(checks: Path) -> list[_Specimen]:
    """Every specimen of a suite; one with before/ and after/ is a change."""
    found = []
    for key, folder in suite.specimens(checks).items():
        tree = open_tree(suite.judged(folder))
        config = configuration.load(tree)
        before = open_tree(folder / "before") if tree.root.name == "after" else None
        difference = _compared((before, configuration.load(before)), (tree, config)) if before else []
        found.append(_Specimen(key, tree, config, difference))
    return found


def _compared(before: tuple[Tree, Config], after: tuple[Tree, Config]) -> list[Observation]:
    """How the gate of one tree differs from that of another."""
    return collectors.guarded("gate", gate.COMPARED, after[0], lambda: [gate.compare(*before, *after)])


def _labelled(specimens: list[_Specimen], facts: list[list[Observation]]) -> dict[tuple[str, str], list[Observation]]:
    return {
        specimen.key: [clock(SPECIMEN_TIME, specimen.config.waiver_days), *seen, *specimen.difference]
        for specimen, seen in zip(specimens, facts, strict=True)
    }


def _now(read: Callable[[], datetime.datetime] = lambda: datetime.datetime.now(datetime.UTC)) -> str:
    return read().strftime("%Y-%m-%dT%H:%M:%SZ")


def clock(
    now: str, waiver_days: int = Config().waiver_days, *, lane: str = "embedded", strict: bool = False
) -> Observation:
    """The moment and manner of the run as a fact, so that a recheck judges waivers by the same days."""
    last = datetime.date.fromisoformat(now[:10]) + datetime.timedelta(days=waiver_days)
    return _observed("run", (RunTime(now=now, waivers_until=last.isoformat(), lane=lane, strict=strict),))


def _observed(collector: str, facts: tuple[Any, ...]) -> Observation:
    return Observation(collector=collector, source="", digest="", facts=facts)
