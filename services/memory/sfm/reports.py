"""What the service says of itself: statistics, and the gates that they open."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence

import numpy as np
from common.config.settings import SMFSettings
from numpy.typing import NDArray

from sfm.domain import Gate, Quantile, Stats
from sfm.engine import gates
from sfm.engine.snapshot import Snapshot
from sfm.hot import HotRows
from sfm.measures import Measures
from sfm.store.state import Tenant

QUANTILES = (0.0, 0.01, 0.25, 0.5, 0.75, 0.99, 1.0)


class Reports:
    """Reads what others count.

    Args:
        hot: None if there is no hot tier.
    """

    def __init__(self, settings: SMFSettings, measures: Measures, hot: HotRows | None) -> None:
        self._settings, self._measures, self._hot = settings, measures, hot

    async def stats(self, tenants: Sequence[Tenant]) -> Stats:
        """Of some tenants; rates and ratios are of all."""
        values = await asyncio.to_thread(importances, [one.view.snapshot for one in tenants])
        quantiles = np.quantile(values, QUANTILES).tolist() if len(values) else []
        measures = self._measures
        return Stats(
            total_vectors=sum(len(one.records) for one in tenants),
            dimension=self._settings.dimension,
            norm_error_max=max((one.space.norm_error_max for one in tenants), default=0.0),
            importance_quantiles=tuple(Quantile(q, value) for q, value in zip(QUANTILES, quantiles, strict=False)),
            decay_active_ratio=0.0 if math.isinf(self._settings.tau_seconds) else 1.0,
            hot_tier_hit_ratio=self._hot.hit_ratio if self._hot else 0.0,
            eviction_count=self._hot.evictions if self._hot else 0,
            cache_hit_ratio=measures.cache_hits.value,
            insert_qps=measures.rate("Store"),
            query_qps=measures.rate("Recall"),
            latencies=measures.latencies(),
            memory_bytes=sum(one.space.nbytes for one in tenants),
        )

    def gates(self, tenants: Sequence[Tenant]) -> list[Gate]:
        """G1 to G6, over all tenants."""
        settings = self._settings
        values = importances([one.view.snapshot for one in tenants])
        p50, p99 = np.quantile(values, (0.5, 0.99)).tolist() if len(values) else (0.0, 0.0)
        ages = not math.isinf(settings.tau_seconds)
        observed = gates.Observed(
            total_vectors=sum(len(one.records) for one in tenants),
            recall_p95=self._measures.p95("Recall"),
            importance_p50=p50,
            importance_p99=p99,
            tie_ratio=self._measures.ties.value,
            memory_bytes=sum(one.space.nbytes for one in tenants),
            memory_limit=settings.gate_memory_bytes,
            aging_requested=ages,
        )
        thresholds = gates.Thresholds(
            settings.gate_vectors,
            settings.gate_p95_seconds,
            settings.gate_importance_skew,
            settings.gate_tie_ratio,
            memory=1.0,
        )
        enabled = {
            "G1": settings.hot_tier_rows > 0,
            "G2": settings.alpha != 1.0,
            "G3": settings.beta != 1.0,
            "G4": settings.float16,
            "G5": False,
            "G6": ages,
        }
        seen = {name: float(value) for name, value in observed._asdict().items()}
        return [
            Gate(
                id=gate.name,
                condition=gate.condition,
                holds=gate.holds,
                observed={**seen, "value": gate.value, "threshold": gate.threshold},
                action=gate.permits,
                enabled=enabled[gate.name],
            )
            for gate in gates.evaluate(observed, thresholds)
        ]


def importances(snapshots: Sequence[Snapshot]) -> NDArray[np.float64]:
    """The normalised importance of all live memories."""
    found = [snapshot.columns["importance"][snapshot.live_rows()] for snapshot in snapshots]
    return np.concatenate(found) if found else np.empty(0)
