"""What the service counts of itself: rates, latencies, cache hits and ties."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np

from sfm.domain import LatencyQuantile

WINDOW_SECONDS = 60
"""What "lately" is for rates."""
KEPT = 8192
"""Latest durations of each method that quantiles are taken of."""
QUANTILES = (0.5, 0.95, 0.99)


class Ratio:
    """How many of the latest were so."""

    def __init__(self) -> None:
        self._latest: deque[bool] = deque(maxlen=KEPT)

    def count(self, *, so: bool) -> None:
        """One more."""
        self._latest.append(so)

    @property
    def value(self) -> float:
        """In [0, 1]; 0 before the first."""
        return sum(self._latest) / len(self._latest) if self._latest else 0.0


class Measures:
    """Latencies and rates by method.

    Args:
        clock: seconds, monotonic.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._began = clock, clock()
        self._seconds: dict[str, deque[float]] = {}
        self._counts: dict[str, dict[int, int]] = {}
        self.cache_hits, self.ties = Ratio(), Ratio()

    @contextmanager
    def timed(self, method: str) -> Iterator[None]:
        """Count a call that ends well, and how long it took."""
        start = self._clock()
        yield
        end = self._clock()
        self._seconds.setdefault(method, deque(maxlen=KEPT)).append(end - start)
        counts = self._counts.setdefault(method, {})
        counts[int(end)] = counts.get(int(end), 0) + 1
        while len(counts) > WINDOW_SECONDS:
            del counts[next(iter(counts))]

    def rate(self, method: str) -> float:
        """Calls a second over the window, or since the start if that is shorter."""
        now = self._clock()
        counts = self._counts.get(method, {})
        recent = sum(count for second, count in counts.items() if second > now - WINDOW_SECONDS)
        return recent / max(1.0, min(now - self._began, WINDOW_SECONDS))

    def latencies(self) -> tuple[LatencyQuantile, ...]:
        """Quantiles of each method that was called."""
        return tuple(
            LatencyQuantile(method, q, float(value))
            for method, seconds in sorted(self._seconds.items())
            for q, value in zip(QUANTILES, np.quantile(np.array(seconds), QUANTILES), strict=True)
        )

    def p95(self, method: str) -> float:
        """95th percentile of a method's latency in seconds; 0 before its first call."""
        seconds = self._seconds.get(method)
        found = float(np.quantile(np.array(seconds), QUANTILES[1])) if seconds else 0.0
        return found if math.isfinite(found) else 0.0
