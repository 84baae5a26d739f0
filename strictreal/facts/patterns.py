"""What the pattern rules see in source files of every language they read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from strictreal.model import Located, Natural


class ScannedFile(Located, frozen=True, kw_only=True):
    """One source file over which every rule for its language was run."""

    language: str
    """As semgrep calls it: `javascript`, `go`, …"""
    lines: Natural
    role: str = "product"
    """`test`, or `product`."""
    note: str = ""
    """What could not be read of a Python file. Its syntax tree is read as well, so nothing is missing for it."""


class PatternMatch(Located, frozen=True, kw_only=True):
    """One place where a rule's pattern holds."""

    unit = "ScannedFile"
    check: str
    """The check that the rule belongs to."""
    rule: str
    language: str
    message: str
    """What is there, as a phrase that a finding can begin with; redacted."""
    role: str = "product"


def of_check(matches: Iterable[PatternMatch], check: str, beside: Iterable[Located] = ()) -> Iterator[PatternMatch]:
    """The matches of one check's rules, one a line, without the lines at which `beside` already has a fact.

    Python is read by syntax tree and by pattern: what both see is one thing.
    """
    seen = {(fact.where.path, fact.where.line) for fact in beside}
    for match in matches:
        place = (match.where.path, match.where.line)
        if match.check == check and place not in seen:
            seen.add(place)
            yield match
