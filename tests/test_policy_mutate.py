"""Mutation: every small wrong version of a policy is made, and a test that misses one is found out."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rego import Seen, gaps, module, observe, our_policies, rego
from subjects import lay

from strictreal import suite
from strictreal.cache import Cache
from strictreal.engines.rego import RegoError, Source
from strictreal.facts.policies import MutatedPolicy, Survivor
from strictreal.policy import mutate
from strictreal.policy.expand import edits, expand
from strictreal.policy.mutants import mutants
from strictreal.policy.parse import parse
from strictreal.policy.syntax import Module
from strictreal.session import Session


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


def test_what_was_tried_and_what_survived_are_facts(tmp_path: Path):
    lay(
        tmp_path,
        {
            "p.rego": rego(POLICY),
            "p_test.rego": rego(WEAK),
            "q.rego": "package q\n\nx if input.a\n",
            "r.rego": "package r\n\nx if input.a\n",
            "r_test.rego": "package r_test\n\ntest_r if data.r.none\n",
        },
    )
    seen = Seen(tmp_path)
    assert [(m.path, m.mutants) for m in seen.all(MutatedPolicy)] == [("p.rego", 8)]
    assert {(s.where.line, s.operator, s.change) for s in seen.all(Survivor)} == {
        (4, "change <", "< → <="),
        (4, "change a constant", "1024 → 1025"),
        (4, "drop an expression", "input.port < 1024 → true"),
        (5, "drop an expression", "not input.exempt → true"),
    }
    assert seen.gaps("MutatedPolicy") == {
        "q.rego": "no test reaches it",
        "r.rego": "its tests fail as they are: r_test.test_r",
    }


def test_a_module_of_too_many_mutants_is_a_gap_that_names_the_bound(tmp_path: Path):
    many = "\n".join(f"x{number} if input.a == {number}" for number in range(600))
    tests = 'package p_test\n\ntest_x if data.p.x1 with input as {"a": 1}\n'
    lay(tmp_path, {"p.rego": f"package p\n\n{many}\n", "p_test.rego": tests})
    assert gaps(tmp_path, "MutatedPolicy") == {"p.rego": "has more than 2000 mutants (bound: mutants)"}


def test_mutants_come_from_the_cache_the_second_time(tmp_path: Path):
    subject = lay(tmp_path / "subject", {"p.rego": rego(POLICY), "p_test.rego": rego(WEAK)})
    first = observe(subject, cache=tmp_path / "cache")
    second = observe(subject, cache=tmp_path / "cache")
    assert [s.facts for s in first] == [s.facts for s in second]
    assert [s.cached for s in second if s.collector == "policies.mutants"] == [True]


IMPORTS = module("package p\n\nimport data.lib\n\nx if {\n\tlib.a == lib.b[_]\n\tnot lib.c\n\tlib.d in input.list\n}\n")


@pytest.mark.parametrize("policy", [IMPORTS, *(p for p in our_policies() if not p.is_test)], ids=lambda p: p.path)
def test_writing_out_imports_before_or_after_a_change_is_the_same(policy: Module):
    written_out = edits(policy)
    for mutant in mutants(policy):
        changed = expand(Source(policy.path, mutant.apply(policy), policy.language))
        assert mutant.apply(policy, written_out) == changed.text


def test_no_mutant_of_our_own_policies_survives():
    report = run(suite.root() / "policies")
    assert (report.survivors, report.problems) == ((), ())
    assert not [mutant for mutant in report.mutants if mutant.outcome != "killed"]
    assert len(report.mutants) > 300
