"""What the name or the namespace of a release decides in a chart's templates, and whether another one can be tried.

Where a function that decides (`eq`, `contains`, `index`, …) is given the name, there are three ways: it compares the name
with constants, which are then tried; it is the helper that puts names together, whose branches write nothing but the name;
or what it decides is not followed, which is said.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from strictreal.collect.chart.named import Reading, Term, Undecided, evaluated
from strictreal.errors import BoundExceeded

VARIANT = "with .Release."
"""How the label of a render begins, or goes on, that differs by its release."""
MAX_TEMPLATES = 8 * 1024 * 1024
"""Bytes of a chart's templates that are read."""
MAX_UNDECIDED = 20
"""Places of a chart that are told; one is as good as many."""
MAX_PASSES = 8
"""Readings of a chart, until nothing new is found to be made of a name."""
_COMMENT = re.compile(r"\{\{(?:-[ \t\r\n])?/\*")
_STOP = re.compile(r"[\"'`]|\}\}")
_QUOTED = {
    '"': re.compile(r'"[^"\\\n]*(?:\\.[^"\\\n]*)*"'),
    "'": re.compile(r"'[^'\\\n]*(?:\\.[^'\\\n]*)*'"),
    "`": re.compile(r"`[^`]*`"),
}
_BEGINS = re.compile(r"(if|with|range|define|block)\b")
_DEFINED = re.compile(r'(?:define|block)\s+"([^"\n]{1,200})"')
_PART = re.compile(r"\$?\.Chart\.(?:Name|Version|AppVersion)(?:\s*\|\s*(?:trunc 63|trimSuffix \"-\"|lower)){0,3}")
"""What is put beside a release's name in the names of objects."""
_A_NAME = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,51}[a-z0-9])?")


class _Action(NamedTuple):
    text: str
    line: int
    start: int
    end: int


class _Block(NamedTuple):
    define: str
    """The named template that it is, or is in."""
    at: int
    dot: str


def read(files: dict[str, bytes]) -> tuple[dict[tuple[str, str], None], list[Undecided]]:
    """The constants that a release's name or namespace is compared with, and the places that decide by it otherwise."""
    texts = {
        path: data.decode(errors="replace")
        for path, data in sorted(files.items())
        if "templates/" in path and not path.endswith("NOTES.txt")
    }
    if not any("Release" in text for text in texts.values()):
        return {}, []
    if sum(map(len, texts.values())) > MAX_TEMPLATES:
        bound = f"more than {MAX_TEMPLATES} characters of templates (bound: templates)"
        return {}, [Undecided(next(iter(texts)), 1, bound)]
    reading = Reading()
    actions = {path: list(_actions(text)) for path, text in texts.items()}
    for _ in range(MAX_PASSES):
        reading.changed = False
        reading.compared, reading.undecided = {}, []
        try:
            for path, text in texts.items():
                _file(path, text, actions[path], reading)
        except BoundExceeded as error:
            return reading.compared, [*reading.undecided, Undecided(next(iter(texts)), 1, str(error))]
        if not reading.changed or len(reading.undecided) > MAX_UNDECIDED:
            return reading.compared, reading.undecided
    last = Undecided(
        next(iter(texts)), 1, f"helpers that call each other through more than {MAX_PASSES} files or levels"
    )
    return reading.compared, [*reading.undecided, last]


def variants(compared: dict[tuple[str, str], None], release: str, namespace: str) -> tuple[tuple[str, str, str], ...]:
    """(label, release, namespace) of renders that differ by what templates compare: every name with every namespace."""
    tried: dict[str, dict[str, None]] = {"Name": {release: None}, "Namespace": {namespace: None}}
    for which, constant in compared:
        name = f"{'a' * constant.startswith('-')}{constant.lower()}{'a' * constant.endswith('-')}"
        if _A_NAME.fullmatch(name):
            tried[which][name] = None
    for which in dict.fromkeys(which for which, _ in compared):  # and one that equals no constant
        tried[which]["another-name" if which == "Name" else "another-namespace"] = None
    found = []
    for name in tried["Name"]:
        for space in tried["Namespace"]:
            parts = [f"Name {name}"] * (name != release) + [f"Namespace {space}"] * (space != namespace)
            if parts:
                found.append((f"{VARIANT}{' and '.join(parts)}", name, space))
    return tuple(found)


