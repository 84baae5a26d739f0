"""Stubs: a function that does nothing, or has its answer written in it, is seen; one that may be so is not."""

from __future__ import annotations

import textwrap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strictreal.collect.python import stubs
from strictreal.collect.python.module import parse
from strictreal.facts.behaviour import Class, Function
from tests.judging import findings

STUBS = {
    "an empty function": "def send(message):\n    pass",
    "an ellipsis": "async def store(item):\n    ...",
    "a docstring alone": 'def transform(rows):\n    """Transform the rows."""',
    "a bare return": "def rotate(key):\n    return",
    "an empty method": "class Store:\n    def put(self, key, value):\n        pass",
    "a method that is not written": "class Store:\n    def put(self, key):\n        raise NotImplementedError",
    "a function that is not written": "def merge(a, b):\n    raise NotImplementedError('merge is not written yet')",
    "a refusal after a docstring": 'def merge(a):\n    """Merge."""\n    raise NotImplementedError()',
    "a record for any argument": "def user(id):\n    return {'id': 1, 'name': 'Ada'}",
    "numbers for any text": "def embed(text):\n    return [0.1] * 384",
    "zeros for any text": "import numpy as np\ndef embed(text):\n    return np.zeros(384)",
    "one score for all": "def score(a, b):\n    return 0.87",
    "an object for any id": "def load(id):\n    return User(name='Ada', age=36)",
    "a phrase for any prompt": "def complete(prompt):\n    return 'This is the answer to it.'",
    "an empty list for any query": "def search(query, limit=10):\n    return []",
    "a literal under a name": "def search(query):\n    rows = [{'id': 1, 'title': 'x'}]\n    return rows",
    "a literal after a log line": (
        "def pay(order):\n    logger.info('paying %s', order)\n    return {'ok': 1, 'id': 'x'}"
    ),
    "a literal after a print": "def weather(city):\n    print('asking', city)\n    return {'temp': 21, 'wind': 3}",
    "a literal after a wait": "async def pay(order):\n    await asyncio.sleep(0.1)\n    return {'paid': 1, 'id': 'a'}",
    "a literal after a guard": "def embed(text):\n    if not text:\n        raise ValueError\n    return [0.5, 0.25]",
    "the same on every path": "def grade(x):\n    if x > 3:\n        return 'A'\n    return 'A'",
    "a refusal of what a base promises": (
        "class Store:\n    def drop(self, key):\n        raise NotImplementedError\n"
        "class Disk(Store):\n    def drop(self, key):\n        raise NotImplementedError('the drop of files is open')"
    ),
    "a refusal with a plan": (
        "class Disk(Store):\n    def drop(self, key):\n        raise NotImplementedError('drop is not implemented yet')"
    ),
    "what a factory makes": "def make(x):\n    def send(message):\n        pass\n    return send",
    "a verifier that a factory makes": "def make(x):\n    def verify(token):\n        return True\n    return verify",
    "a route in a factory": (
        "def app():\n    @api.post('/pay')\n    def fetch(id):\n        return {'a': 1, 'b': 'x'}\n"
    ),
    "a method in a factory": (
        "def make():\n    class Store:\n        def put(self, key):\n            pass\n    return Store()"
    ),
    "a class method that fills": (
        "class User:\n    @classmethod\n    def load(cls, id):\n        return cls(name='Ada', age=36)"
    ),
    "a static method that answers": ("class Rates:\n    @staticmethod\n    def rate(currency):\n        return 1.08"),
    "a record built up": (
        "def user(id):\n    found = {}\n    found['id'] = 7\n    found['name'] = 'Ada'\n    return found"
    ),
    "a list built up": ("def search(query):\n    rows = []\n    rows.append({'id': 1, 'title': 'x'})\n    return rows"),
    "a literal of literals": "def user(id):\n    name = 'Ada'\n    found = {'name': name, 'age': 36}\n    return found",
    "an argument put away": "def score(text):\n    _ = text\n    return 0.87",
    "an argument deleted": "def score(text):\n    del text\n    return 0.87",
    "what would be sent": "def welcome(user):\n    # would send the mail here\n    logger.info('welcome')",
    "what is not sent": "def welcome(user):\n    logger.info('welcome')  # the mail is not actually sent",
    "a loop over literals": "def stream(prompt):\n    for word in ['Hello', 'world']:\n        yield word",
    "literals handed on": "def stream(prompt):\n    yield from ['Hello', 'world']",
    "a literal in a span": (
        "def rate(currency):\n    with tracer.start_as_current_span('rate') as span:\n"
        "        span.set_attribute('currency', currency)\n        return 1.08"
    ),
    "a literal under a lock": (
        "class R:\n    def rate(self, currency):\n        with self._lock:\n            return 1.08"
    ),
    "a parsed literal": 'import json\ndef user(id):\n    return json.loads(\'{"id": 1, "name": "Ada"}\')',
    "an evaluated literal": "import ast\ndef user(id):\n    text = \"{'id': 1}\"\n    return ast.literal_eval(text)",
    "an answer after a look": (
        "def send(to, body):\n    if not isinstance(to, str):\n        raise TypeError(to)\n    return 'sent'"
    ),
    "an empty command": "@click.command()\n@click.option('--to')\ndef start(to):\n    'Start it.'",
    "an empty command of typer": "@app.command()\ndef deploy(env: str):\n    pass",
    "a loop that pretends": (
        "import time\ndef send(to):\n    for attempt in range(3):\n        time.sleep(1)\n    return True"
    ),
    "a try that pretends": (
        "import time\ndef send(to):\n    for attempt in range(3):\n        try:\n            time.sleep(1)\n"
        "            return True\n        except OSError:\n            continue\n    return True"
    ),
    "a verifier that computes": (
        "import hashlib\ndef verify_signature(body, signature):\n"
        "    expected = hashlib.sha256(body).hexdigest()\n    return True"
    ),
    "a verifier that computes by its own": (
        "def verify_checksum(path):\n    actual = compute_checksum(path)\n    return True"
    ),
    "a yielded literal": "def stream(prompt):\n    yield 'Hello'\n    yield 'world'",
    "a verifier": "def verify_token(token):\n    return True",
    "a verifying method": "class Gate:\n    def is_valid(self, token):\n        return True",
    "a verifier without arguments": "class Seal:\n    def verify(self):\n        return True",
    "a verifier that swallows": (
        "def validate(token):\n    try:\n        decode(token)\n    except Exception:\n        pass\n    return True"
    ),
    "a verifier that says True twice": (
        "def check_signature(b):\n    try:\n        verify(b)\n        return True\n    except Bad:\n"
        "        return True"
    ),
    "a verifier of a foreign base": "class Auth(BaseAuth):\n    def authenticate(self, request):\n        return True",
    "a refusal after an import": "def pay(amount):\n    import decimal\n    raise NotImplementedError",
    "a refusal after a global": "def pay(amount):\n    global total\n    raise NotImplementedError",
    "a refusal of an argument put on itself": "def pay(amount):\n    amount = amount\n    raise NotImplementedError",
    "a record after a swap that is none": (
        "def pay(a, b):\n    a, b = a, b\n    a: int = a\n    return {'id': 7, 'state': 'paid'}"
    ),
    "a record after an import": ("def pay(a):\n    from decimal import Decimal\n    return {'id': 7, 'state': 'paid'}"),
    "zeros of an import": "def embed(text):\n    import numpy as np\n    return np.zeros(384)",
    "a refusal of what is there": (
        "def pay(amount):\n    if amount is None:\n        return None\n    raise NotImplementedError"
    ),
    "a refusal of rows": (
        "def total(rows):\n    if rows is None or len(rows) == 0:\n        return []\n    raise NotImplementedError"
    ),
    "a verifier of no matter what": "def verify_token(token):\n    return len(token) > 0 or True",
    "a verifier that denies no": "def is_valid(token):\n    return not (token.startswith('x') and False)",
    "a lambda": "is_allowed = lambda user, action: True",
    "a route": "@app.post('/pay')\ndef pay(order: Order):\n    return {'status': 'paid', 'id': 'tx-1'}",
    "a task": "@app.task\ndef index(document):\n    pass",
    "a TODO for the work": "def total(self):\n    # TODO: query the database\n    return 0",
    "a bare TODO": "def rows(self):\n    return []  # TODO",
    "a placeholder docstring": 'def rows():\n    """Placeholder until the store is there."""\n    return []',
    "an admitted simulation": (
        "def pay(order):\n    # simulate the gateway\n    return {'id': order.id, 'state': 'paid'}"
    ),
    "an admitted identity": "def encrypt(data):\n    # TODO: real encryption\n    return data",
    "in production it would": "def rank(rows):\n    # In production this would call the model\n    return rows",
    "a nested placeholder": (
        "def build():\n    def step(x):\n        # FIXME: implement\n        return 1\n    return step"
    ),
    "only a log line": "def send_email(to, body):\n    logger.info('sending to %s', to)",
    "only a log line about a report": "def export_report(rows, path):\n    logger.info('exporting %s', path)",
    "an empty branch": "def run(kind):\n    if kind == 'a':\n        work()\n    else:\n        pass  # TODO: handle b",
    "an abstract promise, unkept": (
        "class Base(ABC):\n    @abstractmethod\n    def save(self, x): ...\n"
        "class Disk(Base):\n    def save(self, x):\n        pass"
    ),
    "made-up data in an heir": "class Ada(Embedder):\n    def embed(self, text):\n        return [0.1, 0.2, 0.3]",
    "a context ignored": (
        "class S(pb2_grpc.S):\n    def Get(self, key, context):\n        return pb2.User(id=1, name='x')"
    ),
}

