"""What a repository says of itself: status tags, sentences such as "no stubs", and strict mode in its pipelines."""

from __future__ import annotations

from typing import Literal

import msgspec

from strictreal.model import Located, Natural

Status = Literal["todo", "active", "review", "done", "blocked"]
Role = Literal["made", "within", "touched", "removed", "left", "aside"]
Says = Literal["no-stubs", "no-mocks", "no-fake-data", "no-fallbacks", "real", "complete", "production-ready"]


class Document(Located, frozen=True, kw_only=True):
    """One Markdown or reStructuredText file that was read: the unit in which documents are examined."""

    lines: Natural


class Mention(msgspec.Struct, frozen=True, kw_only=True):
    """A file, folder or symbol that a claim names."""

    text: str
    kind: Literal["file", "folder", "symbol"]
    role: Role
    """What the sentence does with it: `made` (added, written), `within` (something is made in it), `touched` (changed,
    linked), `removed`, `left` behind by a move, or `aside`: read, generated, given as an example."""
    found: tuple[str, ...] = ()
    """Paths of the subject that it may denote, at most 20; for a folder, the folder with a final slash."""
    exact: bool = False
    """True when the path stands where it says, seen from the root or from the document, and not merely somewhere."""


class StatusClaim(Located, frozen=True, kw_only=True):
    """What a document says of the state of one piece of work."""

    unit = "Document"
    status: Status
    form: Literal["task", "tag", "column", "line", "section"]
    """`- [x]`, `[DONE]`, a cell of a status column, `Status: done`, or inherited from the heading above."""
    text: str
    """The item's own words, redacted."""
    mentions: tuple[Mention, ...] = ()
    open_lines: tuple[Natural, ...] = ()
    """Lines of items below this one that are still open."""


class DocumentClaim(Located, frozen=True, kw_only=True):
    """A sentence in a document that asserts something about the present code."""

    unit = "Document"
    says: tuple[Says, ...]
    sentence: str
    covers: tuple[str, ...]
    """Paths it speaks of: files, or folders with a final slash; "/" is the whole subject. Empty: it cannot be told."""
    within: str = ""
    """`tests`, or one kind of tests (`integration`), where the sentence speaks of those alone."""


class CodeClaim(Located, frozen=True, kw_only=True):
    """A docstring or comment that asserts something about the code it stands in."""

    unit = "Module"
    says: tuple[Says, ...]
    sentence: str
    covers: str
    """The module's path, or its folder with a final slash for a package's own docstring."""
    first_line: Natural = 0
    last_line: Natural = 0
    """The definition it speaks of; 0 means all of it."""


class Pipeline(Located, frozen=True, kw_only=True):
    """One CI workflow file that was read."""

    jobs: Natural


class StrictClaim(Located, frozen=True, kw_only=True):
    """A workflow that says it runs in strict mode (`SOMABRAIN_STRICT_REAL=1`)."""

    unit = "Pipeline"
    variable: str
