"""grpc.health.v1 for a server whose readiness comes and goes. A Watch ends when the server drains, and never delays it.

(The library's own servicer keeps watchers for the whole drain, and forgets all of a service when one of them leaves.)
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, TypeAlias

import grpc
from grpc_health.v1 import health_pb2 as pb
from grpc_health.v1.health_pb2_grpc import HealthServicer

from sfm.server.refusals import UnknownService

Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"
Status: TypeAlias = pb.HealthCheckResponse.ServingStatus
WHOLE = ""
"""The name under which a server as a whole is asked for."""


class Health(HealthServicer):  # type: ignore[misc]  # the library has no types
    """One status for the server and the services that it names.

    Args:
        services: full names.
    """

    def __init__(self, *services: str) -> None:
        self._services = {WHOLE, *services}
        self._status: Status = pb.HealthCheckResponse.NOT_SERVING
        self._draining = False
        self._changed = asyncio.Event()

    def set(self, *, serving: bool) -> None:
        """Whether calls are answered from now on; no longer of effect once the server drains."""
        status = pb.HealthCheckResponse.SERVING if serving else pb.HealthCheckResponse.NOT_SERVING
        if status != self._status and not self._draining:
            self._status = status
            self._wake()

    def drain(self) -> None:
        """Not serving from now on; watchers are told, and let go."""
        self.set(serving=False)
        self._draining = True
        self._wake()

    async def Check(self, request: pb.HealthCheckRequest, _: Context) -> pb.HealthCheckResponse:  # noqa: N802
        """The status now.

        Raises:
            UnknownService: this server does not serve it.
        """
        if request.service not in self._services:
            raise UnknownService("service: is not served here")
        return pb.HealthCheckResponse(status=self._status)

    async def Watch(  # noqa: N802
        self, request: pb.HealthCheckRequest, _: Context
    ) -> AsyncIterator[pb.HealthCheckResponse]:
        """The status now, and whenever it changes."""
        known = request.service in self._services
        told: Status | None = None
        while True:
            changed = self._changed
            status = self._status if known else pb.HealthCheckResponse.SERVICE_UNKNOWN
            if status != told:
                told = status
                yield pb.HealthCheckResponse(status=status)
            if self._draining:
                return
            await changed.wait()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()
