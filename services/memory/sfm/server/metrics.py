"""What Prometheus reads, by the names of the roadmap. No label carries a tenant: their number is not bounded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import prometheus_client as prometheus

BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Seconds."""


class Metrics:
    """The service's metrics, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = prometheus.CollectorRegistry()
        prometheus.ProcessCollector(registry=self.registry)
        prometheus.PlatformCollector(registry=self.registry)
        self.seconds = prometheus.Histogram(
            "sfm_latency_seconds", "Time that a call took.", ["method"], buckets=BUCKETS, registry=self.registry
        )
        self.calls = prometheus.Counter(
            "sfm_calls", "Calls by how they ended.", ["method", "code"], registry=self.registry
        )
        self.running = prometheus.Gauge("sfm_running_calls", "Calls that are served now.", registry=self.registry)
        self.ready = self._gauge("ready", "1 while calls are answered.")
        self.event_backlog = self._gauge("event_backlog", "Durable changes that are not published yet.")
        self.unprotected = self._gauge("unprotected", "1 for each protection that is not configured.", "what")
        self._numbers = {
            name: self._gauge(name, text)
            for name, text in {
                "total_vectors": "Vectors stored.",
                "norm_error_max": "Largest | ‖v‖ − 1 | of the stored vectors.",
                "decay_active_ratio": "Share of memories that decay touches.",
                "hot_tier_hit_ratio": "Share of recalls that the hot tier answered.",
                "eviction_count": "Memories that the hot tier has given up.",
                "cache_hit_ratio": "Share of recalls that the cache answered.",
                "insert_qps": "Stores a second, lately.",
                "query_qps": "Recalls a second, lately.",
                "memory_bytes": "Memory held by the slabs.",
            }.items()
        }
        self._importance = self._gauge("importance_quantile", "Quantiles of the normalised importance.", "q")
        self._holds = self._gauge("gate_holds", "1 while the gate's condition holds.", "gate")
        self._enabled = self._gauge("gate_enabled", "1 if the setting that the gate is about is on.", "gate")

    def _gauge(self, name: str, text: str, *labels: str) -> prometheus.Gauge:
        return prometheus.Gauge(f"sfm_{name}", text, labels, registry=self.registry)

    def observe(
        self,
        numbers: Mapping[str, float],
        importance: Iterable[tuple[float, float]],
        gates: Iterable[tuple[str, bool, bool]],
    ) -> None:
        """Take over what the memory system counts.

        Args:
            numbers: by the names of the gauges; others are left out.
            importance: pairs of quantile and value.
            gates: triples of id, whether it holds, whether it is enabled.
        """
        for name, gauge in self._numbers.items():
            if name in numbers:
                gauge.set(numbers[name])
        for q, value in importance:
            self._importance.labels(f"{q:g}").set(value)
        for gate, holds, enabled in gates:
            self._holds.labels(gate).set(holds)
            self._enabled.labels(gate).set(enabled)

    def text(self) -> bytes:
        """The exposition format."""
        return prometheus.generate_latest(self.registry)
