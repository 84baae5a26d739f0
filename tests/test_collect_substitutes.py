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
    "circuit's fallback": "@circuit(fallback_function=cached_rates)\ndef rates():\n    return api.rates()",
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
    "value_or": "def rates():\n    return api.fetch().value_or({})",
    "errback": "def go():\n    d = client.get(u)\n    d.addErrback(lambda f: None)\n    return d",
    "done callback": "def go(t):\n    t.add_done_callback(lambda t: t.exception())",
    "future": (
        "def go(fs):\n    for f in fs:\n        if f.exception():\n            continue\n        use(f.result())"
    ),
    "gather looped": (
        "async def f(ts):\n"
        "    rs = await asyncio.gather(*ts, return_exceptions=True)\n"
        "    for r in rs:\n"
        "        if isinstance(r, Exception):\n"
        "            continue\n"
        "        use(r)"
    ),
    "program fails": (
        "import subprocess\n"
        "def tag():\n"
        "    try:\n"
        "        return subprocess.check_output(['git'])\n"
        "    except (subprocess.CalledProcessError, FileNotFoundError):\n"
        "        return b''"
    ),
    "program missing": (
        "import subprocess\n"
        "def tag():\n"
        "    try:\n"
        "        return subprocess.check_output(['git'])\n"
        "    except FileNotFoundError:\n"
        "        return b''"
    ),
    "stand-in for a key": (
        "def make(n):\n    try:\n        return BACKENDS[n]()\n    except KeyError:\n        return InMemoryStore()"
    ),
    "upstream": "def get(k):\n    try:\n        return api.get(k)\n    except UpstreamError:\n        return []",
    "switches": (
        "def go(self):\n    try:\n        self.connect()\n    except ConnectionError:\n        self._switch_to_local()"
    ),
    "rules": (
        "def label(t):\n    try:\n        return api.label(t)\n    except ConnectionError:\n        return rule_based(t)"
    ),
    "address in memory": "import os\nBROKER = os.getenv('BROKER_URL', 'memory://')",
    "silenced": "import funcy\n@funcy.silent\ndef f():\n    return go()",
    "suppressing decorator": "@suppress_errors(default=[])\ndef rates():\n    return api.rates()",
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
    "file after a failure": (
        "def load(k):\n"
        "    try:\n"
        "        return client.get(k)\n"
        "    except ConnectionError:\n"
        "        with open(SNAPSHOT) as f:\n"
        "            return json.load(f)"
    ),
    "made after a failure": (
        "def load(k):\n"
        "    try:\n"
        "        return client.get(k)\n"
        "    except ConnectionError:\n"
        "        store = LocalStore(path)\n"
        "        return store.get(k)"
    ),
}
HEARD = {
    "two remotes": "store = primary if primary.ping() else replica",
    "device": (
        "def count():\n    if not torch.cuda.is_available():\n        return 0\n    return torch.cuda.device_count()"
    ),
    "state of a worker": "status = 'ONLINE' if worker.alive else 'OFFLINE'",
    "number for a member": "size = params.get('dim', PLACEHOLDER_SIZE)",
    "handler of a table": "def call(kind):\n    return HANDLERS.get(kind, default_handler)(kind)",
    "attribute or default": "timeout = getattr(settings, 'timeout', DEFAULT_TIMEOUT)",
    "two parsers": "Loader = getattr(yaml, 'CSafeLoader', yaml.SafeLoader)",
    "closing": (
        "class A:\n"
        "    def shut_down(self):\n"
        "        if self.producer is None:\n"
        "            return\n"
        "        self.producer.flush()"
    ),
    "looked up": (
        "class A:\n"
        "    def drop(self, key):\n"
        "        client = self._clients.pop(key, None)\n"
        "        if client is None:\n"
        "            return\n"
        "        client.send('bye')"
    ),
    "no client raises": (
        "class A:\n"
        "    def get(self, k):\n"
        "        if self.redis is None:\n"
        "            raise NotConnected\n"
        "        return self.redis.get(k)"
    ),
    "no value": (
        "class A:\n    def get(self, k):\n        if k is None:\n            return None\n        return self.redis.get(k)"
    ),
    "message": (
        "def reset(self):\n"
        "    if self.connection:\n"
        "        self.connection.reset()\n"
        "        text = 'reset the connection'\n"
        "    else:\n"
        "        text = 'nothing to reset'\n"
        "    say(text)"
    ),
    "empty reply": "def rates():\n    return api.fetch_rates() or []",
    "reply or a constant": "def rates():\n    return client.get_rates() or DEFAULT_RATES",
    "row of nothing": (
        "def rows(keys):\n"
        "    for key in keys:\n"
        "        row = db.find(key)\n"
        "        if row is None:\n"
        "            cached_rows.append(None)"
    ),
    "exit status raises": "def f():\n    p = run('git')\n    if p.returncode != 0:\n        raise Failed(p.stderr)\n    return p",
    "exit status asked": "def is_repository():\n    p = run('git')\n    return p.returncode == 0",
    "error told": (
        "def get(k):\n    r = client.get(k)\n    if r.error:\n        return {'status': 'failed'}\n    return r.value"
    ),
    "form": "def clean(form):\n    if form.errors:\n        return None\n    return form.save()",
    "future raised": "def go(f):\n    if f.exception():\n        raise f.exception()\n    return f.result()",
    "callback": "def go(t):\n    t.add_done_callback(lambda t: log(t.result()))",
    "option": "def name(x):\n    return maybe(x).value_or('')",
    "given before, counted": "def f(rows):\n    total = 0\n    if rows:\n        total = len(rows)\n    return total",
    "file that is written": (
        "def load(k):\n"
        "    try:\n"
        "        return client.get(k)\n"
        "    except ConnectionError:\n"
        "        with open('errors.log', 'a') as f:\n"
        "            f.write('no')\n"
        "        raise"
    ),
    "a cache of one's own": (
        "def chosen(settings):\n"
        "    if settings.redis_url:\n"
        "        return RedisCache(settings)\n"
        "    return MemoryCache(settings.size)"
    ),
    "asked by exit status": (
        "import subprocess\n"
        "def owner(p):\n"
        "    try:\n"
        "        subprocess.check_call(['rpm', '-qf', p])\n"
        "        manager = 'rpm'\n"
        "    except subprocess.CalledProcessError:\n"
        "        manager = 'apt'\n"
        "    return manager"
    ),
    "opened anew": (
        "import sqlite3\n"
        "def cache(path):\n"
        "    try:\n"
        "        return _open(path)\n"
        "    except sqlite3.DatabaseError:\n"
        "        path.unlink()\n"
        "        return _open(path)"
    ),
    "file missing": (
        "def load(p):\n    try:\n        return p.read_text()\n    except FileNotFoundError:\n        return ''"
    ),
    "metadata missing": "def load(p):\n    if not p.is_file():\n        return OrderedDict({})\n    return read(p)",
    "not ready": "def send(self):\n    if not self.tracker.is_ready():\n        return\n    self.tracker.send()",
    "told to fail": (
        "def show(m):\n"
        "    r = m.connection.show()\n"
        "    if r is None:\n"
        "        return {'failed': True, 'msg': 'no shell'}\n"
        "    return r"
    ),
    "switches the light": (
        "def go(self):\n    try:\n        self.connect()\n    except ConnectionError:\n        self.use_lamp('red')\n"
        "        raise"
    ),
    "an address": "import os\nBROKER = os.getenv('BROKER_URL', 'amqp://broker')",
    "decorated by a fallback page": "@app.fallback_page\ndef page():\n    return render()",
    "a table of keys": (
        "def make(n):\n    try:\n        return BACKENDS[n]()\n    except KeyError:\n        return PostgresStore()"
    ),
    "remote made after a failure": (
        "def load(k):\n"
        "    try:\n"
        "        return client.get(k)\n"
        "    except ConnectionError:\n"
        "        store = Replica(url)\n"
        "        return store.get(k)"
    ),
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


def test_thousands_of_conditions_in_one_function_stay_within_the_time_of_a_unit() -> None:
    one = "        if self.redis is None:\n            return None\n        self.redis.get(k)\n"
    source = "class A:\n    def get(self, k):\n" + one * 1_000
    assert len(found(source)) == 1_000


def test_deep_conditions_and_blocks_are_survived() -> None:
    test = "not " * 500 + "ping()"
    nested = "def f():\n" + "".join("    " * d + "try:\n" + "    " * (d + 1) + "pass\n" for d in range(1, 2))
    assert list(substitutes.facts(parse("a.py", f"x = A() if {test} else LocalStore()".encode())))
    assert list(swallows.facts(parse("a.py", (nested + "    finally:\n        go()\n").encode()))) == []
