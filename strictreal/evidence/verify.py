"""Verification, offline: is this bundle what its signer left, and does the ledger stand as it stood?

Rules:

1. Every file of a bundle is what its manifest says, the manifest is what the statement says, and there is nothing else.
2. One signature over the statement, by a key that the verifier trusts. The key id inside must be that key's own, but
   decides nothing.
3. The ledger is one unbroken chain; every bundle it lists stands where it says with the envelope it says, each statement
   names its own place in the chain, and no bundle stands unlisted.
4. The ledger still holds the heads that were seen before: by this user (the witness), and by whoever gave `head`.

A problem is data, with a message that names the file; an exception means that it could not be decided.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from strictreal.errors import EvidenceError, StrictRealError
from strictreal.evidence import contents as bundle_contents
from strictreal.evidence import disk, ledger
from strictreal.evidence.contents import Contents, printable
from strictreal.evidence.ledger import Chain, Line
from strictreal.evidence.sign import CONFIGURED, DEVELOPMENT, NONE, TrustedKey
from strictreal.evidence.statement import ENVELOPE, MANIFEST, Envelope, Position, Predicate, base64_decode
from strictreal.evidence.witness import UNWITNESSED, Witness

MAX_PROBLEMS = 50
_BESIDE = (ledger.LEDGER, ledger.LOCK, "README.md", ".gitignore", ".gitattributes", ".gitkeep")
"""Files that may stand in an evidence folder beside its bundles."""


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
        BoundExceeded: a running audit kept the ledger locked all the time.
    """
    path = path.absolute()
    if not path.is_dir():
        return Report(path=path, problems=(f"{path}: not a folder",), notes=(), bundles=0)
    if os.path.lexists(path / ENVELOPE) or os.path.lexists(path / MANIFEST):
        return _one(path, demands, witness)
    if os.path.lexists(path / ledger.LEDGER):
        return _all(path, demands, witness)
    problem = f"{path}: neither a bundle ({ENVELOPE}) nor an evidence folder ({ledger.LEDGER})"
    return Report(path=path, problems=(problem,), notes=(), bundles=0)


def _one(path: Path, demands: Demands, witness: Witness | None) -> Report:
    found = bundle_contents.verify(path)
    problems, notes = list(found.problems), []
    key = _judge_statement(found, demands, problems, notes)
    head = ""
    output = _output_of(path)
    if demands.alone:
        notes.append("the ledger was not asked for: what came before and after this bundle is unknown")
    elif output is None:
        problems.append(f"{ledger.LEDGER}: missing: no evidence folder holds this bundle")
    else:
        relative = path.relative_to(output).as_posix()
        head = _judge_ledger(output, demands, witness, problems, notes, {relative: found})[0].head
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
    problems: list[str] = []
    notes: list[str] = []
    chain, places = _judge_ledger(output, demands, witness, problems, notes, {})
    for bundle, place in places.items():
        found = bundle_contents.verify(place)
        wrong, remarks = list(found.problems), []
        _judge_statement(found, demands, wrong, remarks)
        problems += [f"{bundle}/{problem}" for problem in wrong]
        notes += [f"{bundle}: {remark}" for remark in remarks]
    return Report(
        path=output,
        problems=_bounded(dict.fromkeys(problems)),
        notes=tuple(notes),
        bundles=len(places),
        head=chain.head if len(chain) else "",
    )


def _bounded(problems: Sequence[str] | dict[str, None]) -> tuple[str, ...]:
    listed = list(problems)
    if len(listed) > MAX_PROBLEMS:
        return (*listed[:MAX_PROBLEMS], f"and {len(listed) - MAX_PROBLEMS} more")
    return tuple(listed)


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
        f"{ENVELOPE}: no trusted key verifies this bundle ({tried}; key id {printable(signature.keyid)} is not evidence)"
    )


def _judge_ledger(
    output: Path,
    demands: Demands,
    witness: Witness | None,
    problems: list[str],
    notes: list[str],
    known: dict[str, Contents],
) -> tuple[Chain, dict[str, Path]]:
    """The chain, and what stands on the disk against it.

    Args:
        known: bundles, by their place, that have been looked at already.

    Returns:
        The chain (empty when it does not hold), and the folder of each bundle that is there.
    """
    with disk.locked_to_read(output / ledger.LOCK):
        try:
            chain = ledger.read(output)
        except StrictRealError as error:
            problems.append(str(error))
            return Chain(), {}
        places = dict(_places(output, chain, problems, notes))
        wrong = list(_lines(chain, places, known))
        wrong += _unlisted(output, chain, notes)
        wrong += [f"{name}: not in the ledger" for name in known if chain.line_of(name) is None]
    wrong += _history(output, chain, demands, witness, notes)
    problems += dict.fromkeys(wrong)
    if witness is not None and not problems:
        try:
            witness.record(output, chain)
        except (OSError, StrictRealError) as error:
            notes.append(f"the head could not be witnessed: {error}")
    return chain, places


