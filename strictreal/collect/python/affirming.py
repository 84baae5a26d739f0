"""Functions that do something and then answer True whatever came of it."""

from __future__ import annotations

import ast

from strictreal.collect.python import bodies
from strictreal.collect.python.bodies import Functions, dotted
from strictreal.collect.python.module import ParsedModule
from strictreal.collect.python.reading import MAX_NESTING, passive
from strictreal.facts.behaviour import vocabulary, words

_DIGESTS = vocabulary("hexdigest digest encode update lower upper strip")
_COMPUTING = vocabulary("compute calculate calc hash digest hexdigest hmac checksum fingerprint")
"""First words of functions that compute something, and whose result is what matters."""


def affirms(module: ParsedModule, node: Functions) -> bool:
    """Whether the only answer is True, and nothing in the body can keep the function from giving it."""
    body = [inner for statement in node.body for inner in bodies.within(statement)]
    tolerant = [t for t in body if isinstance(t, ast.Try) and t.handlers and not any(map(_raises, t.handlers))]
    guarded = {inner for t in tolerant for statement in t.body for inner in bodies.within(statement)}
    if not _always_returns(node.body, MAX_NESTING):
        return False
    idle = {
        inner
        for answer in body
        if isinstance(answer, ast.Return) and answer.value is not None and passive(module, answer.value)
        for inner in bodies.within(answer)
    }
    for inner in body:
        if isinstance(inner, ast.Return):
            if inner.value is None or not _is_always(inner.value, MAX_NESTING, truth=True):
                return False
        elif inner in idle:
            continue
        elif isinstance(inner, ast.Raise | ast.Assert | ast.Yield | ast.YieldFrom | ast.While):
            return False
        elif isinstance(inner, ast.Call):
            if inner not in guarded and not bodies.is_log(module, inner) and not _computes(module, inner):
                return False
        elif isinstance(inner, ast.Subscript | ast.Attribute) and not isinstance(inner.ctx, ast.Load):
            return False  # it stores something: a function with an effect and a status
    return True


def _is_always(expression: ast.expr, depth: int, *, truth: bool) -> bool:
    """Whether an expression is true, or false, whatever its parts come to: `len(x) > 0 or True`."""
    if isinstance(expression, ast.Constant):
        return expression.value is truth
    if depth and isinstance(expression, ast.UnaryOp) and isinstance(expression.op, ast.Not):
        return _is_always(expression.operand, depth - 1, truth=not truth)
    if depth and isinstance(expression, ast.BoolOp):
        settles = any if isinstance(expression.op, ast.Or) is truth else all
        return settles(_is_always(value, depth - 1, truth=truth) for value in expression.values)
    if depth and isinstance(expression, ast.IfExp):
        return all(_is_always(part, depth - 1, truth=truth) for part in (expression.body, expression.orelse))
    return False


def _computes(module: ParsedModule, call: ast.Call) -> bool:
    """Whether a call computes a value and cannot reject what it is given: a digest, a checksum."""
    function = call.func
    if isinstance(function, ast.Attribute) and function.attr in _DIGESTS:
        return True
    name = dotted(module, function)
    if name.startswith(("hashlib.", "hmac.", "zlib.crc32", "zlib.adler32")) or name in {"len", "str", "repr", "sorted"}:
        return True
    return name == "json.dumps" or not _COMPUTING.isdisjoint(words(name.rpartition(".")[2])[:1])


def _always_returns(block: list[ast.stmt], depth: int) -> bool:
    """Whether no path leaves a block but by `return`; errors aside."""
    last = block[-1]
    if isinstance(last, ast.Return):
        return True
    parts: list[list[ast.stmt]] = []
    if isinstance(last, ast.If):
        parts = [last.body, last.orelse]
    elif isinstance(last, ast.Try):
        parts = [last.orelse or last.body, *(handler.body for handler in last.handlers)]
    elif isinstance(last, ast.With | ast.AsyncWith):
        parts = [last.body]
    return bool(parts) and depth > 0 and all(part and _always_returns(part, depth - 1) for part in parts)


def _raises(handler: ast.ExceptHandler) -> bool:
    return any(isinstance(inner, ast.Raise) for inner in bodies.within(handler))
