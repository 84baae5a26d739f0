"""Sources in which an error goes missing in silence, by name, and what the check of fallbacks finds in one."""

from __future__ import annotations

from tests.judging import findings

SWALLOWED = {
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
    "circuit's fallback": "@circuit(fallback_function=cached_rates)\ndef rates():\n    return api.rates()",
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
    "silenced": "import funcy\n@funcy.silent\ndef f():\n    return go()",
    "suppressing decorator": "@suppress_errors(default=[])\ndef rates():\n    return api.rates()",
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


def found(source: str) -> list[str]:
    return [finding.message for finding in findings("test_fallbacks", "code.fallback", {"app/service.py": source})]
