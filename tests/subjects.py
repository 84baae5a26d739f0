"""Subjects for tests: small repositories laid on disk, and the command line run on them as a person would."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from strictreal import facts
from strictreal.facts.code import Module
from strictreal.model import Fact, Gap, Observation

STRICTREAL = Path(sys.executable).with_name("strictreal")
_IDENTITY = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-c", "commit.gpgSign=false")

READING = 'import os\n\nBROKER = os.getenv("BROKER")\n'
"""A module that reads the environment."""


def lay(root: Path, files: Mapping[str, str | bytes]) -> Path:
    """Write `files` below `root`."""
    for path, content in files.items():
        place = root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content if isinstance(content, bytes) else content.encode())
    return root


def git(root: Path, *arguments: str, **keywords: Any) -> str:
    """What a git command prints, run as the author of the repository."""
    command = ("git", *_IDENTITY, *arguments)
    done = subprocess.run(command, cwd=root, check=True, capture_output=True, **keywords)
    return done.stdout.decode(errors="surrogateescape").strip()


def commit(root: Path, files: Mapping[str, str | bytes] | None = None, message: str = "A change") -> str:
    """Lay `files`, commit everything, and give the commit's id."""
    lay(root, files or {})
    if not (root / ".git").exists():
        root.mkdir(parents=True, exist_ok=True)
        git(root, "init", "--quiet", "--initial-branch=main")
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--allow-empty", "--message", message)
    return git(root, "rev-parse", "HEAD")


@dataclass(frozen=True)
class Run:
    """One run of the command line."""

    code: int
    output: str
    errors: str

    @property
    def document(self) -> Any:
        """Standard output as JSON."""
        return msgspec.json.decode(self.output)

    @property
    def outcomes(self) -> dict[str, str]:
        """Outcome by check id."""
        return {each["check"]: each["outcome"] for each in self.document["outcomes"]}

    @property
    def facts(self) -> list[Fact]:
        """The subject's facts, from the bundle."""
        path = Path(self.document["bundle"], "facts.jsonl")
        observed: list[Observation] = list(facts.decode(path.read_bytes().splitlines(), path.name))
        return [fact for observation in observed for fact in observation.facts]

    def all(self, kind: type[Any]) -> list[Any]:
        """The subject's facts of one type."""
        return [fact for fact in self.facts if isinstance(fact, kind)]


def strictreal(*arguments: str | Path, cwd: Path | None = None, seconds: float = 300, **keywords: Any) -> Run:
    """Run the command line; its standard streams are pipes."""
    command: Sequence[str | Path] = (STRICTREAL, *arguments)
    done = subprocess.run(command, cwd=cwd, capture_output=True, timeout=seconds, check=False, **keywords)
    return Run(done.returncode, done.stdout.decode(), done.stderr.decode())


def audit(subject: Path, *options: str | Path, output: Path, **keywords: Any) -> Run:
    """Audit a subject with its bundle outside of it, and JSON on standard output."""
    return strictreal("audit", subject, "--output", output, "--format", "json", *options, **keywords)


def examined(run: Run) -> set[str]:
    """Paths of the Python files that were read."""
    return {module.where.path for module in run.all(Module)}


def gaps(run: Run) -> dict[str, str]:
    """Why each Python file was not examined, by path."""
    return {gap.where.path: gap.reason for gap in run.all(Gap) if gap.of == "Module"}
