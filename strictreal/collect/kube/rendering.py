"""What a release should be: the subject's chart, rendered with the release's own values, in a bounded worker."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from strictreal import kubeyaml
from strictreal.collect.chart import archive, ignore, layout, manifest
from strictreal.collect.chart.discover import find
from strictreal.collect.chart.render import Job, render
from strictreal.collect.chart.work import Work
from strictreal.collect.kube.releases import Release
from strictreal.config import Config
from strictreal.engines import helm, schemas
from strictreal.errors import StrictRealError
from strictreal.facts.charts import Manifest, Render
from strictreal.model import Gap, Location
from strictreal.session import Session
from strictreal.subject import Tree

RENDER_SECONDS = 30
VALUES = "release-values.yaml"
"""The name under which the release's values lie on top of the chart's own."""


class Rendered(NamedTuple):
    """One object as the chart renders it, with its secrets, and the template that wrote it."""

    value: dict[str, Any]
    where: Location
    changing: bool
    """Whether a second render gave something else, so that nothing can be said of what should run."""


class Task(NamedTuple):
    """One release to be rendered."""

    job: Job
    server: str
    """The cluster's Kubernetes version, `major.minor`."""


def charts(tree: Tree, config: Config) -> dict[str, Work]:
    """The subject's charts by name; packaged ones are left to whoever opens them."""
    found: dict[str, Work] = {}
    for chart in find(tree, config):
        if chart.packaged:
            continue
        try:
            name = layout.metadata(tree.read(chart.source)).name
        except (StrictRealError, ValueError):
            continue  # rendering it says what is wrong with it
        if name:
            found.setdefault(name, Work(tree, config, chart, schemas.DEFAULT_KUBERNETES))
    return found


def expected(work: Work, release: Release, server: str, scratch: Path, session: Session) -> list[Rendered]:
    """What a release's chart renders to.

    Args:
        server: the cluster's Kubernetes version, `major.minor`.
        scratch: a private folder for the helm program.

    Raises:
        StrictRealError: it does not render; the message says why.
    """
    job = next(work.jobs(str(scratch), RENDER_SECONDS), None)
    if job is None:
        told = next((fact.reason for fact in work.facts if isinstance(fact, Gap)), "renders nothing by itself")
        raise StrictRealError(f"{work.source}: {told}")
    files = {**job.files, VALUES: json.dumps(release.values).encode()}
    own = dataclasses.replace(
        job, files=files, overlay=VALUES, release=release.name, namespace=release.namespace, target="", program=""
    )
    found = session.bounded(_render, [Task(own, server)], seconds=RENDER_SECONDS)[0]
    if isinstance(found, str):
        raise StrictRealError(f"{work.source} does not render with the values of release {release.name}: {found}")
    return found


def _render(task: Task) -> list[Rendered]:
    """rendering releases"""
    done = render(task.job)
    attempt = next((fact for fact in done.facts if isinstance(fact, Render)), None)
    if attempt is None or attempt.error:
        raise StrictRealError(attempt.error if attempt else "it cannot be read")
    places = {(m.kind, m.name, m.namespace): m.where for m in done.facts if isinstance(m, Manifest)}
    first, second = (list(_objects(_texts(task))) for _ in range(2))
    again = {_key(value): value for value in second}
    return [
        Rendered(value, places.get(_key(value), Location(task.job.chart)), changing=again.get(_key(value)) != value)
        for value in first
    ]


def _texts(task: Task) -> dict[str, str]:
    """What each template writes, with the SDK or, where a template asks for the cluster's version, with the program."""
    files, _ = archive.expand(ignore.kept(task.job.files))
    asks = any(b".Capabilities" in data for path, data in files.items() if "templates/" in path)
    with helm.quiet():
        own = helm.embedded().kubernetes
        if asks and not f"{own}.".startswith(f"{task.server}."):
            program = helm.program()
            if not program:
                raise StrictRealError(
                    f"its templates ask for the Kubernetes version, which is {task.server} in the cluster and {own} here: "
                    "install the helm program"
                )
            return _with_program(program, files, task)
        wanted = {path: data for path, data in files.items() if not path.endswith("values.schema.json")}
        values = task.job.files[VALUES].decode()
        return helm.LoadedChart(wanted).render(values, task.job.release, task.job.namespace)


def _with_program(program: str, files: dict[str, bytes], task: Task) -> dict[str, str]:
    import tempfile

    with tempfile.TemporaryDirectory(dir=task.job.scratch) as folder:
        chart = Path(folder) / "chart"
        for path, data in files.items():
            if not path.endswith("values.schema.json"):
                (chart / path).parent.mkdir(parents=True, exist_ok=True)
                (chart / path).write_bytes(data)
        values = Path(folder) / "values.yaml"
        values.write_bytes(task.job.files[VALUES])
        return helm.render_with_program(
            program,
            chart,
            values,
            release=task.job.release,
            namespace=task.job.namespace,
            kubernetes=task.server,
            seconds=task.job.seconds / 3,
        )


def _objects(texts: dict[str, str]) -> Iterator[dict[str, Any]]:
    """The objects of rendered texts; hooks, which Helm runs and takes away, are none of the release."""
    for text in texts.values():
        for document in manifest.texts(text):
            for each in manifest.objects(kubeyaml.parse(document.text).value):
                if not each.hook:
                    yield each.value


def _key(value: dict[str, Any]) -> tuple[str, str, str]:
    each = manifest.Object(value)
    return each.kind, each.name, each.namespace