REAL = {
    "an import for its effect": "class App:\n    def ready(self):\n        from app import signals",
    "an import for its effect and a sign": "def register(name):\n    import app.plugins\n    return True",
    "an import that is tried": (
        "def numbers(kind):\n    try:\n        import numpy\n        return 'fast'\n    except ImportError:\n"
        "        return 'slow'"
    ),
    "a case that is known": (
        "def degree(p):\n    if p.is_constant:\n        return 0\n    raise NotImplementedError(f'of {p}')"
    ),
    "an answer for nothing": "def degree(p):\n    if not p:\n        return 7\n    raise NotImplementedError(f'of {p}')",
    "a verifier with a way out": "def is_valid(token, known):\n    return token in known or len(token) > 9",
    "a verifier with an idle part": "def is_valid(token, known):\n    return token in known and True",
    "a verifier that calls": "def is_valid(token):\n    return decode(token) or True",
    "a cache that is emptied": "CACHE = {'a': 1}\ndef send(key):\n    global CACHE\n    CACHE = {}",
    "a cache that is taken away": "def send(key):\n    global CACHE\n    del CACHE",
    "a count that starts anew": (
        "def counter():\n    n = load()\n    def send(key):\n        nonlocal n\n        n = 0\n    return send"
    ),
    "a policy that is imported": (
        "def policy(kind):\n    from passlib import CryptContext\n"
        "    return CryptContext(schemes=['bcrypt'], deprecated='auto')"
    ),
    "a context that is imported": (
        "def context(self):\n    from passlib import CryptContext\n"
        "    made = CryptContext(schemes=['bcrypt'], deprecated='auto')\n    return made"
    ),
    "a swap": "def order(a, b):\n    a, b = b, a\n    return a - b",
    "an abstract method": "class A(ABC):\n    @abstractmethod\n    def run(self, x):\n        pass",
    "an abstract property": "class A:\n    @property\n    @abc.abstractmethod\n    def size(self): ...",
    "a protocol": "class P(Protocol):\n    def run(self, x) -> int: ...",
    "a generic protocol": "class P(Protocol[T]):\n    def run(self, x: T) -> int: ...",
    "a protocol that refuses": "class P(Protocol):\n    def run(self, x):\n        raise NotImplementedError",
    "an overload": (
        "@overload\ndef f(x: int) -> int: ...\n@typing.overload\ndef f(x: str) -> str: ...\ndef f(x):\n    return g(x)"
    ),
    "an exception class": "class Lost(Exception):\n    pass",
    "an exception with a hollow method": "class Lost(StoreError):\n    def retry(self, n):\n        pass",
    "a marker class": "class Marker:\n    pass",
    "a base by name": "class BaseStore:\n    def put(self, key):\n        raise NotImplementedError",
    "a base by its word": (
        'class Store:\n    def put(self, key):\n        raise NotImplementedError("subclasses must provide it")'
    ),
    "a base by its heirs": (
        "class Store:\n    def put(self, key):\n        raise NotImplementedError\n"
        "class Disk(Store):\n    def put(self, key):\n        return self.write(key)"
    ),
    "a hook that an heir fills": (
        "class Step:\n    def extra(self, x):\n        pass\nclass Other(Step):\n"
        "    def extra(self, x):\n        return x + 1"
    ),
    "a hook by its name": "class Server:\n    def on_connect(self, peer):\n        pass",
    "a hook by its docstring": 'class Server:\n    def greet(self, peer):\n        """Override this to greet."""',
    "nothing on purpose": "class Server:\n    def seal(self, peer):\n        # nothing to do here\n        pass",
    "a null object": (
        "class NullCache:\n    def put(self, key, value):\n        pass\n    def get(self, key):\n        return None"
    ),
    "a no-op": "def noop(*args):\n    pass",
    "an override of a foreign base": (
        "class H(BaseHTTPRequestHandler):\n    def log_message(self, format, *args):\n        pass"
    ),
    "a visitor": "class V(ast.NodeVisitor):\n    def visit_Name(self, node):\n        pass",
    "life cycle": "class File:\n    def flush(self):\n        pass\n    def close(self):\n        pass",
    "a dunder": "class C:\n    def __init__(self):\n        pass\n    def __exit__(self, *e):\n        return False",
    "a single dispatch": "@functools.singledispatch\ndef render(x):\n    raise NotImplementedError(type(x))",
    "a group": "@click.group()\ndef cli():\n    pass",
    "a callback option": "@app.callback()\ndef main():\n    pass",
    "a hook specification": "@hookspec\ndef pytest_made(x): ...",
    "a refused case": (
        "def area(shape):\n    if shape.round:\n        return shape.r ** 2\n    raise NotImplementedError(shape)"
    ),
    "a case that cannot be": (
        "class Frozen(dict):\n    def pop(self, key):\n        raise NotImplementedError('read-only')"
    ),
    "a platform branch": (
        "if sys.platform == 'win32':\n    def lock(f):\n        pass\nelse:\n    def lock(f):\n        return flock(f)"
    ),
    "NotImplemented": "class N:\n    def add(self, other):\n        return NotImplemented",
    "a refusal of what cannot be": (
        "class Store:\n    def drop(self, key):\n        raise NotImplementedError\n"
        "class Log(Store):\n    def drop(self, key):\n        raise NotImplementedError('a log does not support it')"
    ),
    "a factory of nothing": "def make_noop():\n    def send(message):\n        pass\n    return send",
    "a nested helper": "def run(rows):\n    def load(x):\n        return x.read()\n    return [load(r) for r in rows]",
    "a class method that reads": (
        "class U:\n    @classmethod\n    def load(cls, row):\n        return cls(row['a'], 36)"
    ),
    "a default": "class U:\n    @classmethod\n    def default(cls):\n        return cls(name='x', age=3)",
    "a list of what is given": (
        "def pair(a):\n    rows = []\n    rows.append(a)\n    rows.append({'id': 1})\n    return rows"
    ),
    "an argument put under a name": "def same(x):\n    y = x\n    return y",
    "a dry run": "def preview(x):\n    # dry run: would send the mail\n    logger.info('x')",
    "a loop over what is given": "def stream(rows):\n    for row in rows:\n        yield row",
    "drained": "def drain(rows):\n    for row in rows:\n        pass",
    "numbers up to it": "def count(n):\n    for i in range(n):\n        yield i",
    "a session": "def touch(x):\n    with session.begin():\n        return 1",
    "a lock awaited": "def join(x):\n    with lock:\n        pass",
    "work under a lock": (
        "class R:\n    def put(self, x):\n        with self._lock:\n            self.x = x\n            return 1"
    ),
    "a parsed text": "import json\ndef user(text):\n    return json.loads(text)",
    "a look that is all": (
        "def validate(to):\n    if not isinstance(to, str):\n        raise TypeError(to)\n    return True"
    ),
    "a group with options": "@click.group()\n@click.option('--v')\ndef cli(v):\n    pass",
    "a command that works": "@click.command()\ndef start():\n    go()",
    "a loop that tries": (
        "import time\ndef send(to):\n    for attempt in range(3):\n        if post(to):\n            return True\n"
        "        time.sleep(1)\n    return True"
    ),
    "a verifier that compares": (
        "import hashlib\ndef verify(body, wanted):\n    actual = hashlib.sha256(body).hexdigest()\n"
        "    if actual != wanted:\n        raise ValueError(actual)\n    return True"
    ),
    "a verifier by decoding": "def verify(token):\n    claims = jwt.decode(token, KEY)\n    return True",
    "a property": "class C:\n    @property\n    def kind(self):\n        return 'disk'",
    "a constant method": "class C:\n    def name(self):\n        return 'disk'",
    "a function without arguments": "def version():\n    return '1.2.3'",
    "a choice": "def unit(kind):\n    if kind == 'c':\n        return 'celsius'\n    return 'kelvin'",
    "a match": (
        "def unit(kind):\n    match kind:\n        case 'c':\n            return 'celsius'\n"
        "        case _:\n            return 'kelvin'"
    ),
    "a level": "def level(loud):\n    n = 1\n    if loud:\n        n = 2\n    return n",
    "a maybe": "def level(loud):\n    if loud:\n        return 2",
    "a verifier that may say nothing": "def is_known(name):\n    if name in NAMES:\n        return True",
    "a real verifier": "def verify(token):\n    jwt.decode(token, KEY)\n    return True",
    "a checking verifier": "def validate(age):\n    if age < 0:\n        raise ValueError(age)\n    return True",
    "an asserting verifier": "def check(x):\n    assert x > 0\n    return True",
    "a verifier that can fail": (
        "def is_valid(t):\n    try:\n        parse(t)\n    except ValueError:\n        return False\n    return True"
    ),
    "a verifier with a call in its test": "def check(x):\n    if probe(x):\n        return True\n    return True",
    "a permissive policy": (
        "class AllowAny(BasePermission):\n    def has_permission(self, request, view):\n        return True"
    ),
    "an effect and a status": (
        "class Q:\n    def handle(self, event):\n        self.queue.append(event)\n        return True"
    ),
    "an effect without its argument": (
        "class Q:\n    def reset(self, hard):\n        self.items = []\n        return True"
    ),
    "an exit status": "def main(argv):\n    print('hello')\n    return 0",
    "ignored by name": "def always(_request):\n    return True",
    "a callback": "def key(row):\n    return 1\nrows.sort(key=key)",
    "a nested callback": "def run():\n    def ignore(x):\n        pass\n    go(ignore)",
    "a health check": "@app.get('/health')\ndef health(request):\n    return {'status': 'ok', 'version': '1'}",
    "a dependency": "@app.get('/check')\ndef check(token: str = Depends(verified)):\n    return {'valid': True}",
    "a dialect": (
        "class A:\n    def quote(self, name):\n        return 'a'\nclass B:\n"
        "    def quote(self, name):\n        return name.upper()"
    ),
    "a migration": "revision = '1'\ndown_revision = None\ndef upgrade():\n    create()\ndef downgrade():\n    pass",
    "a TODO in working code": "def total(rows):\n    # TODO: cache this\n    return sum(r.price for r in rows)",
    "a TODO about tests": "def close(self):\n    # TODO: add tests\n    pass",
    "a word in a string": "def label(x):\n    text = '# TODO: implement'\n    return text + x",
    "a log function": "def log_start(name):\n    logger.info('start %s', name)",
    "a printing function": "def show(rows):\n    print(render(rows))",
    "a deletion": "class Bus:\n    def unsubscribe(self, id):\n        del self.handlers[id]",
    "a global": "def configure(x):\n    global MODE\n    MODE = 'fast'",
    "a filled decorator": "@rpc.method\ndef add(a, b): ...",
    "an optional url": "class Job:\n    def url(self):\n        return None",
    "an empty branch with a reason": (
        "def run(x):\n    if x:\n        pass  # handled by the caller\n    else:\n        go()"
    ),
    "a comment block": (
        "def run(x):\n    if x:\n        # the first run is only a\n        # placeholder run.\n        pass\n    go()"
    ),
}


