"""Which tokens are believed, and when the key set is fetched."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import issuing
import pytest
from common.config.settings import SMFSettings
from common.utils.auth_client import KeySet, KeysUnavailable, Principal, TokenRefused, TokenVerifier, usable
from issuing import BAD, AuthService, token

ANN = Principal("ann", frozenset({"acme"}), frozenset({"writer"}))


class Clock:
    """Monotonic seconds that the test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


Test = Callable[[TokenVerifier, AuthService, Clock], Awaitable[None]]


def run(test: Test, **settings: Any) -> None:
    async def main() -> None:
        async with AuthService() as service, aiohttp.ClientSession() as session:
            given: dict[str, Any] = {"auth_jwks_url": service.url, "auth_issuer": issuing.ISSUER}
            made, clock = SMFSettings(**(given | settings)), Clock()
            await test(TokenVerifier(made, KeySet(made, session, clock)), service, clock)

    asyncio.run(main())


def refusal(bad: str, **settings: Any) -> str:
    async def test(verifier: TokenVerifier, service: AuthService, clock: Clock) -> None:
        with pytest.raises(TokenRefused) as caught:
            await verifier.verify(bad)
        found.append(str(caught.value))

    found: list[str] = []
    run(test, **settings)
    return found[0]


@pytest.mark.parametrize("algorithm", list(issuing.PRIVATE))
def test_a_token_of_each_pinned_algorithm_is_believed(algorithm: str) -> None:
    async def test(verifier: TokenVerifier, service: AuthService, clock: Clock) -> None:
        assert await verifier.verify(token(algorithm)) == ANN

    run(test)


@pytest.mark.parametrize("case", BAD)
def test_a_bad_token_is_refused_with_its_reason(case: str) -> None:
    make, reason = BAD[case]
    assert refusal(make()) == reason


def test_clocks_may_differ_by_the_leeway() -> None:
    async def test(verifier: TokenVerifier, service: AuthService, clock: Clock) -> None:
        assert await verifier.verify(token(exp=int(time.time()) - 5)) == ANN

    run(test, auth_leeway_seconds=60)
    assert refusal(token(exp=int(time.time()) - 5), auth_leeway_seconds=0) == "it has expired"


def test_claims_may_lie_deeper_and_be_one_string() -> None:
    async def test(verifier: TokenVerifier, service: AuthService, clock: Clock) -> None:
        made = token(realm_access={"roles": ["reader"]}, tenants="a b", roles=["ignored"])
        assert await verifier.verify(made) == Principal("ann", frozenset("ab"), frozenset({"reader"}))
        assert await verifier.verify(token(tenants=None)) == Principal("ann", frozenset(), frozenset())

    run(test, auth_roles_claim="realm_access.roles")


def test_keys_are_fetched_once_and_again_for_an_unknown_key_after_the_cooldown() -> None:
    async def test(verifier: TokenVerifier, service: AuthService, clock: Clock) -> None:
        await asyncio.gather(*(verifier.verify(token(sub=f"user-{n}")) for n in range(20)))
        assert service.asked == 1
        service.keys.append(issuing.published("ES256", "new"))
        with pytest.raises(TokenRefused):
            await verifier.verify(token(kid="new"))
        clock.now += 10
        assert await verifier.verify(token(kid="new")) == ANN
        for n in range(20):
            with pytest.raises(TokenRefused):
                await verifier.verify(token(kid=f"unknown-{n}"))
        assert service.asked == 2

    run(test)


def test_a_withdrawn_key_ends_the_tokens_that_were_verified_with_it() -> None:
    async def test(verifier: TokenVerifier, service: AuthService, clock: Clock) -> None:
        made = token("ES256")
        assert await verifier.verify(made) == ANN
        service.keys = [key for key in service.keys if key["kid"] != "ES256"]
        clock.now += 301
        await verifier.verify(made)  # still believed, while the keys are fetched
        await until(lambda: service.asked == 2)
        with pytest.raises(TokenRefused):
            await verifier.verify(made)

    run(test)


def test_old_keys_are_believed_while_the_service_is_away_but_not_for_ever() -> None:
    async def test(verifier: TokenVerifier, service: AuthService, clock: Clock) -> None:
        made = token()
        await verifier.verify(made)
        service.broken = True
        clock.now += 301
        assert await verifier.verify(made) == ANN
        await until(lambda: service.asked == 2)
        clock.now += 3600
        with pytest.raises(KeysUnavailable):
            await verifier.verify(made)

    run(test)


def test_without_any_keys_nothing_is_believed() -> None:
    async def test(verifier: TokenVerifier, service: AuthService, clock: Clock) -> None:
        service.broken = True
        with pytest.raises(KeysUnavailable):
            await verifier.verify(token())

    run(test)


def test_a_remembered_token_ends_when_it_expires() -> None:
    async def test(verifier: TokenVerifier, service: AuthService, clock: Clock) -> None:
        made = token(exp=int(time.time()) + 1)
        assert await verifier.verify(made) == ANN
        await asyncio.sleep(2.1)
        with pytest.raises(TokenRefused, match="expired"):
            await verifier.verify(made)

    run(test, auth_leeway_seconds=0)


def test_remembered_tokens_are_bounded() -> None:
    async def test(verifier: TokenVerifier, service: AuthService, clock: Clock) -> None:
        for n in range(10):
            await verifier.verify(token(sub=f"user-{n}"))
        assert len(verifier._known) == 3

    run(test, auth_cached_tokens=3)


def test_secret_keys_and_keys_for_encryption_are_never_taken_from_a_key_set() -> None:
    secret = {"kty": "oct", "kid": "secret", "k": "c2VjcmV0"}
    for_encryption = issuing.published("RS256", "enc") | {"use": "enc"}
    other_algorithm = issuing.published("RS256", "RS512") | {"alg": "RS512"}
    broken = {"kty": "RSA", "kid": "broken", "n": "!", "e": 5}
    found = usable({"keys": [secret, for_encryption, other_algorithm, broken, 7, issuing.published("EdDSA")]})
    assert list(found) == ["EdDSA"]


@pytest.mark.parametrize("document", [None, [], {}, {"keys": {}}, {"keys": [{}] * 101}])
def test_what_is_no_key_set_is_refused_whole(document: object) -> None:
    with pytest.raises(ValueError, match="key set"):
        usable(document)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.05)
