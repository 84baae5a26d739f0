"""Python source to facts, by its syntax tree; every detector is a function from a parsed module to facts.

The code cells of a notebook are one module. What a module imports from files that git ignores is a gap.
"""

from __future__ import annotations

import fnmatch
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

import msgspec

from strictreal.collect import archives, coroutines, deployed, entrypoints, ignored, imported, loaded
from strictreal.collect.languages import NOTEBOOK, has_suffix, is_settings, language_of
from strictreal.collect.python import (
    claims,
    env,
    executed,
    fakes,
    fallbacks,
    imports,
    literals,
    loads,
    notebook,
    stubs,
    substitutes,
    tests,
)
from strictreal.collect.python.hidden import concealed
from strictreal.collect.python.module import ParsedModule, parse
from strictreal.collect.python.role import role
from strictreal.collect.subject import excluded
from strictreal.config import Config
from strictreal.errors import BoundExceeded
from strictreal.facts.code import Imports, Load, Module, SettingsModule
from strictreal.model import Fact, Gap, Inventory, LeftOut, Located, Location, Observation
from strictreal.redact import redact
from strictreal.session import Session
from strictreal.subject import Entry, Tree

UNITS = ("Module", "TestFunction", "UnreadPart")
MAX_REASON = 300
DETECTORS = (
    *(env.facts, literals.facts, tests.facts, stubs.facts, fakes.facts, fallbacks.facts, substitutes.facts),
    *(claims.facts, imports.facts, loads.facts),
)
OF_TEXT = (
    env.facts,
    literals.facts,
    stubs.facts,
    fakes.facts,
    fallbacks.facts,
    substitutes.facts,
    imports.facts,
    loads.facts,
)
"""What looks at a text of a module that the module runs."""
MAX_ROUNDS = 12
"""How often what was loaded is read for what it loads in its turn."""
F = TypeVar("F", bound=Fact)


def facts_of(file: tuple[str, bytes]) -> list[Fact]:
    """reading Python modules"""
    path, source = file
    if has_suffix(path, NOTEBOOK):
        return _facts_of_notebook(path, source)
    return _facts_of_module(parse(path, source))


def facts_of_product(file: tuple[str, bytes]) -> list[Fact]:
    """reading what the product uses"""
    path, source = file
    if has_suffix(path, NOTEBOOK):
        return _facts_of_notebook(path, source)
    return _facts_of_module(parse(path, source, "product"))


def _facts_of_module(module: ParsedModule) -> list[Fact]:
    found: list[Fact] = [Module(where=Location(module.path), lines=len(module.lines), role=module.role)]
    for detector in DETECTORS:
        found += detector(module)
    for text in executed.sources(module):
        for detector in OF_TEXT:
            found += detector(text)
    return list(concealed(module, found))


def _facts_of_notebook(path: str, source: bytes) -> list[Fact]:
    """The facts of the cells that can be read; where some cannot, a gap stands for the module as a whole."""
    book = notebook.read(source)
    module, *found = _facts_of_module(parse(path, book.text.encode()))
    if book.unread:
        more = f" (and {len(book.unread) - 1} more)" if len(book.unread) > 1 else ""
        module = Gap(of="Module", where=Location(path), reason=redact(book.unread[0] + more, MAX_REASON))
    return [module, *(_in_cell(fact, book.cells) for fact in found)]


def _in_cell(fact: Fact, cells: dict[int, int]) -> Fact:
    """The fact with the number of its cell, where its line is none of the file."""
    if not isinstance(fact, Located) or fact.where.line not in cells:
        return fact
    where = msgspec.structs.replace(fact.where, resource=f"cell {cells[fact.where.line]}")
    return msgspec.structs.replace(fact, where=where)


def collect(tree: Tree, config: Config, session: Session) -> Iterator[Observation]:
    """Every Python file of the tree that is not excluded, and what those of the product load beside them."""
    languages = _sources(tree, config)
    entries = [entry for entry in tree if languages.get(entry.path) == "python"]
    reached = _Reached(tree, config, session, entries)
    observations = reached.observations()
    counted = Inventory(of="Module", count=len(observations))
    settings = _settings_module(languages, config)
    yield Observation(collector="code", source="", digest=tree.digest, facts=(counted, settings))
    run = coroutines.are_run(tree) if any(coroutines.waits(f) for o in observations for f in o.facts) else False
    for observation in observations:
        kept = tuple(
            coroutines.run(fact) if run else fact for fact in observation.facts if not isinstance(fact, Imports | Load)
        )
        yield msgspec.structs.replace(observation, facts=kept)
    found = tuple(_unread(tree, config, reached))
    yield Observation(collector="code", source="", digest=tree.digest, facts=found)