def _places(output: Path, chain: Chain, problems: list[str], notes: list[str]) -> Iterator[tuple[str, Path]]:
    """Where each listed bundle stands. The last one may still be under the hidden name of a run that was interrupted."""
    for line in chain.lines:
        folder = output / line.bundle
        if _real_folder(output, line.bundle):
            yield line.bundle, folder
            continue
        hidden = _interrupted(output, line) if line.index == len(chain) - 1 else None
        if hidden is None:
            problems.append(f"{line.bundle}: missing: listed in {ledger.LEDGER}:{line.index + 1}")
        else:
            notes.append(f"{line.bundle}: interrupted before it got its name; the next audit finishes it")
            yield line.bundle, hidden


def _real_folder(output: Path, bundle: str) -> bool:
    path = output
    for part in bundle.split("/"):
        path /= part
        if path.is_symlink() or not path.is_dir():
            return False
    return True


def _interrupted(output: Path, line: Line) -> Path | None:
    for name in sorted(os.listdir(output)):
        folder = output / name
        if name.startswith(ledger.PENDING) and folder.is_dir() and not folder.is_symlink():
            if bundle_contents.envelope(folder).sha256 == line.statement:
                return folder
    return None


def _lines(chain: Chain, places: dict[str, Path], known: dict[str, Contents]) -> Iterator[str]:
    """Each line against the envelope of its bundle."""
    for line in chain.lines:
        if line.bundle not in places:
            continue
        found = known.get(line.bundle) or bundle_contents.envelope(places[line.bundle])
        name = f"{line.bundle}/{ENVELOPE}"
        if found.sha256 != line.statement:
            yield f"{name}: not the envelope that {ledger.LEDGER}:{line.index + 1} names"
        if found.statement is None:
            if line.bundle not in known:
                yield from (f"{line.bundle}/{problem}" for problem in found.problems)
            continue
        said = found.statement.predicate
        if said.ledger != Position(index=line.index, previous=line.previous):
            yield f"{name}: signed for index {said.ledger.index} of another chain or place, listed at {line.index}"
        if said.bundle != line.bundle:
            yield f"{name}: states that it is {said.bundle}: renamed or swapped"


def _unlisted(output: Path, chain: Chain, notes: list[str]) -> Iterator[str]:
    """What stands in the evidence folder and belongs to no listed bundle."""
    listed = {line.bundle for line in chain.lines}
    above = {bundle.rsplit("/", depth)[0] for bundle in listed for depth in range(1, bundle.count("/") + 1)}

    def scan(prefix: str) -> Iterator[str]:
        with os.scandir(output / prefix) as entries:
            for entry in sorted(entries, key=lambda e: e.name):
                path = prefix + entry.name
                folder = entry.is_dir(follow_symlinks=False)
                if not prefix and entry.name.startswith((ledger.PENDING, f".{ledger.LEDGER}.new")):
                    notes.append(f"{printable(path)}: of a run that goes on or was interrupted; not evidence")
                elif path in listed or (path in _BESIDE and entry.is_file(follow_symlinks=False)):
                    continue
                elif folder and path in above:
                    yield from scan(path + "/")
                elif not folder or _holds_something(Path(entry.path)):
                    yield f"{printable(path)}: not in the ledger"

    try:
        yield from scan("")
    except OSError as error:
        yield f"{printable(os.fsdecode(error.filename or output))}: cannot be listed: {error.strerror}"


def _holds_something(folder: Path) -> bool:
    """Whether there is anything but folders below; empty folders are what an interrupted run can leave."""
    return any(seen.kind != "a folder" for _, seen in bundle_contents.walk(folder))


def _history(
    output: Path, chain: Chain, demands: Demands, witness: Witness | None, notes: list[str]
) -> Iterator[str]:
    """The chain against heads that were seen before."""
    if demands.head and demands.head not in chain.digests:
        yield f"{ledger.LEDGER}: no line has the digest {demands.head}: rolled back, forked, or another ledger"
    if witness is None:
        if not demands.head:
            notes.append(UNWITNESSED)
        return
    try:
        if problem := witness.problem(output, chain):
            yield f"{ledger.LEDGER}: {problem}"
        elif not witness.knows(output, chain) and not demands.head:
            notes.append(UNWITNESSED)
    except StrictRealError as error:
        yield str(error)