def _actions(text: str) -> Iterator[_Action]:
    """The actions of a template but its comments, up to the first that does not end: Go reads none of such a file."""
    line = at = 0
    start = text.find("{{")
    while start >= 0 and (end := _end(text, start)) >= 0:
        line += text.count("\n", at, start)
        at = start
        if not _COMMENT.match(text, start):
            inner = text[start + 2 : end].removeprefix("-").removesuffix("-").strip()
            yield _Action(inner, line + 1, start, end + 2)
        start = text.find("{{", end + 2)


def _end(text: str, start: int) -> int:
    """Where the `}}` of the action stands that begins at `start`; -1 when it, or a text or comment in it, does not end.

    Nothing is looked at twice: what does not end is looked for once, and nothing follows it.
    """
    if opening := _COMMENT.match(text, start):
        close = text.find("*/", opening.end())
        return text.find("}}", close) if close >= 0 else -1
    stop = _STOP.search(text, start + 2)
    while stop and stop[0] != "}}":
        quoted = _QUOTED[stop[0]].match(text, stop.start())
        stop = _STOP.search(text, quoted.end()) if quoted else None
    return stop.start() if stop else -1


def _file(path: str, text: str, actions: list[_Action], reading: Reading) -> None:
    opened: list[_Block] = []
    for index, action in enumerate(actions):
        reading.dot = opened[-1].dot if opened else ""
        inside = opened[-1].define if opened else ""
        reading.scope = f"{path}#{inside}\0"
        begins = _BEGINS.match(action.text)
        if begins or reading.concerns(action.text):
            term, decides = evaluated(action.text, reading)
        else:
            term, decides = Term(), False
        if begins:
            define = _defined(action.text)
            opened.append(_Block(define or inside, index, _dot(define, begins[1], term, reading)))
        elif action.text == "end" and opened:
            opened.pop()
        if term.tainted and inside and not begins:
            reading.learn(f'"{inside}"')
        branches = bool(begins) or action.text.startswith("else")
        if len(reading.undecided) > MAX_UNDECIDED:
            return
        if decides and not (branches and _only_names(text, actions, index, opened, reading)):
            reading.undecided.append(Undecided(path, action.line, action.text))


def _dot(define: str, begins: str, term: Term, reading: Reading) -> str:
    """What `.` is in a block that begins."""
    if define:
        return "text" if f"@{define}" in reading.names else "holds" * (f"@@{define}" in reading.names)
    if begins == "with" and term.tainted:
        return "holds" if term.holds else "text"
    return "text" if begins == "range" and term.tainted else reading.dot * (begins == "if")


def _defined(text: str) -> str:
    found = _DEFINED.match(text)
    return found[1] if found else ""


def _only_names(text: str, actions: list[_Action], index: int, opened: list[_Block], reading: Reading) -> bool:
    """Whether every branch of a condition, and there are two, writes the name and nothing but parts of a name beside it."""
    start = opened[-1].at if opened else index
    at = actions[start].end
    named = [[False]]
    """Of each open block, whether each of its branches so far writes the name."""
    for after in range(start + 1, len(actions)):  # a copy of the rest would cost as much as all of it
        action = actions[after]
        if text[at : action.start].strip(" \t\r\n-._"):
            return False
        at = action.end
        if _BEGINS.match(action.text):
            named.append([False])
        elif action.text.startswith("else"):
            named[-1].append(False)
        elif action.text == "end":
            branches = named.pop()
            whole = len(branches) > 1 and all(branches)
            if not named:
                return whole
            named[-1][-1] |= whole
        else:
            term, decides = evaluated(action.text, reading)
            if decides or not (term.tainted or _PART.fullmatch(action.text)) or re.search(r"%[.0-9]", action.text):
                return False
            named[-1][-1] |= term.tainted
    return False
