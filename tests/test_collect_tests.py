"""The vacuous-test detector: what cannot fail is told from what can."""

from __future__ import annotations

import textwrap

import pytest

from strictreal.collect.python import assertions, skips, tests
from strictreal.collect.python.module import parse
from strictreal.facts.code import TestFunction
from strictreal.model import Inventory


def weaknesses(source: str, path: str = "tests/test_queue.py") -> dict[str, str]:
    facts = list(tests.facts(parse(path, textwrap.dedent(source).encode())))
    found = {fact.name: fact.weakness for fact in facts if isinstance(fact, TestFunction)}
    counted = [fact.count for fact in facts if isinstance(fact, Inventory)]
    assert counted == ([len(found)] if found else [])
    return found


def weakness(source: str) -> str:
    """Of the one test of a module."""
    [found] = weaknesses(source).values()
    return found


CANNOT_FAIL = {
    "an empty body": ("def test(): ...", assertions.NONE),
    "a call alone": ("def test():\n    run()", assertions.NONE),
    "a comparison that nobody asserts": ("def test():\n    run() == 1", assertions.NONE),
    "a returned comparison": ("def test():\n    return run() == 1", assertions.NONE),
    "a helper that asserts nothing": ("def check(x): return x\ndef test():\n    check(run())", assertions.NONE),
    "helpers in a circle": ("def a(): b()\ndef b(): a()\ndef test():\n    a()", assertions.NONE),
    "True": ("def test():\n    run()\n    assert True", assertions.CONSTANT),
    "a number": ("def test():\n    assert 1", assertions.CONSTANT),
    "a tuple": ("def test():\n    assert (run() == 1, 'message')", assertions.CONSTANT),
    "two constants": ("def test():\n    assert 1 == 1", assertions.CONSTANT),
    "not False": ("def test():\n    assert not False", assertions.CONSTANT),
    "or True": ("def test():\n    assert run() or True", assertions.CONSTANT),
    "itself": ("def test():\n    x = run()\n    assert x == x", assertions.CONSTANT),
    "a known name": ("def test():\n    done = True\n    assert done", assertions.CONSTANT),
    "a known number": ("def test():\n    x = 5\n    assert x == 5", assertions.CONSTANT),
    "x or not x": ("def test():\n    x = run()\n    assert x or not x", assertions.CONSTANT),
    "None or not None": ("def test(x):\n    assert x is None or x is not None", assertions.CONSTANT),
    "all of nothing": ("def test():\n    assert all(run(x) for x in [])", assertions.CONSTANT),
    "an attribute of a mock": ("def test(m):\n    assert m.assert_called_once", assertions.CONSTANT),
    "a made-up attribute of a mock": ("def test(m):\n    assert m.called_once_with(1)", assertions.CONSTANT),
    "its own error": ("import pytest\ndef test():\n    with pytest.raises(E):\n        raise E", assertions.CONSTANT),
    "a length": ("def test():\n    assert len(run()) >= 0", assertions.CONSTANT),
    "an object": ("def test():\n    assert isinstance(run(), object)", assertions.CONSTANT),
    "assertTrue(True)": ("class TestA:\n    def test(self):\n        self.assertTrue(True)", assertions.CONSTANT),
    "assertEqual of constants": (
        "class TestA:\n    def test(self):\n        self.assertEqual(1, 1)",
        assertions.CONSTANT,
    ),
    "except Exception": (
        "def test():\n    try:\n        assert run()\n    except Exception: pass",
        assertions.SWALLOWED,
    ),
    "a bare except": ("def test():\n    try:\n        assert run()\n    except: print('no')", assertions.SWALLOWED),
    "except AssertionError": (
        "def test():\n    try:\n        assert run()\n    except (ValueError, AssertionError): return",
        assertions.SWALLOWED,
    ),
    "suppress": (
        "import contextlib\ndef test():\n    with contextlib.suppress(Exception):\n        assert run()",
        assertions.SWALLOWED,
    ),
    "return in finally": (
        "def test():\n    try:\n        assert run()\n    finally:\n        return",
        assertions.SWALLOWED,
    ),
    "pytest.raises under a bare except": (
        "import pytest\ndef test():\n    try:\n        with pytest.raises(E): run()\n    except: pass",
        assertions.SWALLOWED,
    ),
    "after return": ("def test():\n    return\n    assert run()", assertions.UNREACHABLE),
    "if False": ("def test():\n    if False:\n        assert run()", assertions.UNREACHABLE),
    "while 0": ("def test():\n    while 0:\n        assert run()", assertions.UNREACHABLE),
    "an empty loop": ("def test():\n    for x in []:\n        assert x", assertions.UNREACHABLE),
    "an empty name": ("def test():\n    xs = []\n    for x in xs:\n        assert x", assertions.UNREACHABLE),
    "enumerate of nothing": ("def test():\n    for n, x in enumerate([]):\n        assert x", assertions.UNREACHABLE),
    "not True": ("def test():\n    if not True:\n        assert run()", assertions.UNREACHABLE),
    "range(0)": ("def test():\n    for x in range(0):\n        assert x", assertions.UNREACHABLE),
    "a forgotten function": ("def test():\n    def inner():\n        assert run()", assertions.UNREACHABLE),
    "an uncalled mock assertion": ("def test(m):\n    run(m)\n    m.assert_called_once", assertions.UNCALLED),
    "skip": ("import pytest\n@pytest.mark.skip(reason='x')\ndef test():\n    assert run()", skips.SKIPPED),
    "skip by alias": (
        "from pytest import mark\nlater = mark.skip\n@later\ndef test():\n    assert run()",
        skips.SKIPPED,
    ),
    "skipif True": (
        "import pytest\n@pytest.mark.skipif(True, reason='')\ndef test():\n    assert run()",
        skips.SKIPPED,
    ),
    "unittest.skip": ("import unittest\n@unittest.skip('x')\ndef test():\n    assert run()", skips.SKIPPED),
    "skipUnless False": (
        "import unittest\n@unittest.skipUnless(False, '')\ndef test():\n    assert run()",
        skips.SKIPPED,
    ),
    "a module mark": ("import pytest\npytestmark = [pytest.mark.skip]\ndef test():\n    assert run()", skips.SKIPPED),
    "a class mark": (
        "import pytest\n@pytest.mark.skip\nclass TestA:\n    def test(self):\n        assert run()",
        skips.SKIPPED,
    ),
    "a skip first": ("import pytest\ndef test():\n    pytest.skip('x')\n    assert run()", skips.SKIPPED),
    "skipTest first": ("class TestA:\n    def test(self):\n        self.skipTest('x')", skips.SKIPPED),
    "SkipTest first": ("import unittest\ndef test():\n    raise unittest.SkipTest('x')", skips.SKIPPED),
    "a skipped module": (
        "import pytest\npytest.skip('x', allow_module_level=True)\ndef test():\n    assert run()",
        skips.SKIPPED,
    ),
    "no parameters": (
        "import pytest\n@pytest.mark.parametrize('x', [])\ndef test(x):\n    assert run(x)",
        skips.EMPTY,
    ),
    "xfail": ("import pytest\n@pytest.mark.xfail(reason='x')\ndef test():\n    assert run()", skips.EXPECTED),
    "expectedFailure": ("import unittest\n@unittest.expectedFailure\ndef test():\n    assert run()", skips.EXPECTED),
    "pytest.xfail first": ("import pytest\ndef test():\n    pytest.xfail('x')\n    assert run()", skips.EXPECTED),
}


