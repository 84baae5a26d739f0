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
