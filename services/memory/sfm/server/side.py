"""The HTTP port beside gRPC: /metrics, /healthz while the process lives, /ready while calls are answered."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus

import prometheus_client
from aiohttp import web


def application(
    metrics: Callable[[], Awaitable[bytes]],
    why_not_ready: Callable[[], str],
    parts: Callable[[], Mapping[str, Mapping[str, str]]],
) -> web.Application:
    """The three pages.

    Args:
        metrics: the exposition format.
        why_not_ready: empty while calls are answered.
        parts: the optional parts that are absent, and those that are away, each with the reason; calls are answered without them.
    """

    async def show_metrics(request: web.Request) -> web.Response:
        return web.Response(body=await metrics(), headers={"Content-Type": prometheus_client.CONTENT_TYPE_LATEST})

    async def show_life(request: web.Request) -> web.Response:
        return web.json_response({"alive": True})

    async def show_readiness(request: web.Request) -> web.Response:
        why = why_not_ready()
        status = HTTPStatus.SERVICE_UNAVAILABLE if why else HTTPStatus.OK
        return web.json_response({"ready": not why, "reason": why, **parts()}, status=status)

    found = web.Application()
    found.router.add_get("/metrics", show_metrics)
    found.router.add_get("/healthz", show_life)
    found.router.add_get("/ready", show_readiness)
    return found
