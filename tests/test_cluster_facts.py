"""What the cluster's facts mean, in pure functions: drift, NetworkPolicies, rights, references of images."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strictreal.facts import drift, network, rights
from strictreal.facts.cluster import TlsCertificate, is_called
from strictreal.facts.drift import MISSING, Difference, differences
from strictreal.model import Location

SCALARS = st.one_of(st.integers(0, 9), st.booleans(), st.sampled_from(["a", "b", "1"]))
NAMES = st.sampled_from(["name", "image", "env", "ports", "labels", "x"])
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(NAMES, inner, max_size=3)),
    max_leaves=12,
)
SPECS = st.dictionaries(NAMES, VALUES, max_size=4)


def workload(**spec: Any) -> dict[str, Any]:
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": spec}


def found(expected: dict[str, Any], live: dict[str, Any]) -> list[tuple[str, Any, Any]]:
    return [(each.pointer, each.rendered, each.runs) for each in differences(expected, live)]


# Drift.


@given(SPECS)
def test_what_is_equal_has_not_drifted(spec: dict[str, Any]):
    assert found(workload(**spec), copy.deepcopy(workload(**spec))) == []


@given(SPECS, SPECS)
def test_what_differs_in_one_direction_differs_in_the_other(one: dict[str, Any], other: dict[str, Any]):
    there, back = (list(differences(workload(**a), workload(**b))) for a, b in ((one, other), (other, one)))
    assert {each.pointer for each in there} == {each.pointer for each in back}


@given(SPECS, SPECS)
def test_a_difference_that_is_put_right_is_gone(one: dict[str, Any], other: dict[str, Any]):
    expected, live = workload(**one), workload(**other)
    for each in differences(expected, copy.deepcopy(live)):
        if MISSING not in (each.rendered, each.runs):
            drift.put(live, each.path, each.rendered)
    assert all(MISSING in (each.rendered, each.runs) for each in differences(expected, live))


@pytest.mark.parametrize(
    ("rendered", "runs", "told"),
    [
        ({"replicas": 1}, {"replicas": 2}, [("/spec/replicas", 1, 2)]),
        ({}, {"hostNetwork": True}, [("/spec/hostNetwork", MISSING, True)]),
        ({"hostPID": False}, {}, [("/spec/hostPID", False, MISSING)]),
        ({"a": True}, {"a": 1}, [("/spec/a", True, 1)]),
        ({"a": "1"}, {"a": 1}, [("/spec/a", "1", 1)]),
        ({"a": {}}, {}, []),
        ({}, {"a": []}, []),
        ({"a": ""}, {}, []),
        (
            {"containers": [{"name": "a", "image": "x"}, {"name": "b", "image": "y"}]},
            {"containers": [{"name": "b", "image": "y"}, {"name": "a", "image": "z"}]},
            [("/spec/containers/a/image", "x", "z")],
        ),
        (
            {"containers": [{"name": "a"}]},
            {"containers": [{"name": "a"}, {"name": "debug"}]},
            [("/spec/containers/debug", MISSING, {"name": "debug"})],
        ),
        (
            {"ports": [{"port": 53, "protocol": "TCP"}, {"port": 53, "protocol": "UDP"}]},
            {"ports": [{"port": 53, "protocol": "UDP"}]},
            [("/spec/ports/53 TCP", {"port": 53, "protocol": "TCP"}, MISSING)],
        ),
        ({"args": ["a", "b"]}, {"args": ["b", "a"]}, [("/spec/args/0", "a", "b"), ("/spec/args/1", "b", "a")]),
        ({"a/b~c": 1}, {"a/b~c": 2}, [("/spec/a~1b~0c", 1, 2)]),
    ],
)
def test_every_field_that_differs_is_told_with_both_values(rendered: Any, runs: Any, told: Any):
    assert found(workload(**rendered), workload(**runs)) == told


def test_what_the_cluster_writes_is_no_drift():
    live = workload(replicas=1) | {"status": {"replicas": 1}}
    stamp = {"deployment.kubernetes.io/revision": "4"}
    live["metadata"] = {"name": "web", "uid": "1", "generation": 7, "resourceVersion": "9", "annotations": stamp}
    assert found(workload(replicas=1), live) == []


def test_an_annotation_that_nobody_rendered_is_drift_and_a_stamp_is_not():
    live = workload(template={"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": "now", "by": "hand"}}})
    assert found(workload(template={"metadata": {}}), live) == [
        ("/spec/template/metadata/annotations/by", MISSING, "hand")
    ]


@pytest.mark.parametrize(
    ("about", "told"),
    [
        ({"labels": {"by": "hand"}}, [("/metadata/labels/by", MISSING, "hand")]),
        ({"annotations": {"by": "hand"}}, [("/metadata/annotations/by", MISSING, "hand")]),
        ({"finalizers": ["hold"]}, [("/metadata/finalizers", MISSING, ["hold"])]),
        ({"uid": "1", "managedFields": [{}], "selfLink": "x"}, []),
    ],
)
def test_what_somebody_gives_an_object_besides_is_drift(about: dict[str, Any], told: list[Any]):
    live = workload(replicas=1)
    live["metadata"] |= about
    assert found(workload(replicas=1), live) == told


def test_what_a_service_is_given_is_no_drift_and_what_was_rendered_is():
    service = {"kind": "Service", "metadata": {"name": "web"}, "spec": {"ports": [{"port": 80}]}}
    live = copy.deepcopy(service)
    live["spec"] |= {"clusterIP": "10.0.0.1", "clusterIPs": ["10.0.0.1"], "ports": [{"port": 80, "nodePort": 31000}]}
    assert found(service, live) == []
    headless = copy.deepcopy(service)
    headless["spec"]["clusterIP"] = "None"
    assert found(headless, live)[0] == ("/spec/clusterIP", "None", "10.0.0.1")


def test_a_path_that_ends_before_is_left_alone():
    document = {"a": [1]}
    drift.put(document, ("a", 3), 2)
    drift.put(document, ("b", "c"), 2)
    assert document == {"a": [1]}
    assert Difference(("a", "x/y"), 1, 2).pointer == "/a/x~1y"


# NetworkPolicies.


def end(namespace: str = "shop", address: str = "10.0.0.7", **labels: str) -> dict[str, Any]:
    around = {"kubernetes.io/metadata.name": namespace}
    return {
        "namespace": namespace,
        "labels": labels,
        "namespace_labels": around,
        "address": address,
        "ports": {"http": 8080},
    }


WEB, DB, STRANGER = end(app="web"), end("data", app="db"), end("away")
DENY = {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


def ingress(**rule: Any) -> tuple[str, dict[str, Any]]:
    return "shop", {"podSelector": {"matchLabels": {"app": "web"}}, "ingress": [rule]}


@pytest.mark.parametrize(
    ("policies", "source", "target", "may"),
    [
        ([], STRANGER, WEB, True),
        ([("shop", DENY)], STRANGER, WEB, False),
        ([("data", DENY)], STRANGER, WEB, True),
        ([("shop", DENY)], WEB, DB, False),
        ([("shop", {"podSelector": {}})], WEB, DB, True),  # of Ingress alone, since it has no rule for Egress
        ([ingress()], STRANGER, WEB, True),
        ([ingress(**{"from": [{"podSelector": {}}]})], STRANGER, WEB, False),  # of the same namespace
        ([ingress(**{"from": [{"podSelector": {}}]})], end(app="x"), WEB, True),
        ([ingress(**{"from": [{"namespaceSelector": {}}]})], STRANGER, WEB, True),
        (
            [ingress(**{"from": [{"namespaceSelector": {}, "podSelector": {"matchLabels": {"app": "db"}}}]})],
            STRANGER,
            WEB,
            False,
        ),
        ([ingress(ports=[{"port": "http"}])], STRANGER, WEB, True),
        ([ingress(ports=[{"port": "metrics"}])], STRANGER, WEB, False),
        ([ingress(ports=[{"port": 8000, "endPort": 8100}])], STRANGER, WEB, True),
        ([ingress(ports=[{"port": 8080, "protocol": "UDP"}])], STRANGER, WEB, False),
        ([ingress(ports=[{"protocol": "TCP"}])], STRANGER, WEB, True),
        ([ingress(**{"from": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]})], STRANGER, WEB, True),
        ([ingress(**{"from": [{"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.0.0.0/24"]}}]})], STRANGER, WEB, False),
        ([ingress(**{"from": [{"ipBlock": {"cidr": "no network"}}]})], STRANGER, WEB, False),
    ],
)
def test_a_connection_is_allowed_as_kubernetes_has_it(policies: Any, source: Any, target: Any, may: bool):
    assert network.allowed(source, target, 8080, "TCP", policies) is may


@pytest.mark.parametrize(
    ("operator", "values", "selected"),
    [
        ("In", ["web"], True),
        ("NotIn", ["web"], False),
        ("Exists", [], True),
        ("DoesNotExist", [], False),
        ("?", [], False),
    ],
)
def test_expressions_of_selectors(operator: str, values: list[str], selected: bool):
    expression = {"key": "app", "operator": operator, "values": values}
    assert network.selects({"matchExpressions": [expression]}, {"app": "web"}) is selected


def test_what_is_no_pod_is_selected_by_addresses_alone():
    api = end("", "172.18.0.2")
    egress = {"podSelector": {}, "policyTypes": ["Egress"], "egress": [{"to": [{"namespaceSelector": {}}]}]}
    assert not network.allowed(WEB, api, 6443, "TCP", [("shop", egress)])
    egress["egress"] = [{"to": [{"ipBlock": {"cidr": "172.18.0.0/16"}}]}]
    assert network.allowed(WEB, api, 6443, "TCP", [("shop", egress)])


# Rights.


@pytest.mark.parametrize(
    ("held", "declared", "told"),
    [
        ({"verbs": ["get"], "apiGroups": [""], "resources": ["secrets"]}, [], ["get secrets"]),
        (
            {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]},
            [{"verbs": ["get"], "apiGroups": [""], "resources": ["secrets"]}],
            ["do everything with everything in every group"],
        ),
        (
            {"verbs": ["get"], "apiGroups": ["apps"], "resources": ["deployments"]},
            [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}],
            [],
        ),
        (
            {"verbs": ["get"], "apiGroups": [""], "resources": ["configmaps"]},
            [{"verbs": ["get"], "apiGroups": [""], "resources": ["configmaps"], "resourceNames": ["a"]}],
            ["get configmaps"],
        ),
        (
            {"verbs": ["get"], "apiGroups": [""], "resources": ["configmaps"], "resourceNames": ["a", "b"]},
            [{"verbs": ["get"], "apiGroups": [""], "resources": ["configmaps"], "resourceNames": ["a"]}],
            ["get configmaps a, b"],
        ),
        (
            {"verbs": ["update"], "apiGroups": ["apps"], "resources": ["deployments/scale"]},
            [{"verbs": ["update"], "apiGroups": ["apps"], "resources": ["*/scale"]}],
            [],
        ),
        (
            {"verbs": ["update"], "apiGroups": ["apps"], "resources": ["deployments/scale"]},
            [{"verbs": ["update"], "apiGroups": ["apps"], "resources": ["deployments"]}],
            ["update deployments/scale in group apps"],
        ),
        (
            {"verbs": ["get"], "apiGroups": ["other.io"], "resources": ["deployments"]},
            [{"verbs": ["get"], "apiGroups": ["apps"], "resources": ["deployments"]}],
            ["get deployments in group other.io"],
        ),
        ({"verbs": ["get"], "nonResourceURLs": ["/healthz", "/apis/apps", "/logs"]}, [], ["get /logs"]),
        ({"verbs": ["get"], "nonResourceURLs": ["/logs"]}, [{"verbs": ["get"], "nonResourceURLs": ["/l*"]}], []),
    ],
)
def test_a_right_is_covered_or_told(held: Any, declared: Any, told: list[str]):
    assert list(rights.beyond([held], declared)) == told


# Images, certificates.


@pytest.mark.parametrize(
    ("live", "rendered", "same"),
    [
        ("registry.example/library/redis:7", "redis:7", True),
        ("redis", "redis:latest", True),
        ("registry.example/redis:7", "redis:8", False),
        ("localhost:5000/redis", "localhost:5000/redis:latest", True),
        ("registry.example/shop/web:1.4.0", "shop/web:1.4.0", True),
        ("registry.example/library/web:1", "shop/web:1", False),
        ("registry.example/other/web:1", "shop/web:1", False),
        (f"shop/web@sha256:{'a' * 64}", f"shop/web@sha256:{'a' * 64}", True),
        ("other.example/shop/web:1", "registry.example/shop/web:1", False),
        ("shop/web:1", "registry.example/shop/web:1", False),
    ],
)
def test_references_that_mean_the_same_are_the_same(live: str, rendered: str, same: bool):
    assert is_called(live, rendered) is same


@pytest.mark.parametrize(("days", "lasts"), [(0, True), (9, True), (10, False), (30, False)])
def test_a_certificate_lasts_until_its_end_and_not_on_it(days: int, lasts: bool):
    certificate = TlsCertificate(
        where=Location(""), names=(), begins="2026-01-01T00:00:00Z", ends="2026-01-11T00:00:00Z"
    )
    assert certificate.lasts("2026-01-01T00:00:00Z", days) is lasts
