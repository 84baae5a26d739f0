"""A chart's files and its subcharts': what Helm calls a template, and where it lies in the subject."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from strictreal import kubeyaml
from strictreal.errors import BoundExceeded

MAX_SUBCHART_DEPTH = 10
MAX_CHART_YAML_BYTES = 256 * 1024


@dataclass(frozen=True)
class Dependency:
    """One entry of `dependencies` in a Chart.yaml (or of a requirements.yaml)."""

    name: str
    version: str = ""
    repository: str = ""
    alias: str = ""
    condition: str = ""
    tags: tuple[str, ...] = ()
    imports: bool = False


@dataclass(frozen=True)
class Metadata:
    """What a Chart.yaml says."""

    name: str = ""
    version: str = ""
    kind: str = "application"
    kube_version: str = ""
    dependencies: tuple[Dependency, ...] = ()


@dataclass(frozen=True)
class Subtree:
    """A chart or subchart.

    Attributes:
        folder: its folder below the top chart with a final slash; "" for the top.
        key: how Helm names it in template paths: `app`, `app/charts/cache`.
        values: where its values stand in those of the top chart: `("cache",)`.
        dependency: the entry that asks for it; None for the top and for what merely lies under charts/.
    """

    folder: str
    key: str
    metadata: Metadata
    values: tuple[str, ...] = ()
    dependency: Dependency | None = None
    children: tuple[Subtree, ...] = field(default=())

    @property
    def all(self) -> tuple[Subtree, ...]:
        """This chart and every chart below it."""
        return (self, *(inner for child in self.children for inner in child.all))


@lru_cache(maxsize=256)
def metadata(chart_yaml: bytes, requirements: bytes = b"") -> Metadata:
    """What a Chart.yaml says, and a requirements.yaml of the first API version.

    Raises:
        YamlError, BoundExceeded: it cannot be read.
    """
    if len(chart_yaml) > MAX_CHART_YAML_BYTES or len(requirements) > MAX_CHART_YAML_BYTES:
        raise BoundExceeded(f"Chart.yaml is larger than {MAX_CHART_YAML_BYTES} bytes (bound: Chart.yaml size)")
    value = kubeyaml.parse(chart_yaml).value
    if not isinstance(value, dict):
        raise kubeyaml.YamlError("Chart.yaml is not a mapping")
    older = kubeyaml.parse(requirements).value if requirements else None
    entries = [
        *(value.get("dependencies") or ()),
        *((older.get("dependencies") or ()) if isinstance(older, dict) else ()),
    ]
    return Metadata(
        name=_text(value, "name"),
        version=_text(value, "version"),
        kind=_text(value, "type") or "application",
        kube_version=_text(value, "kubeVersion"),
        dependencies=tuple(_dependency(entry) for entry in entries if isinstance(entry, dict)),
    )


def _dependency(entry: dict[str, Any]) -> Dependency:
    tags = entry.get("tags")
    return Dependency(
        name=_text(entry, "name"),
        version=_text(entry, "version"),
        repository=_text(entry, "repository"),
        alias=_text(entry, "alias"),
        condition=_text(entry, "condition"),
        tags=tuple(map(str, tags)) if isinstance(tags, list) else (),
        imports=bool(entry.get("import-values")),
    )


def _text(value: dict[str, Any], key: str) -> str:
    found = value.get(key)
    return "" if found is None else str(found)


def subtree(files: dict[str, bytes], folder: str = "", key: str = "", values: tuple[str, ...] = ()) -> Subtree:
    """The chart below `folder` of these files, with its subcharts.

    Raises:
        YamlError: its Chart.yaml cannot be read.
        BoundExceeded: subcharts are nested more than MAX_SUBCHART_DEPTH deep.
    """
    if len(values) > MAX_SUBCHART_DEPTH:
        raise BoundExceeded(f"subcharts nested more than {MAX_SUBCHART_DEPTH} deep (bound: subchart depth)")
    if f"{folder}Chart.yaml" not in files:
        raise kubeyaml.YamlError("Chart.yaml is missing, or .helmignore leaves it out")
    said = metadata(files[f"{folder}Chart.yaml"], files.get(f"{folder}requirements.yaml", b""))
    key = key or said.name
    children: list[Subtree] = []
    prefix = f"{folder}charts/"
    names = {path[len(prefix) :].partition("/")[0] for path in files if path.startswith(prefix)}
    for name in sorted(names):
        inside = f"{prefix}{name}/"
        if name.startswith(("_", ".")) or f"{inside}Chart.yaml" not in files:
            continue
        own = metadata(files[f"{inside}Chart.yaml"]).name
        asked: list[Dependency | None] = [entry for entry in said.dependencies if entry.name == own]
        for entry in asked or [None]:
            called = (entry and entry.alias) or own
            child = subtree(files, inside, f"{key}/charts/{called}", (*values, called))
            children.append(Subtree(child.folder, child.key, child.metadata, child.values, entry, child.children))
    return Subtree(folder, key, said, values, None, tuple(children))


def absent(top: Subtree) -> list[tuple[Subtree, Dependency]]:
    """Dependencies that a Chart.yaml names and that are not under its charts/."""
    return [
        (chart, entry)
        for chart in top.all
        for entry in chart.metadata.dependencies
        if entry.name not in {child.metadata.name for child in chart.children}
    ]


def locate(top: Subtree, template: str) -> tuple[Subtree, str]:
    """The chart that a template path of Helm belongs to, and the file below the top chart's folder."""
    owner = max(
        (chart for chart in top.all if template.startswith(chart.key + "/")),
        key=lambda chart: len(chart.key),
        default=top,
    )
    return owner, owner.folder + template.removeprefix(owner.key + "/")
