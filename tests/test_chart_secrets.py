"""What a manifest keeps secret does not reach a fact, and what it does not keep secret is unchanged."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strictreal.collect.chart import secrets
from strictreal.engines import schemas
from strictreal.engines.schemas import KubernetesSchemas
from strictreal.model import canonical
from strictreal.redact import MARK


def redacted(document: dict[str, Any]) -> dict[str, Any]:
    clean: dict[str, Any] = json.loads(secrets.redacted(document, canonical(document)))
    return clean


SECRET = {
    "apiVersion": "v1",
    "kind": "Secret",
    "metadata": {"name": "s"},
    "data": {"a": "aHVudGVyMg=="},
    "stringData": {"b": "hunter2", "c": "x"},
}


def test_a_secret_keeps_its_keys_and_loses_its_values() -> None:
    clean = redacted(SECRET)
    assert clean["stringData"] == {"b": MARK, "c": MARK}
    assert clean["data"] == {"a": secrets.MARK_BASE64}
    assert {key: clean[key] for key in ("apiVersion", "kind", "metadata")} == {
        key: SECRET[key] for key in ("apiVersion", "kind", "metadata")
    }


def test_a_redacted_secret_is_still_valid_by_its_schema() -> None:
    validator = KubernetesSchemas("1.34").validator("", "v1", "Secret")
    assert validator
    assert schemas.problems(validator, redacted(SECRET)) == []


# A specimen: the form of a key, cut off after a few bytes, which opens nothing.
KEY = "-----BEGIN RSA PRIVATE KEY-----\nspecimen+that+is+nobodys+key00\n-----END RSA PRIVATE KEY-----\n"


LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


@pytest.mark.parametrize(
    ("value", "secret"),
    [
        ({"env": [{"name": "DB_PASSWORD", "value": "hunter2x"}]}, "hunter2x"),
        ({"env": [{"name": "API-KEY", "value": "hunter2x"}]}, "hunter2x"),
        ({"password": "hunter2x"}, "hunter2x"),
        ({"clientSecret": "hunter2x"}, "hunter2x"),
        ({"data": {"app.ini": 'user = "x"\npassword = "hunter2x"\n'}}, "hunter2x"),
        ({"url": "postgres://app:hunter2x@db/app"}, "hunter2x"),
        ({"note": "use ghp_abcdefghijklmnopqrstuvwxyz012345 here"}, "ghp_abcdefghijklmnopqrstuvwxyz012345"),
        ({"data": {"tls.key": KEY}}, "specimen+that+is+nobodys+key00"),
        ({"metadata": {"annotations": {"example.org/api-token": "hunter2x"}}}, "hunter2x"),
        ({"metadata": {"annotations": {LAST_APPLIED: '{"kind":"Secret","stringData":{"a":"hunter2x"}}'}}}, "hunter2x"),
        ({"metadata": {"annotations": {LAST_APPLIED: "{hunter2x"}}}, "hunter2x"),
        ({"env": [{"name": "pw", "value": "hunter2x"}]}, "hunter2x"),
        ({"env": [{"value": ["hunter2x"], "name": "DB_PASSWORD"}]}, "hunter2x"),
        ({"args": ["--password", "hunter2x"]}, "hunter2x"),
        ({"args": ["-p", "hunter2x"]}, "hunter2x"),
        ({"args": ["--token=hunter2x"]}, "hunter2x"),
        ({"command": ["sh", "-c", "mysql -u root --password hunter2x"]}, "hunter2x"),
        ({"data": {"a.yaml": "env:\n  - name: API_KEY\n    value: hunter2x\n"}}, "hunter2x"),
        ({"data": {"a.yaml": "db: {user: ada, password: hunter2x}\n"}}, "hunter2x"),
        ({"data": {"PASSPHRASE": "hunter2x"}}, "hunter2x"),
        ({"passwords": ["hunter2x"]}, "hunter2x"),
        ({"password": 123456}, "123456"),
        ({"note": "k8Zx71LmPw0aRtYv92Kd3QbN5sXc"}, "k8Zx71LmPw0aRtYv92Kd3QbN5sXc"),
        ({"args": ["x" * 5000 + ' password="hunter2x"']}, "hunter2x"),
    ],
)
def test_a_secret_in_any_object_is_replaced(value: dict[str, Any], secret: str) -> None:
    clean = redacted({"kind": "ConfigMap", **value})
    assert secret not in json.dumps(clean)
    assert MARK in json.dumps(clean)


@pytest.mark.parametrize(
    "value",
    [
        {"secretName": "web-tls"},
        {"valueFrom": {"secretKeyRef": {"name": "web", "key": "password"}}},
        {"automountServiceAccountToken": False},
        {"imagePullSecrets": [{"name": "registry"}]},
        {"env": [{"name": "LOG_LEVEL", "value": "info"}]},
        {"keys": ["a", "b"], "key": "app.kubernetes.io/name"},
        {"url": "https://user@example.com/x:y@z"},
        {"password": ""},
        {"auth": "basic", "token": "enabled"},
        {"env": [{"name": "DB_PASSWORD", "value": "$(OTHER)"}]},
        {"image": "app@sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"},
        {"metadata": {"annotations": {"checksum/secret-values": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b"}}},
        {
            "caBundle": "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCk1JSURFVENDQWZtZ0F3SUJBZ0lRWVVtUWcyTFIvcEhBTVpiL3Z3UXd3WGpBTg=="
        },
        {"args": ["-p", "8080", "--port", "80"]},
        {"volumes": [{"serviceAccountToken": {"path": "token", "audience": "vault"}}]},
        {"rules": [{"resources": ["secrets"], "verbs": ["get"]}]},
        {"token": 5},
    ],
)
def test_what_only_speaks_of_secrets_is_unchanged(value: dict[str, Any]) -> None:
    document = {"kind": "Pod", **value}
    assert redacted(document) == document


def test_what_a_secret_holds_is_replaced_wherever_else_it_stands() -> None:
    held = secrets.known({"kind": "Secret", "data": {"a": "aHVudGVyMng="}, "stringData": {"b": "swordfish9", "c": "a"}})
    document = {"kind": "Pod", "args": ["hunter2x", "x=swordfish9", "a", "aHVudGVyMng="]}
    clean = json.loads(secrets.redacted(document, canonical(document), held))
    assert clean["args"] == [MARK, f"x={MARK}", "a", MARK]
    assert secrets.known({"kind": "ConfigMap", "data": {"b": "swordfish9"}}) == frozenset()


def test_a_message_of_a_schema_does_not_quote_a_value() -> None:
    validator = schemas.compile_schema(
        {"properties": {"a": {"pattern": "^-$"}, "b": {"enum": [1]}, "c": {"maxLength": 1}}}
    )
    found = schemas.problems(validator, {"a": "hunter2x", "b": 7123456, "c": "hunter2x"})
    assert len(found) == 3
    assert not any("hunter2x" in problem.message or "7123456" in problem.message for problem in found)


def test_a_definition_with_fields_called_token_is_unchanged() -> None:
    properties = {"token": {"type": "string", "description": "The key: a secret token."}}
    document = {"kind": "CustomResourceDefinition", "spec": {"properties": properties}}
    assert redacted(document) == document


_TEXT = st.text("abc \n", max_size=10)


@given(
    st.recursive(_TEXT | st.integers(), lambda inner: st.lists(inner) | st.dictionaries(_TEXT, inner), max_leaves=20)
)
def test_a_document_without_secrets_is_unchanged(value: Any) -> None:
    assert redacted({"kind": "ConfigMap", "x": value}) == {"kind": "ConfigMap", "x": value}
