"""Starting programs: what they print is shown when they fail, and how long each step took is told."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from kind.settings import cache_dir, environment


class Failure(Exception):
    """A step that cannot be done; the message says what to do."""


def say(text: str) -> None:
    """A line for whoever watches."""
    print(text, file=sys.stderr, flush=True)


@contextmanager
def step(name: str) -> Iterator[None]:
    """Tell how many seconds it took."""
    begin = time.monotonic()
    say(f"… {name}")
    yield
    say(f"✓ {name} {time.monotonic() - begin:.1f} s")


def find(name: str) -> str:
    """A program's path: one that was built here before one of the machine. "" when there is none."""
    return shutil.which(name, path=f"{cache_dir() / 'bin'}:{environment().get('PATH', '')}") or ""


def run(
    *words: str | Path,
    stdin: str | None = None,
    cwd: Path | None = None,
    timeout: float = 1800,
    extra: Mapping[str, str] | None = None,
) -> str:
    """Run a program and return what it printed.

    Args:
        words: the program and its arguments.
        stdin: what it reads; nothing when None.
        cwd: where it runs.
        timeout: seconds.
        extra: variables of its environment.

    Raises:
        Failure: it is missing, ended with another status than 0, or took too long.
    """
    name, *arguments = map(str, words)
    program = name if "/" in name else find(name)
    if not program:
        raise Failure(f"{name} is not installed")
    try:
        done = subprocess.run(
            (program, *arguments),
            input=(stdin or "").encode(),
            capture_output=True,
            cwd=cwd,
            env=environment(**(extra or {})),
            timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired as late:
        raise Failure(f"{name} {' '.join(arguments[:3])} did not end within {timeout:.0f} s") from late
    if done.returncode:
        said = (done.stderr or done.stdout).decode(errors="replace").strip()
        raise Failure(f"{name} {' '.join(arguments[:4])} ended with {done.returncode}:\n{said[-3000:]}")
    return done.stdout.decode(errors="replace")


def succeeds(*words: str | Path, timeout: float = 60) -> bool:
    """Whether it is there and ends with 0."""
    try:
        run(*words, timeout=timeout)
    except Failure:
        return False
    return True


def wait(what: str, ready: Callable[[], bool], seconds: float, pause: float = 0.5) -> None:
    """Ask until `ready()` is true.

    Raises:
        Failure: it was not within `seconds`.
    """
    end = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > end:
            raise Failure(f"{what}: not within {seconds:.0f} s")
        time.sleep(pause)


def digest(*parts: object) -> str:
    """16 hexadecimal digits of sha256 over the parts; folders and files count by what is in them."""
    sha = hashlib.sha256()
    for part in parts:
        if isinstance(part, Path):
            files = (
                [part]
                if part.is_file()
                else sorted(p for p in part.rglob("*") if p.is_file() and "__pycache__" not in p.parts)
            )
            for file in files:
                sha.update(f"{file.relative_to(part.parent)}\0".encode() + hashlib.sha256(file.read_bytes()).digest())
        else:
            sha.update(json.dumps(part, sort_keys=True, default=str).encode() + b"\0")
    return sha.hexdigest()[:16]
