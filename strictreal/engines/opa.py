"""The real OPA, when its binary is on the PATH: the judge where the embedded engine is only the second opinion.

It runs with an empty environment, in a folder of its own that holds copies of the policies and nothing else, bounded in
time and memory, and without the builtins that reach out: a policy that calls `http.send` does not compile.
"""

from __future__ import annotations

import json
import re
import resource
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from strictreal import programs
from strictreal.engines import builtins
from strictreal.engines.rego import UNDEFINED, RegoError, Source
from strictreal.errors import BoundExceeded, ToolMissing

SECONDS = 20
MEMORY_BYTES = 1536 * 1024**2
"""What Go is asked to keep below. Its address space is larger and bounded by the worker."""
_QUOTED_PART = re.compile(r'\["([^"\\]{1,200})"\]')
MAX_OUTPUT = 256 * 1024**2


@cache
def find() -> str:
    """The binary's path.

    Raises:
        ToolMissing: there is none on the PATH.
    """
    found = programs.find("opa")
    if not found:
        raise ToolMissing("no opa binary on the PATH")
    return found


@cache
def version() -> str:
    """The binary's version, or "absent"."""
    try:
        done = _run(["version"], Path("/"), b"")
    except ToolMissing:
        return "absent"
    return next((line.split()[-1] for line in done.splitlines() if line.startswith("Version:")), "unknown")


@cache
def _capabilities() -> str:
    """OPA's capabilities as JSON, without the builtins whose answer is not a function of their arguments."""
    full = json.loads(_run(["capabilities", "--current"], Path("/"), b""))
    full["builtins"] = [b for b in full["builtins"] if b["name"] not in builtins.IMPURE]
    full["allow_net"] = []
    return json.dumps(full)


class CompileError(RegoError):
    """OPA does not load the policies at all, whatever the input."""


def evaluate(sources: Sequence[Source], data: Mapping[str, Any], query: str, input: Any = None) -> Any:
    """The value of a query with one expression, or `UNDEFINED`.

    Raises:
        ToolMissing: there is no opa.
        RegoError: OPA refuses the policies or fails; the message is its own.
        BoundExceeded: it took longer than SECONDS.
    """
    with tempfile.TemporaryDirectory(prefix="strictreal-opa-") as name:
        folder = Path(name)
        command = ["eval", "--format", "json", "--stdin-input", "--timeout", f"{SECONDS}s"]
        command += _load(folder, sources, data, "--data")
        answer = json.loads(_run([*command, query], folder, json.dumps(input).encode()) or "{}")
    if any(map(_is_cancelled, answer.get("errors") or ())):
        raise BoundExceeded(f"opa eval took more than {SECONDS} s (bound: opa time)")
    if answer.get("errors"):
        compiled = str(answer["errors"][0].get("code", "")).startswith("eval_")
        raise (RegoError if compiled else CompileError)(_message(answer["errors"]), *_place(answer["errors"]))
    results = answer.get("result") or []
    return results[0]["expressions"][0]["value"] if results else UNDEFINED


def test(sources: Sequence[Source], data: Mapping[str, Any]) -> dict[tuple[str, str], str]:
    """By package and name, what `opa test` says of each test: passed, failed or skipped.

    Raises:
        as `evaluate`.
    """
    with tempfile.TemporaryDirectory(prefix="strictreal-opa-") as name:
        folder = Path(name)
        files = _load(folder, sources, data, "")
        text = _run(["test", "--format", "json", "--timeout", f"{SECONDS}s", *files], folder, b"")
    try:
        results = json.loads(text or "[]")
    except json.JSONDecodeError:
        raise RegoError(" ".join(text.split())[:300]) from None
    if isinstance(results, dict):
        raise RegoError(_message(results.get("errors", [])))
    found = {}
    for result in results or []:
        if _is_cancelled(result.get("error")):
            raise BoundExceeded(f"opa test took more than {SECONDS} s (bound: opa time)")
        wrong = result.get("fail") or result.get("error")
        outcome = "skipped" if result.get("skip") else "failed" if wrong else "passed"
        package = _QUOTED_PART.sub(r".\1", str(result["package"])).removeprefix("data.")
        found[package, str(result["name"])] = outcome
    return found


