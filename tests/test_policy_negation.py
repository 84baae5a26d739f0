"""The negation trap: what the detector says of a form is what OPA does with it."""

from __future__ import annotations

from typing import Any

import pytest
from rego import collect, module, needs_opa, rego
from subjects import lay

from strictreal.engines import opa
from strictreal.engines.rego import UNDEFINED, Source
from strictreal.facts.policies import Negation, SilentRule
from strictreal.policy.negation import traps

HELPERS = """
    import data.lib.names

    f(v) if v == 1
    g(v) := 1 if v == 1
    both(v, w) if v == w
    known := {1, 2}
    named contains name if name := input.name
    late := 1 if input.late
    table[key] := 1 if some key in ["k"]
"""
HOLDS = """
    not input.x
    not input.x.y.z
    not input["x"]
    not input.x[0]
    not input.x == 1
    not 1 == input.x
    not input.x == input.y
    not input.x = 1
    not input.x.y == 1
    not late
    not data.absent.rule
    not object.get(input, "x", false)
    not object.get(input, ["x", "y"], 3) > 4
    not count([v | v := input.x[_]]) > 0
    not {v | some v in input.x} == {1}
    not input.have == 1
    not "a" in {v | some v in input.x}
    not input.x with input as {"x": false}
    not f(input.x) with input as {"x": 2}
    not 3 in known
    not "a" in named
    not input.x == 1; input.have
"""
SILENT = """
    not input.x != 1
    not input.x > 1
    not input.x <= 5
    not input.x + 1 == 2
    not input.x - input.have
    not (input.x + 1) == 2
    not input.x & {1} == {2}
    not "ALL" in input.x
    not input.x in {"a"}
    not input.x in ["a"]
    not "a", "b" in input.x
    not f(input.x)
    not both(input.have, input.x)
    not both([input.x], 1)
    not both({"k": input.x}, 1)
    not both({input.x: 1}, 1)
    not startswith(input.x, "a")
    not is_null(input.x)
    not lower(input.x) == "a"
    not "a" == lower(input.x)
    not count(input.x) > 0
    not object.get(input.x, "y", false)
    not object.get(input, input.x, 3)
    not {input.x} == {1}
    not [input.x] == [1]
    not {"a": input.x} == {"a": 1}
    not input.m[input.x]
    not input.m[input.x] == 1
    not known[input.x]
    not named[input.x]
    not [1][input.x]
    not {"a": input.x}.a
    not f(late)
    not late in {1}
    not f(g(5))
    not g(5) == 1
    not f(table.absent)
    not f(data.absent)
    not f(data.absent.list)
    not "a" in object.keys(input.x)
    not json.unmarshal(input.x).a
    not f([v | v := input.x][0])
    not f(input.x.y.z)
    not f(input.x) with input as {"y": 2}
"""


def forms(table: str) -> list[str]:
    return [line.strip() for line in table.strip().splitlines()]


def policy(form: str) -> str:
    return rego(HELPERS) + f"\nprobe if {{\n\t{form}\n}}\n"


def is_silent(form: str) -> bool:
    """Whether the detector says that a rule with this body falls silent."""
    found = [item for trap in traps(module(policy(form))) if trap.rule.name == "probe" for item in trap.lifted]
    return any(not item.excuse for item in found)


@pytest.mark.parametrize("form", forms(HOLDS))
def test_a_negation_that_holds_without_the_field_is_no_trap(form: str):
    assert not is_silent(form)


@pytest.mark.parametrize("form", forms(SILENT))
def test_a_negation_that_is_silent_without_the_field_is_a_trap(form: str):
    assert is_silent(form)


@needs_opa
@pytest.mark.parametrize("form", forms(HOLDS) + forms(SILENT))
def test_opa_does_what_the_tables_say(form: str):
    sources = [Source("p.rego", policy(form)), Source("names.rego", "package lib.names")]
    answer = opa.evaluate(sources, {}, "data.p.probe", {"have": "a", "m": {"a": 1}})
    assert answer is (True if form in forms(HOLDS) else UNDEFINED)


@needs_opa
@pytest.mark.parametrize("line", ["import future.keywords.not", "import rego.v2"])
def test_the_new_negation_has_no_trap(line: str):
    text = f'package p\n\n{line}\n\nprobe if not startswith(input.x, "a")\n'
    assert opa.evaluate([Source("p.rego", text)], {}, "data.p.probe", {}) is True
    assert not list(traps(module(text)))


def excuses(text: str) -> list[str]:
    return [item.excuse for trap in traps(module(text)) for item in trap.lifted]


@pytest.mark.parametrize(
    "body",
    [
        'input.x; not startswith(input.x, "a")',
        'not startswith(input.x, "a"); input.x != "b"',
        'name := input.x; not startswith(input.x, "a")',
        'is_string(input.x.y); not startswith(input.x.y, "a")',
        "some v in input.x; not v in input.x",
        "count(input.x) > 0; every v in [1] { not v in input.x }",
    ],
)
def test_a_field_that_is_asked_for_in_any_case_is_excused(body: str):
    assert all("asks for it in any case" in excuse for excuse in excuses(f"deny if {{ {body} }}"))


