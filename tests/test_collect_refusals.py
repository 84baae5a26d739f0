"""Functions that are not written, however they say so, and answers that stand in them; near misses stay clean."""

from __future__ import annotations

import pytest

from strictreal.collect.python import refusals
from strictreal.collect.python.module import parse
from tests.judging import findings

STUBS = {
    "dataflow": ("def user(id):\n    result = {'id': 1, 'name': 'Ada'}\n    return result"),
    "dataflow alias": ("def user(id):\n    row = {'id': 1, 'name': 'Ada'}\n    result = row\n    return result"),
    "f-string": ("def greet(name):\n    who = 'Ada'\n    return f'Hello {who}, your order is on its way'"),
    "self const": (
        "class Ranker:\n    SCORES = [0.1, 0.5, 0.9]\n    def score(self, docs):\n        return self.SCORES"
    ),
    "cls const": (
        "class Api:\n"
        "    USER = {'id': 1, 'name': 'Ada'}\n"
        "    @classmethod\n"
        "    def fetch_user(cls, id):\n"
        "        return cls.USER"
    ),
    "every branch": (
        "def rate(x):\n"
        "    if x > 3:\n"
        "        return {'rate': 3, 'unit': 'x'}\n"
        "    else:\n"
        "        return {'rate': 3, 'unit': 'x'}"
    ),
    "every case": (
        "def rate(x):\n    match x:\n        case 1:\n            return 'up'\n        case _:\n            return 'up'"
    ),
    "ifexp": ("def rate(x):\n    return 'up' if x > 1 else 'up'"),
    "sleep random": (
        "import time, random\n"
        "def charge(card, amount):\n"
        "    time.sleep(random.uniform(0.1, 0.5))\n"
        "    return {'status': 'succeeded', 'id': 'ch_1'}"
    ),
    "log": ("def charge(card, amount):\n    logger.info('charging %s', amount)\n    return True"),
    "async": ("async def fetch_user(id):\n    await asyncio.sleep(0)\n    return {'id': 1, 'name': 'Ada'}"),
    "async gen": (
        "async def stream(prompt):\n    for w in ['a', 'b']:\n        await asyncio.sleep(0)\n        yield w"
    ),
    "ellipsis doc": ("def send(x):\n    '''Send it.'''\n    ..."),
    "raise NotImplemented": ("def send(x):\n    raise NotImplemented"),
    "raise NotImplemented()": ("def send(x):\n    raise NotImplemented('later')"),
    "assert False": ("def send(x):\n    assert False, 'todo'"),
    "sys.exit": ("import sys\ndef deploy(x):\n    sys.exit('not implemented')"),
    "print exit": ("import sys\ndef deploy(x):\n    print('not implemented yet')\n    sys.exit(1)"),
    "runtime": ("def deploy(x):\n    raise RuntimeError('TODO: not implemented')"),
    "exception": ("def deploy(x):\n    raise Exception('Not implemented yet')"),
    "class lambda": ("class Gate:\n    verify = lambda self, token: True"),
    "lambda none": "send = lambda message: None",
    "fresh": (
        "import uuid, time\n"
        "def charge(card, amount):\n"
        "    return {'id': uuid.uuid4().hex, 'status': 'succeeded', 'at': time.time()}"
    ),
    "fresh f": (
        "import uuid\ndef charge(card, amount):\n    return {'id': f'ch_{uuid.uuid4().hex[:8]}', 'status': 'succeeded'}"
    ),
    "fresh now": (
        "from datetime import datetime\n"
        "def predict(features):\n"
        "    return Prediction(label='cat', score=0.93, at=datetime.now())"
    ),
    "jsonify": (
        "from flask import jsonify\n"
        "@app.route('/users/<id>')\n"
        "def user(id):\n"
        "    return jsonify({'id': 1, 'name': 'Ada'})"
    ),
    "iter": ("def stream(prompt):\n    return iter(['a', 'b'])"),
    "NotImplementedError prefixed log": ("def send(x):\n    logger.warning('x')\n    raise NotImplementedError"),
    "todo return none": ("def load(path):\n    # TODO implement\n    return None"),
    "abort 501": ("def users(id):\n    abort(501)"),
    "http 501": (
        "from fastapi import HTTPException\n"
        "@app.get('/x')\n"
        "def users(id):\n"
        "    raise HTTPException(status_code=501, detail='Not implemented')"
    ),
}
REAL = {
    "const hook": (
        "class View(Base):\n    TIMEOUT = 30\n    def get_timeout(self, request):\n        return self.TIMEOUT"
    ),
    "settings": (
        "class C:\n"
        "    DEFAULT_CONFIG = {'a': 1, 'b': 2}\n"
        "    def get_config(self, env):\n"
        "        return self.DEFAULT_CONFIG"
    ),
    "two branches": ("def unit(x):\n    return 'a' if x else 'b'"),
    "match two": (
        "def unit(x):\n    match x:\n        case 1:\n            return 'a'\n        case _:\n            return 'b'"
    ),
    "unreachable": ("def f(x):\n    assert False, 'unreachable'"),
    "abstract assert": ("class BaseX:\n    def f(self, x):\n        assert False, 'subclass must implement'"),
    "usage": ("import sys\ndef usage(x):\n    sys.exit('usage: x')"),
    "raises value": ("def parse(x):\n    raise ValueError('bad')"),
    "always raises": ("def deny(request):\n    raise PermissionDenied('no access for you')"),
    "new id": ("import uuid\ndef new_id(kind):\n    return uuid.uuid4().hex"),
    "stamp": ("import time\ndef stamp(x):\n    return {'x': x, 'at': time.time()}"),
    "f-string used": ("def greet(name):\n    return f'Hello {name}, welcome'"),
    "attr": ("class A:\n    items = []\n    def all(self, x):\n        return self.items"),
    "set attr": (
        "class A:\n"
        "    def __init__(self):\n"
        "        self.SCORES = load()\n"
        "    def score(self, docs):\n"
        "        return self.SCORES"
    ),
    "lambda": "key = lambda row: row.id",
    "protocol const": ("class P(Protocol):\n    def f(self, x): ..."),
    "read only": ("class RO(dict):\n    def __setitem__(self, k, v):\n        raise TypeError('read-only')"),
    "not supported": ("def f(x):\n    raise RuntimeError('Windows is not supported')"),
    "event": ("import time\ndef make_event(kind, **data):\n    return {'kind': kind, 'at': time.time(), 'data': data}"),
}


def found(source: str) -> list[str]:
    return [finding.message for finding in findings("test_stubs", "code.stub", {"app/service.py": source})]


@pytest.mark.parametrize("name", STUBS)
def test_what_is_not_written_is_found(name: str) -> None:
    assert found(STUBS[name])


@pytest.mark.parametrize("name", REAL)
def test_what_works_is_not(name: str) -> None:
    assert found(REAL[name]) == []


def test_messages_quote_the_refusal() -> None:
    assert found(STUBS["sys.exit"]) == ["deploy is not implemented: sys.exit('not implemented') is all that it does"]


def test_a_refusal_by_design_is_none() -> None:
    source = "def connection(self) -> NoReturn:\n    raise InvalidRequest('is not implemented, use get_connection')"
    assert found(source) == []


def test_long_messages_are_read_in_part() -> None:
    module = parse("a.py", b"raise Exception('" + b"x " * 100_000 + b"not implemented')")
    assert not refusals.refuses(module, module.tree.body[0], [])
