"""What does the work of a service in its place, or does nothing where it is missing; near misses stay clean."""

from __future__ import annotations

import pytest

from tests.cases import named
from tests.judging import findings

SILENT = named(
    r"""
## search facade
class SearchFacade:
    def __init__(self, primary, local):
        self.primary, self.local = primary, local
    def search(self, q):
        hits = None
        try:
            hits = self.primary.search(q)
        except Exception:
            logger.warning("primary failed")
        if hits is None:
            hits = self.local.search(q)
        return hits
## tuple answer
def fetch(url):
    try:
        return requests.get(url).json(), True
    except requests.RequestException:
        return {}, True
import requests
## first success
def first(urls):
    for url in urls:
        try:
            return requests.get(url, timeout=1).text
        except requests.RequestException:
            continue
    return ""
import requests
## async client closed
class Hub:
    async def publish(self, msg):
        if self._ws is None or self._ws.closed:
            return
        await self._ws.send(msg)
## permission default
def roles(user):
    try:
        return ldap.roles(user)
    except LdapError:
        return ["viewer"]
## yaml config remote
def settings():
    resp = requests.get(CONFIG_URL)
    return yaml.safe_load(resp.text) if resp.ok else yaml.safe_load(DEFAULT_YAML)
import requests, yaml
## none guarded use
class Indexer:
    def index(self, doc):
        if self._es:
            self._es.index(doc)
## executor map
def run_all(jobs):
    results = []
    with ThreadPoolExecutor() as ex:
        for fut in as_completed([ex.submit(j) for j in jobs]):
            if fut.exception():
                logger.warning("x")
            else:
                results.append(fut.result())
    return results
## not loaded
class Scorer:
    def score(self, x):
        if not self.model:
            return 0.5
        return self.model.predict(x)
## env switch absent
class Storage:
    def __init__(self, bucket):
        self.s3 = boto3.client("s3") if bucket else None
    def save(self, k, data):
        if self.s3 is None:
            Path("/tmp", k).write_bytes(data)
            return
        self.s3.put_object(Key=k, Body=data)
import boto3
## recursion
def fetch(url, retries=3):
    if retries == 0:
        return None
    try:
        return requests.get(url).json()
    except requests.RequestException:
        return fetch(url, retries - 1)
import requests
## celery eager
def dispatch(task, *a):
    try:
        return task.delay(*a)
    except kombu.exceptions.OperationalError:
        return task(*a)
import kombu.exceptions
## retry decorator own
def retry(times):
    def wrap(fn):
        def inner(*a, **k):
            for _ in range(times):
                try:
                    return fn(*a, **k)
                except Exception as e:
                    logger.warning("retry: %s", e)
                    time.sleep(1)
        return inner
    return wrap
## setdefault on failure
def enrich(doc):
    try:
        doc["vector"] = embedder.embed(doc["text"])
    except Exception as e:
        logger.warning("no vector for %s: %s", doc["id"], e)
        doc["vector"] = [0.0] * 384
    return doc
## flask g
def user():
    try:
        return auth.verify(request.headers["Authorization"])
    except Exception:
        return User(id="guest", admin=False)
## status tuple assign
def load(url):
    code, body = fetch(url)
    if code >= 500:
        return {}
    return body
## queue fallback sync
def enqueue(job):
    try:
        q.enqueue(job)
    except redis.exceptions.ConnectionError:
        logger.warning("no redis, running inline")
        job.run()
import redis.exceptions
## spool
def flush(batch):
    ok = client.send_batch(batch)
    if not ok:
        spool.extend(batch)
## poll until
def result(job):
    for _ in range(10):
        r = requests.get(job.url)
        if r.ok:
            return r.json()
        time.sleep(1)
    return None
import requests, time
## future or default
def score(x):
    fut = pool.submit(model_server.predict, x)
    try:
        return fut.result(timeout=0.2)
    except (TimeoutError, Exception):
        return PRIOR
## template answer
def explain(x):
    try:
        return llm.complete(PROMPT.format(x=x))
    except Exception:
        return TEMPLATE.format(x=x)
## grpc channel ready
def connect(target):
    channel = grpc.insecure_channel(target)
    try:
        grpc.channel_ready_future(channel).result(timeout=2)
    except grpc.FutureTimeoutError:
        return None
    return Stub(channel)
import grpc
## nested try secondary
def geocode(addr):
    try:
        return google.geocode(addr)
    except Exception:
        try:
            return osm.geocode(addr)
        except Exception:
            return (0.0, 0.0)
## context default
class Session:
    def __enter__(self):
        try:
            self.conn = pool.acquire()
        except PoolTimeoutError:
            self.conn = None
        return self.conn
## stream fallback
def lines(url):
    try:
        yield from stream(url)
    except ConnectionError:
        yield from ()
## ldap
def groups(user):
    try:
        conn.search(BASE, user)
        return conn.entries
    except ldap3.core.exceptions.LDAPException:
        return []
import ldap3.core.exceptions
"""
)
HEARD = named(
    r"""
## used and otherwise raises
class Indexer:
    def index(self, doc):
        if self._es:
            self._es.index(doc)
        else:
            raise RuntimeError("no index")
## a callback that may be left out
class Button:
    def click(self):
        if self.on_click:
            self.on_click()
## closed where there is one
class Hub:
    def close(self):
        if self.client:
            self.client.close()
## another thing is run
def enqueue(job):
    try:
        q.enqueue(job)
    except redis.exceptions.ConnectionError:
        supervisor.restart()
        raise
import redis.exceptions
## polled and raised
def result(job):
    for _ in range(10):
        r = requests.get(job.url)
        if r.ok:
            return r.json()
    raise RuntimeError("no result")
import requests
## recursion that raises
def fetch(url, retries=3):
    if retries == 0:
        raise RuntimeError("gave up")
    try:
        return requests.get(url).json()
    except requests.RequestException:
        return fetch(url, retries - 1)
import requests
## recursion without a count
def walk(node):
    if node is None:
        return []
    return [node, *walk(node.next)]
## an exit code of one's own
def grade(code):
    if code >= 10:
        return []
    return [code]
## a question of a client
class Cache:
    def is_empty(self):
        if self.redis is None:
            return True
        return self.redis.dbsize() == 0
## kept for the caller
_error = None
def load():
    global _error
    try:
        import torch
        return torch
    except Exception as e:
        _error = e
        return None
## a loop that outlives its items
def serve(sock):
    while run_server:
        try:
            handle(sock.recv())
        except Exception:
            logger.exception("message")
## a branch that closes what failed
def send(self, frames):
    try:
        self.socket.send(frames)
    except ConnectionError:
        if frames.key in self.streams:
            self.streams[frames.key].close()
        else:
            logger.warning("gone")
## a pipe that may be missing
import subprocess
def first(proc):
    p = subprocess.Popen(["perf"], stdout=subprocess.PIPE)
    return p.stdout.readline() if p.stdout else b""
"""
)


def found(source: str) -> list[str]:
    return [f.message for f in findings("test_fallbacks", "code.fallback", {"app/service.py": source})]


@pytest.mark.parametrize("name", SILENT)
def test_what_takes_over_or_leaves_work_undone_is_found(name: str) -> None:
    assert found(SILENT[name])


@pytest.mark.parametrize("name", HEARD)
def test_what_is_told_or_chosen_is_left_alone(name: str) -> None:
    assert found(HEARD[name]) == []
