"""Verification, offline: is this bundle what its signer left, and does the ledger stand as it stood?

Rules:

1. Every file of a bundle is what its manifest says, the manifest is what the statement says, and there is nothing else.
2. One signature over the statement, by a key that the verifier trusts. The key id inside must be that key's own, but
   decides nothing.
3. The ledger is one unbroken chain; every bundle it lists stands where it says with the envelope it says, each
   statement names its own place in the chain, and no bundle stands unlisted.
4. The ledger still holds the heads that were seen before: by this user (the witness), and by whoever gave `head`.

A problem is data, with a message that names the file; an exception means that it could not be decided.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import msgspec

from strictreal.errors import EvidenceError, NotEvidence, StrictRealError
from strictreal.evidence import contents, ledger, standing
from strictreal.evidence.contents import Contents, printable
from strictreal.evidence.ledger import Chain
from strictreal.evidence.sign import CONFIGURED, DEVELOPMENT, NONE, TrustedKey
from strictreal.evidence.standing import Standing
from strictreal.evidence.statement import ENVELOPE, MANIFEST, Envelope, Predicate, base64_decode
from strictreal.evidence.witness import Witness

MAX_PROBLEMS = 50


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What verification found. No problem: verified."""

    path: Path
    problems: tuple[str, ...]
    notes: tuple[str, ...]
    """What was not, or could not be, looked at, and what the reader should weigh."""
    bundles: int
    """How many bundles were verified in full."""
    predicate: Predicate | None = None
    """What the bundle states, when one bundle was verified and its statement could be read."""
    key: str = ""
    """Id of the trusted key that made the signature; empty when none did."""
    key_origin: str = ""
    """The file that names this key as trusted."""
    head: str = ""
    """Digest of the ledger's last line: note it somewhere else, and give it to `--head` the next time."""

    @property
    def verified(self) -> bool:
        return not self.problems


class Demands(msgspec.Struct, frozen=True, kw_only=True):
    """What a bundle must meet.

    Attributes:
        keys: the only keys that are trusted.
        suite: the digest that the suite must have had; any when empty.
        head: the digest of a line that the ledger must hold; any when empty.
        alone: the bundle was copied away from its ledger, which is then not asked for.
        allow_unsigned: accept that nobody vouches for a bundle.
    """

    keys: tuple[TrustedKey, ...]
    suite: str = ""
    head: str = ""
    alone: bool = False
    allow_unsigned: bool = False


def verify(path: Path, demands: Demands, *, witness: Witness | None = None) -> Report:
    """Verify one bundle and the ledger it stands in, or, given an evidence folder, every bundle and the ledger.

    Raises:
        NotEvidence: it is neither, holds no bundle, and held no ledger when this user saw it last.
        BoundExceeded: a running audit kept the ledger locked all the time.
    """
    path = path.absolute()
    if os.path.lexists(path / ENVELOPE) or os.path.lexists(path / MANIFEST):
        return _one(path, demands, witness)
    if os.path.lexists(path / ledger.LEDGER):
        return _all(path, demands, witness)
    what = "neither a bundle" if path.is_dir() else "not a folder, so neither a bundle"
    problem = f"{path}: {what} ({ENVELOPE}) nor an evidence folder ({ledger.LEDGER})"
    gone = witness.problem(path, Chain()) if witness else ""
    if gone or contents.holds_bundle(path):
        lost = f"{ledger.LEDGER}: {gone or 'missing, though bundles stand here'}"
        return Report(path=path, problems=(problem, lost), notes=(), bundles=0)
    raise NotEvidence(problem)


def _one(path: Path, demands: Demands, witness: Witness | None) -> Report:
    found = contents.verify(path)
    problems = list(found.problems)
    notes: list[str] = []
    key = _judge_statement(found, demands, problems, notes)
    head = ""
    output = _output_of(path)
    if demands.alone:
        notes.append("the ledger was not asked for: what came before and after this bundle is unknown")
    elif output is None:
        problems.append(f"{ledger.LEDGER}: missing: no evidence folder holds this bundle")
    else:
        stands = standing.judge(
            output, head=demands.head, witness=witness, known={path.relative_to(output).as_posix(): found}
        )
        problems += stands.problems
        notes += stands.notes
        head = stands.chain.head
        _remember(output, stands, witness, problems, notes)
    return Report(
        path=path,
        problems=_bounded(problems),
        notes=tuple(notes),
        bundles=1,
        predicate=found.statement.predicate if found.statement else None,
        key=key.id if key else "",
        key_origin=key.origin if key else "",
        head=head,
    )


