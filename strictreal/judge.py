"""A pass must be earned: how facts and a check become an outcome. Pure; the same facts always give the same result.

The rules, in this order:

1. The check fails to fail on its bad specimen, or fails on the good one, or does not examine all of it → *not-proven*.
2. The subject has nothing of the kind the check looks at, and nobody demands it → *not applicable*. This comes first
   where the specimens could not be examined either, for want of a tool.
3. The check has findings that no waiver covers → *failed*.
4. Something that it, or a check whose findings it judges, needs could not be examined, or nothing was → *not-proven*.
5. All its findings are waived, or known at the base revision → *waived*; it has none → *proven*.

A check that raises, or that touches a file, process or socket, is an *error*.
"""

from __future__ import annotations

import fnmatch
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import msgspec

from strictreal.check import Check, Parameter
from strictreal.model import (
    Absence,
    Demand,
    Fact,
    Facts,
    Finding,
    Findings,
    Gap,
    Inventory,
    Located,
    Location,
    Observation,
    Outcome,
    Result,
    RunTime,
    Waiver,
    canonical,
    digest,
)
from strictreal.purity import pure

T = TypeVar("T", bound=Fact)


class FactSet:
    """Facts by type, and what was counted, examined and missed of each unit."""

    def __init__(self, observations: Iterable[Observation]) -> None:
        self._by_type: dict[type[Fact], list[Any]] = {}
        for observation in observations:
            for fact in observation.facts:
                self._by_type.setdefault(type(fact), []).append(fact)
        self.inventory: dict[str, int] = {}
        for count in self.all(Inventory):
            self.inventory[count.of] = self.inventory.get(count.of, 0) + count.count
        self._examined = {kind.__name__: len(items) for kind, items in self._by_type.items()}

    def all(self, kind: type[T]) -> list[T]:
        return self._by_type.get(kind, [])

    def facts(self, kind: type[T]) -> Facts[T]:
        unit = kind.unit_name()
        return Facts(self.all(kind), self._examined.get(unit, 0), self.gaps(unit))

    def gaps(self, unit: str) -> list[Gap]:
        return [gap for gap in self.all(Gap) if gap.of == unit]

    def of_unit(self, unit: str) -> list[Any]:
        """The facts of the type with this name."""
        return next((items for kind, items in self._by_type.items() if kind.__name__ == unit), [])

    def examined(self, unit: str) -> int:
        return self._examined.get(unit, 0)


@dataclass(frozen=True)
class Case:
    """Everything that checks are judged on: the subject, each check's specimens, and the base revision if any."""

    subject: FactSet
    specimens: Mapping[tuple[str, str], FactSet]
    """By (check id, "bad" or "good")."""
    base: FactSet | None = None
    _findings: dict[tuple[str, int], tuple[Finding, ...]] = field(default_factory=dict)


def judge(check: Check, case: Case, registry: Mapping[str, Check]) -> Result:
    """The outcome of one check. `registry` has every check by id, for those that judge other checks' findings."""
    try:
        units = _units(check)
        examined = _examined(units, case.subject)
        demand = _demand(check, case.subject)
        absent = _absent(check, case.subject)
        unearned = _unearned(check, case, registry)
        if unearned and not (absent and not demand and _unseen(check, case, registry)):
            return Result(check=check.id, outcome=Outcome.NOT_PROVEN, examined=0, reason=unearned)
        if absent:
            nothing = _nothing(units[0], case.subject) if units else "nothing to judge"
            if not demand:
                return Result(check=check.id, outcome=Outcome.NOT_APPLICABLE, examined=0, reason=nothing)
            reason = f"demanded by {demand}, but {nothing}"
            return Result(check=check.id, outcome=Outcome.NOT_PROVEN, examined=0, reason=reason)
        if lacking := _lacking(check, case.subject):
            return Result(check=check.id, outcome=Outcome.NOT_PROVEN, examined=examined, reason=lacking)
        findings = _finish(check, case, registry)
        missing = _missing(check, case.subject, registry)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # not even SystemExit or pytest.skip() takes a check out of the results
        return Result(check=check.id, outcome=Outcome.ERROR, examined=0, reason=f"{type(error).__name__}: {error}")
    standing = [finding for finding in findings if not finding.waived and not finding.known]
    if standing:
        outcome, reason = Outcome.FAILED, f"{len(standing)} finding{'s' * (len(standing) > 1)}"
    elif missing or not examined:
        outcome, reason = Outcome.NOT_PROVEN, missing or "no fact was examined"
    elif findings:
        outcome, reason = Outcome.WAIVED, _excused(findings)
    else:
        outcome, reason = Outcome.PROVEN, ""
    return Result(check=check.id, outcome=outcome, examined=examined, reason=reason, findings=findings)


