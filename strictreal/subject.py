"""The subject as a tree of files: listed once, read safely, digested.

The audited repository is hostile. A link is never followed, a path cannot leave the root, and what cannot be read stays
in the list, so that whoever needs it finds a gap and not a shorter subject.
"""

from __future__ import annotations

import hashlib
import io
import os
import stat
from collections.abc import Iterator, Sized
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath

from strictreal import installed
from strictreal.errors import BoundExceeded, SubjectError
from strictreal.git import Objects, git
from strictreal.model import canonical, digest
from strictreal.redact import redact_path

_OPENING = 400
_ANY_LANGUAGE = (".cgi", ".fcgi")
"""Endings of scripts that only their first line tells the language of."""
MAX_FILES = 250_000
MAX_FILE_BYTES = 8 * 1024 * 1024
MAX_DIGEST_BYTES = 4 * 1024**3
"""A larger file is not even digested; its size stands for it."""
UNREAD = "unread"
"""How the digest of a file begins that could not be read."""
MISSING = "tracked by git but missing from the working tree"
LINK = "a symbolic link"
BEHIND_LINK = "a parent folder is a link"
SUBMODULE = "a git submodule or nested repository"
HIDDEN_NAME = "its own name cannot be shown, and another file has the name by which it would be"
UNREADABLE_FOLDER = "the folder cannot be read"


@dataclass(frozen=True)
class Entry:
    """One regular file: its path relative to the root with forward slashes, and its size in bytes."""

    path: str
    size: int
    executable: bool = False


@dataclass
class Tree:
    """The regular files of a subject, in path order, without its evidence folder.

    A name that is not UTF-8 is shown with its odd bytes escaped: `caf\\xe9.py`; a secret in a name is shown as a mark.

    Attributes:
        left_out: (path, reason) of everything listed but passed over on purpose.
        kept_as_evidence: paths listed in the folder of evidence; no part of the digest.
        origin: where the list came from: `git`, `walk` or `revision`.
        commit: the commit that HEAD names, or "".
        dirty: paths that differ from the commit; empty when clean or without git.
    """

    root: Path
    entries: list[Entry]
    origin: str
    evidence: str = "evidence"
    commit: str = ""
    dirty: list[str] = field(default_factory=list)
    left_out: list[tuple[str, str]] = field(default_factory=list)
    kept_as_evidence: list[str] = field(default_factory=list)
    _names: dict[str, str] = field(default_factory=dict)
    """What the operating system calls a file that is shown by another name."""
    _blobs: dict[str, str] = field(default_factory=dict)
    _objects: Objects | None = None

    def __iter__(self) -> Iterator[Entry]:
        return iter(self.entries)

    @cached_property
    def paths(self) -> frozenset[str]:
        return frozenset(entry.path for entry in self.entries)

    def read(self, path: str) -> bytes:
        """The bytes of one file.

        Raises:
            BoundExceeded: it is larger than MAX_FILE_BYTES.
            SubjectError: it is not in the tree, cannot be read as a regular file, or changed since it was digested.
        """
        with self.open(path) as file:
            data = file.read(MAX_FILE_BYTES + 1)
        if len(data) > MAX_FILE_BYTES:
            raise BoundExceeded(f"{path}: larger than {MAX_FILE_BYTES} bytes (bound: file size)")
        if "digests" in self.__dict__ and digest(data) != self.digests[path]:
            raise SubjectError(f"{path}: changed while it was being audited")
        return data

    def opening(self, entry: Entry) -> bytes:
        """The first bytes of a file whose name may not tell what it is: one without an ending, or an executable one."""
        name = entry.path.rpartition("/")[2].lower()
        if "." in name and not entry.executable and not name.endswith(_ANY_LANGUAGE):
            return b""
        try:
            with self.open(entry.path) as file:
                return file.read(_OPENING)
        except (SubjectError, OSError):
            return b""  # whoever reads it whole says why it cannot be read

    def open(self, path: str) -> io.BufferedIOBase:
        """One file for reading, without following a link.

        Raises:
            SubjectError: it is not in the tree, or cannot be opened.
        """
        if path not in self.paths:
            raise SubjectError(f"{path}: not a file of the subject")
        if self._objects:
            return io.BytesIO(self._objects.read(self._blobs[path], MAX_FILE_BYTES))
        try:
            place = self.root / self._names.get(path, path)
            descriptor = os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            raise SubjectError(f"{path}: cannot be read: {error.strerror}") from error
        return os.fdopen(descriptor, "rb")

    @cached_property
    def digests(self) -> dict[str, str]:
        """SHA-256 of every file, by path; UNREAD and a reason where it is unreadable or above MAX_DIGEST_BYTES."""
        return {entry.path: self._digest(entry) for entry in self.entries}

    def _digest(self, entry: Entry) -> str:
        if entry.size > MAX_DIGEST_BYTES:
            return f"{UNREAD}: {entry.size} bytes"
        try:
            if self._objects:
                data = self._objects.read(self._blobs[entry.path], MAX_FILE_BYTES)
                return digest(data) if len(data) <= MAX_FILE_BYTES else f"{UNREAD}: blob {self._blobs[entry.path]}"
            with self.open(entry.path) as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
        except (SubjectError, OSError) as error:
            return f"{UNREAD}: {error}"

    @cached_property
    def digest(self) -> str:
        """SHA-256 over the canonical list of (path, executable, content digest): the identity of what was audited."""
        return digest(canonical([[e.path, e.executable, self.digests[e.path]] for e in self.entries]))


