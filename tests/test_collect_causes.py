"""The one line that keeps many tests from running, and tests that only use what tests are done with."""

from __future__ import annotations

import pytest

from strictreal.collect.python import tests
from strictreal.collect.python.module import parse
from strictreal.facts.code import TestExclusion, TestFunction

BODY = "    def test_a(self):\n        assert run()\n"


def lines(source: str, path: str = "tests/test_a.py") -> list[int]:
    facts = tests.facts(parse(path, source.encode()))
    return [fact.where.line for fact in facts if isinstance(fact, TestExclusion)]


@pytest.mark.parametrize(
    ("source", "line"),
    [
        ("import pytest\n\npytestmark = [pytest.mark.skip]\ndef test_a():\n    assert run()", 3),
        ("import pytest\nclass TestA:\n    pytestmark = pytest.mark.skip('x')\n" + BODY, 3),
        ("class TestA:\n    __test__ = False\n" + BODY, 2),
        ("__test__ = False\ndef test_a():\n    assert run()", 1),
        ("class TestA:\n    def __new__(cls):\n        return object.__new__(cls)\n" + BODY, 1),
    ],
)
def test_the_line_that_switches_tests_off_is_told_once(source: str, line: int) -> None:
    assert lines(source) == [line]


@pytest.mark.parametrize(
    "source",
    [
        "import pytest\npytestmark = pytest.mark.slow\ndef test_a():\n    assert run()",
        "import pytest, sys\npytestmark = pytest.mark.skipif(sys.platform == 'win32', reason='x')\ndef test_a():\n    assert run()",
        "import unittest\nclass TestA(unittest.TestCase):\n    def __init__(self, name):\n        super().__init__(name)\n"
        + BODY,
        "class BaseTests:\n    __test__ = False\n" + BODY,
        "class TestA:\n" + BODY,
    ],
)
def test_what_leaves_tests_running_is_not(source: str) -> None:
    assert lines(source) == []


@pytest.mark.parametrize(("call", "weak"), [("test_client()", True), ("test_roundtrip()", False), ("get('/')", True)])
def test_what_a_test_is_done_with_asserts_nothing(call: str, weak: bool) -> None:
    source = f"from app import app\ndef test_a():\n    app.{call}"
    [test] = [f for f in tests.facts(parse("tests/test_a.py", source.encode())) if isinstance(f, TestFunction)]
    assert bool(test.weakness) is weak
