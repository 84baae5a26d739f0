"""What is made up where a file, a device or its text cannot be read: settings from the code, a temperature.

That a file is not there, or is empty, is an answer; that it cannot be read, or cannot be parsed, is a failure. A default
that says nothing (`{}`, None) still shows that nothing was read; one that says something passes for what was read.
"""

from __future__ import annotations

import ast

from strictreal.collect.python import bodies, takeovers
from strictreal.collect.python.module import ParsedModule
from strictreal.facts.behaviour import words

_UNREADABLE = frozenset({"OSError", "IOError", "EnvironmentError", "PermissionError"})
_GARBLED = frozenset(
    {"JSONDecodeError", "YAMLError", "TOMLDecodeError", "ParserError", "ParsingError", "UnpicklingError"}
)
_READING = frozenset({"read", "open", "load", "safe_load"})


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


def _reads(call: ast.Call) -> bool:
    called = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    own = words(called)
    return own[:1] != () and (own[0] in _READING or called in _READING) and called != "loads"
