"""What changed between two runs, by the identity of findings rather than by their lines. Pure."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from strictreal.evidence.listing import Bundle
from strictreal.model import Finding, Outcome, Result


class OutcomeChange(msgspec.Struct, frozen=True, kw_only=True):
    """A check whose result differs. An outcome is None where the run did not have the check."""

    check: str
    before: Outcome | None
    after: Outcome | None
    examined_before: int = 0
    examined_after: int = 0
    reason_before: str = ""
    reason_after: str = ""


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One fact about the runs themselves that differs: tree, suite, engine, a tool, …"""

    what: str
    before: str
    after: str


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that differs from run A to run B."""

    outcomes: tuple[OutcomeChange, ...]
    appeared: tuple[Finding, ...]
    disappeared: tuple[Finding, ...]
    waived: tuple[Finding, ...]
    """Findings of both runs that only B has waived."""
    unwaived: tuple[Finding, ...]
    """Findings of both runs that only A had waived."""
    fewer: tuple[OutcomeChange, ...] = ()
    """Checks of both runs that examined less in B, whatever their outcomes."""
    about: tuple[Change, ...]

    @property
    def same(self) -> bool:
        """True when the verdicts are the same; trees, tools and how much was examined may differ."""
        return not (self.outcomes or self.appeared or self.disappeared or self.waived or self.unwaived)


def compare(before: tuple[Result, ...], after: tuple[Result, ...]) -> Difference:
    """The difference between two lists of results."""
    old, new = ({result.check: result for result in results} for results in (before, after))
    gone, come = _by_fingerprint(before), _by_fingerprint(after)
    both = [(gone[key], come[key]) for key in gone.keys() & come.keys()]
    return Difference(
        outcomes=tuple(
            _outcome(check, old.get(check), new.get(check))
            for check in sorted(old.keys() | new.keys())
            if _summary(old.get(check)) != _summary(new.get(check))
        ),
        appeared=_ordered([come[key] for key in come.keys() - gone.keys()]),
        disappeared=_ordered([gone[key] for key in gone.keys() - come.keys()]),
        waived=_ordered([b for a, b in both if b.waived and not a.waived]),
        unwaived=_ordered([b for a, b in both if a.waived and not b.waived]),
        fewer=tuple(
            _outcome(check, old[check], new[check])
            for check in sorted(old.keys() & new.keys())
            if new[check].examined < old[check].examined
        ),
        about=(),
    )


def diff(a: Bundle, b: Bundle) -> Difference:
    """What changed from bundle `a` to bundle `b`."""
    found = compare(a.results.results, b.results.results)
    old, new = _about(a), _about(b)
    about = (
        Change(what=what, before=old.get(what, ""), after=new.get(what, ""))
        for what in dict.fromkeys([*old, *new])
        if old.get(what, "") != new.get(what, "")
    )
    return msgspec.structs.replace(found, about=tuple(about))


def _about(bundle: Bundle) -> Mapping[str, str]:
    said = bundle.predicate
    return {
        "tree": said.subject.tree,
        "commit": said.subject.commit,
        "dirty paths": str(said.subject.dirty),
        "base": said.base.commit if said.base else "",
        "lane": said.lane,
        "strict": str(said.strict).lower(),
        "suite": said.suite,
        "engine": said.engine,
        "checks asked for": " ".join(said.only) or "all",
        "key": said.key.kind if bundle.signed else "none",
        "python": bundle.environment.python,
        "platform": bundle.environment.platform,
        **{f"tool {name}": version for name, version in sorted(bundle.environment.tools.items())},
    }


def _outcome(check: str, old: Result | None, new: Result | None) -> OutcomeChange:
    return OutcomeChange(
        check=check,
        before=old.outcome if old else None,
        after=new.outcome if new else None,
        examined_before=old.examined if old else 0,
        examined_after=new.examined if new else 0,
        reason_before=old.reason if old else "",
        reason_after=new.reason if new else "",
    )


def _summary(result: Result | None) -> tuple[Outcome, str] | None:
    return (result.outcome, result.reason) if result else None


def _by_fingerprint(results: tuple[Result, ...]) -> dict[tuple[str, str], Finding]:
    return {(finding.check, finding.fingerprint): finding for result in results for finding in result.findings}


def _ordered(findings: list[Finding]) -> tuple[Finding, ...]:
    return tuple(sorted(findings, key=lambda f: (f.where.path, f.where.line, f.where.column, f.check, f.fingerprint)))
