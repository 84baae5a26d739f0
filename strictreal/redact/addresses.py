"""What addresses keep secret: the password before the host, and the parameters of a query."""

from __future__ import annotations

import re
from collections.abc import Iterator

from strictreal.redact import names
from strictreal.redact.randomness import is_random

Span = tuple[int, int]

_AUTHORITY = re.compile(r"""(?<![A-Za-z0-9+.-])[A-Za-z][A-Za-z0-9+.-]{0,30}://([^\s/'"`<>]{1,1000})""")
_PAIR = re.compile(r"""(?<![\w.%-])([\w.%-]{1,80})=([^&\s"'`<>\\]{1,4096})""")
_JOINTS = ("&", "&amp;", "\\u0026")
_SIGNED = frozenset(("sig", "signature", "xamzsignature", "xgoogsignature", "xossignature"))
_PLACEHOLDER = ("$", "{", "<", "%(", "*", "[redacted]")


def passwords(text: str) -> Iterator[Span]:
    """The password, or the token in place of a user, of every address `scheme://user:password@host`."""
    for match in _AUTHORITY.finditer(text):
        user, at, _ = match[1].rpartition("@")
        name, colon, password = user.partition(":")
        start = match.start(1)
        if not at:
            continue
        if colon and password and not password.startswith(_PLACEHOLDER):
            yield start + len(name) + 1, start + len(user)
        elif not colon and is_random(name):
            yield start, start + len(name)


def parameters(text: str) -> Iterator[Span]:
    """The values of secret parameters of every query; of one that carries a signature, all values."""
    query: list[re.Match[str]] = []
    for match in _PAIR.finditer(text):
        if query and text[query[-1].end() : match.start()] not in _JOINTS:
            yield from _secret_values(text, query)
            query = []
        query.append(match)
    if query:
        yield from _secret_values(text, query)


def _secret_values(text: str, query: list[re.Match[str]]) -> Iterator[Span]:
    first = query[0]
    if len(query) == 1 and text[first.start() - 1 : first.start()] not in ("?", "&", "#", ";"):
        return  # an assignment, which is not judged here
    signed = any("".join(names.words(match[1])) in _SIGNED for match in query)
    for match in query:
        value = match[2].rstrip(").,;]}")
        if value and (signed or names.is_secret(match[1])) and not value.startswith(_PLACEHOLDER):
            yield match.start(2), match.start(2) + len(value)
