"""Modules that tracked Python code imports, that lie in the working tree, and that git ignores: nobody reads them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath

from strictreal.errors import BoundExceeded
from strictreal.facts.code import Imports
from strictreal.subject import Tree

MAX_FOLDERS = 20_000
_ROOTS = {"src", "lib", "python"}
"""Folders that projects put on the module search path."""


def imported(tree: Tree, imports: Iterable[Imports]) -> Iterator[tuple[str, str, int]]:
    """(ignored path, importing path, line) for each import that leads to a file outside of the list; each file once.

    A module is looked for where Python would: beside the importing file, in the folders above it and in `src`, and
    inside of packages wherever they stand. Only names are looked at; nothing is opened.

    Raises:
        BoundExceeded: the subject has more than MAX_FOLDERS folders.
    """
    unlisted = _unlisted(tree)
    told: set[str] = set()
    for found in imports:
        folder = PurePosixPath(found.path).parent
        for name, line in zip(found.names, found.lines, strict=True):
            for path in _targets(tree, unlisted, folder, name):
                if path not in told:
                    told.add(path)
                    yield path, found.path, line


def modules(tree: Tree) -> dict[str, str]:
    """Modules and packages that lie beside listed Python files and are not listed: the dotted name by path.

    Raises:
        BoundExceeded: the subject has more than MAX_FOLDERS folders.
    """
    beside = {PurePosixPath(path).parent for path in tree.paths if path.endswith(".py")}
    found: dict[str, str] = {}
    for name, places in _unlisted(tree).items():
        for folder, entry in places:
            if folder in beside and (path := _file(tree, folder / entry, [])):
                found[path] = ".".join([*folder.parts, name])
    return found


def _unlisted(tree: Tree) -> dict[str, list[tuple[PurePosixPath, str]]]:
    """What lies beside listed files and is not listed: by module name, the folder and what is there, `a.py` or `a`."""
    if tree.origin == "revision":
        return {}
    folders = {PurePosixPath(".")}
    for path in tree.paths:
        for folder in PurePosixPath(path).parents:
            if folder in folders:
                break
            folders.add(folder)
    known = {folder.as_posix() for folder in folders} | tree.paths | {path.rstrip("/") for path, _ in tree.left_out}
    known.discard(tree.evidence)
    found: dict[str, list[tuple[PurePosixPath, str]]] = {}
    if len(folders) > MAX_FOLDERS:
        raise BoundExceeded(f"the subject has more than {MAX_FOLDERS} folders (bound: folders)")
    for folder in sorted(folders):
        try:
            names = sorted(os.listdir(tree.root / folder))
        except OSError:
            continue
        for name in names:
            module = name.removesuffix(".py")
            if module.isidentifier() and (folder / name).as_posix() not in known:
                found.setdefault(module, []).append((folder, name))
    return found


def _targets(
    tree: Tree, unlisted: dict[str, list[tuple[PurePosixPath, str]]], importer: PurePosixPath, name: str
) -> Iterator[str]:
    """The unlisted files that an import may load."""
    dots = len(name) - len(name.lstrip("."))
    parts = [part for part in name.split(".") if part]
    base = importer
    for _ in range(dots - 1):
        base = base.parent
    for index, part in enumerate(parts):
        for folder, entry in unlisted.get(part, ()):
            inner = PurePosixPath(*parts[:index])
            if dots:
                reached = folder == base / inner
            elif index:
                reached = folder.parts[-index:] == inner.parts
            else:
                reached = folder == importer or folder in importer.parents or folder.name in _ROOTS
            if reached and (path := _file(tree, folder / entry, parts[index + 1 :])):
                yield path


def _file(tree: Tree, place: PurePosixPath, rest: list[str]) -> str:
    """The module at a place: the file itself, or in a folder what the rest of the name leads to."""
    if place.suffix == ".py":
        return place.as_posix() if os.path.isfile(tree.root / place) else ""
    for length in range(len(rest), -1, -1):
        inner = place.joinpath(*rest[:length])
        for candidate in (inner.with_name(inner.name + ".py"), inner / "__init__.py"):
            if os.path.isfile(tree.root / candidate):
                return candidate.as_posix()
    return ""
