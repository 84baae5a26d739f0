"""Rego modules as trees: every extent is the source of what it stands for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rego import module, our_policies

from strictreal.engines.rego import RegoError
from strictreal.policy import metadata
from strictreal.policy.parse import parse
from strictreal.policy.syntax import Node, constant_path, steps

EVERYTHING = """
    import data.lib.k8s as k
    import data.lib.names
    import input.user

    default f(_) := 1

    umlaut := "ü" if { true }

    objects[x] := y if {
        x := "é"
        y := 2
    }

    members contains {"a": {"b": [1, "c"]}} if some x, y in input

    r.s.t := 1

    g(x, [y]) := z if {
        some z
        z = [-1, `raw`, null, 1.5, {1}, {"a": 2}, set(), {a: b | b := input[a]}, [a | a := x]][_]
    } else := 4 if { 3 in [3] } else := false

    allow if {
        input.a with input as {"kind": "A", "metadata": {"name": "n"}} with data.x as 3
        not f(2) with input.b as 1
        (x + 1) * 2 >= 3
        every n, v in input { v == "ö" }
        input["x y"][i].z[_]
    }
"""
OPENINGS = {
    "String": '"',
    "RawString": "`",
    "Object": "{",
    "ObjectCompr": "{",
    "SetCompr": "{",
    "Array": "[",
    "ArrayCompr": "[",
}
CLOSINGS = {"{": "}", "[": "]", '"': '"', "`": "`"}


def test_every_kind_of_rule_is_told_apart():
    kinds = [(rule.name, rule.kind) for rule in module(EVERYTHING).rules]
    assert kinds == [
        ("f", "default"),
        ("umlaut", "complete"),
        ("objects", "object"),
        ("members", "set"),
        ("r.s.t", "complete"),
        ("g", "function"),
        ("allow", "complete"),
    ]


def test_imports_are_known_by_the_names_they_have_here():
    assert module(EVERYTHING).imports == {"k": "data.lib.k8s", "names": "data.lib.names", "user": "input.user"}


def test_the_extent_of_every_literal_has_its_brackets_and_quotes():
    found = module(EVERYTHING)
    for rule in found.rules:
        for node in rule.nodes:
            text = found.cut(node.start, node.end)
            opening = OPENINGS.get(node.kind, "")
            assert text.startswith(opening), (node.kind, text)
            assert text.endswith(CLOSINGS.get(opening, "")), (node.kind, text)


def test_the_extents_of_our_own_policies_are_whole():
    for found in our_policies():
        for rule in found.rules:
            for node in rule.nodes:
                opening = OPENINGS.get(node.kind, "")
                assert found.cut(node.start, node.end).startswith(opening)


NAMES = st.text(alphabet="abcé ö{}[]#", max_size=8)
VALUES = st.recursive(
    st.one_of(st.integers(-9, 9), st.booleans(), NAMES),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(NAMES, inner, max_size=3)),
    max_leaves=6,
)


def written(value: object, gap: str) -> str:
    """A value as Rego, with a gap of white space and comments inside every bracket."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, list):
        return f"[{gap}{', '.join(written(v, gap) for v in value)}]"
    if isinstance(value, dict):
        return f"{{{gap}{', '.join(f'{written(k, gap)}: {written(v, gap)}' for k, v in value.items())}}}"
    return str(value)


@given(VALUES, st.sampled_from(["", " ", "\n\t", "# } ] {\n"]))
def test_the_extent_of_any_literal_is_its_source(value: object, gap: str):
    text = written(value, gap)
    found = parse("p.rego", f"package p\n\nx := {text}\n".encode())
    node = found.rules[0].value
    assert node is not None
    if node.kind != "UnaryExpr":
        assert found.cut(node.start, node.end) == text


def test_places_count_characters_from_one():
    found = module('x := ["öö", "z"]')
    [_, last] = found.rules[0].value.listed("items")
    assert found.place(last.start) == (3, 13)


def test_a_reference_is_its_steps():
    found = module('x := input.a["b c"][i].d')
    node = found.rules[0].value
    assert constant_path(node) == ["input", "a", "b c"]
    assert [step if isinstance(step, str) else step.value for step in steps(node)] == ["input", "a", "b c", "i", "d"]


def test_queries_inside_queries_know_what_is_around_them():
    found = module("x if { input.a; count({y | some y in input.l; not y.b}) > 0 }")
    depths = [(len(query.statements), len(query.enclosing)) for query in found.rules[0].queries]
    assert depths == [(2, 0), (2, 1)]


def test_metadata_stands_above_its_rule():
    found = module("""
        # METADATA
        # title: The package
        package p

        # METADATA
        # title: The rule
        # custom:
        #   severity: warning
        x := 1

        y := 2
    """)
    own = metadata.annotation(found, found.rules[0].start)
    assert (metadata.text(own, "title"), metadata.text(own, "custom", "severity")) == ("The rule", "warning")
    assert metadata.annotation(found, found.package_start) == {"title": "The package"}
    assert metadata.annotation(found, found.rules[1].start) == {}


@pytest.mark.parametrize("text", ["# METADATA\n# [", "# METADATA\n# - a list", "# METADATA\n# a: &a [*a, *a]"])
def test_metadata_that_is_no_mapping_is_none(text: str):
    found = parse("p.rego", f"package p\n\n{text}\nx := 1\n".encode())
    assert metadata.text(metadata.annotation(found, found.rules[0].start), "title") == ""


def test_expressions_nested_without_brackets_are_bounded():
    with pytest.raises(RegoError, match=r"bound: policy (depth|nesting)"):
        module("x := " + "f(" * 200 + "1" + ")" * 200)


def test_a_node_is_only_what_the_engine_calls_one():
    assert isinstance(module("x := 1").rules[0].value, Node)
    assert module("x if true").rules[0].value is None
