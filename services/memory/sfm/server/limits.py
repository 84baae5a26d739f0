"""How often a tenant may call: a token bucket each, in the form of the generic cell rate algorithm (ITU-T I.371)."""

from __future__ import annotations

from collections import OrderedDict

from sfm.server.refusals import RateExceeded


class RateLimit:
    """Lets each tenant make `rate` calls a second on average, and `burst` at once.

    Args:
        rate: calls a second, > 0.
        burst: calls at once, ≥ 1.
        tenants: how many are remembered; the one that called longest ago is forgotten first, with what it had used up.
    """

    def __init__(self, rate: float, burst: int, tenants: int) -> None:
        self._interval = 1.0 / rate
        self._tolerance = self._interval * (burst - 1)
        self._tenants = tenants
        self._due: OrderedDict[str, float] = OrderedDict()

    def __len__(self) -> int:
        return len(self._due)

    def take(self, tenant: str, now: float) -> None:
        """Count one call at `now` (monotonic seconds).

        Raises:
            RateExceeded: it comes too early, and does not count.
        """
        due = max(self._due.get(tenant, now), now)
        early = due - now - self._tolerance
        if early > 0:
            raise RateExceeded(early)
        self._due[tenant] = due + self._interval
        self._due.move_to_end(tenant)
        if len(self._due) > self._tenants:
            self._due.popitem(last=False)
