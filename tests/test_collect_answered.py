"""What only looks like a silent default: an answer, a failure that is told, a choice of the caller."""

from __future__ import annotations

import pytest

from tests.cases import named
from tests.judging import findings

HEARD = named(
    r"""
## 404 alone
import requests
def f(url):
    r = requests.get(url)
    if r.status_code == 404:
        return None
    r.raise_for_status()
    return r.json()
## status raises
import requests
def f(url):
    r = requests.get(url)
    if r.status_code != 200:
        raise RuntimeError(r.text)
    return r.json()
## status error value
import requests
def f(url):
    r = requests.get(url)
    if not r.ok:
        return {"error": r.text}
    return r.json()
## status ok raise
import requests
def f(url):
    r = requests.get(url)
    if r.ok:
        return r.json()
    raise RuntimeError(r.status_code)
## status healthy
import requests
def is_up(url):
    r = requests.get(url)
    return r.status_code == 200
## status retry other mirror
import requests
def f(urls):
    for url in urls:
        r = requests.get(url)
        if not r.ok:
            continue
        return r.json()
    raise RuntimeError("no mirror")
## job status
def f(job):
    if job.status == "done":
        return job.result
    return None
## own ok
class A:
    def f(self):
        if self.ok:
            return self.value
## returncode raises
import subprocess
def f():
    p = subprocess.run(["git"], capture_output=True)
    if p.returncode != 0:
        raise RuntimeError(p.stderr)
    return p.stdout
## returncode exit
import subprocess, sys
def f():
    p = subprocess.run(["git"])
    if p.returncode != 0:
        sys.exit(p.returncode)
## check true
import subprocess
def f():
    return subprocess.run(["git"], capture_output=True, check=True, text=True).stdout.strip() or "main"
## grep question
import subprocess
def has_branch():
    return subprocess.call(["git", "rev-parse", "x"]) == 0
## queue timeout
import queue
def f(inbox):
    try:
        return inbox.get(timeout=1)
    except queue.Empty:
        return None
## async queue timeout
import asyncio
async def f(self):
    try:
        return await asyncio.wait_for(self.queue.get(), 1)
    except asyncio.TimeoutError:
        return None
## event wait
import asyncio
async def f(event):
    try:
        await asyncio.wait_for(event.wait(), 1)
    except asyncio.TimeoutError:
        return None
## move_on_after asked
import anyio
async def f(c):
    with anyio.move_on_after(2) as scope:
        rows = await c.search()
    if scope.cancelled_caught:
        raise TimeoutError
    return rows
## move_on_after close
import anyio
async def aclose(c):
    with anyio.move_on_after(2, shield=True):
        await c.close()
## on_error handled
def f(client):
    client.subscribe("x", on_error=lambda exc: alert(exc))
## kafka callback handles
def done(err, msg):
    if err is not None:
        raise RuntimeError(err)
def f(p):
    p.produce("t", callback=done)
## plain callback
def f(button):
    button.bind(callback=lambda event, data: None)
## errorhandler 500
@app.errorhandler(Exception)
def any_error(e):
    return jsonify([]), 500
## errorhandler text
@app.errorhandler(Exception)
def any_error(e):
    return jsonify({"error": str(e)})
## errorhandler 404
@app.errorhandler(404)
def missing(e):
    return jsonify([])
## gather handled
async def f(urls):
    results = await asyncio.gather(*map(g, urls), return_exceptions=True)
    for r in results:
        if isinstance(r, Exception):
            raise r
    return results
## gather else
async def f(urls):
    results = await asyncio.gather(*map(g, urls), return_exceptions=True)
    for r in results:
        if not isinstance(r, Exception):
            good.append(r)
        else:
            bad.append(r)
## gather counted
async def f(urls):
    results = await asyncio.gather(*map(g, urls), return_exceptions=True)
    out = [r for r in results if not isinstance(r, Exception)]
    errors = [r for r in results if isinstance(r, Exception)]
    return out, errors
## future handled
def f(futures):
    for x in futures:
        if x.exception() is None:
            out.append(x.result())
        else:
            failed.append(x)
## err tuple raises
def f(api):
    data, err = api.fetch("x")
    if err:
        raise RuntimeError(err)
    return data
## err returned
def f(api):
    data, err = api.fetch("x")
    if err:
        return None, err
    return data, None
## parse tuple
def f(text):
    value, err = parse(text)
    if err:
        return None
    return value
## client raises
class A:
    def f(self):
        if self.client is None:
            raise RuntimeError("not connected")
        return self.client.get("x")
## client optional param
def f(cache=None):
    if cache is None:
        return {}
    return cache.get("x")
## breaker raises
class A:
    def f(self):
        if self.breaker.state == "open":
            raise CircuitOpenError
        return self.client.get("x")
## door state
class A:
    def f(self):
        if self.door.state == "open":
            return []
        return self.client.get("x")
## retry raises
def f():
    for i in range(3):
        try:
            return go()
        except ConnectionError:
            wait(i)
    raise RuntimeError("no")
## retry else raise
def f():
    for i in range(3):
        try:
            value = go()
            break
        except ConnectionError:
            pass
    else:
        raise RuntimeError("no")
    return value
## metric
def f():
    try:
        return client.get("x")
    except Exception:
        FAILED.inc()
        return []
## cleanup
def close(self):
    try:
        self.conn.close()
    except Exception:
        pass
## getattr default
def f(o):
    return getattr(o, "name", lambda: "x")
## setting names backend
def f(s):
    return RedisStore() if s.backend == "redis" else MemoryStore()
## empty answer
def f(api):
    rows = api.list()
    if not rows:
        return []
    return [r.name for r in rows]
## or empty
def f(api):
    return api.list() or []
## dict option off
OPTIONS = {"IGNORE_EXCEPTIONS": False}
## limiter off
limiter = Limiter(swallow_errors=False)
## platform branch
import sys
def f():
    if sys.platform == "win32":
        return None
    return os.getuid()
## while counter
def f():
    tries = 0
    while tries < 3:
        try:
            return go()
        except ConnectionError:
            tries += 1
    raise RuntimeError("gave up")
## flag of retries
def wait_ready():
    for _ in range(30):
        r = requests.get(URL)
        if r.status_code != 200:
            time.sleep(1)
            continue
        return True
    return False
"""
)


def found(source: str) -> list[str]:
    return [f.message for f in findings("test_fallbacks", "code.fallback", {"app/service.py": source})]


@pytest.mark.parametrize("name", HEARD)
def test_what_is_told_or_answered_is_left_alone(name: str) -> None:
    assert found(HEARD[name]) == []
