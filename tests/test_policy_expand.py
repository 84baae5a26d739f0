"""Imports written out, for the embedded engine."""

from __future__ import annotations

import pytest
from rego import needs_opa, our_policies, rego

from strictreal.engines.rego import Source, prepare
from strictreal.policy.expand import data_path, expand


def expanded(text: str) -> str:
    return expand(Source("p.rego", rego(text))).text


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("import data.lib.k8s\nx if k8s.pods", "x if data.lib.k8s.pods"),
        ("import data.lib.k8s as k\nx if k.pods[k.name].y", "x if data.lib.k8s.pods[data.lib.k8s.name].y"),
        ('import data.a["b-c"]\nx := a.d', "x := a.d"),
        ('import data.a["b-c"] as e\nx := e.d', 'x := data.a["b-c"].d'),
        ("import data.lib.k8s\nx if k8s.f(k8s.pods)", "x if k8s.f(data.lib.k8s.pods)"),
        ("import data.lib.k8s\nx if { k8s := input; k8s.pods }", "x if { k8s := input; k8s.pods }"),
        ("import data.lib.k8s\nx := k8s", "x := k8s"),
        ("import input.user\nx := user.name", "x := user.name"),
        ("import data.p\nx if p.y with p.z as 1", "x if data.p.y with data.p.z as 1"),
        ("import data.k\nx := {v | some v in k.list}", "x := {v | some v in data.k.list}"),
    ],
)
def test_references_through_imports_are_written_out(text: str, line: str):
    assert expanded(text).splitlines()[-1] == line


def test_lines_stay_where_they_are():
    for policy in our_policies():
        text = expand(Source(policy.path, policy.text)).text
        assert text.count("\n") == policy.text.count("\n")


def test_what_cannot_be_read_is_left_alone():
    source = Source("p.rego", 'package p\nimport data.x\ny := $"{x.a}"')
    assert expand(source) is source


def test_a_rule_in_several_files_is_whole_when_it_is_read_through_an_import():
    parts = [Source(f"{n}.rego", f'package q\n\ndeny contains "{n}" if input.{n}') for n in ("a", "b", "c")]
    user = Source("p.rego", "package p\n\nimport data.q\n\nx := count(q.deny)")
    engine = prepare([expand(source) for source in (*parts, user)])
    engine.input(b'{"a": 1, "b": 1, "c": 1}')
    assert engine.rule("data.p.x") == 3


def test_keywords_in_paths_are_quoted():
    assert data_path("a.default.b-c._d") == 'data.a["default"]["b-c"]._d'


@needs_opa
def test_opa_reads_the_expanded_policies_as_it_reads_the_policies():
    from strictreal.engines import opa
    from strictreal.policy.manifests import sources

    modules, data = sources()
    document = {"kind": "Pod", "metadata": {"name": "a"}, "spec": {"containers": [{"name": "b"}]}}
    plain = opa.evaluate(modules, data, "data.main.deny", document)
    assert plain == opa.evaluate([expand(module) for module in modules], data, "data.main.deny", document)
    assert len(plain) > 5
