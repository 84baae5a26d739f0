"""The engines: the embedded one answers like OPA except where strictreal.engines.builtins says so."""

from __future__ import annotations

import gc
import json
import sys
import threading
import weakref
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rego import needs_opa

from strictreal.engines import builtins, opa, rego
from strictreal.engines.rego import UNDEFINED, RegoError, Source


def embedded(text: str, query: str = "data.p.x", input: Any = None) -> Any:
    engine = rego.prepare([Source("p.rego", f"package p\n{text}")])
    engine.input(json.dumps(input or {}).encode())
    return engine.evaluate(query)


def test_a_rule_has_its_value_and_an_undefined_one_has_none():
    assert embedded('x := {"a": [1, 2.5, null]}') == {"a": [1, 2.5, None]}
    assert embedded("x if input.missing") is UNDEFINED
    assert not UNDEFINED


def test_v0_is_read_where_v1_is_not():
    assert rego.parse("p.rego", "package p\nx { true }\n")[1] == "v0"
    assert rego.parse("p.rego", "package p\nx if true\n")[1] == "v1"


def test_an_error_names_its_place_and_no_internals():
    with pytest.raises(RegoError) as failure:
        rego.parse("p.rego", "package p\n\nx if {\n\tinput.a ==\n}\n")
    assert (failure.value.line, "backtrace" in str(failure.value)) == (5, False)


def test_an_engine_that_another_thread_collects_is_dropped_by_the_one_that_made_it():
    complaints: list[object] = []
    kept = sys.unraisablehook
    sys.unraisablehook = complaints.append
    gc.disable()
    try:
        engine = rego.Engine()
        cycle = [engine]
        cycle.append(cycle)  # type: ignore[arg-type]
        collected = weakref.ref(engine)
        del engine, cycle
        thread = threading.Thread(target=gc.collect)
        thread.start()
        thread.join()
        assert collected() is None
        assert rego._orphans  # it, and what earlier tests left
        rego.Engine()
    finally:
        gc.enable()
        sys.unraisablehook = kept
    assert (complaints, list(rego._orphans)) == ([], [])


def test_policies_that_conflict_name_the_file():
    with pytest.raises(RegoError, match=r"b\.rego"):
        rego.prepare([Source("a.rego", "package p\nx := 1"), Source("b.rego", "package p\nx := 2 if {")])


def test_coverage_tells_lines_that_were_evaluated_from_lines_that_were_not():
    engine = rego.prepare([Source("p.rego", "package p\n\nx if {\n\tinput.a\n\tinput.b\n}\n")], coverage=True)
    engine.rule("data.p.x")
    assert engine.coverage() == {"p.rego": (frozenset({4}), frozenset({5}))}


@pytest.mark.parametrize(
    ("source", "bound"),
    [
        (b"package p\n" + b"# long\n" * 200_000, "policy size"),
        (b"package p\nx := " + b"[" * 40 + b"]" * 40, "policy nesting"),
        (b"package p\x00\n", "NUL"),
        (b"package p\nx := '\xff'\n", "UTF-8"),
    ],
)
def test_a_file_beyond_its_bounds_is_refused_by_name(source: bytes, bound: str):
    with pytest.raises(RegoError, match=bound):
        rego.decode(source)


def test_brackets_in_strings_and_comments_are_not_nesting():
    assert rego.decode(b'package p\nx := "' + b"[" * 100 + b'"\n# ' + b"{" * 100)


def test_a_panic_of_the_engine_is_its_refusal():
    engine = rego.Engine()
    found: list[object] = []

    def ask() -> None:
        try:
            engine.rule("data.p.x")
        except RegoError as error:
            found.append(str(error))

    thread = threading.Thread(target=ask)  # the engine panics in any thread but its own
    thread.start()
    thread.join()
    assert ["thread" in str(each) for each in found] == [True]


@pytest.mark.parametrize("text", ["x := [1", "x := 1]", 'x := "open', "x := `open", "x := (1}", "# nothing"])
def test_what_no_engine_could_parse_is_broken(text: str):
    assert rego.broken(text if text.startswith("#") else f"package p\n{text}\n") is not None


@pytest.mark.parametrize(
    "text",
    ['x := $"{input["a"]}"', "x if { not { input.a } }", 'x := "]" # [', "x := `\n[`", "x if input.a or input.b"],
)
def test_syntax_that_another_engine_may_know_is_not_broken(text: str):
    assert rego.broken(f"package p\n{text}\n") is None


@given(st.text(alphabet='package p\n"`#[]{}()\\x:=$', max_size=400))
def test_looking_for_what_is_broken_never_fails(text: str):
    assert isinstance(rego.broken(text), RegoError | None)
    assert isinstance(rego.package_of(text), str)


