"""Checks of single fields. Each refusal names the field's path in the request, and what would be right."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
from google.protobuf.struct_pb2 import Struct, Value
from google.protobuf.timestamp_pb2 import Timestamp
from numpy.typing import NDArray

from sfm.errors import InvalidField

TENANT = re.compile(r"[A-Za-z0-9._-]{1,128}", re.ASCII)
ID_CHARACTERS = 256
KEY_CHARACTERS = 128
MICROSECONDS = 1_000_000
FIRST_SECOND, LAST_SECOND = -62_135_596_800, 253_402_300_799
"""0001-01-01 and 9999-12-31, the range of google.protobuf.Timestamp."""
LAST_NANOSECOND = 999_999_999
WEIGHTS_SLACK = 1e-12
"""What Σw may exceed 1 by: decimal weights such as ten times 0.1 do not add up to 1 exactly."""
SHOWN = 64
"""Characters of a name of the caller's that a message repeats."""


def tenant(value: str) -> str:
    """A tenant's name."""
    if not TENANT.fullmatch(value):
        raise InvalidField("tenant", "must be 1 to 128 of the characters A-Z a-z 0-9 . _ -")
    return value


def identifier(value: str, path: str = "id") -> str:
    """The id of a memory."""
    if not 1 <= len(value) <= ID_CHARACTERS or not value.isprintable():
        raise InvalidField(path, f"must be 1 to {ID_CHARACTERS} printable characters")
    return value


def idempotency_key(value: str) -> str:
    """A key of the caller's choice, or the empty string."""
    if len(value) > KEY_CHARACTERS or not value.isprintable():
        raise InvalidField("idempotency_key", f"must be at most {KEY_CHARACTERS} printable characters")
    return value


def retention(value: int, most: int) -> int:
    """How many memories to name, 0 to `most`."""
    if not 0 <= value <= most:
        raise InvalidField("retention", f"must be 0 to {most}, is {value}")
    return value


def number(value: float, path: str, low: float, high: float, *, above: bool = False) -> float:
    """A finite number in [low, high], or in (low, high] if it must be `above` low."""
    if not math.isfinite(value) or not low <= value <= high or (above and value == low):
        edge = "(" if above else "["
        raise InvalidField(path, f"must lie in {edge}{low:g}, {high:g}], not {value!r}")
    return value


def finite(value: float, path: str) -> float:
    """Any finite number."""
    if not math.isfinite(value):
        raise InvalidField(path, f"must be finite, not {value!r}")
    return value


def direction(values: Sequence[float], dimension: int, path: str) -> NDArray[np.float32]:
    """A vector that can be normalised, shape (dimension,)."""
    if len(values) != dimension:
        raise InvalidField(f"{path}.values", f"must have {dimension} components, not {len(values)}")
    found = np.fromiter(values, np.float32, dimension)
    usable = np.isfinite(found)
    if not usable.all():
        first = int(np.argmin(usable))
        raise InvalidField(f"{path}.values[{first}]", f"must be finite, not {float(found[first])!r}")
    if not found.any():
        raise InvalidField(f"{path}.values", "must have a norm above zero, since only its direction counts")
    return found


def microseconds(value: Timestamp, path: str) -> int:
    """Microseconds since the Unix epoch; smaller parts are cut off."""
    if not FIRST_SECOND <= value.seconds <= LAST_SECOND:
        raise InvalidField(f"{path}.seconds", "must lie in the years 1 to 9999")
    if not 0 <= value.nanos <= LAST_NANOSECOND:
        raise InvalidField(f"{path}.nanos", f"must lie in [0, {LAST_NANOSECOND}], not {value.nanos}")
    return value.seconds * MICROSECONDS + value.nanos // 1000


def channels(values: Mapping[str, float], known: Collection[str], path: str) -> dict[str, float]:
    """Feature channels: known names, each in [0, 1]."""
    return {name: number(value, _channel(name, known, path), 0.0, 1.0) for name, value in values.items()}


def weights(values: Mapping[str, float], known: Collection[str], path: str) -> dict[str, float]:
    """Exponents of feature channels: known names, each ≥ 0, their sum ≤ 1."""
    found = channels(values, known, path)
    if math.fsum(found.values()) > 1.0 + WEIGHTS_SLACK:
        raise InvalidField(path, f"must add up to at most 1, not {math.fsum(found.values())!r}")
    return found


def _channel(name: str, known: Collection[str], path: str) -> str:
    place = f"{path}[{shown(name)}]"
    if name not in known:
        names = ", ".join(sorted(known)) or "none"
        raise InvalidField(place, f"is no feature channel of this server, which has: {names}")
    return place


def metadata(value: Struct, path: str, largest: int, deepest: int) -> dict[str, Any]:
    """JSON, at most `largest` bytes on the wire and `deepest` levels of lists and objects, its numbers finite."""
    size = value.ByteSize()
    if size > largest:
        raise InvalidField(path, f"must be at most {largest} bytes, not {size}")
    return _object(value, path, deepest)


def _object(value: Struct, path: str, levels: int) -> dict[str, Any]:
    if levels <= 0:
        raise InvalidField(path, "is nested too deeply")
    return {key: _json(one, f"{path}[{shown(key)}]", levels - 1) for key, one in value.fields.items()}


def _json(value: Value, path: str, levels: int) -> Any:
    match value.WhichOneof("kind"):
        case "null_value":
            return None
        case "bool_value":
            return value.bool_value
        case "number_value":
            return finite(value.number_value, path)
        case "string_value":
            return value.string_value
        case "struct_value":
            return _object(value.struct_value, path, levels)
        case "list_value":
            if levels <= 0:
                raise InvalidField(path, "is nested too deeply")
            return [_json(one, f"{path}[{index}]", levels - 1) for index, one in enumerate(value.list_value.values)]
        case _:
            raise InvalidField(path, "must have a value; null is one")


def shown(name: str) -> str:
    """A name of the caller's as a message may repeat it: quoted, printable ASCII, and cut."""
    return ascii(name if len(name) <= SHOWN else name[:SHOWN] + "…")
