"""Mutation: every small wrong version of a policy is made, and a test that misses one is found out."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rego import module, our_policies, rego
from subjects import lay

from strictreal import suite
from strictreal.cache import Cache
from strictreal.collect.session import Session
from strictreal.engines.rego import RegoError
from strictreal.policy import mutate
from strictreal.policy.mutants import mutants
from strictreal.policy.parse import parse


def made(text: str) -> set[tuple[str, str]]:
    return {(mutant.operator, mutant.change) for mutant in mutants(module(text))}


def run(root: Path) -> mutate.MutationReport:
    with Session(Cache(None), jobs=2) as session:
        return mutate.run(root, session)


@pytest.mark.parametrize(
    ("text", "operator", "change"),
    [
        ("x if input.a == 1", "negate", "== → !="),
        ("x if input.a < 1", "negate", "< → >="),
        ("x if input.a < 1", "change <", "< → <="),
        ("x if input.a", "negate", " → not"),
        ('x if startswith(input.a, "b")', "negate", " → not"),
        ("x if not input.a", "drop a negation", "not → "),
        ("x if { input.a; input.b }", "drop an expression", "input.b → true"),
        ("x if { input.a; input.b }", "drop the rule", " → false;"),
        ("x if input.a", "drop the rule", "input.a → false"),
        ("x := 41", "change a constant", "41 → 42"),
        ('x := "a"', "change a constant", '"a" → "a~"'),
        ('x := ""', "change a constant", '"" → "~"'),
        ("x := true if input.a", "change a constant", "true → false"),
        ("default x := false", "swap the default", "false → true"),
        ("x := input.a + 1", "change +", "+ → -"),
        ("x if every y in input { y > 1 }", "drop an expression", "every y in input { y > 1 } → true"),
        ("x := [y | some y in input; y != 2]", "negate", "!= → =="),
        ("x if not input.a in [1] with input as {}", "drop a negation", "not → "),
    ],
)
def test_each_operator_makes_its_mutant(text: str, operator: str, change: str):
    assert (operator, change.strip()) in {(o, c.strip()) for o, c in made(text)}


def test_bindings_are_not_dropped():
    assert not {c for o, c in made("x if { y := input.a; some z in y; z }") if o == "drop an expression"} - {"z → true"}


def test_tests_are_not_mutated():
    assert made("test_x if 1 == 1") == set()


def test_most_mutants_of_our_policies_are_valid_rego():
    for policy in our_policies():
        if not policy.is_test:
            for mutant in mutants(policy):
                assert parse(policy.path, mutant.apply(policy).encode()).package == policy.package


@given(st.text(alphabet='input.ab12 =!<>+"é[]{}:;|\n', max_size=60))
def test_mutating_what_parses_never_fails(text: str):
    try:
        policy = module(f"x if {{ {text} }}")
    except RegoError:
        return
    for mutant in mutants(policy):
        assert mutant.apply(policy) != policy.text


POLICY = """
    deny contains "port" if {
        input.port < 1024
        not input.exempt
    }
"""
WEAK = """
    package p_test

    import data.p

    test_port if p.deny == {"port"} with input as {"port": 80}
"""
STRONG = (
    WEAK
    + """
    test_border if p.deny == set() with input as {"port": 1024}

    test_exempt if p.deny == set() with input as {"port": 80, "exempt": true}

    test_next if p.deny == {"port"} with input as {"port": 1023}
"""
)


def test_a_weak_test_leaves_survivors_and_a_strong_one_none(tmp_path: Path):
    lay(tmp_path, {"p.rego": rego(POLICY), "p_test.rego": rego(WEAK)})
    report = run(tmp_path)
    assert {(s.line, s.change) for s in report.survivors} == {
        (4, "< → <="),
        (4, "1024 → 1025"),
        (4, "input.port < 1024 → true"),
        (5, "not input.exempt → true"),
    }
    assert not report.ok
    lay(tmp_path, {"p_test.rego": rego(STRONG)})
    report = run(tmp_path)
    assert (report.survivors, report.problems, report.ok) == ((), (), True)
    assert all(mutant.by for mutant in report.mutants if mutant.outcome == "killed")


def test_a_policy_without_tests_cannot_be_mutated(tmp_path: Path):
    lay(tmp_path, {"p.rego": rego(POLICY)})
    assert run(tmp_path) == mutate.MutationReport(mutants=(), problems=(("p.rego", "no test reaches it"),))


def test_tests_that_fail_already_kill_nothing(tmp_path: Path):
    lay(tmp_path, {"p.rego": rego(POLICY), "p_test.rego": rego("package p_test\n\ntest_x if data.p.none")})
    report = run(tmp_path)
    assert not report.mutants
    assert "fail as they are" in dict(report.problems)["p.rego"]


def test_an_equivalent_mutant_is_explained_in_the_metadata(tmp_path: Path):
    annotated = """
        package p

        # METADATA
        # custom:
        #   equivalent_mutants:
        #     - change: "> → >="
        #       reason: nothing is counted as zero
        x if count(input.list) > 0
    """
    tests = """
        package p_test

        import data.p

        test_x if p.x with input as {"list": [1]}

        test_y if not p.x with input as {"list": []}
    """
    lay(tmp_path, {"p.rego": rego(annotated), "p_test.rego": rego(tests)})
    found = {mutant.change: (mutant.outcome, mutant.by) for mutant in run(tmp_path).mutants}
    assert found["> → >="] == ("equivalent", "nothing is counted as zero")
    assert found["> → <="][0] == "killed"


def test_no_mutant_of_our_own_policies_survives():
    report = run(suite.root() / "policies")
    assert (report.survivors, report.problems) == ((), ())
    assert not [mutant for mutant in report.mutants if mutant.outcome != "killed"]
    assert len(report.mutants) > 300
