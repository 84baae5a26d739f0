"""A real auth service for tests: keys made here, a key set served over HTTP, and tokens signed with the keys."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from typing import Any

import jwt
from aiohttp import web
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

ISSUER = "https://auth.test"
AUDIENCE = "soma"
PRIVATE = {
    "RS256": rsa.generate_private_key(65537, 2048),
    "ES256": ec.generate_private_key(ec.SECP256R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate(),
}
_JWK: dict[str, Any] = {
    "RS256": jwt.algorithms.RSAAlgorithm,
    "ES256": jwt.algorithms.ECAlgorithm,
    "EdDSA": jwt.algorithms.OKPAlgorithm,
}


def published(algorithm: str, kid: str | None = None) -> dict[str, Any]:
    """The public key of an algorithm, as a member of a key set; its id is the algorithm's name unless given."""
    public: dict[str, Any] = json.loads(_JWK[algorithm].to_jwk(PRIVATE[algorithm].public_key()))
    return public | {"kid": kid or algorithm, "use": "sig", "alg": algorithm}


def claims(**changed: Any) -> dict[str, Any]:
    """Good claims for an hour; a change to None takes a claim out."""
    now = int(time.time())
    found = {"iss": ISSUER, "aud": AUDIENCE, "sub": "ann", "exp": now + 3600, "tenants": ["acme"], "roles": ["writer"]}
    return {name: value for name, value in (found | changed).items() if value is not None}


def token(algorithm: str = "ES256", kid: str | None = None, **changed: Any) -> str:
    """A token signed with the key of the algorithm."""
    return jwt.encode(claims(**changed), PRIVATE[algorithm], algorithm, headers={"kid": kid or algorithm})


class AuthService:
    """Serves a key set on a loopback port; an asynchronous context manager.

    Attributes:
        keys: what is served now.
        asked: how often.
        broken: answers with status 500 while set.
    """

    def __init__(self, *algorithms: str) -> None:
        self.keys = [published(algorithm) for algorithm in algorithms or PRIVATE]
        self.asked = 0
        self.broken = False
        self.url = ""

    async def __aenter__(self) -> AuthService:
        application = web.Application()
        application.router.add_get("/keys", self._answer)
        self._runner = web.AppRunner(application)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/keys"
        return self

    async def __aexit__(self, *unused: object) -> None:
        await self._runner.cleanup()

    async def _answer(self, _request: web.Request) -> web.Response:
        self.asked += 1
        return web.json_response({"keys": self.keys}, status=500 if self.broken else 200)


def unsigned() -> str:
    def part(value: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    return f"{part({'alg': 'none', 'typ': 'JWT', 'kid': 'ES256'})}.{part(claims())}."


def hmac_with_public_key() -> str:
    """The classic confusion: the published key, as bytes, used as the secret of HS256."""
    public = PRIVATE["RS256"].public_key()
    pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    head = {"alg": "HS256", "typ": "JWT", "kid": "RS256"}
    algorithm = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256)

    def part(value: bytes) -> bytes:
        return base64.urlsafe_b64encode(value).rstrip(b"=")

    signed = part(json.dumps(head).encode()) + b"." + part(json.dumps(claims()).encode())
    return (signed + b"." + part(algorithm.sign(signed, pem))).decode()


def forged() -> str:
    head, _, signature = token().split(".")
    other = base64.urlsafe_b64encode(json.dumps(claims(tenants=["*"])).encode()).decode().rstrip("=")
    return f"{head}.{other}.{signature}"


BAD: dict[str, tuple[Callable[[], str], str]] = {
    "expired": (lambda: token(exp=int(time.time()) - 3600), "it has expired"),
    "not yet valid": (lambda: token(nbf=int(time.time()) + 3600), "it is not valid yet"),
    "other audience": (lambda: token(aud="other"), "it is meant for another audience"),
    "other issuer": (lambda: token(iss="https://evil.test"), "it is of another issuer"),
    "without exp": (lambda: token(exp=None), "it lacks one of exp, iss, aud and sub"),
    "without sub": (lambda: token(sub=None), "it lacks one of exp, iss, aud and sub"),
    "without aud": (lambda: token(aud=None), "it lacks one of exp, iss, aud and sub"),
    "empty subject": (lambda: token(sub=""), "its subject is no name"),
    "unknown key": (lambda: token(kid="nobody"), "it is signed with a key that the auth service does not publish"),
    "key of another algorithm": (lambda: token("ES256", kid="RS256"), "its algorithm is not the one of its key"),
    "claims exchanged": (forged, "its signature is wrong"),
    "no signature": (unsigned, "it must name its key, and be signed by one of RS256, ES256, EdDSA"),
    "HMAC with the public key": (
        hmac_with_public_key,
        "it must name its key, and be signed by one of RS256, ES256, EdDSA",
    ),
    "no key id": (
        lambda: jwt.encode(claims(), PRIVATE["ES256"], "ES256"),
        "it must name its key, and be signed by one of RS256, ES256, EdDSA",
    ),
    "tenants of a wrong type": (lambda: token(tenants=[1]), "its claim tenants is no list of names"),
    "roles of a wrong type": (lambda: token(roles={"a": 1}), "its claim roles is no list of names"),
    "no token": (lambda: "garbage", "it is no JSON Web Token"),
    "empty": (lambda: "", "it is no JSON Web Token"),
    "endless": (lambda: "a" * 20_000, "it is too long"),
}
