"""Answers that are put together from arguments and literals alone."""

from __future__ import annotations

import ast

from strictreal.collect.python import bodies, reading
from strictreal.collect.python.bodies import Functions, dotted
from strictreal.collect.python.module import ParsedModule


def echoes(module: ParsedModule, node: Functions) -> bool:
    """Whether the answer is put together from arguments and literals alone."""
    answered = False
    for statement in reading.statements(node):
        if isinstance(statement, ast.Expr):
            if not bodies.is_inert(module, statement.value):
                return False
        elif isinstance(statement, ast.If):
            if not reading.only_raises(statement.body) or statement.orelse:
                return False
        elif isinstance(statement, ast.Assign | ast.AnnAssign | ast.Return):
            targets = statement.targets if isinstance(statement, ast.Assign) else []
            if any(not isinstance(t, ast.Name) for t in targets):
                return False
            if statement.value is not None and not _put_together(module, statement.value):
                return False
            answered |= isinstance(statement, ast.Return) and statement.value is not None
        else:
            return False
    return answered


def hands_back(module: ParsedModule, node: Functions) -> bool:
    """Whether a function does no more than return an argument of its own, or yield once, as a context manager without a deed."""
    own = {p.arg for p in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)} - {"self", "cls"}
    *before, last = reading.statements(node) or [ast.Pass()]
    if any(not isinstance(s, ast.Expr) or not bodies.is_inert(module, s.value) for s in before):
        return False
    given = last.value if isinstance(last, ast.Return | ast.Expr) else None
    if isinstance(last, ast.Expr):
        return isinstance(given, ast.Yield) and (given.value is None or isinstance(given.value, ast.Constant))
    return isinstance(given, ast.Name) and given.id in own


def _put_together(module: ParsedModule, expression: ast.expr) -> bool:
    """Whether an expression takes no more than arguments, literals, the clock, chance and constructors."""
    for node in bodies.within(expression):
        if isinstance(node, ast.Call):
            name = dotted(module, node.func)
            method = isinstance(node.func, ast.Attribute) and node.func.attr in reading.PASSIVE_METHODS
            made = name.rpartition(".")[2].lstrip("_")[:1].isupper()
            if not (method or made or name in reading.PASSIVE_CALLS or name.startswith(("random.", "numpy.random."))):
                return False
        elif isinstance(node, ast.Await | ast.Yield | ast.YieldFrom | ast.Lambda):
            return False
    return True
