"""Schemas judge without ever fetching anything, and tell where and what, never the value."""

from __future__ import annotations

import copy
import socket
import threading
from typing import Any

import pytest

from strictreal.engines import schemas
from strictreal.engines.schemas import KubernetesSchemas, Problem, SchemaUnusable
from strictreal.errors import ConfigurationError

POD: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "web"},
    "spec": {"containers": [{"name": "web", "image": "web:1", "ports": [{"containerPort": 80}]}]},
}


@pytest.fixture(scope="module")
def kubernetes() -> KubernetesSchemas:
    return KubernetesSchemas("1.34")


def said(kubernetes: KubernetesSchemas, document: dict[str, Any]) -> list[Problem]:
    signature = schemas.signature(document)
    assert signature
    validator = kubernetes.validator(*signature)
    assert validator
    return schemas.problems(validator, document)


def test_a_sound_object_has_no_problem(kubernetes: KubernetesSchemas) -> None:
    assert said(kubernetes, POD) == []


def changed(path: tuple[str | int, ...], value: Any) -> dict[str, Any]:
    document = copy.deepcopy(POD)
    inner: Any = document
    for part in path[:-1]:
        inner = inner[part]
    inner[path[-1]] = value
    return document


@pytest.mark.parametrize(
    ("path", "value", "problem"),
    [
        (("spec", "containers", 0, "ports", 0, "containerPort"), "80", "must be integer, is string"),
        (("spec", "containers", 0, "ports", 0, "containerPort"), True, "must be integer, is boolean"),
        (("spec", "containers", 0, "img"), "web:1", "there is no such field"),
        (("spec", "containers", 0, "ports", 0, "conta~iner/Port"), 1, "there is no such field"),
        (("metadata", "labels"), {"a": 1}, None),
    ],
)
def test_a_wrong_field_is_told_by_its_pointer(
    kubernetes: KubernetesSchemas, path: tuple[str | int, ...], value: Any, problem: str | None
) -> None:
    found = said(kubernetes, changed(path, value))
    if problem:
        assert Problem(path, problem) in found
    else:
        assert [each.path for each in found] == [(*path, "a")]


def test_a_pointer_is_escaped_as_rfc_6901_says() -> None:
    assert Problem(("a/b", 0, "m~n"), "").pointer == "/a~1b/0/m~0n"


def test_a_required_field_is_named(kubernetes: KubernetesSchemas) -> None:
    document = {"apiVersion": "v1", "kind": "Pod", "metadata": {}, "spec": {}}
    assert said(kubernetes, document) == [Problem(("spec",), "containers is required")]


def test_a_message_never_holds_the_value(kubernetes: KubernetesSchemas) -> None:
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {}, "stringData": {"a": 48151623}, "type": ["hunter2"]}
    messages = " ".join(problem.message for problem in said(kubernetes, secret))
    assert messages
    assert "48151623" not in messages
    assert "hunter2" not in messages


@pytest.mark.parametrize(
    "schema",
    [{"maxLength": 3}, {"enum": ["a"]}, {"pattern": "^x"}, {"const": 1}, {"not": {}}, {"oneOf": [{"const": 2}]}],
)
def test_no_kind_of_problem_quotes_the_value(schema: dict[str, Any]) -> None:
    [problem] = schemas.problems(schemas.compile_schema(schema), "hunter2")
    assert "hunter2" not in problem.message


def test_problems_beyond_the_bound_are_counted_and_not_listed(kubernetes: KubernetesSchemas) -> None:
    document = changed(("spec", "nodeSelector"), {f"k{n}": n for n in range(100)})
    found = said(kubernetes, document)
    assert len(found) == schemas.MAX_PROBLEMS + 1
    assert "more problems" in " ".join(problem.message for problem in found)


@pytest.mark.parametrize(
    "signature",
    [
        ("apps.example.com", "v1", "Deployment"),  # not the group apps, though its file name is the same
        ("", "v1", "Affinity"),  # a part of objects, and no object
        ("policy", "v1beta1", "PodDisruptionBudget"),  # not in this version any more
        ("", "v1", "../../v1.25.0-local/pod"),
    ],
)
def test_what_kubernetes_does_not_have_has_no_validator(
    kubernetes: KubernetesSchemas, signature: tuple[str, str, str]
) -> None:
    assert kubernetes.validator(*signature) is None


@pytest.mark.parametrize(
    ("document", "signature"),
    [
        ({"apiVersion": "apps/v1", "kind": "Deployment"}, ("apps", "v1", "Deployment")),
        ({"apiVersion": "v1", "kind": "Pod"}, ("", "v1", "Pod")),
        ({"apiVersion": "v1", "kind": "../x"}, None),
        ({"apiVersion": "../v1", "kind": "Pod"}, None),
        ({"apiVersion": 1, "kind": "Pod"}, None),
        ({"kind": "Pod"}, None),
        (["not", "an", "object"], None),
    ],
)
def test_only_a_proper_signature_is_one(document: Any, signature: tuple[str, str, str] | None) -> None:
    assert schemas.signature(document) == signature


