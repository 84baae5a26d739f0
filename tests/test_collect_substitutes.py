"""Errors that are taken away, and substitutes that a condition chooses; test_collect_choices.py has the near misses."""

from __future__ import annotations

import pytest

from strictreal.collect.python import substitutes, swallows
from strictreal.collect.python.module import parse
from tests.silences import SWALLOWED, found

SILENT = {
    **SWALLOWED,
    "or local": ("def store():\n    return client or LocalCache()"),
    "or local of a call": ("def store():\n    return connect() or InMemoryStore()"),
    "ping": ("def store():\n    if not ping():\n        return InMemoryStore()\n    return RedisStore()"),
    "ping method": (
        "def store(self):\n    if self.redis.ping():\n        return RedisStore(self.redis)\n    return InMemoryStore()"
    ),
    "ping else": (
        "def store(c):\n"
        "    if c.is_available():\n"
        "        s = Remote(c)\n"
        "    else:\n"
        "        s = LocalStore()\n"
        "    return s"
    ),
    "ternary": "cache = redis_client if redis_available else dict()",
    "ternary dict": "cache = redis.Redis(url) if REDIS_AVAILABLE else {}",
    "which": (
        "import shutil\n"
        "def runner():\n"
        "    if shutil.which('docker'):\n"
        "        return DockerRunner()\n"
        "    return LocalRunner()"
    ),
    "find_spec": ("import importlib.util\ncache = RedisCache() if importlib.util.find_spec('redis') else DummyCache()"),
    "find_spec name": (
        "from importlib.util import find_spec\n"
        "spec = find_spec('torch')\n"
        "if spec is None:\n"
        "    model = NaiveModel()\n"
        "else:\n"
        "    model = TorchModel()"
    ),
    "getattr": "client = getattr(settings, 'client', None) or DefaultClient()",
    "url": (
        "def make(settings):\n"
        "    if settings.redis_url:\n"
        "        return RedisStore(settings.redis_url)\n"
        "    return InMemoryStore()"
    ),
    "no client": (
        "class A:\n"
        "    def bus(self):\n"
        "        if self._client is None:\n"
        "            return LocalBus()\n"
        "        return self._client"
    ),
    "walrus or": "broker = (found := discover_broker()) or InMemoryBroker()",
    "method": (
        "class A:\n"
        "    def search(self, q):\n"
        "        if not self.is_connected():\n"
        "            return self._local_search(q)\n"
        "        return self.remote.search(q)"
    ),
    "status": (
        "def users():\n    r = requests.get(u)\n    if r.status_code != 200:\n        return []\n    return r.json()"
    ),
    "ok ternary": ("def users():\n    r = requests.get(u)\n    return r.json() if r.ok else {}"),
    "status ==": (
        "def users():\n    r = requests.get(u)\n    if r.status_code == 200:\n        return r.json()\n    return None"
    ),
    "stub for an address": "client = RealClient(settings.url) if settings.url else LocalStub()",
    "cached attribute": (
        "class A:\n"
        "    def load(self, k):\n"
        "        if not self.remote.is_available():\n"
        "            return self._cached_default\n"
        "        return self.remote.load(k)"
    ),
    "cached constant": "def load(k):\n    if not available:\n        return CACHED_RATES\n    return fetch(k)",
    "member or fallback": "def pick(mod):\n    return getattr(mod, 'FastIndex', None) or fallback_index",
    "member with a local default": "import backend\nIndex = getattr(backend, 'FastIndex', LocalIndex)",
    "table with a local default": "def make(name):\n    return BACKENDS.get(name, InMemoryStore)()",
    "soft import": "def make():\n    faiss = try_import('faiss')\n    return faiss or LocalIndex()",
    "soft import none": (
        "faiss = safe_import('faiss')\nif faiss is None:\n    Index = NaiveIndex\nelse:\n    Index = faiss.IndexFlat"
    ),
    "which or": "import shutil\nrun = shutil.which('docker') or run_locally",
    "two constants": "backend = REMOTE if ping() else MEMORY",
    "two variables": "store = remote_store if remote_store.ping() else memory_store",
    "two texts": "MODE = 'remote' if service_available() else 'local'",
    "flag": "cache = RedisCache(url) if HAS_REDIS else MemoryCache()",
    "loaded modules": "import sys\nstore = RedisStore() if 'redis' in sys.modules else LocalStore()",
    "no variable": (
        "import os\n"
        "def make():\n"
        "    if 'REDIS_URL' not in os.environ:\n"
        "        return InMemoryStore()\n"
        "    return RedisStore(os.environ['REDIS_URL'])"
    ),
    "no key": "def make(s):\n    if not s.api_key:\n        return StubLLM()\n    return OpenAI(s.api_key)",
    "and or": "store = redis_url and RedisStore(redis_url) or MemoryStore()",
    "pair": "store = (MemoryStore, RedisStore)[is_up()]()",
    "table of truth": "store = {True: RedisStore, False: MemoryStore}[is_up()]()",
    "given before": (
        "def make(s):\n"
        "    store = InMemoryStore()\n"
        "    if s.redis_url:\n"
        "        store = RedisStore(s.redis_url)\n"
        "    return store"
    ),
    "next": "def pick(servers):\n    return next((s for s in servers if s.ping()), LocalServer())",
    "port": (
        "def make(h):\n    if not is_port_open(h, 6379):\n        return FileStore('/tmp/x')\n    return RedisStore(h)"
    ),
    "database in memory": "engine = create_engine(settings.database_url or 'sqlite:///:memory:')",
    "circuit": (
        "class A:\n"
        "    def get(self, k):\n"
        "        if self.breaker.is_open():\n"
        "            return {}\n"
        "        return self.api.get(k)"
    ),
    "none for a client": (
        "class A:\n"
        "    def get(self, k):\n"
        "        if self.redis is None:\n"
        "            return None\n"
        "        return self.redis.get(k)"
    ),
    "dropped": (
        "class A:\n"
        "    def publish(self, e):\n"
        "        if not self.connected:\n"
        "            logger.warning('dropping')\n"
        "            return\n"
        "        self.conn.send(e)"
    ),
    "zeros for a model": (
        "class A:\n"
        "    def embed(self, t):\n"
        "        if self.model is None:\n"
        "            return [0.0] * 384\n"
        "        return self.model.encode(t)"
    ),
    "kept for a client": (
        "class A:\n"
        "    def set(self, k, v):\n"
        "        if self.redis is not None:\n"
        "            self.redis.set(k, v)\n"
        "        else:\n"
        "            self._local[k] = v"
    ),
    "kept after an answer": (
        "def send(self, e):\n"
        "    r = requests.post(u, json=e)\n"
        "    if not r.ok:\n"
        "        with open('spool', 'a') as f:\n"
        "            f.write(json.dumps(e))"
    ),
    "kept after a call": "def send(self, e):\n    if not self.bus.publish(e):\n        self._spool.append(e)",
    "reply or cached": "def rates():\n    return api.fetch_rates() or CACHED_RATES",
    "remote or hash": "def embed(t):\n    return remote_embed(t) or hash_embed(t)",
    "status constant": (
        "def rates():\n"
        "    r = httpx.get(u)\n"
        "    if r.status_code != 200:\n"
        "        return DEFAULT_RATES\n"
        "    return r.json()"
    ),
    "status attribute": (
        "def rates(self):\n"
        "    r = httpx.get(u)\n"
        "    if r.status_code >= 500:\n"
        "        return self._last_rates\n"
        "    return r.json()"
    ),
    "exit status": (
        "def tag():\n    p = run('git')\n    if p.returncode != 0:\n        return None\n    return p.stdout.decode()"
    ),
    "error of a result": ("def get(k):\n    r = client.get(k)\n    if r.error:\n        return []\n    return r.value"),
    "address in memory": "import os\nBROKER = os.getenv('BROKER_URL', 'memory://')",
    "remote or local": "def get(k):\n    return remote.get(k) or local.get(k)",
    "numbers for a reply": (
        "def embed(t):\n    vec = client.embed(t)\n    if vec is None:\n        vec = [0.0] * 384\n    return vec"
    ),
    "sample for a key": (
        "def answer(q):\n"
        "    if not settings.api_key:\n"
        "        return 'This is a sample of an answer.'\n"
        "    return llm.complete(q)"
    ),
    "circuit and cache": (
        "class A:\n"
        "    def get(self, k):\n"
        "        if self.breaker.is_open():\n"
        "            return self._cache.get(k)\n"
        "        return self.api.get(k)"
    ),
    "local by hasattr": (
        "def call(self, q):\n"
        "    if hasattr(self.client, 'search'):\n"
        "        return self.client.search(q)\n"
        "    return self._local_search(q)"
    ),
}


