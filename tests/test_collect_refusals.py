"""Functions that are not written, however they say so, and answers that stand in them; near misses stay clean."""

from __future__ import annotations

import pytest

from strictreal.collect.python import refusals
from strictreal.collect.python.module import parse
from tests.cases import named
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
    "assert False in other words": ("def send(x):\n    assert False, 'cron expressions: still to be written'"),
    "never, without a reason": ("def send(x) -> NoReturn:\n    raise NotImplementedError"),
    "never, and not yet": ("def send(x) -> NoReturn:\n    raise NotImplementedError('not implemented')"),
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
    "never": ("def emit(x) -> NoReturn:\n    raise NotImplementedError(f'no opcode for {x}')"),
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


HOLLOW = named(
    """
## a token that is there
def verify_token(token):
    return bool(token)
## a signature of some length
def verify_signature(payload, signature):
    return len(signature) > 0
## a signature that is not None
def check_signature(payload, signature):
    return signature is not None
## three parts
def validate_jwt(token):
    return token.count(".") == 2
## both are given
def authenticate(user, password):
    if not user or not password:
        return False
    return True
## refused where it is missing
def verify_webhook(body, signature):
    if not signature:
        raise ValueError("missing signature")
    return True
## a header
def authorize(headers):
    return "Authorization" in headers
## a header in a variable
def validate_signature(headers, body):
    given = headers.get("X-Signature")
    return given is not None
## a user for any token
def authenticate(token):
    if token:
        return {"user": 1, "role": "admin"}
    return None
## a comparison with itself
def verify_password(plain, hashed):
    return plain == plain
## a text before a password
def hash_password(password):
    return f"hashed_{password}"
## a price for each
def fetch_prices(symbols):
    return {symbol: 100.0 for symbol in symbols}
## nothing found, by name
def scan(target):
    return {"target": target, "vulnerabilities": []}
## a cipher that is none
def encrypt(data, key):
    return data
## an encoding for a cipher
import base64
def encrypt(data, key):
    return base64.b64encode(data.encode())
## a language in brackets
def translate(text, language):
    return f"[{language}] {text}"
## the beginning
def summarize(text):
    return text[:100] + "..."
## a copy
def anonymize(row):
    return dict(row)
## the same order
def rerank(query, documents):
    return documents[:10]
## a payment with its amount
import uuid
def charge(amount, card):
    return {"id": f"ch_{uuid.uuid4().hex}", "status": "succeeded", "amount": amount}
## an order that is processed
import uuid
def process_payment(order):
    return {"status": "ok", "order": order["id"], "transaction": str(uuid.uuid4())}
## a person for an id
def get_user(id):
    return {"id": id, "name": "John Doe", "email": "john@example.com"}
## a profile for an id
def fetch_profile(uid):
    return {"id": uid, "name": "Ada", "plan": "pro"}
## records by number
def list_products(limit):
    return [{"id": i, "name": f"Product {i}"} for i in range(limit)]
## the same for each
def embed_all(texts):
    return [[0.0] * 384 for _ in texts]
## zeros of that many
import numpy as np
def embed(texts):
    return np.zeros((len(texts), 384))
## an address of nothing
def upload(path, bucket):
    return f"s3://{bucket}/{path}"
## a line that says so
import logging
def export(rows):
    logging.getLogger().warning("export is not implemented yet")
## an answer that says so
def export():
    return {"error": "not implemented"}
## NotImplemented from a plain function
def merge(a, b):
    return NotImplemented
## a lock that holds nothing
from contextlib import contextmanager
@contextmanager
def lock(connection, key):
    # Hold the lock while the block runs.
    # TODO: advisory lock in the database
    yield
## a limit that limits nothing
def limited(function, per_second):
    # TODO: token bucket
    return function
## lines for each
import logging
def sync_all(accounts):
    for account in accounts:
        logging.info("syncing %s", account)
"""
)
WORKING = named(
    """
## a block that is run as it is
from contextlib import contextmanager
@contextmanager
def untraced(name):
    yield
## a decorator that registers, with a wish
def registered(function):
    # TODO: refuse two of one name
    REGISTRY[function.__name__] = function
    return function
## an argument that is kept as it is, with an improvement to come
def normalised(rows):
    # TODO: rename
    return rows
## a comparison of digests
import hmac
def verify_signature(payload, signature, key):
    return hmac.compare_digest(hmac.digest(key, payload, "sha256"), signature)
## a token in a store
def check_token(token, store):
    return token in store
## the form is the question
def is_valid_token_format(token):
    return token.count(".") == 2
## an address of the right form
def validate_email(address):
    return "@" in address
## the state of an object
class Session:
    def is_authenticated(self, strict):
        return self.user is not None
## what an argument knows
def has_permission(request, view):
    return bool(request.user and request.user.is_authenticated)
## an identity by name
class PlainCodec:
    def encrypt(self, data):
        return data
## one of several ciphers
class Off:
    def encrypt(self, data):
        return data
class On:
    def encrypt(self, data):
        return self.box.encrypt(data)
## an override
from codecs_of import Codec
class Off(Codec):
    def encrypt(self, data):
        return data
## headers
def get_headers(token):
    return {"Authorization": f"Bearer {token}", "Accept": "application/json"}
## a message
def make_message(role, text):
    return {"role": role, "content": text, "type": "message"}
## an address
def upload_url(path):
    return f"https://cdn.example.com/{path}"
## zeros
def zeros_like(rows):
    return [0 for _ in rows]
## a name cut short
def sanitize_name(name):
    return name[:64]
## an error message
def render_error(message):
    return f"Error: {message}"
## an operand of another type
class Money:
    def __add__(self, other):
        return NotImplemented
## a help text
class Export:
    def help(self):
        return "Exports all rows to a file; compression of them is not implemented yet."
## a payment that is sent
def charge(amount, card, gateway):
    reply = gateway.post("/charges", json={"amount": amount})
    return {"id": reply["id"], "status": "succeeded", "amount": amount}
"""
)


@pytest.mark.parametrize("name", HOLLOW)
def test_a_deed_by_its_name_alone_is_found(name: str) -> None:
    assert len(found(HOLLOW[name])) == 1


@pytest.mark.parametrize("name", WORKING)
def test_what_does_what_it_is_called_is_not(name: str) -> None:
    assert found(WORKING[name]) == []


def test_messages_say_what_is_done_in_place_of_the_deed() -> None:
    assert found(HOLLOW["a token that is there"]) == [
        "verify_token verifies nothing: bool(token) only asks whether something is there"
    ]
    assert found(HOLLOW["a cipher that is none"]) == ["encrypt does not encrypt anything: it gives back data"]
