"""Renders of charts: one that comes out differently each time is named, and an unchanged chart is not rendered again."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from chartfacts import CHARTS, POD, Seen, app, collected

from strictreal.cache import Cache
from strictreal.collect import charts
from strictreal.collect.chart import clock
from strictreal.config import Charts, Config
from strictreal.facts.charts import Manifest, RenderPair, UnstableTemplate
from strictreal.session import Session
from strictreal.subject import open_tree


@pytest.mark.parametrize("function", ["randAlphaNum 8", "genPrivateKey `rsa` | sha1sum", "uuidv4", "now | unixEpoch"])
def test_a_template_that_writes_something_else_each_time_is_named(tmp_path: Path, function: str) -> None:
    template = POD.replace("  name: app\nspec", f"  name: app\n  labels: {{x: {{{{ {function} | quote }}}}}}\nspec")
    seen = collected(app(tmp_path, template))
    unstable = seen.one(UnstableTemplate)
    assert (unstable.where.path, unstable.where.line) == ("app/templates/a.yaml", 5)
    assert not seen.one(RenderPair).identical


def test_a_checksum_of_another_template_does_not_make_a_render_unstable() -> None:
    deployments = [m for m in collected(CHARTS).all(Manifest) if m.where.resource == "Deployment/release-web"]
    annotations = json.loads(deployments[0].document)["spec"]["template"]["metadata"]["annotations"]
    assert list(annotations) == ["checksum/config"]
    assert len(annotations["checksum/config"]) == len(hashlib.sha256().hexdigest())


@pytest.mark.parametrize(
    ("templates", "lines"),
    [
        ({"t/a.yaml": "a: 1\nb: {{ now }}\n"}, {"t/a.yaml": {2}}),
        ({"t/a.yaml": 'a: {{ "now" }}{{ .Values.now }}{{ $now }}{{ nowhere }} now'}, {}),
        ({"t/a.yaml": '{{ include "x" . }}', "t/_x": '{{ define "x" }}{{ ago .t }}{{ end }}'}, {"t/a.yaml": {1}}),
        (
            {
                "t/a.yaml": '\n{{ template "x" . }}',
                "t/_x": '{{define "x"}}{{include "y" .}}{{end}}{{define "y"}}{{now}}{{end}}',
            },
            {"t/a.yaml": {2}},
        ),
        (
            {"t/a.yaml": '{{ include "y" . }}', "t/_x": '{{ define "x" }}{{ now }}{{ end }}{{ define "y" }}1{{ end }}'},
            {},
        ),
    ],
)
def test_the_lines_that_ask_for_the_time_are_known(templates: dict[str, str], lines: dict[str, set[int]]) -> None:
    assert clock.lines_that_ask(templates) == lines


def test_an_unchanged_chart_is_not_rendered_again(tmp_path: Path) -> None:
    root, cache = app(tmp_path / "subject"), tmp_path / "cache"
    first = collected(root, cache=cache)
    with Session(Cache(cache)) as session:
        again = Seen(list(charts.collect(open_tree(root), Config(), session)))
        assert session._workers._pool is None  # no worker was started
    assert [o.cached for o in again.observations if o.source] == [True]
    assert [o.facts for o in again.observations] == [o.facts for o in first.observations]


@pytest.mark.parametrize("change", ["app/templates/a.yaml", "app/values.yaml", "app/charts/x.txt", "app/README.md"])
def test_a_change_to_any_file_of_a_chart_renders_it_again(tmp_path: Path, change: str) -> None:
    root, cache = app(tmp_path / "subject"), tmp_path / "cache"
    collected(root, cache=cache)
    place = root / change
    place.parent.mkdir(exist_ok=True)
    place.write_text((place.read_text() if place.exists() else "") + "# more\n")
    assert [o.cached for o in collected(root, cache=cache).observations if o.source] == [False]


def test_a_changed_configuration_renders_again(tmp_path: Path) -> None:
    root, cache = app(tmp_path / "subject"), tmp_path / "cache"
    collected(root, cache=cache)
    seen = collected(root, Config(charts=Charts(release="other")), cache)
    assert [o.cached for o in seen.observations if o.source] == [False]


def test_manifests_are_collected_once_a_session(tmp_path: Path) -> None:
    tree = open_tree(app(tmp_path))
    with Session(Cache(None)) as session:
        first = charts.manifests(tree, Config(), session)
        (tmp_path / "app/templates/a.yaml").unlink()
        assert charts.manifests(tree, Config(), session) == first
    assert [m.where.resource for m in first] == ["Pod/app"]
