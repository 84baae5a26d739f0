"""A chart's values held against its schema, and against those of its subcharts, composed as Helm composes them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import msgspec

from strictreal import kubeyaml
from strictreal.collect import yamlplace
from strictreal.collect.chart.layout import Dependency, Subtree
from strictreal.collect.chart.lines import Lines
from strictreal.collect.chart.source import MAX_TEXT
from strictreal.engines import schemas
from strictreal.facts.charts import ValuesError, ValuesFile
from strictreal.model import Fact, Gap, Location

Values = dict[str, Any]


def facts(chart: str, top: Subtree, files: dict[str, bytes], overlay: str, paths: dict[str, str]) -> Iterator[Fact]:
    """One values file of a chart: read, and judged by every schema that its values meet.

    Args:
        chart: the path that stands for the chart.
        files: the chart's files with packages laid open; all packages' schemas are among them.
        overlay: the values file on top of values.yaml; "" for the chart's own values.
        paths: where a file of the chart lies in the subject.
    """
    source = overlay or "values.yaml"
    path = paths.get(source, paths.get("Chart.yaml", chart))
    try:
        own, given = _read(files, "values.yaml"), _read(files, overlay) if overlay else {}
        duplicates = _parsed(files[source]).duplicates if source in files else ()
    except (kubeyaml.YamlError, UnicodeDecodeError) as error:
        line = getattr(error, "line", 0)
        yield ValuesFile(where=Location(path), chart=chart, overlay=overlay, schema="")
        where = _at(path, files, source, line)
        yield ValuesError(where=where, chart=chart, key="", message=f"is not YAML that Helm reads: {error}")
        return
    for duplicate in duplicates:
        where = _at(path, files, source, duplicate.line, duplicate.column)
        yield ValuesError(where=where, chart=chart, key=duplicate.key, message="is given twice")
    merged = compose(top, files, _overlaid(own, given))
    judged = False
    for subchart in top.all:
        schema = files.get(f"{subchart.folder}values.schema.json")
        scope = _scope(top, subchart, merged)
        if schema is None or scope is None:
            continue
        judged = True
        schema_path = paths[f"{subchart.folder}values.schema.json"]
        yield from _judge(chart, path, files, source, overlay, subchart, schema_path, schema, scope)
    if not judged:
        yield ValuesFile(where=Location(path), chart=chart, overlay=overlay, schema="")


@lru_cache(maxsize=256)
def _parsed(text: bytes) -> kubeyaml.Document:
    """Read once a worker: charts of one repository often hold the same subcharts. Never changed after that."""
    return kubeyaml.parse(text)


def _read(files: dict[str, bytes], name: str) -> Values:
    value = _parsed(files[name]).value if name in files else {}
    if not isinstance(value, dict | None):
        raise kubeyaml.YamlError("must be a mapping", 1)
    return value or {}


def _judge(
    chart: str, path: str, files: dict[str, bytes], source: str, overlay: str,
    subchart: Subtree, schema_path: str, schema: bytes, values: Values,
) -> Iterator[Fact]:  # fmt: skip
    unit = ValuesFile(where=Location(path), chart=chart, overlay=overlay, schema=schema_path)
    imported = any(entry.imports for entry in subchart.metadata.dependencies)
    try:
        if imported:
            raise schemas.SchemaUnusable("its values come partly from import-values, which are not followed here")
        validator = schemas.compile_schema(msgspec.json.decode(schema))
    except (schemas.SchemaUnusable, msgspec.DecodeError, RecursionError) as error:
        yield Gap(of="ValuesFile", where=Location(path), reason=f"{schema_path}: {error}")
        return
    yield unit
    for problem in schemas.problems(validator, values):
        full = (*subchart.values, *problem.path)
        line, column = yamlplace.place(files[source].decode(), full) if source in files else (0, 0)
        key = ".".join(map(str, full))
        yield ValuesError(where=_at(path, files, source, line, column), chart=chart, key=key, message=problem.message)


def _at(path: str, files: dict[str, bytes], source: str, line: int, column: int = 0) -> Location:
    text = ""
    if line and source in files:
        text = Lines(files[source].decode(errors="replace"))(line)[:MAX_TEXT].rstrip()
    return Location(path, line, column, text=text)


def compose(top: Subtree, files: dict[str, bytes], values: Values) -> Values:
    """The values that templates see: subcharts' defaults below their names, globals handed down, null erasing.

    Helm's chartutil.CoalesceValues, for charts without import-values.
    """
    values = dict(values)
    for child in top.children:
        name = child.values[-1]
        mine = values.get(name)
        if mine is None or isinstance(mine, dict):
            inner = _with_globals(mine or {}, values.get("global"))
            try:
                defaults = _read(files, f"{child.folder}values.yaml")
            except kubeyaml.YamlError:
                defaults = {}  # Helm refuses to load such a chart, and says so
            values[name] = compose(child, files, _overlaid(defaults, inner))
    return values


def _with_globals(inner: Values, shared: Any) -> Values:
    """A subchart's values with the globals of the chart above, which win unless one is a table and the other is not."""
    own = inner.get("global", {})
    if not isinstance(shared, dict) or not isinstance(own, dict):
        return inner
    fitting = {
        key: value
        for key, value in shared.items()
        if key not in own or isinstance(value, dict) == isinstance(own[key], dict)
    }
    return {**inner, "global": _overlaid(own, fitting)}


def _overlaid(below: Values, above: Values) -> Values:
    merged = dict(below)
    for key, value in above.items():
        if value is None and key in below:
            merged.pop(key, None)
        elif isinstance(value, dict) and isinstance(below.get(key), dict):
            merged[key] = _overlaid(below[key], value)
        else:
            merged[key] = value
    return merged


def _scope(top: Subtree, subchart: Subtree, values: Values) -> Values | None:
    """The part of the composed values that a subchart sees; None when it is switched off."""
    chart, scope = top, values
    for name in subchart.values:
        chart = next(child for child in chart.children if child.values[-1] == name)
        if chart.dependency and not enabled(chart.dependency, scope):
            return None
        inner = scope.get(name)
        scope = inner if isinstance(inner, dict) else {}
    return scope


def enabled(dependency: Dependency, values: Values) -> bool:
    """Whether values switch a dependency on: its first condition that is a boolean, else its tags, else yes."""
    for condition in dependency.condition.split(","):
        found: Any = values
        for part in condition.strip().split("."):
            found = found.get(part) if isinstance(found, dict) else None
        if isinstance(found, bool):
            return found
    tags = values.get("tags")
    said = [tags[tag] for tag in dependency.tags if isinstance(tags.get(tag), bool)] if isinstance(tags, dict) else []
    return any(said) if said else True
