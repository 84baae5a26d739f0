"""Code to facts, with every rule, against `semgrep` alone with the same rules; and an unchanged subject against a cold.

    python benchmarks/code.py [FOLDER]

Without FOLDER, the subject is 100,000 lines of the standard library of this Python and the fixtures of all rules. Both
sides read the same files: a copy of those that strictreal reads as source, beside an empty .semgrepignore. Answers are
compared before times. Memory is what the process and all that it started hold together, shared pages counted once.
"""

from __future__ import annotations

import itertools
import json
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from strictreal import suite
from strictreal.cache import Cache
from strictreal.collect import COLLECTORS, patterns
from strictreal.config import Config
from strictreal.facts.code import Module
from strictreal.facts.patterns import PatternMatch, SourceFile
from strictreal.model import Fact, Gap, LeftOut
from strictreal.programs import search_path
from strictreal.session import Session
from strictreal.subject import open_tree

LINES = 100_000
REPEATS = 3
CODE = ("code", "strictness", "patterns")
"""The collectors of code facts."""
RATIO, MEBIBYTES, SPEEDUP = 1.3, 1024, 10.0
"""Targets: most of semgrep's own time, most memory, least gain where nothing changed."""
Match = tuple[str, str, int, int]
"""Path, rule, first and last line."""


class Measured(NamedTuple):
    """One process and all that it started."""

    seconds: float
    mebibytes: int
    output: bytes


