"""Python source to facts, by its syntax tree; every detector is a function from a parsed module to facts.

The code cells of a notebook are one module. What a module imports from files that git ignores is a gap.
"""

from __future__ import annotations

import fnmatch
import sys
from collections.abc import Iterable, Iterator

import msgspec

from strictreal.collect import ignored
from strictreal.collect.languages import NOTEBOOK, has_suffix, is_settings, language_of
from strictreal.collect.python import (
    claims,
    env,
    fakes,
    fallbacks,
    imports,
    literals,
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
from strictreal.facts.code import Imports, Module, SettingsModule
from strictreal.model import Fact, Gap, Inventory, LeftOut, Located, Location, Observation
from strictreal.redact import redact
from strictreal.session import Session
from strictreal.subject import Entry, Tree

UNITS = ("Module", "TestFunction", "UnreadPart")
MAX_REASON = 300
DETECTORS = (
    *(env.facts, literals.facts, tests.facts, stubs.facts, fakes.facts, fallbacks.facts, substitutes.facts),
    *(claims.facts, imports.facts),
)


def facts_of(file: tuple[str, bytes]) -> list[Fact]:
    """reading Python modules"""
    path, source = file
    if has_suffix(path, NOTEBOOK):
        return _facts_of_notebook(path, source)
    return _facts_of_module(parse(path, source))


def _facts_of_module(module: ParsedModule) -> list[Fact]:
    found: list[Fact] = [Module(where=Location(module.path), lines=len(module.lines), role=role(module.path))]
    for detector in DETECTORS:
        found += detector(module)
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
    """Every Python file of the tree that is not excluded."""
    languages = _sources(tree, config)
    entries = [entry for entry in tree if languages.get(entry.path) == "python"]
    counted = Inventory(of="Module", count=len(entries))
    settings = _settings_module(languages, config)
    yield Observation(collector="code", source="", digest=tree.digest, facts=(counted, settings))
    tools = {"python": ".".join(map(str, sys.version_info[:3]))}
    imported: list[Imports] = []
    for observation in session.per_file("code", "Module", tree, entries, facts_of, tools):
        imported += [fact for fact in observation.facts if isinstance(fact, Imports)]
        kept = tuple(fact for fact in observation.facts if not isinstance(fact, Imports))
        yield msgspec.structs.replace(observation, facts=kept)
    found = tuple(_unread_imports(tree, config, sorted(imported, key=lambda fact: fact.path)))
    yield Observation(collector="code", source="", digest=tree.digest, facts=found)


def _unread_imports(tree: Tree, config: Config, imports: Iterable[Imports]) -> Iterator[Fact]:
    """A gap for each module that is imported and that git ignores, unless the configuration excludes it."""
    gaps = 0
    try:
        for path, importer, line in ignored.imported(tree, imports):
            if reason := excluded(config, path):
                yield LeftOut(where=Location(path), reason=f"excluded by {config.source}: {redact(reason)}")
                continue
            gaps += 1
            told = f"imports {path}, which git ignores, so that nobody read it; track it, or exclude it with a reason"
            yield Gap(of="UnreadPart", where=Location(importer, line), reason=told)
    except BoundExceeded as error:
        gaps += 1
        yield Gap(of="UnreadPart", where=Location(""), reason=f"ignored modules were not looked for: {error}")
    yield Inventory(of="UnreadPart", count=gaps)


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
