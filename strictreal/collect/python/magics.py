"""What IPython understands beyond Python, translated line by line, so that a cell with it can be parsed as Python.

A line is looked at only where a statement can begin: not inside of brackets, of a string over several lines, or after a
backslash. What changes or reads the environment (`%env`, `%set_env`, `%dotenv`) becomes the Python that does the same.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from strictreal.collect.languages import language_of, unread

_PYTHON_CELLS = {"time", "timeit", "capture", "prun", "python", "python3", "px", "memit", "mprun", "heat", "debug"}
_COMMAND_CELLS = {"bash", "sh", "script", "system", "sx", "!", "cmd", "powershell"}
_TEXT_CELLS = {"html", "markdown", "latex", "svg", "sql", "bigquery"}
"""Cells of text, of markup and of queries: none is program code by ADR 11."""
_FILE_CELLS = {"writefile", "file"}
_TIMED = {"time", "timeit", "prun", "memit"}
_CELL = re.compile(r"%%(!|\w+)(.*)")
_ASSIGNED = re.compile(r"(\s*)([\w.,\s\[\]*]{1,200}?)=\s*([!%])(.*)")
_HELP = re.compile(r"\s*%{0,2}[\w.*\[\]]+\?{1,2}\s*;?\s*")
_OPTIONS = re.compile(r"(?:\s*-(?:[nrpsTDl]\s?[\w.]+|\w+)(?=\s|$))*\s*")
_ENV = re.compile(r"\s*(\w+)(?:\s*=\s*|\s+)?(.*)")
_STRING = re.compile(r"'''|\"\"\"|'|\"|#|[(\[{]|[)\]}]")


@dataclass
class Cell:
    """A cell as Python: as many lines as it had; lines for a shell by offset, and what it holds besides, in words."""

    lines: list[str]
    commands: dict[int, str] = field(default_factory=dict)
    unread: list[str] = field(default_factory=list)


def translate(lines: list[str]) -> Cell:
    """A cell's lines as Python."""
    first = next((index for index, line in enumerate(lines) if line.strip()), 0)
    if magic := _CELL.match(lines[first]):
        return _cell(lines, first, magic[1], magic[2].strip())
    return _statements(_dedented(lines, first))


def _cell(lines: list[str], first: int, name: str, rest: str) -> Cell:
    """A cell whose first line says what reads it."""
    if name in _FILE_CELLS:
        target = rest.rsplit(maxsplit=1)[-1] if rest else ""
        written = language_of(target) or unread(target)
        name = "python" if written == "python" else name if written else "markdown"
    blank = [""] * len(lines)
    if name in _PYTHON_CELLS:
        cell = _statements([*blank[: first + 1], *lines[first + 1 :]])
        if name == "timeit" and rest:
            cell.lines[first] = _OPTIONS.sub("", rest, count=1)
        return cell
    if name in _COMMAND_CELLS:
        return Cell(blank, {index: line for index, line in enumerate(lines) if index > first})
    if name in _TEXT_CELLS:
        return Cell(blank)
    return Cell(blank, unread=[f"is for %%{name[:40]}, which no rule reads"])


def _dedented(lines: list[str], first: int) -> list[str]:
    """The lines without the indentation of the first, as IPython takes them."""
    indent = lines[first][: len(lines[first]) - len(lines[first].lstrip())]
    return [line.removeprefix(indent) for line in lines] if indent else lines


def _statements(lines: list[str]) -> Cell:
    cell = Cell([])
    state = _State()
    continued = ""
    """`!` or `%` while a magic goes on after a backslash."""
    for offset, line in enumerate(lines):
        if continued:
            cell.lines.append("")
            if continued == "!":
                cell.commands[offset] = line
            continued = continued if line.endswith("\\") else ""
        elif state.begins and (translated := _translated(line)) is not None:
            python, mark, command = translated
            if mark == "!":
                cell.commands[offset] = command
            continued = mark if line.endswith("\\") else ""
            cell.lines.append(python)
        else:
            state.read(line)
            cell.lines.append(line)
    return cell


def _translated(line: str) -> tuple[str, str, str] | None:
    """(Python, mark, command) of a line that only IPython understands; None for Python."""
    text = line.strip()
    indent = line[: len(line) - len(line.lstrip())]
    if text[:1] in {"!", "%"}:
        python = "pass" if text[0] == "!" else _magic(text.lstrip("%"))
        return indent + python, text[0], text[1:]
    if text[:1] in {"?", "/", ",", ";"} or ("?" in text and _HELP.fullmatch(line)):
        return indent + "pass", "?", ""
    if ("!" in text or "%" in text) and (found := _ASSIGNED.fullmatch(line)):
        mark, rest = found[3], found[4]
        value = "None" if mark == "!" else _magic(rest)
        return f"{found[1]}{found[2]}= {'None' if value == 'pass' else value}", mark, rest
    return None


def _magic(text: str) -> str:
    """The Python of a line magic without its `%`."""
    name, _, rest = text.partition(" ")
    if name in _TIMED:
        return _OPTIONS.sub("", rest, count=1).strip() or "pass"
    if name in {"env", "set_env"} and (found := _ENV.fullmatch(rest)):
        place = f'__import__("os").environ[{found[1]!r}]'
        return f"{place} = {found[2].strip()!r}" if found[2].strip() or "=" in rest else place
    if name == "env":
        return '__import__("os").environ'
    if name == "dotenv":
        return '__import__("dotenv").load_dotenv()'
    return "pass"


class _State:
    """Whether the next line begins a statement: what brackets, strings and backslashes are open."""

    def __init__(self) -> None:
        self._depth = 0
        self._quote = ""
        self._joined = False

    @property
    def begins(self) -> bool:
        """True outside of brackets and strings, and not after a backslash."""
        return not (self._depth or self._quote or self._joined)

    def read(self, line: str) -> None:
        """Go over one line of Python."""
        self._joined = line.endswith("\\")
        position = 0
        while position < len(line):
            if self._quote:
                position = self._to_end_of_string(line, position)
                continue
            found = _STRING.search(line, position)
            if not found:
                return
            mark, position = found[0], found.end()
            if mark == "#":
                self._joined = False
                return
            if mark in "([{":
                self._depth += 1
            elif mark in ")]}":
                self._depth = max(0, self._depth - 1)
            else:
                self._quote = mark
        if len(self._quote) == 1 and not self._joined:
            self._quote = ""  # it is never closed: a mistake of this line alone

    def _to_end_of_string(self, line: str, position: int) -> int:
        while position < len(line):
            if line[position] == "\\":
                position += 2
            elif line.startswith(self._quote, position):
                position += len(self._quote)
                self._quote = ""
                return position
            else:
                position += 1
        return position
