"""Defaults after retries, statuses, time limits and programs that failed."""

from __future__ import annotations

import pytest

from tests.cases import named
from tests.judging import findings

SILENT = named(
    r"""
## retry loop falls out
import requests, time
def rates(url):
    for attempt in range(3):
        try:
            return requests.get(url, timeout=2).json()
        except requests.Timeout:
            time.sleep(2 ** attempt)
    return {}
## retry loop implicit
import httpx
def rates(url):
    for _ in range(5):
        try:
            return httpx.get(url).json()
        except httpx.TransportError:
            continue
## while retries
import requests
def rates(url):
    tries = 0
    while tries < 3:
        try:
            return requests.get(url).json()
        except requests.ConnectionError:
            tries += 1
    return DEFAULT_RATES
## retry result var
async def load(pool, q):
    rows = []
    for _ in range(3):
        try:
            rows = await pool.fetch(q)
            break
        except ConnectionError:
            await asyncio.sleep(1)
    return rows
## retry else default
def load(api):
    for _ in range(3):
        try:
            value = api.call()
            break
        except ConnectionError:
            pass
    else:
        value = None
    return value
## status not 200
import requests
def load(url):
    resp = requests.get(url)
    if resp.status_code != 200:
        return []
    return resp.json()["items"]
## status good first
import requests
def load(url):
    resp = requests.get(url)
    if resp.status_code == 200:
        return resp.json()
    return None
## status implicit none
import requests
def load(url):
    resp = requests.get(url)
    if resp.ok:
        return resp.json()
## status var default
import requests
def load(url):
    data = {}
    resp = requests.get(url)
    if resp.ok:
        data = resp.json()
    return data
## status logged
import requests
def load(url):
    resp = requests.get(url)
    if resp.status_code >= 400:
        log.warning("status %s", resp.status_code)
        return []
    return resp.json()
## status async
async def load(session, url):
    async with session.get(url) as resp:
        if resp.status != 200:
            return None
        return await resp.json()
## status match
import requests
def load(url):
    resp = requests.get(url)
    match resp.status_code:
        case 200:
            return resp.json()
        case _:
            return []
## status HTTPStatus
from http import HTTPStatus
import httpx
def load(url):
    resp = httpx.get(url)
    return resp.json() if resp.status_code == HTTPStatus.OK else []
## status local var
import requests
def load(url):
    code = requests.get(url).status_code
    if code != 200:
        return 0.0
    return 1.0
## status range
import requests
def load(url):
    resp = requests.get(url)
    if 200 <= resp.status_code < 300:
        return resp.json()
    return {}
## status not ok continue
import requests
def load(urls):
    out = []
    for url in urls:
        resp = requests.get(url)
        if not resp.ok:
            continue
        out += resp.json()
    return out
## wait_for get
import asyncio
class A:
    async def recall(self, key):
        try:
            return await asyncio.wait_for(self.client.get(key), timeout=0.5)
        except asyncio.TimeoutError:
            return []
## future result
from concurrent.futures import TimeoutError
def recall(pool, key):
    future = pool.submit(ask, key)
    try:
        return future.result(timeout=2)
    except TimeoutError:
        return None
## communicate
import subprocess
def branch():
    p = subprocess.Popen(["git", "branch"], stdout=subprocess.PIPE)
    try:
        out, _ = p.communicate(timeout=3)
    except subprocess.TimeoutExpired:
        return ""
    return out
## move_on_after
import anyio
async def recall(client, key):
    rows = []
    with anyio.move_on_after(2):
        rows = await client.search(key)
    return rows
## asyncio timeout
import asyncio
async def recall(client, key):
    try:
        async with asyncio.timeout(1):
            return await client.search(key)
    except TimeoutError:
        return []
## subprocess returncode
import subprocess
def version():
    out = subprocess.run(["git", "describe"], capture_output=True, text=True)
    if out.returncode != 0:
        return "0.0.0"
    return out.stdout
## subprocess returncode truthy
import subprocess
def files():
    p = subprocess.run(["git", "ls-files"], capture_output=True, text=True)
    if p.returncode:
        return []
    return p.stdout.splitlines()
## subprocess ternary
import subprocess
def files():
    p = subprocess.run(["git", "ls-files"], capture_output=True, text=True)
    return p.stdout.splitlines() if p.returncode == 0 else []
## subprocess or
import subprocess
def branch():
    return subprocess.run(["git", "branch"], capture_output=True, text=True).stdout.strip() or "main"
## getstatusoutput
import subprocess
def host():
    status, out = subprocess.getstatusoutput("kubectl config current-context")
    if status != 0:
        return "minikube"
    return out
## os.system
import os
def gpu():
    if os.system("nvidia-smi") != 0:
        return []
    return probe()
## rc
import subprocess
def rows():
    rc = subprocess.call(["pg_dump", "-f", "x"])
    if rc != 0:
        return []
    return read("x")
## not connected
class A:
    def rows(self):
        if not self._connected:
            return []
        return self.conn.fetch("x")
## client none
class A:
    def search(self, q):
        if self.es is None:
            return self._search_local(q)
        return self.es.search(q)
## client none async
class A:
    async def get(self, k):
        if not self._redis:
            return self._memory.get(k)
        return await self._redis.get(k)
## breaker state
class A:
    def get(self, k):
        if self.breaker.state == "open":
            return []
        return self.client.get(k)
## breaker time
import time
class A:
    def get(self, k):
        if time.monotonic() < self._open_until:
            return None
        return self.client.get(k)
## breaker error
import pybreaker
class A:
    def get(self, k):
        try:
            return self.breaker.call(self.client.get, k)
        except pybreaker.CircuitBreakerError:
            return {}
## breaker failures
class A:
    def get(self, k):
        if self.failures >= self.max_failures:
            return self.cached
        return self.client.get(k)
## connect_ex
import socket
def make(host):
    s = socket.socket()
    if s.connect_ex((host, 6379)) != 0:
        return InMemoryStore()
    return RedisStore(host)
## redis probe
import redis
class A:
    def __init__(self, url):
        try:
            self.client = redis.Redis.from_url(url)
            self.client.ping()
        except redis.RedisError:
            self.client = None
## stale
import requests
class A:
    def rates(self):
        try:
            self._last = requests.get(self.url).json()
        except requests.RequestException as exc:
            logger.warning("stale: %s", exc)
        return self._last
## stale with narrow network
class A:
    def rates(self):
        try:
            fresh = self.http.get("/rates")
        except ConnectionError:
            return self._cached_rates
        self._cached_rates = fresh
        return fresh
## or if not
def items(api):
    rows = api.list_items()
    if not rows:
        rows = SAMPLE_ITEMS
    return rows
## decorator
import functools
def fail_safe(default=None):
    def wrap(fn):
        @functools.wraps(fn)
        def inner(*a, **k):
            try:
                return fn(*a, **k)
            except Exception:
                return default
        return inner
    return wrap
## sqlite
from sqlalchemy import create_engine
from sqlalchemy.exc import OperationalError
def engine(url):
    try:
        e = create_engine(url)
        e.connect()
        return e
    except OperationalError:
        return create_engine("sqlite:///fallback.db")
## sqlite plain
from sqlalchemy import create_engine
def engine(url):
    try:
        e = create_engine(url)
        e.connect()
    except Exception:
        e = create_engine("sqlite://")
    return e
## error callback
def run(pool, job):
    pool.apply_async(job, error_callback=lambda e: None)
## on_error
def run(client, topic):
    client.subscribe(topic, on_error=lambda exc: None)
## kafka callback
def send(producer, value):
    producer.produce("t", value, callback=lambda err, msg: None)
## kafka delivered
def _delivered(err, msg):
    pass
def send(producer, value):
    producer.produce("t", value, on_delivery=_delivered)
"""
)


def found(source: str) -> list[str]:
    return [f.message for f in findings("test_fallbacks", "code.fallback", {"app/service.py": source})]


@pytest.mark.parametrize("name", SILENT)
def test_a_default_after_a_failure_is_found(name: str) -> None:
    assert found(SILENT[name])
