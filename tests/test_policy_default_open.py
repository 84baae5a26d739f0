"""Default-open policies: told by what a rule's name and answer mean."""

from __future__ import annotations

from pathlib import Path

import pytest
from rego import collect, rego
from subjects import lay

from strictreal.facts.policies import UnconditionalAnswer
from strictreal.policy.effect import effect, words

OPEN = [
    "default allow := true",
    "default allow = true",
    "default is_authorized := true",
    "default accessPermitted := true",
    "default not_denied := true",
    "default is_valid := true",
    'default decision := "allow"',
    'default decision := "ALLOW"',
    'default response := {"allowed": true, "reason": ""}',
    'default result := {"decision": "permit"}',
    "default allow(_) := true",
    "allow := true",
    "allow if true",
    "allow if 1 == 1",
    "allow if { true; 2 == 2 }",
    'allow := false if { input.user == "x" } else := true',
    "# METADATA\n# entrypoint: true\ndefault verdictless := true",
]
CLOSED = [
    "default allow := false",
    "default deny := false",
    "default deny := true",
    "default not_allowed := true",
    "default unauthorized := true",
    "default replicas := 1",
    "default debug := true",
    'default message := "allow"',
    'default decision := "deny"',
    'default response := {"allowed": false}',
    "allow if input.user",
    "allow if { input.user == 1 } else := false",
    'allow("admin") := true',
    "default allow := input.open",
    'is_valid := false if { input.x == "x" } else := true',
    'deny contains "x" if true',
    "test_allow := true",
    "# METADATA\n# entrypoint: true\ndefault deny := true",
]


def opens(tmp_path: Path, text: str) -> bool:
    lay(tmp_path, {"p.rego": rego(text)})
    return any(answer.opens for answer in collect(tmp_path, UnconditionalAnswer))


@pytest.mark.parametrize("text", OPEN)
def test_an_answer_that_permits_without_a_condition_is_open(tmp_path: Path, text: str):
    if "allow(_)" in text or " = true" in text:
        text += "\n"
    assert opens(tmp_path, text)


@pytest.mark.parametrize("text", CLOSED)
def test_any_other_answer_is_not(tmp_path: Path, text: str):
    assert not opens(tmp_path, text)


def test_an_answer_is_a_fact_with_its_form_and_value(tmp_path: Path):
    lay(tmp_path, {"p.rego": rego("default allow := true\n\nreasons := [1, {2}] if true\n")})
    found = collect(tmp_path, UnconditionalAnswer)
    assert [(a.rule, a.form, a.value, a.opens) for a in found] == [
        ("allow", "default", "true", True),
        ("reasons", "constant", "[1,[2]]", False),
    ]


@pytest.mark.parametrize(
    ("name", "meaning"),
    [
        ("allow", "permits"),
        ("isAllowed", "permits"),
        ("is_not_allowed", "denies"),
        ("no_violations", "permits"),
        ("deny", "denies"),
        ("never_denied", "permits"),
        ("count", ""),
        ("allowance", ""),
        ("HTTPAllowed", "permits"),
    ],
)
def test_a_name_means_what_its_words_mean(name: str, meaning: str):
    assert effect(name) == meaning


def test_identifiers_are_words_in_any_case():
    assert words("isHTTPAllowed") == words("is_http_allowed") == ("is", "http", "allowed")
