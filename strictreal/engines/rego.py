"""Rego in process, by regorus: parsing, evaluating, coverage.

regorus is fast and needs no binary, but it is not OPA: `strictreal.engines.builtins` lists where it answers differently
or not at all. It has no limit of its own on time, memory or stack, so whatever sees foreign policies calls it in a
worker of `Session.bounded`, and evaluates nothing before strictreal/policy/portable.py has seen what the policies call.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import re
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import regorus

from strictreal.errors import StrictRealError

MAX_BYTES = 1024 * 1024
MAX_LINES = 20_000
MAX_COLUMNS = 64 * 1024
MAX_NESTING = 20
"""Brackets inside brackets. regorus reads a literal twice a level, so its parsing time doubles with each."""
MAX_DEPTH = 150
"""Parentheses inside parentheses, and expressions inside expressions."""
_LIMITS = {"max_col": MAX_COLUMNS, "max_file_bytes": MAX_BYTES, "max_lines": MAX_LINES}
_UNDEFINED = "<undefined>"
_TOKEN = re.compile(r'"(?:[^"\\\n]+|\\.)*"?|`[^`]*`?|#[^\n]*|[\[{(]|[\]})]|[^\s"`#\[\](){}]+')
_TOKEN_BYTES = re.compile(_TOKEN.pattern.encode())
_PAIRS = {"]": "[", "}": "{", ")": "("}
_PLACE = re.compile(r"-->\s*(?P<file>.{0,1000}?):(?P<line>\d{1,7}):(?P<column>\d{1,7})")


class RegoError(StrictRealError):
    """The engine refused or failed; `line` and `column` count from 1, 0 where unknown."""

    def __init__(self, message: str, line: int = 0, column: int = 0) -> None:
        super().__init__(message)
        self.line = line
        self.column = column


class Undefined:
    """What a rule is when none of its bodies holds. There is one, `UNDEFINED`; it is false."""

    def __bool__(self) -> bool:
        return False

    def __repr__(self) -> str:
        return "undefined"


UNDEFINED = Undefined()


@dataclass(frozen=True)
class Source:
    """One policy file as the engine takes it. `language` is "v1" or "v0"."""

    path: str
    text: str
    language: str = "v1"


@cache
def version() -> str:
    """The installed engine's version."""
    return importlib.metadata.version("gordon-to-regorus")


def decode(source: bytes) -> str:
    """The text of a policy file.

    Raises:
        RegoError: it is not UTF-8, has NUL bytes, or is beyond a bound, which the message names.
    """
    if len(source) > MAX_BYTES:
        raise RegoError(f"larger than {MAX_BYTES} bytes (bound: policy size)")
    lines = source.split(b"\n")
    if len(lines) > MAX_LINES:
        raise RegoError(f"has more than {MAX_LINES} lines (bound: policy lines)")
    if any(len(line) > MAX_COLUMNS for line in lines):
        raise RegoError(f"has a line of more than {MAX_COLUMNS} bytes (bound: policy columns)")
    if b"\0" in source:
        raise RegoError("has a NUL byte", source[: source.index(b"\0")].count(b"\n") + 1)
    try:
        text = source.decode()
    except UnicodeDecodeError as error:
        raise RegoError(f"is not UTF-8: byte {error.start}", source[: error.start].count(b"\n") + 1) from None
    _refuse_nested(text)
    return text


def _refuse_nested(text: str) -> None:
    brackets = parentheses = 0
    for match in _TOKEN.finditer(text):
        symbol = match[0]
        if symbol in "[{":
            brackets += 1
        elif symbol in "]}":
            brackets = max(0, brackets - 1)
        elif symbol == "(":
            parentheses += 1
        elif symbol == ")":
            parentheses = max(0, parentheses - 1)
        if brackets > MAX_NESTING or parentheses > MAX_DEPTH:
            line = _line(text, match.start())
            bound = MAX_NESTING if brackets > MAX_NESTING else MAX_DEPTH
            raise RegoError(f"brackets are nested deeper than {bound} (bound: policy nesting)", line)


def _line(text: str, start: int) -> int:
    return text.count("\n", 0, start) + 1


def broken(text: str) -> RegoError | None:
    """What makes a text no Rego in any version: a bracket or quote without its partner, or no package.

    The embedded engine also refuses syntax that OPA accepts, so its own refusal does not prove a text wrong.
    """
    if '$"' in text or "$`" in text:
        return None  # template strings hold expressions, strings among them
    open_brackets: list[tuple[str, int]] = []
    first = ""
    for match in _TOKEN.finditer(text):
        symbol, start = match[0], match.start()
        if symbol[0] == "#":
            continue
        first = first or symbol
        if symbol in ("[", "{", "("):
            open_brackets.append((symbol, start))
        elif symbol in _PAIRS:
            if not open_brackets or open_brackets.pop()[0] != _PAIRS[symbol]:
                return _at(text, start, f"{symbol!r} has no partner")
        elif symbol[0] in '"`' and (len(symbol) < 2 or symbol[-1] != symbol[0]):
            return _at(text, start, "a string does not end")
    if open_brackets:
        symbol, start = open_brackets[-1]
        return _at(text, start, f"{symbol!r} has no partner")
    return None if first == "package" else _at(text, 0, "it does not begin with a package")


def _at(text: str, start: int, message: str) -> RegoError:
    return RegoError(message, _line(text, start), start - text.rfind("\n", 0, start))


