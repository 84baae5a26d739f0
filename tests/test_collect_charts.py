"""Charts become facts: every chart with every values file, each manifest traced, validated and counted."""

from __future__ import annotations

import io
import json
import shutil
import tarfile
from pathlib import Path

import pytest
from chartfacts import CHART, CHARTS, POD, app, collected
from subjects import lay

from strictreal import facts as fact_types
from strictreal.config import Config, Exclude
from strictreal.facts.charts import Chart, Manifest, Render, RenderPair, SchemaError, ValuesError, ValuesFile
from strictreal.judge import FactSet
from strictreal.model import Gap, Inventory, LeftOut, canonical


def test_every_chart_is_rendered_with_every_values_file() -> None:
    seen = collected(CHARTS)
    attempts = {(render.chart.split("/")[0], render.overlay) for render in seen.all(Render)}
    assert attempts == {
        *((chart, "") for chart in ("jobs", "kinds", "operator", "umbrella", "web")),
        ("umbrella", "values-large.yaml"),
        ("web", "values-production.yaml"),
    }
    assert [render.error for render in seen.all(Render)] == [""] * len(attempts)
    assert all(pair.identical for pair in seen.all(RenderPair))
    assert seen.all(SchemaError) == seen.all(ValuesError) == seen.all(Gap) == []


def test_what_is_counted_is_what_is_examined_or_missed() -> None:
    found = FactSet(collected(CHARTS).observations)
    for unit in ("Chart", "Render", "RenderPair", "Manifest", "Validation", "ValuesFile"):
        assert found.inventory[unit] == found.examined(unit) + len(found.gaps(unit)) > 0, unit


def test_the_facts_survive_a_bundle() -> None:
    seen = collected(CHARTS)
    lines = list(fact_types.encode(seen.observations))
    assert [o.facts for o in fact_types.decode(lines, "a bundle")] == [o.facts for o in seen.observations]


def test_a_manifest_is_the_object_and_where_it_was_written(tmp_path: Path) -> None:
    template = "# first\n{{- if true }}\n" + POD + "{{- end }}\n---\nkind: Service\n"
    manifest = collected(app(tmp_path, template)).all(Manifest)[0]
    assert json.loads(manifest.document)["spec"]["containers"] == [{"image": "app:1", "name": "app"}]
    assert (manifest.api_version, manifest.kind, manifest.name) == ("v1", "Pod", "app")
    assert (manifest.where.path, manifest.where.line, manifest.where.text) == (
        "app/templates/a.yaml",
        3,
        "apiVersion: v1",
    )
    assert manifest.where.resource == "Pod/app"
    assert manifest.document.encode() == canonical(json.loads(manifest.document))


def test_lists_hooks_tests_and_generated_names_are_manifests_like_others() -> None:
    found = {(m.where.resource, m.hook, m.where.path) for m in collected(CHARTS).all(Manifest) if "jobs/" in m.path}
    accounts = "jobs/templates/accounts.yaml"
    assert found == {
        ("ServiceAccount/ada", "", accounts),
        ("ServiceAccount/grace", "", accounts),
        ("Job/migrate-*", "pre-install,pre-upgrade", accounts),
        ("Pod/release-smoke", "test", "jobs/templates/tests/smoke.yaml"),
    }


def test_an_object_that_several_values_files_give_is_one_manifest() -> None:
    umbrella = [m for m in collected(CHARTS).all(Manifest) if m.chart.startswith("umbrella")]
    sizes = {
        (m.name, overlay): json.loads(m.document)["spec"]["volumeClaimTemplates"][0]["spec"]["resources"]["requests"]
        for m in umbrella
        for overlay in m.overlays
        if m.kind == "StatefulSet"
    }
    assert sizes == {
        ("release-primary-eu-1", ""): {"storage": "8Gi"},
        ("release-primary-eu-1", "values-large.yaml"): {"storage": "64Gi"},
        ("release-replica-eu-1", "values-large.yaml"): {"storage": "64Gi"},
    }


@pytest.mark.parametrize(
    ("template", "line", "message"),
    [
        ('a: 1\nb: {{ required "give b" .Values.b }}', 2, "give b"),
        ("a: {{ .Values.image }}\n b: [", 2, "not a manifest"),
        ("just words", 1, "must be a mapping"),
        ("{{ if }}", 1, "missing value"),
    ],
)
def test_a_chart_that_does_not_render_says_where(tmp_path: Path, template: str, line: int, message: str) -> None:
    seen = collected(app(tmp_path, template))
    render = seen.one(Render)
    assert message in render.error
    assert (render.where.path, render.where.line) == ("app/templates/a.yaml", line)
    for unit in ("RenderPair", "Manifest", "Validation"):
        assert message in seen.gaps(unit)[0]


def test_a_values_file_that_breaks_the_render_is_the_one_that_is_named(tmp_path: Path) -> None:
    template = '{{ if .Values.bad }}{{ fail "no" }}{{ end }}' + POD
    seen = collected(app(tmp_path, template, **{"values-bad.yaml": "bad: true\n", "values-good.yaml": "bad: false\n"}))
    assert [(render.overlay, bool(render.error)) for render in seen.all(Render)] == [
        ("", False),
        ("values-bad.yaml", True),
        ("values-good.yaml", False),
    ]
    assert seen.one(Manifest).overlays == ("", "values-good.yaml")


