"""Files of the evidence folder: read without following links, written whole or not at all, locked between processes.

The folder may stand inside a hostile subject, so that nothing in it is trusted to be what its name says.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import stat
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from strictreal.errors import BoundExceeded, EvidenceError, EvidenceNotWritten

LOCK_SECONDS = 60.0
"""Wall time that a process waits for another one to leave the ledger."""
_CHUNK = 1 << 20
_KINDS = (
    (stat.S_ISLNK, "a symbolic link"),
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def kind(mode: int) -> str:
    """What `st_mode` says a path is, in words; empty for a regular file."""
    return next((word for test, word in _KINDS if test(mode)), "")


def open_regular(path: Path, name: str) -> int:
    """A read-only descriptor of a regular file; links are not followed and named pipes do not block.

    Raises:
        EvidenceError: it does not exist, is something else, or may not be read; the message begins with `name`.
    """
    try:
        if odd := kind(os.lstat(path).st_mode):
            raise EvidenceError(f"{name}: {odd}, not a regular file")
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError as error:
        raise EvidenceError(f"{name}: missing") from error
    except OSError as error:
        raise EvidenceError(f"{name}: cannot be read: {error.strerror}") from error
    if odd := kind(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise EvidenceError(f"{name}: {odd}, not a regular file")
    return descriptor


def read(path: Path, name: str, limit: int) -> bytes:
    """The bytes of a regular file of at most `limit` bytes.

    Raises:
        EvidenceError: as for `open_regular`.
        BoundExceeded: the file is larger.
    """
    with os.fdopen(open_regular(path, name), "rb") as file:
        if os.fstat(file.fileno()).st_size <= limit:
            data = file.read(limit + 1)
            if len(data) <= limit:
                return data
    raise BoundExceeded(f"{name}: larger than {limit} bytes (bound: evidence file)")


def file_digest(path: Path, name: str, *, sync: bool = False) -> tuple[int, str]:
    """Size in bytes and SHA-256 of a regular file; with `sync`, after its bytes are on the disk."""
    with os.fdopen(open_regular(path, name), "rb", buffering=0) as file:
        if sync:
            os.fsync(file.fileno())
        hasher, size = hashlib.sha256(), 0
        while chunk := file.read(_CHUNK):
            hasher.update(chunk)
            size += len(chunk)
        return size, hasher.hexdigest()


def first_of(path: Path, name: str, needles: Mapping[str, bytes], *, chunk: int = _CHUNK) -> str:
    """The name of the first needle that a file contains; empty when it contains none. Reads pieces of `chunk` bytes."""
    longest = max(map(len, needles.values()), default=0)
    if not longest:
        return ""
    with os.fdopen(open_regular(path, name), "rb", buffering=0) as file:
        tail = b""
        while piece := file.read(chunk):
            window = tail + piece
            for key, needle in needles.items():
                if needle in window:
                    return key
            tail = window[-longest + 1 :] if longest > 1 else b""
    return ""


def create(path: Path, data: bytes, *, mode: int = 0o666) -> None:
    """Write a file that does not exist yet, down to the disk. What fails halfway is removed.

    Raises:
        OSError: it exists, or the disk is full or read-only.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        with suppress(OSError):
            path.unlink()
        raise


def replace(path: Path, data: bytes, *, mode: int = 0o666) -> None:
    """Put `data` in the place of `path` in one step: readers see the old file or the new one, also after a crash.

    The caller holds the lock of the folder, so that the temporary name is nobody else's.

    Raises:
        OSError: nothing was replaced.
    """
    temporary = path.with_name(f".{path.name}.new")
    with suppress(FileNotFoundError):
        temporary.unlink()
    create(temporary, data, mode=mode)
    try:
        os.replace(temporary, path)
    except OSError:
        with suppress(OSError):
            temporary.unlink()
        raise
    sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """Bring a folder's entries to the disk, where the file system can."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(descriptor)


def real_folder(root: Path, relative: str) -> bool:
    """Whether `relative` is a folder below `root` that no symbolic link leads to."""
    path = root
    for part in relative.split("/"):
        path /= part
        if path.is_symlink() or not path.is_dir():
            return False
    return True


@contextmanager
def unwritten(what: str) -> Iterator[None]:
    """Turn the operating system's refusals inside the block into one clear error.

    Raises:
        EvidenceNotWritten: with the file, the reason and what to do.
    """
    try:
        yield
    except OSError as error:
        advice = {
            errno.ENOSPC: "free some space and audit again",
            errno.EDQUOT: "free some space and audit again",
            errno.EFBIG: "raise the limit on file sizes (ulimit -f) and audit again",
            errno.EROFS: "name a folder that can be written with --output",
            errno.EACCES: "name a folder that can be written with --output",
        }.get(error.errno or 0, "nothing of this run was recorded")
        where = f" ({os.fsdecode(error.filename)})" if error.filename else ""
        raise EvidenceNotWritten(f"{what} cannot be written{where}: {error.strerror or error}; {advice}") from error


def try_lock(path: Path) -> int | None:
    """An open descriptor that holds the lock of `path`, made when missing; None while another process holds it.

    Raises:
        OSError: the file cannot be made or locked here.
        EvidenceError: `path` is something other than a regular file.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o666)
    try:
        if odd := kind(os.fstat(descriptor).st_mode):
            raise EvidenceError(f"{path.name}: {odd}, not a lock file; remove it")
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


@contextmanager
def locked(path: Path, *, seconds: float = LOCK_SECONDS) -> Iterator[None]:
    """Hold the lock file `path`; the operating system frees it however the process ends.

    Raises:
        OSError: the lock file cannot be made.
        BoundExceeded: others held it all the time.
    """
    deadline = time.monotonic() + seconds
    while (descriptor := try_lock(path)) is None:
        if time.monotonic() > deadline:
            raise BoundExceeded(f"{path}: held by another run for {seconds:g} s (bound: waiting for a lock)")
        time.sleep(0.01)
    try:
        yield
    finally:
        os.close(descriptor)


@contextmanager
def locked_to_read(path: Path, *, seconds: float = LOCK_SECONDS) -> Iterator[None]:
    """Keep writers away while reading; where there is no lock file, or it may not be opened, nobody is kept away."""
    try:
        descriptor = open_regular(path, path.name)
    except EvidenceError:
        yield
        return
    try:
        deadline = time.monotonic() + seconds
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
                break
            except BlockingIOError as error:
                if time.monotonic() > deadline:
                    raise BoundExceeded(
                        f"{path}: held by another run for {seconds:g} s (bound: waiting for a lock)"
                    ) from error
                time.sleep(0.01)
            except OSError:
                break
        yield
    finally:
        os.close(descriptor)
