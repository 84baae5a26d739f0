"""Both engines beside each other, over tests, inputs with fields removed, and manifests."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rego import collect, gaps, needs_opa, rego
from subjects import lay

from strictreal import suite
from strictreal.cache import Cache
from strictreal.engines import opa
from strictreal.facts.policies import ParityDifference, PolicyComparison
from strictreal.policy import absent, load, parity
from strictreal.policy.absent import variants
from strictreal.session import Session
from strictreal.subject import open_tree

TRAP = 'deny contains "x" if not input.user in {"a"}'
TEST = 'package p_test\n\ntest_x if data.p.deny == {"x"} with input as {"user": "b"}\n'


def run(root: Path) -> parity.ParityReport:
    with Session(Cache(None), jobs=2) as session:
        return parity.run(root, session)


@needs_opa
def test_an_answer_that_differs_without_a_field_is_told(tmp_path: Path):
    lay(tmp_path, {"p.rego": rego(TRAP), "p_test.rego": TEST})
    [one] = run(tmp_path).suites
    assert one.questions == 3
    assert one.differences == (
        parity.Difference(
            path="p_test.rego", question="p.deny", about="input 1 without user", embedded='["x"]', opa="[]"
        ),
    )
    [fact] = collect(tmp_path, ParityDifference)
    assert (fact.path, fact.question) == ("p_test.rego", "p.deny for input 1 without user")


@needs_opa
def test_policies_that_agree_are_compared_and_agree(tmp_path: Path):
    lay(
        tmp_path,
        {"p.rego": rego('deny contains "x" if not known\n\nknown if input.user in {"a"}'), "p_test.rego": TEST},
    )
    report = run(tmp_path)
    assert (report.proven, report.problems) == (True, ())
    assert [found.questions for found in collect(tmp_path, PolicyComparison)] == [3]


@needs_opa
def test_a_refusal_is_no_difference(tmp_path: Path):
    lay(
        tmp_path,
        {
            "p.rego": rego("deny contains 1 if to_number(input.n) > 1"),
            "p_test.rego": rego('package p_test\n\ntest_x if data.p.deny == set() with input as {"n": "many"}'),
        },
    )
    [one] = run(tmp_path).suites
    assert (one.differences, "regorus" in one.refused) == ((), True)
    assert "regorus" in gaps(tmp_path, "PolicyComparison")["p_test.rego"]


@needs_opa
def test_our_own_policies_answer_alike():
    report = run(suite.root() / "policies")
    assert report.problems == ()
    assert report.proven
    assert sum(one.questions for one in report.suites) > 1000


@pytest.mark.skipif(opa.version() != "absent", reason="there is an opa binary on the PATH")
def test_without_opa_nothing_is_proven(tmp_path: Path):
    lay(tmp_path, {"p.rego": rego(TRAP), "p_test.rego": TEST})
    report = run(tmp_path)
    assert (report.proven, report.problems) == (False, (("", "no opa binary on the PATH"),))
    assert gaps(tmp_path, "PolicyComparison") == {"p_test.rego": "no opa binary on the PATH"}


def test_nothing_to_compare_is_not_proven(tmp_path: Path):
    lay(tmp_path, {"p.rego": rego(TRAP)})
    assert not run(tmp_path).proven


def test_a_rule_in_several_files_is_asked_for_by_its_name(tmp_path: Path):
    for part in ("a", "b", "c"):
        lay(tmp_path, {f"{part}.rego": rego(f'deny contains "{part}" if input.{part}')})
    lay(tmp_path, {"p_test.rego": rego('package p_test\n\ntest_x if count(data.p.deny) == 1 with input as {"a": 1}')})
    tree = open_tree(tmp_path)
    with Session(Cache(None), jobs=1) as session:
        [loaded] = load.load(tree, tree, session).suites
    assert loaded.questions == ("p.deny",)
    [answer] = absent._answers(loaded, None, "", [(0, "", {"a": 1, "b": 1, "c": 1})])
    assert answer == {"p.deny": [["a", "b", "c"]]}


def test_the_inputs_of_tests_are_seen_as_they_are_evaluated(tmp_path: Path):
    tests = """
        package p_test

        import data.p

        pod(n) := {"name": n, "list": [1, {"a": "b"}]}

        test_x if { some n in ["a", "b"]; p.deny with input as pod(n) }

        test_y if p.deny with input as {
            "kind": "Service", # }
            "spec": {"a": 1}
        } with data.x as 1

        test_z if not p.other with input as null
    """
    lay(tmp_path, {"p.rego": rego(TRAP), "p_test.rego": rego(tests)})
    tree = open_tree(tmp_path)
    with Session(Cache(None), jobs=1) as session:
        [loaded] = load.load(tree, tree, session).suites
    assert absent.inputs(loaded) == [
        {"name": "a", "list": [1, {"a": "b"}]},
        {"kind": "Service", "spec": {"a": 1}},
        None,
    ]


DOCUMENTS = st.recursive(
    st.one_of(st.integers(), st.text(max_size=3)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=2), inner, max_size=3)),
    max_leaves=8,
)


def fields(document: object) -> int:
    if isinstance(document, dict):
        return len(document) + sum(fields(value) for value in document.values())
    return sum(fields(value) for value in document) if isinstance(document, list) else 0


@given(DOCUMENTS)
def test_each_field_is_removed_once_and_nothing_else_changes(document: object):
    found = list(variants([document]))
    assert found[0] == (0, "", document)
    assert len(found) == 1 + fields(document)
    assert all(fields(variant) < fields(document) for _, path, variant in found if path or variant != document)