def found(source: str, path: str = "app/service.py") -> list[str]:
    return [finding.message for finding in findings("test_stubs", "code.stub", {path: source})]


@pytest.mark.parametrize("name", STUBS)
def test_stubs_are_found(name: str) -> None:
    assert found(STUBS[name])


@pytest.mark.parametrize("name", REAL)
def test_real_code_is_not(name: str) -> None:
    assert found(REAL[name]) == []


def test_test_code_and_typing_stubs_may_be_hollow() -> None:
    source = "def verify(token):\n    return True"
    assert found(source, "tests/test_auth.py") == []
    assert found(source, "auth.pyi") == []
    assert found(source, "auth.py") == ["verify vouches for everything: it returns True on every path"]


def test_a_base_is_known_across_modules() -> None:
    base = "class Store:\n    def put(self, key):\n        raise NotImplementedError"
    heir = "from app.base import Store\nclass Disk(Store):\n    def put(self, key):\n        return write(key)"
    assert findings("test_stubs", "code.stub", {"app/base.py": base})
    assert findings("test_stubs", "code.stub", {"app/base.py": base, "app/disk.py": heir}) == []


def test_a_base_that_only_tests_inherit_from_is_a_stub_still() -> None:
    base = "class Store:\n    def put(self, key):\n        raise NotImplementedError"
    heir = "from app.base import Store\nclass Fake(Store):\n    def put(self, key):\n        return 1"
    assert findings("test_stubs", "code.stub", {"app/base.py": base, "tests/test_base.py": heir})