class _Reached:
    """The observations of a subject's modules, each read for what it is there for: what the product uses is its own."""

    def __init__(self, tree: Tree, config: Config, session: Session, entries: list[Entry]) -> None:
        self._tree, self._config, self._session = tree, config, session
        self._entries = entries
        self._found: dict[str, Observation] = {}
        self.product: set[str] = set()
        self.starts: list[deployed.Start] = []

    def observations(self) -> list[Observation]:
        """One a module, in the order of their paths."""
        self._read(self._entries, facts_of)
        folders = loaded.folders(self._tree, (f for f in self.facts(Load) if role(f.path) == "product"))
        modules = imported.Modules((path for path in self._found if not has_suffix(path, ".pyi")), folders)
        uses = imported.Uses({path: role(path) for path in self._found}, modules)
        self.product = uses.product
        uses.add([*self.facts(Imports), *entrypoints.imports(self._tree)], self.facts(Load))
        for point in entrypoints.imports(self._tree):
            uses.add([point], [])
            uses.reach(point.path)
        self.starts = deployed.starts(self._tree, self._config, self._found)
        for start in self.starts:
            uses.add([start.imports], [])
            uses.reach(start.path)
        deploying = {path for start in self.starts for path, _ in start.files}
        read: set[str] = set()
        by_path = {entry.path: entry for entry in self._tree}
        for _ in range(MAX_ROUNDS):
            fresh = uses.follow()
            loads = [load for load in self.facts(Load) if load.path in uses.product]
            files = {path for path, _ in loaded.files(self._tree, loads)}
            files |= {path for path in deploying if path in self._found}
            if any(load.kind == "path" and not load.target for load in loads):
                files.update(loaded.disguised(self._tree, self._found, self._config))
            for path in sorted(files - uses.product):
                if not _is_binary(path) and not excluded(self._config, path):
                    uses.reach(path)
                    fresh.add(path)
            fresh |= {path for path in files & by_path.keys() if has_suffix(path, ".pyi")}  # else a typing stub
            fresh = fresh & by_path.keys() - read
            if not fresh:
                break
            read |= fresh
            uses.add(*self._read([by_path[path] for path in sorted(fresh)], facts_of_product, "product"))
        return [self._found[path] for path in sorted(self._found)]

    @property
    def modules(self) -> set[str]:
        """Every file that was read as Python."""
        return set(self._found)

    def _read(
        self, entries: list[Entry], function: Callable[[tuple[str, bytes]], list[Fact]], salt: str = ""
    ) -> tuple[list[Imports], list[Load]]:
        """What the modules import and load."""
        tools = {"python": ".".join(map(str, sys.version_info[:3]))}
        seen = self._session.per_file("code", "Module", self._tree, entries, function, tools, salt)
        self._found |= {observation.source: observation for observation in seen}
        facts = [fact for observation in seen for fact in observation.facts]
        return [f for f in facts if isinstance(f, Imports)], [f for f in facts if isinstance(f, Load)]

    def facts(self, kind: type[F]) -> list[F]:
        """Every fact of a type, in the order of the paths."""
        return [fact for path in sorted(self._found) for fact in self._found[path].facts if isinstance(fact, kind)]


def _is_binary(path: str) -> bool:
    return archives.is_archive(path) or archives.is_compiled(path)


def _unread(tree: Tree, config: Config, reached: _Reached) -> Iterator[Fact]:
    """A gap for each thing that the subject imports or runs and that nobody read."""
    points = entrypoints.imports(tree)
    loads = [load for load in reached.facts(Load) if load.path in reached.product]
    named = [
        Imports(where=Location(load.path), names=(load.target,), lines=(load.where.line,))
        for load in reached.facts(Load)
        if load.kind == "name"
    ]
    imports = sorted([*reached.facts(Imports), *named, *points], key=lambda found: found.path)
    found = [*_unread_imports(tree, config, imports), *entrypoints.gaps(tree, points)]
    found += deployed.facts(config, reached.starts, reached.modules)
    try:
        unlisted = ignored.modules(tree) if any(load.kind == "computed" for load in loads) else {}
        found += loaded.gaps(tree, config, loads, unlisted)
    except BoundExceeded as error:
        found.append(Gap(of="UnreadPart", where=Location(""), reason=f"what is loaded was not looked for: {error}"))
    yield from found
    yield Inventory(of="UnreadPart", count=sum(isinstance(fact, Gap) for fact in found))


def _unread_imports(tree: Tree, config: Config, imports: Iterable[Imports]) -> Iterator[Fact]:
    """A gap for each module that is imported and that git ignores, unless the configuration excludes it."""
    try:
        for path, importer, line in ignored.imported(tree, imports):
            if reason := excluded(config, path):
                yield LeftOut(where=Location(path), reason=f"excluded by {config.source}: {redact(reason)}")
                continue
            told = f"imports {path}, which git ignores, so that nobody read it; track it, or exclude it with a reason"
            if path.startswith(f"{tree.evidence}/"):
                told = f"imports {path}, which lies in the folder of evidence, so that nobody read it; move it out of there"
            yield Gap(of="UnreadPart", where=Location(importer, line), reason=told)
    except BoundExceeded as error:
        yield Gap(of="UnreadPart", where=Location(""), reason=f"ignored modules were not looked for: {error}")


def _sources(tree: Tree, config: Config) -> dict[str, str]:
    """The language of every source file, by path."""
    named = {entry.path: _language(tree, entry) for entry in tree}
    return {path: language for path, language in named.items() if language and not excluded(config, path)}


def _language(tree: Tree, entry: Entry) -> str:
    return "python" if has_suffix(entry.path, NOTEBOOK) else language_of(entry.path, tree.opening(entry))


def _settings_module(languages: dict[str, str], config: Config) -> SettingsModule:
    if config.settings:
        named = [path for path in languages if any(fnmatch.fnmatchcase(path, glob) for glob in config.settings)]
        return SettingsModule(paths=tuple(named), declared=True)
    known = [path for path, language in languages.items() if is_settings(path, language)]
    return SettingsModule(paths=tuple(known), declared=False)


__all__ = ["UNITS", "ParsedModule", "collect", "facts_of"]
