"""What one line of a file does to strict mode."""

from __future__ import annotations

from typing import NamedTuple

from strictreal.facts.code import StrictAction


class Evasion(NamedTuple):
    """What one line does to strict mode; lines count from 1."""

    line: int
    action: StrictAction
    value: str = ""


class Unread(NamedTuple):
    """A place that may do something to strict mode and is not understood; lines count from 1."""

    line: int
    reason: str
