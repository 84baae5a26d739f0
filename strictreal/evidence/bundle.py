"""Writing a bundle: all of it in a hidden folder first, then one step that makes it count.

The protocol, each step on the disk before the next:

1. Under the ledger's lock, heal what dead runs left behind, and make `.pending-<random>/` with a lock of its own that
   lives as long as this process.
2. Facts, specimens, blobs, results, environment and manifest are written there.
3. Under the ledger's lock: take the next position of the chain, sign the statement that names it, write the envelope.
4. **Commit**: the ledger, with one more line, takes the place of the old one in one rename.
5. The folder is renamed to its final name.

A run that dies before step 4 leaves a hidden folder that no line names: the next run removes it. One that dies after
step 4 leaves a whole bundle under a hidden name: verification looks there too, and the next run renames it.
"""

from __future__ import annotations

import os
import secrets as randomness
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType

import msgspec

from strictreal.errors import EvidenceError, EvidenceNotWritten, NotEvidence, StrictRealError
from strictreal.evidence import compose, disk, ledger
from strictreal.evidence.compose import Audit
from strictreal.evidence.ledger import Chain
from strictreal.evidence.sign import Signer
from strictreal.evidence.statement import BLOBS, ENVELOPE, ENVIRONMENT, MANIFEST, RESULTS, File, Manifest, Results
from strictreal.evidence.witness import Witness
from strictreal.model import canonical, digest

__all__ = ["Audit", "Receipt", "Writer", "heal", "output_folder"]
CLAIM = ".writer"
MIN_SECRET = 8
"""Characters below which a value is too common a word to be searched for."""


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """A bundle that was recorded."""

    bundle: Path
    run: str
    key: str
    """`development`, `configured` or `none`."""
    key_id: str
    index: int
    head: str
    """Digest of the bundle's line in the ledger: what `verify --head` takes."""
    notes: tuple[str, ...]
    """What the user should know: why the bundle is unsigned, or that the ledger was rolled back before."""


def output_folder(root: Path, configured: str, asked: Path | None) -> Path:
    """Where bundles go: where the user says, or else the subject's own folder, provided that it is inside the subject.

    Raises:
        NotEvidence: the subject's folder is, or lies behind, a symbolic link, or is not a folder.
    """
    if asked is not None:
        return asked.resolve()
    path = root
    for part in configured.split("/"):
        path /= part
        if os.path.lexists(path) and (path.is_symlink() or not path.is_dir()):
            name = path.relative_to(root)
            raise NotEvidence(f"{name}: not a folder of the subject; name another place with --output")
    return path


class Writer:
    """One bundle in the making: `folder` takes the fact files, `commit` makes the bundle count.

    Leaving the block without a commit leaves nothing behind.

    Args:
        output: the evidence folder; made when missing.

    Raises:
        EvidenceError: its ledger does not hold.
        EvidenceNotWritten: it cannot be written.
    """

    def __init__(self, output: Path) -> None:
        self.output = output
        self.folder = output / f"{ledger.PENDING}{randomness.token_hex(8)}"
        with disk.unwritten("the evidence folder"):
            output.mkdir(parents=True, exist_ok=True)
            with disk.locked(output / ledger.LOCK):
                heal(output)
                self.folder.mkdir()
                self._claim = disk.try_lock(self.folder / CLAIM)

    def __enter__(self) -> Writer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._claim is None:
            return
        with suppress(OSError, StrictRealError):
            if not os.path.lexists(self.folder / ENVELOPE):
                shutil.rmtree(self.folder, ignore_errors=True)
            else:
                with disk.locked(self.output / ledger.LOCK):
                    _settle(self.output, self.folder, ledger.read(self.output))
        self._release()

    def _release(self) -> None:
        if self._claim is not None:
            os.close(self._claim)
            self._claim = None

    def blob(self, data: bytes) -> str:
        """Keep `data` under its SHA-256, which is returned.

        Raises:
            EvidenceNotWritten: the disk is full, …
        """
        name = digest(data)
        path = self.folder / BLOBS / name
        with disk.unwritten("the bundle"):
            path.parent.mkdir(exist_ok=True)
            if not path.exists():
                path.write_bytes(data)
        return name

    def commit(
        self,
        audit: Audit,
        signer: Signer,
        *,
        witness: Witness | None = None,
        secrets: Mapping[str, str] | None = None,
    ) -> Receipt:
        """Sign and record the bundle.

        Args:
            audit: what the run knows of itself.
            signer: who signs.
            witness: remembers the new head.
            secrets: values by name (environment variables whose names speak of secrets) that no file may hold.

        Raises:
            EvidenceNotWritten: the disk is full, or a secret got into a file; nothing was recorded.
            EvidenceError: the ledger does not hold any more.
        """
        with disk.unwritten("the bundle"):
            (self.folder / RESULTS).write_bytes(canonical(Results(results=audit.results)))
            (self.folder / ENVIRONMENT).write_bytes(canonical(compose.environment(audit)))
            _refuse_secrets(self.folder, secrets or {})
            manifest = canonical(_manifest(self.folder))
            disk.create(self.folder / MANIFEST, manifest)
            with disk.locked(self.output / ledger.LOCK):
                return self._append(audit, signer, digest(manifest), witness)

    def _append(self, audit: Audit, signer: Signer, manifest: str, witness: Witness | None) -> Receipt:
        before = ledger.load(self.output)
        chain = ledger.parse(before)
        listed = {line.bundle for line in chain.lines}
        bundle = compose.bundle_name(audit, lambda name: name in listed or os.path.lexists(self.output / name))
        envelope = compose.envelope(audit, signer, manifest, bundle, chain)
        (self.folder / CLAIM).unlink()
        disk.create(self.folder / ENVELOPE, envelope)
        disk.sync_folder(self.folder)
        _make_parents(self.output, bundle)
        after = ledger.extended(before, bundle, digest(envelope))
        disk.replace(self.output / ledger.LEDGER, after)  # the commit
        _into_place(self.output, self.folder, bundle)
        self._release()
        grown = ledger.parse(after)
        notes = [signer.reason] if signer.reason else []
        if witness is not None:
            notes += _remember(witness, self.output, chain, grown)
        return Receipt(
            bundle=self.output / bundle,
            run=bundle.rsplit("/", 1)[-1],
            key=signer.kind,
            key_id=signer.key_id,
            index=len(chain),
            head=grown.head,
            notes=tuple(notes),
        )


