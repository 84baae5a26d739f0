"""What is made up where a file, a device or its text cannot be read: settings from the code, a temperature.

That a file is not there, or is empty, is an answer; that it cannot be read, or cannot be parsed, is a failure. A default
that says nothing (`{}`, None) still shows that nothing was read; one that says something passes for what was read.
"""

from __future__ import annotations

import ast
import sys

from strictreal.collect.python import bodies, takeovers
from strictreal.collect.python.module import ParsedModule
from strictreal.facts.behaviour import words

_UNREADABLE = frozenset({"OSError", "IOError", "EnvironmentError", "PermissionError"})
_GARBLED = frozenset(
    {"JSONDecodeError", "YAMLError", "TOMLDecodeError", "ParserError", "ParsingError", "UnpicklingError"}
)
_READING = frozenset({"read", "open", "load", "safe_load", "restore", "from_pretrained"})


def made_up(module: ParsedModule, names: tuple[str, ...], body: list[ast.stmt], given: ast.expr | None) -> bool:
    """Whether a handler gives something that is written in the code for what could not be read.

    Args:
        names: what the handler catches.
        body: what the `try` covers.
        given: what is returned or assigned in place of what was read.
    """
    last = {name.rpartition(".")[2] for name in names}
    if given is None or (last.isdisjoint(_UNREADABLE) and last.isdisjoint(_GARBLED)):
        return False
    calls = (node for statement in body for node in bodies.within(statement) if isinstance(node, ast.Call))
    return any(_reads(call) for call in calls) and takeovers.is_settled(module, given)


def keeps_default(module: ParsedModule, names: tuple[str, ...], body: list[ast.stmt]) -> bool:
    """Whether settings of the code stay as they are where a file could not be read: `config.update(load(file))`."""
    last = body[-1]
    call = last.value if isinstance(last, ast.Expr) else None
    held: ast.expr | None = None
    if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "update":
        held = call.func.value
    elif isinstance(last, ast.AugAssign) and isinstance(last.op, ast.BitOr):
        held = last.target
    if not isinstance(held, ast.Name) or not is_unreadable(names):
        return False
    first = body[0].lineno
    given = [b.value for b in module.names.reaching(held) if getattr(b.node, "lineno", first) < first]
    calls = (node for statement in body for node in bodies.within(statement) if isinstance(node, ast.Call))
    return len(given) == 1 and made_up(module, names, body, given[0]) and any(_reads(node) for node in calls)


def is_unreadable(names: tuple[str, ...]) -> bool:
    """Whether exceptions say that something could not be read, or could not be parsed."""
    return not {name.rpartition(".")[2] for name in names}.isdisjoint(_UNREADABLE | _GARBLED)


def blank(module: ParsedModule, body: list[ast.stmt], given: ast.expr | None) -> bool:
    """Whether something new is made of literals alone for what a library was to load: `spacy.blank("en")`.

    By another function of the same library, or of one whose name says that it is blank.
    """
    if not isinstance(given, ast.Call) or not (given.args or given.keywords):
        return False
    parts = (*given.args, *(k.value for k in given.keywords))
    if not all(bodies.value_of(module, bodies.sized(given, part)) for part in parts):
        return False
    made = bodies.dotted(module, given.func)
    package = made.partition(".")[0]
    calls = (node for statement in body for node in bodies.within(statement) if isinstance(node, ast.Call))
    loading = [name for call in calls if (name := bodies.dotted(module, call.func)) and _reads(call)]
    if package in sys.stdlib_module_names or made in loading:
        return False
    named = not _NEW.isdisjoint(words(made.rpartition(".")[2])) and bool(loading)
    return named or any(
        "." in made and name.partition(".")[0] == package and words(name.rpartition(".")[2])[0] in {"load", "from"}
        for name in loading
    )


_NEW = frozenset({"blank", "dummy", "untrained", "random", "new", "empty"})


def _reads(call: ast.Call) -> bool:
    called = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    own = words(called)
    return own[:1] != () and (own[0] in _READING or called in _READING) and called != "loads"
