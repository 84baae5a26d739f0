"""The places of a module that give a name its meaning."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from strictreal.collect.python.module import ParsedModule


@dataclass(frozen=True, slots=True, eq=False)
class Binding:
    """One place that gives a name its meaning.

    Attributes:
        node: the binding node: an import alias, a stored name, a parameter, a definition, an `except … as`, a pattern.
        dotted: what an import binds, fully qualified; relative imports keep their leading dots.
        value: the expression that is assigned, when the whole of it becomes the name's value.
        adds: whether it is `name += …`, which leaves the earlier meaning in place.
    """

    node: ast.AST
    dotted: str = ""
    value: ast.expr | None = None
    adds: bool = False


def assigned(module: ParsedModule) -> Iterator[tuple[ast.Name, ast.expr]]:
    """Each stored name whose whole value is one expression, with that expression."""
    for assign in module.of(ast.Assign):
        for target in assign.targets:
            yield from _pairs(target, assign.value)
    for annotated in module.of(ast.AnnAssign):
        if annotated.value is not None:
            yield from _pairs(annotated.target, annotated.value)
    for walrus in module.of(ast.NamedExpr):
        yield walrus.target, walrus.value


def _pairs(target: ast.expr, value: ast.expr) -> Iterator[tuple[ast.Name, ast.expr]]:
    if isinstance(target, ast.Name):
        yield target, value
    elif (
        isinstance(target, ast.Tuple | ast.List)
        and isinstance(value, ast.Tuple | ast.List)
        and len(target.elts) == len(value.elts)
        and not any(isinstance(e, ast.Starred) for e in (*target.elts, *value.elts))
    ):
        for left, right in zip(target.elts, value.elts, strict=True):
            yield from _pairs(left, right)
