"""One tenant that calls faster than it may, and another that calls meanwhile: who is let through.

A tenant may be unheard of until it stores something, so each stores a memory first and deletes it again; then it asks for
that memory, which is cheap to answer. Every call of the first tenant is counted.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import grpc

from strictreal.collect.service import scenario
from strictreal.collect.service.stage import CALL_SECONDS, Stage
from strictreal.facts.memory import REFUSED, SERVED, RateBurst
from strictreal.model import Gap, Location
from strictreal.redact import redact

CLIENTS = 16
METHOD = "Get"
TENANT, OTHER, ID = "rate", "rate-other", "gone"
REFUSALS = 50
"""After which no more calls are made, and as many failures."""
REFUSALS_BETWEEN = 10
"""Two calls of the other tenant."""
OTHERS = 6
"""Calls of the other tenant at most."""
LEAST_BURST = OTHERS + 2
"""Below which the other tenant would meet a limit of its own."""
MOST_CALLS = 8000
SECONDS = 20


class Calls:
    """What was answered so far, by the name of the gRPC status."""

    def __init__(self) -> None:
        self.made = self.made_by_other = 0
        self.codes: Counter[str] = Counter()
        self.others: Counter[str] = Counter()
        self.message = ""
        """Of the first call that was not served."""

    @property
    def go_on(self) -> bool:
        """Whether there are neither refusals nor failures enough."""
        failed = sum(count for code, count in self.codes.items() if code not in {*SERVED, REFUSED})
        return self.codes[REFUSED] < REFUSALS and failed < REFUSALS


def play(stage: Stage, address: str, said: Mapping[str, str]) -> RateBurst | Gap:
    """Call until the limit has refused enough, or a bound is hit.

    Args:
        said: the server's settings.

    Returns:
        A gap where calls came too slowly for the limit, or there is none. A server that let more through than it may is
        no gap, though it refused nothing.
    """
    where = Location(stage.proto, resource=f"{METHOD} by {CLIENTS} clients of one tenant")
    try:
        rate, burst = float(said["rate_per_second"]), int(said["rate_burst"])
    except ValueError:
        rate, burst = math.nan, 0
    if not 0 < rate < math.inf or burst < LEAST_BURST:
        named = f"{said['rate_per_second'][:20]!r} a second and {said['rate_burst'][:20]!r} at once"
        reason = f"the service's limit is {named} (bounds: a number above 0, and {LEAST_BURST} at once)"
        return Gap(of=RateBurst.__name__, where=where, reason=reason)
    calls, seconds = asyncio.run(_call(stage, address))
    seen = RateBurst(
        where=where,
        method=METHOD,
        clients=CLIENTS,
        rate=repr(rate),
        burst=burst,
        codes=dict(sorted(calls.codes.items())),
        others=dict(sorted(calls.others.items())),
        elapsed_us=math.ceil(seconds * 1e6),
        message=calls.message,
    )
    if not seen.met:
        codes = ", ".join(f"{count} {code}" for code, count in seen.codes.items())
        pace = f"{calls.made / seconds:.0f} calls a second for {seconds:.1f} s ({codes})"
        limit = f"{seen.rate} a second and {burst} at once"
        bounds = f"bounds: {MOST_CALLS} calls, {SECONDS} s"
        return Gap(of=RateBurst.__name__, where=where, reason=f"{pace} do not reach the limit of {limit} ({bounds})")
    return seen


async def _call(stage: Stage, address: str, clock: Callable[[], float] = time.perf_counter) -> tuple[Calls, float]:
    """All calls, and the seconds that they took together."""
    calls = Calls()
    async with stage.channel(address) as channel:

        async def ask(method: str, record: Mapping[str, Any]) -> tuple[str, str]:
            send: Callable[..., Awaitable[bytes]] = channel.unary_unary(stage.wire.path(method))
            try:
                await send(stage.encode(method, record), timeout=CALL_SECONDS, metadata=stage.metadata("operator"))
            except grpc.RpcError as error:
                return error.code().name, error.details() or ""
            return "OK", ""

        async def client() -> None:
            while calls.go_on and calls.made < MOST_CALLS and clock() - start < SECONDS:
                calls.made += 1
                code, message = await ask(METHOD, _named(TENANT))
                calls.codes[code] += 1
                if code not in SERVED:
                    calls.message = calls.message or redact(message, 300)
                turn = code == REFUSED and calls.codes[REFUSED] % REFUSALS_BETWEEN == 1
                if turn and calls.made_by_other < OTHERS:
                    calls.made_by_other += 1
                    code, _ = await ask(METHOD, _named(OTHER))
                    calls.others[code] += 1

        start = clock()
        for tenant in (OTHER, TENANT):
            vector = stage.shape.vector(scenario.seeded(tenant))
            for method, record in (("Store", scenario.memory(tenant, ID, vector)), ("Delete", _named(tenant))):
                code, _ = await ask(method, record)
                if tenant == TENANT:
                    calls.made += 1
                    calls.codes[code] += 1
        await asyncio.gather(*(client() for _ in range(CLIENTS)))
        return calls, clock() - start


def _named(tenant: str) -> dict[str, str]:
    """A request for the memory that is gone."""
    return {"tenant": tenant, "id": ID}
