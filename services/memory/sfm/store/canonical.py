"""What a caller gives, in the one form in which it is stored, compared and digested."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from typing import Any

from sfm.errors import InvalidField

DEEPEST = 100
"""Nesting of metadata, as protobuf bounds it too."""
DIGEST_BYTES = 16


def text(value: Any, field: str) -> str:
    """Canonical JSON: sorted keys, no spaces, ASCII, every number a double, as google.protobuf.Struct has it.

    Raises:
        InvalidField: the value is no such JSON; names the place.
    """
    return _dumps(_plain(value, field, 0))


def fragments(metadata: Mapping[str, Any], field: str) -> dict[str, str]:
    """For each entry the piece of text that the canonical form of everything with this entry contains."""
    return {f"{_dumps(name)}:{text(value, f'{field}.{name}')}": name for name, value in metadata.items()}


def has_entries(stored: str, wanted: Mapping[str, str]) -> bool:
    """Whether stored metadata has all entries, given as by `fragments`. Text decides no, only a parse decides yes."""
    if not all(fragment in stored for fragment in wanted):
        return False
    entries = json.loads(stored)
    return all(
        name in entries and f"{_dumps(name)}:{_dumps(entries[name])}" == fragment for fragment, name in wanted.items()
    )


def digest(*parts: bytes) -> bytes:
    """128 bits of SHA-256 over parts, each with its length before it."""
    state = hashlib.sha256()
    for part in parts:
        state.update(len(part).to_bytes(8, "big"))
        state.update(part)
    return state.digest()[:DIGEST_BYTES]


def _dumps(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def _plain(value: Any, place: str, depth: int) -> Any:
    if depth > DEEPEST:
        raise InvalidField(place, f"is nested more than {DEEPEST} deep")
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int | float):
        try:
            number = float(value) + 0.0  # so that −0 is 0, which SQLite makes of it
        except OverflowError:
            number = math.inf
        if not math.isfinite(number):
            raise InvalidField(place, "must be a finite number")
        return number
    if isinstance(value, Mapping):
        if not all(isinstance(name, str) for name in value):
            raise InvalidField(place, "must have names that are text")
        return {name: _plain(item, f"{place}.{name}", depth + 1) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item, f"{place}[{at}]", depth + 1) for at, item in enumerate(value)]
    raise InvalidField(place, f"must be JSON, not {type(value).__name__}")
