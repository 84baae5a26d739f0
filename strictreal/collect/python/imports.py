"""What a module imports, by its import statements."""

from __future__ import annotations

import ast

from strictreal.collect.python.module import ParsedModule
from strictreal.facts.code import Imports
from strictreal.model import Location


def facts(module: ParsedModule) -> list[Imports]:
    """The names of a module's import statements, each once, with the line where it comes first."""
    found: dict[str, int] = {}
    run: set[str] = set()
    for node in module.of(ast.Import, ast.ImportFrom):
        base = "" if isinstance(node, ast.Import) else "." * node.level + (node.module or "")
        for alias in node.names:
            joined = base if not base or base.endswith(".") else base + "."
            name = base if alias.name == "*" else joined + alias.name
            found[name] = min(node.lineno, found.get(name, node.lineno))
            if not _is_for_types(module, node):
                run.add(name)
    if not found:
        return []
    typing = tuple(name for name in found if name not in run)
    where = Location(module.path)
    return [Imports(where=where, names=tuple(found), lines=tuple(found.values()), typing=typing)]


def _is_for_types(module: ParsedModule, node: ast.AST) -> bool:
    """Whether a statement stands under `if TYPE_CHECKING:`, which no interpreter runs."""
    child, parent = node, module.parents.get(node)
    while parent is not None:
        if (
            isinstance(parent, ast.If)
            and child in parent.body
            and module.resolve(parent.test).endswith("TYPE_CHECKING")
        ):
            return True
        child, parent = parent, module.parents.get(parent)
    return False
