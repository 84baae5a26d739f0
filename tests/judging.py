"""One check of the suite over Python sources that are given as text."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from functools import cache

from strictreal import suite
from strictreal.check import Check
from strictreal.collect.code import facts_of
from strictreal.judge import FactSet
from strictreal.model import Fact, Finding, Observation


@cache
def checks(module: str) -> dict[str, Check]:
    """The checks of one module of the suite, by id."""
    path = suite.root() / "checks" / f"{module}.py"
    spec = importlib.util.spec_from_file_location(f"suite_{module}", path)
    assert spec is not None
    assert spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    declared = [
        found for value in vars(loaded).values() if isinstance(found := getattr(value, "__check__", None), Check)
    ]
    return {check.id: check for check in declared}


def facts_in(files: Mapping[str, str]) -> list[Fact]:
    """What the code collector sees in sources, by path."""
    return [fact for path, source in files.items() for fact in facts_of((path, source.encode()))]


def findings(module: str, id: str, files: Mapping[str, str]) -> list[Finding]:
    """The findings of one check over sources, by path."""
    check = checks(module)[id]
    known = FactSet([Observation(collector="code", source="", digest="", facts=tuple(facts_in(files)))])
    return list(check.judge(**{p.name: known.facts(p.facts) for p in check.parameters if p.facts}))
