"""A tenant at its limit: a real server's is reached, what is let through is counted, and a limit that does not hold is told."""

from __future__ import annotations

import itertools
import math
import random
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import hypothesis
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sfm.server.limits import RateLimit
from sfm.server.refusals import RateExceeded

from strictreal import suite
from strictreal.check import load
from strictreal.collect import memory
from strictreal.collect.service import identity, launch, rate, scenario
from strictreal.collect.service.stage import Stage
from strictreal.collect.service.wire import Wire, compile_proto
from strictreal.facts.memory import REFUSED, RateBurst
from strictreal.model import Facts, Gap, Location
from tests.test_collect_memory import PROTO, ROOT

JUDGE = load(suite.root() / "checks")["memory.rate-limit"].judge
NAMED = itertools.count()
Play = Callable[..., RateBurst | Gap]


@pytest.fixture(scope="module")
def wire() -> Wire:
    return Wire(compile_proto(PROTO.read_bytes()), memory.SERVICE)


@pytest.fixture(scope="module")
def play(wire: Wire, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Play]:
    """The act on a server with memory.LIMITS, by tenants that nobody else has, told that its limits are others."""
    folder = tmp_path_factory.mktemp("served")
    certificate, issuer = identity.Certificate(folder), identity.Issuer()
    policies = ROOT / "services/memory/sfm/policy"
    settings = memory.SETTINGS | memory.LIMITS

    def played(rate_per_second: str, rate_burst: str) -> RateBurst | Gap:
        run = f"-{next(NAMED)}"
        token = issuer.token("operator", [f"{tenant}{run}" for tenant in scenario.TENANTS], ["writer"])
        there = Stage(wire, "memory.proto", {"operator": token}, certificate.pem, run=run)
        return rate.play(there, server.address, {"rate_per_second": rate_per_second, "rate_burst": rate_burst})

    try:
        environment = memory._environment(folder, certificate, issuer, policies, settings)
        with launch.serve(memory.PROGRAM, environment, folder) as server:
            yield played
    finally:
        issuer.close()


def found(*bursts: RateBurst) -> list[str]:
    return [finding.message for finding in JUDGE(Facts(bursts, len(bursts)))]


# On a server.


def test_a_servers_limit_is_reached_and_holds_and_another_tenant_is_let_through(play: Play):
    seen = play(*memory.LIMITS.values())
    assert isinstance(seen, RateBurst)
    assert (seen.rate, seen.burst, seen.message) == ("20.0", 250, "the tenant's rate is exceeded")
    assert seen.refused >= rate.REFUSALS
    assert {*seen.codes} == {"OK", "NOT_FOUND", REFUSED}
    assert seen.codes["OK"] == 2
    assert {*seen.others} == {"NOT_FOUND"}
    assert 5 <= seen.others["NOT_FOUND"] <= rate.OTHERS
    assert found(seen) == []


def test_a_limit_larger_than_the_settings_say_is_told(play: Play):
    seen = play("1.0", "100")
    assert isinstance(seen, RateBurst)
    [message] = found(seen)
    assert message.startswith(f"{seen.let_through} calls of a tenant were let through in")
    assert message.endswith("where 1.0 a second and 100 at once may be")


def test_a_limit_smaller_than_the_settings_say_is_told(play: Play):
    seen = play("20", "1000")
    assert isinstance(seen, RateBurst)
    [message] = found(seen)
    assert message.startswith(f"a tenant was refused after {seen.let_through} calls, where 20.0 a second and 1000")
    assert message.endswith(": the tenant's rate is exceeded")


