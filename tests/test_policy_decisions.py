"""What policies answer when there is nothing to look at, evaluated."""

from __future__ import annotations

from pathlib import Path

import pytest
from rego import Seen, needs_opa, rego
from subjects import lay

from strictreal.engines import opa
from strictreal.facts.policies import AskedPolicy, PolicyAnswer

OPEN = [
    "allow if count(violations) == 0\n\nviolations contains 1 if input.bad",
    "allow if not input.banned",
    "allow if not violated\n\nviolated if input.bad",
    "compliant if count([1 | input.bad]) == 0",
    'decision := "deny" if input.bad else := "allow" if count(input) == 0',
    'response := {"allowed": count([x | some x in input.bad]) == 0}',
    "# METADATA\n# entrypoint: true\nverdictless if not input.bad",
    "authorized := x if { x := count([1 | input.bad]) == 0 }",
]
CLOSED = [
    "default allow := false\n\nallow if input.user",
    "allow if { input.user; count(violations) == 0 }\n\nviolations contains 1 if input.bad",
    "allow if every item in input.items { item.good }",
    'decision := "deny" if not input.good',
    "deny contains 1 if not input.good",
    "not_allowed if not input.good",
    "fresh if not input.stale",
    "allow(x) if not x.bad",
    "allow if { input.user; valid_name }\n\nvalid_name if not input.name == 1",
    'valid if semver.is_valid("1.2.3")',
]


def permits(seen: Seen) -> list[tuple[str, str]]:
    return [(answer.rule, answer.given) for answer in seen.all(PolicyAnswer) if answer.opens and answer.whole]


@pytest.mark.parametrize("text", OPEN)
def test_a_rule_that_permits_an_empty_input_is_seen_to(tmp_path: Path, text: str):
    lay(tmp_path, {"p.rego": rego(text)})
    assert permits(Seen(tmp_path))


@pytest.mark.parametrize("text", CLOSED)
def test_a_rule_that_denies_it_or_decides_nothing_is_not(tmp_path: Path, text: str):
    lay(tmp_path, {"p.rego": rego(text)})
    assert permits(Seen(tmp_path)) == []


@needs_opa  # the embedded engine refuses what is undefined in OPA
def test_null_is_asked_about_too(tmp_path: Path):
    text = 'allow if count(failed) == 0\n\nfailed contains 1 if object.get(input, ["score"], 0) < 1'
    lay(tmp_path, {"p.rego": rego(text)})
    assert permits(Seen(tmp_path)) == [("allow", "null")]


POLICY = """
    allow if {
        input.kind == "Pod"
        not privileged
    }

    privileged if input.spec.privileged
"""
TESTS = """
    package p_test

    test_p if not data.p.allow with input as {"kind": "Pod", "spec": {"privileged": true, "name": "a"}}
"""


def test_a_test_input_is_asked_about_without_each_of_its_fields(tmp_path: Path):
    lay(tmp_path, {"p.rego": rego(POLICY), "p_test.rego": rego(TESTS)})
    seen = Seen(tmp_path)
    assert [(a.given, a.value, a.opens, a.whole) for a in seen.all(PolicyAnswer)] == [
        ("{}", "", False, True),
        ("null", "", False, True),
        ("input 1 without spec", "true", True, True),
        # A flag that is not set is no document that is missing.
        ("input 1 without spec.privileged", "true", True, False),
    ]
    assert [asked.documents for asked in seen.all(AskedPolicy)] == [7]


def test_an_input_that_is_permitted_as_it_is_says_nothing(tmp_path: Path):
    tests = 'package p_test\n\ntest_p if data.p.allow with input as {"kind": "Pod", "spec": {"name": "a"}}'
    lay(tmp_path, {"p.rego": rego(POLICY), "p_test.rego": rego(tests)})
    assert [a.given for a in Seen(tmp_path).all(PolicyAnswer)] == ["{}", "null"]


def test_a_policy_that_cannot_be_evaluated_is_a_gap(tmp_path: Path):
    lay(tmp_path, {"p.rego": rego("allow if http.send({}).status_code == 200")})
    assert Seen(tmp_path).gaps("AskedPolicy") == {
        "p.rego": "not run: line 3 calls http.send, which reaches the network"
    }


def test_only_the_first_inputs_are_asked_about(tmp_path: Path):
    cases = ", ".join(str(number) for number in range(600))
    tests = f'package p_test\n\ntest_p if every n in [{cases}] {{ not data.p.allow with input as {{"n": n}} }}'
    lay(tmp_path, {"p.rego": rego(POLICY), "p_test.rego": rego(tests)})
    assert [asked.documents for asked in Seen(tmp_path).all(AskedPolicy)] == [402]


LIFTED = 'allow if not startswith(input.name, "x")'


@needs_opa
def test_opa_is_the_judge_of_what_the_engines_read_differently(tmp_path: Path):
    lay(tmp_path, {"p.rego": rego(LIFTED)})
    found = Seen(tmp_path).all(PolicyAnswer)
    assert {(answer.engine, answer.opens) for answer in found} == {(f"OPA {opa.version()}", False)}


@pytest.mark.skipif(opa.version() != "absent", reason="OPA is the judge where it is there")
def test_without_opa_what_the_engines_read_differently_is_a_gap(tmp_path: Path):
    lay(tmp_path, {"p.rego": rego(LIFTED)})
    assert "p.rego:3 uses not" in Seen(tmp_path).gaps("AskedPolicy")["p.rego"]


@needs_opa
def test_what_only_opa_can_run_is_asked_of_opa(tmp_path: Path):
    lay(tmp_path, {"p.rego": rego('allow if not crypto.sha256("a") == input.hash')})
    assert [answer.engine for answer in Seen(tmp_path).all(PolicyAnswer)] == [f"OPA {opa.version()}"] * 2
