"""Success that is claimed where a call has failed: `return True` after an error, a verification that verified nothing."""

from __future__ import annotations

import ast
import builtins
import sys

from strictreal.collect.python import bodies, failures
from strictreal.collect.python.module import ParsedModule
from strictreal.facts.behaviour import vocabulary, words

_DENIALS = vocabulary(
    """
    not no broken missing invalid expired stale failed failing down closed empty needs should must requires free idle gone
    dead absent unavailable offline lost unknown new changed outdated dirty blocked locked limited
    """
)
"""Words of functions for which an error means yes."""
_ANSWERED = vocabulary("expired exists found parse value key type invalid validation lookup not no missing syntax")
"""Words of exceptions that answer a question."""


def success(
    module: ParsedModule, names: tuple[str, ...], attempt: ast.Try | ast.TryStar, given: ast.expr | None
) -> bool:
    """Whether a function answers True for a call to somebody else that failed, and else what the call has answered.

    Args:
        names: what the handler catches; errors of Python itself and of its library may be answers, those of clients not.
        given: what the handler answers.
    """
    function = bodies.enclosing(module, attempt)
    if not isinstance(given, ast.Constant) or given.value is not True or function is None or not names:
        return False
    last = attempt.body[-1]
    asked = last.value if isinstance(last, ast.Return) else None
    calls = [n for n in bodies.within(asked) if isinstance(n, ast.Call)] if asked is not None else []
    if not any(isinstance(call.func, ast.Attribute) for call in calls):
        return False
    return _DENIALS.isdisjoint(words(function.name)) and all(_is_foreign(name) for name in names)


def by_raising(function: ast.FunctionDef | ast.AsyncFunctionDef, attempt: ast.Try | ast.TryStar) -> bool:
    """Whether a function gives its verdict by raising, so that one who hears nothing takes it for a good one.

    Outside of the handlers it raises, and it gives no value anywhere.
    """
    own = {id(node) for handler in attempt.handlers for node in ast.walk(handler)}
    nodes = [n for statement in function.body for n in bodies.within(statement)]
    given = [n.value for n in nodes if isinstance(n, ast.Return)]
    silent = all(value is None or (isinstance(value, ast.Constant) and value.value is None) for value in given)
    return silent and any(isinstance(n, ast.Raise) and id(n) not in own for n in nodes)


def _is_foreign(name: str) -> bool:
    """Whether an exception is that of a client: of no module of Python, called an error, and no answer."""
    own = words(name.rpartition(".")[2])
    known = hasattr(builtins, name) or name.partition(".")[0] in sys.stdlib_module_names
    fails = own[-1:] in {("error",), ("exception",), ("failure",), ("timeout",), ("unavailable",)}
    return not known and (fails or failures.is_service(name)) and _ANSWERED.isdisjoint(own)