def open_tree(root: Path, *, evidence: str = "evidence") -> Tree:
    """The working tree at `root`: what git tracks, and what it does not track and does not ignore.

    Without git, every file below `root` except what was installed, cached or kept by version control (`installed`).

    Raises:
        SubjectError: `root` is not a directory, or is a bare repository.
        BoundExceeded: it lists more than MAX_FILES files, or git takes too long or prints too much.
    """
    if not root.is_dir():
        raise SubjectError(f"{root}: not a directory; name the repository to audit")
    tree = Tree(root.resolve(), [], "git", evidence)
    listed = _listed_by_git(tree)
    if listed is None:
        tree.origin = "walk"
        listed = _listed_by_walking(tree)
    _count(listed)
    gate = _Gate(tree)
    for path in sorted(listed):
        gate.admit(path)
    if tree.origin == "git":
        _describe_revision(tree)
    return tree


def _listed_by_git(tree: Tree) -> set[str] | None:
    """What git lists; None where the root is not the top of a repository that git can read."""
    root = tree.root
    if not os.path.lexists(root / ".git"):
        if (root / "HEAD").is_file() and (root / "objects").is_dir() and (root / "refs").is_dir():
            raise SubjectError(f"{root}: a bare repository has no files; name a working tree of it")
        return None
    try:
        top = os.fsdecode(git(root, "rev-parse", "--show-toplevel")).removesuffix("\n")
        if Path(top).resolve() != root:
            raise SubjectError(f"its working tree is {top}")
        private = os.fsdecode(git(root, "rev-parse", "--git-path", "info/exclude")).removesuffix("\n")
        if odd := _ignore_file_that_blocks(root, root / private):
            raise SubjectError(f"{odd} is not a regular file")
        listed = git(root, "ls-files", "-z", "--cached", "--others", "--exclude-per-directory=.gitignore")
    except SubjectError as error:
        tree.left_out.append((".git", f"every file was listed, because git cannot: {error}"))
        return None
    return {os.fsdecode(path) for path in listed.split(b"\0") if path}


def _ignore_file_that_blocks(root: Path, private: Path) -> str:
    """An ignore file on which git would wait for ever, such as a named pipe; empty when there is none."""
    candidates = [private]
    for folder, names, files in os.walk(root):
        if ".git" in names:
            names.remove(".git")
        if ".gitignore" in files:
            candidates.append(Path(folder, ".gitignore"))
    for path in candidates:
        if os.path.lexists(path) and not stat.S_ISREG(os.stat(path, follow_symlinks=False).st_mode):
            return os.path.relpath(path, root)
    return ""


def _listed_by_walking(tree: Tree) -> set[str]:
    def note(error: OSError) -> None:
        path = os.path.relpath(error.filename, tree.root)
        tree.left_out.append((_shown(path), f"{UNREADABLE_FOLDER}: {error.strerror}"))

    found: set[str] = set()
    for folder, names, files in os.walk(tree.root, onerror=note):
        relative = Path(folder).relative_to(tree.root)
        sifted = installed.sift(folder, names, files)
        left_out = [(relative / name).as_posix() for name in sifted.left_out]
        tree.left_out += [(_shown(path), installed.REASON) for path in left_out if path != ".git"]
        names[:] = sifted.folders
        links = [name for name in names if os.path.islink(f"{folder}/{name}")]
        found.update((relative / name).as_posix() for name in [*sifted.files, *links])
        _count(found)
    return found


def _count(paths: Sized) -> None:
    if len(paths) > MAX_FILES:
        raise BoundExceeded(f"the subject has more than {MAX_FILES} files (bound: file count)")


def _shown(path: str) -> str:
    """A path as facts hold it: valid UTF-8, with other bytes escaped, and without secrets."""
    return redact_path(os.fsencode(path).decode("utf-8", "backslashreplace"))


