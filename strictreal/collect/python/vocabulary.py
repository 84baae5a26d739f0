"""Word lists that detectors recognise names by, written as the facts write theirs."""

from __future__ import annotations

from strictreal.facts.behaviour import vocabulary

__all__ = ["vocabulary"]
