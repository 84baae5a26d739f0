"""Records that are made up in the product: constants called a stand-in that functions answer with, and counted results."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from strictreal.collect.python import bodies, standins
from strictreal.collect.python.bodies import Functions, dotted
from strictreal.collect.python.module import ParsedModule
from strictreal.facts.behaviour import Fake, vocabulary, words

_NAMED = vocabulary("mock mocked fake dummy canned hardcoded")
_ASKED = vocabulary("get fetch search find query list lookup retrieve load read ask")
"""Words of functions that are asked for something that exists."""
_EXAMPLES = ("://example.com", "://example.org", "://example.net", "://www.example.com")
"""Addresses that are reserved for documentation: RFC 2606, section 3."""


def facts(module: ParsedModule) -> Iterator[Fake]:
    """Every such constant, and every such answer, of a module that is no test."""
    if module.role == "test":
        return
    yield from _constants(module)
    if any(example in module.text for example in _EXAMPLES):
        for function in module.of(ast.FunctionDef, ast.AsyncFunctionDef):
            if not _ASKED.isdisjoint(words(function.name)) and (answer := _counted(module, function)) is not None:
                yield standins.record(module, answer, "invented", bodies.qualname(module, function))


def _constants(module: ParsedModule) -> Iterator[Fake]:
    """`MOCK_USERS = [{"id": 1, "name": "Ada"}, …]`, where a function of the module reads it."""
    for statement in module.tree.body:
        if not isinstance(statement, ast.Assign | ast.AnnAssign):
            continue
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        for target in targets:
            if not isinstance(target, ast.Name) or _NAMED.isdisjoint(words(target.id)) or not target.id.isupper():
                continue
            if _holds_records(module, statement.value) and _is_read(module, target.id):
                yield standins.record(module, statement, "invented", target.id)


def _holds_records(module: ParsedModule, value: ast.expr | None) -> bool:
    """Whether a collection is written out that holds at least one record of several fields."""
    parts = (
        value.elts if isinstance(value, ast.List | ast.Tuple) else value.values if isinstance(value, ast.Dict) else []
    )
    return any(isinstance(part, ast.Dict | ast.Call) and bodies.value_of(module, part) == "record" for part in parts)


def _is_read(module: ParsedModule, name: str) -> bool:
    return any(
        use.id == name and isinstance(use.ctx, ast.Load) and bodies.enclosing(module, use) is not None
        for use in module.of(ast.Name)
    )


def _counted(module: ParsedModule, function: Functions) -> ast.expr | None:
    """The answer that is counted up: `[{"title": f"Result {i}", "url": f"https://example.com/{i}"} for i in range(n)]`."""
    for node in (n for statement in function.body for n in bodies.within(statement)):
        if not isinstance(node, ast.ListComp) or len(node.generators) != 1:
            continue
        steps = node.generators[0].iter
        counts = isinstance(steps, ast.Call) and dotted(module, steps.func) == "range"
        fields = [k.value for k in node.elt.keywords] if isinstance(node.elt, ast.Call) else []
        fields = list(node.elt.values) if isinstance(node.elt, ast.Dict) else fields
        if counts and len(fields) > 1 and any(_is_example(field) for field in fields):
            return node
    return None


def _is_example(field: ast.expr) -> bool:
    """Whether a text with something put into it is an address of the documentation."""
    parts = field.values if isinstance(field, ast.JoinedStr) else []
    return any(
        isinstance(part, ast.Constant) and any(example in str(part.value) for example in _EXAMPLES) for part in parts
    )
