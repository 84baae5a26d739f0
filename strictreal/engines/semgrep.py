"""semgrep's engine: one process that runs every rule over many files.

The engine itself (`semgrep-core`, part of the semgrep wheel) is started, not the `semgrep` command around it. The command
finds targets by ignore lists, honours `nosemgrep` comments, reads the user's settings, and takes a second to start; the
engine does none of that: it reads the files that it is told to read, and no other. It sees copies in a private folder,
under names that say nothing but a number and a language, with an empty home and without the run's environment.

Files are handed over in order and accounted for one by one. When the engine dies or hangs, the files are handed over
again in smaller parts, so that one hostile file does not hide the others.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import resource
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from strictreal.errors import ToolMissing
from strictreal.model import Natural

MAX_SOURCE_BYTES = 1_000_000
"""A larger file is not read; semgrep's own default."""
RULE_SECONDS = 15
"""Time for one rule on one file; a file on which one rule takes longer is given up."""
HEAP_MIB = 640
"""Heap of the engine, above which the file at hand is given up."""
ADDRESS_BYTES = 4 * 1024**3
"""Address space of the engine: the last resort, when a parser allocates outside of its heap."""
START_SECONDS, BYTES_PER_SECOND = 60, 20_000
"""The engine is ended after START_SECONDS and another second for every BYTES_PER_SECOND it has to read."""
MAX_MATCHES = 1000
"""Matches in one file, above which it is given up."""
PARTS, MAX_PROCESSES = 8, 40
"""After a death, files are handed over in this many parts, and at most so many processes are started for them."""

SUFFIX = {
    "python": ".py",
    "javascript": ".jsx",
    "typescript": ".ts",
    "tsx": ".tsx",
    "go": ".go",
    "java": ".java",
    "kotlin": ".kt",
    "ruby": ".rb",
    "rust": ".rs",
    "php": ".php",
    "csharp": ".cs",
}


class Source(msgspec.Struct, frozen=True):
    """One file to read: its language, as semgrep calls it, and its bytes."""

    language: str
    data: bytes


class Found(msgspec.Struct, frozen=True):
    """One match. Lines count from 1, columns count bytes from 1; the end is exclusive."""

    rule: str
    message: str
    line: Natural
    column: Natural
    end_line: Natural
    end_column: Natural


class Reading(msgspec.Struct, frozen=True):
    """What became of one file."""

    found: tuple[Found, ...] = ()
    unread: tuple[tuple[int, int], ...] = ()
    """First and last line of each part that the engine's parser passed over."""
    failed: str = ""
    """Why the file was not read, in words; empty when it was."""


@cache
def engine() -> Path:
    """The engine's executable.

    Raises:
        ToolMissing: semgrep is not installed, or has no engine where it should be.
    """
    spec = importlib.util.find_spec("semgrep")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        path = Path(folder, "bin", "semgrep-core")
        if os.access(path, os.X_OK):
            return path
    raise ToolMissing("semgrep is not installed: `pip install semgrep`")


@cache
def version() -> str:
    """semgrep's version, or "absent"."""
    with suppress(ToolMissing, importlib.metadata.PackageNotFoundError):
        engine()
        return importlib.metadata.version("semgrep")
    return "absent"


