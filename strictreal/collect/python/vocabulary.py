"""Word lists that detectors recognise names by."""

from __future__ import annotations


def vocabulary(text: str) -> frozenset[str]:
    """The words of a text, separated by white space."""
    return frozenset(text.split())