@pytest.mark.parametrize(
    "repository", ["https://charts.example.com", "file://../cache", "file:///etc", "oci://x/y", ""]
)
def test_a_dependency_that_is_not_there_is_named_and_never_fetched(tmp_path: Path, repository: str) -> None:
    chart = CHART + f"dependencies:\n  - name: cache\n    version: 1.2.3\n    repository: {repository!r}\n"
    render = collected(app(tmp_path, **{"Chart.yaml": chart, "../cache/Chart.yaml": CHART})).all(Render)[0]
    assert "dependency cache 1.2.3" in render.error
    assert "is not under charts/" in render.error
    assert render.where.line == 5


def test_a_subchart_that_lacks_its_own_dependency_is_found(tmp_path: Path) -> None:
    sub = "apiVersion: v2\nname: sub\nversion: 1.0.0\ndependencies: [{name: deep, version: 1.0.0}]\n"
    render = collected(app(tmp_path, **{"charts/sub/Chart.yaml": sub})).one(Render)
    assert "app/charts/sub: dependency deep" in render.error


def test_the_dependencies_of_an_old_chart_are_in_its_requirements(tmp_path: Path) -> None:
    more = {"Chart.yaml": CHART.replace("v2", "v1"), "requirements.yaml": "dependencies: [{name: old, version: 1.0.0}]"}
    assert "dependency old" in collected(app(tmp_path, **more)).one(Render).error


def packaged(folder: Path) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as tar:
        tar.add(folder, arcname=folder.name)
    return stream.getvalue()


def test_a_package_in_the_tree_is_a_chart(tmp_path: Path) -> None:
    root = lay(tmp_path, {"dist/web-1.4.0.tgz": packaged(CHARTS / "web"), "dist/other.tgz": b"something else"})
    seen = collected(root)
    assert seen.one(Chart).where.path == "dist/web-1.4.0.tgz"
    assert [render.overlay for render in seen.all(Render)] == ["", "values-production.yaml"]
    assert {m.where.path for m in seen.all(Manifest)} == {"dist/web-1.4.0.tgz"}
    assert {m.where.line for m in seen.all(Manifest)} == {0}


def test_a_packaged_subchart_is_part_of_its_chart(tmp_path: Path) -> None:
    plain, packed = tmp_path / "plain", tmp_path / "packed"
    for root in (plain, packed):
        shutil.copytree(CHARTS / "umbrella", root / "umbrella")
    store = packed / "umbrella/charts/store"
    (packed / "umbrella/charts/store-1.0.0.tgz").write_bytes(packaged(store))
    shutil.rmtree(store)
    documents = [sorted(m.document for m in collected(root).all(Manifest)) for root in (plain, packed)]
    assert documents[0] == documents[1]
    assert "umbrella/charts/store-1.0.0.tgz" in {m.where.path for m in collected(packed).all(Manifest)}
    assert {f.schema for f in collected(packed).all(ValuesFile)} == {
        "umbrella/values.schema.json",
        "umbrella/charts/store-1.0.0.tgz",
    }


def test_a_library_is_listed_and_not_rendered(tmp_path: Path) -> None:
    seen = collected(app(tmp_path, **{"Chart.yaml": CHART + "type: library\n"}))
    assert seen.one(Chart).kind == "library"
    assert seen.all(Render) == []
    assert "library" in seen.one(LeftOut).reason
    assert {i.of: i.count for i in seen.all(Inventory)}["Render"] == 0


def test_a_chart_within_a_chart_is_its_own_only_outside_charts(tmp_path: Path) -> None:
    app(tmp_path, **{"charts/sub/Chart.yaml": CHART.replace("app", "sub"), "examples/x/Chart.yaml": CHART})
    assert sorted(chart.path for chart in collected(tmp_path).all(Chart)) == [
        "app/Chart.yaml",
        "app/examples/x/Chart.yaml",
    ]


def test_an_excluded_chart_is_not_looked_at(tmp_path: Path) -> None:
    config = Config(exclude=(Exclude(path="app/*", reason="of somebody else"),), source="strictreal.toml")
    lay(tmp_path, {"app/dist/web-1.4.0.tgz": packaged(CHARTS / "web")})
    assert collected(app(tmp_path), config).all(Chart) == []


def test_a_subject_without_charts_counts_nothing(tmp_path: Path) -> None:
    assert collected(lay(tmp_path, {"a.py": "x = 1\n"})).all(Inventory) == []


def test_the_secrets_of_a_chart_stay_in_it(tmp_path: Path) -> None:
    secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {key: {{ .Values.k }}}\n"
    seen = collected(app(tmp_path, secret, "image: a\nk: hunter2hunter2\n"))
    assert b"hunter2" not in b"".join(fact_types.encode(seen.observations))
    assert seen.all(SchemaError) == []


def test_a_part_of_a_chart_that_is_a_link_is_missed(tmp_path: Path) -> None:
    root = app(tmp_path)
    (root / "app/templates/b.yaml").symlink_to("/etc/hostname")
    seen = collected(root)
    assert "app/templates/b.yaml belongs to it and was left out" in seen.gaps("Render")[0]
    assert seen.all(Manifest) == []
