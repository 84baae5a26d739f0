"""Whether somebody hears of an error that a handler has caught: a caller, a user, a test runner, the system."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from strictreal.collect.python import bodies, handed, hollow, live
from strictreal.collect.python.bodies import Loads, dotted
from strictreal.collect.python.module import ParsedModule
from strictreal.facts.behaviour import vocabulary, words

MAX_TEXT = 200
"""Length in characters up to which a string is read for words of failure."""

_UNREACHED = vocabulary("deadline unavailable timeout timedout etimedout refused econnrefused unreachable ehostunreach")
"""Words of codes by which a service says, or the system says for it, that nobody answered."""
_EXITS = vocabulary("exit _exit abort fail skip xfail skipTest quit set_exception send_error")
_LOUD = vocabulary("sys.exit os._exit os.abort exit quit pytest.fail pytest.skip pytest.xfail")
_TELLING = vocabulary(
    """
    error errors err fail failed fails failure failures unavailable unreachable unhealthy down degraded broken exception
    aborted dead lost traceback reject rejected nack problem problems issues issue warnings crashed timeout invalid
    disconnected closed skipped missing unable cannot refused denied
    """
)
_SAYING = (
    *("not installed", "not available", "not found", "not supported", "not configured", "not reachable"),
    *(
        "no response",
        "no reply",
        "no result",
        "took more",
        "too long",
        "did not",
        "timed out",
        "no answer",
        "exceeded",
        "gave up",
    ),
)
_WARNING = frozenset({"warning", "warn", "error", "exception", "critical", "fatal"})
_STATES = vocabulary(
    "connected alive running open healthy ok success succeeded reachable online kept saved synced persisted delivered"
)


def is_loud(module: ParsedModule, nodes: Iterable[ast.AST], caught: str | None = None) -> bool:
    """Whether one of the nodes ends the process, fails or skips a test, or fails a request in the open.

    Args:
        caught: the name of the exception, about which some assertions always hold.
    """
    for node in nodes:
        if isinstance(node, ast.Assert) and not handed.holds(module, node.test, caught):
            return True
        if isinstance(node, ast.Call):
            name = dotted(module, node.func)
            if name in _LOUD or (isinstance(node.func, ast.Attribute) and node.func.attr in _EXITS):
                return True
            if name.endswith("parser.error"):
                return True
    return False


def warns(nodes: Iterable[ast.AST]) -> bool:
    """Whether a log line of level warning or above is among the nodes; one for debugging is seen by nobody."""
    named = (n.func.attr for n in nodes if isinstance(n, ast.Call) and isinstance(n.func, ast.Attribute))
    return not _WARNING.isdisjoint(named)


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


def tells(
    module: ParsedModule,
    statements: list[ast.stmt],
    handler: ast.ExceptHandler | None = None,
    loads: Loads | None = None,
) -> bool:
    """Whether the handler leaves a failure behind that a caller or user can see: a status, a flag, a counter.

    Args:
        handler: whose statements they are; what it does with the exception alone tells nobody.
        loads: where the names of the module are read.
    """
    caught = handler.name if handler is not None else None
    for statement in statements:
        if isinstance(statement, ast.Expr) and bodies.is_inert(module, statement.value):
            continue
        if isinstance(statement, ast.Assign) and _is_false(statement.value) and any(map(_is_state, statement.targets)):
            return True
        if isinstance(statement, ast.Try):
            if tells(module, statement.body, handler, loads):
                return True
            continue  # the names of exceptions tell nobody
        if handler is not None and handed.is_nothing(module, statement, handler, loads or {}):
            continue
        for node in _saying(module, statement, caught):
            if isinstance(node, ast.Dict) and _denies(node):
                return True
            if isinstance(node, ast.Constant) and type(node.value) is int and 400 <= node.value < 600:
                return True  # an HTTP status
            text = _text(node)
            if not _TELLING.isdisjoint(words(text)) or any(phrase in text.lower() for phrase in _SAYING):
                return True
    return False


def _saying(module: ParsedModule, statement: ast.stmt, caught: str | None) -> Iterator[ast.AST]:
    """What of a statement may tell somebody: no condition, no field that says that nothing failed, nothing dropped."""
    stack: list[ast.AST] = [statement]
    while stack:
        node = stack.pop()
        logged = isinstance(node, ast.Call) and bodies.is_log(module, node) and not bodies.is_print(module, node)
        if logged or hollow.answers(module, node) is not None:
            continue
        if isinstance(node, ast.Name) and node.id == caught:
            continue  # handed on or not, which `handed` tells
        yield node
        below = live.children(module, node)
        if isinstance(node, ast.If | ast.While | ast.IfExp) and caught is not None:
            below = [part for part in below if part is not node.test]
        elif isinstance(node, ast.Dict):
            pairs = zip(node.keys, node.values, strict=True)
            below = [part for key, value in pairs if not _is_nought(value) for part in (key, value) if part is not None]
        elif isinstance(node, ast.Call):
            below = [part for part in below if not (isinstance(part, ast.keyword) and _is_nought(part.value))]
        elif isinstance(node, ast.Assign) and _is_nought(node.value):
            below = []
        stack += below


def _is_nought(value: ast.expr) -> bool:
    """Whether a value says that there is nothing: no error, no failure."""
    if isinstance(value, ast.List | ast.Tuple | ast.Set):
        return not value.elts
    return isinstance(value, ast.Constant) and not value.value


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
