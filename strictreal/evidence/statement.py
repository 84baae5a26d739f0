"""What a bundle states, as types: a manifest of its files, and an in-toto Statement in a DSSE envelope.

Sources: in-toto Attestation Framework, Statement v1; Dead Simple Signing Envelope 1.0. Every file is canonical JSON,
and one that is not is refused: equal statements have equal bytes, and no parser can read the same bytes differently.
"""

from __future__ import annotations

import base64
import binascii
from typing import TypeVar

import msgspec

from strictreal.errors import EvidenceError
from strictreal.model import Natural, Outcome, Result, canonical

ENVELOPE, MANIFEST, RESULTS, ENVIRONMENT, BLOBS = (
    "statement.dsse.json",
    "manifest.json",
    "results.json",
    "environment.json",
    "blobs",
)
PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "urn:strictreal:audit:v1"
NO_PREVIOUS = "0" * 64

T = TypeVar("T")


class _Record(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class File(_Record, frozen=True, kw_only=True):
    """One file of a bundle: path inside it with forward slashes, size in bytes, SHA-256 in lower-case hex."""

    path: str
    size: Natural
    sha256: str


class Manifest(_Record, frozen=True, kw_only=True):
    """Every file of a bundle but the manifest and the envelope, in path order."""

    files: tuple[File, ...]


class Results(_Record, frozen=True, kw_only=True):
    """What `recheck` recomputes bit for bit."""

    results: tuple[Result, ...]


class Environment(_Record, frozen=True, kw_only=True):
    """Where and how the audit ran. Names of variables only: no value is known to be harmless."""

    strictreal: str
    python: str
    platform: str
    tools: dict[str, str]
    phases: dict[str, Natural]
    """Wall time of each phase in milliseconds."""
    checks: dict[str, Natural]
    """Time of each check in microseconds."""
    variables: tuple[str, ...]


class Position(_Record, frozen=True, kw_only=True):
    """A place in the ledger: the index of a line, and the SHA-256 of the line before it."""

    index: Natural
    previous: str


class Sprint(_Record, frozen=True, kw_only=True):
    """The sprint of a roadmap that the audit was made for."""

    roadmap: str
    sprint: str


class Subject(_Record, frozen=True, kw_only=True):
    """What was audited. `origin` is where the list of files came from: `git`, `walk` or `revision`."""

    tree: str
    commit: str
    origin: str
    dirty: Natural
    """How many paths differ from the commit."""


class Base(_Record, frozen=True, kw_only=True):
    """The revision of `--since`, as asked for, and the commit it named."""

    revision: str
    commit: str


class KeyClaim(_Record, frozen=True, kw_only=True):
    """What the signer says of its key: `development`, `configured` or `none`. A claim: it decides no trust."""

    kind: str
    id: str


class Predicate(_Record, frozen=True, kw_only=True):
    """The audit itself; predicate type `urn:strictreal:audit:v1`."""

    run: str
    bundle: str
    """The folder of the bundle, relative to the evidence folder."""
    time: str
    """UTC, ISO 8601 with seconds."""
    subject: Subject
    lane: str
    strict: bool
    base: Base | None
    sprint: Sprint | None
    only: tuple[str, ...]
    """The ids of the checks that were asked for; none: the whole suite."""
    outcomes: dict[str, Outcome]
    suite: str
    """Digest of the checks, rules and policies in use."""
    engine: str
    """Digest of the toolchain's own source."""
    version: str
    manifest: str
    """SHA-256 of manifest.json."""
    key: KeyClaim
    ledger: Position


class Resource(_Record, frozen=True, kw_only=True):
    """An in-toto ResourceDescriptor: the tree that was audited, and the commit when the tree is just that."""

    name: str
    digest: dict[str, str]


class Statement(_Record, frozen=True, kw_only=True, rename={"type": "_type", "predicate_type": "predicateType"}):
    """An in-toto Statement v1."""

    type: str = STATEMENT_TYPE
    subject: tuple[Resource, ...]
    predicate_type: str = PREDICATE_TYPE
    predicate: Predicate


class Signature(_Record, frozen=True, kw_only=True):
    """One signature of an envelope; `sig` is base64."""

    keyid: str
    sig: str


class Envelope(_Record, frozen=True, kw_only=True, rename={"payload_type": "payloadType"}):
    """A DSSE envelope; `payload` is base64."""

    payload: str
    payload_type: str = PAYLOAD_TYPE
    signatures: tuple[Signature, ...]


def base64_encode(data: bytes) -> str:
    """Standard base64 with padding, one line."""
    return base64.b64encode(data).decode()


def base64_decode(text: str, name: str) -> bytes:
    """The bytes that `text` encodes in the one canonical way.

    Raises:
        EvidenceError: it is not base64, or another spelling of it (stray bits, missing padding, white space).
    """
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise EvidenceError(f"{name}: not base64: {error}") from error
    if base64_encode(data) != text:
        raise EvidenceError(f"{name}: not canonical base64")
    return data


def decode(data: bytes, kind: type[T], name: str) -> T:
    """A record from its canonical JSON.

    Raises:
        EvidenceError: it is something else, or the same in other bytes (white space, key order, duplicate keys). The
            message begins with `name`.
    """
    try:
        value = msgspec.json.decode(data, type=kind)
        again = canonical(value)
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        raise EvidenceError(f"{name}: not a valid {kind.__name__.lower()}: {error}") from error
    if again != data:
        raise EvidenceError(f"{name}: not canonical JSON: other bytes than the ones that its values have")
    return value


def statement_of(envelope: Envelope) -> Statement:
    """The statement inside an envelope, its types checked; signatures are not looked at.

    Raises:
        EvidenceError: the payload is not a statement of ours.
    """
    if envelope.payload_type != PAYLOAD_TYPE:
        raise EvidenceError(f"{ENVELOPE}: payloadType is {envelope.payload_type!r}, not {PAYLOAD_TYPE!r}")
    statement = decode(base64_decode(envelope.payload, ENVELOPE), Statement, f"{ENVELOPE}: payload")
    if (statement.type, statement.predicate_type) != (STATEMENT_TYPE, PREDICATE_TYPE):
        raise EvidenceError(f"{ENVELOPE}: {statement.type} / {statement.predicate_type} is not a statement of ours")
    return statement
