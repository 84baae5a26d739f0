"""What the embedded engine cannot stand in for: told by name, and only where it is really called."""

from __future__ import annotations

import pytest
from rego import module

from strictreal.policy.portable import uses

TABLE = [
    ("x := http.send({})", "impure", "http.send"),
    ("x if time.now_ns() > 3", "impure", "time.now_ns"),
    ("x := [rand.intn(k, 3) | some k in input]", "impure", "rand.intn"),
    ("x if not io.jwt.decode_verify(input.t, {})", "unsupported", "io.jwt.decode_verify"),
    ("x := any([true])", "unsupported", "any"),
    ('x := strings.count(input, "a")', "different", "strings.count"),
    ("x if { [p, v] := walk(input); v == 1 }", "different", "walk"),
    ('x := sprintf("%5.1f", [1])', "different", "sprintf"),
    ('x := sprintf("%.2f", [1])', "different", "sprintf"),
    ('x := sprintf("%-5s", ["a"])', "different", "sprintf"),
    ('x := glob.match("{a,}", [], "x")', "different", "glob.match"),
    ('x if "a", 1 in input', "different", "key, value in"),
    ("x if { not {input.a} }", "different", "not { … }"),
    ('p[q].r contains 1 if q := input.q\n\np.b.r contains "x"', "different", "contains"),
    ('allow if not startswith(input.path, "/admin")', "different", "not"),
]
PORTABLE = [
    "x if { walk(input, [p, v]); v == 1 }",
    'x := sprintf("%s has %d of %5d%%: %v %x %q", [1, 2, 3, 4, 5, "a"])',
    "x := sprintf(input.format, [1])",
    'x := glob.match("{a,b}", [], "x")',
    "x if some k, v in input",
    "x if every k, v in input { k == v }",
    "any(list) if some v in list\n\nx if any([true])",
    "import data.time\n\nx := time.now_ns()",
    "x if p.x with time.now_ns as 1",
    'x if not object.get(input, "a", false)',
    "p[q].r := 1 if q := input.q\n\np.b.r := 2",
    'p.a.r contains 1 if true\n\np.b.r contains "x"',
    "x if { some k in [1]; data.flags[k] }",
]


@pytest.mark.parametrize(("text", "kind", "name"), TABLE)
def test_each_known_difference_is_named(text: str, kind: str, name: str):
    assert [(use.kind, use.name) for use in uses(module(text))] == [(kind, name)]


@pytest.mark.parametrize("text", PORTABLE)
def test_what_both_engines_answer_alike_is_not_named(text: str):
    assert list(uses(module(text))) == []


def test_a_use_is_placed_at_its_call():
    found = module("x if {\n\ttrue\n\t1 < time.now_ns()\n}")
    [use] = uses(found)
    assert found.cut(use.start, use.end) == "time.now_ns()"
    assert found.place(use.start) == (5, 6)
