"""The client's side of the wire: requests from plain values, replies as the domain's words, and statuses as errors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import grpc
import numpy as np
from google.protobuf.struct_pb2 import Struct, Value
from google.protobuf.timestamp_pb2 import Timestamp
from numpy.typing import NDArray

from sfm import domain, errors
from sfm.memory.v1 import memory_pb2 as pb
from sfm.server import answers
from sfm.server.fields import MICROSECONDS

Content = NDArray[Any] | Sequence[float] | str
"""A vector, or a text that the server embeds."""


class CallFailed(errors.MemoryServiceError):
    """The call ended with a status that has no error of its own: not permitted, too often, too late, a defect.

    Args:
        code: the status.
        message: what the server said.
    """

    def __init__(self, code: grpc.StatusCode, message: str) -> None:
        super().__init__(f"{code.name}: {message}")
        self.code = code


@dataclass(frozen=True, slots=True)
class Refusal:
    """One memory of a batch that was not stored: its place from 0, its id, and why."""

    index: int
    id: str
    error: errors.MemoryServiceError


@dataclass(frozen=True, slots=True)
class BatchStored:
    """How many memories of a batch were stored, and which were not."""

    stored: int
    refusals: tuple[Refusal, ...]


@dataclass(frozen=True, slots=True)
class Recollection:
    """The answer to a recall, best first, the moment that it speaks of, and whether it came from the cache."""

    hits: tuple[domain.Recalled, ...]
    as_of: int
    cached: bool


_ERRORS: Mapping[grpc.StatusCode, type[errors.MemoryServiceError]] = {
    grpc.StatusCode.NOT_FOUND: errors.MemoryNotFound,
    grpc.StatusCode.ALREADY_EXISTS: errors.IdempotencyConflict,
    grpc.StatusCode.UNAVAILABLE: errors.NotReady,
    grpc.StatusCode.FAILED_PRECONDITION: errors.Unconfigured,
    grpc.StatusCode.DATA_LOSS: errors.Damaged,
}
_CODES = {code.value[0]: code for code in grpc.StatusCode}


def error(code: grpc.StatusCode, message: str) -> errors.MemoryServiceError:
    """What a status stands for."""
    if code is grpc.StatusCode.INVALID_ARGUMENT:
        field, _, problem = message.partition(": ")
        return errors.InvalidField(field, problem)
    if code in _ERRORS:
        return _ERRORS[code](message)
    return CallFailed(code, message)


def content(value: Content) -> dict[str, Any]:
    """The fields of a request that carry a vector or a text."""
    if isinstance(value, str):
        return {"text": value}
    return {"vector": pb.Vector(values=np.asarray(value, np.float32).tolist())}


def timestamp(microseconds: int | None) -> Timestamp | None:
    """A moment on the wire, if there is one."""
    return None if microseconds is None else answers.timestamp(microseconds)


def parameters(
    alpha: float | None, beta: float | None, tau_seconds: float | None, weights: Mapping[str, float]
) -> pb.Parameters:
    """What a score depends on; the server's settings stand for what is None."""
    return pb.Parameters(alpha=alpha, beta=beta, tau_seconds=tau_seconds, feature_weights=weights)


def stored(reply: pb.StoreResponse) -> domain.Stored:
    """The answer of Store."""
    return domain.Stored(id=reply.id, replaced=reply.replaced, sequence=reply.sequence, importance=reply.importance)


def batch_stored(reply: pb.StoreBatchResponse) -> BatchStored:
    """The answer of StoreBatch."""
    refusals = (Refusal(one.index, one.id, error(_CODES[one.code], one.message)) for one in reply.refusals)
    return BatchStored(reply.stored, tuple(refusals))


def memory(reply: pb.Memory) -> domain.Memory:
    """One memory; its vector has shape (0,) where it was not asked for."""
    return domain.Memory(
        id=reply.id,
        vector=np.fromiter(reply.vector.values, np.float32, len(reply.vector.values)),
        raw_importance=reply.raw_importance,
        importance=reply.importance,
        created=_microseconds(reply.created_at),
        accessed=_microseconds(reply.accessed_at),
        access_count=reply.access_count,
        payload=reply.payload,
        metadata=_object(reply.metadata),
        features=dict(reply.features),
        sequence=reply.sequence,
    )


def recollection(reply: pb.RecallResponse) -> Recollection:
    """The answer of Recall."""
    hits = tuple(domain.Recalled(memory(hit.memory), hit.score) for hit in reply.hits)
    return Recollection(hits, _microseconds(reply.as_of), reply.cached)


def explanation(reply: pb.ExplainResponse) -> domain.Explanation:
    """The answer of Explain."""
    used = reply.parameters
    return domain.Explanation(
        score=reply.score,
        dot=reply.dot,
        similarity=reply.similarity,
        similarity_factor=reply.similarity_factor,
        raw_importance=reply.raw_importance,
        importance=reply.importance,
        importance_factor=reply.importance_factor,
        age_seconds=reply.age_seconds,
        decay_factor=reply.decay_factor,
        features=tuple(
            domain.FeatureFactor(name=one.name, value=one.value, weight=one.weight, factor=one.factor)
            for one in reply.features
        ),
        log_score=reply.log_score,
        log_epsilon=reply.log_epsilon,
        parameters=domain.ScoreParameters(
            alpha=used.alpha, beta=used.beta, tau=used.tau_seconds, feature_weights=dict(used.feature_weights)
        ),
        as_of=_microseconds(reply.as_of),
    )


def _microseconds(value: Timestamp) -> int:
    return value.seconds * MICROSECONDS + value.nanos // 1000


def _object(value: Struct) -> dict[str, Any]:
    return {key: _json(one) for key, one in value.fields.items()}


def _json(value: Value) -> Any:
    match value.WhichOneof("kind"):
        case "struct_value":
            return _object(value.struct_value)
        case "list_value":
            return [_json(one) for one in value.list_value.values]
        case "null_value" | None:
            return None
        case kind:
            return getattr(value, kind)
