"""Running policy tests: outcomes, coverage, and what cannot be judged."""

from __future__ import annotations

from pathlib import Path

import pytest
from rego import collect, gaps, needs_opa, observe, rego
from subjects import lay

from strictreal.cache import Cache
from strictreal.engines import opa
from strictreal.facts.policies import PolicyRule, PolicySuite, PolicyTest, RuleCoverage
from strictreal.policy import test as policy_test
from strictreal.session import Session

POLICY = """
    deny contains "port" if input.port < 1024

    deny contains "name" if {
        input.port
        not named
    }

    named if input.name != ""

    default limit := 5

    limit := 9 if input.big
"""
TESTS = """
    package p_test

    import data.p

    test_port if p.deny == {"port"} with input as {"port": 80, "name": "a"}

    test_wrong if p.deny == set() with input as {"port": 80, "name": "a"}

    test_cases[name] if {
        some name, port in {"low": 1, "lower": 2}
        "port" in p.deny with input as {"port": port}
    }

    todo_test_later if false
"""


def run(root: Path) -> policy_test.TestReport:
    with Session(Cache(None), jobs=2) as session:
        return policy_test.run(root, session)


def outcomes(root: Path) -> set[tuple[str, str]]:
    return {(r.name, r.outcome) for suite in run(root).suites for r in suite.results}


def test_each_test_has_an_outcome(tmp_path: Path):
    lay(tmp_path, {"p.rego": rego(POLICY), "p_test.rego": rego(TESTS)})
    assert outcomes(tmp_path) == {
        ("test_port", "passed"),
        ("test_wrong", "failed"),
        ("test_cases", "passed"),
        ("todo_test_later", "skipped"),
    }


def test_what_no_test_evaluates_is_told_rule_by_rule(tmp_path: Path):
    lay(tmp_path, {"p.rego": rego(POLICY), "p_test.rego": rego(TESTS), "q.rego": "package q\n\nx := 1\n"})
    found = {(c.rule, c.reached, c.module_reached, c.missed) for c in collect(tmp_path, RuleCoverage)}
    assert found == {
        ("deny", True, True, ()),
        ("named", True, True, ()),
        ("limit", False, True, (12,)),
        ("limit", False, True, (14,)),
        ("x", False, False, ()),
    }


def test_a_report_is_good_only_when_everything_is_tested_and_passes(tmp_path: Path):
    good = 'package p\n\ndeny contains "port" if input.port < 1024\n'
    test = 'package p_test\n\nimport data.p\n\ntest_p if p.deny == {"port"} with input as {"port": 1}\n'
    lay(tmp_path, {"p.rego": good, "p_test.rego": test})
    assert run(tmp_path).ok
    lay(tmp_path, {"q.rego": "package q\n\nx if input.a\n"})
    assert not run(tmp_path).ok


def test_what_reaches_the_network_is_refused_with_what_depends_on_it_and_nothing_else(tmp_path: Path):
    lay(
        tmp_path,
        {
            "p.rego": "package p\n\nx if input.a\n",
            "p_test.rego": rego('package p_test\n\ntest_x if data.p.x with input as {"a": 1}'),
            "net.rego": "package net\n\ny if http.send({}).status_code == 200\n",
            "q.rego": "package q\n\nz if data.net.y\n",
            "q_test.rego": "package q_test\n\ntest_z if data.q.z\n",
        },
    )
    report = run(tmp_path)
    assert {(r.name, r.outcome) for s in report.suites for r in s.results} == {("test_x", "passed")}
    assert [(rule.path, rule.reached) for rule in report.rules] == [("p.rego", True)]
    reason = "not run: it needs net.rego, where line 3 calls http.send, which reaches the network"
    assert report.problems == (
        ("q_test.rego", reason),
        ("net.rego", "not run: line 3 calls http.send, which reaches the network"),
        ("q.rego", f"q_test.rego: {reason}"),
    )
    assert not report.ok


def test_no_tests_is_no_success(tmp_path: Path):
    lay(tmp_path, {"p.rego": rego(POLICY)})
    report = run(tmp_path)
    assert (report.suites, report.ok) == ((), False)
    assert all(not rule.reached for rule in report.rules)


def test_data_beside_the_policies_is_loaded(tmp_path: Path):
    lay(
        tmp_path,
        {
            "policies/data.yaml": "limits:\n  ports: 9\n",
            "policies/net/p.rego": rego("limit := data.limits.ports if input.big"),
            "policies/net/p_test.rego": rego("""
                package p_test
                test_limit if data.p.limit == 9 with input as {"big": true}
            """),
        },
    )
    assert outcomes(tmp_path) == {("test_limit", "passed")}


