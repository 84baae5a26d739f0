"""Constructs that take errors away without a handler.

A `return` in a `finally`, an `__exit__` that answers True, results of `gather` that nobody looks at, a call that is told
to fail silently, a hook for uncaught errors that does nothing, a retry that ends in a default.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from strictreal.collect.python import bodies, callbacks, conditions, exits, failures, gathered, silencing
from strictreal.collect.python.bodies import dotted
from strictreal.collect.python.module import ParsedModule
from strictreal.facts.behaviour import Handler, words

_QUIET = {"fail_silently": True, "raise_on_error": False, "raise_on_exception": False, "raise_on_giveup": False}
"""Keywords, and the values with which a call keeps its failure to itself."""
_SILENCERS = frozenset({"funcy.silent", "funcy.ignore", "funcy.suppress", "toolz.excepts", "toolz.functoolz.excepts"})
"""Functions of libraries that answer a default in place of an error."""
_SENDING = frozenset({"send", "mail", "email", "publish", "notify", "deliver"})
_MAKERS = frozenset({"retry_error_callback"})
_TAKING_OVER = frozenset({"fallback_function", "fallback_method", "fallback_fn"})
"""Keywords of circuit breakers for what answers in place of the service."""
_DEFAULTING = frozenset({"unwrap_or", "value_or"})
"""Methods of results that answer a default in place of the error."""


def facts(module: ParsedModule) -> Iterator[Handler]:
    """Every such construct of a module."""
    if "finally" in module.text:
        for attempt in module.of(ast.Try, ast.TryStar):
            if (leaving := _leaves(attempt.finalbody)) is not None:
                yield _record(module, leaving, bodies.source(leaving) + " in a finally")
    if "exit__" in module.text or ".push" in module.text:
        for answer, shown in exits.swallowing(module):
            yield _record(module, answer, shown)
    for node, shown in (*gathered.lost(module), *callbacks.silent(module), *silencing.silencing(module)):
        yield _record(module, node, shown)
    for call in module.of(ast.Call):
        yield from _quiet(module, call)
    if "funcy" in module.text or "toolz" in module.text:
        for name in module.of(ast.Name, ast.Attribute):
            if isinstance(name.ctx, ast.Load) and (silencer := module.resolve(name)) in _SILENCERS:
                yield _record(module, name, silencer)
    for function in module.of(ast.FunctionDef, ast.AsyncFunctionDef):
        for decorator in function.decorator_list:
            made = decorator.func if isinstance(decorator, ast.Call) else decorator
            if _silences(words(dotted(module, made).rpartition(".")[2])):
                yield _record(module, decorator, f"@{bodies.source(decorator)}")


def _silences(own: tuple[str, ...]) -> bool:
    """Whether a decorator is called one that takes errors away: `suppress_errors`, `fallback`, `swallow`."""
    errors = not {"error", "errors", "exception", "exceptions", "failure", "failures"}.isdisjoint(own)
    taking = own == ("fallback",) or (own[:1] == ("fallback",) and own[1] in {"to", "on", "with", "value"})
    return (
        taking
        or own[:1] in {("swallow",), ("failsafe",)}
        or (errors and own[0] in {"suppress", "swallow", "ignore", "silence", "hide", "mute"})
    )


def _record(module: ParsedModule, node: ast.AST, shown: str, catches: tuple[str, ...] = ()) -> Handler:
    function = bodies.enclosing(module, node)
    return Handler(
        where=module.at(node),
        catches=catches,
        breadth="everything",
        ends="discards",
        shown=shown,
        function=bodies.qualname(module, function) if function else "",
    )


def _leaves(statements: list[ast.stmt]) -> ast.stmt | None:
    """The `return`, `break` or `continue` by which a block is left for what is around it."""
    stack: list[tuple[ast.AST, bool]] = [(statement, False) for statement in reversed(statements)]
    while stack:
        node, looped = stack.pop()
        if isinstance(node, ast.Return) or (isinstance(node, ast.Break | ast.Continue) and not looped):
            return node
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.expr):
            continue
        looped |= isinstance(node, ast.For | ast.AsyncFor | ast.While)
        stack += [(child, looped) for child in ast.iter_child_nodes(node)]
    return None


# -- calls that keep their failure to themselves ---------------------------------------------------------------------


def _quiet(module: ParsedModule, call: ast.Call) -> Iterator[Handler]:
    for keyword in call.keywords:
        value = keyword.value
        if keyword.arg in _QUIET and isinstance(value, ast.Constant) and value.value is _QUIET[keyword.arg]:
            if keyword.arg == "fail_silently" and _SENDING.isdisjoint(words(dotted(module, call.func))):
                continue  # looking for a file that may be absent, say
            if isinstance(_statement(module, call), ast.Expr) or keyword.arg == "raise_on_giveup":
                yield _record(module, keyword, f"{keyword.arg}={value.value}")
        elif (keyword.arg in _TAKING_OVER and not _is_none(value)) or (
            keyword.arg in _MAKERS and callbacks.is_hollow(module, value)
        ):
            yield _record(module, keyword, f"{keyword.arg}={bodies.source(value)}")
    function = call.func
    if isinstance(function, ast.Attribute) and call.args:
        if function.attr == "fillna" and _coerces(module, function.value) and bodies.value_of(module, call.args[0]):
            yield _record(module, call, f"fillna({bodies.source(call.args[0])}) of what could not be converted")
        elif (
            function.attr in _DEFAULTING
            and bodies.value_of(module, call.args[0])
            and conditions.is_reply(module, function.value)
        ):
            yield _record(module, call, f"{function.attr}({bodies.source(call.args[0])})")
        elif function.attr in {"enter_context", "enter_async_context"}:
            inner = call.args[0]
            if isinstance(inner, ast.Call) and dotted(module, inner.func) == "contextlib.suppress":
                names = tuple(dotted(module, a) or "?" for a in inner.args)
                if failures.breadth(module, names, [], defaulting=False) is not None:
                    yield _record(module, inner, "suppress to the end of the block", names)


def _coerces(module: ParsedModule, value: ast.expr) -> bool:
    """`to_numeric(column, errors="coerce")`: what is no number is missing from then on."""
    return isinstance(value, ast.Call) and any(
        k.arg == "errors" and module.string(k.value) == "coerce" for k in value.keywords
    )


def _is_none(value: ast.expr) -> bool:
    return isinstance(value, ast.Constant) and value.value is None


def _statement(module: ParsedModule, node: ast.AST) -> ast.AST | None:
    """The statement whose whole value an expression is, awaited or not."""
    parent = module.parents.get(node)
    while isinstance(parent, ast.Await):
        parent = module.parents.get(parent)
    return parent