def test_a_class_of_the_same_name_elsewhere_is_no_base() -> None:
    other = "class tzinfo:\n    def dst(self, when):\n        raise NotImplementedError"
    mine = "import datetime\nclass Utc(datetime.tzinfo):\n    def dst(self, when):\n        return ZERO"
    assert [f.where.path for f in findings("test_stubs", "code.stub", {"a/tz.py": other, "b/utc.py": mine})] == [
        "a/tz.py"
    ]


def test_facts_say_what_was_seen() -> None:
    source = textwrap.dedent(
        '''
        class Gate(Base[int]):
            @trace
            def allow(self, user, *, action, **rest):
                """Let everybody in for now."""
                if not user:
                    raise ValueError(user)
                print("asked")
                return {"ok": True, "by": "gate"}
        '''
    )
    seen = list(stubs.facts(parse("app/gate.py", source.encode())))
    [gate] = [fact for fact in seen if isinstance(fact, Class)]
    [allow] = [fact for fact in seen if isinstance(fact, Function)]
    assert (gate.qualname, gate.bases, gate.methods, gate.kind) == ("Gate", ("Base",), ("allow",), "concrete")
    assert allow.where.line == 4
    assert (allow.qualname, allow.owner, allow.place, allow.body) == ("Gate.allow", "Gate", "class", "constant")
    assert (allow.value, allow.shown) == ("record", "{'ok': True, 'by': 'gate'}")
    assert allow.parameters == ("user", "action", "**rest")
    assert allow.decorators == ("trace",)
    assert allow.prints
    assert allow.validates


