"""Charts become facts: every chart with every values file, each manifest traced, validated and counted."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import tarfile
from pathlib import Path
from typing import Any

import pytest
from subjects import commit, lay

from strictreal import facts as fact_types
from strictreal.cache import Cache
from strictreal.collect import charts
from strictreal.collect.chart import clock
from strictreal.config import Charts, Config, Exclude
from strictreal.engines import helm
from strictreal.errors import ConfigurationError
from strictreal.facts.charts import (
    Chart,
    KubernetesTarget,
    Manifest,
    Render,
    RenderPair,
    SchemaError,
    Template,
    UnstableTemplate,
    Validation,
    ValuesError,
    ValuesFile,
)
from strictreal.judge import FactSet
from strictreal.model import Gap, Inventory, LeftOut, Observation, canonical
from strictreal.session import Session
from strictreal.subject import open_revision, open_tree

CHARTS = Path(__file__).parent / "charts"
CHART = "apiVersion: v2\nname: app\nversion: 0.1.0\n"
POD = """\
apiVersion: v1
kind: Pod
metadata:
  name: app
spec:
  containers:
    - name: app
      image: {{ .Values.image }}
"""


class Seen:
    """What the collector says of a subject."""

    def __init__(self, observations: list[Observation]) -> None:
        self.observations = observations

    def all(self, kind: type[Any]) -> list[Any]:
        return [fact for seen in self.observations for fact in seen.facts if isinstance(fact, kind)]

    def one(self, kind: type[Any]) -> Any:
        [fact] = self.all(kind) or self.all(Gap)
        return fact

    def gaps(self, unit: str) -> list[str]:
        return [gap.reason for gap in self.all(Gap) if gap.of == unit]


def collected(root: Path, config: Config | None = None, cache: Path | None = None) -> Seen:
    with Session(Cache(cache)) as session:
        return Seen(list(charts.collect(open_tree(root), config or Config(), session)))


def app(root: Path, template: str = POD, values: str = "image: app:1\n", **more: str) -> Path:
    """A subject with one small chart in app/."""
    files = {"Chart.yaml": CHART, "values.yaml": values, "templates/a.yaml": template, **more}
    return lay(root, {f"app/{path}": text for path, text in files.items()})


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


def test_the_secrets_of_a_chart_stay_in_it(tmp_path: Path) -> None:
    secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {key: {{ .Values.k }}}\n"
    seen = collected(app(tmp_path, secret, "image: a\nk: hunter2hunter2\n"))
    assert b"hunter2" not in b"".join(fact_types.encode(seen.observations))
    assert seen.all(SchemaError) == []


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


def test_a_part_of_a_chart_that_is_a_link_is_missed(tmp_path: Path) -> None:
    root = app(tmp_path)
    (root / "app/templates/b.yaml").symlink_to("/etc/hostname")
    seen = collected(root)
    assert "app/templates/b.yaml belongs to it and was left out" in seen.gaps("Render")[0]
    assert seen.all(Manifest) == []


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
