"""What a bundle will say, composed from what the run knows. Pure, but for the digests of the suite in use."""

from __future__ import annotations

import platform
import re
from collections.abc import Callable

import msgspec

from strictreal import __version__, suite
from strictreal.errors import EvidenceError
from strictreal.evidence import ledger
from strictreal.evidence.ledger import Chain
from strictreal.evidence.sign import Signer
from strictreal.evidence.statement import (
    PAYLOAD_TYPE,
    Base,
    Envelope,
    Environment,
    KeyClaim,
    Predicate,
    Resource,
    Signature,
    Sprint,
    Statement,
    Subject,
    base64_encode,
)
from strictreal.model import Result, canonical

RUNS = "runs"
"""The folder of bundles that belong to no sprint."""
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


class Audit(msgspec.Struct, frozen=True, kw_only=True):
    """What a run knows of itself, for its bundle to state."""

    time: str
    """The run's `RunTime.now`: UTC, ISO 8601 with seconds."""
    subject: Subject
    results: tuple[Result, ...]
    only: tuple[str, ...] = ()
    """The ids of the checks that were asked for; none: the whole suite."""
    lane: str = "embedded"
    strict: bool = False
    base: Base | None = None
    sprint: Sprint | None = None
    tools: dict[str, str] = {}
    phases: dict[str, float] = {}
    """Wall time of each phase in seconds."""
    checks: dict[str, float] = {}
    """Time of each check in seconds."""
    variables: tuple[str, ...] = ()
    """Names of the environment variables that matter; never values."""


def bundle_name(audit: Audit, taken: Callable[[str], bool]) -> str:
    """`<roadmap>/<sprint>/<run>` or `runs/<run>`; a second run within the same second gets `-2`, and so on.

    Raises:
        EvidenceError: the time is not UTC, or roadmap or sprint cannot name a folder.
    """
    if not _TIME.fullmatch(audit.time):
        raise EvidenceError(f"{audit.time!r} is not a UTC time such as 2026-01-31T09:15:00Z")
    parent = RUNS
    if audit.sprint:
        for name in (audit.sprint.roadmap, audit.sprint.sprint):
            if not ledger.safe_name(name) or name == RUNS:
                raise EvidenceError(f"{name!r} cannot name a folder of bundles: use letters, digits, '.', '_' and '-'")
        parent = f"{audit.sprint.roadmap}/{audit.sprint.sprint}"
    stem = f"{parent}/{re.sub('[-:]', '', audit.time)}-{audit.subject.tree[:8]}"
    name, count = stem, 1
    while taken(name):
        count += 1
        name = f"{stem}-{count}"
    return name


def envelope(audit: Audit, signer: Signer, manifest: str, bundle: str, chain: Chain) -> bytes:
    """The signed envelope of the bundle whose manifest has the SHA-256 `manifest`, as the next of `chain`."""
    subject = [Resource(name="tree", digest={"sha256": audit.subject.tree})]
    if audit.subject.commit and not audit.subject.dirty:
        subject.append(Resource(name="commit", digest={"gitCommit": audit.subject.commit}))
    predicate = Predicate(
        run=bundle.rsplit("/", 1)[-1],
        bundle=bundle,
        time=audit.time,
        subject=audit.subject,
        lane=audit.lane,
        strict=audit.strict,
        base=audit.base,
        sprint=audit.sprint,
        only=audit.only,
        outcomes={result.check: result.outcome for result in audit.results},
        suite=suite.suite_digest(),
        engine=suite.engine_digest(),
        version=__version__,
        manifest=manifest,
        key=KeyClaim(kind=signer.kind, id=signer.key_id),
        ledger=chain.next,
    )
    payload = canonical(Statement(subject=tuple(subject), predicate=predicate))
    signature = signer.sign(PAYLOAD_TYPE, payload)
    signatures = (Signature(keyid=signer.key_id, sig=base64_encode(signature)),) if signature else ()
    return canonical(Envelope(payload=base64_encode(payload), signatures=signatures))


def environment(audit: Audit) -> Environment:
    """Where and how the run took place."""
    return Environment(
        strictreal=__version__,
        python=platform.python_version(),
        platform=f"{platform.system()} {platform.machine()}",
        tools=audit.tools,
        phases={name: round(seconds * 1e3) for name, seconds in audit.phases.items()},
        checks={name: round(seconds * 1e6) for name, seconds in audit.checks.items()},
        variables=tuple(sorted(audit.variables)),
    )