@pytest.mark.parametrize("text", ['"\\"' * 300_000, "`" * 900_001, "{}" * 400_000 + "{", "#\n" * 400_000 + "]"])
def test_reading_brackets_is_linear_in_the_text(text: str):
    assert rego.broken(f"package p\n{text}") is not None  # what is quadratic does not end here


@pytest.mark.parametrize(
    ("text", "package"),
    [("package a.b\nx := 1", "a.b"), ("# c\npackage a # d\n", "a"), ("x := 1", ""), ("package", ""), ("package [", "")],
)
def test_the_package_of_what_cannot_be_parsed(text: str, package: str):
    assert rego.package_of(text) == package


def is_known(name: str, arguments: int) -> bool:
    """Whether the embedded engine has a builtin, whatever it says of its arguments."""
    try:
        embedded(f"x := {name}({', '.join(['0'] * arguments)})")
    except RegoError as error:
        return "could not find function" not in str(error)
    return True


@needs_opa
def test_every_builtin_of_opa_is_in_the_tables_as_the_engine_has_it():
    listed = json.loads(opa._capabilities())["builtins"]
    names = {b["name"]: len(b["decl"].get("args") or []) for b in listed if not b.get("infix")}
    unknown = {name for name, arguments in names.items() if not is_known(name, arguments)}
    assert unknown == builtins.UNSUPPORTED - set(builtins.IMPURE)
    assert set(names) - unknown == builtins.NAMES


@needs_opa
def test_opa_has_no_builtin_that_reaches_out():
    for name in builtins.IMPURE:
        with pytest.raises(RegoError, match="undefined function"):
            opa.evaluate([Source("p.rego", f"package p\nx := {name}()")], {}, "data.p.x")


@needs_opa
def test_opa_answers_with_data_and_input():
    source = Source("some/where/p.rego", "package p\nx := input.a + data.b.c\ny if input.z")
    assert opa.evaluate([source], {"b": {"c": 2}}, "data.p.x", {"a": 1}) == 3
    assert opa.evaluate([source], {}, "data.p.y", {}) is UNDEFINED


@needs_opa
def test_opa_runs_tests_and_names_them_by_package():
    sources = [
        Source("p.rego", "package p.q\nx if input.a"),
        Source("p_test.rego", 'package p["q-test"]\ntest_x if data.p.q.x with input.a as 1\ntest_y if data.p.q.x'),
    ]
    assert opa.test(sources, {}) == {("p.q-test", "test_x"): "passed", ("p.q-test", "test_y"): "failed"}


@needs_opa
def test_opa_says_which_lines_its_tests_evaluate():
    policy = "package p\n\nx if {\n\tcount(input) > 0\n\tcount(input) > 1\n\tcount(input) > 2\n}"
    test = 'package p_test\n\ntest_x if not data.p.x with input as ["a"]'
    sources = [Source("p.rego", policy), Source("p_test.rego", test)]
    assert opa.coverage(sources, {})["p.rego"] == ({4, 5}, {3, 6})


@needs_opa
def test_opa_refuses_what_it_cannot_load():
    with pytest.raises(opa.CompileError, match="unsafe"):
        opa.evaluate([Source("p.rego", "package p\nx if y == z")], {}, "data.p.x")
    with pytest.raises(RegoError, match="unsafe"):
        opa.test([Source("p.rego", "package p\nx if y == z")], {})
    with pytest.raises(RegoError, match="unexpected"):
        opa.check(Source("p.rego", "package p\nx if { )"))
    opa.check(Source("p.rego", "package p\nx { true }", "v0"))


ALIKE = [
    'sprintf("%s %v %d %5d %05d %x %X %q %c %b %%", ["a", [1, "b"], 3, 4, 5, 255, 255, "q", 65, 3])',
    "{path: value | walk(input.tree, [path, value])}",
    'object.get(input, ["tree", "absent"], "none")',
    "[n | some n in {3, 1, 2}; not n in {2}]",
    'glob.match("{a,b}*", [], "abc")',
    "{k: v | some k, v in input.tree}",
]
DIFFERENT = [
    'sprintf("%.1f", [2.25])',
    'sprintf("%f", [3])',
    "{path: value | [path, value] := walk(input.tree)}",
    'strings.count("11111", "11")',
    'glob.match("{**/,}x", null, "x")',
    'strings.replace_n({"a": "YY", "bba": "bX"}, "bbab")',
]


@needs_opa
@pytest.mark.parametrize("expression", ALIKE + DIFFERENT)
def test_the_engines_differ_where_the_tables_say_so_and_nowhere_else(expression: str):
    document = {"tree": {"a": [{"b": 1}, 2]}}
    ours = embedded(f"x := {expression}", input=document)
    theirs = opa.evaluate([Source("p.rego", f"package p\nx := {expression}")], {}, "data.p.x", document)
    assert (ours == theirs) is (expression in ALIKE)
