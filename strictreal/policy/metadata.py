"""METADATA annotations: the comment block above a rule or package that says what it is for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from strictreal import kubeyaml
from strictreal.errors import StrictRealError
from strictreal.policy.syntax import Module

MAX_LINES = 200
_MARK = "# METADATA"


def annotation(module: Module, offset: int) -> dict[str, Any]:
    """The annotation that ends on the line above the rule or package at a byte offset; {} when there is none.

    An annotation that is not valid YAML, or not a mapping, counts as none.
    """
    row = module.place(offset)[0] - 2
    block: list[str] = []
    while row >= 0 and len(block) <= MAX_LINES and module.lines[row].startswith("#"):
        line = module.lines[row]
        if line.strip() == _MARK:
            return _read("\n".join(reversed(block)))
        block.append(line[2:] if line.startswith("# ") else line[1:])
        row -= 1
    return {}


def _read(text: str) -> dict[str, Any]:
    try:
        value = kubeyaml.parse(text).value
    except (ValueError, StrictRealError):
        value = None  # OPA does not take it for an annotation either
    return value if isinstance(value, dict) else {}


def text(found: Mapping[str, Any], *path: str) -> str:
    """A string inside an annotation, "" when it is absent or no string."""
    value: Any = found
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, str) else ""