def measure(command: Iterable[str | Path], **environment: str) -> Measured:
    """Run a command to its end, watching the memory of its process tree every 50 ms."""
    start = time.perf_counter()
    process = subprocess.Popen(
        [str(word) for word in command],
        env={"PATH": search_path(), "HOME": str(Path.home()), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    peak, over = 0, threading.Event()

    def watch() -> None:
        nonlocal peak
        while not over.wait(0.05):
            peak = max(peak, _memory(process.pid))

    watcher = threading.Thread(target=watch)
    watcher.start()
    output, _ = process.communicate()
    seconds = time.perf_counter() - start
    over.set()
    watcher.join()
    if process.returncode not in {0, 1}:
        raise SystemExit(f"{command} ended with code {process.returncode}")
    return Measured(seconds, peak // 1024, output)


def _memory(root: int) -> int:
    """KiB that a process and its descendants hold."""
    total, waiting = 0, [root]
    while waiting:
        pid = waiting.pop()
        try:
            rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
            total += int(rollup.partition("\nPss:")[2].split()[0])
            for thread in Path(f"/proc/{pid}/task").iterdir():
                waiting += map(int, (thread / "children").read_text().split())
        except (OSError, IndexError, ValueError):
            continue  # it has just ended
    return total


def best(runs: Iterable[Measured]) -> Measured:
    """The fastest of several runs, with the largest memory of any."""
    done = list(runs)
    return min(done)._replace(mebibytes=max(run.mebibytes for run in done))


# -- the subject -----------------------------------------------------------------------------------------------------


def standard_library(into: Path) -> Path:
    """100,000 lines of Python that every machine has, and every rule's fixture."""
    source, lines = Path(sysconfig.get_path("stdlib")), 0
    for path in sorted(source.rglob("*.py")):
        if "site-packages" not in path.parts and "lib2to3" not in path.parts:
            text = path.read_bytes()
            _write(into / path.relative_to(source), text)
            lines += text.count(b"\n")
            if lines >= LINES:
                break
    for path in sorted((suite.root() / "rules").glob("*/fixtures/*")):
        _write(into / "fixtures" / path.parent.parent.name / path.name, path.read_bytes())
    return into


def copy_of(folder: Path, into: Path) -> int:
    """Copy what strictreal reads as source, so that both sides read the same files.

    Returns:
        How many lines there are.
    """
    tree, lines = open_tree(folder), 0
    with Session(Cache(None)) as session:
        facts = [fact for o in patterns.collect(tree, Config(), session) for fact in o.facts]
        sources = session.shared(patterns.Reader).sources(tree, Config())
    unread = {fact.where.path for fact in facts if isinstance(fact, LeftOut)}
    unread |= {fact.where.path for fact in facts if isinstance(fact, Gap) and "(bound: " in fact.reason}
    for path in (source.entry.path for source in sources):
        if path not in unread:
            data = tree.read(path)
            _write(into / path, data)
            lines += data.count(b"\n")
    return lines


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


# -- both sides ------------------------------------------------------------------------------------------------------


def collected(folder: Path, cache: Path) -> list[Fact]:
    """The code facts of one folder."""
    subjects = [(open_tree(folder), Config())]
    chosen = [c for c in COLLECTORS if c.__name__.rpartition(".")[2] in CODE]
    with Session(Cache(cache)) as session:
        for collector in chosen:
            if prepare := getattr(collector, "prepare", None):
                prepare(subjects, session)
        return [fact for c in chosen for o in c.collect(*subjects[0], session) for fact in o.facts]


def told(facts: list[Fact]) -> dict[str, Any]:
    """What is compared, as JSON can carry it."""
    matches = [(m.where.path, m.rule, m.where.line, m.where.end_line) for m in facts if isinstance(m, PatternMatch)]
    files = sum(isinstance(fact, SourceFile) for fact in facts)
    modules = sum(isinstance(fact, Module) for fact in facts)
    return {"matches": sorted(set(matches)), "files": files, "modules": modules, "facts": len(facts)}


SEMGREP = (
    *(Path(sys.executable).with_name("semgrep"), "scan", "--json", "--metrics=off", "--disable-version-check"),
    *("--oss-only", "--no-git-ignore", "--disable-nosem", "--no-rewrite-rule-ids", "--max-target-bytes=0"),
    *("--timeout=15",),
)


def semgrep(folder: Path, *configs: Path) -> Measured:
    """One `semgrep` over a folder."""
    given = itertools.chain.from_iterable(("--config", config) for config in configs)
    return measure((*SEMGREP, *given, folder), HOME=str(folder.parent))


def semgrep_matches(output: bytes, folder: Path) -> set[Match]:
    """What semgrep found."""
    return {
        (str(Path(r["path"]).relative_to(folder)), r["check_id"], r["start"]["line"], r["end"]["line"])
        for r in json.loads(output)["results"]
    }


def main() -> int:
    """Print ratios; 1 when the two sides disagree or a target is missed."""
    if "--facts" in sys.argv:
        print(json.dumps(told(collected(Path(sys.argv[2]), Path(sys.argv[3])))))
        return 0
    with tempfile.TemporaryDirectory(prefix="strictreal-bench-") as name:
        work = Path(name)
        given = Path(sys.argv[1]) if len(sys.argv) > 1 else standard_library(work / "library")
        (work / "subject").mkdir()
        lines = copy_of(given.resolve(), work / "subject")
        (work / "subject" / ".semgrepignore").write_text("")
        return compare(work, lines)


def compare(work: Path, lines: int) -> int:
    """Run both sides over work/subject, and the whole audit."""
    folder, cache = work / "subject", work / "cache"
    ours = (sys.executable, __file__, "--facts", folder, cache)

    def cold(command: tuple[str | Path, ...]) -> Measured:
        shutil.rmtree(cache, ignore_errors=True)
        return measure(command, XDG_CACHE_HOME=str(cache), XDG_STATE_HOME=str(work / "state"))

    peer = best(semgrep(folder, suite.root() / "rules") for _ in range(REPEATS))
    first = best(cold(ours) for _ in range(REPEATS))
    again = best(measure(ours) for _ in range(REPEATS))
    answer, repeated = json.loads(first.output), json.loads(again.output)
    found = {tuple(match) for match in answer["matches"]}
    expected = semgrep_matches(peer.output, folder)
    print(
        f"{lines:,} lines, {answer['files']} source files, {answer['modules']} Python modules, {answer['facts']} facts"
    )
    print(f"matches: strictreal {len(found)}, semgrep {len(expected)}; {'equal' if found == expected else 'DIFFERENT'}")
    for side, only in (("strictreal", found - expected), ("semgrep", expected - found)):
        for match in sorted(only)[:10]:
            print(f"  only {side}: {match}")
    same = found == expected and answer == repeated
    print("facts of the unchanged subject:", "equal" if answer == repeated else "DIFFERENT")

    (work / "one").mkdir()
    (work / "one" / "a.py").write_text("x = 1\n")
    one = suite.root() / "rules" / "code.env-access" / "python-os-environment.yaml"
    start = best(semgrep(work / "one", one) for _ in range(REPEATS))
    print(f"\n{'':34}{'seconds':>8}{'MiB':>7}")
    for label, run in (
        ("semgrep alone, every rule", peer),
        ("strictreal, code facts, cold", first),
        ("strictreal, code facts, unchanged", again),
        ("semgrep, one line and one rule", start),
    ):
        print(f"{label:34}{run.seconds:8.2f}{run.mebibytes:7}")
    good = [
        _ratio("cold / semgrep alone", first.seconds / peer.seconds, RATIO),
        _ratio("memory of the cold run / 1 GiB", first.mebibytes / MEBIBYTES, 1.0),
        _ratio("unchanged / cold", again.seconds / first.seconds, 1 / SPEEDUP),
        _ratio("unchanged / semgrep's start", again.seconds / start.seconds, 1.0),
    ]
    good += _audit(folder, work, cold, start)
    return int(not (same and all(good)))


def _audit(folder: Path, work: Path, cold: Any, start: Measured) -> list[bool]:
    """The same two ratios for the whole command: collect, judge, record, report."""
    program = Path(sys.executable).with_name("strictreal")
    command = (program, "audit", folder, "--format", "json", "--output", work / "evidence")
    try:
        first = cold(command)
        again = best(
            measure(command, XDG_CACHE_HOME=str(work / "cache"), XDG_STATE_HOME=str(work / "state"))
            for _ in range(REPEATS)
        )
    except SystemExit as error:
        print(f"\nthe whole audit did not run: {error}")
        return [False]
    print(f"\n{'strictreal audit, cold':34}{first.seconds:8.2f}{first.mebibytes:7}")
    print(f"{'strictreal audit, unchanged':34}{again.seconds:8.2f}{again.mebibytes:7}")
    return [
        _ratio("audit unchanged / cold", again.seconds / first.seconds, 1 / SPEEDUP),
        _ratio("audit unchanged / semgrep's start", again.seconds / start.seconds, 1.0),
    ]


def _ratio(label: str, value: float, most: float) -> bool:
    print(f"{label:34}{value:8.2f}   target {most:.2f} {'met' if value <= most else 'MISSED'}")
    return value <= most


if __name__ == "__main__":
    sys.exit(main())