def test_secrets_in_answers_and_remarks_are_redacted() -> None:
    token = "ghp_" + "a1B2" * 9
    source = f"def key(name):\n    # TODO: get {token} from the vault\n    return '{token}'"
    [fact] = stubs.facts(parse("app/keys.py", source.encode()))
    assert isinstance(fact, Function)
    assert token not in fact.shown + fact.remark + fact.where.text


@given(st.lists(st.sampled_from(["pass", "...", "'text'", "logger.info('x')", "print('x')"]), min_size=1, max_size=6))
def test_bodies_without_effect_are_hollow_however_long(lines: list[str]) -> None:
    body = "\n    ".join(lines)
    seen = list(stubs.facts(parse("app/m.py", f"def work(job):\n    {body}".encode())))
    assert len(seen) == 1


@given(st.integers(0, 5), st.sampled_from(["store(job)", "self.x = job", "job.run()", "for x in job: go(x)"]))
def test_one_working_statement_makes_a_body_real(at: int, work: str) -> None:
    lines = ["pass"] * 5
    lines.insert(at, work)
    body = "\n    ".join([*lines, "return 'done'"])
    assert list(stubs.facts(parse("app/m.py", f"def work(self, job):\n    {body}".encode()))) == []


def test_hostile_depth_and_width_are_survived() -> None:
    deep = "def f(x):\n    return " + "(" * 80 + "1" + ",)" * 80
    wide = "def f(x):\n    return [" + "1," * 50_000 + "]"
    chain = "def f(x):\n    return " + "+".join(["1"] * 400)
    hashes = "def f(x):\n    return '" + "#" * 200_000 + "' # TODO"
    for source in (wide, hashes):
        assert found(source)
    for source in (deep, chain):
        assert found(source) == []
