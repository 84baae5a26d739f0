"""Collect → judge → record → report, readable top to bottom."""

from __future__ import annotations

import difflib
import os
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from strictreal import sprint, suite
from strictreal.check import load
from strictreal.collect import COLLECTORS, Collector, toolchain
from strictreal.config import Settings
from strictreal.errors import ConfigurationError, EvidenceError, EvidenceNotWritten
from strictreal.evidence import sign, statement
from strictreal.evidence.bundle import Receipt, Writer, output_folder
from strictreal.evidence.compose import Audit
from strictreal.evidence.witness import Witness
from strictreal.gather import Collected, Request, Subject, collect, open_subject
from strictreal.model import CriterionStatus, Outcome, Record, Result
from strictreal.plugin import judge_folder
from strictreal.session import Watch

NOTHING = 5
"""Exit code of an audit whose subject has nothing that a check judges."""
UNWRITTEN = 4
"""Exit code of an audit that passed, and whose evidence could not be written where it was asked for."""


def audit(
    request: Request,
    *,
    settings: Settings,
    watch: Watch | None = None,
    registry: Sequence[Collector] = COLLECTORS,
) -> Record:
    """One audit, from a repository to a record and a bundle.

    A bundle that cannot be written leaves the verdict standing, says why, and fails strict mode; where `request.output`
    asked for it, it fails every audit, with the code of a usage error. A collector that breaks leaves what needs its
    facts not-proven, and the rest is judged.

    Args:
        request: what is asked for.
        settings: what the user has set.
        watch: shows progress.
        registry: the collectors that take part.

    Raises:
        StrictRealError: the subject cannot be read, its configuration is wrong, or the suite does not load.
    """
    started = time.monotonic()
    _refuse_unknown_checks(request.only)
    if load(suite.root() / "checks").keys() <= set(request.only):  # every check, however asked for, is the whole
        request = msgspec.structs.replace(request, only=())
    if request.lane == "local":
        raise ConfigurationError("the local lane has no collector yet; --lane embedded and --lane kind can be audited")
    signer = sign.signer(settings)  # a configured key that cannot be used fails before the work, not after it
    subject = open_subject(request)
    tree = subject.tree
    with _desk(subject, request) as (folder, writer, unwritten):
        collected = collect(request, subject, folder, settings=settings, watch=watch, registry=registry)
        gathered = time.monotonic()
        recorder = judge_folder(folder, only=request.only)
        results = recorder.ordered
        receipt, problem = None, unwritten
        if writer:
            phases = {"collect": gathered - started, "judge": time.monotonic() - gathered}
            account = _account(request, subject, collected, results, settings, phases, recorder.seconds)
            try:
                for data in collected.renders:
                    writer.blob(data)
                witness = Witness(settings.state_home)
                receipt = writer.commit(account, signer, witness=witness, secrets=settings.secrets)
            except EvidenceNotWritten as error:
                problem = str(error)
    unsigned = receipt is None or receipt.key == sign.NONE
    code = exit_code(results, strict=request.strict)
    return Record(
        subject=tree.root.name,
        tree=tree.digest,
        commit=tree.commit,
        dirty=len(tree.dirty),
        lane=request.lane,
        strict=request.strict,
        since=request.since,
        suite=suite.suite_digest(),
        only=request.only,
        results=results,
        left_out=collected.left_out,
        seconds=round(time.monotonic() - started),
        bundle=_shown(receipt.bundle) if receipt else "",
        signed=_signature(receipt) if receipt else f"no bundle: {problem}",
        notes=(
            *_partial(request),
            *_nothing(request, subject, code),
            *collected.notes,
            *(receipt.notes if receipt else ()),
        ),
        sprint=subject.choice.path if subject.choice else "",
        criteria=_criteria(subject, results, request.lane),
        exit_code=code or (UNWRITTEN if request.output and receipt is None else int(request.strict and unsigned)),
    )


