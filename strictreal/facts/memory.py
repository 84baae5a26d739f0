"""What collectors see of a running memory service: a transcript of calls through the wire, act by act.

A fact holds no floating-point number, so that its canonical form is one. A double is written as the shortest decimal
that reads back as the same double, a vector as its components with spaces between, a moment as whole microseconds since
the Unix epoch, bytes as hexadecimal digits.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec

from strictreal.model import Fact, Located, Natural

REFUSED = "RESOURCE_EXHAUSTED"
"""The gRPC status of a call beyond a limit."""
SERVED = frozenset(("OK", "NOT_FOUND"))
"""Those of a call that was let through, when it asks for a memory that may not be there."""


class MemoryService(Located, frozen=True, kw_only=True):
    """One memory service that the subject declares and that was run: what it was told, and by whose program."""

    program: str
    """Name and version of what was started; in a cluster, the release and the digest of its image."""
    settings: dict[str, str]
    """What the run set, or found set, by the names of the service's own settings; secrets left out."""
    run: str = ""
    """What every tenant's name ended with on the wire, where it was others' service as well."""


class MemoryCall(Located, frozen=True, kw_only=True):
    """One call and its answer. Each act of the scenario has calls of a type of its own, so that each is counted."""

    order: Natural
    """Position in the transcript."""
    method: str
    caller: str = ""
    """Who calls: the name of a principal, or "" for nobody."""
    incarnation: Natural = 0
    """How often the server's process had been killed before."""
    request: dict[str, Any] = msgspec.field(default_factory=dict)
    code: str = "OK"
    """Name of the gRPC status."""
    message: str = ""
    """What the status says."""
    response: dict[str, Any] = msgspec.field(default_factory=dict)

    @property
    def answered(self) -> bool:
        """Whether the call succeeded."""
        return self.code == "OK"


class NormCall(MemoryCall, frozen=True, kw_only=True):
    """Vectors of any length are stored and read back."""


class SimilarityCall(MemoryCall, frozen=True, kw_only=True):
    """Memories of one importance and age, at angles that grow, are recalled."""


class ClampCall(MemoryCall, frozen=True, kw_only=True):
    """Queries that point away from memories."""


class ImportanceCall(MemoryCall, frozen=True, kw_only=True):
    """Raw importances from one extreme to the other."""


class ScoreCall(MemoryCall, frozen=True, kw_only=True):
    """Recalls and explanations with parameters of every kind, over memories that differ in everything."""


class HalfLifeCall(MemoryCall, frozen=True, kw_only=True):
    """One memory, explained at moments that lie whole half-lives apart."""


class RetentionCall(MemoryCall, frozen=True, kw_only=True):
    """Memories are read more and less often, then the order is asked in which they would be evicted."""


class HalfPrecisionCall(MemoryCall, frozen=True, kw_only=True):
    """Recalls from a server that keeps vectors in half precision."""


class PayloadCall(MemoryCall, frozen=True, kw_only=True):
    """One memory is read before and after it has aged and been recalled."""


class TieCall(MemoryCall, frozen=True, kw_only=True):
    """Memories that nothing but their ids tells apart."""


class TenantCall(MemoryCall, frozen=True, kw_only=True):
    """Two tenants with memories of the same ids, nearer to the other's query than its own."""


class IdempotencyCall(MemoryCall, frozen=True, kw_only=True):
    """A store is sent twice with one key, and once more with that key and something else in it."""


class DurabilityCall(MemoryCall, frozen=True, kw_only=True):
    """Memories are stored until the process is killed, and read from the one that follows it."""


class RefusalCall(MemoryCall, frozen=True, kw_only=True):
    """Requests that the service must refuse, and the number of memories before and after."""

    field: str = ""
    """Path of the field that is at fault; "" for a call that only looks."""


class AccessCall(MemoryCall, frozen=True, kw_only=True):
    """Calls with and without a right to be answered."""

    expected: str
    """Name of the gRPC status that the caller must get."""


class MemoryLatency(Located, frozen=True, kw_only=True):
    """How long the calls of one method took, with several clients at once."""

    method: str
    clients: Natural
    memories: Natural
    """How many were stored meanwhile or before, in all tenants that the calls are spread over."""
    bounds_us: tuple[Natural, ...]
    """Upper bounds of the histogram's buckets in microseconds, ascending; one more bucket lies above the last."""
    counts: tuple[Natural, ...]
    """Calls in each bucket."""
    failed: Natural
    p50_us: Natural
    p95_us: Natural
    p99_us: Natural


class RateBurst(Located, frozen=True, kw_only=True):
    """One tenant calls faster than it may, with several clients at once, and another tenant now and then meanwhile."""

    method: str
    """What is called, after a store and a delete by which the tenant comes to be."""
    clients: Natural
    rate: str
    """Calls a second that the service's settings let a tenant make on average."""
    burst: Natural
    """Calls that they let a tenant make at once."""
    codes: dict[str, Natural]
    """The tenant's calls, by the name of the gRPC status of the answer."""
    others: dict[str, Natural]
    """Calls of the other tenant that were made when the first had been refused, in the same form."""
    elapsed_us: Natural
    """From before the first call until after the last answer, in microseconds, rounded up."""
    message: str = ""
    """What the first answer says to a call that was not served."""

    @property
    def refused(self) -> int:
        """Calls that met the limit."""
        return self.codes.get(REFUSED, 0)

    @property
    def let_through(self) -> int:
        """Calls that did not, and were served."""
        return sum(count for code, count in self.codes.items() if code in SERVED)

    @property
    def failed(self) -> int:
        """Calls of which it cannot be told whether the limit let them through."""
        return sum(self.codes.values()) - self.refused - self.let_through

    @property
    def met(self) -> bool:
        """Whether the limit was met, or would have been if it were what the settings say."""
        return bool(self.refused or (self.let_through and self.let_through + self.failed > self.most))

    @property
    def most(self) -> Decimal:
        """Calls that a token bucket lets through in the time: burst + rate · time, and 1 for the rounding of doubles."""
        return self.burst + Decimal(self.rate) * self.elapsed_us / 1_000_000 + 1


ACTS: tuple[type[Fact], ...] = (
    *(NormCall, SimilarityCall, ClampCall, ImportanceCall, ScoreCall, HalfLifeCall, RetentionCall, HalfPrecisionCall),
    *(PayloadCall, TieCall, TenantCall, IdempotencyCall, DurabilityCall, RefusalCall, AccessCall, MemoryLatency),
    RateBurst,
)
"""Every act of the scenario, in the order in which it is played."""
