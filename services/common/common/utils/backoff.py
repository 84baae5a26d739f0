"""Waits between tries of something that failed."""

from __future__ import annotations

import random
from collections.abc import Iterator


def backoff(first: float, longest: float) -> Iterator[float]:
    """Seconds to wait, twice as long each time up to `longest`, without end.

    Each is shortened at random by up to half, so that many that failed together do not come back together.
    """
    wait = first
    while True:
        yield wait * random.uniform(0.5, 1.0)  # noqa: S311 - jitter, no secret
        wait = min(2 * wait, longest)
