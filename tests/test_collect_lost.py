"""Errors of tasks, callbacks and libraries that nobody looks at, and stand-ins for what failed."""

from __future__ import annotations

import pytest

from tests.cases import named
from tests.judging import findings

SILENT = named(
    r"""
## add_errback
def send(producer, value):
    producer.send("t", value).add_errback(lambda e: None)
## errorhandler
from flask import Flask, jsonify
app = Flask(__name__)
@app.errorhandler(Exception)
def any_error(e):
    return jsonify([])
## exception handler
@app.exception_handler(Exception)
async def handle(request, exc):
    return JSONResponse({"items": []})
## gather isinstance dict
async def load(urls):
    results = await asyncio.gather(*map(fetch, urls), return_exceptions=True)
    return [r for r in results if isinstance(r, dict)]
## gather ternary
async def load(urls):
    results = await asyncio.gather(*map(fetch, urls), return_exceptions=True)
    return [[] if isinstance(r, Exception) else r for r in results]
## gather if not
async def load(urls):
    out = []
    for r in await asyncio.gather(*map(fetch, urls), return_exceptions=True):
        if not isinstance(r, BaseException):
            out.append(r)
    return out
## gather tuple
async def load():
    users, orders = await asyncio.gather(get_users(), get_orders(), return_exceptions=True)
    users = users if not isinstance(users, Exception) else []
    return users
## gather replaced
async def load(urls):
    out = []
    results = await asyncio.gather(*map(fetch, urls), return_exceptions=True)
    for r in results:
        if isinstance(r, Exception):
            r = {}
        out.append(r)
    return out
## future exceptions sifted
def load(futures):
    return [f.result() for f in futures if f.exception() is None]
## future exceptions if not
def load(futures):
    out = []
    for f in futures:
        if not f.exception():
            out.append(f.result())
    return out
## dask errors skip
def load(client, futures):
    return client.gather(futures, errors="skip")
## err tuple
def load(api):
    data, err = api.fetch("x")
    if err:
        return []
    return data
## err not none
def load(api):
    data, error = api.query("x")
    if error is not None:
        logger.info("no: %s", error)
        return {}
    return data
## ok tuple
def load(api):
    ok, data = api.fetch("x")
    if not ok:
        return {}
    return data
## limiter
from slowapi import Limiter
limiter = Limiter(key_func=k, storage_uri=url, in_memory_fallback_enabled=True, swallow_errors=True)
## django redis
CACHES = {"default": {"BACKEND": "django_redis.cache.RedisCache", "OPTIONS": {"IGNORE_EXCEPTIONS": True}}}
## django redis setting
DJANGO_REDIS_IGNORE_EXCEPTIONS = True
## stale if error
import requests_cache
session = requests_cache.CachedSession("x", stale_if_error=True)
## rerank
import cohere
class R:
    def rank(self, q, docs):
        try:
            return self.co.rerank(q, docs)
        except cohere.CohereError:
            return sorted(docs, key=len)
## rerank wide
class R:
    def rank(self, q, docs):
        try:
            return self.client.rerank(q, docs)
        except Exception as exc:
            logger.warning("rerank: %s", exc)
            return sorted(docs, key=len)
## count tokens
class T:
    def count(self, text):
        try:
            return self.api.count_tokens(text)
        except Exception:
            return len(text) // 4
## embed zero
class E:
    def embed(self, texts):
        try:
            return self.client.embed(texts)
        except Exception:
            return [[0.0] * self.dim for _ in texts]
## embed random
import numpy as np
class E:
    def embed(self, text):
        try:
            return self.model_client.encode(text)
        except Exception:
            return np.random.rand(self.dim)
## lambda response
def handler(event, context):
    try:
        return {"statusCode": 200, "body": table.get_item(Key=event)}
    except Exception:
        return {"statusCode": 200, "body": "[]"}
## health lies
def health():
    try:
        db.execute("select 1")
    except Exception:
        pass
    return {"status": "ok"}
## grpc empty
class S(pb.Servicer):
    def Search(self, request, context):
        try:
            return pb.Reply(rows=self.db.search(request.q))
        except Exception:
            return pb.Reply()
## backend choice
backend = "redis" if settings.redis_url else "memory"
## backend assigned
def setup(self):
    try:
        self.broker.connect()
    except ConnectionError:
        self.backend = "memory"
## hasattr
def make(client):
    if hasattr(client, "search"):
        return client
    return LocalSearch()
## timeout wrapper
import async_timeout
async def q(c):
    try:
        async with async_timeout.timeout(1):
            return await c.fetch()
    except asyncio.TimeoutError:
        logger.error("slow")
        return None
## nested retry helper
def call(fn, default=None, tries=3):
    for i in range(tries):
        try:
            return fn()
        except Exception as e:
            logger.warning("try %d: %s", i, e)
    return default
## retry last
def call(fn, tries=3):
    last = None
    for i in range(tries):
        try:
            return fn()
        except Exception as e:
            last = e
    logger.error("gave up: %s", last)
    return None
## retry raise caught
import tenacity
@tenacity.retry(stop=tenacity.stop_after_attempt(3))
def _ask(q):
    return client.ask(q)
def ask(q):
    try:
        return _ask(q)
    except tenacity.RetryError:
        return []
## http error 404 and more
import requests
def get(url):
    try:
        r = requests.get(url)
        r.raise_for_status()
        return r.json()
    except requests.HTTPError as e:
        if e.response.status_code == 404:
            return None
        return {}
## model load
class M:
    def __init__(self):
        try:
            self.model = load_model("big")
        except Exception as e:
            print("using rules:", e)
            self.model = RuleModel()
## feature store
def features(user):
    try:
        return store.get_online_features(user)
    except Exception:
        return {name: 0.0 for name in FEATURES}
## geo
def locate(ip):
    try:
        return geo.lookup(ip).country
    except Exception:
        return "US"
## mean
def price(sku):
    try:
        return pricing.quote(sku)
    except grpc.RpcError:
        return statistics.mean(HISTORY[sku])
## secret
def secret(name):
    try:
        return vault.read(name)
    except Exception:
        return os.environ.get(name, "")
## lock
class L:
    def lock(self, name):
        try:
            return self.redis.lock(name)
        except Exception:
            return threading.Lock()
## nullcontext
from contextlib import nullcontext
class L:
    def lock(self, name):
        try:
            return self.redis.lock(name)
        except Exception:
            return nullcontext()
## session suspend
from sqlalchemy.exc import SQLAlchemyError
class S:
    def load(self):
        with Session() as s:
            try:
                return s.query(User).all()
            except SQLAlchemyError:
                s.rollback()
                return []
## trace id
class H(Handler):
    def handle(self, msg):
        try:
            self.db.insert(msg)
        except Exception:
            logger.exception("insert")
        msg.ack()
## else
def load(api):
    try:
        rows = api.rows()
    except ApiError:
        rows = None
    else:
        rows = list(rows)
    return rows
## walrus
def load(api):
    if (rows := _try(api)) is None:
        return SAMPLE
    return rows
def _try(api):
    try:
        return api.rows()
    except Exception:
        return None
## async iterator
async def stream(api):
    try:
        async for x in api.stream():
            yield x
    except Exception:
        yield "[end]"
## stopped generator
async def stream(api):
    try:
        async for x in api.stream():
            yield x
    except Exception:
        return
## context default
@contextmanager
def session():
    try:
        s = connect()
    except ConnectionError:
        yield None
        return
    yield s
"""
)


def found(source: str) -> list[str]:
    return [f.message for f in findings("test_fallbacks", "code.fallback", {"app/service.py": source})]


@pytest.mark.parametrize("name", SILENT)
def test_an_error_that_nobody_looks_at_is_found(name: str) -> None:
    assert found(SILENT[name])
