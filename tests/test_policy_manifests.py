"""The suite's policies over rendered charts."""

from __future__ import annotations

import json
from pathlib import Path

from rego import collect, gaps, needs_opa, observe
from subjects import lay

from strictreal.facts.policies import JudgedManifest, PolicyComparison, PolicyViolation
from strictreal.policy import manifests

CHART = {
    "Chart.yaml": "apiVersion: v2\nname: web\nversion: 1.0.0\n",
    "values.yaml": "privileged: false\n",
    "values-open.yaml": "privileged: true\n",
    "templates/pod.yaml": """apiVersion: v1
kind: Pod
metadata:
  name: web
spec:
  containers:
    - name: app
      image: nginx:1.27
      securityContext:
        privileged: {{ .Values.privileged }}
""",
}


def rules(document: object) -> list[str]:
    [verdict] = manifests.judge((json.dumps(document),))
    return [violation.rule for violation in verdict.violations]


def test_a_manifest_without_pods_and_permissions_violates_nothing():
    assert rules({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}}) == []


def test_violations_name_their_rule_and_field():
    [verdict] = manifests.judge(('{"kind": "Service", "metadata": {"name": "a"}, "spec": {"type": "NodePort"}}',))
    assert verdict.violations == (
        manifests.Violation(rule="exposed_services", message="Service a has the type NodePort", path="spec.type"),
    )


def test_every_rule_has_a_title_a_severity_and_a_remedy():
    described = {name: info for name, info in manifests.rules().items() if name not in ("k8s", "main")}
    assert len(described) >= 16
    assert all(info.title and info.severity and info.remedy for info in described.values())


def test_a_manifest_that_the_engine_refuses_is_a_problem_and_no_pass():
    [verdict] = manifests.judge(("not JSON",))
    assert (verdict.violations, verdict.problem[:11]) == ((), "the policie")


def test_charts_are_judged_with_every_values_file(tmp_path: Path):
    lay(tmp_path, CHART)
    found = {(v.where.resource, v.rule) for v in collect(tmp_path, PolicyViolation)}
    assert ("Pod/web", "privileged") in found
    assert len(collect(tmp_path, JudgedManifest)) == 2


def test_violations_stand_at_the_template_with_the_rules_remedy(tmp_path: Path):
    lay(tmp_path, CHART)
    violation = next(v for v in collect(tmp_path, PolicyViolation) if v.rule == "privileged")
    assert (violation.path, violation.field) == ("templates/pod.yaml", "spec.containers[0].securityContext.privileged")
    assert violation.remedy.startswith("Remove securityContext.privileged")


def test_what_several_values_bring_about_alike_is_said_once_with_all_of_them(tmp_path: Path):
    lay(
        tmp_path,
        {**CHART, "values-other.yaml": "privileged: true\n", "values-third.yaml": "label: x\nprivileged: true\n"},
    )
    said = [v.overlays for v in collect(tmp_path, PolicyViolation) if v.rule == "privileged"]
    assert len(said) == len(set(said)) == 1
    assert set(said[0]) > {"values-other.yaml", "values-third.yaml"}
    always = [v.overlays for v in collect(tmp_path, PolicyViolation) if v.rule == "non_root"]
    assert always
    assert all("" in overlays for overlays in always)


def test_a_chart_that_does_not_render_is_not_judged(tmp_path: Path):
    lay(tmp_path, {**CHART, "templates/pod.yaml": '{{ fail "no" }}'})
    assert any("does not render" in reason for reason in gaps(tmp_path, "JudgedManifest").values())
    assert collect(tmp_path, JudgedManifest) == []


def test_verdicts_come_from_the_cache_the_second_time(tmp_path: Path):
    subject = lay(tmp_path / "subject", CHART)
    first = observe(subject, cache=tmp_path / "cache")
    second = observe(subject, cache=tmp_path / "cache")
    assert [s.facts for s in first] == [s.facts for s in second]
    assert [s.cached for s in second if s.collector == "policies.charts"] == [True]


@needs_opa
def test_opa_agrees_on_every_manifest(tmp_path: Path):
    lay(tmp_path, CHART)
    assert [found.questions for found in collect(tmp_path, PolicyComparison)] == [2]
