"""Python source to facts, by its syntax tree; every detector is a function from a parsed module to facts."""

from __future__ import annotations

import fnmatch
import sys
from collections.abc import Iterator

from strictreal.collect.languages import is_settings, language_of
from strictreal.collect.python import claims, env, fakes, fallbacks, literals, stubs, tests
from strictreal.collect.python.module import ParsedModule, parse
from strictreal.collect.python.role import role
from strictreal.collect.session import Session
from strictreal.collect.subject import excluded
from strictreal.config import Config
from strictreal.facts.code import Module, SettingsModule
from strictreal.model import Fact, Inventory, Location, Observation
from strictreal.subject import Tree

DETECTORS = (env.facts, literals.facts, tests.facts, stubs.facts, fakes.facts, fallbacks.facts, claims.facts)


def facts_of(file: tuple[str, bytes]) -> list[Fact]:
    """reading Python modules"""
    path, source = file
    module = parse(path, source)
    found: list[Fact] = [Module(where=Location(path), lines=len(module.lines), role=role(path))]
    for detector in DETECTORS:
        found += detector(module)
    return found


def collect(tree: Tree, config: Config, session: Session) -> Iterator[Observation]:
    """Every Python file of the tree that is not excluded."""
    languages = _sources(tree, config)
    entries = [entry for entry in tree if languages.get(entry.path) == "python"]
    counted = Inventory(of="Module", count=len(entries))
    settings = _settings_module(languages, config)
    yield Observation(collector="code", source="", digest=tree.digest, facts=(counted, settings))
    tools = {"python": ".".join(map(str, sys.version_info[:3]))}
    yield from session.per_file("code", "Module", tree, entries, facts_of, tools)


def _sources(tree: Tree, config: Config) -> dict[str, str]:
    """The language of every source file, by path."""
    named = {entry.path: language_of(entry.path, tree.opening(entry)) for entry in tree}
    return {path: language for path, language in named.items() if language and not excluded(config, path)}


def _settings_module(languages: dict[str, str], config: Config) -> SettingsModule:
    if config.settings:
        named = [path for path in languages if any(fnmatch.fnmatchcase(path, glob) for glob in config.settings)]
        return SettingsModule(paths=tuple(named), declared=True)
    known = [path for path, language in languages.items() if is_settings(path, language)]
    return SettingsModule(paths=tuple(known), declared=False)


__all__ = ["ParsedModule", "collect", "facts_of"]
