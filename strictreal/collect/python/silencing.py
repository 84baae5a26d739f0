"""Options by which a library keeps the failure of its service to itself: `swallow_errors=True`, `IGNORE_EXCEPTIONS`."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from strictreal.collect.python import bodies
from strictreal.collect.python.module import ParsedModule

_OPTIONS = frozenset(
    {
        *("swallow_errors", "swallow_exceptions", "ignore_exceptions", "suppress_exceptions", "silence_exceptions"),
        *(
            "in_memory_fallback_enabled",
            "in_memory_fallback",
            "stale_if_error",
            "fallback_to_memory",
            "fallback_to_local",
        ),
    }
)
_KEYS = frozenset({"IGNORE_EXCEPTIONS", "IGNORE_ERRORS", "SWALLOW_ERRORS", "STALE_IF_ERROR"})
_HINTS = (
    "swallow",
    "ignore_exc",
    "suppress_exc",
    "silence_exc",
    "fallback",
    "stale_if",
    "IGNORE_",
    "SWALLOW_",
    "STALE_",
)


def silencing(module: ParsedModule) -> Iterator[tuple[ast.AST, str]]:
    """Each option that is switched on, with how a message calls it."""
    if not any(hint in module.text for hint in _HINTS):
        return
    for call in module.of(ast.Call):
        for keyword in call.keywords:
            if keyword.arg in _OPTIONS and _is_on(keyword.value):
                yield keyword, f"{keyword.arg}={bodies.source(keyword.value)}"
    for value, key in module.keys.items():
        if key is not None and module.string(key) in _KEYS and isinstance(value, ast.Constant) and value.value is True:
            yield value, f"{module.string(key)}: True"
    for assign in module.of(ast.Assign):
        target = assign.targets[0]
        named = target.id if isinstance(target, ast.Name) and target.id.isupper() else ""
        if any(named.endswith("_" + key) for key in _KEYS) and _is_on(assign.value):
            yield assign, f"{named} = True"


def _is_on(value: ast.expr) -> bool:
    if isinstance(value, ast.List | ast.Tuple):
        return bool(value.elts)
    return isinstance(value, ast.Constant) and (value.value is True or isinstance(value.value, str))
