"""Code that runs and that nobody read: a gap each, at the place that loads it, unless the configuration accepts it.

What a module of the product loads by a constant path is read as code, whatever its ending. What is hidden, fetched, given
or worked out while running cannot be read; and a module whose name is worked out may be one that git ignores.
"""

from __future__ import annotations

import ast
import fnmatch
import posixpath
import warnings
from collections.abc import Iterable, Iterator, Mapping
from pathlib import PurePosixPath

from strictreal.collect import archives
from strictreal.collect.imported import candidates
from strictreal.collect.python.role import role
from strictreal.collect.subject import excluded
from strictreal.config import Config
from strictreal.facts.code import Load
from strictreal.model import Fact, Gap, LeftOut, Location
from strictreal.redact import redact
from strictreal.subject import Tree

UNIT = "UnreadPart"
MAX_DISGUISED_BYTES = 256 * 1024
"""Of a file without the name of code that is looked into."""
MAX_DISGUISED = 2_000
"""Files without the name of code that are looked into, where a path is worked out while running."""
_NEVER = (
    *(
        ".md",
        ".rst",
        ".json",
        ".yaml",
        ".yml",
        ".toml",
        ".xml",
        ".svg",
        ".png",
        ".jpg",
        ".gif",
        ".ico",
        ".css",
        ".lock",
    ),
    *(".po", ".mo", ".csv", ".tsv", ".html", ".woff", ".woff2", ".ttf", ".pdf", ".ipynb", ".sql", ".tf", ".proto"),
    *(".j2", ".jinja", ".jinja2", ".tmpl", ".template", ".tpl", "-tpl", ".mako", ".mustache"),
)
"""Endings of files that are no Python, or what Python is made from."""


def files(tree: Tree, loads: Iterable[Load]) -> Iterator[tuple[str, Load]]:
    """(path, load) for each file of the subject that is loaded by its path."""
    for load in loads:
        places = candidates(load.target, load.path) if load.kind in {"path", "start"} and load.target else ()
        if found := next((place for place in places if place in tree.paths), ""):
            yield found, load


def folders(tree: Tree, loads: Iterable[Load]) -> Iterator[str]:
    """Every folder of the subject that modules are looked for in."""
    known = {folder.as_posix() for path in tree.paths for folder in PurePosixPath(path).parents}
    for load in loads:
        if load.kind == "folder":
            yield from (c for c in candidates(load.target, load.path) if c in known and c != ".")


def gaps(tree: Tree, config: Config, loads: Iterable[Load], ignored: Mapping[str, str]) -> Iterator[Fact]:
    """What the product runs and nobody read.

    Args:
        loads: those of the product's modules.
        ignored: modules that git ignores, beside modules that are read: the dotted name by path.
    """
    told: set[tuple[str, int, str]] = set()
    for load in sorted(loads, key=lambda load: (load.path, load.where.line, load.kind)):
        reason = _reason(tree, config, load, ignored)
        key = load.path, load.where.line, reason
        if not reason or key in told:
            continue
        told.add(key)
        where = Location(load.path, load.where.line)
        if why := accepted(config, load.path):
            yield LeftOut(where=where, reason=f"{reason}; accepted by {config.source}: {redact(why)}")
        else:
            say = f'unread = [{{ path = "{load.path}", reason = "…" }}]'
            yield Gap(of=UNIT, where=where, reason=f"{reason}; to accept that, configure {say}")


def accepted(config: Config, path: str) -> str:
    """The reason why the configuration accepts what a file runs unread; "" when it does not."""
    return next((u.reason for u in config.unread if u.path and fnmatch.fnmatchcase(path, u.path)), "")


def _reason(tree: Tree, config: Config, load: Load, ignored: Mapping[str, str]) -> str:
    """Why code that this place runs was not read; "" when it was, or when there is none."""
    if load.kind in {"hidden", "unknown"}:
        return f"{load.how} runs {load.target}, which nobody read"
    if load.kind == "computed":
        return _ignored_reason(config, load, ignored)
    if load.kind == "path" and load.target:
        return _path_reason(tree, config, load)
    if load.kind == "folder":
        return _folder_reason(tree, config, load)
    return ""


def _path_reason(tree: Tree, config: Config, load: Load) -> str:
    shown = redact(load.target.removeprefix("//"))
    if load.target.startswith("/") and not load.target.startswith("//"):
        return f"{load.how} runs {shown}, which is no part of the repository"
    places = list(candidates(load.target, load.path))
    if any(place in tree.paths or excluded(config, place) for place in places):
        return ""
    there = tree.origin != "revision" and any((tree.root / place).exists() for place in places)
    return f"{load.how} runs {shown}, {'which is not among what is audited' if there else 'which is not there'}"


def _folder_reason(tree: Tree, config: Config, load: Load) -> str:
    """A folder on the search path that is there, and of which nothing was listed."""
    if tree.origin == "revision":
        return ""
    for place in candidates(load.target, load.path):
        if not (tree.root / place).is_dir():
            continue
        read = place == "." or any(path.startswith(place + "/") for path in tree.paths)
        if read or excluded(config, place) or excluded(config, place + "/"):
            return ""
        return f"{load.how} has modules looked for in {place}, which is not among what is audited"
    return ""


def _ignored_reason(config: Config, load: Load, ignored: Mapping[str, str]) -> str:
    """A name that is worked out may be one of a module that git ignores."""
    beginning = load.target
    if beginning.startswith("."):
        package = posixpath.dirname(load.path).replace("/", ".")
        beginning = f"{package}.{beginning.lstrip('.')}" if package else beginning.lstrip(".")
    reached = sorted(path for path, name in ignored.items() if _begins(name, beginning) and not excluded(config, path))
    if not reached:
        return ""
    more = f" and {len(reached) - 1} more" if len(reached) > 1 else ""
    return f"{load.how} may import {reached[0]}{more}, which git ignores, so that nobody read it"


def _begins(name: str, beginning: str) -> bool:
    """Whether a dotted name, without any number of its first parts, begins so."""
    return f".{name}".find(f".{beginning}") >= 0


def disguised(tree: Tree, known: Iterable[str], config: Config) -> Iterator[str]:
    """Files that are Python by what they hold and not by their name: any of them may be what a computed path leads to."""
    read = set(known)
    looked = 0
    for entry in tree:
        name = entry.path.lower()
        if entry.path in read or name.endswith(_NEVER) or not 0 < entry.size <= MAX_DISGUISED_BYTES:
            continue
        if (
            role(entry.path) != "product"
            or archives.is_archive(entry.path)
            or archives.is_compiled(entry.path)
            or excluded(config, entry.path)
        ):
            continue
        looked += 1
        if looked > MAX_DISGUISED:
            return
        if _is_python(tree.read(entry.path)):
            yield entry.path


def _is_python(data: bytes) -> bool:
    """Whether a file defines functions or classes in Python that do something."""
    if b"\0" in data or not (b"def " in data or b"class " in data or b"lambda" in data or b"import " in data):
        return False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            parsed = ast.parse(data)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return any(isinstance(s, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) for s in parsed.body)
