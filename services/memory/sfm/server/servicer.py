"""The methods of the service: each reads its request, asks the memory system, and writes the answer."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator
from typing import Any, TypeAlias

import grpc
from common.config.settings import SMFSettings

from sfm.memory.v1 import memory_pb2 as pb
from sfm.memory.v1.memory_pb2_grpc import MemoryServiceServicer
from sfm.server import answers, fields, wire
from sfm.server.batch import Batch
from sfm.server.interceptor import CALL
from sfm.system import MemorySystem

Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"


class Servicer(MemoryServiceServicer):
    """Between the wire and the memory system; errors pass through to the interceptor."""

    def __init__(self, settings: SMFSettings, system: MemorySystem, reader: wire.Reader) -> None:
        self._settings = settings
        self._system = system
        self._read = reader

    async def Store(self, request: pb.StoreRequest, _: Context) -> pb.StoreResponse:  # noqa: N802
        return answers.stored(await self._system.store(await self._read.new_memory(request)))

    async def StoreBatch(  # noqa: N802
        self, requests: AsyncIterator[pb.StoreRequest], _: Context
    ) -> pb.StoreBatchResponse:
        call = CALL.get()

        async def store(request: pb.StoreRequest) -> None:
            await call.admit(request, request.ByteSize(), patient=True)
            await self._system.store(await self._read.new_memory(request))

        return await Batch(store, self._settings.stream_in_flight, self._settings.stream_refusals).take(requests)

    async def Get(self, request: pb.GetRequest, _: Context) -> pb.GetResponse:  # noqa: N802
        found = await self._system.get(fields.tenant(request.tenant), fields.identifier(request.id))
        return pb.GetResponse(memory=answers.memory(found))

    async def Delete(self, request: pb.DeleteRequest, _: Context) -> pb.DeleteResponse:  # noqa: N802
        deleted = await self._system.delete(fields.tenant(request.tenant), fields.identifier(request.id))
        return pb.DeleteResponse(deleted=deleted)

    async def Recall(self, request: pb.RecallRequest, _: Context) -> pb.RecallResponse:  # noqa: N802
        query = await self._read.query(request)
        hits, cached = await self._system.recall(query)
        return answers.recalled(hits, query, cached=cached)

    async def Explain(self, request: pb.ExplainRequest, _: Context) -> pb.ExplainResponse:  # noqa: N802
        return answers.explanation(await self._system.explain(*await self._read.explained(request)))

    async def Stats(self, request: pb.StatsRequest, _: Context) -> pb.StatsResponse:  # noqa: N802
        tenant, retention = fields.tenant(request.tenant), fields.retention(request.retention, self._settings.max_k)
        retained = await self._system.retained(tenant, retention) if retention else ()
        return answers.stats(dataclasses.replace(await self._system.stats(tenant), retention=retained))

    async def GateReport(  # noqa: N802
        self,
        _request: pb.GateReportRequest,
        _: Context,
    ) -> pb.GateReportResponse:
        return pb.GateReportResponse(gates=[answers.gate(one) for one in self._system.gates()])
