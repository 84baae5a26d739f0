"""Values files of charts are found whatever they are called, and a template that no values switch on is named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from chartfacts import CHART, POD, app, collected
from subjects import lay

from strictreal.cache import Cache
from strictreal.collect import charts
from strictreal.config import Config
from strictreal.facts.charts import Chart, Manifest, Render, Template, ValuesFile
from strictreal.model import Gap, Inventory, LeftOut
from strictreal.session import Session
from strictreal.subject import open_tree

OFF = "{{- if .Values.enabled }}\n" + POD + "{{- end }}\n"


def test_a_chart_that_renders_nothing_with_any_values_has_gaps_that_name_its_templates(tmp_path: Path) -> None:
    app(
        tmp_path,
        OFF,
        "image: app:1\nenabled: false\n",
        **{"values-b.yaml": "enabled: false\n", "templates/b.yaml": "# no\n"},
    )
    seen = collected(tmp_path)
    assert [(gap.of, gap.path) for gap in seen.all(Gap)] == [
        ("Template", "app/templates/a.yaml"),
        ("Template", "app/templates/b.yaml"),
    ]
    assert seen.gaps("Template")[0] == "no manifest comes out of the chart with values.yaml, values-b.yaml"
    assert not seen.all(Template)


def test_a_chart_without_templates_has_a_gap(tmp_path: Path) -> None:
    lay(tmp_path, {"app/Chart.yaml": CHART})
    assert [(gap.of, gap.path) for gap in collected(tmp_path).all(Gap)] == [("Template", "app/Chart.yaml")]


def test_a_template_that_some_values_switch_on_is_examined(tmp_path: Path) -> None:
    app(tmp_path, OFF, "image: app:1\nenabled: false\n", **{"ci/on-values.yaml": "enabled: true\n"})
    seen = collected(tmp_path)
    assert seen.one(Template).overlays == ("ci/on-values.yaml",)
    assert not seen.all(Gap)
    assert not seen.all(LeftOut)


def test_a_template_that_no_values_switch_on_is_left_out_by_name(tmp_path: Path) -> None:
    app(
        tmp_path,
        POD,
        "image: app:1\nenabled: false\n",
        **{"templates/ingress.yaml": OFF, "templates/_c.tpl": "{{/* no */}}"},
    )
    seen = collected(tmp_path)
    assert [(each.path, each.overlays) for each in seen.all(Template)] == [
        ("app/templates/a.yaml", ("",)),
        ("app/templates/ingress.yaml", ()),
    ]
    [left] = seen.all(LeftOut)
    assert (left.path, left.reason) == ("app/templates/ingress.yaml", "writes no manifest with values.yaml")
    assert not seen.all(Gap)
    assert [count.count for count in seen.all(Inventory) if count.of == "Template"] == [2]


def test_a_library_renders_nothing_and_need_not(tmp_path: Path) -> None:
    lay(tmp_path, {"app/Chart.yaml": CHART + "type: library\n", "app/templates/_a.tpl": ""})
    assert not collected(tmp_path).all(Gap)


VALUES = "image: nginx\nreplicas: 1\n"
OTHER = "image: busybox\n"


@pytest.mark.parametrize(
    "name",
    [
        "values-prod.yml",
        "prod-values.yaml",
        "overlays/prod.yaml",
        "values/prod.yaml",
        "environments/a/values.yaml",
        "ci/x-values.yaml",
    ],
)
def test_a_values_file_is_rendered_whatever_it_is_called(tmp_path: Path, name: str):
    lay(tmp_path, {"c/Chart.yaml": CHART, "c/values.yaml": VALUES, "c/templates/p.yaml": POD, f"c/{name}": OTHER})
    [chart] = chart_facts(tmp_path, Chart)
    assert chart.overlays == (name,)
    assert {render.overlay for render in chart_facts(tmp_path, Render)} == {"", name}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("deploy.yaml", "apiVersion: v1\nkind: Pod\nimage: x\n"),
        ("files/x.yaml", OTHER),
        ("mkdocs.yml", "site: x\nnav: []\n"),
        ("values.schema.yaml", OTHER),
        ("templates/_x.yaml", OTHER),
    ],
)
def test_a_file_that_holds_no_values_is_none(tmp_path: Path, name: str, text: str):
    lay(tmp_path, {"c/Chart.yaml": CHART, "c/values.yaml": VALUES, "c/templates/p.yaml": POD, f"c/{name}": text})
    [chart] = chart_facts(tmp_path, Chart)
    assert chart.overlays == ()


@pytest.mark.parametrize(
    "files",
    [
        {"envs/values-prod.yaml": OTHER},
        {"envs/prod.yaml": OTHER, "argo.yaml": "spec:\n  helm:\n    valueFiles:\n      - ../envs/prod.yaml\n"},
        {"envs/prod.yaml": OTHER, "main.tf": 'command = "helm upgrade c ./c -f envs/prod.yaml"\n'},
    ],
)
def test_values_outside_of_every_chart_are_a_gap_of_all_that_a_render_shows(tmp_path: Path, files: dict[str, str]):
    lay(tmp_path, {"c/Chart.yaml": CHART, "c/values.yaml": VALUES, "c/templates/p.yaml": POD, **files})
    gaps = {(gap.of, gap.where.path) for gap in chart_facts(tmp_path, Gap)}
    units = ("Render", "RenderPair", "Manifest", "Validation", "ValuesFile")
    assert gaps == {(unit, next(iter(files))) for unit in units}


def test_a_file_of_another_matter_outside_of_the_charts_is_no_gap(tmp_path: Path):
    others = {"compose.yaml": "services: {}\n", "lib/values.yaml": "other: 1\nthings: 2\n"}
    lay(tmp_path, {"c/Chart.yaml": CHART, "c/values.yaml": VALUES, "c/templates/p.yaml": POD, **others})
    assert chart_facts(tmp_path, Gap) == []


@pytest.mark.parametrize(
    ("condition", "label"),
    [
        ('eq .Release.Name "prod"', "with .Release.Name prod"),
        ('ne .Release.Name "release"', "with .Release.Name another-name"),
        ('eq "live" $.Release.Namespace', "with .Release.Namespace live"),
        ('has .Release.Name (list "a" "prod")', "with .Release.Name prod"),
        ('eq (lower .Release.Namespace) "live"', "with .Release.Namespace live"),
    ],
)
def test_what_a_release_of_another_name_brings_is_rendered(tmp_path: Path, condition: str, label: str):
    pod = "---\napiVersion: v1\nkind: Pod\nmetadata: {name: hidden}\nbogus: 1\n"
    hidden = f"{POD}{{{{- if {condition} }}}}\n{pod}{{{{- end }}}}\n"
    lay(tmp_path, {"c/Chart.yaml": CHART, "c/values.yaml": VALUES, "c/templates/p.yaml": hidden})
    found = [m for m in chart_facts(tmp_path, Manifest) if m.where.resource == "Pod/hidden"]
    assert label in {overlay for manifest in found for overlay in manifest.overlays}
    assert {fact.path for fact in chart_facts(tmp_path, ValuesFile)} == {"c/Chart.yaml", "c/values.yaml"}


def test_a_name_that_is_only_put_together_asks_for_no_more_renders(tmp_path: Path):
    helper = '{{- define "n" }}{{- if contains .Chart.Name .Release.Name }}{{ .Release.Name }}{{- end }}{{- end }}\n'
    lay(
        tmp_path,
        {"c/Chart.yaml": CHART, "c/values.yaml": VALUES, "c/templates/p.yaml": POD, "c/templates/_h.tpl": helper},
    )
    [chart] = chart_facts(tmp_path, Chart)
    assert chart.overlays == ()


def chart_facts(root: Path, kind: type) -> list[Any]:
    """The facts of one kind that the charts of a subject give."""
    with Session(Cache(None), jobs=1) as session:
        return [f for o in charts.collect(open_tree(root), Config(), session) for f in o.facts if isinstance(f, kind)]
