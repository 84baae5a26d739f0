"""The words of the service, between the wire and the engine: plain frozen records, validated before they are made."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Metadata = Mapping[str, Any]
"""JSON: what google.protobuf.Struct can hold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewMemory:
    """A memory to store.

    Attributes:
        vector: any finite vector of non-zero norm, shape (d,), float32; the engine normalises it.
        raw_importance: r, finite.
        created: microseconds since the Unix epoch.
        created_given: whether the caller said so, rather than the clock; only then must a repeated request say the same.
        features: channel to value in [0, 1].
        idempotency_key: empty if there is none.
    """

    tenant: str
    id: str
    vector: NDArray[np.float32]
    raw_importance: float
    created: int
    created_given: bool = False
    payload: bytes = b""
    metadata: Metadata = field(default_factory=dict)
    features: Mapping[str, float] = field(default_factory=dict)
    idempotency_key: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """The answer to a store."""

    id: str
    replaced: bool
    sequence: int
    importance: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """A memory as it is stored; times in microseconds since the Unix epoch, `vector` of unit norm."""

    id: str
    vector: NDArray[np.float32]
    raw_importance: float
    importance: float
    created: int
    accessed: int
    access_count: int
    payload: bytes
    metadata: Metadata
    features: Mapping[str, float]
    sequence: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreParameters:
    """α, β, τ (seconds) and the exponents of the feature channels, Σw ≤ 1."""

    alpha: float = 1.0
    beta: float = 1.0
    tau: float = math.inf
    feature_weights: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """What to recall.

    Attributes:
        vector: any finite vector of non-zero norm, shape (d,).
        as_of: microseconds since the Unix epoch; memories created later are not seen.
        as_of_given: whether the caller chose it; otherwise it is the moment of the call.
        filter: entries that a memory's metadata must have.
        min_score: in [0, 1].
    """

    tenant: str
    vector: NDArray[np.float32]
    k: int
    parameters: ScoreParameters
    as_of: int
    as_of_given: bool = True
    filter: Metadata = field(default_factory=dict)
    min_score: float = 0.0
    with_vectors: bool = False
    with_payloads: bool = False


@dataclass(frozen=True, slots=True)
class Recalled:
    """One recalled memory and its score."""

    memory: Memory
    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureFactor:
    """One feature channel of a score: factor = value^weight."""

    name: str
    value: float
    weight: float
    factor: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Every factor of one score, as in ExplainResponse of the proto."""

    score: float
    dot: float
    similarity: float
    similarity_factor: float
    raw_importance: float
    importance: float
    importance_factor: float
    age_seconds: float
    decay_factor: float
    features: tuple[FeatureFactor, ...]
    log_score: float
    log_epsilon: float
    parameters: ScoreParameters
    as_of: int


@dataclass(frozen=True, slots=True)
class Quantile:
    """`q` in [0, 1], and the value there."""

    q: float
    value: float


@dataclass(frozen=True, slots=True)
class LatencyQuantile:
    """A quantile of how long a method took lately."""

    method: str
    q: float
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Retained:
    """What one retention score is made of, as Retention in the proto; `idle` in seconds."""

    id: str
    score: float
    importance: float
    idle: float
    accesses: int
    most: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Stats:
    """What is stored and how it has been used, as in StatsResponse of the proto."""

    total_vectors: int
    dimension: int
    norm_error_max: float
    importance_quantiles: tuple[Quantile, ...]
    decay_active_ratio: float
    hot_tier_hit_ratio: float
    eviction_count: int
    cache_hit_ratio: float
    insert_qps: float
    query_qps: float
    latencies: tuple[LatencyQuantile, ...]
    memory_bytes: int
    retention: tuple[Retained, ...] = ()
    """The memories that eviction would take first, if they were asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """One of the gates G1 to G6, as in the proto."""

    id: str
    condition: str
    holds: bool
    observed: Mapping[str, float]
    action: str
    enabled: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """One durable change, as it is published.

    Attributes:
        lineage: names the history that `position` numbers the changes of, over all tenants.
        sequence: numbers the changes of the tenant.
        digest: of the content, 16 bytes, see sfm.events; empty for a deletion.
        made: when it was committed, in microseconds since the epoch.
    """

    tenant: str
    id: str
    lineage: str
    position: int
    sequence: int
    deleted: bool
    digest: bytes
    made: int
