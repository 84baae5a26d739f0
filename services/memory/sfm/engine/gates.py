"""The gates G1–G6 (SFM roadmap v2.1, section 7): when a condition holds, not what is done about it.

A gate reads observed metrics and thresholds that are given to it. It switches nothing on: options stand behind flags.
"""

from __future__ import annotations

from typing import NamedTuple


class Observed(NamedTuple):
    """What a service has measured of itself.

    Attributes:
        total_vectors: memories stored.
        recall_p95: 95th percentile of recall latency, seconds.
        importance_p50, importance_p99: quantiles of normalised importance, in [0, 1].
        tie_ratio: share of recalls with two or more equal scores among the top k.
        memory_bytes, memory_limit: used by slabs and segments, and what they may use.
        approximate: whether an approximate index serves.
        aging_requested: whether the product asks for aging.
    """

    total_vectors: int
    recall_p95: float
    importance_p50: float
    importance_p99: float
    tie_ratio: float
    memory_bytes: int
    memory_limit: int
    approximate: bool = False
    aging_requested: bool = False


class Thresholds(NamedTuple):
    """Where gates begin to hold; the roadmap's numbers for G1.

    Attributes:
        vectors, p95: G1, number of memories and seconds.
        skew: G2, least (p99 − p50) of importance, in [0, 1]: a few memories outshine all others.
        ties: G3, share of recalls with ties.
        memory: G4, share of the memory limit in use.
    """

    vectors: int = 200_000
    p95: float = 0.025
    skew: float = 0.8
    ties: float = 0.05
    memory: float = 0.8


class Gate(NamedTuple):
    """One gate: its name, condition in words, what was observed, its threshold, whether it holds, what it permits.

    Where a gate has two conditions, `value` and `threshold` are those of the second.
    """

    name: str
    condition: str
    value: float
    threshold: float
    holds: bool
    permits: str


def evaluate(o: Observed, t: Thresholds) -> tuple[Gate, ...]:
    """All six gates, in order."""
    skew = o.importance_p99 - o.importance_p50
    pressure = o.memory_bytes / o.memory_limit if o.memory_limit > 0 else 0.0
    return (
        Gate(
            "G1",
            f"total_vectors > {t.vectors} and recall p95 > {t.p95} s",
            o.recall_p95,
            t.p95,
            o.total_vectors > t.vectors and o.recall_p95 > t.p95,
            "hot tier and retention score",
        ),
        Gate("G2", "importance p99 - p50 > threshold", skew, t.skew, skew > t.skew, "alpha tuning"),
        Gate(
            "G3", "share of recalls with ties > threshold", o.tie_ratio, t.ties, o.tie_ratio > t.ties, "beta exponent"
        ),
        Gate(
            "G4", "share of memory in use > threshold", pressure, t.memory, pressure > t.memory, "float16, projection"
        ),
        Gate("G5", "an approximate index serves", float(o.approximate), 1.0, o.approximate, "residual penalty"),
        Gate("G6", "the product needs aging", float(o.aging_requested), 1.0, o.aging_requested, "half-life tau"),
    )
