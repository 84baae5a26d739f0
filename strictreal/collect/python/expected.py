"""Errors that a test expects: blocks that raise whatever the code under test does, and assertions about an error alone."""

from __future__ import annotations

import ast

from strictreal.collect.python.context import last_name
from strictreal.collect.python.module import ParsedModule
from strictreal.collect.python.put_in import PutIn
from strictreal.collect.python.tautology import truth

BROAD = {"Exception", "AssertionError", "BaseException"}
"""What takes a failed assertion."""
_FAILING = {"fail", "skip", "exit", "xfail"}


def caught(module: ParsedModule, kind: ast.expr | None) -> set[str]:
    """Names of what a handler catches; "" for everything."""
    if kind is None:
        return {""}
    kinds = kind.elts if isinstance(kind, ast.Tuple) else [kind]
    return {module.resolve(k).removeprefix("builtins.") or "?" for k in kinds}


def raises_by_itself(module: ParsedModule, put_in: PutIn, expression: ast.expr, body: list[ast.stmt]) -> bool:
    """Whether a block is to raise and does, whatever the code under test does.

    It raises something, alone or where any error will do; or asserts what is never true; or consists of what the test
    has put in itself: `1 / 0`, `int("x")`.
    """
    if not (isinstance(expression, ast.Call) and last_name(expression.func) in {"raises", "assertRaises"}):
        return False
    kind = expression.args[0] if expression.args else None
    broad = bool(caught(module, kind) & BROAD) if kind is not None else False
    whole = bool(expression.keywords) or len(expression.args) > 1  # a message to match tells one error from another
    if all(isinstance(s, ast.Expr) and put_in.is_own([s.value]) for s in body):
        return True
    for statement in body:
        if isinstance(statement, ast.Raise) and statement.exc is not None:
            return len(body) == 1 or (broad and not whole)
        if isinstance(statement, ast.Assert) and truth(module, statement.test) is False:
            return broad
    return False


def is_about_error(module: ParsedModule, attempt: ast.Try | ast.TryStar, handler: ast.ExceptHandler) -> bool:
    """Whether a handler only looks at the error that it is given, and nothing says that there has to be one.

    A handler that fails the test says that there must be none; one behind which the test goes on, or a `try` in a loop,
    may be one way of several.
    """
    block = getattr(module.parents.get(attempt), "body", [])
    last = isinstance(block, list) and block[-1:] == [attempt]
    function = module.parents.get(attempt)
    while isinstance(function, ast.With | ast.AsyncWith):
        block = getattr(module.parents.get(function), "body", [])
        last &= block[-1:] == [function]
        function = module.parents.get(function)
    if not last or not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef) or handler.name is None:
        return False
    for statement in handler.body:
        if isinstance(statement, ast.Raise) or (
            isinstance(statement, ast.Assert) and truth(module, statement.test) is False
        ):
            return False
        for node in ast.walk(statement):
            if isinstance(node, ast.Call) and last_name(node.func) in _FAILING:
                return False
    named = (n for s in handler.body for n in ast.walk(s) if isinstance(n, ast.Name))
    return any(name.id == handler.name for name in named)
