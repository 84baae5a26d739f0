"""The `pip-audit` program, when it is on the PATH: known vulnerabilities of pinned Python packages.

It ends with success although it looked up nothing, so its word is not taken: every package that it was given must be in
its answer, and one that it skipped was not examined. It is given names and versions alone, never a subject's file.
"""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

import msgspec

from strictreal import programs
from strictreal.errors import BoundExceeded, StrictRealError, ToolMissing

SECONDS = 600
MAX_MESSAGE = 300


class Vulnerability(msgspec.Struct, frozen=True):
    """One known vulnerability; the sources of pip-audit do not say how severe it is."""

    id: str
    fixed: tuple[str, ...] = msgspec.field(name="fix_versions", default=())
    aliases: tuple[str, ...] = ()


class Dependency(msgspec.Struct, frozen=True):
    """What was found of one package; with a `skipped`, nothing was looked up."""

    name: str
    version: str = ""
    vulnerabilities: tuple[Vulnerability, ...] = msgspec.field(name="vulns", default=())
    skipped: str = msgspec.field(name="skip_reason", default="")


class _Report(msgspec.Struct):
    dependencies: tuple[Dependency, ...]


def find() -> str:
    """The program's path.

    Raises:
        ToolMissing: there is none on the PATH.
    """
    found = programs.find("pip-audit")
    if not found:
        raise ToolMissing("no pip-audit on the PATH")
    return found


def version() -> str:
    """The program's version."""
    return _run(["--version"]).decode(errors="replace").split()[-1]


def audit(pinned: Mapping[str, str]) -> tuple[Dependency, ...]:
    """What is known of packages.

    Args:
        pinned: versions by normalised name, at least one.

    Raises:
        ToolMissing: there is no program.
        BoundExceeded: it took longer than SECONDS.
        StrictRealError: it failed, or its answer is not understood.
    """
    with tempfile.NamedTemporaryFile("w", prefix="strictreal-pip-audit-", suffix=".txt") as file:
        file.writelines(f"{name}=={version}\n" for name, version in sorted(pinned.items()))
        file.flush()
        options = ("--format=json", "--progress-spinner=off", "--no-deps", "--disable-pip")
        return read(_run([*options, f"--requirement={file.name}"]))


def read(data: bytes) -> tuple[Dependency, ...]:
    """An answer in pip-audit's JSON format.

    Raises:
        StrictRealError: it is none.
    """
    try:
        return msgspec.json.decode(data, type=_Report).dependencies
    except msgspec.DecodeError as error:
        raise StrictRealError(f"pip-audit's answer is not understood: {error}") from None


def _run(arguments: list[str]) -> bytes:
    program = find()
    with tempfile.TemporaryDirectory(prefix="strictreal-pip-audit-") as name:
        try:
            done = subprocess.run(
                (program, *arguments), capture_output=True, cwd=Path(name), timeout=SECONDS, check=False
            )
        except subprocess.TimeoutExpired:
            raise BoundExceeded(f"pip-audit took more than {SECONDS} s (bound: scan time)") from None
    # It ends with 1 both for vulnerabilities, which it then lists, and where it failed, when it writes nothing.
    if done.returncode and not done.stdout.strip():
        said = " ".join(done.stderr.decode(errors="replace").split())[-MAX_MESSAGE:]
        raise StrictRealError(f"pip-audit ended with {done.returncode}: {said}")
    return done.stdout