def test_every_bundled_version_judges() -> None:
    for version in schemas.bundled():
        assert said(KubernetesSchemas(version), POD) == []


@pytest.mark.parametrize("version", ["1.0", "9.99", "v1.34", "1.34.0", "latest", "../1.34"])
def test_a_version_without_schemas_is_refused_with_the_range(version: str) -> None:
    with pytest.raises(ConfigurationError, match=r"from 1\.\d+ to 1\.\d+"):
        schemas.require(version)


def definition(schema: dict[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "spec": {
            "group": "example.com",
            "names": {"kind": "Thing"},
            "versions": [{"name": "v1", "schema": {"openAPIV3Schema": schema}}],
        },
    }


SPEC = {
    "type": "object",
    "properties": {
        "spec": {
            "type": "object",
            "required": ["size"],
            "properties": {
                "size": {"type": "integer", "minimum": 0, "exclusiveMinimum": True},
                "port": {"x-kubernetes-int-or-string": True},
                "note": {"type": "string", "nullable": True, "enum": ["a", "b"]},
                "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
                "labels": {"type": "object", "additionalProperties": {"type": "string"}},
                "pod": {
                    "type": "object",
                    "x-kubernetes-embedded-resource": True,
                    "properties": {"x": {"type": "string"}},
                },
                "one": {
                    "type": "object",
                    "properties": {"a": {"type": "string"}, "b": {"type": "string"}},
                    "oneOf": [{"required": ["a"]}, {"required": ["b"]}],
                },
            },
        }
    },
}


@pytest.mark.parametrize(
    ("spec", "problems"),
    [
        ({"size": 1}, []),
        ({"size": 0}, ["/spec/size"]),
        ({}, ["/spec"]),
        ({"size": 1, "port": "http"}, []),
        ({"size": 1, "port": 80}, []),
        ({"size": 1, "port": [80]}, ["/spec/port"]),
        ({"size": 1, "note": None}, []),
        ({"size": 1, "note": "c"}, ["/spec/note"]),
        ({"size": None}, ["/spec/size"]),
        ({"size": 1, "sise": 2}, ["/spec/sise"]),
        ({"size": 1, "free": {"any": ["thing"]}}, []),
        ({"size": 1, "labels": {"any": "thing"}}, []),
        ({"size": 1, "labels": {"any": 1}}, ["/spec/labels/any"]),
        ({"size": 1, "pod": {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}, "x": "y"}}, []),
        ({"size": 1, "pod": {"y": "y"}}, ["/spec/pod/y"]),
        ({"size": 1, "one": {"a": "x"}}, []),
        ({"size": 1, "one": {"a": "x", "b": "y"}}, ["/spec/one"]),
    ],
)
def test_a_definition_judges_strictly_as_the_cluster_does(spec: dict[str, Any], problems: list[str]) -> None:
    schema = schemas.custom(definition(SPEC))["example.com", "v1", "Thing"]
    document = {"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": "x", "labels": {}}, "spec": spec}
    found = schemas.problems(schemas.compile_schema(schema), document)
    assert [problem.pointer for problem in found] == problems


@pytest.mark.parametrize(
    "broken", [{}, {"spec": None}, {"spec": {"group": "a", "names": {"kind": "B"}, "versions": [{}]}}]
)
def test_a_definition_without_a_schema_cannot_be_used(broken: dict[str, Any]) -> None:
    with pytest.raises(SchemaUnusable):
        schemas.custom(broken)


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "file:///etc/hostname"},
        {"type": "strin"},
        {"type": "string", "pattern": "(?=look)ahead"},
        {"$ref": "#/definitions/missing"},
        [],
    ],
)
def test_a_schema_that_points_outside_or_is_none_is_refused(schema: Any) -> None:
    with pytest.raises(SchemaUnusable):
        schemas.compile_schema(schema)


def test_a_schema_on_the_network_is_never_fetched() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.5)
        visits: list[Any] = []

        def listen() -> None:
            try:
                visits.append(server.accept())
            except TimeoutError:
                return

        listener = threading.Thread(target=listen)
        listener.start()
        with pytest.raises(SchemaUnusable):
            schemas.compile_schema({"$ref": f"http://127.0.0.1:{server.getsockname()[1]}/x.json"})
        listener.join()
    assert visits == []


def test_a_pattern_that_would_backtrack_for_ever_takes_linear_time() -> None:
    validator = schemas.compile_schema({"type": "string", "pattern": "^(a+)+$"})
    assert schemas.problems(validator, "a" * 100_000 + "b")
