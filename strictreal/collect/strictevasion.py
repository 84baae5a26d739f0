"""What one line of a file does to strict mode."""

from __future__ import annotations

from typing import NamedTuple

from strictreal.facts.code import StrictAction


class Evasion(NamedTuple):
    """What one line does to strict mode; lines count from 1."""

    line: int
    action: StrictAction
    value: str = ""
