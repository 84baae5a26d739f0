"""Manifests of charts are held against the schemas of one Kubernetes; an error names the line and the value behind it."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
from chartfacts import CHART, CHARTS, POD, Seen, app, collected
from subjects import commit, lay

from strictreal.cache import Cache
from strictreal.collect import charts
from strictreal.config import Charts, Config
from strictreal.engines import helm
from strictreal.errors import ConfigurationError
from strictreal.facts.charts import KubernetesTarget, Manifest, Render, SchemaError, Validation
from strictreal.session import Session
from strictreal.subject import open_revision


def test_a_schema_error_names_template_line_resource_and_values_key(tmp_path: Path) -> None:
    template = (
        POD + "      ports:\n        - name: {{ .Values.name }}\n          containerPort: {{ .Values.ports.http }}\n"
    )
    seen = collected(app(tmp_path, template, "image: a\nname: http\nports: {http: eighty}\n"))
    error = seen.one(SchemaError)
    assert (error.where.path, error.where.line, error.where.resource) == ("app/templates/a.yaml", 11, "Pod/app")
    assert error.pointer == "/spec/containers/0/ports/0/containerPort"
    assert error.values == ("ports.http",)
    assert error.message == "must be integer, is string"


def test_an_error_in_a_subchart_names_its_file_and_the_key_as_the_user_writes_it(tmp_path: Path) -> None:
    shutil.copytree(CHARTS / "umbrella", tmp_path / "umbrella")
    (tmp_path / "umbrella/values-large.yaml").write_text("primary: {size: [1]}\n")
    error = collected(tmp_path).one(SchemaError)
    assert error.where.path == "umbrella/charts/store/templates/statefulset.yaml"
    assert error.where.text.strip() == "storage: {{ .Values.size }}"
    assert error.values == ("primary.size",)
    assert error.overlays == ("values-large.yaml",)


def test_a_custom_resource_is_judged_by_the_definition_that_another_chart_ships(tmp_path: Path) -> None:
    shutil.copytree(CHARTS / "operator/crds", tmp_path / "definitions/crds")
    lay(tmp_path, {"definitions/Chart.yaml": CHART})
    app(
        tmp_path,
        "apiVersion: store.example.com/v1\nkind: Backup\nmetadata: {name: b}\nspec:\n  schedule: {{ .Values.image }}\n",
    )
    seen = collected(tmp_path)
    error = seen.one(SchemaError)
    assert (error.where.path, error.where.line, error.pointer) == ("app/templates/a.yaml", 5, "/spec/schedule")
    assert (error.where.resource, error.values) == ("Backup/b", ("image",))
    assert [v.schema for v in seen.all(Validation) if v.chart == "app/Chart.yaml"] == ["definitions/crds/backups.yaml"]


def test_a_kind_without_any_schema_is_missed_by_name(tmp_path: Path) -> None:
    seen = collected(app(tmp_path, "apiVersion: cert-manager.io/v1\nkind: Certificate\nmetadata: {name: c}\n"))
    [reason] = seen.gaps("Validation")
    assert "cert-manager.io/v1 Certificate" in reason
    assert len(seen.all(Manifest)) == 1


def test_a_built_in_kind_that_the_version_lacks_is_an_error(tmp_path: Path) -> None:
    root = app(tmp_path, "apiVersion: policy/v1beta1\nkind: PodSecurityPolicy\nmetadata: {name: p}\n")
    assert "Kubernetes 1.34 does not have policy/v1beta1 PodSecurityPolicy" in collected(root).one(SchemaError).message


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ("kind: Pod\nmetadata: {name: x}\n", "do not say what it is"),
        (POD + "kind: Pod\n", "key kind is given twice"),
    ],
)
def test_what_kubernetes_would_not_take_is_an_error(tmp_path: Path, document: str, message: str) -> None:
    assert message in collected(app(tmp_path, document)).one(SchemaError).message


def test_a_version_without_schemas_is_a_configuration_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"charts\.kubernetes = '1\.7'"):
        collected(app(tmp_path), Config(charts=Charts(kubernetes="1.7")))


def test_the_base_revision_may_have_had_it_wrong(tmp_path: Path) -> None:
    app(tmp_path)
    revision = commit(tmp_path)
    with Session(Cache(None)) as session:
        tree = open_revision(tmp_path, revision)
        seen = Seen(list(charts.collect(tree, Config(charts=Charts(kubernetes="1.7")), session)))
    assert len(seen.all(Manifest)) == 1


VERSION = (
    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: v}\ndata: {v: {{ .Capabilities.KubeVersion.Minor | quote }}}\n"
)


@pytest.mark.skipif(not helm.program(), reason="there is no helm program on PATH")
def test_a_configured_version_is_what_templates_see(tmp_path: Path) -> None:
    seen = collected(app(tmp_path, VERSION + "  # {{ .Values.image }}\n"), Config(charts=Charts(kubernetes="1.31")))
    manifest = seen.one(Manifest)
    assert json.loads(manifest.document)["data"] == {"v": "31"}
    assert (manifest.where.path, manifest.where.line) == ("app/templates/a.yaml", 0)  # the embedded Helm wrote 36
    assert seen.one(KubernetesTarget).version == "1.31"
    assert seen.one(Render).engine.startswith("helm v3.")
    assert seen.one(Validation).schema == "kubernetes 1.31"


@pytest.mark.skipif(not helm.program(), reason="there is no helm program on PATH")
def test_lines_are_known_where_the_program_writes_what_the_embedded_helm_writes(tmp_path: Path) -> None:
    root = lay(tmp_path, {})
    shutil.copytree(CHARTS / "web", root / "web")
    program = collected(root, Config(charts=Charts(kubernetes="1.31"))).all(Manifest)
    embedded = collected(root).all(Manifest)
    assert {(m.where, m.document, m.overlays) for m in program} == {(m.where, m.document, m.overlays) for m in embedded}


def test_without_a_program_a_chart_that_asks_for_the_version_is_missed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", os.fspath(Path(shutil.which("git") or "/usr/bin/git").parent))
    config = Config(charts=Charts(kubernetes="1.31"))
    assert "1.31" in collected(app(tmp_path / "asks", VERSION), config).gaps("KubernetesTarget")[0]
    assert collected(app(tmp_path / "does-not"), config).one(KubernetesTarget).version == "1.31"
