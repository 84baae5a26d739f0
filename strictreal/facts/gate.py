"""What the gate itself is made of: its waivers, and how they and its settings differ from the base revision."""

from __future__ import annotations

from strictreal.model import Located, Natural


class WaiverFile(Located, frozen=True, kw_only=True):
    """The subject's file of waivers, and how many it holds."""

    waivers: Natural


class WaiverProblem(Located, frozen=True, kw_only=True):
    """An entry of the waiver file that cannot be used, and why."""

    unit = "WaiverFile"
    problem: str


class Comparison(Located, frozen=True, kw_only=True):
    """The base revision against which this run was compared."""

    base: str
    """The full commit id."""


class GateChange(Located, frozen=True, kw_only=True):
    """One setting, waiver or threshold of the gate that differs from the base revision."""

    unit = "Comparison"
    name: str
    before: str
    """Canonical JSON, or "" where the base has none."""
    after: str
    tightens: bool
    """True only for what can but add findings: an exclusion or waiver removed, a demand added."""


class Configuration(Located, frozen=True, kw_only=True):
    """The subject's own configuration of the audit, and what there is that it could take out of it."""

    files: Natural
    sources: Natural
    """How many files are source code in a language that rules read."""
    lines: Natural = 0
    """Lines of those files; counted where there are exclusions."""
    excluded: Natural = 0
    """Lines of those files that the exclusions take out together."""
    allowed: Natural = 100
    """Percent of the lines that they may take out, as the configuration says."""


class Exemption(Located, frozen=True, kw_only=True):
    """One pattern by which the configuration takes files out of a check or of the audit."""

    unit = "Configuration"
    setting: str
    """`settings`, `exclude` or `unread`."""
    glob: str
    matched: Natural
    """How many files it takes out."""
    of: Natural
    """How many it could take out: source files for `settings` and `unread`, all files for `exclude`."""
    unbounded: bool
    """The pattern names no folder or file, nor a telling part of one, such as `*` or `*.py`."""
    reasoned: bool = True
    """Whether the reason that is given says something, as that of a waiver must; True where none is needed."""
    lines: Natural = 0
    """Lines of source code that it takes out; counted for `exclude`."""
    ordinary: tuple[str, ...] = ()
    """Of modules that `settings` names, the first that are none by name, and that do something else for the most part."""


class Emptied(Located, frozen=True, kw_only=True):
    """Files of one kind that a setting takes out of sight."""

    unit = "Configuration"
    setting: str
    """`exclude`: all of the kind are excluded. `evidence`: some lie in the folder of evidence, which is not read."""
    kind: str
    count: Natural
