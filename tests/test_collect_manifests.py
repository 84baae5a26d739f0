"""Manifests outside of charts become facts like rendered ones; what only looks like one does not."""

from __future__ import annotations

from pathlib import Path

import pytest
from chartfacts import CHART, POD, Seen, collected
from subjects import lay

from strictreal.config import Config, Exclude
from strictreal.facts.charts import Manifest, SchemaError, Validation
from strictreal.model import Gap, Inventory, LeftOut

SERVICE = "apiVersion: v1\nkind: Service\nmetadata:\n  name: web\nspec:\n  ports:\n    - port: 80\n"
WRONG = SERVICE.replace("ports", "portz")
KUSTOMIZE = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n"


def left(seen: Seen) -> dict[str, str]:
    return {fact.path: fact.reason for fact in seen.all(LeftOut)}


def test_a_manifest_is_located_in_its_own_file_and_held_against_its_schema(tmp_path: Path) -> None:
    lay(tmp_path, {"deploy/all.yaml": f"# all\n---\n{SERVICE}---\n{WRONG}"})
    seen = collected(tmp_path)
    assert [(each.path, each.where.line, each.chart) for each in seen.all(Manifest)] == [
        ("deploy/all.yaml", 3, ""),
        ("deploy/all.yaml", 11, ""),
    ]
    [error] = seen.all(SchemaError)
    assert (error.where.line, error.where.text, error.where.resource) == (16, "  portz:", "Service/web")
    assert len(seen.all(Validation)) == 2
    assert {count.of: count.count for count in seen.all(Inventory)}["Manifest"] == 2
    assert not seen.all(Gap)


def test_json_and_lists_are_manifests_too(tmp_path: Path) -> None:
    pod = '{"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a"}, "spec": {"ports": [{"port": 1}]}}'
    lay(tmp_path, {"a.json": f'{{\n  "apiVersion": "v1",\n  "kind": "List",\n  "items": [{pod}, {pod}]\n}}'})
    assert len(collected(tmp_path).all(Manifest)) == 2


@pytest.mark.parametrize(
    "text",
    [
        "services:\n  web: {image: app}\n",
        "on: push\njobs: {}\n",
        "apiVersion: v2\nname: app\n",
        "kind: pipeline\nname: default\n",
        "note: |\n  apiVersion: v1\n  kind: Pod\n",
        "- 1\n- 2\n",
        "x: 1\napiVersion:\nkind: 3\n",
        "crds:\n  apiVersion: v1\n  kind: Pod\n",
        "",
        "{{ not: yaml }}: [",
    ],
)
def test_yaml_that_is_no_manifest_is_not_taken(tmp_path: Path, text: str) -> None:
    lay(tmp_path, {"a.yaml": text})
    seen = collected(tmp_path)
    assert not seen.all(Manifest)
    assert not seen.all(Gap)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("apiVersion: v1\nkind: Config\nclusters: []\n", "v1 Config has no name: a tool's configuration"),
        (
            "apiVersion: kind.x-k8s.io/v1alpha4\nkind: Cluster\nname: x\n",
            "Cluster of kind.x-k8s.io is a tool's configuration",
        ),
        (
            "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n",
            "KubeletConfiguration of kubelet.config.k8s.io is a tool's configuration",
        ),
        (f"{SERVICE}  x: {{{{ name }}}}\n", "a template of a program that is not Helm"),
        ("x: 1\n---\napiVersion: v1\nkind: Config\n", "v1 Config has no name: a tool's configuration"),
    ],
)
def test_what_is_for_a_tool_or_a_template_is_left_out_by_name(tmp_path: Path, text: str, reason: str) -> None:
    lay(tmp_path, {"a.yaml": text})
    seen = collected(tmp_path)
    assert left(seen)["a.yaml"] == reason
    assert not seen.all(Manifest)
    assert not seen.all(Gap)


