"""The HTTP port beside gRPC: /metrics, /healthz while the process lives, /ready while calls are answered."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from http import HTTPStatus

import prometheus_client
from aiohttp import web


def application(metrics: Callable[[], Awaitable[bytes]], why_not_ready: Callable[[], str]) -> web.Application:
    """The three pages.

    Args:
        metrics: the exposition format.
        why_not_ready: empty while calls are answered.
    """

    async def show_metrics(request: web.Request) -> web.Response:
        return web.Response(body=await metrics(), headers={"Content-Type": prometheus_client.CONTENT_TYPE_LATEST})

    async def show_life(request: web.Request) -> web.Response:
        return web.json_response({"alive": True})

    async def show_readiness(request: web.Request) -> web.Response:
        why = why_not_ready()
        status = HTTPStatus.SERVICE_UNAVAILABLE if why else HTTPStatus.OK
        return web.json_response({"ready": not why, "reason": why}, status=status)

    found = web.Application()
    found.router.add_get("/metrics", show_metrics)
    found.router.add_get("/healthz", show_life)
    found.router.add_get("/ready", show_readiness)
    return found
