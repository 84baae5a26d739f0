"""Tests that assert what they have put in themselves, or only where an error comes; near misses stay clean."""

from __future__ import annotations

import time

import pytest

from strictreal.collect.python import assertions, tests
from strictreal.collect.python.module import parse
from strictreal.facts.code import TestFunction
from tests.cases import named


def weakness(source: str) -> str:
    """Of the one test of a module."""
    facts = tests.facts(parse("tests/test_queue.py", source.encode()))
    [found] = [fact.weakness for fact in facts if isinstance(fact, TestFunction)]
    return found


PUT_IN = named(
    """
## a record of the test
def test():
    item = {"name": "a"}
    assert item["name"] == "a"
## a key that it has set
def test():
    config = {}
    config["port"] = 1
    assert "port" in config
## its own sum
def test():
    price, = [1]
    total = 2 + 2
    assert total == 4
## its own product
def test():
    price = 10
    count = 3
    total = price * count
    assert total == 30
## what it has appended
def test():
    out = []
    out.append(1)
    assert out == [1]
## what Python sorts
def test():
    rows = [3, 1, 2]
    assert sorted(rows) == [1, 2, 3]
## a text and back
import json
def test():
    data = {"a": 1}
    assert json.loads(json.dumps(data)) == data
## a mock that only it asks
from unittest.mock import MagicMock
def test():
    client = MagicMock()
    client.get.return_value = 3
    assert client.get() == 3
## a mock that only it calls
from unittest.mock import Mock
def test():
    client = Mock()
    client.send("a")
    client.send.assert_called_once_with("a")
## a text of any object
def test():
    assert isinstance(str(run()), str)
## a truth that is one of two
def test():
    assert bool(run()) in (True, False)
## a distance
def test():
    assert abs(run()) >= 0
## a length above -1
def test():
    assert len(run()) > -1
## a list that is not None
def test():
    assert list(run()) is not None
## anything
from unittest.mock import ANY
def test():
    assert run() == ANY
## one of which is true
def test():
    assert any([True, run()])
## a type of its own
def test():
    x = run()
    assert isinstance(x, type(x))
## an error of arithmetic
import pytest
def test():
    with pytest.raises(ZeroDivisionError):
        1 / 0
## a function of its own
def test():
    check = lambda: run() == 1
    assert check
## a list around it
def test():
    assert len([run()]) == 1
## a member of itself
def test():
    x = run()
    assert x in [x]
## unittest, a member
class TestA(unittest.TestCase):
    def test(self):
        self.assertIn(1, [1, 2])
## unittest, a length
class TestA(unittest.TestCase):
    def test(self):
        self.assertGreaterEqual(len(run()), 0)
## unittest, an object
class TestA(unittest.TestCase):
    def test(self):
        self.assertIsInstance(run(), object)
"""
)
OF_THE_CODE = named(
    """
## a list that the code fills
def test():
    out = []
    run(out.append)
    assert out == [1]
## a record that the code changes
def test():
    item = {"name": "a"}
    change(item)
    assert item["name"] == "b"
## another name for it
def test():
    item = {"name": "a"}
    other = [item]
    change(other)
    assert item["name"] == "b"
## a flag of a handler
def test():
    raised = False
    try:
        run()
    except KeyError:
        raised = True
    assert raised
## a count of a callback
def test():
    calls = []
    def callback(x):
        calls.append(x)
    run(callback)
    assert len(calls) == 1
## a sum over results
def test():
    total = 0
    for row in run():
        total += row
    assert total == 4
## a mock that is handed over
from unittest.mock import Mock
def test():
    client = Mock()
    run(client)
    client.send.assert_called_once_with("a")
## a mock within another object
from unittest.mock import Mock
def test():
    client = Mock()
    service = Service(client)
    service.run()
    assert client.send.call_count == 1
## a failure in so many words
def test():
    for row in run():
        if row == 1:
            assert False, "1 is none of them"
## a helper called like unittest's
class TestA(unittest.TestCase):
    def assertBecomes(self, given, wanted):
        self.assertEqual(run(given), wanted)
    def test(self):
        self.assertBecomes([], [1])
## a number of the code
def test():
    assert isinstance(run(), int)
## a length above 0
def test():
    assert len(run()) > 0
## a constant that fails
class TestA(unittest.TestCase):
    def test(self):
        self.assertEqual(0, 1)
## an error of the code
import pytest
def test():
    with pytest.raises(ValueError):
        parse("x")
"""
)


@pytest.mark.parametrize("name", PUT_IN)
def test_an_assertion_about_what_the_test_put_in_proves_nothing(name: str) -> None:
    assert weakness("import unittest\n" + PUT_IN[name]) == assertions.CONSTANT


@pytest.mark.parametrize("name", OF_THE_CODE)
def test_an_assertion_about_the_code_counts(name: str) -> None:
    assert weakness("import unittest\n" + OF_THE_CODE[name]) == ""


ONLY_RAISED = "def test():\n    try:\n        run()\n    except KeyError as error:\n        assert 'a' in str(error)"


def test_an_assertion_about_an_error_that_need_not_come_is_none() -> None:
    assert weakness(ONLY_RAISED) == assertions.UNRAISED
    in_block = ONLY_RAISED.replace("    try", "    with a:\n     try").replace("        run", "       run")
    in_block = in_block.replace("    except", "     except").replace("        assert", "       assert")
    assert weakness(in_block) == assertions.UNRAISED


@pytest.mark.parametrize(
    "more",
    [
        "\n    else:\n        raise AssertionError('no error')",
        "\n    assert run() == 1",
        "\n        raise",
    ],
)
def test_it_counts_where_the_error_has_to_come_or_more_is_asserted(more: str) -> None:
    assert weakness(ONLY_RAISED + more) == ""
    assert weakness(ONLY_RAISED.replace("run()", "run()\n        assert False")) == ""


def test_names_that_are_made_of_names_are_followed_once_each() -> None:
    lines = ["    x0 = 1"]
    lines += [f"    x{n} = [{', '.join([f'x{n - 1}'] * 25)}]" for n in range(1, 7)]
    source = "def test():\n" + "\n".join(lines) + "\n    assert x6 == 1 and run()"
    started = time.process_time()
    assert weakness(source) == ""
    assert time.process_time() - started < 2.0