def _excused(findings: tuple[Finding, ...]) -> str:
    """How many findings waivers cover, and how many the base revision has too: neither makes the claim true."""
    waived = sum(bool(finding.waived) for finding in findings)
    known = len(findings) - waived
    return " and ".join([f"{waived} waived"] * bool(waived) + [f"{known} known at the base revision"] * bool(known))


def _words(unit: str) -> str:
    """`WaiverFile` as a reader says it: `waiver file`."""
    return re.sub(r"(?<!^)(?=[A-Z])", " ", unit).lower()


def _nothing(unit: str, facts: FactSet) -> str:
    """Why there is nothing of a unit."""
    told = next((absence.reason for absence in facts.all(Absence) if absence.of == unit), "")
    return told or f"the subject has no {_words(unit)}"


def _units(check: Check) -> list[str]:
    return list(dict.fromkeys(p.facts.unit_name() for p in check.parameters if p.facts))


def _examined(units: Iterable[str], facts: FactSet) -> int:
    """How many things were looked at. What two collectors read, such as a module and a source file, counts once."""
    places: set[Location] = set()
    count = 0
    for unit in units:
        known = [fact.where for fact in facts.of_unit(unit) if isinstance(fact, Located)]
        count += facts.examined(unit) - sum(where in places for where in known)
        places.update(known)
    return count


def _absent(check: Check, facts: FactSet) -> bool:
    """True when the subject has nothing of the kinds that the check's first facts, or those that widen it, are from."""
    units = _units(check)[:1] + [p.facts.unit_name() for p in check.parameters if p.facts and p.facts.widens]
    seen = (facts.gaps(unit) or facts.inventory.get(unit, 0) or facts.examined(unit) for unit in units)
    tells = (facts.all(p.facts) for p in check.parameters if p.facts and p.facts.unit_name() in units)  # of such things
    return bool(units) and not any(seen) and not any(tells)


def _demand(check: Check, facts: FactSet) -> str:
    return ", ".join(d.by for d in facts.all(Demand) if fnmatch.fnmatchcase(check.id, d.check))


def _lacking(check: Check, facts: FactSet) -> str:
    """The one fact that the check must have and has not, in words; empty when it has all."""
    for parameter in check.parameters:
        if parameter.only and len(facts.all(parameter.only)) != 1:
            broken = next((_lost(unit, facts) for unit in _units(check) if facts.gaps(unit)), "")
            number = len(facts.all(parameter.only))
            return broken or f"exactly one {parameter.only.__name__} is needed, there are {number}"
    return ""


def _missing(check: Check, facts: FactSet, registry: Mapping[str, Check]) -> str:
    """What the check needs and did not get, in words; empty when it got everything.

    A check that judges the findings of others needs what they need: a finding may hide in what they did not see.
    """
    for needed in (check, *_asked(check, registry)):
        if needed is not check and _absent(needed, facts):
            continue
        problem = _lacking(needed, facts) or next(filter(None, (_lost(unit, facts) for unit in _units(needed))), "")
        if problem:
            return problem if needed is check else f"{needed.id}: {problem}"
    return ""


def _lost(unit: str, facts: FactSet) -> str:
    """Why not all of one unit was examined; empty when all was."""
    if gaps := facts.gaps(unit):
        path, line = gaps[0].where.path, gaps[0].where.line
        place = f"{path}:{line}: " if line else f"{path}: " if path else ""
        more = f" and {len(gaps) - 1} more" if len(gaps) > 1 else ""
        return f"{place}{gaps[0].reason}{more}"
    counted, examined = facts.inventory.get(unit, 0), facts.examined(unit)
    if counted > examined:
        return f"{counted - examined} of {counted} {_words(unit)} were lost on the way"
    if counted < examined:
        return f"{examined} {_words(unit)} were examined, but only {counted} counted"
    return ""


def _unearned(check: Check, case: Case, registry: Mapping[str, Check]) -> str:
    """Why the check cannot be believed, seen on its specimens; empty when it has earned belief."""
    asked = {id for parameter in check.parameters for id in parameter.findings_of if not set(id) & set("*?[")}
    if unknown := sorted(asked - registry.keys()):
        return f"it judges the findings of {unknown[0]}, which the suite does not have"
    for kind in ("bad", "good"):
        facts = case.specimens.get((check.id, kind))
        if facts is None:
            return f"it has no {kind} specimen"
        if lacking := _lacking(check, facts):
            return f"its {kind} specimen is incomplete: {lacking}"
        findings = _run(check, facts, registry, case)
        if kind == "bad" and not findings:
            return _missing(check, facts, registry) or "it found nothing on its bad specimen"
        if kind == "good" and findings:
            first = findings[0]
            return f"it fails on its good specimen: {first.where.path}:{first.where.line} {first.message}"
        if kind == "good" and _units(check) and not any(facts.examined(unit) for unit in _units(check)):
            return "it examined nothing on its good specimen"
        if kind == "good" and (missing := _missing(check, facts, registry)):
            return f"its good specimen is incomplete: {missing}"
    return ""


