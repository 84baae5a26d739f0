"""Which names say that their value is a secret: of variables, keys, parameters, options and headers."""

from __future__ import annotations

import itertools
import re

LONGEST = 120
"""Characters of a name that are looked at, its last ones."""
_STEM = re.compile(r"(?i)pass|pw|secret|token|key|cred|auth|bearer|dsn|sig|conn|cookie|jwt|pat|otp|sas")
"""One of these is in every name that says so."""
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_SECRETS = frozenset(
    """
    password passwd passphrase passcode passwords pass pw pwd secret secrets token tokens apikey apikeys credential
    credentials cred creds authorization auth bearer dsn sig signature cookie jwt pat otp accesskey secretkey privatekey
    signingkey connectionstring connstr sas authtoken accesstoken
    """.split()
)
_KEYS = frozenset(
    """
    api access secret private signing encryption auth account master service client hmac jwt app license
    subscription shared storage cipher aes fernet session root admin deploy ssh tls
    """.split()
)
_WEAK = frozenset(
    "secret secrets auth bearer sig signature cookie pass pat otp sas cred creds key token tokens".split()
)
"""Words that also name where a secret is kept, or a way of using one: their values may be plain names."""
_SUFFIXES = frozenset(
    "default value str string b bytes prod dev test production plain plaintext text raw old new current env var base "
    "b64 param hex enc encoded literal".split()
)
_NO_SECRET = frozenset(
    """
    name names ref refs file files path paths dir length size min max count policy type kind enabled required ttl expiry
    expires expiration timeout url uri endpoint header field id ids limit budget lifetime index rotation label
    """.split()
)
"""A name that ends so tells something about a secret."""


def words(name: str) -> list[str]:
    """The words of a name in lower case: `dbPassword`, `DB_PASSWORD` and `db-password` have the same two."""
    return [word.lower() for word in _WORDS.findall(name[-LONGEST:])]


def is_secret(name: str) -> bool:
    """Whether the value of a name is a secret: of `DB_PASSWORD`, `X-Amz-Signature`, `pw`, not of `password_length`."""
    return bool(_secret_word(name))


def is_surely_secret(name: str) -> bool:
    """Whether the value is a secret whatever it looks like: of `password`, not of `auth`, which may be `basic`."""
    word = _secret_word(name)
    return bool(word) and (word not in _WEAK or len(words(name)) > 1)


def speaks_of_secret(name: str) -> bool:
    """Whether a name has to do with a secret at all, so that a literal given to it is better not shown."""
    if not _STEM.search(name):
        return False
    found = words(name)
    if found and (found[-1] in _NO_SECRET or found[0] in ("max", "min", "num", "n")):
        return False
    return any(word in _SECRETS or _joined(word) for word in found) or _is_key(found) or is_secret(name)


def _secret_word(name: str) -> str:
    if not _STEM.search(name):
        return ""
    found = words(name)
    while len(found) > 1 and found[-1] in _SUFFIXES and "".join(found[-2:]) not in _SECRETS:
        found.pop()
    if not found or found[0] in ("max", "min", "num", "n"):
        return ""
    if found[-1] in _SECRETS or _joined(found[-1]):
        return found[-1]
    if _is_key(found[-2:]):
        return found[-2] + found[-1]
    together = "".join(found[-2:])
    return together if together in _SECRETS else ""


def _joined(word: str) -> bool:
    """`dbpassword` and `mysqlpwd`, written together."""
    return len(word) > 4 and word.endswith(("password", "passwd", "passphrase", "pwd", "apikey", "authtoken"))


def _is_key(found: list[str]) -> bool:
    return any(word == "key" and before in _KEYS for before, word in itertools.pairwise(found))