class _Gate:
    """Lets listed paths into a tree, or says why not."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._inside: dict[PurePosixPath, bool] = {}
        self._renamed: set[str] = set()
        """What files are shown as whose own names are not shown."""

    def admit(self, path: str) -> None:
        tree, shown = self._tree, _shown(path)
        if _is_evidence(tree, path):
            tree.kept_as_evidence.append(shown)
            if not tree.left_out or tree.left_out[-1][0] != tree.evidence:
                tree.left_out.append((tree.evidence, "the folder of evidence, which audits write"))
        elif not self._is_inside(PurePosixPath(path).parent):
            tree.left_out.append((shown, BEHIND_LINK))
        elif shown != path and (shown in self._renamed or os.path.lexists(tree.root / shown)):
            tree.left_out.append((shown, HIDDEN_NAME))
        else:
            self._admit(path, shown)

    def _admit(self, path: str, shown: str) -> None:
        tree = self._tree
        try:
            status = os.lstat(tree.root / path)
        except (FileNotFoundError, NotADirectoryError):
            tree.left_out.append((shown, MISSING))
            return
        except OSError:
            tree.entries.append(Entry(shown, 0))  # whoever needs it will see why it cannot be read
            return
        if stat.S_ISLNK(status.st_mode):
            tree.left_out.append((shown, LINK))
        elif stat.S_ISDIR(status.st_mode):
            tree.left_out.append((shown, SUBMODULE))
        elif not stat.S_ISREG(status.st_mode):
            tree.left_out.append((shown, "not a regular file"))
        else:
            tree.entries.append(Entry(shown, status.st_size, bool(status.st_mode & stat.S_IXUSR)))
            if shown != path:
                tree._names[shown] = path
                self._renamed.add(shown)

    def _is_inside(self, folder: PurePosixPath) -> bool:
        if folder not in self._inside:
            real = os.path.realpath(self._tree.root / folder)
            self._inside[folder] = Path(real) == self._tree.root / folder
        return self._inside[folder]


def _is_evidence(tree: Tree, path: str) -> bool:
    return path == tree.evidence or path.startswith(tree.evidence + "/")


def _describe_revision(tree: Tree) -> None:
    """Fill in commit and dirty files by comparing blob ids, so that no clean filter of the repository runs."""
    try:
        tree.commit = git(tree.root, "rev-parse", "--verify", "HEAD^{commit}").decode().strip()
    except SubjectError:
        tree.dirty = [entry.path for entry in tree.entries]  # no commit yet: everything is new
        return
    rows = [(_shown(path), mode, blob) for path, mode, blob in _rows(tree.root, tree.commit)]
    committed = {path: blob for path, mode, blob in rows if mode in _REGULAR}
    gitlinks = {path for path, mode, _ in rows if mode == _GITLINK}
    tree.left_out = [(p, SUBMODULE if r == MISSING and p in gitlinks else r) for p, r in tree.left_out]
    algorithm = "sha1" if len(tree.commit) == 40 else "sha256"
    differing = {e.path for e in tree.entries if committed.get(e.path) != _blob_id(tree, e, algorithm)}
    present = tree.paths | {path for path, reason in tree.left_out if reason != MISSING}
    gone = {path for path in committed if path not in present and not _is_evidence(tree, path)}
    tree.dirty = sorted(differing | gone)


def _blob_id(tree: Tree, entry: Entry, algorithm: str) -> str:
    """Git's id for a file's bytes as they are; "" where they cannot be read."""
    hasher = hashlib.new(algorithm, usedforsecurity=False)
    hasher.update(b"blob %d\0" % entry.size)
    try:
        with tree.open(entry.path) as file:
            while entry.size <= MAX_DIGEST_BYTES and (chunk := file.read(1 << 20)):
                hasher.update(chunk)
    except (SubjectError, OSError):
        return ""
    return hasher.hexdigest()


_EXECUTABLE = "100755"
_REGULAR = {"100644", _EXECUTABLE, "100664"}
_GITLINK = "160000"
_NOT_READ = {"120000": LINK, _GITLINK: SUBMODULE}


def _rows(root: Path, revision: str) -> Iterator[tuple[str, str, str]]:
    """Path, mode and object id of everything that a revision holds."""
    lines = git(root, "ls-tree", "-r", "-z", "--full-tree", revision).split(b"\0")[:-1]
    _count(lines)
    for line in lines:
        meta, _, path = line.partition(b"\t")
        mode, _, name = meta.decode().split()
        yield os.fsdecode(path), mode, name


def open_revision(root: Path, revision: str, *, evidence: str = "evidence") -> Tree:
    """The tree that a commit holds, read from git's objects without a checkout.

    Raises:
        SubjectError: `revision` names no commit, or the clone is too shallow to have it.
        BoundExceeded: it holds more than MAX_FILES files.
    """
    try:
        if revision.startswith("-"):
            raise SubjectError("it begins with a dash")
        commit = git(root, "rev-parse", "--verify", "--end-of-options", revision + "^{commit}").decode().strip()
    except (SubjectError, ValueError) as error:
        hint = "fetch more of its history" if _is_shallow(root) else "name a commit, branch or tag"
        raise SubjectError(f"there is no revision {revision!r} here; {hint} ({error})") from error
    tree = Tree(root.resolve(), [], "revision", evidence, commit)
    for path, mode, blob in sorted(_rows(root, commit)):
        shown = _shown(path)
        if _is_evidence(tree, path):
            continue
        if shown in tree._blobs:
            tree.left_out.append((shown, HIDDEN_NAME))
        elif mode in _REGULAR:
            tree.entries.append(Entry(shown, 0, mode == _EXECUTABLE))
            tree._blobs[shown] = blob
        else:
            tree.left_out.append((shown, _NOT_READ.get(mode, "not a regular file")))
    tree._objects = Objects(root)
    return tree


def _is_shallow(root: Path) -> bool:
    try:
        return git(root, "rev-parse", "--is-shallow-repository").strip() == b"true"
    except SubjectError:
        return False
