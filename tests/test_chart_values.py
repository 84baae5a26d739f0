"""Values are composed as Helm composes them, and held against the schema of every chart that sees them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strictreal.cache import Cache
from strictreal.collect.chart import layout, values
from strictreal.engines import helm
from strictreal.facts.charts import ValuesError, ValuesFile
from strictreal.model import Gap
from strictreal.session import Session

SUB = b"apiVersion: v2\nname: sub\nversion: 0.1.0\n"
TOP = b"""\
apiVersion: v2
name: top
version: 0.1.0
dependencies:
  - {name: sub, version: 0.1.0, alias: one, condition: "one.on,always"}
  - {name: sub, version: 0.1.0, alias: two, tags: [extra]}
"""
Files = dict[str, bytes]


def chart(own: Any, subs: Any, overlay: Any = None) -> Files:
    files = {"Chart.yaml": TOP, "values.yaml": dump(own), "charts/sub/Chart.yaml": SUB}
    files["charts/sub/values.yaml"] = dump(subs)
    if overlay is not None:
        files["values-x.yaml"] = dump(overlay)
    return files


def dump(value: Any) -> bytes:
    return json.dumps(value).encode()


def composed(files: Files) -> dict[str, Any]:
    merged = values._overlaid(json.loads(files["values.yaml"]), json.loads(files.get("values-x.yaml", b"{}")))
    return values.compose(layout.subtree(files), files, merged)


def _by_helm(files: Files) -> dict[str, Any] | str:
    """The values that templates of the chart and of each subchart see, as Helm composes them."""
    texts = {"templates/v.yaml": b"{{ toJson .Values }}", "charts/sub/templates/v.yaml": b"{{ toJson .Values }}"}
    try:
        seen = helm.LoadedChart(files | texts).render(files.get("values-x.yaml", b"").decode(), "r", "n")
    except helm.HelmFailure as error:
        return str(error)
    return {path.removesuffix("/templates/v.yaml"): json.loads(text) for path, text in seen.items()}


@pytest.fixture(scope="module")
def session() -> Iterator[Session]:
    with Session(Cache(None), jobs=1) as session:
        yield session


_LEAF = st.integers(0, 3) | st.booleans() | st.text("ab", max_size=2)
_INNER = st.dictionaries(st.sampled_from("abc"), _LEAF, max_size=2)
# A key is a table everywhere or nowhere: what Helm makes of one that is both differs from place to place.
_MAP = st.fixed_dictionaries({}, optional={"a": _LEAF, "b": _LEAF, "m": _INNER, "n": _INNER})
_TOP = st.fixed_dictionaries({}, optional={"one": _MAP, "two": _MAP, "global": _MAP, "a": _LEAF, "m": _MAP})


@given(own=_TOP, subs=_MAP, overlay=_TOP)
def test_the_scope_of_each_chart_is_what_its_templates_see(own: Any, subs: Any, overlay: Any, session: Session) -> None:
    files = chart(own, subs, overlay)
    [theirs] = session.bounded(_by_helm, [files])
    assert isinstance(theirs, dict), theirs
    top, merged = layout.subtree(files), composed(files)
    for subchart in top.all:
        scope = values._scope(top, subchart, merged)
        seen = theirs.get(subchart.key)
        assert (scope is None) == (seen is None)
        if scope is not None and seen is not None:
            assert without_globals(scope) == without_globals(seen)
            assert scope.get("global", {}) == seen.get("global", {})


def without_globals(scope: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in scope.items() if key not in ("global", "one", "two", "sub")}


def test_null_takes_a_default_away() -> None:
    files = chart({"a": 1, "m": {"b": 1, "c": 2}}, {}, {"a": None, "m": {"b": None}})
    assert {key: value for key, value in composed(files).items() if key in "am"} == {"m": {"c": 2}}


@pytest.mark.parametrize(
    ("settings", "on"),
    [
        ({}, True),
        ({"one": {"on": False}}, False),
        ({"one": {"on": "no"}}, True),
        ({"always": False}, False),
        ({"one": {"on": True}, "always": False}, True),
    ],
)
def test_the_first_condition_that_is_a_boolean_decides(settings: Any, on: bool) -> None:
    assert values.enabled(layout.Dependency(name="sub", condition="one.on, always"), settings) is on


SCHEMA = {"type": "object", "properties": {"size": {"type": "integer"}}, "additionalProperties": False}


def facts(files: Files, overlay: str = "") -> list[Any]:
    paths = {path: f"app/{path}" for path in files}
    return list(values.facts("app/Chart.yaml", layout.subtree(files), files, overlay, paths))


def test_a_value_is_found_in_the_file_that_gives_it() -> None:
    files = {"Chart.yaml": SUB, "values.yaml": b"size: 1\n", "values.schema.json": dump(SCHEMA)}
    files["values-x.yaml"] = b"# more\nsize: many\nname: x\n"
    found = facts(files, "values-x.yaml")
    assert [(f.where.path, f.where.line, f.key, f.message) for f in found if isinstance(f, ValuesError)] == [
        ("app/values-x.yaml", 3, "name", "there is no such field"),
        ("app/values-x.yaml", 2, "size", "must be integer, is string"),
    ]
    assert [f.schema for f in found if isinstance(f, ValuesFile)] == ["app/values.schema.json"]


def test_a_subchart_judges_its_part() -> None:
    files = chart({"one": {"size": "x"}, "two": {"size": 1}}, {"size": 1})
    files["charts/sub/values.schema.json"] = dump({"type": "object", "properties": {"size": {"type": "integer"}}})
    found = facts(files)
    assert [f.key for f in found if isinstance(f, ValuesError)] == ["one.size"]
    assert len([f for f in found if isinstance(f, ValuesFile)]) == 2


def test_a_subchart_that_is_off_is_not_judged() -> None:
    files = chart({"one": {"on": False, "size": "x"}, "two": {"size": 1}}, {})
    files["charts/sub/values.schema.json"] = dump({"type": "object", "properties": {"size": {"type": "integer"}}})
    assert [f for f in facts(files) if isinstance(f, ValuesError)] == []


@pytest.mark.parametrize("schema", [b"{", b"[]", dump({"$ref": "http://example.com/x.json"}), dump({"type": "strin"})])
def test_a_schema_that_cannot_be_used_is_a_gap(schema: bytes) -> None:
    files = {"Chart.yaml": SUB, "values.yaml": b"size: 1\n", "values.schema.json": schema}
    [gap] = facts(files)
    assert isinstance(gap, Gap)
    assert gap.of == "ValuesFile"
    assert "app/values.schema.json" in gap.reason


def test_values_that_come_from_imports_are_not_judged() -> None:
    chart_yaml = SUB + b"dependencies: [{name: sub, version: 1.0.0, import-values: [data]}]\n"
    files = {"Chart.yaml": chart_yaml, "values.yaml": b"size: x\n", "values.schema.json": dump(SCHEMA)}
    [gap] = facts(files)
    assert "import-values" in gap.reason


@pytest.mark.parametrize(
    ("text", "line"), [(b"a: 1\nb: [", 2), (b"- a\n", 1), (b"a: 1\n\tb: 2", 2), (b"a: \xff", 0), (b"a: .nan\n", 1)]
)
def test_values_that_are_no_mapping_are_an_error(text: bytes, line: int) -> None:
    found = facts({"Chart.yaml": SUB, "values.yaml": text})
    [error] = [f for f in found if isinstance(f, ValuesError)]
    assert error.where.line == line
    assert "not YAML that Helm reads" in error.message
