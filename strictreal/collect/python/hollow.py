"""Functions of a module that do nothing with what they are given but log it: what is handed to them is dropped."""

from __future__ import annotations

import ast

from strictreal.collect.python import bodies, live
from strictreal.collect.python.bodies import dotted
from strictreal.collect.python.module import ParsedModule

MAX_NODES = 300
"""How many nodes of a function are looked at; a longer one counts as one that works."""
_PASSIVE = frozenset({"str", "repr", "type", "isinstance", "len", "format", "getattr", "hasattr", "bool", "time.time"})
_METHODS = frozenset({"format", "strip", "lower", "upper", "get", "join", "with_traceback", "add_note"})
_WORKING = (
    *(ast.Raise, ast.Yield, ast.YieldFrom, ast.Global, ast.Nonlocal, ast.With, ast.AsyncWith, ast.Try, ast.Delete),
    *(ast.For, ast.AsyncFor, ast.While, ast.NamedExpr, ast.AugAssign, ast.Import, ast.ImportFrom),
)


def answers(module: ParsedModule, value: ast.AST) -> list[ast.expr] | None:
    """What a call can answer, where the function it calls stands in this module and does nothing but log.

    None for any other expression. The answers are literals, or names that have nothing to do with what is handed over.
    """
    call = value.value if isinstance(value, ast.Await) else value
    if not isinstance(call, ast.Call):
        return None
    function = called(module, call)
    if isinstance(function, ast.Lambda):
        body = function.body
        if bodies.value_of(module, body) or (isinstance(body, ast.Name) and body.id not in _given(function.args)):
            return [body]
        return [ast.copy_location(ast.Constant(None), call)] if bodies.is_inert(module, body) else None
    return _of_body(module, function) if function is not None else None


def called(module: ParsedModule, call: ast.Call) -> ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | None:
    """The function of this module that is called: by its name, as a method of the same class, or where it stands."""
    function = call.func
    if isinstance(function, ast.Lambda):
        return function
    if isinstance(function, ast.Name):
        found = [d for d in module.definitions(function) if isinstance(d, ast.FunctionDef | ast.AsyncFunctionDef)]
        if len(found) == 1:
            return found[0]
        bound = [b.value for b in module.names.reaching(function)]
        return bound[0] if len(bound) == 1 and isinstance(bound[0], ast.Lambda) else None
    if not isinstance(function, ast.Attribute) or getattr(function.value, "id", "") not in {"self", "cls"}:
        return None
    owner = module.parents.get(call)
    while owner is not None and not isinstance(owner, ast.ClassDef):
        owner = module.parents.get(owner)
    methods = [
        s
        for s in (owner.body if isinstance(owner, ast.ClassDef) else [])
        if isinstance(s, ast.FunctionDef | ast.AsyncFunctionDef) and s.name == function.attr
    ]
    return methods[0] if len(methods) == 1 else None


def _of_body(module: ParsedModule, function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[ast.expr] | None:
    if function.decorator_list and not all(_is_plain(d) for d in function.decorator_list):
        return None
    given = _given(function.args) - {"self", "cls"}
    found: list[ast.expr] = []
    for number, node in enumerate(live.running(module, function.body)):
        if number > MAX_NODES or _does(module, node):
            return None
        if isinstance(node, ast.Return) and node.value is not None:
            parts = [n for n in bodies.within(node.value) if isinstance(n, ast.Name)]
            computed = any(name.id in given for name in parts) or any(
                isinstance(n, ast.Call) for n in bodies.within(node.value)
            )
            if computed and not bodies.value_of(module, node.value):
                return None
            found.append(node.value)
    abstract = all(
        isinstance(s, ast.Pass) or (isinstance(s, ast.Expr) and isinstance(s.value, ast.Constant))
        for s in function.body
    )
    if abstract and any(arg.arg in {"self", "cls"} for arg in function.args.args):
        return None  # for a subclass to fill
    return found or [ast.copy_location(ast.Constant(None), function)]


def _is_plain(decorator: ast.expr) -> bool:
    return isinstance(decorator, ast.Name) and decorator.id in {"staticmethod", "classmethod"}


def _given(arguments: ast.arguments) -> set[str]:
    a = arguments
    return {p.arg for p in (*a.posonlyargs, *a.args, *a.kwonlyargs, a.vararg, a.kwarg) if p is not None}


def _does(module: ParsedModule, node: ast.AST) -> bool:
    """Whether a node has an effect, other than a line of a log, or computes something."""
    if isinstance(node, _WORKING):
        return True
    if isinstance(node, ast.Assert):
        return not live.truth(module, node.test)
    if isinstance(node, ast.Attribute | ast.Subscript) and not isinstance(node.ctx, ast.Load):
        return True
    if isinstance(node, ast.Await):
        return not bodies.is_inert(module, node)
    if not isinstance(node, ast.Call) or bodies.is_inert(module, node):
        return False
    method = isinstance(node.func, ast.Attribute) and node.func.attr in _METHODS
    plain = method or dotted(module, node.func) in _PASSIVE or bodies.value_of(module, node) != ""
    return not plain and not _in_log(module, node)


def _in_log(module: ParsedModule, node: ast.AST) -> bool:
    current: ast.AST | None = node
    while current is not None and not isinstance(current, ast.stmt):
        if isinstance(current, ast.Call) and bodies.is_log(module, current):
            return True
        current = module.parents.get(current)
    return False