def test_a_test_that_fails_for_want_of_deployed_data_is_not_judged(tmp_path: Path):
    lay(
        tmp_path,
        {
            "p.rego": rego("deny contains 1 if input.a in data.inventory.names"),
            "p_test.rego": rego('package p_test\ntest_a if data.p.deny == {1} with input as {"a": "b"}'),
        },
    )
    assert "data.inventory.names" in gaps(tmp_path, "PolicySuite")["p_test.rego"]
    assert collect(tmp_path, PolicyTest) == []


def test_a_test_that_the_engine_cannot_run_is_not_judged(tmp_path: Path):
    lay(tmp_path, {"p_test.rego": rego("package p_test\n\ntest_a if parse_config_file(1)")})
    assert "parse_config_file" in gaps(tmp_path, "PolicySuite")["p_test.rego"]


def test_a_test_that_leads_to_an_unread_module_is_not_judged(tmp_path: Path):
    lay(
        tmp_path,
        {
            "p.rego": 'package p\n\nx := $"{input.a}"\n',
            "p_test.rego": rego('package p_test\n\ntest_a if data.p.x == "1" with input as {"a": 1}'),
        },
    )
    assert gaps(tmp_path, "PolicySuite") == {"p_test.rego": "p.rego: it was not read"}


@pytest.mark.skipif(opa.version() != "absent", reason="OPA is the judge where it is there")
def test_a_test_that_may_pass_in_opa_is_not_judged(tmp_path: Path):
    lay(
        tmp_path,
        {
            "p.rego": rego('deny contains 1 if not startswith(input.a, "b")'),
            "p_test.rego": rego("package p_test\n\ntest_a if data.p.deny == set() with input as {}"),
        },
    )
    assert "p.rego:3 uses not" in gaps(tmp_path, "PolicySuite")["p_test.rego"]


@needs_opa
def test_opa_is_the_judge_where_it_is_there(tmp_path: Path):
    lay(
        tmp_path,
        {
            "p.rego": rego('deny contains 1 if not startswith(input.a, "b")'),
            "p_test.rego": rego("package p_test\n\ntest_a if data.p.deny == set() with input as {}"),
        },
    )
    [found] = collect(tmp_path, PolicyTest)
    assert (found.engine, found.outcome) == (f"OPA {opa.version()}", "passed")


@needs_opa
def test_what_only_opa_can_run_is_run_and_covered_by_opa(tmp_path: Path):
    lay(
        tmp_path,
        {
            "p.rego": rego('x := crypto.sha256("a") if input.a'),
            "p_test.rego": rego('package p_test\n\ntest_a if startswith(data.p.x, "ca97") with input as {"a": 1}'),
        },
    )
    assert [found.outcome for found in collect(tmp_path, PolicyTest)] == ["passed"]
    assert [found.reached for found in collect(tmp_path, RuleCoverage)] == [True]


def test_a_file_may_hold_rules_and_their_tests(tmp_path: Path):
    lay(tmp_path, {"p.rego": rego('x if input.a\n\ntest_x if x with input as {"a": 1}')})
    assert outcomes(tmp_path) == {("test_x", "passed")}
    assert [rule.name for rule in collect(tmp_path, PolicyRule) if not rule.test] == ["x"]


def test_every_unit_is_counted(tmp_path: Path):
    from collections import Counter

    from strictreal.model import Gap, Inventory

    lay(
        tmp_path,
        {
            "p.rego": rego(POLICY),
            "p_test.rego": rego(TESTS),
            "data.json": "{}",
            "bad.rego": "package bad\nx := [",
            "net_test.rego": rego("package n\n\ntest_n if http.send({}).status == 200"),
        },
    )
    facts = [fact for seen in observe(tmp_path) for fact in seen.facts]
    counted = {fact.of: fact.count for fact in facts if isinstance(fact, Inventory)}
    have = Counter(fact.of if isinstance(fact, Gap) else type(fact).__name__ for fact in facts)
    assert counted == {
        "RegoFile": 4,
        "PolicyModule": 4,
        "PolicyData": 1,
        "PolicySuite": 2,
        "PolicyComparison": 2,
        "JudgedManifest": 0,
        "MutatedPolicy": 1,
        "AskedPolicy": 0,
    }
    assert {unit: have[unit] for unit in counted} == counted


def test_results_come_from_the_cache_the_second_time(tmp_path: Path):
    subject = lay(tmp_path / "subject", {"p.rego": rego(POLICY), "p_test.rego": rego(TESTS)})
    first = observe(subject, cache=tmp_path / "cache")
    second = observe(subject, cache=tmp_path / "cache")
    assert [s.facts for s in first] == [s.facts for s in second]
    assert [s.cached for s in second if s.collector == "policies.tests"] == [True]
    assert collect(subject, PolicySuite)[0].modules == ("p.rego", "p_test.rego")
