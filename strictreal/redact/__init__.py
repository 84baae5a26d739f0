"""Secrets never reach a fact: what looks like one is replaced before anything is hashed or kept.

Three ways to see a secret in a line: its own shape (`shapes`), its place in an address (`addresses`), and the name that
it is given to (`names`, `values`). Collectors that have a syntax tree or a document look there as well.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

from strictreal.redact import addresses, shapes, values
from strictreal.redact.randomness import is_random
from strictreal.redact.shapes import Span, is_issued
from strictreal.redact.values import MARK

__all__ = ["CONTEXT", "LIMIT", "MARK", "is_issued", "is_random", "redact", "redact_line", "redact_path"]

LIMIT = 4096
"""Characters of a line that are kept at most."""
_LOOKAHEAD = 1024
"""Characters beyond the limit that are read, so that a secret that straddles the limit is still seen whole."""
CONTEXT = 3
"""Lines before one that may say that it holds a secret."""
_ENDING = 8
"""Characters of the ending of a file's name, at most."""
_TOLD = 8
"""Hexadecimal digits of a secret's digest in a redacted name: too few to tell it by."""
_PASSES = 4
"""What stands beside a secret that was replaced may show as another one."""
_SUSPECT = re.compile(
    r"(?i)pass|pw|secret|token|key|cred|auth|bearer|basic|dsn|sig|conn|cookie|jwt|pat|otp|sas|://|-----BEGIN|slack\.com"
    r"|(?<!\w)-[pua]|[A-Za-z0-9+/_=-]{16}|SG\.|ya29|hv[sbr]\."
)
"""What every line has that holds something to replace: a quick look before the careful one."""


def redact(text: str, limit: int = LIMIT, *, unquoted: bool = False) -> str:
    """The text, cut at `limit` characters, with secrets replaced by MARK.

    Args:
        text: one line, or a sentence.
        unquoted: whether words without quotes are data where it comes from, as in YAML, shell and Dockerfiles.
    """
    if not _SUSPECT.search(text, 0, limit + _LOOKAHEAD):
        return text[:limit]
    return _redacted(text[: limit + _LOOKAHEAD], limit, unquoted)


@lru_cache(maxsize=4096)
def redact_path(path: str) -> str:
    """A path without secrets that stand in its names, each replaced by a mark with its own digest.

    The digest keeps two such names apart, and fingerprints as they are from run to run. Names that merely look random
    stay, as those of caches and migrations do: only issued tokens and what follows a secret's name and `=` are replaced.
    """
    if not _SUSPECT.search(path):
        return path
    parts = path.split("/")
    for index, part in enumerate(parts):
        stem, dot, ending = part.rpartition(".")
        stem, ending = (stem, dot + ending) if stem and len(ending) <= _ENDING else (part, "")
        found = [*shapes.issued(stem), *addresses.passwords(stem)]
        if "=" in stem:
            found += [*values.values(stem, unquoted=True), *addresses.parameters(stem)]
        for start, end in _merged(found):
            told = hashlib.sha256(stem[start:end].encode(errors="surrogateescape")).hexdigest()[:_TOLD]
            stem = f"{stem[:start]}[redacted-{told}]{stem[end:]}"
        parts[index] = stem + ending
    return "/".join(parts)


def _merged(spans: Iterable[Span]) -> list[Span]:
    """Spans without overlaps, the last first."""
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(end, merged[-1][1])
        else:
            merged.append((start, end))
    return merged[::-1]


def redact_line(lines: Sequence[str], number: int, limit: int = LIMIT, *, unquoted: bool = False) -> str:
    """One line of source, counted from 1, as `redact` gives it, its secrets seen from the lines before it as well."""
    line = lines[number - 1]
    before = [each[-_LOOKAHEAD:] for each in lines[max(0, number - 1 - CONTEXT) : number - 1]]
    if not any(map(_SUSPECT.search, before)):
        return redact(line, limit, unquoted=unquoted)
    around = "\n".join([*before, ""])
    spans = _spans(around + line[: limit + _LOOKAHEAD], unquoted=unquoted)
    inside = [(max(0, start - len(around)), end - len(around)) for start, end in spans if end > len(around)]
    text, cut = _replace(line[: limit + _LOOKAHEAD], inside, min(limit, len(line)))
    return redact(text[:cut], limit + len(MARK), unquoted=unquoted)


@lru_cache(maxsize=512)
def _redacted(text: str, limit: int, unquoted: bool) -> str:  # noqa: FBT001
    cut = min(limit, len(text))
    for _ in range(_PASSES):
        found = _spans(text, unquoted=unquoted)
        if not found:
            break
        text, cut = _replace(text, found, cut)
    return text[:cut]


def _spans(text: str, *, unquoted: bool) -> list[Span]:
    """Everything in a text that is to be replaced."""
    return [
        *shapes.issued(text),
        *addresses.passwords(text),
        *addresses.parameters(text),
        *values.values(text, unquoted=unquoted),
        *shapes.drawn(text),
    ]


def _replace(text: str, spans: Iterable[Span], cut: int) -> tuple[str, int]:
    """The text with each span replaced, and where the character at `cut` is now; a span across it ends there."""
    done, position, length = [], 0, 0
    for start, end in _joined(spans):
        if start >= cut:
            break
        done += [text[position:start], MARK]
        length += start - position + len(MARK)
        position = end
    return "".join(done) + text[position:], length + max(cut - position, 0)


def _joined(spans: Iterable[Span]) -> list[Span]:
    """Spans in order, those that overlap as one."""
    joined: list[Span] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(joined[-1][1], end)
        elif end > start:
            joined.append((start, end))
    return joined
