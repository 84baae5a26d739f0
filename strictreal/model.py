"""The words of strictreal as types: fact, observation, finding, outcome, waiver.

Everything here is immutable and knows nothing of files, processes, network or clock. Facts are msgspec structs, so that
a bundle's facts are decoded and validated in one step, and so that equal facts have equal bytes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import Annotated, Any, ClassVar, TypeVar, overload

import msgspec

_ENCODER = msgspec.json.Encoder(order="sorted")

Natural = Annotated[int, msgspec.Meta(ge=0)]


def canonical(value: Any) -> bytes:
    """Canonical JSON of a fact or of plain data: sorted keys, no white space, UTF-8, shortest escapes.

    For values without floats and with keys in the Basic Multilingual Plane, which is all that facts hold, this is RFC
    8785 byte for byte (tests/test_model.py compares it with an independent implementation). It is 35 times faster.
    """
    return _ENCODER.encode(value)


def digest(data: bytes) -> str:
    """Lower-case hexadecimal SHA-256 of `data`, 64 characters."""
    return hashlib.sha256(data).hexdigest()


def shortened(text: str, most: int) -> str:
    """The text if it has at most `most` characters; otherwise its beginning and an ellipsis, `most` in all."""
    return text if len(text) <= most else text[: most - 1] + "…"


class Severity(StrEnum):
    """How much a finding matters; the order of SARIF's levels."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


class Outcome(StrEnum):
    """What a run can say about one check. Only `PROVEN` and `WAIVED` count for it."""

    PROVEN = "proven"
    FAILED = "failed"
    NOT_PROVEN = "not-proven"
    WAIVED = "waived"
    ERROR = "error"
    NOT_APPLICABLE = "not applicable"


class Location(msgspec.Struct, frozen=True):
    """Where something was seen.

    Lines and columns count from 1; 0 means unknown. `text` is the source line, already redacted. `resource` names a
    rendered object (`Deployment/web`) or an RPC when a file and line are not the whole address.
    """

    path: str
    line: Natural = 0
    column: Natural = 0
    end_line: Natural = 0
    end_column: Natural = 0
    text: str = ""
    resource: str = ""
    identity: str = ""
    """What tells the construct from another that begins with the same line: where it stands, and all of its text."""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One located violation. A check yields it with a message; the judge fills in the rest."""

    where: Location
    message: str
    check: str = ""
    remedy: str = ""
    severity: Severity | None = None
    """How much it matters; the check's own severity unless the finding has another."""
    fingerprint: str = ""
    waived: str = ""
    """The reason of the waiver that covers this finding; empty when none does."""
    known: bool = False
    """True when the base revision of `--since` has the same finding already."""

    @property
    def level(self) -> Severity:
        """The severity that counts; findings of a result have one of their own."""
        return self.severity or Severity.ERROR


