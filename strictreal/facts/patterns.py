"""What the pattern rules see in source files of every language they read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import ClassVar

from strictreal.model import Located, Natural


class SourceFile(Located, frozen=True, kw_only=True):
    """One source file over which every rule for its language was run."""

    language: str
    """As semgrep calls it: `javascript`, `go`, …"""
    lines: Natural
    role: str = "product"
    """`test`, or `product`."""
    note: str = ""
    """What could not be read of a Python file. Its syntax tree is read as well, so nothing is missing for it."""


class TestFile(Located, frozen=True, kw_only=True):
    """One file with tests in another language than Python, over which every rule for tests was run."""

    __test__: ClassVar[bool] = False
    language: str


class PatternMatch(Located, frozen=True, kw_only=True):
    """One place where a rule's pattern holds."""

    unit = "SourceFile"
    widens = True
    check: str
    """The check that the rule belongs to."""
    rule: str
    language: str
    message: str
    """What is there, as a phrase that a finding can begin with; redacted."""
    role: str = "product"


class TestMatch(PatternMatch, frozen=True, kw_only=True):
    """One place in a test where a rule for tests holds."""

    __test__: ClassVar[bool] = False
    unit = "TestFile"


class StrictMatch(PatternMatch, frozen=True, kw_only=True):
    """One place where a rule says that strict mode is turned off, in a file that names its variable."""

    unit = "StrictSource"
    widens = False


def of_check(matches: Iterable[PatternMatch], check: str, beside: Iterable[Located] = ()) -> Iterator[PatternMatch]:
    """The matches of one check's rules, one a line, without those that have a fact of `beside` on one of their lines.

    Python is read by syntax tree and by pattern: what both see is one thing.
    """
    known = {(fact.where.path, fact.where.line) for fact in beside}
    told: set[tuple[str, int]] = set()
    for match in matches:
        path, line = match.where.path, match.where.line
        if match.check != check or (path, line) in told:
            continue
        told.add((path, line))
        if not any((path, number) in known for number in range(line, max(line, match.where.end_line) + 1)):
            yield match