def heal(output: Path) -> None:
    """Finish or remove what runs that have died left in an evidence folder. The caller holds the ledger's lock.

    Raises:
        EvidenceError: the ledger does not hold; nothing was touched.
        OSError: something cannot be moved or removed.
    """
    chain = ledger.read(output)
    for name in sorted(os.listdir(output)):
        path = output / name
        if name == f".{ledger.LEDGER}.new":
            path.unlink()
        elif name.startswith(ledger.PENDING):
            if path.is_symlink() or not path.is_dir():
                path.unlink()
            elif not _alive(path):
                _settle(output, path, chain)


def _alive(folder: Path) -> bool:
    """Whether the process that writes this folder still runs. Its claim goes while it holds the ledger's lock."""
    if not os.path.lexists(folder / CLAIM):
        return False
    try:
        claim = disk.try_lock(folder / CLAIM)
    except (OSError, EvidenceError):
        return False
    if claim is None:
        return True
    os.close(claim)
    return False


def _settle(output: Path, folder: Path, chain: Chain) -> None:
    """Give a folder its final name when the ledger names it; remove it otherwise."""
    line = None
    with suppress(EvidenceError):
        line = chain.line_with(disk.file_digest(folder / ENVELOPE, ENVELOPE)[1])
    if line and not os.path.lexists(output / line.bundle):
        _make_parents(output, line.bundle)
        _into_place(output, folder, line.bundle)
    else:
        shutil.rmtree(folder)


def _into_place(output: Path, folder: Path, bundle: str) -> None:
    os.rename(folder, output / bundle)
    disk.sync_folder((output / bundle).parent)
    disk.sync_folder(output)


def _make_parents(output: Path, bundle: str) -> None:
    path = output
    for part in bundle.split("/")[:-1]:
        path /= part
        with suppress(FileExistsError):
            path.mkdir()
        if path.is_symlink() or not path.is_dir():
            raise EvidenceError(f"{path.relative_to(output)}: not a folder of the evidence folder; remove it")


def _files(folder: Path) -> list[str]:
    found = []
    for parent, _, names in os.walk(folder):
        found += [(Path(parent) / name).relative_to(folder).as_posix() for name in names]
    return sorted(name for name in found if name != CLAIM)


def _manifest(folder: Path) -> Manifest:
    """The manifest of everything in `folder`, all of it brought to the disk."""
    files = []
    for name in _files(folder):
        size, sha256 = disk.file_digest(folder / name, name, sync=True)
        files.append(File(path=name, size=size, sha256=sha256))
    if (folder / BLOBS).is_dir():
        disk.sync_folder(folder / BLOBS)
    return Manifest(files=tuple(files))


def _refuse_secrets(folder: Path, values: Mapping[str, str]) -> None:
    needles = {name: value.encode(errors="ignore") for name, value in values.items() if len(value) >= MIN_SECRET}
    for name, needle in list(needles.items()):
        if (escaped := canonical(needle.decode())[1:-1]) != needle:
            needles[f"{name} (escaped)"] = escaped
    for name in _files(folder):
        found = disk.first_of(folder / name, name, needles)
        if found:
            raise EvidenceNotWritten(
                f"{name}: holds the value of the variable {found}; secrets never reach a bundle, so nothing was"
                " recorded. Take the value out of the subject, or out of the environment if it is no secret"
            )


def _remember(witness: Witness, output: Path, before: Chain, after: Chain) -> list[str]:
    """Tell the witness of the new head, unless the ledger contradicted it before: then that must stay noticeable."""
    try:
        problem = witness.problem(output, before)
        if problem:
            return [f"{ledger.LEDGER}: {problem}"]
        witness.record(output, after)
    except (OSError, StrictRealError) as error:
        return [f"the new head could not be witnessed: {error}"]
    return []
