"""What a module imports, by its import statements."""

from __future__ import annotations

import ast

from strictreal.collect.python.module import ParsedModule
from strictreal.facts.code import Imports
from strictreal.model import Location


def facts(module: ParsedModule) -> list[Imports]:
    """The names of a module's import statements, each once, with the line where it comes first."""
    found: dict[str, int] = {}
    for node in module.of(ast.Import, ast.ImportFrom):
        base = "" if isinstance(node, ast.Import) else "." * node.level + (node.module or "")
        for alias in node.names:
            joined = base if not base or base.endswith(".") else base + "."
            name = base if alias.name == "*" else joined + alias.name
            found[name] = min(node.lineno, found.get(name, node.lineno))
    if not found:
        return []
    return [Imports(where=Location(module.path), names=tuple(found), lines=tuple(found.values()))]
