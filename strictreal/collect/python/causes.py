"""Where many tests are kept from running by one line: the mark of a module, the constructor or the switch of a class."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from strictreal.collect.python import collected
from strictreal.collect.python.module import ParsedModule
from strictreal.collect.python.skips import Skips
from strictreal.facts.code import TestExclusion


def facts(module: ParsedModule, owners: list[ast.ClassDef], skips: Skips) -> Iterator[TestExclusion]:
    """Each such line once, with what it does.

    Args:
        owners: the classes of the tests that are told of, one for each test, unittest's left out.
    """
    for body in (module.tree.body, *(owner.body for owner in dict.fromkeys(owners))):
        for statement in body:
            if reason := skips.of_all(statement):
                yield TestExclusion(where=module.at(statement), how="pytestmark", what=reason)
            if _switches_off(statement):
                yield TestExclusion(where=module.at(statement), how="__test__ = False")
    for owner in dict.fromkeys(owners):
        if owner.name.startswith("Test") and collected.has_constructor(module, owner):
            yield TestExclusion(where=module.at(owner), how="the constructor of", what=owner.name)


def _switches_off(statement: ast.stmt) -> bool:
    """Whether a statement is `__test__ = False`."""
    return (
        isinstance(statement, ast.Assign)
        and any(isinstance(t, ast.Name) and t.id == "__test__" for t in statement.targets)
        and isinstance(statement.value, ast.Constant)
        and not statement.value.value
    )
