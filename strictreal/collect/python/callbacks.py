"""Functions that are handed an error and do nothing with it: hooks, callbacks, and handlers of a web framework."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from strictreal.collect.python import bodies, failures, heard, live
from strictreal.collect.python.bodies import Functions, dotted
from strictreal.collect.python.module import ParsedModule
from strictreal.facts.behaviour import words

_HOOKS = frozenset({"sys.excepthook", "threading.excepthook", "sys.unraisablehook"})
_METHODS = {
    "set_exception_handler": "a handler of uncaught errors that does nothing",
    "addErrback": "an errback that does nothing",
    "add_errback": "an errback that does nothing",
}
_KEYWORDS = frozenset({"error_callback", "on_error", "on_failure", "on_exception", "errback", "err_callback"})
"""Keywords for a function that is handed the error."""
_DELIVERED = frozenset({"callback", "on_delivery", "delivery_callback", "on_completion"})
"""Keywords for a function that is handed the error, or None, before the message."""
_ERRORS = frozenset({"err", "error", "exc", "exception"})
_WEB = frozenset({"errorhandler", "app_errorhandler", "exception_handler", "error_handler"})
"""Decorators by which a web framework answers for a function that has failed."""


def silent(module: ParsedModule) -> Iterator[tuple[ast.AST, str]]:
    """Each such function, where it is handed over or declared, with how a message calls it."""
    for call in module.of(ast.Call):
        yield from _of_call(module, call)
    if "excepthook" in module.text or "unraisablehook" in module.text:
        for assign in module.of(ast.Assign):
            if any(dotted(module, t) in _HOOKS for t in assign.targets) and is_hollow(module, assign.value):
                yield assign, "a hook for uncaught errors that does nothing"
    for function in module.of(ast.FunctionDef, ast.AsyncFunctionDef):
        for decorator in function.decorator_list:
            if _answers_for_errors(module, decorator) and _looks_good(module, function):
                yield decorator, f"@{bodies.source(decorator)} whose answer says nothing of the error"


def _of_call(module: ParsedModule, call: ast.Call) -> Iterator[tuple[ast.AST, str]]:
    method = call.func.attr if isinstance(call.func, ast.Attribute) else ""
    if method in _METHODS and call.args and is_hollow(module, call.args[0]):
        yield call, _METHODS[method]
    elif method == "add_done_callback" and call.args and _only_asks(module, call.args[0]):
        yield call, "a callback that takes the exception and drops it"
    for keyword in call.keywords:
        taken = keyword.arg in _KEYWORDS or (keyword.arg in _DELIVERED and _takes_error(module, keyword.value))
        if taken and not isinstance(keyword.value, ast.Constant) and is_hollow(module, keyword.value):
            yield keyword, f"{keyword.arg}={bodies.source(keyword.value)}"


def _takes_error(module: ParsedModule, value: ast.expr) -> bool:
    """Whether the first parameter of a function is called an error."""
    known = [value] if isinstance(value, ast.Lambda) else module.definitions(value)
    for function in known:
        if not isinstance(function, ast.ClassDef):
            named = [p.arg for p in (*function.args.posonlyargs, *function.args.args) if p.arg not in {"self", "cls"}]
            return len(named) == 2 and words(named[0])[:1] != () and words(named[0])[0] in _ERRORS
    return False


def is_hollow(module: ParsedModule, value: ast.expr) -> bool:
    """Whether a function does nothing, or answers with a literal."""
    if isinstance(value, ast.Lambda):
        return bool(bodies.value_of(module, value.body))
    for definition in module.definitions(value):
        if isinstance(definition, ast.FunctionDef | ast.AsyncFunctionDef) and words(definition.name)[:1] != ("raise",):
            return all(_is_nothing(module, statement) for statement in definition.body)
    return False


def _is_nothing(module: ParsedModule, statement: ast.stmt) -> bool:
    if isinstance(statement, ast.Return):
        return bool(bodies.value_of(module, statement.value))
    return isinstance(statement, ast.Pass) or (
        isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    )


def _only_asks(module: ParsedModule, value: ast.expr) -> bool:
    """`lambda task: task.exception()`: the error counts as looked at, and nobody has."""
    asked: ast.AST | None = value.body if isinstance(value, ast.Lambda) else None
    for definition in module.definitions(value) if asked is None else ():
        kept = [s for s in definition.body if not (isinstance(s, ast.Expr) and isinstance(s.value, ast.Constant))]
        if len(kept) == 1 and isinstance(kept[0], ast.Expr):
            asked = kept[0].value
    if isinstance(asked, ast.BoolOp):  # `t.cancelled() or t.exception()`
        asked = asked.values[-1]
    elif isinstance(asked, ast.IfExp):
        asked = asked.orelse if isinstance(asked.body, ast.Constant) else asked.body
    return isinstance(asked, ast.Call) and isinstance(asked.func, ast.Attribute) and asked.func.attr == "exception"


def _answers_for_errors(module: ParsedModule, decorator: ast.expr) -> bool:
    """`@app.errorhandler(Exception)`, for every error, for status 500 or for a service that failed."""
    if not isinstance(decorator, ast.Call) or not isinstance(decorator.func, ast.Attribute) or not decorator.args:
        return False
    if decorator.func.attr not in _WEB:
        return False
    if isinstance(decorator.args[0], ast.Constant):
        return decorator.args[0].value in {500, 502, 503}
    names = failures.kinds(module, decorator.args[:1])
    return any(name in failures.EVERYTHING or failures.is_service(name) for name in names)


def _looks_good(module: ParsedModule, function: Functions) -> bool:
    """Whether an answer to every error is a literal, and neither the error nor a status of failure is in it."""
    nodes = list(live.running(module, function.body))
    if any(isinstance(n, ast.Raise) for n in nodes) or heard.is_loud(module, nodes):
        return False
    answers = [n.value for n in nodes if isinstance(n, ast.Return) and n.value is not None]
    if not answers or heard.tells(module, function.body):
        return False
    given = {p.arg for p in (*function.args.posonlyargs, *function.args.args)}
    named = {n.id for value in answers for n in ast.walk(value) if isinstance(n, ast.Name)}
    works = any(isinstance(n, ast.Call) and not bodies.is_log(module, n) and n not in answers for n in nodes)
    return given.isdisjoint(named) and not works and all(bodies.value_of(module, value) for value in answers)
