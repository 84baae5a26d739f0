"""Evasions of strict mode in one file, as the collector sees them."""

from __future__ import annotations

from strictreal.collect import strictness
from strictreal.facts.code import StrictEvasion


def evasions(path: str, text: str) -> list[StrictEvasion]:
    return [fact for fact in strictness.facts_of((path, text.encode())) if isinstance(fact, StrictEvasion)]
