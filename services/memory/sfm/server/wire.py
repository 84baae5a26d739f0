"""Requests, validated field by field and turned into the domain's words; answers.py is the way back."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Any

import numpy as np
from common.config.settings import SMFSettings
from google.protobuf.struct_pb2 import Struct
from numpy.typing import NDArray

from sfm import domain
from sfm.engine import scoring
from sfm.errors import InvalidField
from sfm.memory.v1 import memory_pb2 as pb
from sfm.server import fields

LARGEST_EXPONENT = 16.0
"""Of α and β."""
Embed = Callable[[str], Awaitable[NDArray[np.float32]]]
Carrier = pb.StoreRequest | pb.RecallRequest | pb.ExplainRequest


def clock() -> int:
    """Now, in microseconds since the Unix epoch."""
    return time.time_ns() // 1000


class Reader:
    """Turns requests into the domain's words.

    Args:
        settings: bounds and defaults.
        embed: gives the vector of a text.
        now: microseconds since the Unix epoch, for what a request leaves to the server.

    Every method raises InvalidField, which names the path of the field.
    """

    def __init__(self, settings: SMFSettings, embed: Embed, now: Callable[[], int] = clock) -> None:
        self._settings = settings
        self._embed = embed
        self._now = now

    async def new_memory(self, request: pb.StoreRequest) -> domain.NewMemory:
        """What Store and StoreBatch bring."""
        if len(request.payload) > self._settings.max_payload_bytes:
            largest = self._settings.max_payload_bytes
            raise InvalidField("payload", f"must be at most {largest} bytes, not {len(request.payload)}")
        given = request.HasField("created_at")
        return domain.NewMemory(
            tenant=fields.tenant(request.tenant),
            id=fields.identifier(request.id),
            raw_importance=fields.finite(request.importance, "importance"),
            created=fields.microseconds(request.created_at, "created_at") if given else self._now(),
            created_given=given,
            payload=request.payload,
            metadata=self._metadata(request.metadata, "metadata"),
            features=fields.channels(request.features, self._settings.feature_names, "features"),
            idempotency_key=fields.idempotency_key(request.idempotency_key),
            vector=await self._vector(request, "content"),
        )

    async def query(self, request: pb.RecallRequest) -> domain.Query:
        """What Recall asks for."""
        if not 1 <= request.k <= self._settings.max_k:
            raise InvalidField("k", f"must lie in [1, {self._settings.max_k}], not {request.k}")
        return domain.Query(
            tenant=fields.tenant(request.tenant),
            k=request.k,
            parameters=self.parameters(request.parameters),
            as_of=self.as_of(request),
            as_of_given=request.HasField("as_of"),
            filter=self._metadata(request.filter, "filter"),
            min_score=fields.number(request.min_score, "min_score", 0.0, 1.0),
            with_vectors=request.with_vectors,
            with_payloads=request.with_payloads,
            vector=await self._vector(request, "query"),
        )

    async def explained(
        self, request: pb.ExplainRequest
    ) -> tuple[str, str, NDArray[np.float32], domain.ScoreParameters, int]:
        """What Explain asks for: tenant, id, vector, parameters and as_of."""
        tenant, identifier = fields.tenant(request.tenant), fields.identifier(request.id)
        parameters, as_of = self.parameters(request.parameters), self.as_of(request)
        return tenant, identifier, await self._vector(request, "query"), parameters, as_of

    def parameters(self, given: pb.Parameters) -> domain.ScoreParameters:
        """α, β, τ and weights; the settings stand for what is absent."""
        alpha = given.alpha if given.HasField("alpha") else self._settings.alpha
        beta = given.beta if given.HasField("beta") else self._settings.beta
        tau = given.tau_seconds if given.HasField("tau_seconds") else self._settings.tau_seconds
        if not tau > 0:
            raise InvalidField("parameters.tau_seconds", f"must be above 0, infinity switches decay off; not {tau!r}")
        known = self._settings.feature_names
        return domain.ScoreParameters(
            alpha=fields.number(alpha, "parameters.alpha", 0.0, LARGEST_EXPONENT),
            beta=fields.number(beta, "parameters.beta", scoring.SMALLEST_BETA, LARGEST_EXPONENT),
            tau=tau,
            feature_weights=fields.weights(given.feature_weights, known, "parameters.feature_weights"),
        )

    def as_of(self, request: pb.RecallRequest | pb.ExplainRequest) -> int:
        """The moment from which ages count."""
        return fields.microseconds(request.as_of, "as_of") if request.HasField("as_of") else self._now()

    def _metadata(self, value: Struct, path: str) -> dict[str, Any]:
        return fields.metadata(value, path, self._settings.max_metadata_bytes, self._settings.max_metadata_depth)

    async def _vector(self, request: Carrier, group: str) -> NDArray[np.float32]:
        """The vector that was brought, or that of the text; last, so that nothing is embedded for a bad request."""
        if request.HasField("vector"):
            return fields.direction(request.vector.values, self._settings.dimension, "vector")
        if not request.HasField("text"):
            raise InvalidField(group, "must be a vector or a text")
        size = len(request.text.encode())
        if not request.text.strip() or size > self._settings.max_text_bytes:
            raise InvalidField("text", f"must have 1 to {self._settings.max_text_bytes} bytes that are not all blank")
        return await self._embed(request.text)
