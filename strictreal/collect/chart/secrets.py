"""Manifests without what they keep secret: redacted before they become facts, valid for their schema afterwards."""

from __future__ import annotations

import base64
import re
from typing import Any

from strictreal.collect.redact import MARK, redact
from strictreal.model import canonical

MARK_BASE64 = base64.b64encode(MARK.encode()).decode()
_SECRET_NAME = re.compile(
    r"(?i)(?:pass(?:word|wd|phrase)?|pwd|(?:api|access|account|auth|encryption|master|private|secret|shared|signing|storage)"
    r"[_-]?key|(?:client|shared|app)[_-]?secret|credentials?|dsn|token)$"
)
_PIECE = 64 * 1024
"""Characters of a line that are looked at together."""
_WORDS = (
    "pass",
    "pwd",
    "key",
    "token",
    "secret",
    "credential",
    "authorization",
    "dsn",
    "connection",
    "bearer",
    "basic",
)
_SHAPES = (
    *("-----BEGIN", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "xox", "xapp-", "slack.com/services"),
    *("AKIA", "ASIA", "ABIA", "ACCA", "A3T", "AIza", "ya29.", "k_live_", "k_test_", "whsec_", "SG.", "GOCSPX-"),
    *("eyJ", "hvs.", "hvb.", "hvr.", "npm_", "pypi-", "hf_", "_v1_", "dapi", "AGE-SECRET-KEY", "EAA"),
)
_LOOSER_SHAPES = tuple(
    map(re.compile, (r"://[^\s/:@]{0,200}:[^\s/@]{1,200}@", r"sk-[\w-]{16}", r"gl[a-z]{2,5}-[\w-]{16}"))
)
"""What every secret that `redact` knows by its shape has in it: a quick look before the careful one."""


def redacted(document: dict[str, Any], encoded: bytes) -> bytes:
    """The document as canonical JSON with secret values replaced.

    Args:
        encoded: its canonical JSON as it is, which tells quickly that most documents hold nothing secret.
    """
    if document.get("kind") == "Secret":
        return canonical(_walk({key: _emptied(value, key) for key, value in document.items()}))
    text = encoded.decode()
    # A definition is full of fields called key and token; what they hold is described, not given.
    named = document.get("kind") != "CustomResourceDefinition" and _any(_WORDS, text.lower())
    return canonical(_walk(document)) if named or _shaped(text) else encoded


def _any(parts: tuple[str, ...], text: str) -> bool:
    return any(part in text for part in parts)


def _shaped(text: str) -> bool:
    return _any(_SHAPES, text) or any(shape.search(text) for shape in _LOOSER_SHAPES)


def _emptied(values: Any, field: str) -> Any:
    if field not in ("data", "stringData") or not isinstance(values, dict):
        return values
    return dict.fromkeys(values, MARK_BASE64 if field == "data" else MARK)


def _walk(value: Any, secret: bool = False) -> Any:  # noqa: FBT001, FBT002
    if isinstance(value, str):
        return MARK if secret and value and value != MARK_BASE64 else _clean(value)
    if isinstance(value, list):
        return [_walk(item) for item in value]
    if not isinstance(value, dict):
        return value
    # An environment variable says its name in one field and its value in another.
    name = value.get("name")
    named = isinstance(name, str) and bool(_SECRET_NAME.search(name[-80:]))
    return {
        key: _walk(item, bool(_SECRET_NAME.search(key[-80:])) or (named and key == "value"))
        for key, item in value.items()
    }


def _clean(text: str) -> str:
    """A string without what `redact`, which looks at one line, finds in it."""
    if len(text) < 8 or not (_any(_WORDS, text.lower()) or _shaped(text)):
        return text
    if "-----BEGIN" in text and "PRIVATE KEY" in text:
        return MARK
    return "\n".join(map(_clean_line, text.split("\n")))


def _clean_line(line: str) -> str:
    pieces = (line[start : start + _PIECE] for start in range(0, len(line), _PIECE))
    return "".join(redact(piece, len(piece)) for piece in pieces)
