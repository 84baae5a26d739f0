"""What only looks like a lost error or a substitute: a choice of the caller, and what somebody hears of."""

from __future__ import annotations

import pytest

from tests.silences import found

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


@pytest.mark.parametrize("name", HEARD)
def test_choices_of_the_caller_and_what_is_heard_of_are_not(name: str) -> None:
    assert found(HEARD[name]) == []