def braces(source: bytes) -> list[int]:
    """Where the opening braces stand that are neither in a string nor in a comment, in order."""
    return [match.start() for match in _TOKEN_BYTES.finditer(source) if match[0] == b"{"]


def package_of(text: str) -> str:
    """The package that a text declares, as far as it can be known without parsing it; "" when it cannot."""
    tokens = (match[0] for match in _TOKEN.finditer(text) if match[0][0] != "#")
    if next(tokens, "") != "package":
        return ""
    name = next(tokens, "")
    return name if name[:1].isidentifier() else ""


def parse(path: str, text: str) -> tuple[dict[str, Any], str]:
    """The syntax tree of one module as regorus writes it, and the language it is written in.

    Rego v1 is tried first, then v0. Spans are byte offsets into the UTF-8 text; a string's span leaves out its quotes.

    Raises:
        RegoError: it is neither; the message is of the language that was understood further, with its place.
    """
    problems: list[RegoError] = []
    for language in ("v1", "v0"):
        engine = Engine()
        try:
            engine.add(Source(path, text, language))
            [module] = json.loads(engine.ask(engine.native.get_ast_as_json))
            return module["ast"], language
        except RegoError as error:
            problems.append(error)
        except RecursionError:
            raise RegoError("expressions are nested too deeply (bound: policy depth)") from None
    raise max(problems, key=lambda problem: (problem.line, problem.column))


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep what the engine's parser says of v0 policies off the terminal; it writes to the descriptor itself."""
    kept = os.dup(2)
    try:
        with Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


_orphans: deque[tuple[int, regorus.Engine]] = deque()
"""Native engines that a foreign thread collected, each with the thread that may drop it."""


def _bury() -> None:
    """Drop the orphans of this thread."""
    here = threading.get_ident()
    for _ in range(len(_orphans)):
        orphan = _orphans.popleft()
        if orphan[0] != here:
            _orphans.append(orphan)


class Engine:
    """regorus with errors that a reader can use. Cheap to make; not to be shared between threads.

    A native engine must be dropped by the thread that made it. An error's traceback keeps its engine in a reference
    cycle, and whichever thread happens to collect garbage ends that: so it is left there to the thread that owns it.
    """

    def __init__(self, native: regorus.Engine | None = None) -> None:
        _bury()
        self._thread = threading.get_ident()
        self.native = native or regorus.Engine()
        if native is None:
            self.native.set_policy_length_config(**_LIMITS)
            self.native.set_gather_prints(True)

    def __del__(self) -> None:
        if threading.get_ident() != self._thread:
            _orphans.append((self._thread, self.native))

    def copy(self) -> Engine:
        """Another engine with the same modules and data."""
        return Engine(self.native.clone())

    def ask(self, call: Callable[..., Any], *arguments: Any) -> Any:
        """Call into the engine; its errors come without their Rust backtraces.

        Raises:
            RegoError: whatever it said.
        """
        try:
            return call(*arguments)
        except BaseException as error:
            # What Rust calls a panic comes as a BaseException.
            if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
                raise
            text = str(error).split("\n\nStack backtrace", 1)[0].strip()
            place = _PLACE.search(text)
            message = text.rsplit("error: ", 1)[-1].strip() if "error: " in text else text
            line, column = (int(place["line"]), int(place["column"])) if place else (0, 0)
            raise RegoError(" ".join(message.split())[:300], line, column) from None

    def add(self, source: Source) -> None:
        """Load one module."""
        self.native.set_rego_v0(source.language == "v0")
        with _quiet() if source.language == "v0" else nullcontext():
            self.ask(self.native.add_policy, source.path, source.text)

    def evaluate(self, query: str) -> Any:
        """The value of a query with one expression, or `UNDEFINED`. Sets come as lists in the engine's order."""
        answer = json.loads(self.ask(self.native.eval_query_as_json, query))
        results = answer.get("result") or []
        if not results:
            return UNDEFINED
        value = results[0]["expressions"][0]["value"]
        return UNDEFINED if value == _UNDEFINED else value

    def rule(self, path: str) -> Any:
        """The value of the rule at `data.…`, or `UNDEFINED`; the fastest way to ask."""
        value = json.loads(self.ask(self.native.eval_rule_as_json, path))
        return UNDEFINED if value == _UNDEFINED else value

    def input(self, document: bytes) -> None:
        """Set the input, given as JSON."""
        self.ask(self.native.set_input_json, document.decode())

    def coverage(self) -> dict[str, tuple[frozenset[int], frozenset[int]]]:
        """By path, the lines that were evaluated and those that were not, since coverage was enabled."""
        report = json.loads(self.ask(self.native.get_coverage_report_as_json))
        return {f["path"]: (frozenset(f["covered"]), frozenset(f["not_covered"])) for f in report["files"]}


def prepare(sources: Iterable[Source], data: Mapping[str, Any] | None = None, *, coverage: bool = False) -> Engine:
    """An engine with modules and base data, ready to be asked.

    Raises:
        RegoError: a module does not load, or two of them conflict; the message names the file.
    """
    engine = Engine()
    for source in sources:
        try:
            engine.add(source)
        except RegoError as error:
            raise RegoError(f"{source.path}:{error.line}: {error}", error.line, error.column) from None
    if data:
        engine.ask(engine.native.add_data_json, json.dumps(data))
    engine.native.set_enable_coverage(coverage)
    engine.ask(engine.native.set_input_json, "{}")
    return engine
