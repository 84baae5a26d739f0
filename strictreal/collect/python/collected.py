"""Tests that no runner takes: of a class that cannot be made, replaced by another, inside a function, generators.

pytest collects `test…` functions of a module and of its `Test…` classes, at the time when the module has been imported;
what is then bound to another thing, or to nothing, is no test any more.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from strictreal.collect.python.frame import walk
from strictreal.collect.python.module import ParsedModule

Function = ast.FunctionDef | ast.AsyncFunctionDef

CONSTRUCTED = "is never collected: its class has a constructor"
REPLACED = "is replaced by a later definition of the same name, and so never runs"
REMOVED = "is deleted after its definition, and so never runs"
NESTED = "stands inside a function, where no runner finds it"
GENERATOR = "is a generator, which no runner steps through"
UNAWAITED = "is a coroutine that no plugin is asked to run"
MAX_NESTED = 200
"""Tests inside of functions that are told of in one module."""
_MARKED = (
    "asyncio",
    "anyio",
    "trio",
    "tornado",
    "curio",
    "twisted",
    "aio",
    "async",
    "gen_test",
    "coroutine",
    "usefixtures",
)


def uncollected(module: ParsedModule, function: Function, owner: ast.ClassDef | None, *, of_case: bool) -> str:
    """Why no runner takes a test; empty when one does.

    Args:
        owner: the class that it is a method of.
        of_case: the class is a `unittest.TestCase`, which pytest makes with its constructor.
    """
    if owner is not None and not of_case and owner.name.startswith("Test") and has_constructor(module, owner):
        return CONSTRUCTED
    if later := _later(module, function, owner):
        return later
    if _yields(function) and all(
        module.resolve(_called(d)).startswith("pytest.mark.") for d in function.decorator_list
    ):
        return GENERATOR
    return ""


def needs_a_plugin(module: ParsedModule, function: Function, owner: ast.ClassDef | None, *, of_case: bool) -> bool:
    """Whether a test is a coroutine, and neither it nor its class or module says who runs it."""
    if not isinstance(function, ast.AsyncFunctionDef) or of_case:
        return False
    marks = [*function.decorator_list, *(owner.decorator_list if owner else ())]
    for body in (module.tree.body, owner.body if owner else []):
        assigned = (s for s in body if isinstance(s, ast.Assign | ast.AnnAssign))
        marks += [s.value for s in assigned if s.value is not None and "pytestmark" in _targets(s)]
    if owner is not None and owner.bases:
        return False  # a base may say so
    return not any(word in ast.unparse(mark) for mark in marks for word in _MARKED) and not any(
        not ast.unparse(d).startswith("pytest.") for d in function.decorator_list
    )


def nested(module: ParsedModule) -> Iterator[tuple[Function, Function]]:
    """Tests inside of functions that do nothing with them, each with the function around it."""
    found = 0
    for function in module.of(ast.FunctionDef, ast.AsyncFunctionDef):
        outer = module.parents[function]
        if not function.name.startswith("test_") or function.decorator_list or function.args.args:
            continue
        if isinstance(outer, Function) and not _is_used(module, function, outer) and found < MAX_NESTED:
            found += 1
            yield function, outer


def _is_used(module: ParsedModule, function: Function, outer: Function) -> bool:
    """Whether the function around a nested one mentions it, or hands on all that it holds."""
    for node in walk(outer.body):
        if (
            isinstance(node, ast.Name)
            and node.id in {function.name, "locals", "vars"}
            and isinstance(node.ctx, ast.Load)
        ):
            return True
        if isinstance(node, ast.Global | ast.Nonlocal) and function.name in node.names:
            return True
    return False


def has_constructor(module: ParsedModule, owner: ast.ClassDef) -> bool:
    """Whether a class has an `__init__` or `__new__`, of its own or from a base in this module."""
    waiting, visited = [owner], set()
    while waiting:
        current = waiting.pop()
        if current in visited:
            continue
        visited.add(current)
        if any(isinstance(s, Function) and s.name in {"__init__", "__new__"} for s in current.body):
            return True
        for base in current.bases:
            waiting += [d for d in module.definitions(base) if isinstance(d, ast.ClassDef)]
    return False


def _later(module: ParsedModule, function: Function, owner: ast.ClassDef | None) -> str:
    """What takes a test's name after its definition, in the same block and in every run."""
    body = owner.body if owner is not None else module.tree.body
    bound = module.names.bindings(owner if owner is not None else module.tree, function.name)
    deleted = any(function.name == getattr(t, "id", "") for s in module.of(ast.Delete) for t in s.targets)
    if (len(bound) < 2 and not deleted) or function not in body:
        return ""
    for statement in body[body.index(function) + 1 :]:
        if isinstance(statement, Function | ast.ClassDef) and statement.name == function.name:
            chained = any(function.name in ast.unparse(d) for d in statement.decorator_list)
            registered = any(_registers(module, d) for d in function.decorator_list)
            return "" if chained or registered else REPLACED
        if isinstance(statement, ast.Delete) and function.name in {getattr(t, "id", "") for t in statement.targets}:
            return REMOVED
        if isinstance(statement, ast.Assign) and function.name in _targets(statement):
            return "" if function.name in ast.unparse(statement.value) else REPLACED
        if function.name in {
            n.id for n in walk([statement]) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)
        }:
            return ""  # taken before it is replaced: `test_b = decorate(test_a)`
    return ""


def _registers(module: ParsedModule, decorator: ast.expr) -> bool:
    """Whether a decorator may keep the function somewhere: all but the marks of pytest and unittest."""
    return not module.resolve(_called(decorator)).startswith(("pytest.mark.", "unittest.", "mock.", "hypothesis."))


def _called(decorator: ast.expr) -> ast.expr:
    return decorator.func if isinstance(decorator, ast.Call) else decorator


def _targets(statement: ast.Assign | ast.AnnAssign) -> set[str]:
    targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
    return {target.id for target in targets if isinstance(target, ast.Name)}


def _yields(function: Function) -> bool:
    """Whether a function is a generator: it yields, and not only functions inside it do."""
    stack: list[ast.AST] = list(function.body)
    while stack:
        node = stack.pop()
        if isinstance(node, ast.Yield | ast.YieldFrom):
            return True
        if not isinstance(node, Function | ast.Lambda | ast.ClassDef):
            stack += ast.iter_child_nodes(node)
    return False
