"""The rate of a tenant, as a property against a plain token bucket in exact arithmetic."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sfm.server.limits import RateLimit
from sfm.server.refusals import RateExceeded

QUARTERS = st.lists(st.integers(0, 40), min_size=1, max_size=60)


def admitted(limit: RateLimit, tenant: str, now: float) -> bool:
    try:
        limit.take(tenant, now)
    except RateExceeded:
        return False
    return True


@given(st.sampled_from([1, 2, 4, 8]), st.integers(1, 20), QUARTERS)
def test_it_admits_what_a_token_bucket_admits(rate: int, burst: int, pauses: list[int]) -> None:
    """Times are multiples of 1/4 s and rates powers of two, so that binary fractions are exact."""
    limit = RateLimit(rate, burst, 10)
    tokens, now = Fraction(burst), Fraction(0)
    for pause in pauses:
        step = Fraction(pause, 4)
        now, tokens = now + step, min(Fraction(burst), tokens + step * rate)
        expected = tokens >= 1
        tokens -= expected
        assert admitted(limit, "acme", float(now)) == expected


def test_a_refused_call_says_when_to_come_again_and_is_then_let_in() -> None:
    limit = RateLimit(4.0, 2, 10)
    limit.take("acme", 0.0)
    limit.take("acme", 0.0)
    with pytest.raises(RateExceeded) as caught:
        limit.take("acme", 0.0)
    assert caught.value.retry_after_seconds == 0.25
    assert not admitted(limit, "acme", 0.125)
    assert admitted(limit, "acme", 0.25)


def test_tenants_do_not_take_from_each_other() -> None:
    limit = RateLimit(1.0, 1, 10)
    assert [admitted(limit, tenant, 0.0) for tenant in ("a", "b", "a", "b")] == [True, True, False, False]


def test_as_many_tenants_are_remembered_as_was_said() -> None:
    limit = RateLimit(1.0, 1, 3)
    for tenant in ("a", "b", "c", "a", "d"):
        admitted(limit, tenant, 0.0)
    assert len(limit) == 3
    assert not admitted(limit, "c", 0.0)