class Fact(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """One immutable, typed, content-addressed record of what was seen. Subclasses live in strictreal/facts/.

    `unit` names the fact type that is counted as "examined" when facts of this type are judged: environment accesses
    are drawn from modules, so a repository with no access at all was still examined, module by module.
    """

    unit: ClassVar[str] = ""
    widens: ClassVar[bool] = False
    """True for facts that widen a check to more kinds of source: it applies wherever their unit is."""

    @classmethod
    def unit_name(cls) -> str:
        return cls.unit or cls.__name__

    @property
    def digest(self) -> str:
        """The fact's content address: SHA-256 of its canonical JSON."""
        return digest(canonical(self))


class Located(Fact, frozen=True, kw_only=True):
    """A fact with a place in the subject, at which a check can lay a finding."""

    where: Location

    @property
    def path(self) -> str:
        return self.where.path

    def finding(self, message: str, *, remedy: str = "", severity: Severity | None = None) -> Finding:
        """A finding at this fact's place; the check's own remedy and severity are used unless they are given."""
        return Finding(where=self.where, message=message, remedy=remedy, severity=severity)


class Inventory(Fact, frozen=True, kw_only=True):
    """How many things of one kind the subject has, counted before anything was examined.

    `inventory == examined + gaps` must hold for every unit: a collector that loses something is found out.
    """

    of: str
    count: Natural


class Gap(Located, frozen=True, kw_only=True):
    """Something that could not be examined, and why. A check that needs it cannot be proven."""

    of: str
    """Name of the unit type that is missing (`Module`, `Render`, …)."""
    reason: str


class Absence(Fact, frozen=True, kw_only=True):
    """Why this run has nothing of a unit to look at, where that is no loss: the lane has no cluster, say."""

    of: str
    reason: str


class LeftOut(Located, frozen=True, kw_only=True):
    """A file that was passed over on purpose, and the rule that says so."""

    reason: str


class Demand(Fact, frozen=True, kw_only=True):
    """A check that must be proven even where the subject has nothing of its kind, and who demands it."""

    check: str
    by: str


class RunTime(Fact, frozen=True, kw_only=True):
    """When the run took place, so that the expiry of waivers is judged the same way at every recheck."""

    now: str
    """UTC, ISO 8601 with seconds: `2026-01-31T09:15:00Z`."""
    lane: str = ""
    """Where the facts came from."""
    strict: bool = False
    waivers_until: str
    """The last day that a waiver may name, ISO 8601: so many days from now as the configuration allows."""


class Waiver(Located, frozen=True, kw_only=True):
    """A dated, reasoned, approved exception to findings of one check."""

    unit = "WaiverFile"
    check: str
    reason: str
    approver: str
    expires: str
    """UTC date, ISO 8601; the waiver holds up to and including this day."""
    fingerprint: str = ""
    paths: str = ""
    """A glob over paths of the subject; exactly one of `fingerprint` and `paths` is set."""
    count: Natural = 1
    """How many findings a glob covers. One more, and it covers none, so that nothing new hides behind it."""


class Observation(msgspec.Struct, frozen=True, kw_only=True):
    """The facts that one collector drew from one source, with their provenance."""

    collector: str
    source: str
    """Path inside the subject, or "" for the subject as a whole."""
    digest: str
    """SHA-256 of what was read."""
    tools: dict[str, str] = {}
    """Name and version of each tool that took part."""
    cached: bool = False
    facts: tuple[Any, ...] = ()


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What the judge says of one check."""

    check: str
    outcome: Outcome
    examined: Natural
    reason: str = ""
    findings: tuple[Finding, ...] = ()


class CriterionStatus(msgspec.Struct, frozen=True, kw_only=True):
    """What a run says of one acceptance criterion of a roadmap's sprint."""

    id: str
    text: str
    status: str
    """`proven`, `waived`, `not proven`, `no check yet` or `needs lane …`."""
    reason: str = ""
    checks: tuple[str, ...] = ()


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """One audit, told to people and machines: everything that reports show."""

    subject: str
    """Name of the audited folder."""
    tree: str
    """Digest of the audited tree."""
    commit: str
    dirty: Natural
    """How many files differ from the commit."""
    lane: str
    strict: bool
    since: str
    suite: str
    """Digest of the checks, rules and policies used."""
    only: tuple[str, ...] = ()
    """The ids of the checks that were asked for; none: the whole suite."""
    results: tuple[Result, ...]
    left_out: Natural
    """How many files were not read; each is named in the bundle with the reason."""
    seconds: Natural
    bundle: str = ""
    signed: str = ""
    """`development key`, `configured key`, `unsigned`, or `no bundle` with the reason."""
    notes: tuple[str, ...] = ()
    """What the reader should weigh: why a bundle is unsigned, that a ledger was rolled back before."""
    sprint: str = ""
    criteria: tuple[CriterionStatus, ...] = ()
    exit_code: Natural = 0


T = TypeVar("T", bound=Fact)


class Facts(Sequence[T]):
    """The facts of one type that a check is given, in the order of their places.

    `examined` counts the units they were drawn from, `gaps` lists the units that could not be examined.
    """

    def __init__(self, items: Sequence[T], examined: int, gaps: Sequence[Gap] = ()) -> None:
        self._items = tuple(items)
        self.examined = examined
        self.gaps = tuple(gaps)

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[T]: ...
    def __getitem__(self, index: int | slice) -> T | Sequence[T]:
        return self._items[index]

    def __len__(self) -> int:
        return len(self._items)

    def __iter__(self) -> Iterator[T]:
        return iter(self._items)


class Findings(tuple[Finding, ...]):
    """Findings of other checks over the same facts; ask for them with `Annotated[Findings, "code.stub", …]`."""

    __slots__ = ()