def _all(output: Path, demands: Demands, witness: Witness | None) -> Report:
    stands = standing.judge(output, head=demands.head, witness=witness)
    problems, notes = stands.problems, stands.notes
    for bundle, place in stands.places.items():
        found = contents.verify(place)
        wrong = list(found.problems)
        remarks: list[str] = []
        _judge_statement(found, demands, wrong, remarks)
        problems += [f"{bundle}/{problem}" for problem in wrong]
        notes += [f"{bundle}: {remark}" for remark in remarks]
    if not stands.places and not problems:
        problems.append(f"{ledger.LEDGER}: lists no bundle, so that nothing was verified")
    _remember(output, stands, witness, problems, notes)
    return Report(
        path=output,
        problems=_bounded(problems),
        notes=tuple(notes),
        bundles=len(stands.places),
        head=stands.chain.head,
    )


def _remember(
    output: Path, stands: Standing, witness: Witness | None, problems: Sequence[str], notes: list[str]
) -> None:
    if witness is not None and not problems:
        try:
            witness.record(output, stands.chain)
        except (OSError, StrictRealError) as error:
            notes.append(f"the head could not be witnessed: {error}")


def _bounded(problems: Sequence[str]) -> tuple[str, ...]:
    if len(problems) > MAX_PROBLEMS:
        return (*problems[:MAX_PROBLEMS], f"and {len(problems) - MAX_PROBLEMS} more")
    return tuple(problems)


def _output_of(path: Path) -> Path | None:
    parents = list(path.parents)[: ledger.MAX_DEPTH]
    return next((folder for folder in parents if os.path.lexists(folder / ledger.LEDGER)), None)


def _judge_statement(found: Contents, demands: Demands, problems: list[str], notes: list[str]) -> TrustedKey | None:
    """The signature and what the statement must say; the trusted key that signed."""
    if found.envelope is None or found.statement is None:
        return None
    said = found.statement.predicate
    if demands.suite and said.suite != demands.suite:
        problems.append(f"{ENVELOPE}: judged by suite {said.suite}, not by {demands.suite}")
    if said.only:
        notes.append(f"not a whole audit: only {', '.join(map(printable, said.only))} ran")
    if said.base:
        notes.append(f"only what changed since {printable(said.base.revision)} ({said.base.commit[:12]}) fails it")
    if said.subject.dirty:
        notes.append(f"the tree had {said.subject.dirty} uncommitted paths")
    if not found.envelope.signatures:
        if said.key.kind != NONE:
            problems.append(f"{ENVELOPE}: states a {said.key.kind} key, and its signature is missing")
        (notes if demands.allow_unsigned else problems).append(f"{ENVELOPE}: unsigned: nobody vouches for this bundle")
        return None
    try:
        key = _signer(found.envelope, demands.keys)
    except EvidenceError as error:
        problems.append(str(error))
        return None
    if said.key.kind not in (DEVELOPMENT, CONFIGURED) or (key.development and said.key.kind != DEVELOPMENT):
        problems.append(f"{ENVELOPE}: states a key of kind {said.key.kind!r}, which the key that signed is not")
    if said.key.id != key.id:
        problems.append(f"{ENVELOPE}: states key {said.key.id}, but {key.id} signed")
    if said.key.kind == DEVELOPMENT:
        notes.append("signed with a development key, which anyone who runs an audit has")
    return key


def _signer(envelope: Envelope, keys: Sequence[TrustedKey]) -> TrustedKey:
    """The trusted key that made the one signature.

    Raises:
        EvidenceError: there are several signatures, or none of the keys made it, or it carries another key's id.
    """
    if len(envelope.signatures) != 1:
        raise EvidenceError(f"{ENVELOPE}: {len(envelope.signatures)} signatures where one belongs")
    [signature] = envelope.signatures
    data = base64_decode(signature.sig, f"{ENVELOPE}: signature")
    payload = base64_decode(envelope.payload, f"{ENVELOPE}: payload")
    for key in keys:
        if key.verifies(data, envelope.payload_type, payload):
            if signature.keyid != key.id:
                raise EvidenceError(f"{ENVELOPE}: carries key id {printable(signature.keyid)}, but {key.id} signed")
            return key
    tried = f"{len(keys)} tried" if keys else "none is named; name one with --key FILE"
    raise EvidenceError(
        f"{ENVELOPE}: no trusted key verifies this bundle ({tried}; key id {printable(signature.keyid)} is not"
        " evidence)"
    )
