"""Statements by which a function says that it is not written: an exception, a failed assertion, an exit."""

from __future__ import annotations

import ast
import re

from strictreal.collect.python import bodies
from strictreal.collect.python.bodies import dotted
from strictreal.collect.python.module import ParsedModule

MAX_TEXT = 200
"""Length in characters up to which a message is read."""
_UNFINISHED = re.compile(
    r"(?i)\b(?:(?:not|n't|never)\s(?:yet\s|been\s){0,2}implemented|unimplemented|not\swritten|to\sbe\s(?:implemented|written)"
    r"|implement\s(?:me|this)|coming\ssoon|todo|fixme|work\sin\sprogress|stub(?:bed)?)\b"
)
_EXITS = frozenset({"sys.exit", "exit", "quit", "os._exit"})


def refuses(module: ParsedModule, statement: ast.stmt, said: list[str]) -> bool:
    """Whether a statement ends the function because there is nothing more of it.

    Args:
        said: what log lines before it say.
    """
    if raises_not_implemented(module, statement):
        return True
    if isinstance(statement, ast.Return):
        plain = isinstance(statement.value, ast.Name) and statement.value.id == "NotImplemented"
        return _returns_501(statement.value) or (plain and _is_of_module(module, statement))
    if isinstance(statement, ast.Raise):
        raised = statement.exc
        return isinstance(raised, ast.Call) and (_is_unfinished(texts(statement)) or _answers_501(raised))
    if isinstance(statement, ast.Assert):
        never = isinstance(statement.test, ast.Constant) and not statement.test.value
        return never and (statement.msg is None or _is_unfinished(texts(statement)))
    call = statement.value if isinstance(statement, ast.Expr) else None
    if not isinstance(call, ast.Call):
        return False
    name = dotted(module, call.func)
    if name in _EXITS:
        return _is_unfinished([*texts(statement), *said])
    return name.rpartition(".")[2] == "abort" and _answers_501(call)


def raises_not_implemented(module: ParsedModule, statement: ast.stmt) -> bool:
    """Whether a statement is `raise NotImplementedError`, or the `raise NotImplemented` that is meant so."""
    if not isinstance(statement, ast.Raise) or statement.exc is None:
        return False
    raised = statement.exc.func if isinstance(statement.exc, ast.Call) else statement.exc
    return dotted(module, raised).rpartition(".")[2] in {"NotImplementedError", "NotImplemented"}


def texts(statement: ast.stmt) -> list[str]:
    """The literal texts of a statement."""
    parts = (node.value for node in bodies.within(statement) if isinstance(node, ast.Constant))
    return [part[:MAX_TEXT] for part in parts if isinstance(part, str)]


def shown(statement: ast.stmt) -> str:
    """How a message calls the statement."""
    return bodies.source(statement)


def is_pending(message: str) -> bool:
    """Whether a message says no more than that something has not been written: `export is not implemented`."""
    said = message[:MAX_TEXT].strip(" .!").lower()
    return " yet" in message or said.endswith(("not implemented", "n't implemented", "unimplemented"))


def _is_of_module(module: ParsedModule, statement: ast.stmt) -> bool:
    """Whether a statement is of a plain function: no operator, which may leave the work to the other side."""
    return isinstance(module.parents.get(module.parents[statement]), ast.Module)


def says_unfinished(text: str) -> bool:
    """Whether a log line, or a literal that is answered, says no more than that something has not been written."""
    return len(text) <= MAX_TEXT and _UNFINISHED.search(text) is not None


def _is_unfinished(said: list[str]) -> bool:
    return any(_UNFINISHED.search(text) for text in said)


def is_of_context(module: ParsedModule, value: ast.expr) -> bool:
    """Whether a gRPC method says that it is not implemented: `context.set_code(grpc.StatusCode.UNIMPLEMENTED)`."""
    if not isinstance(value, ast.Call) or not isinstance(value.func, ast.Attribute) or "_pb2" in module.path:
        return False
    if value.func.attr == "set_details":
        return all(isinstance(given, ast.Constant) for given in value.args)
    return value.func.attr == "set_code" and any(getattr(given, "attr", "") == "UNIMPLEMENTED" for given in value.args)


def _returns_501(value: ast.expr | None) -> bool:
    """Whether an answer of a route is that it is not implemented: `return {...}, 501`, `Response(status=501)`."""
    if isinstance(value, ast.Tuple) and len(value.elts) > 1:
        return _answers_501(ast.Call(value, [value.elts[1]], []))
    return isinstance(value, ast.Call) and _answers_501(ast.Call(value.func, [], value.keywords))


def _answers_501(call: ast.Call) -> bool:
    """Whether an HTTP answer says that there is no such behaviour."""
    given = [*call.args[:1], *(k.value for k in call.keywords if k.arg in {"status_code", "status", "code"})]
    return any(
        (isinstance(value, ast.Constant) and value.value == 501)
        or (isinstance(value, ast.Attribute) and value.attr in {"HTTP_501_NOT_IMPLEMENTED", "NOT_IMPLEMENTED"})
        for value in given
    )
