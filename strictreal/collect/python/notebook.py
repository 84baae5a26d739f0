"""A Jupyter notebook as one Python module: its code cells in order, with what only IPython understands translated.

Where the file has each line of code on a line of its own, as Jupyter writes it, the module's lines are the file's
lines. Where it has not, they are counted over the code cells, from 3 on, and `cells` tells which cell each is of.
"""

from __future__ import annotations

import ast
import json
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from strictreal.collect.python import magics

MAX_CELLS = 10_000
_PYTHON_KERNELS = {"", "python", "python2", "python3", "ipython", "ipython2", "ipython3"}
_FIRST_LINE = 3
"""Above it, where Python looks for a coding line, a module of cells has nothing."""


@dataclass
class Notebook:
    """What a notebook holds.

    Attributes:
        text: the module.
        cells: the number of the cell, counted from 1 over cells of all kinds, by line; empty where the module's lines
            are the file's.
        unread: why not all of it was read, in words.
        commands: lines that a shell reads, by number.
    """

    text: str = ""
    cells: dict[int, int] = field(default_factory=dict)
    unread: list[str] = field(default_factory=list)
    commands: dict[int, str] = field(default_factory=dict)


def read(source: bytes) -> Notebook:
    """The module of a notebook.

    Raises:
        ValueError: it is no notebook, or not one for Python.
    """
    try:
        text = source.decode("utf-8-sig")
        document = json.loads(text, object_pairs_hook=_unique)
    except UnicodeDecodeError as error:
        raise ValueError(f"is not valid UTF-8: byte {error.start}") from error
    except json.JSONDecodeError as error:
        raise ValueError(f"is not valid JSON: line {error.lineno}: {error.msg}") from error
    if not isinstance(document, dict):
        raise ValueError("is not a notebook: no JSON object")  # noqa: TRY004  (a gap's words, as of all that is wrong)
    if (language := _language(document)) not in _PYTHON_KERNELS:
        raise ValueError(f"is a notebook in {language[:40]}, which no rule reads")
    cells = [(number, _lines(cell)) for number, cell in _cells(document)]
    places = _places(text.split("\n"), [lines for _, lines in cells])
    code = {number: lines for (number, lines), cell in zip(cells, _cells(document), strict=True) if _is_code(cell[1])}
    notebook = Notebook()
    lines: dict[int, str] = {}
    following = _FIRST_LINE
    for (number, _), first in zip(cells, places or [0] * len(cells), strict=True):
        if number not in code or code[number] == [""]:
            continue
        cell = magics.translate(code[number]) if _problem(code[number]) else magics.Cell(code[number])
        start = first or following
        following += len(cell.lines)
        notebook.unread += [f"cell {number} {reason}" for reason in cell.unread]
        notebook.commands |= {start + offset: command for offset, command in cell.commands.items()}
        if not places:
            notebook.cells |= dict.fromkeys(range(start, start + len(cell.lines)), number)
        if problem := _problem(cell.lines):
            notebook.unread.append(f"cell {number} is not valid Python here: {problem}")
            continue
        lines |= {start + offset: line for offset, line in enumerate(cell.lines)}
    notebook.text = "\n".join(lines.get(number, "") for number in range(1, max(lines, default=0) + 1)) + "\n"
    return notebook


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("has a key twice in one object, so that two programs may read it differently")
    return found


def _language(document: dict[str, Any]) -> str:
    """The language of a notebook's kernel in lower case; "" when it does not say."""
    metadata = document.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    for part, key in (("language_info", "name"), ("kernelspec", "language")):
        said = metadata.get(part)
        if isinstance(said, dict) and isinstance(said.get(key), str) and said[key]:
            return str(said[key]).lower()
    return ""


def _cells(document: dict[str, Any]) -> Iterator[tuple[int, dict[str, Any]]]:
    """The cells with their numbers; format 3 had them in worksheets."""
    found = document.get("cells")
    if found is None and isinstance(document.get("worksheets"), list):
        sheets = document["worksheets"]
        found = [c for s in sheets if isinstance(s, dict) and isinstance(s.get("cells"), list) for c in s["cells"]]
    if not isinstance(found, list) or not all(isinstance(cell, dict) for cell in found):
        raise ValueError("is not a notebook: it has no list of cells")
    if len(found) > MAX_CELLS:
        raise ValueError(f"has more than {MAX_CELLS} cells (bound: cells)")
    yield from enumerate(found, 1)


def _is_code(cell: dict[str, Any]) -> bool:
    return cell.get("cell_type") == "code"


def _parts(cell: dict[str, Any]) -> list[str]:
    source = cell.get("source", cell.get("input", ""))
    parts = [source] if isinstance(source, str) else source
    if not isinstance(parts, list) or not all(isinstance(part, str) for part in parts):
        raise ValueError("is not a notebook: the source of a cell is no text")
    return parts


def _lines(cell: dict[str, Any]) -> list[str]:
    """The lines of a cell's source, without line ends."""
    return "".join(_parts(cell)).replace("\r\n", "\n").replace("\r", "\n").split("\n")


def _places(file: list[str], cells: list[list[str]]) -> list[int]:
    """The line of the file at which each cell's source begins, 0 for an empty one; nothing where lines share a line.

    A list of strings that stands below `"source": [`, one a line, is compared with what the JSON says, cell by cell.
    """
    runs: list[tuple[int, list[str]]] = []
    for number, line in enumerate(file):
        if line.strip() in {'"source": [', '"input": ['}:
            runs.append((number + 2, list(_strings(file, number + 1))))
    written = iter(runs)
    found = []
    for lines in cells:
        if lines == [""]:
            found.append(0)
            continue
        start, strings = next(written, (0, []))
        if strings and strings[-1].endswith("\n"):
            strings.append("")
        whole = [string.removesuffix("\n") for string in strings]
        if whole != lines or not all(string.endswith("\n") for string in strings[:-1]):
            return []
        found.append(start)
    return [] if next(written, None) else found


def _strings(file: list[str], number: int) -> Iterator[str]:
    for line in file[number:]:
        text = line.strip().removesuffix(",")
        if not (text.startswith('"') and text.endswith('"') and len(text) > 1):
            return
        try:
            yield str(json.loads(text))
        except json.JSONDecodeError:
            return


def _problem(lines: list[str]) -> str:
    """Why a cell cannot be parsed; "" when it can."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse("\n".join(lines) + "\n")
    except SyntaxError as error:
        return f"line {error.lineno}: {error.msg}"
    except ValueError as error:
        return str(error)
    return ""
