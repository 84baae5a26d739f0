"""Git of a hostile repository: plumbing only, with nothing that its own configuration could start.

Filters, hooks, file system monitors, pagers, transports and lazy fetches stay asleep: the commands used here never need
them, and what `-c` and the environment can refuse is refused. Time and output are bounded.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

from strictreal import programs
from strictreal.errors import BoundExceeded, SubjectError

SECONDS = 120
"""Wall time of one command."""
MAX_OUTPUT = 128 * 1024 * 1024
"""Bytes of one command's output: a tree of a few objects can unfold to billions of paths."""
_COMMAND = (
    "git",
    *("-c", "core.fsmonitor=false"),
    *("-c", "core.hooksPath=/dev/null"),
    *("-c", "core.untrackedCache=false"),
    *("-c", f"core.excludesFile={os.devnull}"),
    *("-c", f"core.attributesFile={os.devnull}"),
    *("-c", "protocol.allow=never"),
    *("-c", "safe.directory=*"),
    "--no-optional-locks",
    "--no-pager",
    "--literal-pathspecs",
)


def _environment(root: Path) -> dict[str, str]:
    return {
        "GIT_CEILING_DIRECTORIES": str(root.resolve().parent),  # a broken .git must not make an outer repository answer
        "PATH": programs.search_path(),
        "GIT_ALLOW_PROTOCOL": "",  # overrules `protocol.<name>.allow` of the repository: not even a lazy fetch connects
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "LC_ALL": "C",
    }


def _start(root: Path, arguments: tuple[str, ...], *, stdin: int, stderr: int | IO[bytes]) -> subprocess.Popen[bytes]:
    command = (*_COMMAND, "-C", str(root), *arguments)
    try:
        return subprocess.Popen(command, stdin=stdin, stdout=subprocess.PIPE, stderr=stderr, env=_environment(root))
    except OSError as error:
        raise SubjectError(f"git cannot be started: {error.strerror}") from error


def git(root: Path, *arguments: str) -> bytes:
    """What one git command prints.

    Raises:
        SubjectError: git is not installed or refuses; the message has its words.
        BoundExceeded: it took longer than SECONDS or printed more than MAX_OUTPUT.
    """
    late = threading.Event()
    with (
        tempfile.TemporaryFile() as complaints,
        _start(root, arguments, stdin=subprocess.DEVNULL, stderr=complaints) as process,
        _alarm(process, late),
    ):
        printed = cast("IO[bytes]", process.stdout).read(MAX_OUTPUT + 1)
        if len(printed) > MAX_OUTPUT:
            process.kill()
            raise BoundExceeded(f"git {arguments[0]} printed more than {MAX_OUTPUT} bytes (bound: git output)")
        status = process.wait()
        if late.is_set():
            raise BoundExceeded(f"git {arguments[0]} took more than {SECONDS} s (bound: git time)")
        if status:
            complaints.seek(0)
            raise SubjectError(f"git {arguments[0]}: {complaints.read(300).decode(errors='replace').strip()}")
    return printed


@contextmanager
def _alarm(process: subprocess.Popen[bytes], late: threading.Event) -> Iterator[None]:
    """Kill the process after SECONDS, and say so in `late`."""

    def ring() -> None:
        late.set()
        process.kill()

    timer = threading.Timer(SECONDS, ring)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


class Objects:
    """Git's objects of one repository, read through a single `git cat-file --batch`."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._process: subprocess.Popen[bytes] | None = None

    def read(self, name: str, limit: int) -> bytes:
        """The bytes of one object, by its id; of a larger one than `limit` just its first `limit` + 1.

        Raises:
            SubjectError: git does not have it.
        """
        if self._process is None:
            self._process = _start(
                self._root, ("cat-file", "--batch"), stdin=subprocess.PIPE, stderr=subprocess.DEVNULL
            )
            weakref.finalize(self, _stop, self._process)
        source, sink = cast("IO[bytes]", self._process.stdout), cast("IO[bytes]", self._process.stdin)
        try:
            sink.write(name.encode() + b"\n")
            sink.flush()
            head = source.readline().split()
        except OSError:
            head = []
        if len(head) != 3:
            if len(head) != 2:  # it ended, as it does when it would have to fetch
                _stop(self._process)
                self._process = None
            raise SubjectError(f"git has no object {name}: is the clone shallow or partial?")
        size = int(head[2])
        data = source.read(min(size, limit) + 1)
        if size > limit:  # what is left of a huge object is not worth unpacking
            _stop(self._process)
            self._process = None
            return data
        return data[:-1]


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.communicate()
