"""One chart on its way through the collector: its identity for the cache, its jobs, and what they gave."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import msgspec

from strictreal import facts, suite
from strictreal.cache import Cache
from strictreal.collect.chart import deployed, layout, naming
from strictreal.collect.chart.archive import Package
from strictreal.collect.chart.discover import MAX_CHART_FILES, FoundChart, is_overlay
from strictreal.collect.chart.given import Given
from strictreal.collect.chart.render import UNITS, Done, Job
from strictreal.config import Config
from strictreal.engines import helm, schemas
from strictreal.errors import StrictRealError
from strictreal.facts.charts import Chart, Render, Template
from strictreal.kubeyaml import YamlError
from strictreal.model import Fact, Gap, LeftOut, Location, Observation, canonical, digest
from strictreal.session import MAX_FACT_BYTES
from strictreal.subject import Tree
from strictreal.workers import MAX_REASON

ALL_UNITS = ("Chart", *UNITS, "ValuesFile")
MAX_CHART_BYTES = 64 * 1024 * 1024
MAX_OVERLAYS = 100
MAX_VARIANTS = 24
"""Names and namespaces of a release that a chart is rendered with beside the configured ones."""
MAX_RENDERS = 200
"""Renders of one chart: values files and deployments, each with every name."""
PACKAGE_BYTES = 16 * 1024 * 1024
LIBRARY = "a library chart, which renders nothing by itself"


@dataclass(frozen=True)
class _Tried:
    """How one render differs from the others; `place` is the file of the subject that gives the values."""

    release: str
    namespace: str
    place: str = ""
    given: Given | None = None


@dataclass
class Work:
    """One chart of one tree.

    Attributes:
        given: what deployments give it.
        repeatable: False when something hit a bound of this machine, so that the result must not be cached.
    """

    tree: Tree
    config: Config
    found: FoundChart
    kubernetes: str
    given: tuple[Given, ...] = ()
    repeatable: bool = True
    package: bytes = b""
    files: dict[str, bytes] = field(default_factory=dict)
    overlays: tuple[str, ...] = ()
    facts: list[Fact] = field(default_factory=list)
    tools: dict[str, str] = field(default_factory=dict)
    templates: dict[str, list[str]] = field(default_factory=dict)
    """By template, the values files with which it writes a manifest."""
    _observation: Observation | None = None
    _key: str = ""
    _size: int = 0

    @property
    def packaged(self) -> bool:
        return self.found.packaged

    @property
    def source(self) -> str:
        return self.found.source

    @property
    def program(self) -> str:
        """The helm program, where a Kubernetes version is asked for and there is one."""
        return helm.program() if self.config.charts.kubernetes else ""

    @property
    def digest(self) -> str:
        """SHA-256 over the paths and digests of everything that the chart is made of."""
        return digest(canonical([[path, self.tree.digests[path]] for path in self.found.files]))

    @property
    def key(self) -> str:
        if not self._key:
            engines = {"helm-python-sdk": helm.package_version(), **schemas.versions()}
            self._key = Cache.key(
                *("charts", suite.engine_digest(), canonical(engines).decode()),
                *(canonical(self.config.charts).decode(), self.kubernetes),
                *(self.program and helm.program_identity(self.program), self.source, self.digest),
                canonical([self.found.overlays, self.found.missing]).decode(),
                msgspec.json.encode(self.given).decode(),
            )
        return self._key

    @property
    def weight(self) -> int:
        """About how many bytes the chart takes in memory; a package is guessed at."""
        return PACKAGE_BYTES if self.packaged else self.found.size

    def forget_files(self) -> None:
        """Let go of what was read."""
        self.package, self.files = b"", {}

    def remember(self, blob: bytes | None) -> bool:
        """Take what an earlier run found; False when it is not there or damaged."""
        try:
            if blob is None:
                return False
            [observation] = facts.decode([blob], "cache")
        except (StrictRealError, ValueError):
            return False
        self._observation = msgspec.structs.replace(observation, cached=True)
        return True

    def read(self) -> bool:
        """Read the package; False when that cannot be done, which is then said."""
        try:
            self.package = self.tree.read(self.source)
        except (StrictRealError, OSError) as error:
            self.facts.append(LeftOut(where=Location(self.source), reason=_reason(error, self.source)))
            return False
        return True

    def open(self, package: Package | str) -> None:
        """Take what a worker found in the package."""
        if isinstance(package, str):
            self.missed(package)
        elif package.fault:
            self.refused(package.fault)
        else:
            self.files = package.files
            self.overlays = tuple(sorted(path for path in self.files if is_overlay(path, self.config)))

    def missed(self, reason: str) -> None:
        """Nothing of the chart could be examined."""
        self.repeatable = False
        self.facts += [Gap(of=unit, where=Location(self.source), reason=reason) for unit in ALL_UNITS]

    def refused(self, reason: str) -> None:
        """The chart must not be used."""
        where = Location(self.source)
        self.facts += [
            Chart(where=where, name="", version="", kind="application"),
            Render(where=where, chart=self.source, engine="none", kubernetes=self.kubernetes, error=reason),
            *(Gap(of=unit, where=where, reason=reason) for unit in (*UNITS[1:], "ValuesFile")),
        ]

    def jobs(self, scratch: str, seconds: float) -> Iterator[Job]:
        """The renders to be done: with the chart's own values, and with each values file on top of them."""
        if not self.packaged:
            self._read_folder()
        if not self.files:
            return
        try:
            said = layout.metadata(self.files["Chart.yaml"])
        except (YamlError, StrictRealError, UnicodeDecodeError):
            said = layout.Metadata()  # rendering says what is wrong with it
        prefix = "" if self.packaged else self.found.folder
        schema = prefix + "values.schema.json" if "values.schema.json" in self.files and not self.packaged else ""
        if self.packaged and "values.schema.json" in self.files:
            schema = self.source
        where = Location(self.source)
        charts = self.config.charts
        tried = self._tried(prefix, where)
        self.facts.append(
            Chart(
                where=where, name=said.name, version=said.version, kind=said.kind, overlays=self.overlays, schema=schema
            )
        )
        if said.kind == "library":
            self.facts.append(LeftOut(where=where, reason=LIBRARY))
            return
        for overlay, values in tried.items():
            yield Job(
                chart=self.source,
                packaged=self.packaged,
                prefix=prefix,
                files=self.files,
                overlay=overlay,
                release=values.release,
                namespace=values.namespace,
                kubernetes=self.kubernetes,
                target=charts.kubernetes,
                program=self.program,
                scratch=scratch,
                seconds=seconds,
                given=values.given,
                place=values.place,
            )

    def _tried(self, prefix: str, where: Location) -> dict[str, _Tried]:
        """Every set of values by its label, with every name of a release that the templates tell apart."""
        usual = self.config.charts.release, self.config.charts.namespace
        compared, undecided = naming.read(self.files)
        for there in undecided:
            at = where if self.packaged else Location(prefix + there.path, there.line)
            decides = f"what a release's name or namespace decides here is not followed: {{{{ {there.text[:120]} }}}}"
            self.facts += deployed.gaps(at, decides)
        named = naming.variants(compared, *usual)
        if len(named) > MAX_VARIANTS:
            bound = f"its templates tell more than {MAX_VARIANTS} names of a release apart (bound: renders by name)"
            self.facts += deployed.gaps(where, bound)
            named = named[:MAX_VARIANTS]
        bases = {"": _Tried(*usual)} | {name: _Tried(*usual, place=prefix + name) for name in self.overlays}
        for given in self.given:
            own = (given.release or usual[0], given.namespace or usual[1]) if compared or undecided else usual
            if given.pieces or own != usual:
                bases[given.label] = _Tried(*own, place=given.path, given=given)
        tried = dict(bases)
        for base, values in bases.items():
            for label, release, namespace in named:
                place = values.place or self.source
                tried[f"{base} {label}".strip()] = _Tried(release, namespace, place=place, given=values.given)
        if len(tried) > MAX_RENDERS:
            bound = f"it would be rendered {len(tried)} times, of which {MAX_RENDERS} are (bound: renders)"
            self.facts += deployed.gaps(where, bound)
            tried = dict(list(tried.items())[:MAX_RENDERS])
        for label in filter(None, tried):
            base = next((name for name in self.overlays if label.startswith(f"{name} {naming.VARIANT}")), "")
            self.files.setdefault(label, self.files.get(base, b"{}\n"))
        self.overlays = tuple(label for label in tried if label)
        return tried

    def _read_folder(self) -> None:
        found, size = {}, 0
        self.overlays = self.found.overlays
        try:
            for path, reason in self.found.missing:
                raise StrictRealError(f"{path} belongs to it and was left out: {reason}")
            if len(self.found.files) > MAX_CHART_FILES:
                raise StrictRealError(f"has more than {MAX_CHART_FILES} files (bound: chart files)")
            if len(self.overlays) > MAX_OVERLAYS:
                raise StrictRealError(f"has more than {MAX_OVERLAYS} values files (bound: values files)")
            for path in self.found.files:
                found[path.removeprefix(self.found.folder)] = data = self.tree.read(path)
                size += len(data)
                if size > MAX_CHART_BYTES:
                    raise StrictRealError(f"is larger than {MAX_CHART_BYTES} bytes (bound: chart size)")
        except (StrictRealError, OSError) as error:
            self.missed(str(error))
        else:
            self.files = found

    def add(self, job: Job, result: Done | str) -> None:
        """Take what a worker made of a job, or why it made nothing."""
        if isinstance(result, Done) and self._size + result.size > MAX_FACT_BYTES:
            result = f"its manifests have more than {MAX_FACT_BYTES} bytes (bound: unit facts)"
        if isinstance(result, str):
            self.repeatable = False
            target = ("KubernetesTarget",) if job.target else ()
            reason = f"{result} with {job.overlay}" if job.overlay else result
            self.facts += [
                Gap(of=unit, where=Location(self.source), reason=reason) for unit in (*UNITS, "ValuesFile", *target)
            ]
        else:
            self.facts += result.facts
            self.tools |= result.tools
            for path, wrote in (result.templates or {}).items():
                self.templates.setdefault(path, []).extend([job.overlay] * wrote)
            self._size += result.size

    def _templates(self) -> Iterator[Fact]:
        """Each template with the values that it writes something with; gaps where none of the chart ever does."""
        chart = next((fact for fact in self.facts if isinstance(fact, Chart)), None)
        if chart is None or chart.kind == "library":
            return
        tried = ", ".join(("values.yaml", *self.overlays))
        if not any(self.templates.values()):
            at_fault = any(isinstance(fact, Gap) or (isinstance(fact, Render) and fact.error) for fact in self.facts)
            reason = "the chart does not render" if at_fault else f"no manifest comes out of the chart with {tried}"
            places = [self.source] if at_fault or not self.templates else sorted(self.templates)
            yield from (Gap(of="Template", where=Location(place), reason=reason[:MAX_REASON]) for place in places)
            return
        for path, tried_with in sorted(self.templates.items()):
            where = Location(path)
            if "/crds/" in f"/{path}":  # a file as it is, and no template
                continue
            yield Template(where=where, chart=self.source, overlays=tuple(tried_with))
            if not tried_with:
                yield LeftOut(where=where, reason=f"writes no manifest with {tried}"[:MAX_REASON])

    def observation(self) -> Observation:
        """What was seen of the chart; without facts when it turned out not to be one."""
        if self._observation:
            return self._observation
        tools = {"helm-python-sdk": helm.package_version(), **schemas.versions(), **self.tools} if self.tools else {}
        found = [*(_joined(self.facts) if self.overlays else self.facts), *self._templates()]
        self._observation = Observation(
            collector="charts", source=self.source, digest=self.digest, tools=tools, facts=tuple(found)
        )
        return self._observation


def _joined(found: list[Fact]) -> Iterator[Fact]:
    """Facts that several values files give alike, once, with all of them named."""
    overlays: dict[Fact, list[str]] = {}
    for fact in found:
        if hasattr(fact, "overlays") and not isinstance(fact, Chart):
            overlays.setdefault(msgspec.structs.replace(fact, overlays=()), []).extend(fact.overlays)
        else:
            overlays.setdefault(fact, [])
    for fact, names in overlays.items():
        yield msgspec.structs.replace(fact, overlays=tuple(dict.fromkeys(names))) if names else fact


def _reason(error: Exception, path: str) -> str:
    return str(error).removeprefix(f"{path}: ")
