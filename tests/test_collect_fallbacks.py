"""Fallbacks: an error that ends in silence is seen; one that somebody hears of, or that is control flow, is not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strictreal.collect.python import fallbacks
from strictreal.collect.python.module import parse
from strictreal.facts.behaviour import Handler
from tests.judging import findings


def handled(body: str, caught: str = "Exception", work: str = "return client.get(key)", head: str = "") -> str:
    """A function `load` whose `try` does `work` and whose handler is `body`."""
    lines = [f"{head}def load(key):", "    try:", f"        {work}", f"    except {caught}:"]
    return "\n".join([*lines, *(f"        {line}" for line in body.split("\n"))])


SILENT = {
    "pass": handled("pass"),
    "an ellipsis": handled("..."),
    "a bare except": "def load():\n    try:\n        work()\n    except:\n        return None",
    "an empty list": handled("return []"),
    "an empty dictionary": handled("return {}"),
    "None": handled("return None"),
    "a bare return": handled("return"),
    "False": handled("return False"),
    "a number": handled("return 0.5"),
    "a default argument": handled("return default"),
    "a default after a log line": handled("logger.exception('no')\nreturn []"),
    "a log line alone": handled("logger.warning('no: %s', e)", "Exception as e"),
    "a printed error": handled("print(f'no: {e}')\nreturn None", "Exception as e"),
    "a message for the log only": handled("text = f'no {e}'\nlogger.error(text)\nreturn 0", "Exception as e"),
    "a message and a default": handled("text = f'no {e}'\nlogger.error(text)\nrows = []", "Exception as e"),
    "a traceback printed": handled("traceback.print_exc()"),
    "an assigned default": handled("rows = []", work="rows = fetch()"),
    "an assigned flag": handled("self.enabled = False", "ConnectionError", "connect()"),
    "a tuple with Exception": handled("pass", "(ValueError, Exception)"),
    "continue": (
        "def all(urls):\n    for u in urls:\n        try:\n            get(u)\n"
        "        except Exception:\n            continue"
    ),
    "BaseException": handled("return None", "BaseException"),
    "a refused connection": handled("return {}", "ConnectionRefusedError"),
    "a connection error": handled("pass", "ConnectionError"),
    "requests": handled("return None", "requests.RequestException", head="import requests\n"),
    "requests by another name": handled(
        "return None", "RE", head="from requests.exceptions import RequestException as RE\n"
    ),
    "httpx": handled("return []", "httpx.HTTPError", head="import httpx\n"),
    "aiohttp": handled("return None", "aiohttp.ClientError", head="import aiohttp\n"),
    "redis": handled("return default", "redis.exceptions.ConnectionError", head="import redis\n"),
    "gRPC": handled("return None", "grpc.RpcError", head="import grpc\n"),
    "boto": handled("return None", "ClientError", head="from botocore.exceptions import ClientError\n"),
    "SQLAlchemy": handled("return []", "OperationalError", head="from sqlalchemy.exc import OperationalError\n"),
    "psycopg": handled("return []", "psycopg2.OperationalError", head="import psycopg2\n"),
    "Kafka": handled("return False", "NoBrokersAvailable", head="from kafka.errors import NoBrokersAvailable\n"),
    "one's own service error": handled("return {}", "MemoryServiceUnavailable"),
    "an OSError of a socket": handled("return None", "OSError", "sock.connect(address)"),
    "a timeout with a default": handled("return []", "TimeoutError", "return search(key)"),
    "a tuple under a name": "ERRORS = (ConnectionError, OSError)\n" + handled("return None", "ERRORS"),
    "a database in the process": handled("return []", "sqlite3.OperationalError", head="import sqlite3\n"),
    "mock data": handled("rows = get_mock_data()", work="rows = fetch()"),
    "a lambda for a decorator": "try:\n    from lib import traced\nexcept ImportError:\n    traced = lambda f: f",
    "a mock for a module": "try:\n    import redis\nexcept ImportError:\n    redis = MagicMock()",
    "the last retry passed over": (
        "def load():\n    for _ in range(3):\n        try:\n            return get()\n"
        "        except Exception:\n            continue\n"
        "    return None"
    ),
    "a silent loop": (
        "def run():\n    while True:\n        try:\n            step()\n        except Exception:\n"
        "            time.sleep(1)"
    ),
    "a rollback and a default": handled("db.rollback()\nreturn None"),
    "a dictionary for a client": handled(
        "client = {}", "redis.ConnectionError", "client = redis.Redis()", "import redis\n"
    ),
    "a dictionary for a client of the module": (
        "import redis\ntry:\n    client = redis.Redis()\nexcept redis.ConnectionError:\n    client = {}"
    ),
    "a local substitute": handled("client = LocalStore(path)", "ConnectionError", "client = connect()"),
    "a substitute in memory": handled("return InMemoryBroker()", "ConnectionError", "return connect()"),
    "a local cache": handled("return self.cache.get(key)", "ConnectionError"),
    "an empty object": handled("frame = pd.DataFrame()", work="frame = read()"),
    "a record of nothings": handled("return {'rows': [], 'names': names}"),
    "fail-open": (
        "def is_allowed(user):\n    try:\n        return ask(user)\n    except Exception:\n        return True"
    ),
    "suppress": "from contextlib import suppress\ndef f():\n    with suppress(Exception):\n        send()",
    "suppress a service error": "import contextlib\nwith contextlib.suppress(ConnectionError):\n    send()",
    "a missing module": "try:\n    import redis\nexcept ImportError:\n    redis = None",
    "a missing name": "try:\n    from redis import Redis\nexcept ModuleNotFoundError:\n    Redis = None",
    "a flag": "try:\n    import torch\n    HAS_TORCH = True\nexcept ImportError:\n    HAS_TORCH = False",
    "a flag that is passed over": (
        "try:\n    import redis\nexcept ImportError:\n    redis = None\ndef get(k):\n"
        "    if redis is None:\n        return {}"
    ),
    "a stub class": (
        "try:\n    from redis import Redis\nexcept ImportError:\n    class Redis:\n"
        "        def get(self, k):\n            return None"
    ),
    "a stub function": "try:\n    from numba import njit\nexcept ImportError:\n    def njit(f):\n        return f",
    "an imported fake": (
        "try:\n    from redis import Redis\nexcept ImportError:\n    from app.fakes import FakeRedis as Redis"
    ),
    "a module passed over": "try:\n    import uvloop\n    uvloop.install()\nexcept ImportError:\n    pass",
    "a module missing in a function": (
        "def tracer():\n    try:\n        import otel\n    except ImportError:\n        return None"
    ),
    "everything around an import": "try:\n    import redis\nexcept Exception:\n    redis = None",
    "object for a base": "try:\n    from torch.nn import Module\nexcept ImportError:\n    Module = object",
    "a question about data that nobody answers": (
        "def email_exists(directory, email):\n    try:\n        return directory.lookup(email) is not None\n"
        "    except (TimeoutError, Exception):\n        return False"
    ),
    "a function that only chooses among literals": (
        "try:\n    from rapidfuzz.fuzz import ratio\nexcept ImportError:\n    def ratio(a, b):\n"
        "        return 100.0 if a == b else 0.0"
    ),
    "a lambda that keeps what was to be sent": (
        "from kafka.errors import NoBrokersAvailable\n_pending = []\ndef made(client):\n    try:\n"
        "        return client.connect().send\n    except NoBrokersAvailable:\n"
        "        return lambda topic, value: _pending.append((topic, value))"
    ),
    "a file in place of the object store": (
        "from pathlib import Path\nfrom botocore.exceptions import EndpointConnectionError\ndef put(s3, key, data):\n"
        "    try:\n        s3.put_object(Key=key, Body=data)\n        return key\n    except EndpointConnectionError:\n"
        "        target = Path('/tmp') / key\n        target.write_bytes(data)\n        return str(target)"
    ),
    "an estimate in place of the service": (
        "from router import RouterError\ndef km(client, a, b):\n    try:\n        return client.route(a, b).distance\n"
        "    except RouterError:\n        return beeline(a, b) * 1.3"
    ),
    "the question as the answer": (
        "import lingua\nclass Shop:\n    def title(self, text):\n        try:\n            return self._client.say(text)\n"
        "        except lingua.LinguaException:\n            return text"
    ),
    "a search in another place": (
        "import grpc\ndef price(self, sku):\n    try:\n        return self._stub.Price(sku)\n    except grpc.RpcError:\n"
        "        return self._seen[sku].amount()"
    ),
}

HEARD = {
    "raised again": handled("raise"),
    "raised as another": handled("raise LoadError(key) from e", "Exception as e"),
    "raised after a log line": handled("logger.error('no')\nraise"),
    "raised unless known": handled("if e.code != 404:\n    raise\nreturn None", "ApiError as e"),
    "an exit": handled("sys.exit(1)"),
    "a failed test": handled("pytest.fail('no')"),
    "an error that is kept": handled("errors.append(e)", "Exception as e"),
    "an error that is returned": handled("return {'error': str(e)}", "Exception as e"),
    "an error beside a result": handled("return None, e", "Exception as e"),
    "an error in a future": handled("future.set_exception(e)", "Exception as e"),
    "an error in the state": handled("self.error = str(e)", "Exception as e"),
    "a traceback that is kept": handled("result.trace = traceback.format_exc()"),
    "an error kept for later": handled("problem = e", "Exception as e") + "\n    return problem",
    "a status": handled("return Response(status_code=503)"),
    "a status text": handled("return {'status': 'unavailable'}"),
    "a refusal": handled("return {'ok': False}"),
    "a failed state": handled("job.status = 'failed'"),
    "a counted failure": handled("self.failures += 1\nreturn None"),
    "a disconnection": handled("self.connected = False", "ConnectionError", "poll()"),
    "what was not kept": handled("self.state_saved = False", "ConnectionError", "save()"),
    "an aborted call": handled("context.abort(code, 'no')"),
    "a recovery": handled("self.reconnect()\nreturn self.load(key)", "ConnectionError"),
    "a handled error": handled("self.recover()", "ConnectionError"),
    "a key": handled("return None", "KeyError"),
    "a number that is none": handled("return default", "(TypeError, ValueError)", "return int(key)"),
    "a file that is missing": handled("return ''", "FileNotFoundError", "return open(key).read()"),
    "an OSError of a file": handled("return ''", "OSError", "return open(key).read()"),
    "an empty queue": handled("return None", "queue.Empty", "return q.get(timeout=1)"),
    "a timeout of a queue": handled("return None", "asyncio.TimeoutError", "return wait_for(q.get(), 1)"),
    "the end": handled("return None", "StopIteration", "return next(key)"),
    "a cancelled task": handled("pass", "asyncio.CancelledError"),
    "a missing attribute": handled("return None", "AttributeError", "return key.name"),
    "a peer that left": handled("pass", "(BrokenPipeError, ConnectionResetError)", "sock.send(key)"),
    "a missing row": handled("return None", "NoResultFound", head="from sqlalchemy.exc import NoResultFound\n"),
    "a duplicate": handled("return None", "IntegrityError", head="from sqlalchemy.exc import IntegrityError\n"),
    "a lock that is taken": handled("return None", "redis.exceptions.LockError", head="import redis\n"),
    "JSON that is none": handled("return None", "requests.JSONDecodeError", head="import requests\n"),
    "a question": (
        "def is_up(url):\n    try:\n        get(url)\n        return True\n    except ConnectionError:\n"
        "        return False"
    ),
    "a ping": (
        "def ping():\n    try:\n        client.ping()\n        return True\n    except Exception:\n        return False"
    ),
    "an exit status": (
        "def main(argv):\n    try:\n        go()\n    except Exception:\n        print('no')\n"
        "        return 1\n    return 0"
    ),
    "a suppressed database error": "import sqlite3\nwith contextlib.suppress(sqlite3.Error):\n    db.execute(q)",
    "another host": (
        "def connect(hosts):\n    for h in hosts:\n        try:\n            return dial(h)\n"
        "        except ConnectionError:\n"
        "            continue\n    raise Unreachable(hosts)"
    ),
    "a page for the user": handled("return jsonify({'detail': 'x'}), 500"),
    "a message for the user": handled("messages.error(request, 'x')\nreturn None"),
    "a skipped service": handled("pytest.skip('no docker')"),
    "a close": "def f(c):\n    try:\n        c.close()\n    except Exception:\n        pass",
    "an unlink": "def f(p):\n    try:\n        os.unlink(p)\n    except Exception:\n        pass",
    "in close": (
        "class C:\n    def close(self):\n        try:\n            self.send('bye')\n"
        "        except Exception:\n            pass"
    ),
    "in __del__": (
        "class C:\n    def __del__(self):\n        try:\n            self.end()\n"
        "        except Exception:\n            pass"
    ),
    "in a finally": "try:\n    work()\nfinally:\n    try:\n        drop()\n    except Exception:\n        pass",
    "after a yield": "def table():\n    yield make()\n    try:\n        drop()\n    except Exception:\n        pass",
    "a suppressed close": "with contextlib.suppress(Exception):\n    sock.close()",
    "a suppressed key": "with contextlib.suppress(KeyError):\n    del d['x']",
    "a retry that raises": (
        "def load():\n    for _ in range(3):\n        try:\n            return get()\n        except ConnectionError:\n"
        "            time.sleep(1)\n    raise Unavailable"
    ),
    "a retry for ever": (
        "def load():\n    while True:\n        try:\n            return get()\n"
        "        except ConnectionError:\n            time.sleep(1)"
    ),
    "a wait for a port": (
        "def wait():\n    while time.time() < end:\n        try:\n            connect()\n            return True\n"
        "        except OSError:\n            time.sleep(1)\n    return False"
    ),
    "a logged loop": (
        "def run():\n    while True:\n        try:\n            step()\n        except Exception:\n"
        "            logger.exception('step')"
    ),
    "a repr": (
        "class C:\n    def __repr__(self):\n        try:\n            return self.text()\n"
        "        except Exception:\n            return '?'"
    ),
    "a back-port": "try:\n    import tomllib\nexcept ImportError:\n    import tomli as tomllib",
    "a faster twin": "try:\n    import orjson as json\nexcept ImportError:\n    import json",
    "a C twin": (
        "try:\n    from yaml import CSafeLoader as L\nexcept ImportError:\n    from yaml import SafeLoader as L"
    ),
    "two twins": (
        "try:\n    import a\nexcept ImportError:\n    try:\n        import b as a\n"
        "    except ImportError:\n        import c as a"
    ),
    "the same in Python": (
        "try:\n    from fast import dot\nexcept ImportError:\n    def dot(a, b):\n"
        "        return sum(x * y for x, y in zip(a, b))"
    ),
    "a helpful error": (
        "try:\n    import redis\nexcept ImportError as e:\n    raise RuntimeError('install redis') from e"
    ),
    "an exit without it": "try:\n    import redis\nexcept ImportError:\n    sys.exit('install redis')",
    "a function that raises": (
        "try:\n    from redis import connect\nexcept ImportError:\n    def connect(*a):\n"
        "        raise RuntimeError('no redis')"
    ),
    "a class that raises": (
        "try:\n    from redis import Redis\nexcept ImportError:\n    class Redis:\n"
        "        def __init__(self):\n            raise RuntimeError"
    ),
    "loud at use": (
        "try:\n    import redis\nexcept ImportError:\n    redis = None\ndef get(k):\n"
        "    if redis is None:\n        raise RuntimeError\n"
        "    return redis.get(k)"
    ),
    "a flag that is loud": (
        "try:\n    import torch\n    OK = True\nexcept ImportError:\n    OK = False\nclass M:\n"
        "    def __init__(self):\n"
        "        if not OK:\n            raise ImportError('torch')"
    ),
    "an asserted module": "try:\n    import redis\nexcept ImportError:\n    redis = None\nassert redis is not None",
    "a skipped test": (
        "try:\n    import redis\nexcept ImportError:\n    redis = None\n"
        "@pytest.mark.skipif(redis is None, reason='x')\ndef test_a(): ..."
    ),
    "a kept import error": "try:\n    import yaml\nexcept ImportError as e:\n    YAML_ERROR = e",
    "a question about a module": (
        "def has_redis():\n    try:\n        import redis\n        return True\n"
        "    except ImportError:\n        return False"
    ),
    "a platform's module": "try:\n    import fcntl\nexcept ImportError:\n    fcntl = None",
    "a version": "try:\n    from app._version import version\nexcept ImportError:\n    version = '0'",
    "local settings": "try:\n    from app.local_settings import *\nexcept ImportError:\n    pass",
    "a type": "try:\n    from lib import Thing\nexcept ImportError:\n    Thing = Any",
    "a service asked whether it is there": (
        "def is_reachable(host):\n    try:\n        return host.ask()\n    except (TimeoutError, Exception):\n"
        "        return False"
    ),
    "a function that does the work of the missing one": (
        "try:\n    from fast import total\nexcept ImportError:\n    def total(rows):\n        return sum(rows)"
    ),
    "a lambda that asks another server": (
        "from kafka.errors import NoBrokersAvailable\ndef made(one, two):\n    try:\n        return one.connect().send\n"
        "    except NoBrokersAvailable:\n        return lambda value: two.connect().send(value)"
    ),
    "the same call once more": (
        "import redis\ndef get(self, key):\n    try:\n        return self.pool.fetch(key)\n"
        "    except redis.ConnectionError:\n        self.reconnect()\n        return self.pool.fetch(key)"
    ),
    "a page that says so": (
        "import requests\ndef show(request):\n    try:\n        return page(requests.get(URL, timeout=3))\n"
        "    except requests.RequestException:\n        return render(request, 'weather/late.html')"
    ),
    "a parser's error": (
        "import yaml\ndef read(text):\n    try:\n        return yaml.safe_load(text)\n    except yaml.YAMLError:\n"
        "        return repaired(text)"
    ),
}


def found(source: str, path: str = "app/service.py") -> list[str]:
    return [finding.message for finding in findings("test_fallbacks", "code.fallback", {path: source})]


@pytest.mark.parametrize("name", SILENT)
def test_silence_is_found(name: str) -> None:
    assert found(SILENT[name])


@pytest.mark.parametrize("name", HEARD)
def test_what_is_heard_of_is_not(name: str) -> None:
    assert found(HEARD[name]) == []


def test_messages_say_what_is_hidden() -> None:
    assert found(SILENT["an empty list"]) == ["Exception: [] is returned instead"]
    assert found(SILENT["a default after a log line"]) == ["Exception: [] is returned instead, after a log line"]
    assert found(SILENT["a log line alone"]) == ["Exception: the error is swallowed but for a log line"]
    assert found(SILENT["a bare except"]) == ["every exception: None is returned instead"]
    assert found(SILENT["a missing module"]) == ["without redis, None takes its place in silence"]


def test_facts_say_what_was_seen() -> None:
    source = handled("logger.warning('no')\nreturn {}", "redis.ConnectionError", head="import redis\n")
    [handler] = fallbacks.facts(parse("app/store.py", source.encode()))
    assert isinstance(handler, Handler)
    assert (handler.where.line, handler.function) == (5, "load")
    assert (handler.catches, handler.breadth) == (("redis.ConnectionError",), "service")
    assert (handler.ends, handler.value, handler.shown) == ("returns", "trivial", "{}")
    assert handler.logged


def test_secrets_in_defaults_are_redacted() -> None:
    token = "ghp_" + "a1B2" * 9
    [handler] = fallbacks.facts(parse("app/keys.py", handled(f"return '{token}'").encode()))
    assert token not in handler.shown + handler.where.text


@given(st.sampled_from(["pass", "return None", "value = []", "return {}"]), st.integers(0, 3))
def test_a_raise_anywhere_in_the_handler_is_heard(ending: str, depth: int) -> None:
    lines = ["    " * i + "if unknown(x):" for i in range(depth)]
    body = "\n".join([*lines, "    " * depth + "raise", ending])
    assert list(fallbacks.facts(parse("app/m.py", handled(body).encode()))) == []


@given(st.sampled_from(["Exception", "BaseException", "(OSError, Exception)", "Exception as e"]), st.booleans())
def test_a_broad_silence_is_seen_whatever_the_try_does(caught: str, logged: bool) -> None:
    body = "logger.debug('x')\npass" if logged else "pass"
    [handler] = fallbacks.facts(parse("app/m.py", handled(body, caught, "work()").encode()))
    assert (handler.breadth, handler.ends, handler.logged) == ("everything", "passes", logged)


def test_deep_nests_of_handlers_are_survived() -> None:
    source = ""
    for depth in range(18):
        pad = "    " * depth
        source += f"{pad}try:\n{pad}    work()\n{pad}except Exception:\n"
    assert len(found(source + "    " * 18 + "pass")) >= 1


def test_thousands_of_handlers_in_one_function_stay_within_the_time_of_a_unit() -> None:
    one = "    try:\n        go()\n    except Exception as e:\n        text = str(e)\n        rows = []\n"
    assert len(found("def f():\n" + one * 4_000)) == 4_000
