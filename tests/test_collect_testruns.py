"""Tests that never run: switched off in the code, or by the configuration of the runner."""

from __future__ import annotations

import pytest

from strictreal.collect import testruns
from strictreal.collect.python.module import parse
from strictreal.collect.python.tests import facts
from strictreal.facts.code import TestExclusion, TestFunction

VACUOUS = {
    "param": ("import pytest\n@pytest.mark.parametrize('x', [])\ndef test_a(x):\n    assert f(x)"),
    "off class": ("class TestA:\n    __test__ = False\n    def test_a(self):\n        assert f() == 1"),
    "off fn": ("def test_a():\n    assert f() == 1\ntest_a.__test__ = False"),
    "off module": ("__test__ = False\ndef test_a():\n    assert f() == 1"),
    "or not": ("def test_a():\n    r = f()\n    assert r or not r"),
    "self": ("def test_a():\n    x = f()\n    assert x == x"),
    "tuple": ("def test_a():\n    assert (f() == 1, 'msg')"),
    "nested": ("def test_a():\n    def check():\n        assert f() == 1"),
    "after return": ("def test_a():\n    return\n    assert f() == 1"),
    "alias": ("def test_a():\n    r = f()\n    expected = r\n    assert r == expected"),
    "alias ut": (
        "import unittest\n"
        "class T(unittest.TestCase):\n"
        "    def test_a(self):\n"
        "        r = f()\n"
        "        e = r\n"
        "        self.assertEqual(r, e)"
    ),
    "if False": ("def test_a():\n    if False:\n        assert f() == 1"),
}
SOUND = {
    "plain": ("def test_a():\n    assert f() == 1"),
    "base": (
        "class BaseStoreTest:\n"
        "    __test__ = False\n"
        "    def test_a(self):\n"
        "        assert f() == 1\n"
        "class TestX(BaseStoreTest):\n"
        "    __test__ = True"
    ),
    "rebind": ("def test_a():\n    r = f()\n    e = r\n    r = g()\n    assert r == e"),
    "two": ("def test_a():\n    a = f()\n    b = f()\n    assert a == b"),
    "mutated copy": ("def test_a():\n    a = f()\n    b = list(a)\n    assert a == b"),
}

CONFIGURATIONS = [
    ("pytest.ini", ("[pytest]\naddopts = -q --deselect tests/test_a.py::test_b\n"), 1),
    ("pyproject.toml", ("[tool.pytest.ini_options]\naddopts = \"-q -k 'not slow'\"\n"), 1),
    ("pyproject.toml", ("[tool.pytest.ini_options]\naddopts = [\n  '-q',\n  '--ignore=tests/integration',\n]\n"), 1),
    ("setup.cfg", ("[tool:pytest]\naddopts =\n    -q\n    --ignore tests/e2e\n"), 1),
    ("pytest.ini", ("[pytest]\naddopts = --collect-only\n"), 1),
    ("pytest.ini", ("[pytest]\naddopts = -q --ignore=build -m 'not slow' --strict-markers\n"), 0),
    ("pyproject.toml", ("[tool.x]\nignore = ['tests']\n"), 0),
    ("pytest.ini", ("[pytest]\naddopts = -q\ntestpaths = tests --ignore=tests/a\n"), 0),
    ("tox.ini", ("[pytest]\naddopts = -k smoke\n"), 0),
    ("pyproject.toml", ('[tool.pytest.ini_options]\naddopts = """\n-q\n-k \'not broken\'\n"""\n'), 1),
    ("pyproject.toml", ("[tool.pytest.ini_options]\naddopts = '--cov --color=yes'\n"), 0),
    ("pytest.ini", ("[pytest]\naddopts = --strict --ignore=docs/test-data-x.txt\n"), 1),
]


def weaknesses(source: str) -> list[str]:
    seen = facts(parse("tests/test_app.py", source.encode()))
    return [fact.weakness for fact in seen if isinstance(fact, TestFunction)]


@pytest.mark.parametrize("name", VACUOUS)
def test_a_test_that_cannot_fail_is_found(name: str) -> None:
    assert all(weaknesses(VACUOUS[name]))
    assert weaknesses(VACUOUS[name])


@pytest.mark.parametrize("name", SOUND)
def test_a_test_that_can_fail_is_not(name: str) -> None:
    assert not any(weaknesses(SOUND[name]))


@pytest.mark.parametrize(("path", "text", "count"), CONFIGURATIONS)
def test_options_that_leave_tests_out_are_found(path: str, text: str, count: int) -> None:
    assert len(list(testruns.exclusions(path, text))) == count


@pytest.mark.parametrize(
    ("source", "whats"),
    [
        ("collect_ignore = ['test_slow.py', 'setup.py']", ["test_slow.py"]),
        ("collect_ignore_glob = ['*']", ["*"]),
        ("collect_ignore = []\ncollect_ignore.extend(['tests/x'])", ["tests/x"]),
        ("import sys\ncollect_ignore = []\nif sys.platform == 'win32':\n    collect_ignore.append('test_u.py')", []),
    ],
)
def test_what_conftest_leaves_out_of_every_run_is_found(source: str, whats: list[str]) -> None:
    seen = facts(parse("tests/conftest.py", source.encode()))
    assert [fact.what for fact in seen if isinstance(fact, TestExclusion)] == whats


def test_a_file_that_never_ends_is_bounded() -> None:
    text = "[pytest]\naddopts = [\n" + "  '-q',\n" * 100_000 + "--ignore=tests\n"
    assert list(testruns.exclusions("pytest.ini", text)) == []
