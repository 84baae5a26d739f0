"""Whether somebody hears of an error that a handler has caught: a caller, a user, a test runner, the system."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from strictreal.collect.python import bodies
from strictreal.collect.python.bodies import Loads, dotted
from strictreal.collect.python.module import ParsedModule
from strictreal.facts.behaviour import vocabulary, words

MAX_TEXT = 200
"""Length in characters up to which a string is read for words of failure."""
MAX_CARRIERS = 3
"""Through how many variables an exception is followed."""

_UNREACHED = vocabulary("deadline unavailable timeout timedout etimedout refused econnrefused unreachable ehostunreach")
"""Words of codes by which a service says, or the system says for it, that nobody answered."""
_EXITS = vocabulary("exit _exit abort fail skip xfail skipTest quit set_exception send_error")
_LOUD = vocabulary("sys.exit os._exit os.abort exit quit pytest.fail pytest.skip pytest.xfail")
_TRACES = frozenset({"traceback.format_exc", "sys.exc_info", "sys.exception"})
_TELLING = vocabulary(
    """
    error errors err fail failed fails failure failures unavailable unreachable unhealthy down degraded broken exception
    aborted dead lost traceback reject rejected nack problem problems issues issue warnings crashed timeout invalid
    disconnected closed skipped missing unable cannot refused denied
    """
)
_SAYING = ("not installed", "not available", "not found", "not supported", "not configured", "not reachable")
_STATES = vocabulary(
    "connected alive running open healthy ok success succeeded reachable online kept saved synced persisted delivered"
)


def is_loud(module: ParsedModule, nodes: list[ast.AST]) -> bool:
    """Whether one of the nodes ends the process, fails or skips a test, or fails a request in the open."""
    for node in nodes:
        if isinstance(node, ast.Assert):
            return True
        if isinstance(node, ast.Call):
            name = dotted(module, node.func)
            if name in _LOUD or (isinstance(node.func, ast.Attribute) and node.func.attr in _EXITS):
                return True
            if name.endswith("parser.error"):
                return True
    return False


def silent(handler: ast.ExceptHandler) -> ast.ExceptHandler:
    """The handler with that branch alone that passes over a service which cannot be reached, where the rest raises.

    `if error.code() == StatusCode.UNAVAILABLE: return True`, `raise`.
    """
    if not isinstance(handler.body[-1], ast.Raise):
        return handler
    for statement in handler.body:
        if not isinstance(statement, ast.If) or not isinstance(statement.body[-1], ast.Return | ast.Pass):
            continue
        asked = list(ast.walk(statement.test))
        denied = any(isinstance(node, ast.Not | ast.NotEq | ast.NotIn | ast.IsNot) for node in asked)
        if not denied and any(not _UNREACHED.isdisjoint(words(_text(node))) for node in asked):
            return ast.copy_location(ast.ExceptHandler(handler.type, handler.name, statement.body), handler)
    return handler


def is_idle(module: ParsedModule, statement: ast.stmt, caught: str | None) -> bool:
    """Whether a statement of a handler leaves nothing behind, also where it names the exception: `_ = e`, `del e`."""
    if isinstance(statement, ast.Pass):
        return True
    if isinstance(statement, ast.Delete):
        return all(isinstance(target, ast.Name) for target in statement.targets)
    if isinstance(statement, ast.Assign):
        return isinstance(statement.value, ast.Name) and all(
            isinstance(t, ast.Name) and not t.id.strip("_") for t in statement.targets
        )
    if not isinstance(statement, ast.Expr):
        return False
    value = statement.value
    if isinstance(value, ast.Call) and dotted(module, value.func) in {"str", "repr", "type", "id", "isinstance"}:
        return True
    return isinstance(value, ast.Name | ast.Attribute) or bodies.is_inert(module, value)


def hands_on(module: ParsedModule, handler: ast.ExceptHandler, loads: Loads) -> bool:
    """Whether the exception, or a traceback of it, goes anywhere but into a log."""
    carriers = {handler.name} if handler.name else set()
    for _ in range(MAX_CARRIERS):
        for name, value in _bound(handler.body):
            if any(isinstance(n, ast.Name) and n.id in carriers for n in bodies.within(value)):
                carriers.add(name.id)
    stack: list[ast.AST] = list(handler.body)
    while stack:
        node = stack.pop()
        if isinstance(node, ast.stmt) and is_idle(module, node, handler.name):
            continue
        if isinstance(node, ast.Call):
            if bodies.is_log(module, node):
                continue
            if dotted(module, node.func) in _TRACES:
                return True
        if isinstance(node, ast.Name) and node.id in carriers and isinstance(node.ctx, ast.Load):
            return True
        target = node.targets[0] if isinstance(node, ast.Assign) and len(node.targets) == 1 else None
        if isinstance(target, ast.Name) and target.id in carriers:
            if bodies.enclosing(module, node) is None or not _stays(target, handler, loads):
                return True
            continue
        stack.extend(ast.iter_child_nodes(node))
    return False


def _bound(statements: list[ast.stmt]) -> Iterator[tuple[ast.Name, ast.expr]]:
    for statement in statements:
        for node in bodies.within(statement):
            if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
                yield node.targets[0], node.value


def _stays(name: ast.Name, handler: ast.ExceptHandler, loads: Loads) -> bool:
    """Whether a variable is read only inside the handler."""
    last = handler.end_lineno or handler.lineno
    return all(handler.lineno <= use.lineno <= last for use in loads.get(name.id, ()))


def tells(module: ParsedModule, statements: list[ast.stmt]) -> bool:
    """Whether the handler leaves a failure behind that a caller or user can see: a status, a flag, a counter."""
    for statement in statements:
        if isinstance(statement, ast.Expr) and bodies.is_inert(module, statement.value):
            continue
        if isinstance(statement, ast.Assign) and _is_false(statement.value) and any(map(_is_state, statement.targets)):
            return True
        if isinstance(statement, ast.Try):
            if tells(module, statement.body):
                return True
            continue  # the names of exceptions tell nobody
        for node in bodies.within(statement):
            if isinstance(node, ast.Dict) and _denies(node):
                return True
            if isinstance(node, ast.Constant) and type(node.value) is int and 400 <= node.value < 600:
                return True  # an HTTP status
            text = _text(node)
            if not _TELLING.isdisjoint(words(text)) or any(phrase in text for phrase in _SAYING):
                return True
    return False


def _text(node: ast.AST) -> str:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return node.attr
    if isinstance(node, ast.keyword):
        return node.arg or ""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value[:MAX_TEXT]
    return ""


def _is_false(value: ast.AST) -> bool:
    return isinstance(value, ast.Constant) and value.value is False


def _is_state(target: ast.expr) -> bool:
    named = target.attr if isinstance(target, ast.Attribute) else getattr(target, "id", "")
    return not _STATES.isdisjoint(words(named))


def _denies(node: ast.Dict) -> bool:
    """Whether a dictionary says that something did not succeed: `{"ok": False}`."""
    pairs = zip(node.keys, node.values, strict=True)
    return any(
        key is not None and _is_false(value) and not _STATES.isdisjoint(words(_text(key))) for key, value in pairs
    )
