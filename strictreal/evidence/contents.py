"""The files of one bundle against its manifest, and its manifest against its statement: every byte is accounted for.

Nothing in the folder is believed: links are not followed, pipes and devices not opened, and what the manifest does not
name, down to an empty folder, is a problem.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from strictreal.errors import NotEvidence, StrictRealError
from strictreal.evidence import disk
from strictreal.evidence.factfiles import FACTS, SPECIMENS
from strictreal.evidence.statement import (
    BLOBS,
    ENVELOPE,
    ENVIRONMENT,
    MANIFEST,
    RESULTS,
    Envelope,
    File,
    Manifest,
    Statement,
    decode,
    statement_of,
)
from strictreal.model import digest

MAX_ENVELOPE_BYTES = 4 * 1024 * 1024
MAX_MANIFEST_BYTES = 64 * 1024 * 1024
MAX_FILE_BYTES = 4 * 1024**3
MAX_ENTRIES = 300_000
"""Files and folders of one bundle."""
_ALWAYS = (FACTS, SPECIMENS, RESULTS, ENVIRONMENT)


@dataclass
class Contents:
    """What the files of a bundle say, as far as they could be read, and what is wrong with them."""

    problems: list[str] = field(default_factory=list)
    envelope: Envelope | None = None
    statement: Statement | None = None
    sha256: str = ""
    """SHA-256 of the envelope file: what the ledger names."""


@dataclass(frozen=True)
class Seen:
    """One entry of the folder: its kind in words (empty for a regular file), and its size in bytes."""

    kind: str
    size: int


def printable(name: str) -> str:
    """A file name that can be printed, whatever its bytes."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def walk(folder: Path) -> Iterator[tuple[str, Seen]]:
    """Everything below a folder, links not followed, folders before what they hold; paths with forward slashes.

    Raises:
        OSError: a folder cannot be listed.
    """
    stack = [""]
    while stack:
        prefix = stack.pop()
        with os.scandir(folder / prefix) as entries:
            for entry in sorted(entries, key=lambda e: e.name):
                status = entry.stat(follow_symlinks=False)
                kind = disk.kind(status.st_mode)
                yield prefix + entry.name, Seen(kind, status.st_size)
                if kind == "a folder":
                    stack.append(f"{prefix}{entry.name}/")


def require_bundle(folder: Path) -> None:
    """Refuse a folder that nobody could take for a bundle; one that lost a part of itself is a damaged bundle.

    Raises:
        NotEvidence: it is no folder, or has neither an envelope nor a manifest.
    """
    if not folder.is_dir():
        raise NotEvidence(f"{folder}: not a folder; name the folder of a bundle")
    if not any(os.path.lexists(folder / name) for name in (ENVELOPE, MANIFEST)):
        raise NotEvidence(f"{folder}: not a bundle: it has neither {ENVELOPE} nor {MANIFEST}")


def holds_bundle(folder: Path) -> bool:
    """Whether a bundle, or what is left of one, stands somewhere below: a folder of evidence that lost its ledger."""
    try:
        for count, (name, _) in enumerate(walk(folder)):
            if name.rpartition("/")[2] in (ENVELOPE, MANIFEST):
                return True
            if count > MAX_ENTRIES:
                return False
    except OSError:
        return False
    return False


def envelope(folder: Path) -> Contents:
    """The envelope and the statement of a bundle; its other files are not looked at."""
    contents = Contents()
    try:
        data = disk.read(folder / ENVELOPE, ENVELOPE, MAX_ENVELOPE_BYTES)
        contents.sha256 = digest(data)
        contents.envelope = decode(data, Envelope, ENVELOPE)
        contents.statement = statement_of(contents.envelope)
    except StrictRealError as error:
        contents.problems.append(str(error))
    return contents


def verify(folder: Path) -> Contents:
    """Envelope, manifest and every file of a bundle; the signature is left to who knows the keys."""
    contents = envelope(folder)
    try:
        manifest = _manifest(folder, contents)
        contents.problems += _files(folder, manifest)
    except (StrictRealError, OSError) as error:
        contents.problems.append(str(error))
    return contents


def _manifest(folder: Path, contents: Contents) -> Manifest:
    data = disk.read(folder / MANIFEST, MANIFEST, MAX_MANIFEST_BYTES)
    if contents.statement and digest(data) != contents.statement.predicate.manifest:
        contents.problems.append(f"{MANIFEST}: not the one that the statement names")
    manifest = decode(data, Manifest, MANIFEST)
    paths = [file.path for file in manifest.files]
    if paths != sorted(set(paths)):
        contents.problems.append(f"{MANIFEST}: paths are not in order, or named twice")
    contents.problems += [f"{MANIFEST}: {name} is not named" for name in _ALWAYS if name not in paths]
    return manifest


def _files(folder: Path, manifest: Manifest) -> Iterator[str]:
    """What is wrong with the files of a bundle; only one of the right kind and size is opened."""
    found: dict[str, Seen] = {}
    for name, seen in walk(folder):
        found[name] = seen
        if len(found) > MAX_ENTRIES:
            yield f"more than {MAX_ENTRIES} files (bound: bundle entries)"
            return
    for file in manifest.files:
        name = printable(file.path)
        if (entry := found.pop(file.path, None)) is None:
            yield f"{name}: missing"
        elif entry.kind:
            yield f"{name}: {entry.kind}, not a regular file"
        elif problem := _file(folder, file, entry):
            yield f"{name}: {problem}"
    folders = {parent for file in manifest.files for parent in _parents(file.path)}
    for path, entry in found.items():
        if path not in (ENVELOPE, MANIFEST) and not (path in folders and entry.kind == "a folder"):
            yield f"{printable(path)}: {entry.kind or 'a file'} that the manifest does not name"


def _file(folder: Path, file: File, seen: Seen) -> str:
    if seen.size != file.size:
        return f"changed: {seen.size} bytes where the manifest says {file.size}"
    if seen.size > MAX_FILE_BYTES:
        return f"larger than {MAX_FILE_BYTES} bytes (bound: bundle file)"
    if disk.file_digest(folder / file.path, file.path)[1] != file.sha256:
        return "changed: not the SHA-256 that the manifest says"
    head, _, name = file.path.rpartition("/")
    if head == BLOBS and name != file.sha256:
        return "a blob whose name is not its SHA-256"
    return ""


def _parents(path: str) -> Iterator[str]:
    while (path := path.rpartition("/")[0]) != "":
        yield path
