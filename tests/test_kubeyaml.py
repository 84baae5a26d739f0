"""YAML is read as Kubernetes reads it: compared with the parser that Kubernetes and Helm use themselves."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from strictreal import kubeyaml
from strictreal.cache import Cache
from strictreal.errors import BoundExceeded
from strictreal.session import Session

Reading = tuple[bool, Any]
"""Whether a text could be read, and what it means."""


def _by_go(text: str) -> Reading:
    """What sigs.k8s.io/yaml makes of a mapping; in a worker, since a Go runtime must not be loaded into a parent."""
    import helm_python

    try:
        return True, helm_python.values_from_yaml(text)
    except helm_python.HelmError as error:
        return False, str(error)


@pytest.fixture(scope="module")
def go() -> Iterator[Callable[[str], Reading]]:
    """The parser of Kubernetes, asked for one text."""
    with Session(Cache(None), jobs=1) as session:

        def ask(text: str) -> Reading:
            [answer] = session.bounded(_by_go, [text])
            assert not isinstance(answer, str), answer
            return answer

        yield ask


def ours(text: str) -> Reading:
    try:
        return True, as_float64(kubeyaml.parse(text).value or {})
    except (kubeyaml.YamlError, BoundExceeded) as error:
        return False, str(error)


def as_float64(value: Any) -> Any:
    """Go's test parser gives every number as float64; manifests keep their integers."""
    if isinstance(value, dict):
        return {key: as_float64(item) for key, item in value.items()}
    if isinstance(value, list):
        return [as_float64(item) for item in value]
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


WORDS = (
    "y Y yes Yes YES yEs n N no No NO on On ON off Off OFF true True TRUE tRUE false False FALSE ~ null Null NULL nULL "
    "0 -0 +0 00 07 08 0777 0o7 0O7 0o8 0x1F 0X1f 0xg 0b11 0B1 0b2 -0b11 -0x1 +1 +.5 .5 5. -.5 . .. + 1_000 1__0 1_ _1 "
    "0x_1 0b_1 0o_7 1e3 1E5 1e 1e+3 1e-7 1e400 -1e400 1e21 1e20 6.02e+23 .inf .Inf -.inf +.inf .nan .NaN 1:20 "
    "190:20:30 2020-01-01 2020-01-01T00:00:00Z 2001-12-14t21:59:43.10-05:00 = << 1.2.3 ..5 .5_0 ._5 .5__0 09.5 "
    "012e1 1,000 0.10 9223372036854775807 9223372036854775808 -9223372036854775809 12345678901234567890 "
    "18446744073709551616 123456789012345678901234 "
    "0xffffffffffffffff 0x1ffffffffffffffff 0x8000000000000000 +9223372036854775808 1e-400"
).split()
TEXTS = (
    *(f"a: {word}" for word in WORDS),
    *(f"{word}: a" for word in WORDS),
    *(f"a: !!{tag} '{word}'" for tag in ("str", "int", "float", "bool", "null") for word in ("1", "x", "true", "")),
    *(
        "a: !foo 1",
        "a: ! 1",
        "a: !!binary aGVsbG8=",
        "a: !!binary '*'",
        "a: !!timestamp 2020-01-01",
        "a: !!timestamp x",
    ),
    *(
        "a: !!set {x}",
        "a: !!omap [x: 1]",
        "a: !!str {b: 1}",
        "a: !!map {}",
        "a: !!merge x",
        "a: !<tag:yaml.org,2002:str> 1",
    ),
    *("<<: {a: 1}\nb: 2", "a: &x {b: 1}\nc:\n  b: 2\n  <<: *x", "c: {b: 1, <<: [{b: 2, d: 3},{d: 4, e: 5}], d: 6}"),
    *("a: {<<: 1}", "a: {<<: [1]}", "a: {'<<': {b: 1}}", "a: {<<: null}", "a: &x [*x]", "a: &x 1\nb: *x", "a: *x"),
    *(
        "{a: 1}: 2",
        "[a]: 2",
        "a: 1\na: 2",
        "? a\n: b",
        "a: b\n---\nc: d",
        "%YAML 1.2\n---\na: b",
        "%YAML 1.1\n---\na: b",
    ),
    *(
        "",
        "# nothing",
        "a: 'b\n  c'",
        "a: |\n  b\n  c\n",
        "a: >-\n  b\n  c\n",
        "a:\n\tb: c",
        "a: @x",
        "a: `x`",
        "a: [",
        "a: b: c",
    ),
    *('a: "\\ud800\\udc00"', 'a: "\\U00010000"', 'a: "\\x41\\u00e9"', "a: \U00010000"),
    *("1000000.0: x", "123456789.5: x", "0.00001: x", "-1.5e-7: x", "3.5e38: x", "0.1234567891: x", "\ufeffa: 1"),
)


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_means_what_it_means_to_kubernetes(text: str, go: Callable[[str], Reading]) -> None:
    expected, answer = go(text), ours(text)
    assert answer[0] == expected[0], (answer, expected)
    if expected[0]:
        assert answer[1] == as_float64(expected[1])


_PLAIN = st.text(alphabet="0123456789_.eExXoObB+-aAfFnNyYtrues~:", min_size=1, max_size=12)


@given(word=_PLAIN)
def test_any_plain_scalar_is_resolved_as_by_kubernetes(word: str, go: Callable[[str], Reading]) -> None:
    text = f"a: {word}"
    expected, answer = go(text), ours(text)
    assert answer[0] == expected[0], (answer, expected)
    if expected[0]:
        assert answer[1] == as_float64(expected[1])


