"""The subject as a tree of files: listed once, read safely, digested.

The audited repository is hostile. Git is asked only through plumbing that runs no filter, hook, monitor or transport of
the repository's own configuration; a link is never followed; a path cannot leave the root.
"""

from __future__ import annotations

import hashlib
import io
import os
import stat
import subprocess
import weakref
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath

from strictreal.errors import BoundExceeded, SubjectError
from strictreal.model import canonical, digest

MAX_FILES = 250_000
MAX_FILE_BYTES = 8 * 1024 * 1024
_SKIPPED_WITHOUT_GIT = {".git", ".hg", ".svn", ".venv", "venv", "node_modules", "__pycache__", ".tox", ".mypy_cache"}
_MISSING = "tracked by git but missing from the working tree"
_GIT = (
    "git",
    *("-c", "core.fsmonitor=false"),
    *("-c", "core.hooksPath=/dev/null"),
    *("-c", "core.untrackedCache=false"),
    *("-c", "protocol.allow=never"),
    *("-c", "safe.directory=*"),
    "--no-optional-locks",
    "--literal-pathspecs",
)


@dataclass(frozen=True)
class Entry:
    """One regular file: its path relative to the root with forward slashes, and its size in bytes."""

    path: str
    size: int
    executable: bool = False


@dataclass
class Tree:
    """The regular files of a subject, in path order, without its evidence folder.

    Attributes:
        left_out: (path, reason) of everything listed but not read.
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
    _blobs: dict[str, str] = field(default_factory=dict)
    _objects: _Objects | None = None

    def __iter__(self) -> Iterator[Entry]:
        return iter(self.entries)

    @cached_property
    def paths(self) -> frozenset[str]:
        return frozenset(entry.path for entry in self.entries)

    def read(self, path: str) -> bytes:
        """The bytes of one file.

        Raises:
            BoundExceeded: it is larger than MAX_FILE_BYTES.
            SubjectError: it is not in the tree, or cannot be read as a regular file.
        """
        with self.open(path) as file:
            data = file.read(MAX_FILE_BYTES + 1)
        if len(data) > MAX_FILE_BYTES:
            raise BoundExceeded(f"{path}: larger than {MAX_FILE_BYTES} bytes (bound: file size)")
        return data

    def open(self, path: str) -> io.BufferedIOBase:
        """One file for reading, without following a link.

        Raises:
            SubjectError: it is not in the tree, or cannot be opened.
        """
        if path not in self.paths:
            raise SubjectError(f"{path}: not a file of the subject")
        if self._objects:
            return io.BytesIO(self._objects.read(self._blobs[path]))
        try:
            descriptor = os.open(self.root / path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError as error:
            raise SubjectError(f"{path}: cannot be read: {error.strerror}") from error
        return os.fdopen(descriptor, "rb")

    @cached_property
    def digests(self) -> dict[str, str]:
        """SHA-256 of every file, by path. Files above the size bound are streamed."""
        found: dict[str, str] = {}
        for entry in self.entries:
            try:
                with self.open(entry.path) as file:
                    found[entry.path] = hashlib.file_digest(file, "sha256").hexdigest()
            except (SubjectError, OSError):
                found[entry.path] = "unreadable"
        return found

    @cached_property
    def digest(self) -> str:
        """SHA-256 over the canonical list of (path, executable, content digest): the identity of what was audited."""
        return digest(canonical([[e.path, e.executable, self.digests[e.path]] for e in self.entries]))


def _environment(root: Path) -> dict[str, str]:
    return {
        "GIT_CEILING_DIRECTORIES": str(root.resolve().parent),  # a broken .git must not make an outer repository answer
        "PATH": os.pathsep.join(os.get_exec_path()),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "LC_ALL": "C",
    }


class _Objects:
    """Git's objects of one repository, read through a single `git cat-file --batch`."""

    def __init__(self, root: Path) -> None:
        command = (*_GIT, "-C", str(root), "cat-file", "--batch")
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=_environment(root))
        weakref.finalize(self, self._process.kill)

    def read(self, name: str) -> bytes:
        """The bytes of one object, by its id."""
        if not self._process.stdin or not self._process.stdout:
            raise SubjectError("git cat-file has no pipe")
        self._process.stdin.write(name.encode() + b"\n")
        self._process.stdin.flush()
        head = self._process.stdout.readline().split()
        if len(head) != 3:
            raise SubjectError(f"git has no object {name}: is the clone shallow or partial?")
        data = self._process.stdout.read(int(head[2]))
        self._process.stdout.read(1)
        return data


def _git(root: Path, *arguments: str) -> bytes:
    command = (*_GIT, "-C", str(root), *arguments)
    try:
        done = subprocess.run(command, capture_output=True, env=_environment(root), timeout=120, check=False)
    except FileNotFoundError as error:
        raise SubjectError("git is not installed") from error
    except subprocess.TimeoutExpired as error:
        raise BoundExceeded(f"git {arguments[0]} took more than 120 s (bound: git time)") from error
    if done.returncode:
        raise SubjectError(f"git {arguments[0]}: {done.stderr.decode(errors='replace').strip()[:300]}")
    return done.stdout