def test_a_broken_manifest_and_a_kind_without_a_schema_are_gaps(tmp_path: Path) -> None:
    lay(
        tmp_path,
        {"a.yaml": SERVICE + "  x: [\n", "b.yaml": "apiVersion: x.io/v1\nkind: Yard\nmetadata: {name: yard}\n"},
    )
    seen = collected(tmp_path)
    assert [(gap.of, gap.path) for gap in seen.all(Gap)] == [("Validation", "b.yaml"), ("Manifest", "a.yaml")]
    assert "is not a manifest" in seen.gaps("Manifest")[0]
    assert "there is no schema of x.io/v1 Yard" in seen.gaps("Validation")[0]


def test_a_custom_resource_is_held_against_a_definition_that_lies_beside_it(tmp_path: Path) -> None:
    definition = (
        "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: ys.x.io}\nspec:\n"
        "  group: x.io\n  scope: Namespaced\n  names: {kind: Yard, plural: ys}\n  versions:\n    - name: v1\n"
        "      served: true\n      storage: true\n      schema: {openAPIV3Schema: {type: object, properties: "
        "{spec: {type: object, properties: {size: {type: integer}}}}}}\n"
    )
    resource = "apiVersion: x.io/v1\nkind: Yard\nmetadata: {name: yard}\nspec: {size: big}\n"
    lay(tmp_path, {"crd.yaml": definition, "y.yaml": resource})
    seen = collected(tmp_path)
    assert [(error.path, error.pointer) for error in seen.all(SchemaError)] == [("y.yaml", "/spec/size")]
    assert not seen.all(Gap)


def test_files_of_a_chart_belong_to_the_chart(tmp_path: Path) -> None:
    template = POD.replace("{{ .Values.image }}", "app:1")
    chart = {"Chart.yaml": CHART, "templates/a.yaml": template, "crds/b.yaml": SERVICE}
    lay(tmp_path, {f"app/{path}": text for path, text in {**chart, "ci/raw.yaml": SERVICE}.items()})
    assert {each.chart for each in collected(tmp_path).all(Manifest)} == {"app/Chart.yaml"}
    lay(tmp_path / "root", {**chart, "deploy/c.yaml": WRONG})
    assert [e.path for e in collected(tmp_path / "root").all(Manifest) if not e.chart] == ["deploy/c.yaml"]


def test_excluded_manifests_are_not_read(tmp_path: Path) -> None:
    lay(tmp_path, {"a/b.yaml": WRONG, "k/kustomization.yaml": KUSTOMIZE + "namePrefix: x\n"})
    config = Config(exclude=(Exclude(path="*", reason="a corpus"),))
    assert not collected(tmp_path, config).observations[0].facts


def test_a_kustomization_that_only_lists_files_needs_no_build(tmp_path: Path) -> None:
    lay(tmp_path, {"k/kustomization.yaml": KUSTOMIZE + "resources: [web.yaml, ../base]\n", "k/web.yaml": SERVICE})
    lay(tmp_path, {"base/kustomization.yaml": KUSTOMIZE + "resources: [a.yaml]\n", "base/a.yaml": SERVICE})
    seen = collected(tmp_path)
    assert len(seen.all(Manifest)) == 2
    assert not seen.all(Gap)


@pytest.mark.parametrize(
    ("field", "reason"),
    [
        ("namePrefix: x-", "it builds with namePrefix"),
        ("resources: ['https://example.org/a.yaml']", "https://example.org/a.yaml is not in the repository"),
        ("resources: [gone.yaml]", "gone.yaml is not in the repository"),
        ("patches: [{path: patch.yaml}]", "it builds with patches"),
        ("x: [", "it cannot be read: line"),
    ],
)
def test_a_kustomization_that_is_built_is_a_gap_and_its_patches_are_no_manifests(
    tmp_path: Path, field: str, reason: str
) -> None:
    patch = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {replicas: 2}\n"
    lay(tmp_path, {"k/kustomization.yaml": KUSTOMIZE + field + "\n", "k/patch.yaml": patch})
    seen = collected(tmp_path)
    [gap] = seen.all(Gap)
    assert (gap.of, gap.path) == ("Manifest", "k/kustomization.yaml")
    assert gap.reason.startswith(reason)
    if "patch" in field:
        assert left(seen) == {"k/patch.yaml": "a part of k/kustomization.yaml, and no whole manifest"}
        assert not seen.all(Manifest)
