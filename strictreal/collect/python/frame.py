"""One function whose body is looked at, statement by statement."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from strictreal.collect.python.module import ParsedModule


class Frame:
    """The function whose body is looked at: its class, its parameters, its nested functions, the depth of calls."""

    def __init__(
        self, function: ast.FunctionDef | ast.AsyncFunctionDef, owner: ast.ClassDef | None, depth: int
    ) -> None:
        self.function = function
        self.owner = owner
        self.depth = depth
        a = function.args
        self.parameters = {p.arg for p in (*a.posonlyargs, *a.args, *a.kwonlyargs)} - {"self", "cls"}
        self._loaded: dict[str, list[ast.Name]] | None = None

    def _loads(self, name: str) -> list[ast.Name]:
        """Every place of this function that reads a name."""
        if self._loaded is None:
            self._loaded = {}
            for node in walk(self.function.body):
                if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
                    self._loaded.setdefault(node.id, []).append(node)
        return self._loaded.get(name, [])

    def uses(self, module: ParsedModule, name: str, definition: ast.AST) -> bool:
        """Whether a nested function is mentioned anywhere in this function but in itself."""
        return any(not is_inside(module, node, definition) for node in self._loads(name))

    def calls(self, module: ParsedModule, name: str, definition: ast.AST) -> list[ast.Call]:
        """The calls of a nested function; nothing where something else is done with it too."""
        uses = [node for node in self._loads(name) if not is_inside(module, node, definition)]
        calls = [call for node in uses if isinstance(call := module.parents[node], ast.Call) and call.func is node]
        return calls if len(calls) == len(uses) else []

    def only_loops_over(self, module: ParsedModule, name: str) -> bool:
        """Whether nothing is done with a name but looping over it."""
        loops = (ast.For, ast.AsyncFor)
        return all(isinstance(loop := module.parents[node], loops) and loop.iter is node for node in self._loads(name))

    def holds(self, module: ParsedModule, definition: ast.AST) -> bool:
        """Whether a function is defined inside this one."""
        return definition is not self.function and is_inside(module, definition, self.function)


def is_inside(module: ParsedModule, node: ast.AST, outer: ast.AST) -> bool:
    current: ast.AST | None = node
    while current is not None and current is not outer:
        current = module.parents.get(current)
    return current is outer


def walk(roots: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """Everything below the roots, and they themselves, without recursion."""
    stack = list(roots)
    while stack:
        node = stack.pop()
        yield node
        stack += ast.iter_child_nodes(node)
