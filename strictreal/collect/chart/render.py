"""One chart rendered with one set of values, in a bounded worker: from its files to facts."""

from __future__ import annotations

import dataclasses
import itertools
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from strictreal.collect import yamlplace
from strictreal.collect.chart import archive, clock, ignore, layout, trace, values
from strictreal.collect.chart.given import Given, NotTold, as_text, composed
from strictreal.collect.chart.judge import Judge, held
from strictreal.collect.chart.source import Origin, Source, TemplateOrigin
from strictreal.engines import helm
from strictreal.engines.schemas import KubernetesSchemas
from strictreal.errors import BoundExceeded
from strictreal.facts.charts import KubernetesTarget, Manifest, Render, RenderPair, UnstableTemplate, rendered
from strictreal.kubeyaml import YamlError
from strictreal.model import Fact, Gap, Location, digest
from strictreal.redact import redact

UNITS = ("Render", "RenderPair", "Manifest", "Validation")
"""What a render that fails leaves unexamined."""


@dataclass(frozen=True)
class Job:
    """One render as asked for.

    Attributes:
        chart: the path that stands for the chart in the subject.
        packaged: whether it is a package, which .helmignore does not concern.
        prefix: the folder of the chart in the subject with a final slash; "" for a package.
        files: its files by path below that folder.
        overlay: the values file on top of values.yaml, below the folder; "" for the chart's own values.
        kubernetes: the version whose schemas judge.
        target: the version that templates shall see; "" when the configuration names none.
        program: the `helm` program to render with; "" for the SDK.
        scratch: a private folder for the program, which the parent removes.
        seconds: the time that the worker has.
        given: what a deployment gives, which the overlay is then made of.
        place: the file of the subject that gives the overlay, where that is not the overlay's own path.
    """

    chart: str
    packaged: bool
    prefix: str
    files: dict[str, bytes] = field(repr=False)
    overlay: str
    release: str
    namespace: str
    kubernetes: str
    target: str
    program: str
    scratch: str
    seconds: float
    given: Given | None = None
    place: str = ""


@dataclass(frozen=True)
class Done:
    """What a render found, and what it was done with."""

    facts: list[Fact]
    tools: dict[str, str]
    size: int = 0
    """Bytes of its manifests, about."""
    templates: dict[str, bool] | None = None
    """By its place in the subject, whether each template wrote a manifest; None when the render failed."""


@cache
def _schemas(version: str) -> KubernetesSchemas:
    return KubernetesSchemas(version)


def render(job: Job) -> Done:
    """rendering charts"""
    with helm.quiet():
        return _Rendering(job).run()


