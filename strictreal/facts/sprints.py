"""What a roadmap demands: sprints, their acceptance criteria, and the checks that prove each of them."""

from __future__ import annotations

from typing import Literal

import msgspec

from strictreal.model import Located, Natural

Lane = Literal["embedded", "local", "kind"]
LANES: tuple[Lane, ...] = ("embedded", "local", "kind")
"""From the least to the most that a run can see; each lane sees what the lanes before it see."""


class Criterion(msgspec.Struct, frozen=True, kw_only=True):
    """One acceptance statement of a sprint."""

    id: str
    text: str
    checks: tuple[str, ...] = ()
    """Ids or globs of the checks that prove it; empty while there is no such check."""
    lane: Lane = "embedded"
    """The least lane whose facts can prove it."""
    note: str = ""
    line: Natural = 0


class Sprint(msgspec.Struct, frozen=True, kw_only=True):
    """One sprint of a roadmap."""

    id: str
    title: str
    goal: str
    criteria: tuple[Criterion, ...]
    line: Natural = 0


class Roadmap(Located, frozen=True, kw_only=True):
    """One roadmap file of the subject, as the audit read it."""

    id: str
    title: str
    source: str
    sprints: tuple[Sprint, ...]
    sha256: str
    """Of the file's bytes."""