class Run:
    """One reading of many files, started at once and awaited with `readings`.

    Args:
        rules: every rule, in one JSON document.
        sources: the files; each is copied, so the caller need not keep them.
        jobs: threads of the engine.
    """

    def __init__(self, rules: bytes, sources: Sequence[Source], *, jobs: int = 1) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="strictreal-semgrep-"))
        self._jobs = jobs
        self._processes = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._sizes = [len(source.data) for source in sources]
        self._languages = [source.language for source in sources]
        try:
            (self._folder / "rules.json").write_bytes(rules)
            for number, source in enumerate(sources):
                self._path(number).write_bytes(source.data)
            self._start(range(len(sources)))
        except BaseException:
            self.close()
            raise

    def _path(self, number: int) -> Path:
        return self._folder / f"{number}{SUFFIX[self._languages[number]]}"

    def readings(self, advance: Callable[[int], None] = lambda done: None) -> list[Reading]:
        """What became of each file, in their order. `advance` is told how many files are newly done."""
        everything = range(len(self._sizes))
        outcome = self._finish(everything, advance)
        readings = dict.fromkeys(everything, Reading(failed=str(outcome)))
        if isinstance(outcome, dict):
            readings |= outcome
        else:
            self._in_parts(everything, readings)
        return [readings[number] for number in everything]

    def close(self) -> None:
        """End the process if it still runs, and remove the copies."""
        if self._process:
            with suppress(ProcessLookupError):
                self._process.kill()
            self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)

    # -- one process -------------------------------------------------------------------------------------------------

    def _start(self, numbers: Sequence[int]) -> None:
        targets = [["CodeTarget", self._target(number)] for number in numbers]
        (self._folder / "targets.json").write_bytes(msgspec.json.encode(["Targets", targets]))
        limits = ("-timeout", RULE_SECONDS, "-timeout_threshold", 1, "-max_memory", HEAP_MIB)
        command = [engine(), "-json", "-fast", "-rules", "rules.json", "-targets", "targets.json", "-j", self._jobs]
        command += [*limits, "-max_match_per_file", MAX_MATCHES]
        environment = {"HOME": str(self._folder), "TMPDIR": str(self._folder), "PATH": os.defpath, "LC_ALL": "C.UTF-8"}
        with open(self._folder / "out", "wb") as out, open(self._folder / "err", "wb") as err:
            self._process = subprocess.Popen(
                [str(word) for word in command],
                cwd=self._folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
            )
        resource.prlimit(self._process.pid, resource.RLIMIT_AS, (ADDRESS_BYTES, ADDRESS_BYTES))
        self._processes += 1
        size = sum(self._sizes[number] for number in numbers)
        self._deadline = time.monotonic() + START_SECONDS + size / BYTES_PER_SECOND

    def _target(self, number: int) -> dict[str, Any]:
        name = self._path(number).name
        language = {"tsx": "typescript"}.get(self._languages[number], self._languages[number])
        return {"path": {"fpath": name, "ppath": "/" + name}, "analyzer": language, "products": ["sast"]}

    def _finish(self, numbers: Sequence[int], advance: Callable[[int], None]) -> dict[int, Reading] | str:
        """Wait for the process. What became of each file, or why nothing can be said of any."""
        process, done = self._process, 0
        assert process is not None  # noqa: S101
        while True:
            with suppress(subprocess.TimeoutExpired):
                process.wait(0.05)
            # The engine prints a dot and a line end for every file that it has finished, before the answer.
            dots = min((self._folder / "out").stat().st_size // 2, len(numbers))
            advance(dots - done)
            done = dots
            if process.returncode is not None:
                break
            if time.monotonic() > self._deadline:
                process.kill()
                process.wait()
                return "semgrep took too long (bound: scan time)"
        output = (self._folder / "out").read_bytes()
        answer = output[output.find(b"{") :] if b"{" in output else b""
        try:
            return _understand(answer, {self._path(number).name: number for number in numbers})
        except (msgspec.DecodeError, KeyError, TypeError, ValueError) as error:
            said = (self._folder / "err").read_bytes()[-2000:].decode(errors="replace").strip().splitlines()
            last = said[-1] if said else f"{type(error).__name__}: {error}"
            return f"semgrep ended with code {process.returncode} and no answer: {last}"[:300]

    def _in_parts(self, numbers: Sequence[int], readings: dict[int, Reading]) -> None:
        """Hand files over in parts, and the parts whose process dies in smaller ones, largest first."""
        waiting = [numbers]
        while waiting:
            part = max(waiting, key=len)
            waiting.remove(part)
            if len(part) == 1 and part is not numbers:
                continue  # it was alone with the process that died
            for start in range(0, len(part), size := max(1, -(-len(part) // PARTS))):
                piece = part[start : start + size]
                if self._processes >= MAX_PROCESSES:
                    return
                self._start(piece)
                outcome = self._finish(piece, lambda done: None)
                if isinstance(outcome, dict):
                    readings |= outcome
                else:
                    readings |= dict.fromkeys(piece, Reading(failed=outcome))
                    waiting.append(piece)


def _understand(answer: bytes, names: dict[str, int]) -> dict[int, Reading]:
    """The engine's JSON, by file.

    Raises:
        ValueError: the rules themselves are refused, or the answer is not as expected.
    """
    # Text of the subject may stand in it, in whatever encoding.
    told = msgspec.json.decode(answer.decode(errors="replace"))
    found: dict[int, list[Found]] = {}
    unread: dict[int, list[tuple[int, int]]] = {}
    failed: dict[int, str] = {}
    for match in told["results"]:
        start, end = match["start"], match["end"]
        found.setdefault(names[match["path"]], []).append(
            Found(
                match["check_id"], match["extra"]["message"], start["line"], start["col"], end["line"], end["col"]
            )
        )
    for error in told["errors"]:
        kind, spans = error["error_type"], ()
        if isinstance(kind, list):
            kind, spans = kind[0], kind[1]
        where = error.get("location")
        number = names.get(where["path"]) if where else None
        if number is None:
            raise ValueError(f"{kind}: {error['message']}")
        if kind == "PartialParsing":
            unread.setdefault(number, []).extend((s["start"]["line"], s["end"]["line"]) for s in spans)
        else:
            failed.setdefault(number, _reason(kind, error["message"], error.get("rule_id")))
    scanned = {names[path] for path in told["paths"]["scanned"]}
    skipped = {names[s["path"]]: s for s in told["paths"].get("skipped") or () if s["path"] in names}
    readings = {}
    for number in names.values():
        reason = failed.get(number, "")
        if number not in scanned and not reason:
            why = skipped.get(number, {})
            reason = f"semgrep did not read it: {why.get('details') or why.get('reason') or 'it does not say why'}"
        readings[number] = Reading(
            tuple(sorted(found.get(number, ()), key=lambda f: (f.line, f.column, f.rule))),
            tuple(sorted(set(unread.get(number, ())))),
            reason,
        )
    return readings


def _reason(kind: str, message: str, rule: str | None) -> str:
    """An error of the engine as a reader wants it."""
    bounds = {
        "Timeout": f"semgrep took more than {RULE_SECONDS} s for one rule (bound: rule time)",
        "Out of memory": f"semgrep needed more than {HEAP_MIB} MiB (bound: engine memory)",
        "Too many matches": f"more than {MAX_MATCHES} matches of one rule (bound: matches)",
    }
    at = f" in rule {rule}" if rule else ""
    return bounds.get(kind) or f"semgrep: {kind}{at}: {' '.join(message.split())}"[:300]