def check(source: Source) -> None:
    """Parse one module.

    Raises:
        as `evaluate`.
    """
    with tempfile.TemporaryDirectory(prefix="strictreal-opa-") as name:
        folder = Path(name)
        (folder / "module.rego").write_text(source.text, newline="")
        versions = ["--v0-compatible"] if source.language == "v0" else []
        text = _run(["parse", "--format", "json", *versions, "module.rego"], folder, b"")
    try:
        answer = json.loads(text)
    except json.JSONDecodeError:
        raise RegoError(" ".join(text.replace("module.rego:", "line ").split())[:300]) from None
    if answer.get("errors"):
        raise RegoError(_message(answer["errors"]), *_place(answer["errors"]))


def coverage(sources: Sequence[Source], data: Mapping[str, Any]) -> dict[str, tuple[set[int], set[int]]]:
    """By path, the lines that the tests of `sources` evaluate and those that they do not; all tests must pass.

    Raises:
        as `evaluate`.
    """
    with tempfile.TemporaryDirectory(prefix="strictreal-opa-") as name:
        folder = Path(name)
        files = _load(folder, sources, data, "")
        text = _run(["test", "--coverage", "--format", "json", "--timeout", f"{SECONDS}s", *files], folder, b"")
    try:
        report = json.loads(text)["files"]
    except (json.JSONDecodeError, KeyError, TypeError):
        raise RegoError(" ".join(text.split())[:300]) from None
    found = {}
    for number, source in enumerate(sources):
        seen = report.get(_name(number, source), {})
        found[source.path] = (_lines(seen.get("covered")), _lines(seen.get("not_covered")))
    return found


def _lines(ranges: Any) -> set[int]:
    return {row for r in ranges or [] for row in range(r["start"]["row"], r["end"]["row"] + 1)}


def _name(number: int, source: Source) -> str:
    """The name of a module's copy; foreign paths never become file names."""
    return f"m{number}_test.rego" if source.path.endswith("_test.rego") else f"m{number}.rego"


def _load(folder: Path, sources: Sequence[Source], data: Mapping[str, Any], flag: str) -> list[str]:
    """Copy modules and data into a folder, and the arguments that load them."""
    (folder / "capabilities.json").write_text(_capabilities())
    arguments = ["--capabilities", "capabilities.json"]
    # v1 modules that say `import rego.v1` load among v0 ones, never the other way round.
    if any(source.language == "v0" for source in sources):
        arguments.append("--v0-compatible")
    for number, source in enumerate(sources):
        name = _name(number, source)
        (folder / name).write_text(source.text, newline="")
        arguments += [flag, name] if flag else [name]
    if data:
        (folder / "data.json").write_text(json.dumps(data))
        arguments += [flag, "data.json"] if flag else ["data.json"]
    return arguments


def _run(arguments: Sequence[str], folder: Path, stdin: bytes) -> str:
    environment = {"HOME": str(folder), "GOMEMLIMIT": str(MEMORY_BYTES), "GOMAXPROCS": "2", "LC_ALL": "C.UTF-8"}
    try:
        done = subprocess.run(
            [find(), *arguments],
            input=stdin,
            capture_output=True,
            cwd=folder,
            env=environment,
            timeout=SECONDS + 5,
            check=False,
            preexec_fn=_limit,
        )
    except subprocess.TimeoutExpired:
        raise BoundExceeded(f"opa {arguments[0]} took more than {SECONDS} s (bound: opa time)") from None
    if len(done.stdout) > MAX_OUTPUT:
        raise BoundExceeded(f"opa {arguments[0]} wrote more than {MAX_OUTPUT} bytes (bound: opa output)")
    text = done.stdout.decode(errors="replace") or done.stderr.decode(errors="replace")
    if done.returncode < 0:
        raise BoundExceeded(f"opa {arguments[0]} was killed by signal {-done.returncode} (bound: opa time or memory)")
    return text


def _limit() -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (2 * SECONDS, 2 * SECONDS + 5))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (MAX_OUTPUT, MAX_OUTPUT))


def _is_cancelled(error: Any) -> bool:
    return isinstance(error, dict) and error.get("code") == "eval_cancel_error"


def _message(errors: Sequence[Mapping[str, Any]]) -> str:
    return (
        " ".join(str(errors[0].get("message", errors[0])).split())[:300] if errors else "OPA failed without a message"
    )


def _place(errors: Sequence[Mapping[str, Any]]) -> tuple[int, int]:
    where = errors[0].get("location") or {}
    return int(where.get("row", 0)), int(where.get("col", 0))
