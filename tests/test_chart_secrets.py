"""What a manifest keeps secret does not reach a fact, and what it does not keep secret is unchanged."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strictreal.collect.chart import secrets
from strictreal.collect.redact import MARK
from strictreal.engines import schemas
from strictreal.engines.schemas import KubernetesSchemas
from strictreal.model import canonical


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


KEY = "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA0Z3VS5JJcds3xf\n-----END RSA PRIVATE KEY-----\n"


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
        ({"data": {"tls.key": KEY}}, "MIIEpAIBAAKCAQEA0Z3VS5JJcds3xf"),
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
        {"token": 5},
    ],
)
def test_what_only_speaks_of_secrets_is_unchanged(value: dict[str, Any]) -> None:
    document = {"kind": "Pod", **value}
    assert redacted(document) == document


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