_LETTERS = st.characters(min_codepoint=0x20, max_codepoint=0x2027, exclude_categories=("Cc",))
"""What YAML, which takes a line separator for a line end, reads as JSON does."""
_TEXT = st.text(_LETTERS, max_size=20)
_FLOATS = st.floats(allow_nan=False, allow_infinity=False)
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | _TEXT | _FLOATS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_TEXT, inner, max_size=4),
    max_leaves=20,
)


@given(value=st.dictionaries(_TEXT, _VALUES, max_size=5))
def test_what_json_says_is_read_unchanged(value: dict[str, Any]) -> None:
    assert kubeyaml.parse(json.dumps(value, ensure_ascii=False)).value == as_json(value)


def as_json(value: Any) -> Any:
    """An integral float below 10²¹ is written as an integer by Go."""
    if isinstance(value, dict):
        return {key: as_json(item) for key, item in value.items()}
    if isinstance(value, list):
        return [as_json(item) for item in value]
    return int(value) if isinstance(value, float) and abs(value) < 1e21 and value == int(value) else value


@given(value=st.dictionaries(st.text("abc", max_size=3), st.text("xvz\n :#-'\"", max_size=12), max_size=5))
def test_what_yaml_writes_is_read_back(value: dict[str, str]) -> None:
    assert kubeyaml.parse(yaml.safe_dump(value)).value == value


def test_integers_stay_integers_and_integral_floats_become_integers() -> None:
    value = kubeyaml.parse("{a: 9007199254740993, b: 1.0, c: 1.5, d: 1e21}").value
    assert value == {"a": 9007199254740993, "b": 1, "c": 1.5, "d": 1e21}
    assert [type(item) for item in value.values()] == [int, int, float, float]


def test_a_key_that_is_given_twice_is_reported_with_its_place() -> None:
    document = kubeyaml.parse("a: 1\nb:\n  c: 1\n  c: 2\na: 3\n")
    assert document.value == {"a": 3, "b": {"c": 2}}
    assert document.duplicates == (kubeyaml.Duplicate("c", 4, 3), kubeyaml.Duplicate("a", 5, 1))


def test_keys_that_become_equal_are_duplicates_too() -> None:
    assert [duplicate.key for duplicate in kubeyaml.parse("1: a\n'1': b\nyes: a\ntrue: b").duplicates] == ["1", "true"]


def test_a_key_that_a_merge_brought_may_be_given_again() -> None:
    document = kubeyaml.parse("base: &base {a: 1}\nuse:\n  <<: *base\n  a: 2\n")
    assert document.value["use"] == {"a": 2}
    assert document.duplicates == ()


def test_the_line_of_a_document_is_where_its_value_begins() -> None:
    assert kubeyaml.parse("\n# a comment\n\nkind: Pod\n").line == 4


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a: 1\nb: [\n", 2),
        ("a: 1\nb: [", 2),
        ("a: 1\nb: .inf\n", 2),
        ("a: 1\n? {b: 1}\n: 2\n", 2),
        ("a: 1\n\tb: 2\n", 2),
    ],
)
def test_an_error_names_its_line(text: str, line: int) -> None:
    with pytest.raises(kubeyaml.YamlError) as caught:
        kubeyaml.parse(text)
    assert caught.value.line == line


def test_a_document_that_multiplies_itself_is_refused_by_its_expanded_size() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    with pytest.raises(BoundExceeded, match="bound: YAML nodes"):
        kubeyaml.parse("\n".join(lines))


@pytest.mark.parametrize("text", ["[" * 500 + "]" * 500, "{a: " * 500 + "1" + "}" * 500, "- " * 500 + "x"])
def test_a_document_that_is_too_deep_is_refused(text: str) -> None:
    with pytest.raises(BoundExceeded, match="bound: YAML depth"):
        kubeyaml.parse(text)


def test_a_text_that_is_too_large_is_refused() -> None:
    with pytest.raises(BoundExceeded, match="bound: YAML size"):
        kubeyaml.parse("a" * (kubeyaml.MAX_BYTES + 1))


@pytest.mark.parametrize("text", [b"a: \xff\xfe", b"a: \x00", b"\x80abc: 1", "a: \udc80"])
def test_bytes_that_are_not_text_are_an_error_and_not_a_crash(text: str | bytes) -> None:
    with pytest.raises(kubeyaml.YamlError):
        kubeyaml.parse(text)


def test_no_value_that_json_cannot_hold_gets_through() -> None:
    for word in (".inf", "-.inf", ".nan"):
        with pytest.raises(kubeyaml.YamlError, match="no form in JSON"):
            kubeyaml.parse(f"a: [{word}]")
    assert not math.isinf(kubeyaml.parse("1e308").value)


@pytest.mark.parametrize(
    ("text", "bound"),
    [
        ("[" * 40 + "]" * 40, "YAML depth"),
        ("- a\n" * 400, "YAML nodes"),
        ("a: &a 1\nb: *a\n", "YAML aliases"),
    ],
)
def test_what_is_beyond_a_bound_is_refused_before_it_is_composed(text: str, bound: str) -> None:
    with pytest.raises(BoundExceeded, match=bound):
        kubeyaml.refuse_beyond(text, depth=30, nodes=300, aliases=False)
    kubeyaml.refuse_beyond(text)