def open_tree(root: Path, *, evidence: str = "evidence") -> Tree:
    """The working tree at `root`: what git tracks, and what it does not track and does not ignore.

    Without git, every file below `root` except the folders that hold dependencies or version control.

    Raises:
        SubjectError: `root` is not a directory.
        BoundExceeded: it lists more than MAX_FILES files.
    """
    if not root.is_dir():
        raise SubjectError(f"{root}: not a directory; name the repository to audit")
    root = root.resolve()
    listed = None
    if os.path.lexists(root / ".git"):
        with suppress(SubjectError):
            listed = _git(root, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    if listed is None:
        paths, origin = sorted(_walk(root)), "walk"
    else:
        paths, origin = sorted({os.fsdecode(path) for path in listed.split(b"\0") if path}), "git"
    tree = Tree(root, [], origin, evidence)
    for path in paths:
        if path == evidence or path.startswith(evidence + "/"):
            continue
        if len(tree.entries) >= MAX_FILES:
            raise BoundExceeded(f"the subject has more than {MAX_FILES} files (bound: file count)")
        _admit(tree, path)
    if origin == "git":
        _describe_revision(tree)
    return tree


def _walk(root: Path) -> Iterator[str]:
    for folder, names, files in os.walk(root, followlinks=False):
        names[:] = sorted(name for name in names if name not in _SKIPPED_WITHOUT_GIT)
        relative = Path(folder).relative_to(root)
        for name in [*files, *(n for n in names if os.path.islink(os.path.join(folder, n)))]:
            yield (relative / name).as_posix()


def _admit(tree: Tree, path: str) -> None:
    """Put one listed path among the entries, or say why not."""
    try:
        path.encode()
        status = os.lstat(tree.root / path)
        inside = _parent_is_inside(tree.root, path)
    except UnicodeEncodeError:
        tree.left_out.append((path.encode(errors="replace").decode(), "its name is not valid UTF-8"))
        return
    except FileNotFoundError:
        tree.left_out.append((path, _MISSING))
        return
    except OSError as error:
        tree.left_out.append((path, f"cannot be looked at: {error.strerror}"))
        return
    if not inside:
        tree.left_out.append((path, "a parent folder is a link"))
    elif stat.S_ISLNK(status.st_mode):
        tree.left_out.append((path, "a symbolic link"))
    elif stat.S_ISDIR(status.st_mode):
        tree.left_out.append((path, "a git submodule or nested repository"))
    elif not stat.S_ISREG(status.st_mode):
        tree.left_out.append((path, "not a regular file"))
    else:
        tree.entries.append(Entry(path, status.st_size, bool(status.st_mode & stat.S_IXUSR)))


_checked: dict[tuple[Path, PurePosixPath], bool] = {}


def _parent_is_inside(root: Path, path: str) -> bool:
    parent = PurePosixPath(path).parent
    if (root, parent) not in _checked:
        _checked[root, parent] = Path(os.path.realpath(root / parent)) == root / parent
    return _checked[root, parent]


def _describe_revision(tree: Tree) -> None:
    """Fill in commit and dirty files by comparing blob ids, so that no clean filter of the repository runs."""
    try:
        tree.commit = _git(tree.root, "rev-parse", "--verify", "HEAD^{commit}").decode().strip()
    except SubjectError:
        tree.dirty = [entry.path for entry in tree.entries]  # no commit yet: everything is new
        return
    committed = _blobs_at(tree.root, tree.commit)
    current = {entry.path: entry for entry in tree.entries}
    algorithm = "sha1" if len(tree.commit) == 40 else "sha256"
    for path, entry in current.items():
        if path not in committed or _blob_id(tree, entry, algorithm) != committed[path]:
            tree.dirty.append(path)
    present = current.keys() | {path for path, reason in tree.left_out if reason != _MISSING}
    gone = [path for path in committed if path not in present and not path.startswith(tree.evidence + "/")]
    tree.dirty = sorted([*tree.dirty, *gone])


def _blob_id(tree: Tree, entry: Entry, algorithm: str) -> str:
    hasher = hashlib.new(algorithm, usedforsecurity=False)
    hasher.update(b"blob %d\0" % entry.size)
    with tree.open(entry.path) as file:
        while chunk := file.read(1 << 20):
            hasher.update(chunk)
    return hasher.hexdigest()


def _blobs_at(root: Path, revision: str) -> dict[str, str]:
    """Blob id of every regular file at a revision, by path."""
    found = {}
    for line in _git(root, "ls-tree", "-r", "-z", "--full-tree", revision).split(b"\0"):
        if line:
            meta, _, path = line.partition(b"\t")
            mode, kind, name = meta.decode().split()
            if kind == "blob" and mode != "120000":
                found[os.fsdecode(path)] = name
    return found


def open_revision(root: Path, revision: str, *, evidence: str = "evidence") -> Tree:
    """The tree that a commit holds, read from git's objects without a checkout.

    Raises:
        SubjectError: `revision` names no commit, or the clone is too shallow to have it.
    """
    if revision.startswith("-"):
        raise SubjectError(f"{revision!r} is not a revision")
    commit = _git(root, "rev-parse", "--verify", "--end-of-options", revision + "^{commit}").decode().strip()
    blobs = _blobs_at(root, commit)
    tree = Tree(root.resolve(), [], "revision", evidence, commit)
    tree._blobs = {path: blob for path, blob in blobs.items() if not path.startswith(evidence + "/")}
    tree._objects = _Objects(root)
    tree.entries = [Entry(path, 0) for path in sorted(tree._blobs)]
    return tree
