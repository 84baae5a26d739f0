"""Tests that no runner takes, conditions that never vary, and hooks that overrule the verdict: each form and its neighbour."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest
from subjects import lay

from strictreal.cache import Cache
from strictreal.collect import code
from strictreal.collect.python import assertions, collected, skips, tests
from strictreal.collect.python.module import parse
from strictreal.config import Config
from strictreal.facts.code import TestExclusion, TestFunction
from strictreal.model import Inventory
from strictreal.session import Session
from strictreal.subject import open_tree

HEAD = "import pytest, unittest, sys\nfrom app import run\n"


def found(source: str, path: str = "tests/test_a.py") -> list[str]:
    """Why each weak test of a module cannot fail."""
    facts = list(tests.facts(parse(path, (HEAD + textwrap.dedent(source)).encode())))
    functions = [fact for fact in facts if isinstance(fact, TestFunction)]
    assert (Inventory(of="TestFunction", count=len(functions)) in facts) is bool(functions)
    return [fact.weakness for fact in functions if fact.weakness]


WEAK = {
    "raises anything, and raises": (
        "def test():\n    with pytest.raises(BaseException):\n        assert run() == 4\n        raise ValueError",
        assertions.CONSTANT,
    ),
    "raises anything, and asserts what is false": (
        "def test():\n    with pytest.raises(Exception):\n        run()\n        assert False",
        assertions.CONSTANT,
    ),
    "assertRaises anything, and raises": (
        (
            "class A(unittest.TestCase):\n    def test_a(self):\n        with self.assertRaises(Exception):\n"
            "            run()\n            raise KeyError"
        ),
        assertions.CONSTANT,
    ),
    "is not NotImplemented": ("def test():\n    assert run() is not NotImplemented", assertions.CONSTANT),
    "a call of itself": ("def test():\n    x = run()\n    assert len(x) == len(x)", assertions.CONSTANT),
    "a part of itself": ("def test():\n    x = run()\n    assert x['a'] == x['a']", assertions.CONSTANT),
    "a list that is written twice": ("def test():\n    rows = [1, 2]\n    assert rows == [1, 2]", assertions.CONSTANT),
    "a dict that is written twice": (
        "def test():\n    want = {'a': 1}\n    assert {'a': 1} == want",
        assertions.CONSTANT,
    ),
    "not nothing": ("def test():\n    run()\n    assert not []", assertions.CONSTANT),
    "under __debug__ is None": ("def test():\n    if __debug__ is None:\n        assert run()", assertions.UNREACHABLE),
    "under not __debug__": ("def test():\n    if not __debug__:\n        assert run()", assertions.UNREACHABLE),
    "under a false comparison": ("def test():\n    if 2 < 1:\n        assert run()", assertions.UNREACHABLE),
    "under and False": ("def test(x):\n    if x and False:\n        assert run()", assertions.UNREACHABLE),
    "after a return that is always taken": (
        "def test():\n    if 1 < 2:\n        return\n    assert run()",
        assertions.UNREACHABLE,
    ),
    "after a return in each branch": (
        "def test(x):\n    if x:\n        return\n    else:\n        return\n    assert run()",
        assertions.UNREACHABLE,
    ),
    "a skip that is always taken": (
        "def test():\n    if not False:\n        pytest.skip('x')\n    assert run()",
        skips.SKIPPED,
    ),
    "a skip of every Python": (
        "def test():\n    if sys.version_info >= (3, 0):\n        pytest.skip('x')\n    assert run()",
        skips.SKIPPED,
    ),
    "an empty range": ("def test():\n    for i in range(3, 3):\n        assert run()", assertions.UNREACHABLE),
    "an empty part": ("def test():\n    for i in run()[:0]:\n        assert i", assertions.UNREACHABLE),
    "an empty comprehension": ("def test():\n    for i in [x for x in ()]:\n        assert i", assertions.UNREACHABLE),
    "a filter of nothing": ("def test():\n    for i in filter(None, []):\n        assert i", assertions.UNREACHABLE),
    "skipif of constants": ("@pytest.mark.skipif(1 < 2, reason='x')\ndef test():\n    assert run()", skips.SKIPPED),
    "skipif True or": ("@pytest.mark.skipif(run() or True, reason='x')\ndef test():\n    assert run()", skips.SKIPPED),
    "skipif not False": ("@pytest.mark.skipif(not False, reason='x')\ndef test():\n    assert run()", skips.SKIPPED),
    "skipif by a name": (
        "OFF = True\n@pytest.mark.skipif(OFF, reason='x')\ndef test():\n    assert run()",
        skips.SKIPPED,
    ),
    "skipif of a text": ("@pytest.mark.skipif('1 == 1', reason='x')\ndef test():\n    assert run()", skips.SKIPPED),
    "skipIf of constants": (
        "class A(unittest.TestCase):\n    @unittest.skipIf(2 > 1, 'x')\n    def test_a(self):\n        assert run()",
        skips.SKIPPED,
    ),
    "a marker that is applied": (
        "def test(request):\n    request.applymarker(pytest.mark.xfail)\n    assert run()",
        skips.EXPECTED,
    ),
    "a marker that is added": (
        "def test(request):\n    request.node.add_marker(pytest.mark.xfail(reason='x'))\n    assert run()",
        skips.EXPECTED,
    ),
    "no example": ("import hypothesis\ndef test(x):\n    hypothesis.assume(False)\n    assert run()", skips.NO_EXAMPLE),
    "cases by a name for nothing": (
        "CASES = []\n@pytest.mark.parametrize('x', CASES)\ndef test(x):\n    assert run()",
        skips.EMPTY,
    ),
    "a module that always skips": (
        "if True:\n    pytest.skip('x', allow_module_level=True)\ndef test():\n    assert run()",
        skips.SKIPPED,
    ),
    "a module that raises a skip": ("raise unittest.SkipTest('x')\ndef test():\n    assert run()", skips.SKIPPED),
    "a fixture of all that skips": (
        "@pytest.fixture(autouse=True)\ndef off():\n    pytest.skip('x')\ndef test():\n    assert run()",
        skips.SKIPPED,
    ),
    "a constructor": (
        "class TestA:\n    def __init__(self):\n        self.x = 1\n    def test_a(self):\n        assert run()",
        collected.CONSTRUCTED,
    ),
    "a base's constructor": (
        "class Base:\n    def __init__(self): ...\nclass TestA(Base):\n    def test_a(self):\n        assert run()",
        collected.CONSTRUCTED,
    ),
    "a later test of the name": (
        "def test_a():\n    assert run()\ndef test_a():\n    assert run(2)",
        collected.REPLACED,
    ),
    "a later method of the name": (
        "class TestA:\n    def test_a(self):\n        assert run()\n    def test_a(self):\n        assert run(2)",
        collected.REPLACED,
    ),
    "a name that is given away": ("def test_a():\n    assert run()\ntest_a = None", collected.REPLACED),
    "a name that is deleted": ("def test_a():\n    assert run()\ndel test_a", collected.REMOVED),
    "inside a function": ("def make():\n    def test_a():\n        assert run()", collected.NESTED),
    "a generator": ("def test():\n    yield\n    assert run()", collected.GENERATOR),
    "a generator as a default": ("def test(x=lambda: (yield)):\n    yield\n    assert run()", collected.GENERATOR),
    "a coroutine of no plugin": ("async def test():\n    assert run()", collected.UNAWAITED),
    "a helper that nobody awaits": (
        "async def check():\n    assert run()\ndef test():\n    check()",
        assertions.UNREACHABLE,
    ),
    "a nested coroutine that nobody awaits": (
        "def test():\n    async def inner():\n        assert run()\n    inner()",
        assertions.UNREACHABLE,
    ),
}


@pytest.mark.parametrize(("source", "why"), WEAK.values(), ids=WEAK)
def test_what_cannot_fail_or_never_runs_is_told(source: str, why: str):
    assert found(source) == [why]


STRONG = {
    "raises anything around a call": "def test():\n    with pytest.raises(Exception):\n        run()",
    "raises anything with a message": (
        "def test():\n    with pytest.raises(Exception, match='x'):\n        run()\n        raise ValueError('y')"
    ),
    "raises one thing, after another": "def test():\n    with pytest.raises(KeyError):\n        run()\n        raise ValueError",
    "NotImplemented of an operator": "def test(x):\n    assert x.__eq__(1) is not NotImplemented",
    "a list that grows": "def test():\n    rows = [1, 2]\n    run(rows)\n    assert rows == [1, 2]",
    "a rendering that may change what is rendered": "def test():\n    x = run()\n    assert str(x) == str(x)",
    "an equal call of another": "def test(x, y):\n    assert str(x) == str(y)",
    "a condition on the version": (
        "def test():\n    if sys.version_info >= (3, 13):\n        pytest.skip('x')\n    assert run()"
    ),
    "skipif of the version": "@pytest.mark.skipif(sys.version_info < (3, 9), reason='x')\ndef test():\n    assert run()",
    "skipif of the platform": "@pytest.mark.skipif(sys.platform == 'win32', reason='x')\ndef test():\n    assert run()",
    "skipif of a name that is worked out": (
        "OFF = run()\n@pytest.mark.skipif(not OFF, reason='x')\ndef test():\n    assert run()"
    ),
    "under __debug__": "def test():\n    if __debug__:\n        assert run()",
    "a condition that always holds": "def test():\n    if True:\n        assert run()",
    "a marker under a condition": (
        "def test(request, x):\n    if x:\n        request.applymarker(pytest.mark.xfail)\n    assert run()"
    ),
    "cases that grow": (
        "CASES = []\nCASES.append(1)\n@pytest.mark.parametrize('x', CASES)\ndef test(x):\n    assert run()"
    ),
    "assume of the example": "import hypothesis\ndef test(x):\n    hypothesis.assume(x)\n    assert run()",
    "a constructor of a TestCase": (
        "class TestA(unittest.TestCase):\n    def __init__(self, *a):\n        super().__init__(*a)\n"
        "    def test_a(self):\n        assert run()"
    ),
    "a constructor of another class": (
        "class Client:\n    def __init__(self): ...\nclass TestA:\n    def test_a(self):\n        assert run(Client())"
    ),
    "tests of a name in two branches": (
        "if sys.platform == 'win32':\n    def test_a():\n        assert run()\nelse:\n    def test_a():\n        assert run()"
    ),
    "a name that is wrapped": "def test_a():\n    assert run()\ntest_a = pytest.mark.slow(test_a)",
    "a test that is registered": (
        "import app\n@app.register\ndef test_a():\n    assert run()\ndef test_a():\n    assert run()"
    ),
    "a test that is made": "def make():\n    def test_a():\n        assert run()\n    return test_a",
    "a function that a test is about": (
        "def test():\n    def test_inner():\n        return 1\n    assert run(test_inner)"
    ),
    "a generator for a plugin": "import app\n@app.inlineCallbacks\ndef test():\n    yield\n    assert run()",
    "a generator inside": "def test():\n    def rows():\n        yield 1\n    assert run(rows())",
    "a coroutine with a mark": "@pytest.mark.asyncio\nasync def test():\n    assert run()",
    "coroutines of a marked module": "pytestmark = [pytest.mark.anyio]\nasync def test():\n    assert run()",
    "a coroutine of a TestCase": (
        "class A(unittest.IsolatedAsyncioTestCase):\n    async def test_a(self):\n        assert run()"
    ),
    "a helper that is awaited": (
        "async def check():\n    assert run()\n@pytest.mark.anyio\nasync def test():\n    await check()"
    ),
    "a coroutine that is run": (
        "import asyncio\ndef test():\n    async def inner():\n        assert run()\n    asyncio.run(inner())"
    ),
    "a fixture of all that may skip": (
        "@pytest.fixture(autouse=True)\ndef off(x):\n    if x:\n        pytest.skip('x')\ndef test():\n    assert run()"
    ),
    "a fixture that skips who asks": "@pytest.fixture\ndef off():\n    pytest.skip('x')\ndef test():\n    assert run()",
}


@pytest.mark.parametrize("source", STRONG.values(), ids=STRONG)
def test_what_can_fail_is_left_alone(source: str):
    assert found(source) == []


HOOKS = {
    "def pytest_collection_modifyitems(items):\n    for item in items:\n        item.add_marker(pytest.mark.xfail)": (
        "marks every test with xfail"
    ),
    "SKIP = pytest.mark.skip(reason='x')\ndef pytest_collection_modifyitems(config, items):\n"
    "    for item in items:\n        item.add_marker(SKIP)": "marks every test with skip",
    "def pytest_itemcollected(item):\n    item.add_marker('xfail')": "marks every test with xfail",
    "def pytest_collection_modifyitems(items):\n    items.clear()": "leaves no test",
    "def pytest_collection_modifyitems(items):\n    items[:] = []": "leaves no test",
    "def pytest_collection_modifyitems(items):\n    del items[:]": "leaves no test",
    "def pytest_ignore_collect(path):\n    return True": "ignores every file",
    "def pytest_runtest_setup(item):\n    pytest.skip('x')": "every test is skipped unconditionally",
    "@pytest.hookimpl(hookwrapper=True)\ndef pytest_runtest_makereport(item, call):\n    outcome = yield\n"
    "    report = outcome.get_result()\n    report.outcome = 'passed'": "calls a test passed whatever became of it",
    "def pytest_sessionfinish(session, exitstatus):\n    session.exitstatus = 0": "ends with success whatever failed",
    "@pytest.fixture(autouse=True)\ndef off():\n    pytest.skip('x')": "is skipped unconditionally",
}


@pytest.mark.parametrize(("source", "what"), HOOKS.items(), ids=range(len(HOOKS)))
def test_a_hook_that_overrules_every_test_is_told(source: str, what: str):
    module = parse("tests/conftest.py", (HEAD + source).encode())
    assert [fact.what for fact in tests.facts(module) if isinstance(fact, TestExclusion)] == [what]


@pytest.mark.parametrize(
    "source",
    [
        (
            "def pytest_collection_modifyitems(items):\n    for item in items:\n        if 'slow' in item.keywords:\n"
            "            item.add_marker(pytest.mark.skip)"
        ),
        (
            "def pytest_collection_modifyitems(config, items):\n    if config.getoption('--slow'):\n        return\n"
            "    for item in items:\n        item.add_marker(pytest.mark.skip)"
        ),
        (
            "def pytest_collection_modifyitems(items):\n    for item in items:\n        if item.x:\n            continue\n"
            "        item.add_marker(pytest.mark.skip)"
        ),
        "def pytest_collection_modifyitems(items):\n    items[:] = sorted(items)",
        "def pytest_ignore_collect(path):\n    return path.name == 'x'",
        "def pytest_sessionfinish(session):\n    session.exitstatus = 1",
        "def pytest_runtest_makereport(item):\n    item.outcome = 'failed'",
    ],
)
def test_a_hook_that_chooses_is_left_alone(source: str):
    module = parse("tests/conftest.py", (HEAD + source).encode())
    assert [fact for fact in tests.facts(module) if isinstance(fact, TestExclusion)] == []


@pytest.mark.parametrize(
    ("files", "weak"),
    [
        ({}, True),
        ({"pyproject.toml": "[tool.pytest.ini_options]\nasyncio_mode = 'strict'\n"}, True),
        ({"pyproject.toml": "[tool.pytest.ini_options]\nasyncio_mode = 'auto'\n"}, False),
        ({"pytest.ini": "[pytest]\nasyncio_mode=auto\n"}, False),
        ({"setup.cfg": "[tool:pytest]\naddopts = --asyncio-mode=auto\n"}, False),
        ({"requirements-dev.txt": "pytest-aiohttp==1.0\n"}, False),
        ({"tests/conftest.py": "def pytest_pyfunc_call(pyfuncitem):\n    return run(pyfuncitem)\n"}, False),
    ],
)
def test_a_coroutine_is_run_where_the_subject_says_so(tmp_path: Path, files: dict[str, str], weak: bool):
    lay(tmp_path, {"tests/test_a.py": "async def test():\n    assert run()\n", **files})
    with Session(Cache(None), jobs=1) as session:
        facts = [f for o in code.collect(open_tree(tmp_path), Config(), session) for f in o.facts]
    [test] = [fact for fact in facts if isinstance(fact, TestFunction)]
    assert bool(test.weakness) is weak
