"""Helm charts to facts: each chart × each values file, rendered, validated and traced in bounded workers.

Manifests that lie in the repository as they are, outside of charts, are held against the same schemas.

Two renders of the same chart, the schemas of Kubernetes, and those of the values are one piece of work for one worker;
what a chart gave is cached by the content of its files. Custom resources are judged last, when the definitions that all
charts ship are known.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence

from strictreal.collect.chart import archive, customs, deployed, overlays, plain
from strictreal.collect.chart.discover import FoundChart, find
from strictreal.collect.chart.render import render
from strictreal.collect.chart.work import Work
from strictreal.config import Config
from strictreal.engines import schemas
from strictreal.errors import ConfigurationError
from strictreal.facts.charts import Chart, Manifest
from strictreal.model import Fact, Gap, Inventory, Observation, canonical, digest
from strictreal.session import Session
from strictreal.subject import Tree

UNITS = ("Chart", "Render", "Template", "RenderPair", "Manifest", "Validation", "ValuesFile", "KubernetesTarget")
RENDER_SECONDS = 20
"""Wall time for one chart with one set of values, of which most take 20 ms."""
BATCH_BYTES = 128 * 1024 * 1024
"""Files of charts that are held in memory together."""
JOBS_AT_ONCE = 64
"""Renders whose facts are held in memory before equal ones are joined."""


def _key(tree: Tree, config: Config) -> str:
    return f"charts {tree.root} {tree.origin} {tree.digest} {digest(canonical(config))}"


def collect(tree: Tree, config: Config, session: Session) -> Iterator[Observation]:
    """Every chart of the tree that is not excluded."""
    key = _key(tree, config)
    if key not in session.memo:
        prepare([(tree, config)], session)
    yield from session.memo[key]


def manifests(tree: Tree, config: Config, session: Session) -> list[Manifest]:
    """The manifests of a tree's charts, for collectors that look at them further; collected once a session."""
    return [fact for seen in collect(tree, config, session) for fact in seen.facts if isinstance(fact, Manifest)]


def prepare(subjects: Sequence[tuple[Tree, Config]], session: Session, *, seconds: float = RENDER_SECONDS) -> None:
    """Collect the charts of several trees at once, so that all workers have work.

    Args:
        seconds: wall time for one render.

    Raises:
        ConfigurationError: charts.kubernetes names a version that there are no schemas of.
    """
    places = [(tree, config, find(tree, config)) for tree, config in subjects]
    given = deployed.find(places, session)
    found = [
        [
            Work(tree, config, chart, _kubernetes(tree, config), given=tuple(what.given.get(chart.folder, ())))
            for chart in charts
        ]
        for (tree, config, charts), what in zip(places, given, strict=True)
    ]
    works = [work for group in found for work in group]
    known = session.cache.get_many([work.key for work in works])
    fresh = [work for work in works if not work.remember(known.get(work.key))]
    with tempfile.TemporaryDirectory(prefix="strictreal-charts-", ignore_cleanup_errors=True) as scratch:
        for batch in _batches(fresh):
            _examine(batch, scratch, session, seconds)
    made = [(work, work.observation()) for work in fresh]
    session.cache.put_many({work.key: canonical(seen) for work, seen in made if work.repeatable})
    for (tree, config), group, what in zip(subjects, found, given, strict=True):
        seen = [observation for work in group if (observation := work.observation()).facts]
        seen += plain.observe(tree, config, [work.found for work in group], session, _kubernetes(tree, config))
        beside = _outside(tree, config, [work.found for work in group], what)
        verdicts = customs.judge([fact for observation in seen for fact in observation.facts], session)
        session.memo[_key(tree, config)] = [_summary(tree, config, seen, verdicts, beside), *seen, *beside]


def _batches(works: list[Work]) -> Iterator[list[Work]]:
    """Works in groups whose files fit into memory together."""
    batch: list[Work] = []
    weight = 0
    for work in works:
        weight += work.weight
        if batch and weight > BATCH_BYTES:
            yield batch
            batch, weight = [], work.weight
        batch.append(work)
    if batch:
        yield batch


def _examine(works: list[Work], scratch: str, session: Session, seconds: float) -> None:
    """Render charts with all their values files, and let go of their files."""
    packages = [work for work in works if work.packaged and work.read()]
    for work, package in zip(packages, session.bounded(archive.look_into, [w.package for w in packages]), strict=True):
        work.open(package)
    jobs = [(work, job) for work in works for job in work.jobs(scratch, seconds)]
    for start in range(0, len(jobs), JOBS_AT_ONCE):
        part = jobs[start : start + JOBS_AT_ONCE]
        results = session.bounded(render, [job for _, job in part], seconds=seconds)
        for (work, job), result in zip(part, results, strict=True):
            work.add(job, result)
    for work in works:
        work.forget_files()


def _outside(tree: Tree, config: Config, found: Sequence[FoundChart], what: deployed.Deployed) -> list[Observation]:
    """Gaps for what deployments give and nothing was rendered with, and for values files outside of every chart."""
    roots = {chart.folder: chart.overlays for chart in found if not chart.packaged}
    left = overlays.outside(tree, config, roots, what.files) if roots else ()
    facts = (*what.gaps, *(gap for where, reason in left for gap in deployed.gaps(where, reason)))
    return [Observation(collector="charts", source="", digest=tree.digest, facts=facts)] if facts else []


def _kubernetes(tree: Tree, config: Config) -> str:
    try:
        return schemas.require(config.charts.kubernetes or schemas.DEFAULT_KUBERNETES)
    except ConfigurationError:
        if tree.origin == "revision":  # what the base revision got wrong must not keep the fix from being judged
            return schemas.DEFAULT_KUBERNETES
        raise


def _summary(
    tree: Tree, config: Config, seen: list[Observation], verdicts: list[Fact], beside: list[Observation]
) -> Observation:
    """What there is of each unit, and what the charts' definitions say of custom resources."""
    facts = [*(fact for observation in seen for fact in observation.facts), *verdicts]
    charts = [fact for fact in facts if isinstance(fact, Chart)]
    have = Counter(type(fact).__name__ for fact in facts)
    missed = Counter(fact.of for fact in facts if isinstance(fact, Gap))
    renders = sum(1 + len(chart.overlays) for chart in charts if chart.kind != "library")
    unread = missed["Chart"]  # a chart that could not be read is one render that did not take place
    count = {
        "Chart": len(charts) + unread,
        "Render": renders + unread,
        "Template": have["Template"] + missed["Template"],
        "RenderPair": renders + unread,
        "Manifest": have["Manifest"] + missed["Manifest"],
        "Validation": have["Manifest"] + missed["Manifest"],
        "ValuesFile": have["ValuesFile"] + missed["ValuesFile"],
    }
    if config.charts.kubernetes:
        count["KubernetesTarget"] = have["KubernetesTarget"] + missed["KubernetesTarget"]
    lost = Counter(fact.of for observation in beside for fact in observation.facts if isinstance(fact, Gap))
    counted = ((unit, number + lost[unit]) for unit, number in count.items())
    inventory = [Inventory(of=unit, count=number) for unit, number in counted] if seen else []
    return Observation(
        collector="charts",
        source="",
        digest=tree.digest,
        tools=schemas.versions() if verdicts else {},
        facts=(*inventory, *verdicts),
    )
