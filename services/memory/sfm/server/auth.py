"""Who calls: the bearer token of each call, either of the auth service or the fixed one for development."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from collections.abc import Iterable
from pathlib import Path

from common.utils.auth_client import Principal, TokenRefused, TokenVerifier

SCHEME = "bearer "
HEADER = "authorization"
TOKEN_FILE = "dev-token"  # noqa: S105 -- the name of a file
TOKEN_BYTES = 32
DEVELOPER = Principal("developer", frozenset({"*"}), frozenset({"admin"}))
"""Whom the development token stands for: every tenant, every role."""
Metadata = Iterable[tuple[str, str | bytes]]


class Authenticator:
    """Finds the principal of a call.

    Args:
        verifier: for tokens of the auth service; None when none is configured.
        dev_token: the fixed token; None when there is none, and always in strict mode.
    """

    def __init__(self, verifier: TokenVerifier | None, dev_token: str | None) -> None:
        self._verifier = verifier
        self._dev_digest = _digest(dev_token) if dev_token else None

    async def principal(self, metadata: Metadata) -> Principal:
        """Who calls.

        Raises:
            TokenRefused: there is no token, more than one, or none to believe.
            KeysUnavailable: it cannot be verified for now.
        """
        headers = [value for key, value in metadata if key == HEADER]
        if len(headers) != 1 or not isinstance(headers[0], str) or headers[0][: len(SCHEME)].lower() != SCHEME:
            raise TokenRefused(f"the call must bring one {HEADER} header, of the form 'Bearer <token>'")
        token = headers[0][len(SCHEME) :]
        if self._dev_digest and hmac.compare_digest(_digest(token), self._dev_digest):
            return DEVELOPER
        if self._verifier is None:
            raise TokenRefused("it is not the development token, and no auth service is configured")
        return await self._verifier.verify(token)


def make_dev_token(folder: Path) -> tuple[str, Path]:
    """A new token for development, in a file of this folder that its owner alone may read."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / TOKEN_FILE
    path.unlink(missing_ok=True)
    token = secrets.token_urlsafe(TOKEN_BYTES)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600), "w") as file:
        file.write(token)
    return token, path


def _digest(token: str) -> bytes:
    """Of equal length for every token, so that comparing takes equal time."""
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()