@contextmanager
def _desk(subject: Subject, request: Request) -> Iterator[tuple[Path, Writer | None, str]]:
    """Where the fact files go: a bundle in the making, or, where none can be written, a folder that goes away."""
    try:
        writer = Writer(output_folder(subject.tree.root, subject.config.evidence, request.output))
    except EvidenceError as error:
        if not isinstance(error, EvidenceNotWritten):
            raise
        with tempfile.TemporaryDirectory(prefix="strictreal-") as name:
            yield Path(name), None, str(error)
        return
    with writer:
        yield writer.folder, writer, ""


def _account(
    request: Request,
    subject: Subject,
    collected: Collected,
    results: tuple[Result, ...],
    settings: Settings,
    phases: dict[str, float],
    seconds: dict[str, float],
) -> Audit:
    """What the bundle states of this run."""
    tree, _, choice = subject
    return Audit(
        time=collected.time,
        subject=statement.Subject(tree=tree.digest, commit=tree.commit, origin=tree.origin, dirty=len(tree.dirty)),
        results=results,
        only=request.only,
        lane=request.lane,
        strict=request.strict,
        base=statement.Base(revision=request.since, commit=collected.base) if request.since else None,
        sprint=statement.Sprint(roadmap=choice.roadmap.id, sprint=choice.sprint.id) if choice else None,
        tools=toolchain.packages(),
        phases=phases,
        checks=seconds,
        variables=settings.variables,
    )


def _criteria(subject: Subject, results: tuple[Result, ...], lane: str) -> tuple[CriterionStatus, ...]:
    """What the run says of each criterion of its sprint."""
    if not subject.choice:
        return ()
    roadmap, chosen = subject.choice
    return tuple(
        CriterionStatus(
            id=standing.criterion,
            text=standing.text,
            status=standing.state.value,
            reason=standing.reason,
            checks=tuple(check for check, _ in standing.outcomes),
        )
        for standing in sprint.status([roadmap], results, lane, load(suite.root() / "checks"))
        if standing.sprint == chosen.id
    )


def _partial(request: Request) -> tuple[str, ...]:
    """That this was not the whole suite, where it was not."""
    return (f"not a whole audit: only {', '.join(request.only)} ran",) if request.only else ()


def _nothing(request: Request, subject: Subject, code: int) -> tuple[str, ...]:
    """Why an audit that had nothing to check had nothing, and what to do."""
    if code != NOTHING:
        return ()
    files = len(subject.tree.paths)
    if not files:
        return (f"nothing to check: {subject.tree.root} holds no file that is read; name the folder of a repository",)
    asked = "the checks that were asked for" if request.only else "a check of the suite"
    other = "ask for others with --check, or for all" if request.only else "name the folder of a repository"
    return (
        f"nothing to check: {subject.tree.root} has {files:,} file{'s' * (files != 1)}, and nothing that {asked} judges; {other}",
    )


def _signature(receipt: Receipt) -> str:
    return "unsigned" if receipt.key == sign.NONE else f"{receipt.key} key"


def _shown(bundle: Path) -> str:
    """The bundle as the user would type it: relative to the current folder where it lies below."""
    return os.path.relpath(bundle) if bundle.is_relative_to(Path.cwd()) else str(bundle)


def _refuse_unknown_checks(ids: tuple[str, ...]) -> None:
    known = load(suite.root() / "checks")
    for id in ids:
        if id not in known:
            near = difflib.get_close_matches(id, known, 1)
            raise ConfigurationError(f"there is no check {id!r}" + (f"; did you mean {near[0]!r}?" if near else ""))


def exit_code(results: Iterable[Result], *, strict: bool) -> int:
    """pytest's codes: 0 proven or waived; 1 findings, or in strict mode anything not proven; 3 error; 5 nothing to do.

    Unless strict, what is not proven may stand beside what is; an audit that proved nothing at all is no success.
    """
    outcomes = {result.outcome for result in results}
    if Outcome.ERROR in outcomes:
        return 3
    if Outcome.FAILED in outcomes or (strict and Outcome.NOT_PROVEN in outcomes):
        return 1
    if not outcomes - {Outcome.NOT_APPLICABLE}:
        return NOTHING
    return 0 if outcomes & {Outcome.PROVEN, Outcome.WAIVED} else 1