def _unseen(check: Check, case: Case, registry: Mapping[str, Check]) -> bool:
    """True when something, such as an absent tool, kept the check's specimens from being examined."""
    shown = (case.specimens.get((check.id, kind)) for kind in ("bad", "good"))
    return any(facts is not None and _missing(check, facts, registry) for facts in shown)


def _run(check: Check, facts: FactSet, registry: Mapping[str, Check], case: Case) -> tuple[Finding, ...]:
    """The check's findings over one set of facts, fingerprinted; remembered, since a check is pure."""
    key = (check.id, id(facts))
    if key not in case._findings:
        arguments = {p.name: _argument(p, facts, registry, case) for p in check.parameters}
        with pure(check.id):
            raw = list(check.judge(**arguments) or ())
        case._findings[key] = _fingerprinted(check, raw)
    return case._findings[key]


def _argument(parameter: Parameter, facts: FactSet, registry: Mapping[str, Check], case: Case) -> Any:
    if parameter.facts:
        return facts.facts(parameter.facts)
    if parameter.only:
        [found] = facts.all(parameter.only)
        return found
    applying = (other for other in _asked_by(parameter, registry) if not _absent(other, facts))
    asked = [other for other in applying if not _lacking(other, facts)]
    return Findings(finding for other in asked for finding in _waive(_run(other, facts, registry, case), facts))


def _asked(check: Check, registry: Mapping[str, Check]) -> Iterator[Check]:
    """The checks whose findings a check judges."""
    return (other for parameter in check.parameters for other in _asked_by(parameter, registry))


def _asked_by(parameter: Parameter, registry: Mapping[str, Check]) -> Iterator[Check]:
    for id, other in sorted(registry.items()):
        wanted = any(fnmatch.fnmatchcase(id, pattern) for pattern in parameter.findings_of)
        if wanted and not any("*" in p.findings_of for p in other.parameters):
            yield other


def _fingerprinted(check: Check, findings: list[Finding]) -> tuple[Finding, ...]:
    """Bind each finding to its content, so that a moved line keeps its identity and a copy beside it has its own.

    SHA-256 over check, path, resource, message, text, the identity of the construct, and the ordinal among equals.
    """
    seen: Counter[str] = Counter()
    done = []
    for finding in sorted(findings, key=lambda f: (*msgspec.structs.astuple(f.where), f.message, f.remedy)):
        where = finding.where
        text = " ".join(where.text.split())
        place = [where.path, where.resource, where.identity]
        identity = digest(canonical([check.id, *place, text, finding.message]))
        ordinal = seen[identity]
        seen[identity] += 1
        done.append(
            msgspec.structs.replace(
                finding,
                check=check.id,
                remedy=finding.remedy or check.remedy,
                severity=finding.severity or check.severity,
                fingerprint=digest(f"{identity}:{ordinal}".encode())[:32],
            )
        )
    return tuple(done)


def _finish(check: Check, case: Case, registry: Mapping[str, Check]) -> tuple[Finding, ...]:
    """The subject's findings with waivers applied and those of the base revision marked as known."""
    findings = _waive(_run(check, case.subject, registry, case), case.subject)
    if case.base is None:
        return findings
    known = () if _lacking(check, case.base) else _run(check, case.base, registry, case)
    before = {finding.fingerprint for finding in known}
    return tuple(
        msgspec.structs.replace(finding, known=True) if finding.fingerprint in before else finding
        for finding in findings
    )


def _waive(findings: tuple[Finding, ...], facts: FactSet) -> tuple[Finding, ...]:
    """The findings with the reason of the first valid waiver that covers each."""
    clocks = facts.all(RunTime)
    if not clocks or not findings:
        return findings
    valid = [waiver for waiver in facts.all(Waiver) if not lapse(waiver, clocks[0])]
    reasons = {f.fingerprint: w.reason for w in reversed(valid) for f in covered(w, findings)}
    return tuple(msgspec.structs.replace(f, waived=reasons.get(f.fingerprint, "")) for f in findings)


def lapse(waiver: Waiver, time: RunTime) -> str:
    """Why a waiver does not hold at the time of the run, in words; empty when it holds."""
    if waiver.expires < time.now[:10]:
        return f"expired on {waiver.expires}"
    if waiver.expires > time.waivers_until:
        return f"lasts until {waiver.expires}, which is too long: {time.waivers_until} is the last day that it may name"
    return ""


def covered(waiver: Waiver, findings: Iterable[Finding]) -> list[Finding]:
    """The findings that a waiver is for: of its check, with its fingerprint or in paths that its glob matches.

    A glob that matches more findings than it was approved for covers none of them.
    """
    own = [finding for finding in findings if finding.check == waiver.check]
    if waiver.fingerprint:
        return [finding for finding in own if finding.fingerprint == waiver.fingerprint]
    matched = [finding for finding in own if fnmatch.fnmatchcase(finding.where.path, waiver.paths)]
    return matched if len(matched) <= waiver.count else []