@pytest.mark.parametrize(
    "body",
    [
        'not startswith(input.x, "a"); msg := sprintf("%s", [input.x])',
        'not startswith(input.x.y, "a"); input.x',
        'not startswith(input.x, "a"); not input.x == 2',
        'not startswith(input.x, "a"); input.x == 1 with input as {"x": 1}',
        'not startswith(input.x, "a"); {v | v := input.x} == {1}',
    ],
)
def test_what_does_not_ask_for_the_field_is_no_excuse(body: str):
    assert "" in excuses(f"deny if {{ {body} }}")


def test_a_definition_that_reports_the_absence_excuses_the_other():
    other = "deny if { some c in input.l; not c.image }\n"
    trap = 'deny if { some d in input.l; not startswith(d.image, "a") }\n'
    assert excuses(other + trap) == ["another definition of deny reports its absence"]
    assert excuses("deny if { some c in input.l; not c.name }\n" + trap) == [""]


@pytest.mark.parametrize(("name", "permits"), [("allow", True), ("is_compliant", True), ("deny", False), ("x", False)])
def test_a_rule_that_permits_is_closed_when_silent(name: str, permits: bool):
    assert ("permits" in excuses(f'{name} if not startswith(input.x, "a")')[0]) is permits


@pytest.mark.parametrize(
    "text",
    [
        'deny if { limits := {"cpu": 1}; not f(limits.cpu) }',
        "deny if { some c in input.l; not f(c) }",
        "deny if { [a, b] := input.pair; not f(a) }",
        "names := {1} \ndeny if not f(names)",
        "default late := 1\nlate := 2 if input.x\ndeny if not f(late)",
        "h(v) := 1 if v > 1 else := 2\ndeny if not f(h(1))",
        "h(v) := count(v)\ndeny if not f(h([]))",
        "sets contains v if v := input.x\ndeny if not f(sets)",
        "deny contains v if { v := input.x; not f(v) }",
        "check(v) := w if { w := v; not f(v) }",
    ],
)
def test_what_is_always_defined_is_no_trap(text: str):
    assert excuses("f(v) if v == 1\n" + text) == []


@pytest.mark.parametrize(
    "text",
    [
        'deny if { limits := {"cpu": 1}; not f(limits.memory) }',
        "late := input.x\ndeny if not f(late)",
        "late := 1 if input.x else := 2 if input.y\ndeny if not f(late)",
        "h(v) := v.x\ndeny if not f(h(1))",
        'h("a") := 1\ndeny if not f(h("b"))',
        "bad := {c | some c in input.l; not f(c.x)}",
        "deny if every c in input.l { not f(c.x) }",
        "deny contains c.name if { some c in input.l; not f(c.x) }",
        "h(c) := [1 | not f(c.x)]",
    ],
)
def test_what_can_be_undefined_is_a_trap_wherever_it_stands(text: str):
    assert "" in excuses("f(v) if v == 1\n" + text)


def test_tests_are_not_policies():
    assert excuses('test_x if not startswith(input.x, "a")') == []
    text = rego('helper if not startswith(input.x, "a")')
    assert not list(traps(module(text, "p_test.rego")))


def test_what_another_module_must_define_is_named(tmp_path: Any):
    lay(tmp_path, {"p.rego": rego("import data.lib.names\ndeny if not input.x.y in names.known")})
    [negation] = collect(tmp_path, Negation)
    assert [operand.needs for operand in negation.operands] == ["", "data.lib.names.known"]


TRAPPED = """
    deny contains "too many" if {
        some c in input.spec.containers
        not "ALL" in c.drop
    }

    deny contains "bad name" if not startswith(input.metadata.name, "a")

    deny contains "always" if not f(input)

    f(v) if v.kind == "b"
"""
TESTS = """
    package p_test

    import data.p

    pod(c) := {"kind": "a", "metadata": {"name": "abc"}, "spec": {"containers": [c]}}

    test_dropping if count(p.deny) == 1 with input as pod({"drop": ["ALL"]})
"""


def test_removing_fields_from_the_inputs_of_tests_shows_the_silence(tmp_path: Any):
    lay(tmp_path, {"p.rego": rego(TRAPPED), "p_test.rego": rego(TESTS)})
    seen = [(silent.where.line, silent.absent) for silent in collect(tmp_path, SilentRule)]
    assert sorted(seen) == [(5, "spec.containers.0.drop"), (8, "metadata")]


def test_rules_with_helpers_are_never_silent(tmp_path: Any):
    helped = TRAPPED.replace('not "ALL" in c.drop', "not g(c)").replace(
        'not startswith(input.metadata.name, "a")', "not h"
    )
    helped += '\n    g(c) if "ALL" in c.drop\n\n    h if startswith(input.metadata.name, "a")\n'
    lay(tmp_path, {"p.rego": rego(helped), "p_test.rego": rego(TESTS)})
    assert collect(tmp_path, SilentRule) == []
    assert collect(tmp_path, Negation) == []