@pytest.mark.parametrize("name", SILENT)
def test_what_takes_over_or_goes_missing_in_silence_is_found(name: str) -> None:
    assert found(SILENT[name])


def test_messages_say_what_takes_over_and_where() -> None:
    assert found(SILENT["url"]) == ["InMemoryStore() takes over in silence, where there is no settings.redis_url"]
    assert found(SILENT["ping"]) == ["InMemoryStore() takes over in silence, depending on not ping()"]
    assert found(SILENT["finally return"]) == ["return 1 in a finally: every error that passes here is lost"]
    assert found(SILENT["buffer"]) == ["Exception: self._buffer.append(e) keeps here what was meant for the service"]


def test_facts_say_what_is_absent() -> None:
    def absent(source: str) -> list[str]:
        return [fact.absent for fact in substitutes.facts(parse("app/a.py", source.encode()))]

    assert absent(SILENT["or local"]) == ["client"]
    assert absent(SILENT["which"]) == ["program"]
    assert absent(SILENT["status"]) == ["answer"]
    assert absent(SILENT["ping"]) == ["reach"]
    assert absent(SILENT["url"]) == ["address"]


def test_secrets_in_substitutes_are_redacted() -> None:
    token = "ghp_" + "a1B2" * 9
    [fact] = substitutes.facts(parse("app/a.py", f"store = client or LocalStore('{token}')".encode()))
    assert token not in fact.shown + fact.instead + fact.where.text


def test_thousands_of_conditions_in_one_function_stay_within_the_time_of_a_unit() -> None:
    one = "        if self.redis is None:\n            return None\n        self.redis.get(k)\n"
    source = "class A:\n    def get(self, k):\n" + one * 1_000
    assert len(found(source)) == 1_000


def test_deep_conditions_and_blocks_are_survived() -> None:
    test = "not " * 500 + "ping()"
    nested = "def f():\n" + "".join("    " * d + "try:\n" + "    " * (d + 1) + "pass\n" for d in range(1, 2))
    assert list(substitutes.facts(parse("a.py", f"x = A() if {test} else LocalStore()".encode())))
    assert list(swallows.facts(parse("a.py", (nested + "    finally:\n        go()\n").encode()))) == []
