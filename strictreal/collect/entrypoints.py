"""What a distribution says that it installs as commands and plugins: modules that are run although nothing imports them.

Read are pyproject.toml, setup.cfg and entry_points.txt, also below the root. What pytest is to load is a test's.
"""

from __future__ import annotations

import configparser
import re
import tomllib
from collections.abc import Iterable, Iterator
from typing import Any

from strictreal.collect.imported import Modules
from strictreal.errors import StrictRealError
from strictreal.facts.code import Imports
from strictreal.model import Gap, Location
from strictreal.subject import Tree

MAX_BYTES = 1024 * 1024
MAX_POINTS = 2_000
"""Entry points of one file."""
_POINT = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*){0,20}")
_OF_TESTS = frozenset({"pytest11"})


def imports(tree: Tree) -> list[Imports]:
    """What each file has started, as if it imported it."""
    found: list[Imports] = []
    for entry in tree:
        name = entry.path.rpartition("/")[2]
        if name not in {"pyproject.toml", "setup.cfg", "entry_points.txt"} or entry.size > MAX_BYTES:
            continue
        try:
            text = tree.read(entry.path).decode("utf-8-sig", errors="replace")
            points = list(_of_toml(text) if name == "pyproject.toml" else _of_ini(text))[:MAX_POINTS]
        except (StrictRealError, tomllib.TOMLDecodeError, configparser.Error, RecursionError, ValueError):
            continue  # another collector says what is wrong with it
        modules = dict.fromkeys(match[0] for point in points if (match := _POINT.match(point.strip())))
        if modules:
            lines = text.split("\n")
            where = tuple(next((n for n, line in enumerate(lines, 1) if m in line), 0) for m in modules)
            found.append(Imports(where=Location(entry.path), names=tuple(modules), lines=where))
    return found


def gaps(tree: Tree, starting: Iterable[Imports]) -> Iterator[Gap]:
    """A gap for each entry point whose package is the subject's and whose module is not there."""
    modules = Modules(path for path in tree.paths if path.endswith((".py", ".pyx", ".so", ".pyi")))
    for points in starting:
        for name, line in zip(points.names, points.lines, strict=True):
            if modules.has_top(name) and not modules.named(name, points.path):
                reason = f"starts {name}, which is not there, so that nobody read it"
                yield Gap(of="UnreadPart", where=Location(points.path, line), reason=reason)


def _of_toml(text: str) -> Iterator[str]:
    data = tomllib.loads(text)
    project, poetry = _table(data, "project"), _table(data, "tool", "poetry")
    for table in (_table(project, "scripts"), _table(project, "gui-scripts"), _table(poetry, "scripts")):
        yield from _texts(table)
    for groups in (_table(project, "entry-points"), _table(poetry, "plugins")):
        for group, table in groups.items():
            if group not in _OF_TESTS and isinstance(table, dict):
                yield from _texts(table)


def _texts(table: dict[str, Any]) -> Iterator[str]:
    for value in table.values():
        text = value.get("callable", value.get("reference", "")) if isinstance(value, dict) else value
        if isinstance(text, str):
            yield text


def _table(data: Any, *keys: str) -> dict[str, Any]:
    for key in keys:
        data = data.get(key, {}) if isinstance(data, dict) else {}
    return data if isinstance(data, dict) else {}


def _of_ini(text: str) -> Iterator[str]:
    parser = configparser.ConfigParser(interpolation=None, strict=False, delimiters=("=",))
    parser.read_string(text)
    for section in parser.sections():
        if section == "options.entry_points":
            for group, lines in parser[section].items():
                if group not in _OF_TESTS:
                    yield from (line.partition("=")[2] for line in lines.splitlines() if "=" in line)
        elif section not in _OF_TESTS and section.endswith(("_scripts", "scripts")):
            yield from parser[section].values()