def test_a_server_without_a_limit_is_told_though_it_refuses_nobody(play: Play, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(rate, "MOST_CALLS", 240)  # as many as the server's own limit lets through
    seen = play("1", "8")
    assert isinstance(seen, RateBurst)
    assert seen.refused == 0
    [message] = found(seen)
    assert "240 calls of a tenant were let through" in message


def test_calls_that_do_not_reach_the_limit_prove_nothing_and_say_how_many_they_were(
    play: Play, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(rate, "MOST_CALLS", 100)
    seen = play("10000.0", "20000")
    assert isinstance(seen, Gap)
    assert seen.of == "RateBurst"
    assert "(98 NOT_FOUND, 2 OK) do not reach the limit of 10000.0 a second and 20000 at once" in seen.reason
    assert seen.reason.endswith("(bounds: 100 calls, 20 s)")


def test_the_time_of_the_calls_is_bounded(play: Play, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(rate, "SECONDS", 0.05)
    seen = play("10000.0", "20000")
    assert isinstance(seen, Gap)
    assert "bounds: 8000 calls, 0.05 s" in seen.reason


def test_where_nobody_listens_there_is_nothing_to_judge(wire: Wire):
    seen = rate.play(Stage(wire, "memory.proto", {}, None), "127.0.0.1:1", memory.SETTINGS | memory.LIMITS)
    assert isinstance(seen, Gap)
    assert "UNAVAILABLE) do not reach the limit" in seen.reason


@pytest.mark.parametrize(
    "limits",
    [("inf", "250"), ("nan", "250"), ("0", "250"), ("-1", "250"), ("many", "250"), ("20", "7"), ("20", "2.5")],
)
def test_a_limit_that_cannot_be_reached_is_named(wire: Wire, limits: tuple[str, str]):
    said = dict(zip(("rate_per_second", "rate_burst"), limits, strict=True))
    seen = rate.play(Stage(wire, "memory.proto", {}, None), "127.0.0.1:1", said)
    assert isinstance(seen, Gap)
    assert seen.reason.startswith(f"the service's limit is {limits[0]!r} a second and {limits[1]!r} at once")


def test_the_tenants_are_those_that_tokens_are_for():
    assert {rate.TENANT, rate.OTHER} <= {*scenario.TENANTS}
    assert len({*scenario.TENANTS}) == len(scenario.TENANTS)


# What is judged.


def burst(**more: Any) -> RateBurst:
    """250 at once and 20 a second, for half a second: 261 is the most."""
    seen: dict[str, Any] = {
        "codes": {"NOT_FOUND": 259, "OK": 2, REFUSED: 50},
        "others": {"NOT_FOUND": 6},
        "elapsed_us": 500_000,
    }
    where = Location("memory.proto", resource="Get")
    return RateBurst(where=where, method="Get", clients=16, rate="20.0", burst=250, **seen | more)


LET_THROUGH = "{} calls of a tenant were let through in {} s, where 20.0 a second and 250 at once may be"
EARLY = "a tenant was refused after {} calls, where 20.0 a second and 250 at once may be"


@pytest.mark.parametrize(
    ("more", "messages"),
    [
        ({}, []),
        ({"codes": {"OK": 262, REFUSED: 1}}, [LET_THROUGH.format(262, "0.500")]),
        ({"elapsed_us": 499_999}, [LET_THROUGH.format(261, "0.500")]),
        ({"codes": {"OK": 249, REFUSED: 1}}, []),
        ({"codes": {"OK": 248, REFUSED: 1}}, [EARLY.format(248)]),
        ({"codes": {REFUSED: 50}}, [EARLY.format(0)]),
        ({"codes": {"OK": 300}, "others": {}}, [LET_THROUGH.format(300, "0.500")]),
        (
            {"codes": {"OK": 251, "UNAVAILABLE": 3, REFUSED: 50}},
            ["UNAVAILABLE for 3 calls of a tenant at its limit, not RESOURCE_EXHAUSTED"],
        ),
        (
            {"codes": {"OK": 256, "INTERNAL": 50}, "others": {}, "message": "the server has a defect"},
            ["INTERNAL for 50 calls of a tenant at its limit, not RESOURCE_EXHAUSTED: the server has a defect"],
        ),
        (
            {"others": {"OK": 5, REFUSED: 1}},
            ["RESOURCE_EXHAUSTED for 1 calls of another tenant, which is not at its limit"],
        ),
    ],
)
def test_the_limit_is_a_token_bucket_to_the_call(more: dict[str, Any], messages: list[str]):
    assert found(burst(**more)) == messages


@pytest.mark.parametrize(
    ("codes", "met"),
    [
        ({"OK": 261}, False),
        ({"OK": 262}, True),
        ({"OK": 1, REFUSED: 1}, True),
        ({"OK": 256, "UNAVAILABLE": 50}, True),
        ({"OK": 100, "UNAVAILABLE": 66}, False),
        ({"UNAVAILABLE": 400}, False),
        ({}, False),
    ],
)
def test_a_limit_is_met_by_a_refusal_or_by_more_calls_than_it_may_let_through(codes: dict[str, int], *, met: bool):
    assert burst(codes=codes).met is met


def test_without_a_call_of_another_tenant_nothing_is_decided():
    with pytest.raises(LookupError, match="another tenant"):
        found(burst(others={}))


BUCKETS = {
    "per_second": st.floats(0.5, 5000),
    "at_once": st.integers(100, 300),
    "times_faster": st.floats(20, 200),
    "start": st.floats(0, 1e6),
    "seed": st.integers(),
}


def admitted(limit: RateLimit, per_second: float, at_once: int, start: float, pauses: list[float]) -> RateBurst:
    """What a limit lets through of calls with pauses between them, where the settings say `per_second` and `at_once`."""
    codes, now = Counter[str](), start
    for pause in pauses:
        now += pause
        try:
            limit.take("tenant", now)
        except RateExceeded:
            codes[REFUSED] += 1
        else:
            codes["OK"] += 1
    seen = burst(codes=dict(codes), elapsed_us=math.ceil((now - start) * 1e6))
    return msgspec.structs.replace(seen, rate=repr(per_second), burst=at_once)


@hypothesis.settings(deadline=None)
@given(**BUCKETS)
def test_a_token_bucket_that_keeps_its_word_is_never_blamed_and_any_other_is(
    per_second: float, at_once: int, times_faster: float, start: float, seed: int
):
    draw = random.Random(seed)
    pauses = [draw.expovariate(per_second * times_faster) for _ in range(3 * at_once)]
    for share, blamed in ((1, ""), (2, "were let through"), (0.5, "was refused after")):
        limit = RateLimit(per_second, round(share * at_once), 10)
        seen = admitted(limit, per_second, at_once, start, pauses)
        assert seen.refused
        messages = found(seen)
        assert [blamed in message for message in messages] == ([True] if blamed else [])
