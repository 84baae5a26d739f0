"""Circuit breakers: objects and methods that say that a service is left alone because it has failed."""

from __future__ import annotations

import ast

from strictreal.collect.python import hollow
from strictreal.collect.python.module import ParsedModule
from strictreal.facts.behaviour import words

_OPEN = frozenset({"open", "opened", "tripped", "suspended", "cooling"})
_COUNTED = frozenset({"failures", "failure", "opened", "tripped", "cooldown"})


def is_open(module: ParsedModule, test: ast.expr, called: ast.expr, own: tuple[str, ...]) -> bool:
    """Whether a circuit breaker is asked whether it is open, or a method that says so by the failures it has counted."""
    if _OPEN.isdisjoint(own):
        return False
    held = called.value if isinstance(called, ast.Attribute) else None
    if {"breaker", "circuit"} & {*own, *(words(_named(held)) if held is not None else ())}:
        return True
    counts = hollow.called(module, test) if isinstance(test, ast.Call) else None
    named = (n.attr for n in ast.walk(counts) if isinstance(n, ast.Attribute)) if counts is not None else ()
    return any(not _COUNTED.isdisjoint(words(name)) for name in named)


def _named(node: ast.expr) -> str:
    node = node.func if isinstance(node, ast.Call) else node
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")
