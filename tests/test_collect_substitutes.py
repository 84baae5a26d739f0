"""Errors that are taken away without a handler, and substitutes that a condition chooses; near misses stay clean."""

from __future__ import annotations

import pytest

from strictreal.collect.python import substitutes, swallows
from strictreal.collect.python.module import parse
from tests.judging import findings

SILENT = {
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
    "disk": (
        "import json\n"
        "def publish(e):\n"
        "    try:\n"
        "        bus.publish(e)\n"
        "    except ConnectionError:\n"
        "        with open('spool.jsonl', 'a') as f:\n"
        "            f.write(json.dumps(e))"
    ),
    "buffer": (
        "class P:\n"
        "    def publish(self, e):\n"
        "        try:\n"
        "            self.bus.publish(e)\n"
        "        except Exception:\n"
        "            self._buffer.append(e)"
    ),
    "memory dict": (
        "class P:\n"
        "    def put(self, k, v):\n"
        "        try:\n"
        "            self.redis.set(k, v)\n"
        "        except redis.ConnectionError:\n"
        "            self._local[k] = v"
    ),
    "pickle": (
        "import pickle\n"
        "def save(x):\n"
        "    try:\n"
        "        s3.upload(x)\n"
        "    except ClientError:\n"
        "        pickle.dump(x, open('x', 'wb'))"
    ),
    "path write": (
        "from pathlib import Path\n"
        "import botocore\n"
        "def save(x):\n"
        "    try:\n"
        "        s3.put_object(Body=x)\n"
        "    except botocore.exceptions.ClientError:\n"
        "        Path('/tmp/x').write_bytes(x)"
    ),
    "del e": ("def f():\n    try:\n        go()\n    except Exception as e:\n        del e"),
    "_ = e": ("def f():\n    try:\n        go()\n    except Exception as e:\n        _ = e"),
    "e alone": ("def f():\n    try:\n        go()\n    except Exception as e:\n        e"),
    "_ = e module": ("try:\n    go()\nexcept Exception as e:\n    _ = e"),
    "gather": ("async def f(ts):\n    await asyncio.gather(*ts, return_exceptions=True)"),
    "gather named": (
        "async def f(ts):\n    results = await asyncio.gather(*ts, return_exceptions=True)\n    log.info('done')"
    ),
    "gather sifted": (
        "async def f(ts):\n"
        "    rs = await asyncio.gather(*ts, return_exceptions=True)\n"
        "    return [r for r in rs if not isinstance(r, Exception)]"
    ),
    "finally return": ("def f():\n    try:\n        go()\n    finally:\n        return 1"),
    "finally break": (
        "def f(xs):\n    for x in xs:\n        try:\n            go(x)\n        finally:\n            break"
    ),
    "finally continue": (
        "def f(xs):\n    for x in xs:\n        try:\n            go(x)\n        finally:\n            continue"
    ),
    "suppress": ("import contextlib\ndef f():\n    with contextlib.suppress(Exception):\n        go()"),
    "suppress stack": (
        "import contextlib\ndef f(stack):\n    stack.enter_context(contextlib.suppress(Exception))\n    go()"
    ),
    "exit": (
        "class C:\n    def __enter__(self):\n        return self\n    def __exit__(self, *args):\n        return True"
    ),
    "exit logged": (
        "class C:\n"
        "    def __exit__(self, kind, value, tb):\n"
        "        if value:\n"
        "            logger.error('no %s', value)\n"
        "        return True"
    ),
    "star": ("def f():\n    try:\n        go()\n    except* Exception:\n        pass"),
    "retry default": (
        "def load():\n"
        "    for _ in range(3):\n"
        "        try:\n"
        "            return get()\n"
        "        except ConnectionError:\n"
        "            time.sleep(1)\n"
        "    return []"
    ),
    "retry default name": (
        "def load():\n"
        "    rows = []\n"
        "    for _ in range(3):\n"
        "        try:\n"
        "            rows = get()\n"
        "            break\n"
        "        except ConnectionError:\n"
        "            time.sleep(1)\n"
        "    return rows"
    ),
    "tenacity": (
        "from tenacity import retry\n@retry(retry_error_callback=lambda s: None)\ndef load():\n    return get()"
    ),
    "backoff": (
        "import backoff\n"
        "@backoff.on_exception(backoff.expo, Exception, max_tries=3, raise_on_giveup=False)\n"
        "def load():\n"
        "    return get()"
    ),
    "inner": (
        "def f():\n"
        "    try:\n"
        "        try:\n"
        "            go()\n"
        "        except Exception:\n"
        "            pass\n"
        "    except ValueError:\n"
        "        raise"
    ),
    "cache then raise": (
        "def get(k):\n"
        "    try:\n"
        "        return remote.get(k)\n"
        "    except ConnectionError:\n"
        "        try:\n"
        "            return self.cache.get(k)\n"
        "        except KeyError:\n"
        "            raise"
    ),
    "results default": (
        "def all(us):\n"
        "    rows = []\n"
        "    for u in us:\n"
        "        try:\n"
        "            rows.append(get(u))\n"
        "        except Exception:\n"
        "            rows.append(None)\n"
        "    return rows"
    ),
    "mail": (
        "from django.core.mail import send_mail\ndef f():\n    send_mail('a', 'b', 'c', ['d'], fail_silently=True)"
    ),
    "excepthook": ("import sys\nsys.excepthook = lambda *a: None"),
    "loop handler": "loop.set_exception_handler(lambda loop, context: None)",
}
HEARD = {
    "injected": ("class A:\n    def __init__(self, store=None):\n        self.store = store or InMemoryStore()"),
    "injected real": (
        "class A:\n    def __init__(self, session=None):\n        self.session = session or requests.Session()"
    ),
    "or real": ("def f():\n    return client or RedisClient(url)"),
    "config": (
        "def make(settings):\n"
        "    if settings.backend == 'memory':\n"
        "        return InMemoryStore()\n"
        "    return RedisStore()"
    ),
    "debug": ("def make(settings):\n    return LocalStore() if settings.debug else RedisStore()"),
    "raises": ("def make():\n    if not ping():\n        raise Unreachable\n    return RedisStore()"),
    "two tools": ("import shutil\ndef tool():\n    return 'podman' if shutil.which('podman') else 'docker'"),
    "which raises": (
        "import shutil\n"
        "def tool():\n"
        "    p = shutil.which('docker')\n"
        "    if p is None:\n"
        "        raise RuntimeError('install docker')\n"
        "    return p"
    ),
    "options": ("def f(options):\n    return options or {}"),
    "lazy": (
        "class A:\n"
        "    def client(self):\n"
        "        if self._client is None:\n"
        "            self._client = Client(self.url)\n"
        "        return self._client"
    ),
    "404": (
        "def user(i):\n"
        "    r = requests.get(u)\n"
        "    if r.status_code == 404:\n"
        "        return None\n"
        "    r.raise_for_status()\n"
        "    return r.json()"
    ),
    "status raises": (
        "def user(i):\n"
        "    r = requests.get(u)\n"
        "    if r.status_code != 200:\n"
        "        raise ApiError(r)\n"
        "    return r.json()"
    ),
    "is up": (
        "def is_up():\n    r = requests.get(u)\n    if r.status_code != 200:\n        return False\n    return True"
    ),
    "errors kept": ("def f():\n    try:\n        go()\n    except Exception as e:\n        errors.append(e)"),
    "gather cancel": (
        "async def f(ts):\n    for t in ts:\n        t.cancel()\n    await asyncio.gather(*ts, return_exceptions=True)"
    ),
    "gather read": (
        "async def f(ts):\n"
        "    rs = await asyncio.gather(*ts, return_exceptions=True)\n"
        "    for r in rs:\n"
        "        if isinstance(r, Exception):\n"
        "            raise r"
    ),
    "gather returned": ("async def f(ts):\n    return await asyncio.gather(*ts, return_exceptions=True)"),
    "finally loop": (
        "def f(xs):\n"
        "    try:\n"
        "        go()\n"
        "    finally:\n"
        "        for x in xs:\n"
        "            if x:\n"
        "                break"
    ),
    "finally nested": (
        "def f(xs):\n    try:\n        go()\n    finally:\n        def g():\n            return 1\n        g()"
    ),
    "exit false": ("class C:\n    def __exit__(self, *a):\n        return False"),
    "exit kind": (
        "class C:\n"
        "    def __exit__(self, kind, value, tb):\n"
        "        if kind is not None and issubclass(kind, KeyError):\n"
        "            return True\n"
        "        return False"
    ),
    "exit kept": (
        "class C:\n    def __exit__(self, kind, value, tb):\n        self.error = value\n        return True"
    ),
    "rmtree": ("import shutil\nshutil.rmtree(p, ignore_errors=True)"),
    "retry": (
        "def load():\n"
        "    for _ in range(3):\n"
        "        try:\n"
        "            return get()\n"
        "        except ConnectionError:\n"
        "            time.sleep(1)\n"
        "    raise Unavailable"
    ),
    "retry name": (
        "def load():\n"
        "    last = None\n"
        "    for _ in range(3):\n"
        "        try:\n"
        "            return get()\n"
        "        except ConnectionError as e:\n"
        "            last = e\n"
        "    raise last"
    ),
    "missing cache": ("def get(k):\n    v = redis.get(k)\n    return v or compute(k)"),
    "file write ok": (
        "def f(p):\n    try:\n        p.read_text()\n    except FileNotFoundError:\n        p.write_text('')"
    ),
    "offline store": (
        "def f(self):\n    if self.offline_store is None:\n        return None\n    return self.offline_store.get()"
    ),
    "raise after buffer": (
        "class P:\n"
        "    def publish(self, e):\n"
        "        try:\n"
        "            self.bus.publish(e)\n"
        "        except Exception:\n"
        "            self._buffer.append(e)\n"
        "            raise"
    ),
    "dead letters": (
        "class P:\n"
        "    def publish(self, e):\n"
        "        try:\n"
        "            self.bus.publish(e)\n"
        "        except Exception as error:\n"
        "            self.dead.append((e, error))"
    ),
    "stderr": (
        "import sys\n"
        "def f():\n"
        "    try:\n"
        "        go()\n"
        "    except Exception as e:\n"
        "        sys.stderr.write(str(e))\n"
        "        raise SystemExit(1)"
    ),
    "empty ok": ("def f(resp):\n    if resp.status_code == 204:\n        return None\n    return resp.json()"),
    "available list": ("def f(available):\n    return list() if not available else sorted(available)"),
}


def found(source: str) -> list[str]:
    return [finding.message for finding in findings("test_fallbacks", "code.fallback", {"app/service.py": source})]


@pytest.mark.parametrize("name", SILENT)
def test_what_takes_over_or_goes_missing_in_silence_is_found(name: str) -> None:
    assert found(SILENT[name])


@pytest.mark.parametrize("name", HEARD)
def test_choices_of_the_caller_and_what_is_heard_of_are_not(name: str) -> None:
    assert found(HEARD[name]) == []


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


def test_deep_conditions_and_blocks_are_survived() -> None:
    test = "not " * 500 + "ping()"
    nested = "def f():\n" + "".join("    " * d + "try:\n" + "    " * (d + 1) + "pass\n" for d in range(1, 2))
    assert list(substitutes.facts(parse("a.py", f"x = A() if {test} else LocalStore()".encode())))
    assert list(swallows.facts(parse("a.py", (nested + "    finally:\n        go()\n").encode()))) == []
