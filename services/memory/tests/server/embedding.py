"""A real embeddings endpoint on a loopback port, in a process of its own, slow on demand.

A text "wait 1.5" is answered after 1.5 seconds; "status 500", "body …" and "vector [1, 2]" give what they say. GET /gone tells
how many requests were left by their caller before the answer.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from aiohttp import web

GONE = web.AppKey("gone", list)
VECTOR = [0.0, 0.0, 3.0, 4.0]


async def _embed(request: web.Request) -> web.Response:
    asked = await request.json()
    word, _, rest = asked["input"][0].partition(" ")
    if word == "wait":
        try:
            await asyncio.sleep(float(rest))
        except asyncio.CancelledError:
            request.app[GONE].append(rest)
            raise
    if word == "status":
        return web.Response(status=int(rest))
    if word == "body":
        return web.Response(text=rest)
    vector = json.loads(rest) if word == "vector" else VECTOR
    return web.json_response({"model": asked["model"], "data": [{"embedding": vector}]})


async def _gone(request: web.Request) -> web.Response:
    return web.json_response(len(request.app[GONE]))


async def _main() -> None:
    application = web.Application()
    application[GONE] = []
    application.router.add_post("/v1/embeddings", _embed)
    application.router.add_get("/gone", _gone)
    runner = web.AppRunner(application, handler_cancellation=True)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()


@contextmanager
def embedding() -> Iterator[str]:
    """The endpoint's root, http://127.0.0.1:port"""
    process = subprocess.Popen([sys.executable, __file__], stdout=subprocess.PIPE, text=True)
    assert process.stdout
    try:
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
    finally:
        process.kill()
        process.wait(10)
        process.stdout.close()


if __name__ == "__main__":
    asyncio.run(_main())
