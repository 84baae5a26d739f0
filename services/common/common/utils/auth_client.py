"""Bearer tokens: JSON Web Tokens of the auth service, verified by its key set (RFC 7517, RFC 7519).

Algorithms are pinned to asymmetric ones and to the type of the key, so neither `none` nor a public key used as an HMAC
secret is taken. A token must carry exp, iss, aud and sub.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import math
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import aiohttp
import jwt

from common.config.settings import CommonSettings
from common.utils.logger import fields

ALGORITHMS = ("RS256", "ES256", "EdDSA")
MAX_KEYSET_BYTES = 1 << 20
MAX_KEYS = 100
MAX_TOKEN_CHARACTERS = 16_384
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Principal:
    """Who calls, and what its token lets it act for; the tenant "*" stands for every tenant."""

    subject: str
    tenants: frozenset[str]
    roles: frozenset[str]


class TokenRefused(Exception):
    """The token is not one to believe; the message says why and quotes nothing of it."""


class KeysUnavailable(Exception):
    """The key set cannot be fetched, so no token can be verified for now."""


class KeySet:
    """The keys of the auth service, fetched when needed, and again when they are old or a token names an unknown one.

    Args:
        settings: auth_jwks_url and the times auth_jwks_….
        session: makes the requests; stays open.
        clock: monotonic seconds.
    """

    def __init__(
        self, settings: CommonSettings, session: aiohttp.ClientSession, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._settings = settings
        self._session = session
        self._clock = clock
        self._document: object = None
        self._keys: dict[str, jwt.PyJWK] = {}
        self._fetched = -math.inf
        self._tried = -math.inf
        self._fetching: asyncio.Task[None] | None = None
        self.problem = ""
        """Why the last fetch failed; empty when it did not."""
        self.generation = 0
        """Grows whenever the keys change."""

    async def current(self) -> None:
        """See to it that the keys may be believed. Old ones are fetched anew while they are still used.

        Raises:
            KeysUnavailable: no key set that may be believed is at hand.
        """
        if self._age() >= self._settings.auth_jwks_refresh_seconds:
            fetching = self._start()
            if fetching and self._age() >= self._settings.auth_jwks_max_age_seconds:
                await asyncio.shield(fetching)
        if self._age() >= self._settings.auth_jwks_max_age_seconds:
            raise KeysUnavailable("the key set of the auth service cannot be fetched")

    async def key(self, kid: str) -> jwt.PyJWK:
        """The key of this id; one that is not known is looked for in a new key set, not more often than the cooldown.

        Raises:
            TokenRefused: the key set has no such key.
            KeysUnavailable: no key set that may be believed is at hand.
        """
        await self.current()
        if kid not in self._keys:
            fetching = self._start()
            if fetching:
                await asyncio.shield(fetching)
        if kid not in self._keys:
            raise TokenRefused("it is signed with a key that the auth service does not publish")
        return self._keys[kid]

    def _age(self) -> float:
        return self._clock() - self._fetched

    def _start(self) -> asyncio.Task[None] | None:
        """The fetch that runs, a new one, or None within the cooldown."""
        if self._fetching and not self._fetching.done():
            return self._fetching
        if self._clock() - self._tried < self._settings.auth_jwks_cooldown_seconds:
            return None
        self._tried = self._clock()
        self._fetching = asyncio.create_task(self._refresh())
        return self._fetching

    async def _refresh(self) -> None:
        try:
            document = await self._fetch()
            keys = usable(document)
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            self.problem = type(error).__name__
            _log.warning("the key set cannot be fetched", extra=fields(reason=self.problem))
            return
        self.problem = ""
        if document != self._document:
            self.generation += 1
        self._document, self._keys, self._fetched = document, keys, self._clock()

    async def _fetch(self) -> object:
        wait = aiohttp.ClientTimeout(total=self._settings.auth_timeout_seconds)
        async with self._session.get(str(self._settings.auth_jwks_url), timeout=wait, allow_redirects=False) as answer:
            if answer.status != HTTPStatus.OK:
                raise ValueError("no key set")
            body = bytearray()
            async for chunk in answer.content.iter_any():
                body += chunk
                if len(body) > MAX_KEYSET_BYTES:
                    raise ValueError("the key set is too large")
        return json.loads(body)


def usable(document: object) -> dict[str, jwt.PyJWK]:
    """The keys of a key set by their ids: those for signatures by a pinned algorithm; others are left out.

    Raises:
        ValueError: it is no key set, or has more than MAX_KEYS keys.
    """
    listed = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(listed, list) or len(listed) > MAX_KEYS:
        raise ValueError("no key set, or one of too many keys")
    found = {}
    for one in listed:
        if not isinstance(one, dict) or not isinstance(one.get("kid"), str) or one.get("use", "sig") != "sig":
            continue
        try:
            key = jwt.PyJWK.from_dict(one)
        except (jwt.PyJWTError, ValueError, TypeError, KeyError):
            _log.warning("a key of the key set is not usable", extra=fields(kty=str(one.get("kty"))[:16]))
            continue
        if key.algorithm_name in ALGORITHMS:
            found[one["kid"]] = key
    return found


class TokenVerifier:
    """Turns tokens into principals. Verified ones are remembered by their digest until they expire or the keys change.

    Args:
        settings: issuer, audience, claims and bounds.
        keys: the key set.
        clock: seconds since the Unix epoch, for forgetting.
    """

    def __init__(self, settings: CommonSettings, keys: KeySet, clock: Callable[[], float] = time.time) -> None:
        self._settings = settings
        self._keys = keys
        self._clock = clock
        self._known: OrderedDict[bytes, tuple[Principal, float]] = OrderedDict()
        self._generation = keys.generation

    async def verify(self, token: str) -> Principal:
        """The principal that the token stands for.

        Raises:
            TokenRefused: the token is malformed, expired, not yet valid, of others, or wrongly signed.
            KeysUnavailable: nothing can be verified for now.
        """
        if len(token) > MAX_TOKEN_CHARACTERS:
            raise TokenRefused("it is too long")
        await self._keys.current()
        digest = hashlib.sha256(token.encode()).digest()
        known = self._known.get(digest)
        if known and known[1] > self._clock() and self._generation == self._keys.generation:
            self._known.move_to_end(digest)
            return known[0]
        self._known.pop(digest, None)
        principal, expires = await self._verify(token)
        if self._generation != self._keys.generation:
            self._known.clear()
            self._generation = self._keys.generation
        self._known[digest] = principal, expires
        if len(self._known) > self._settings.auth_cached_tokens:
            self._known.popitem(last=False)
        return principal

    async def _verify(self, token: str) -> tuple[Principal, float]:
        try:
            header = jwt.get_unverified_header(token)
        except jwt.PyJWTError:
            raise TokenRefused("it is no JSON Web Token") from None
        kid = header.get("kid")
        if header.get("alg") not in ALGORITHMS or not isinstance(kid, str):
            raise TokenRefused(f"it must name its key, and be signed by one of {', '.join(ALGORITHMS)}")
        key = await self._keys.key(kid)
        if key.algorithm_name != header["alg"]:
            raise TokenRefused("its algorithm is not the one of its key")
        try:
            claims = jwt.decode(
                token,
                key,
                algorithms=[key.algorithm_name],
                audience=self._settings.auth_audience,
                issuer=self._settings.auth_issuer,
                leeway=self._settings.auth_leeway_seconds,
                options={"require": ["exp", "iss", "aud", "sub"]},
            )
        except jwt.PyJWTError as error:
            raise TokenRefused(_why(error)) from None
        return principal_of(claims, self._settings), float(claims["exp"])


def _why(error: jwt.PyJWTError) -> str:
    """What is wrong, by the kind of the error: its message may quote the token."""
    for kind, reason in _REASONS.items():
        if isinstance(error, kind):
            return reason
    return "it is malformed"


_REASONS: Mapping[type[jwt.PyJWTError], str] = {
    jwt.ExpiredSignatureError: "it has expired",
    jwt.ImmatureSignatureError: "it is not valid yet",
    jwt.InvalidAudienceError: "it is meant for another audience",
    jwt.InvalidIssuerError: "it is of another issuer",
    jwt.MissingRequiredClaimError: "it lacks one of exp, iss, aud and sub",
    jwt.InvalidSignatureError: "its signature is wrong",
}


def principal_of(claims: Mapping[str, Any], settings: CommonSettings) -> Principal:
    """Who verified claims speak of.

    Raises:
        TokenRefused: a claim is not of the form that the settings describe.
    """
    if not isinstance(claims["sub"], str) or not claims["sub"]:
        raise TokenRefused("its subject is no name")
    tenants = _names(claims, settings.auth_tenants_claim)
    return Principal(claims["sub"], tenants, _names(claims, settings.auth_roles_claim))


def _names(claims: Any, path: str) -> frozenset[str]:
    """The names in a claim: a list of strings, or one string of names between spaces; none if the claim is absent."""
    for step in path.split("."):
        claims = claims.get(step, []) if isinstance(claims, Mapping) else []
    if isinstance(claims, str):
        claims = claims.split()
    if not isinstance(claims, list) or not all(isinstance(name, str) for name in claims):
        raise TokenRefused(f"its claim {path} is no list of names")
    return frozenset(claims)
