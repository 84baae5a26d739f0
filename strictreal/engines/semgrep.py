"""semgrep's engine: one process that runs every rule over many files.

The engine itself (`semgrep-core`, part of the semgrep wheel) is started, not the `semgrep` command around it. That
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

import msgspec

from strictreal.errors import SuiteError, ToolMissing
from strictreal.model import Natural

MAX_SOURCE_BYTES = 1_000_000
"""A larger file is not read; semgrep's own default."""
RULE_SECONDS = 15
"""Time for one rule on one file; a file on which one rule takes longer is given up."""
HEAP_MIB = 640
"""Heap of the engine, above which the file at hand is given up."""
ADDRESS_BYTES = 4 * 1024**3
"""Address space of the engine: the last resort, when a parser allocates outside of its heap."""
PATIENCE, BYTES_PER_SECOND = (60, 20), 20_000
"""The engine is ended after so many seconds, in the first try and in others, and one more for BYTES_PER_SECOND."""
MAX_MATCHES = 1000
"""Matches in one file, above which it is given up."""
PARTS, MAX_PROCESSES, MAX_SECONDS = 8, 40, 300
"""After a death, files are handed over in this many parts, to at most so many processes within so much time."""


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
    final: bool = True
    """False when another try, or a faster machine, may read what failed."""


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
    """One reading of many files: `add` each, `start` the engine, and later ask for the `readings`.

    Args:
        rules: every rule, in one JSON document.
        jobs: threads of the engine.
        program: the engine's executable, if not the one that is installed.
        patience: seconds after which the first process is ended, and any later one, beside the time for reading.

    Raises:
        ToolMissing: semgrep is not installed.
    """

    def __init__(
        self, rules: bytes, *, jobs: int = 1, program: Path | None = None, patience: tuple[int, int] = PATIENCE
    ) -> None:
        self._engine = program or engine()
        self._patience = patience
        self._folder = Path(tempfile.mkdtemp(prefix="strictreal-semgrep-"))
        (self._folder / "rules.json").write_bytes(rules)
        self._jobs = jobs
        self._targets: list[tuple[str, str, int]] = []
        self._processes = 0
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Run:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def add(self, language: str, suffix: str, data: bytes) -> None:
        """Copy one file into the private folder.

        Args:
            language: as semgrep calls it.
            suffix: what the copy's name ends with, which tells dialects apart (`.ts`, `.tsx`); no text of the subject.
            data: its content.
        """
        name = f"{len(self._targets)}{suffix}"
        (self._folder / name).write_bytes(data)
        self._targets.append((name, language, len(data)))

    def copy(self, number: int) -> bytes:
        """The content of the file that was added as this one, counted from 0."""
        return (self._folder / self._targets[number][0]).read_bytes()

    def start(self) -> None:
        """Start the engine over everything that was added; it runs on its own from here."""
        self._launch(range(len(self._targets)), self._patience[0])

    def readings(self, advance: Callable[[int], object] = id) -> list[Reading]:
        """What became of each file, in the order they were added. `advance` is told how many files are newly done."""
        everything = range(len(self._targets))
        try:
            outcome = self._finish(everything, advance)
        except SuiteError as error:
            return [Reading(failed=f"semgrep refuses: {error}", final=False) for _ in everything]
        readings = dict.fromkeys(everything, Reading(failed=str(outcome), final=False))
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

    def _launch(self, numbers: Sequence[int], seconds: int) -> None:
        chosen = [self._targets[number] for number in numbers]
        targets = [
            ["CodeTarget", {"path": {"fpath": name, "ppath": f"/{name}"}, "analyzer": language, "products": ["sast"]}]
            for name, language, _ in chosen
        ]
        (self._folder / "targets.json").write_bytes(msgspec.json.encode(["Targets", targets]))
        limits = ("-timeout", RULE_SECONDS, "-timeout_threshold", 1, "-max_memory", HEAP_MIB)
        command = [self._engine, "-json", "-fast", "-rules", "rules.json", "-targets", "targets.json", "-j", self._jobs]
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
        with suppress(ProcessLookupError):
            resource.prlimit(self._process.pid, resource.RLIMIT_AS, (ADDRESS_BYTES, ADDRESS_BYTES))
        self._processes += 1
        self._deadline = time.monotonic() + seconds + sum(size for _, _, size in chosen) / BYTES_PER_SECOND

    def _finish(self, numbers: Sequence[int], advance: Callable[[int], object]) -> dict[int, Reading] | str:
        """Wait for the process. What became of each file, or why nothing can be said of any.

        Raises:
            SuiteError: the rules themselves are at fault.
        """
        process, done = self._process, 0
        assert process is not None  # noqa: S101  (whoever waits has started it)
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
            return _understand(answer, {self._targets[number][0]: number for number in numbers})
        except (msgspec.DecodeError, KeyError, TypeError) as error:
            said = (self._folder / "err").read_bytes()[-2000:].decode(errors="replace").strip().splitlines()
            last = said[-1] if said else f"{type(error).__name__}: {error}"
            return f"semgrep ended with code {process.returncode} and no answer: {last}"[:300]

    def _in_parts(self, numbers: Sequence[int], readings: dict[int, Reading]) -> None:
        """Hand files over in parts, and the parts whose process dies in smaller ones, largest first."""
        waiting, end = [numbers], time.monotonic() + MAX_SECONDS
        while waiting:
            part = max(waiting, key=len)
            waiting.remove(part)
            if len(part) == 1 and part is not numbers:
                continue  # it was alone with the process that died
            for start in range(0, len(part), size := max(1, -(-len(part) // PARTS))):
                piece = part[start : start + size]
                if self._processes >= MAX_PROCESSES or time.monotonic() > end:
                    return
                self._launch(piece, self._patience[1])
                outcome = self._finish(piece, id)
                if isinstance(outcome, dict):
                    readings |= outcome
                else:
                    readings |= dict.fromkeys(piece, Reading(failed=outcome, final=False))
                    waiting.append(piece)


def _understand(answer: bytes, names: dict[str, int]) -> dict[int, Reading]:
    """The engine's JSON, by file.

    Raises:
        SuiteError: an error is about no file, so it is about the rules.
        KeyError, TypeError, msgspec.DecodeError: the answer is not as expected.
    """
    # Text of the subject may stand in it, in whatever encoding.
    told = msgspec.json.decode(answer.decode(errors="replace"))
    found: dict[int, list[Found]] = {}
    unread: dict[int, list[tuple[int, int]]] = {}
    failed: dict[int, tuple[str, bool]] = {}
    for match in told["results"]:
        start, end = match["start"], match["end"]
        found.setdefault(names[match["path"]], []).append(
            Found(match["check_id"], match["extra"]["message"], start["line"], start["col"], end["line"], end["col"])
        )
    for error in told["errors"]:
        kind = error["error_type"]
        kind, spans = kind if isinstance(kind, list) else (kind, [])
        where = error.get("location")
        number = names.get(where["path"]) if where else None
        if number is None:
            raise SuiteError(" ".join(f"{kind}: {error['message']}".split())[:300])
        if kind == "PartialParsing":
            unread.setdefault(number, []).extend((s["start"]["line"], s["end"]["line"]) for s in spans)
        else:
            failed.setdefault(number, _reason(kind, error["message"], error.get("rule_id")))
    scanned = {names[path] for path in told["paths"]["scanned"]}
    skipped = {names[s["path"]]: s for s in told["paths"].get("skipped") or () if s["path"] in names}
    readings = {}
    for number in names.values():
        reason, final = failed.get(number, ("", True))
        if number not in scanned and not reason:
            why = skipped.get(number, {})
            final = False
            reason = f"semgrep did not read it: {why.get('details') or why.get('reason') or 'it does not say why'}"
        readings[number] = Reading(
            tuple(sorted(found.get(number, ()), key=lambda f: (f.line, f.column, f.rule))),
            tuple(sorted(set(unread.get(number, ())))),
            reason,
            final,
        )
    return readings


_FINAL = {"Too many matches", "Syntax error", "Lexical error", "Other syntax error", "AST builder error"}


def _reason(kind: str, message: str, rule: str | None) -> tuple[str, bool]:
    """An error of the engine as a reader wants it, and whether it would be the same another time."""
    bounds = {
        "Timeout": f"semgrep took more than {RULE_SECONDS} s for one rule (bound: rule time)",
        "Out of memory": f"semgrep needed more than {HEAP_MIB} MiB (bound: engine memory)",
        "Too many matches": f"more than {MAX_MATCHES} matches of one rule (bound: matches)",
    }
    at = f" in rule {rule}" if rule else ""
    return bounds.get(kind) or f"semgrep: {kind}{at}: {' '.join(message.split())}"[:300], kind in _FINAL
