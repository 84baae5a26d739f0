"""Manifests without what they keep secret: redacted before they become facts, valid for their schema afterwards.

A manifest is redacted by its structure. What a Secret holds goes whole, and wherever else the same value stands; so
does what stands under a secret name: a key, an annotation, the name of an environment variable, an option before its
argument. Texts inside, such as the files of a ConfigMap, are read as the texts they are.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Collection
from typing import Any

import msgspec

from strictreal.collect.chart import lines
from strictreal.model import canonical
from strictreal.redact import MARK, names

MARK_BASE64 = base64.b64encode(MARK.encode()).decode()
SHORTEST = 6
"""Characters of a Secret's value that is looked for elsewhere; a shorter one is too common."""
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_SUSPECT = re.compile(
    r"(?i)pass|pw|secret|token|key|cred|auth|bearer|basic|dsn|sig|conn|cookie|jwt|pat|otp|sas|last-applied"
    r"""|://[^\s/"]{1,300}@|-----BEGIN|slack\.com|"-[pua]|[A-Za-z0-9+/_-]{16}|SG\.|ya29|hv[sbr]\."""
)
"""What every document has that holds something to replace: a quick look before the careful one."""
_OPTION = re.compile(r"-{1,2}[A-Za-z][\w.-]{0,80}")
_PLAIN_VALUE = re.compile(r"(?:true|false|\d+|[a-z]+(?:[-.][a-z]+)*)")
_PASSWORD = re.compile(r"(?i)(?:pass(?:word|wd|phrase|code)?|pwd|pw)$")
_CERTIFICATE = "LS0tLS1CRUdJTiBDRVJUSUZJ"
"""`-----BEGIN CERTIFI` in base64."""


def known(document: Any) -> frozenset[str]:
    """The values that a Secret holds, as they are and in base64; nothing of other objects."""
    if not isinstance(document, dict) or document.get("kind") != "Secret":
        return frozenset()
    found: set[str] = set()
    for field in ("data", "stringData"):
        held = document.get(field)
        for value in held.values() if isinstance(held, dict) else ():
            plain = (_decoded(value) if field == "data" else value) if isinstance(value, str) else ""
            if len(plain) >= SHORTEST and any(character.isdigit() for character in plain):
                found |= {plain, base64.b64encode(plain.encode(errors="replace")).decode()}
    return frozenset(found)


def _decoded(value: str) -> str:
    try:
        return base64.b64decode(value, validate=True).decode()
    except (binascii.Error, ValueError):
        return ""


def redacted(document: dict[str, Any], encoded: bytes, held: Collection[str] = ()) -> bytes:
    """The document as canonical JSON with secret values replaced.

    Args:
        encoded: its canonical JSON as it is, which tells quickly that many documents hold nothing secret.
        held: what the Secrets beside it hold.
    """
    text = encoded.decode()
    beside = [value for value in sorted(held, key=lambda value: (-len(value), value)) if _json(value) in text]
    if document.get("kind") == "Secret":
        document = {key: _emptied(value, key) for key, value in document.items()}
    elif not beside and (not _SUSPECT.search(text) or _describes(document)):
        return encoded
    return canonical(_Walk(tuple(beside)).value(document))


def _describes(document: dict[str, Any]) -> bool:
    """A definition is full of fields called key and token; what they hold is described, not given."""
    return document.get("kind") == "CustomResourceDefinition"


def _json(value: str) -> str:
    return msgspec.json.encode(value).decode()[1:-1]


def _emptied(values: Any, field: str) -> Any:
    if field not in ("data", "stringData") or not isinstance(values, dict):
        return values
    return dict.fromkeys(values, MARK_BASE64 if field == "data" else MARK)


class _Walk:
    """One document on its way to being redacted."""

    def __init__(self, held: tuple[str, ...]) -> None:
        self.held = held

    def value(self, value: Any, name: str = "") -> Any:
        """A value that has a name: the key that it stands under, or the environment variable that it is of."""
        if isinstance(value, str):
            return self._text(value, name)
        if isinstance(value, list):
            return self._items(value, name)
        if not isinstance(value, dict):
            number = isinstance(value, int) and not isinstance(value, bool) and value > 999
            return MARK if number and _PASSWORD.search(name) else value
        # An environment variable says its name in one field and its value in another.
        variable = value.get("name", value.get("key"))
        if isinstance(variable, str) and "value" in value and names.is_secret(variable):
            kept = self.value(value["value"], variable)
            value = {**value, "value": MARK if isinstance(kept, dict | list) else kept}
        return {key: self.value(item, _last(key)) for key, item in value.items()}

    def _items(self, items: list[Any], name: str) -> list[Any]:
        """A list; the argument of an option is the item after it."""
        done: list[Any] = []
        option = ""
        for item in items:
            argument = isinstance(item, str) and option and not item.startswith("-")
            secret = argument and (names.is_secret(option) or (option == "-p" and not _PLAIN_VALUE.fullmatch(item)))
            done.append(_masked(item) if secret else self.value(item, name))
            option = item if isinstance(item, str) and _OPTION.fullmatch(item) else ""
        return done

    def _text(self, text: str, name: str) -> str:
        if text in ("", MARK, MARK_BASE64):
            return text
        if names.is_secret(name) and (names.is_surely_secret(name) or not _PLAIN_VALUE.fullmatch(text)):
            return _masked(text)
        if name == _last(_LAST_APPLIED) and text.startswith("{"):
            return self._applied(text)
        for value in self.held:
            text = text.replace(value, MARK)
        if text.startswith(_CERTIFICATE) or not _SUSPECT.search(text):
            return text
        return "\n".join(lines.redacted(text)) if "\n" in text else lines.line(text)

    def _applied(self, text: str) -> str:
        """The object as it was applied, which kubectl keeps in an annotation."""
        try:
            applied = msgspec.json.decode(text)
            return redacted(applied, canonical(applied), self.held).decode()
        except (msgspec.DecodeError, AttributeError, RecursionError):
            return MARK


def _last(key: str) -> str:
    """The name of an annotation without its domain."""
    return key.rpartition("/")[2]


def _masked(text: str) -> str:
    """In place of a secret; what another field or the cluster puts in its place stays."""
    return text if re.fullmatch(r"\$\([\w.-]+\)", text) else MARK