@pytest.mark.parametrize("case", CANNOT_FAIL)
def test_a_test_that_cannot_fail_is_told_so(case):
    source, expected = CANNOT_FAIL[case]
    assert weakness(source) == expected


CAN_FAIL = {
    "an assertion": "def test():\n    assert run()",
    "an assertion among constants": "def test():\n    assert True\n    assert run()",
    "a condition": "def test():\n    if ready():\n        assert run()",
    "a loop": "def test():\n    for x in run():\n        assert x",
    "a filled list": "def test():\n    xs = []\n    fill(xs)\n    for x in xs:\n        assert x",
    "raise": "def test():\n    if run():\n        raise AssertionError",
    "assert False after a call": (
        "def test():\n    try:\n        run()\n    except ValueError: return\n    assert False"
    ),
    "pytest.raises": "import pytest\ndef test():\n    with pytest.raises(E):\n        run()",
    "pytest.raises under except Exception": (
        "import pytest\ndef test():\n    try:\n        with pytest.raises(E): run()\n    except Exception: pass"
    ),
    "pytest.fail": "from pytest import fail\ndef test():\n    run() or fail()",
    "unittest": "class TestA:\n    def test(self):\n        self.assertEqual(run(), 1)",
    "numpy": "from numpy import testing\ndef test():\n    testing.assert_allclose(run(), 1)",
    "a mock": "def test(m):\n    run(m)\n    m.assert_called_once()",
    "a local helper": "def same(x):\n    assert x\ndef test():\n    same(run())",
    "a helper's helper": "def a(x): b(x)\ndef b(x):\n    assert x\ndef test():\n    a(run())",
    "an imported helper": "from helpers import assert_valid\ndef test():\n    assert_valid(run())",
    "a checking helper": "from helpers import check_queue\ndef test():\n    check_queue(run())",
    "a method": "class TestA:\n    def test(self):\n        self.same(1)\n    def same(self, x):\n        assert x",
    "an inherited method": "class TestA(Base):\n    def test(self):\n        self.verify_queue(1)",
    "a base's method": (
        "class B:\n    def same(self, x): assert x\nclass TestA(B):\n    def test(self):\n        self.same(1)"
    ),
    "a helper handed on": "def same():\n    assert run()\ndef test():\n    in_thread(same)",
    "a nested function": "def test():\n    def inner():\n        assert run()\n    inner()",
    "a lambda": "def test():\n    each(lambda x: check(x))",
    "a narrow except": "def test():\n    try:\n        assert run()\n    except ValueError: pass",
    "a re-raise": "def test():\n    try:\n        assert run()\n    except Exception:\n        clean()\n        raise",
    "a fail in except": (
        "import pytest\ndef test():\n    try:\n        run()\n    except Exception:\n        pytest.fail('x')"
    ),
    "a kept error": (
        "def test():\n    errors = []\n    try:\n        run()\n    except Exception as e:\n        errors.append(e)\n"
        "    assert not errors"
    ),
    "an assertion in else": (
        "def test():\n    try:\n        run()\n    except Exception: pass\n    else:\n        assert done()"
    ),
    "a flag": "def test():\n    ok = False\n    if run():\n        ok = True\n    assert ok",
    "a flag set by a callback": (
        "def test():\n    hit = False\n    def f():\n        nonlocal hit\n        hit = True\n"
        "    run(f)\n    assert hit"
    ),
    "a cached property": "def test(x):\n    assert x.y is x.y",
    "a status": "def test(client):\n    client.get('/').raise_for_status()",
    "a checked process": "import subprocess\ndef test():\n    subprocess.run(['x'], check=True)",
    "a fixture that asserts": (
        "import pytest\n@pytest.fixture\ndef q():\n    yield 1\n    assert run()\ndef test(q):\n    run(q)"
    ),
    "a called fixture": "def test(run_case):\n    run_case('a')",
    "a tearDown": "class TestA:\n    def tearDown(self): assert done()\n    def test(self):\n        run()",
    "a comparing decorator": "@image_comparison(['a.png'])\ndef test():\n    draw()",
    "skipif": "import pytest, sys\n@pytest.mark.skipif(sys.platform == 'x', reason='')\ndef test():\n    assert run()",
    "a skip under a condition": "import pytest\ndef test():\n    if old():\n        pytest.skip('x')\n    assert run()",
    "strict xfail": "import pytest\n@pytest.mark.xfail(strict=True)\ndef test():\n    assert run()",
    "conditional xfail": "import pytest\n@pytest.mark.xfail(is_old(), reason='x')\ndef test():\n    assert run()",
    "a match": "def test():\n    match run():\n        case 1:\n            assert done()",
    "an async test": "import pytest\n@pytest.mark.asyncio\nasync def test():\n    async with run() as x:\n        assert await x",
}


@pytest.mark.parametrize("case", CAN_FAIL)
def test_a_test_that_can_fail_is_left_alone(case):
    assert weakness(CAN_FAIL[case]) == ""


def test_what_the_runners_do_not_collect_is_no_test():
    source = """
        import pytest

        @pytest.fixture
        def test_data(): ...
        def testing_tools(): ...
        def helper(): ...
        def test_tool(): ...
        test_tool.__test__ = False
        class TestTool:
            __test__ = False
            def test_it(self): ...
        class Tool:
            def test_connection(self): ...
    """
    assert weaknesses(source) == {}


def test_test_cases_are_found_outside_test_modules_too():
    source = """
        import unittest
        class Base(unittest.TestCase): ...
        class Case(Base):
            def test_it(self): ...
        def test_connection(): ...
    """
    assert weaknesses(source, "app/checks.py") == {"Case.test_it": assertions.NONE}


def test_a_module_without_tests_gives_no_fact():
    assert list(tests.facts(parse("tests/conftest.py", b"import os\n"))) == []


def test_a_long_chain_of_helpers_ends():
    chain = "\n".join(f"def h{n}(): h{n + 1}()" for n in range(3000))
    assert weakness(chain + "\ndef test():\n    h0()") == assertions.NONE