class _Rendering:
    def __init__(self, job: Job) -> None:
        self.job = job
        self.templates: dict[str, bool] | None = None
        self.engine = helm.embedded()
        self.tools = {"helm-sdk": self.engine.name.removeprefix("helm-sdk ")}
        if job.program:
            self.tools["helm"] = helm.program_version(job.program)
            self.engine = helm.Engine(f"helm {self.tools['helm']}", job.target)

    def run(self) -> Done:
        try:
            mine = dict(self.job.files if self.job.packaged else ignore.kept(self.job.files))
            if self.job.given:
                mine[self.job.overlay] = as_text(composed(self.job.given.pieces), self.job.given.line)
                self.job = dataclasses.replace(
                    self.job, files={**self.job.files, self.job.overlay: mine[self.job.overlay]}
                )
            files, packages = archive.expand(mine)
        except (archive.UnsafeArchive, helm.HelmFailure) as error:
            return self.done([*self.failed(str(error)), self.gap("ValuesFile", str(error))])
        except (BoundExceeded, NotTold) as error:
            return self.done([*self.gaps(str(error)), self.gap("ValuesFile", str(error))])
        source = Source(files, {path: self.place(path, packages) for path in files})
        if self.job.place:  # what a deployment gives, or a name brings, is no file of the chart
            source.paths[self.job.overlay] = self.job.chart if self.job.packaged else self.job.place
        try:
            top = layout.subtree(files)
        except (YamlError, BoundExceeded, UnicodeDecodeError) as error:
            reason = f"Chart.yaml cannot be read: {error}"
            return self.done([*self.failed(reason), self.gap("ValuesFile", reason)])
        found: list[Fact] = list(values.facts(self.job.chart, top, files, self.job.overlay, source.paths))
        try:
            found += self.rendered(top, source)
        except helm.HelmFailure as error:
            found += self.failed(str(error), self.template(top, source, error))
        except BoundExceeded as error:
            found += self.gaps(str(error))
        return self.done(found)

    def done(self, facts: list[Fact]) -> Done:
        size = sum(len(fact.document) for fact in facts if isinstance(fact, Manifest))
        return Done(facts, self.tools, size, self.templates)

    def place(self, path: str, packages: dict[str, str]) -> str:
        """Where a file of the chart lies in the subject: what came out of a package lies in the package."""
        package = next((packages[folder] for folder in sorted(packages) if path.startswith(folder + "/")), None)
        if self.job.packaged:
            return self.job.chart
        return self.job.prefix + (package or path)

    def gap(self, unit: str, reason: str) -> Gap:
        overlay = f" with {self.job.overlay}" if self.job.overlay else ""
        return Gap(of=unit, where=Location(self.job.chart), reason=reason + overlay)

    def gaps(self, reason: str, units: tuple[str, ...] = UNITS) -> Iterator[Gap]:
        return (self.gap(unit, reason) for unit in units)

    def failed(self, error: str, where: Location | None = None) -> list[Fact]:
        """The chart is at fault: an attempt with an error, and gaps for what it therefore did not give."""
        shown = "\n".join(redact(line, unquoted=True) for line in error.split("\n"))
        attempt = Render(
            where=where or Location(self.job.chart),
            chart=self.job.chart,
            overlay=self.job.overlay,
            engine=self.engine.name,
            kubernetes=self.engine.kubernetes,
            error=shown,
        )
        return [attempt, *self.gaps(f"the chart does not render: {shown}", UNITS[1:])]

    def template(self, top: layout.Subtree, source: Source, error: helm.HelmFailure) -> Location | None:
        """Where Helm says that the fault is."""
        path = layout.locate(top, error.template)[1]
        return source.at(path, error.line) if path in source.files else None

    def rendered(self, top: layout.Subtree, source: Source) -> list[Fact]:
        if missing := layout.absent(top):
            reason = "; ".join(_missing(chart, entry) for chart, entry in missing)
            return self.failed(reason, _asked(source, *missing[0]))
        files = source.files
        templates = {path: text for path in files if (text := _template(path, files)) is not None}
        plain = self.embedded(files)
        marked = self.marked(files, templates)
        if self.job.program:
            first, second = self.with_program(files), self.with_program(files)
        elif all(trace.strip(marked.get(name, "")) == text for name, text in plain.items()):
            first = second = plain
        else:
            first, second = plain, self.embedded(files)
        origins = [
            TemplateOrigin(source, top, name, text, plain.get(name, ""), marked.get(name, ""))
            for name, text in first.items()
        ]
        judge = Judge(_schemas(self.job.kubernetes), self.job.chart, self.job.overlay, held(first.values()))
        manifests: list[Fact] = []
        wrote: dict[str, bool] = {}
        for origin in (*origins, *self.crds(top, source)):
            found = list(judge.facts(origin))
            manifests += found
            place = source.paths.get(origin.path, origin.path)
            wrote[place] = wrote.get(place, False) or bool(found)
        if judge.fault:
            return self.failed(judge.fault.reason, judge.fault.where)
        self.templates = wrote
        unstable = list(_unstable(origins, second, templates))
        attempt = Render(
            where=Location(
                source.paths.get(self.job.overlay or "Chart.yaml", self.job.chart),
                self.job.given.line if self.job.given else 0,
            ),
            chart=self.job.chart,
            overlay=self.job.overlay,
            engine=self.engine.name,
            kubernetes=self.engine.kubernetes,
            documents=len(judge.digests),
            digest=digest(rendered(fact.document for fact in manifests if isinstance(fact, Manifest))),
        )
        pair = RenderPair(
            where=Location(self.job.chart), chart=self.job.chart, overlay=self.job.overlay, identical=not unstable
        )
        changing = [
            UnstableTemplate(where=where, chart=self.job.chart, overlays=(self.job.overlay,)) for where in unstable
        ]
        return [attempt, pair, *changing, *self.target(top, source), *manifests]

    def crds(self, top: layout.Subtree, source: Source) -> Iterator[Origin]:
        """The files under crds/, which Helm does not render: taken with the chart's own values only."""
        folders = tuple(f"{chart.folder}crds/" for chart in top.all)
        for path, data in source.files.items():
            if not self.job.overlay and path.startswith(folders) and path.endswith((".yaml", ".yml", ".json")):
                yield Origin(source, path, data.decode(errors="replace"))

    def embedded(self, files: Mapping[str, bytes]) -> dict[str, str]:
        """What the SDK renders files to. Without schemas, since it would fetch what they refer to."""
        overlay = self.job.files[self.job.overlay].decode(errors="replace") if self.job.overlay else ""
        wanted = {path: data for path, data in files.items() if not path.endswith("values.schema.json")}
        return helm.LoadedChart(wanted).render(overlay, self.job.release, self.job.namespace)

    def marked(self, files: Mapping[str, bytes], templates: Mapping[str, str]) -> dict[str, str]:
        """What the chart whose template lines announce themselves renders to; empty when it does not."""
        marked = dict(files)
        for path, text in templates.items():
            name = path.rsplit("/", 1)[-1]
            if not name.startswith("_") and name != "NOTES.txt" and (copy := trace.mark(text)) is not None:
                marked[path] = copy.encode()
        try:
            return self.embedded(marked)
        except helm.HelmFailure:
            return {}

    def with_program(self, files: Mapping[str, bytes]) -> dict[str, str]:
        """What the helm program renders files to, from a private folder."""
        with tempfile.TemporaryDirectory(dir=self.job.scratch) as folder:
            chart = Path(folder) / "chart"
            for path, data in files.items():
                if not path.endswith("values.schema.json"):
                    (chart / path).parent.mkdir(parents=True, exist_ok=True)
                    (chart / path).write_bytes(data)
            overlay = None
            if self.job.overlay:
                overlay = Path(folder) / "values.yaml"
                overlay.write_bytes(self.job.files[self.job.overlay])
            return helm.render_with_program(
                self.job.program,
                chart,
                overlay,
                release=self.job.release,
                namespace=self.job.namespace,
                kubernetes=self.job.target,
                seconds=self.job.seconds / 3,
            )

    def target(self, top: layout.Subtree, source: Source) -> Iterator[Fact]:
        """Whether templates saw the Kubernetes version that the configuration names."""
        if not self.job.target:
            return
        asks = any(chart.metadata.kube_version for chart in top.all) or any(
            b"Capabilities" in data for path, data in source.files.items() if "templates/" in path
        )
        if asks and not self.job.program and not f"{self.engine.kubernetes}.".startswith(f"{self.job.target}."):
            yield self.gap(
                "KubernetesTarget",
                f"it asks for the Kubernetes version, and without a helm program it saw {self.engine.kubernetes} "
                f"instead of {self.job.target}",
            )
        else:
            yield KubernetesTarget(
                where=Location(self.job.chart), chart=self.job.chart, overlay=self.job.overlay, version=self.job.target
            )


