"""The domain's words as messages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from google.protobuf.struct_pb2 import ListValue, Struct, Value
from google.protobuf.timestamp_pb2 import Timestamp

from sfm import domain
from sfm.memory.v1 import memory_pb2 as pb
from sfm.server import fields


def timestamp(microseconds: int) -> Timestamp:
    """A moment on the wire."""
    seconds, rest = divmod(microseconds, fields.MICROSECONDS)
    return Timestamp(seconds=seconds, nanos=rest * 1000)


def struct(value: Mapping[str, Any]) -> Struct:
    """JSON on the wire."""
    return Struct(fields={key: _value(one) for key, one in value.items()})


def _value(value: Any) -> Value:
    if value is None:
        return Value(null_value=0)  # type: ignore[arg-type]  # NULL_VALUE, the only one
    if isinstance(value, bool):
        return Value(bool_value=value)
    if isinstance(value, int | float):
        return Value(number_value=value)
    if isinstance(value, str):
        return Value(string_value=value)
    if isinstance(value, Mapping):
        return Value(struct_value=struct(value))
    return Value(list_value=ListValue(values=[_value(one) for one in value]))


def stored(answer: domain.Stored) -> pb.StoreResponse:
    """The answer of Store."""
    return pb.StoreResponse(
        id=answer.id, replaced=answer.replaced, sequence=answer.sequence, importance=answer.importance
    )


def memory(found: domain.Memory, *, vector: bool = True, payload: bool = True) -> pb.Memory:
    """A memory, with or without its larger parts."""
    return pb.Memory(
        id=found.id,
        vector=pb.Vector(values=found.vector.tolist()) if vector else None,
        raw_importance=found.raw_importance,
        importance=found.importance,
        created_at=timestamp(found.created),
        accessed_at=timestamp(found.accessed),
        access_count=found.access_count,
        payload=found.payload if payload else b"",
        metadata=struct(found.metadata),
        features=found.features,
        sequence=found.sequence,
    )


def recalled(hits: Iterable[domain.Recalled], query: domain.Query, *, cached: bool) -> pb.RecallResponse:
    """The answer of Recall."""
    return pb.RecallResponse(
        hits=[
            pb.Hit(memory=memory(hit.memory, vector=query.with_vectors, payload=query.with_payloads), score=hit.score)
            for hit in hits
        ],
        as_of=timestamp(query.as_of),
        cached=cached,
    )


def parameters(used: domain.ScoreParameters) -> pb.Parameters:
    """The parameters of a score, all present."""
    return pb.Parameters(alpha=used.alpha, beta=used.beta, tau_seconds=used.tau, feature_weights=used.feature_weights)


def explanation(found: domain.Explanation) -> pb.ExplainResponse:
    """The answer of Explain."""
    return pb.ExplainResponse(
        score=found.score,
        dot=found.dot,
        similarity=found.similarity,
        similarity_factor=found.similarity_factor,
        raw_importance=found.raw_importance,
        importance=found.importance,
        importance_factor=found.importance_factor,
        age_seconds=found.age_seconds,
        decay_factor=found.decay_factor,
        features=[
            pb.FeatureFactor(name=f.name, value=f.value, weight=f.weight, factor=f.factor) for f in found.features
        ],
        log_score=found.log_score,
        log_epsilon=found.log_epsilon,
        parameters=parameters(found.parameters),
        as_of=timestamp(found.as_of),
    )


def stats(found: domain.Stats) -> pb.StatsResponse:
    """The answer of Stats."""
    return pb.StatsResponse(
        total_vectors=found.total_vectors,
        dimension=found.dimension,
        norm_error_max=found.norm_error_max,
        importance_quantiles=[pb.Quantile(q=one.q, value=one.value) for one in found.importance_quantiles],
        decay_active_ratio=found.decay_active_ratio,
        hot_tier_hit_ratio=found.hot_tier_hit_ratio,
        eviction_count=found.eviction_count,
        cache_hit_ratio=found.cache_hit_ratio,
        insert_qps=found.insert_qps,
        query_qps=found.query_qps,
        latencies=[pb.LatencyQuantile(method=one.method, q=one.q, seconds=one.seconds) for one in found.latencies],
        memory_bytes=found.memory_bytes,
        retention=[
            pb.Retention(
                id=one.id,
                score=one.score,
                importance=one.importance,
                idle_seconds=one.idle,
                access_count=one.accesses,
                access_count_max=one.most,
            )
            for one in found.retention
        ],
    )


def gate(found: domain.Gate) -> pb.Gate:
    """One gate of the answer of GateReport."""
    return pb.Gate(
        id=found.id,
        condition=found.condition,
        holds=found.holds,
        observed=found.observed,
        action=found.action,
        enabled=found.enabled,
    )
