"""What of a block can run: nothing after a `return` or `raise`, and nothing under a condition that is never true."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from strictreal.collect.python.module import ParsedModule

MAX_TEST = 20
"""How deep a condition is looked into before its truth counts as unknown."""
_LEAVING = (ast.Return, ast.Raise, ast.Continue, ast.Break)
_BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")
_INNER = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)


def truth(module: ParsedModule, test: ast.expr, depth: int = MAX_TEST) -> bool | None:
    """The value that a condition always has; None where it may have either.

    Names count that the function around gives one constant; a constant of a module may be set from elsewhere.
    """
    if depth == 0:
        return None
    if isinstance(test, ast.Constant):
        return bool(test.value)
    if isinstance(test, ast.Tuple | ast.List | ast.Set) and not test.elts:
        return False
    if isinstance(test, ast.Dict) and not test.keys:
        return False
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        inner = truth(module, test.operand, depth - 1)
        return None if inner is None else not inner
    if isinstance(test, ast.BoolOp):
        parts = [truth(module, part, depth - 1) for part in test.values]
        deciding = isinstance(test.op, ast.Or)
        if deciding in parts:
            return deciding
        return None if None in parts else not deciding
    if isinstance(test, ast.Name):
        scope = module.names.binding_scope(test)
        if scope is None or isinstance(scope, ast.Module):
            return None
        known = module.names.constant(test)
        bound = module.names.bindings(scope, test.id)
        return bool(known.value) if known is not None and len(bound) == 1 else None
    if isinstance(test, ast.Compare) and len(test.ops) == 1:
        left, right = test.left, test.comparators[0]
        if isinstance(left, ast.Constant) and isinstance(right, ast.Constant):
            same = type(left.value) is type(right.value) and left.value == right.value
            if isinstance(test.ops[0], ast.Eq | ast.Is):
                return same
            if isinstance(test.ops[0], ast.NotEq | ast.IsNot):
                return not same
    return None


def _cut(statements: Sequence[ast.AST]) -> list[ast.AST]:
    """A block up to the statement by which it is left."""
    for at, statement in enumerate(statements):
        if isinstance(statement, _LEAVING):
            return list(statements[: at + 1])
    return list(statements)


def children(module: ParsedModule, node: ast.AST) -> list[ast.AST]:
    """The parts of a node that can run with it, in source order; the bodies of functions defined there are not among them."""
    without: set[str] = set()
    if isinstance(node, ast.If | ast.While | ast.IfExp):
        always = truth(module, node.test)
        if always is False:
            without.add("body")
        elif always is True and not isinstance(node, ast.While):
            without.add("orelse")
    elif (
        isinstance(node, ast.For)
        and isinstance(node.iter, ast.Tuple | ast.List | ast.Constant)
        and truth(module, node.iter) is False
    ):
        without.add("body")
    found: list[ast.AST] = []
    for name in node._fields:
        if name in without:
            continue
        value = getattr(node, name, None)
        if isinstance(value, list):
            parts = [part for part in value if isinstance(part, ast.AST)]
            found += _cut(parts) if name in _BLOCKS else parts
        elif isinstance(value, ast.AST):
            found.append(value)
    return [part for part in found if not isinstance(part, _INNER)]


def running(module: ParsedModule, statements: Sequence[ast.AST]) -> Iterator[ast.AST]:
    """The statements that can run and everything below them that runs with them."""
    stack = _cut(statements)[::-1]
    while stack:
        node = stack.pop()
        yield node
        stack.extend(reversed(children(module, node)))