def _missing(chart: layout.Subtree, entry: layout.Dependency) -> str:
    of = f"{chart.key}: " if chart.folder else ""
    origin = f" of {entry.repository[:200]}" if entry.repository else ""
    return f"{of}dependency {entry.name} {entry.version}{origin} is not under charts/".replace("  ", " ")


def _asked(source: Source, chart: layout.Subtree, entry: layout.Dependency) -> Location:
    """The line of a Chart.yaml that asks for a dependency."""
    path = f"{chart.folder}Chart.yaml"
    number = chart.metadata.dependencies.index(entry)
    return source.at(path, yamlplace.place(source.files[path].decode(), ("dependencies", number))[0])


def _template(path: str, files: dict[str, bytes]) -> str | None:
    if "/templates/" not in f"/{path}":
        return None
    try:
        return files[path].decode()
    except UnicodeDecodeError:
        return None


def _unstable(origins: list[TemplateOrigin], second: dict[str, str], templates: dict[str, str]) -> Iterator[Location]:
    """The first line of each template that changes from render to render, or from day to day."""
    asking = clock.lines_that_ask(templates) if any(clock.mentions(text) for text in templates.values()) else {}
    for origin in origins:
        again = second.get(origin.name, "")
        if origin.text != again:
            pairs = itertools.zip_longest(origin.text.split("\n"), again.split("\n"))
            line = next(number for number, (one, other) in enumerate(pairs) if one != other)
            yield origin.source.at(origin.path, origin.lines[line] if line < len(origin.lines) else 0)
        elif ran := asking.get(origin.path, frozenset()) & set(origin.lines):
            yield origin.source.at(origin.path, min(ran))
