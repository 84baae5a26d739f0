"""Context managers that take errors away: an `__exit__` whose answer is true for every error, and nobody keeps the error."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from strictreal.collect.python import bodies, failures, live
from strictreal.collect.python.bodies import dotted
from strictreal.collect.python.module import ParsedModule

Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
NAMES = frozenset({"__exit__", "__aexit__"})
MAX_DEPTH = 12
"""How deep conditions and statements are followed."""


def swallowing(module: ParsedModule) -> Iterator[tuple[ast.AST, str]]:
    """Each answer by which a context manager takes errors away, with how a message calls it."""
    for method in module.of(ast.FunctionDef, ast.AsyncFunctionDef):
        if method.name in NAMES and (answer := _Exit(module, method).swallows()) is not None:
            yield answer, f"{method.name} that answers {_shown(answer)}"
    for assign in module.of(ast.Assign):
        named = [t.id for t in assign.targets if isinstance(t, ast.Name) and t.id in NAMES]
        if named and isinstance(assign.value, ast.Lambda) and _Exit(module, assign.value).swallows() is not None:
            yield assign, f"{named[0]} that answers {_shown(assign.value)}"
    for call in module.of(ast.Call):
        if isinstance(call.func, ast.Attribute) and call.func.attr in {"push", "push_async_exit"} and call.args:
            function = _function(module, call.args[0])
            if function is not None and _takes_error(function) and _Exit(module, function).swallows() is not None:
                yield call, "a callback of an exit stack that answers True"


def _shown(answer: ast.AST) -> str:
    value = answer.value if isinstance(answer, ast.Return) else getattr(answer, "body", None)
    return bodies.source(value) if isinstance(value, ast.expr) else ""


def _function(module: ParsedModule, node: ast.expr) -> Function | None:
    if isinstance(node, ast.Lambda):
        return node
    return next((d for d in module.definitions(node) if isinstance(d, ast.FunctionDef | ast.AsyncFunctionDef)), None)


def _takes_error(function: Function) -> bool:
    """Whether a function has the parameters of an `__exit__`: three, or any number."""
    return function.args.vararg is not None or len(_given(function)) == 3


def _given(function: Function) -> list[str]:
    """The parameters that hold the error: all but `self`; one for `*args`."""
    a = function.args
    plain = [p.arg for p in (*a.posonlyargs, *a.args)]
    return [name for name in plain if name not in {"self", "cls"}] + ([a.vararg.arg] if a.vararg else [])


class _Exit:
    """One method, read for what it answers where there is an error."""

    def __init__(self, module: ParsedModule, method: Function) -> None:
        self.module = module
        self.method = method
        self.given = set(_given(method))
        self._known: dict[str, ast.expr] = {}

    def swallows(self) -> ast.AST | None:
        """The answer that every error, or every error of a service, meets; None where one passes, or is looked at or kept."""
        if isinstance(self.method, ast.Lambda):
            return self.method if self._meets(self.method.body, MAX_DEPTH) else None
        try:
            answer = self._read(self.method.body, MAX_DEPTH)
        except _UnknownError:
            return None
        if not isinstance(answer, ast.Return) or answer.value is None:
            return None
        return answer if self._meets(answer.value, MAX_DEPTH) and not self._kept() else None

    def _read(self, block: list[ast.stmt], depth: int) -> ast.stmt | None:
        """The `return` or `raise` at which a block ends where there is an error; None where it falls through."""
        if depth == 0:
            raise _UnknownError
        for statement in block:
            if isinstance(statement, ast.Return | ast.Raise):
                return statement
            ended: ast.stmt | None = None
            if isinstance(statement, ast.If):
                meets, fails = self._meets(statement.test, depth), self._fails(statement.test)
                if meets or fails:
                    ended = self._read(statement.body if meets else statement.orelse, depth - 1)
                elif self._leaves(statement):
                    raise _UnknownError
            elif isinstance(statement, ast.With | ast.AsyncWith):
                ended = self._read(statement.body, depth - 1)
            elif isinstance(statement, ast.Try):
                ended = self._read([*statement.body, *statement.orelse], depth - 1)
                ended = self._read(statement.finalbody, depth - 1) or ended
            elif isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
                self._known[statement.targets[0].id] = statement.value
            elif self._leaves(statement):
                raise _UnknownError
            if ended is not None:
                return ended
        return None

    def _leaves(self, statement: ast.stmt) -> bool:
        return any(isinstance(n, ast.Return | ast.Raise) for n in live.running(self.module, [statement]))

    def _meets(self, test: ast.expr, depth: int) -> bool:
        """Whether an expression is true of every error, or of every error of a service."""
        if depth == 0:
            return False
        if isinstance(test, ast.Constant):
            return bool(test.value)
        if isinstance(test, ast.Name) and test.id in self._known:
            return self._meets(self._known[test.id], depth - 1)
        if self._is_given(test):
            return True
        if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
            return self._fails(test.operand)
        if isinstance(test, ast.BoolOp):
            met = (self._meets(part, depth - 1) for part in test.values)
            return any(met) if isinstance(test.op, ast.Or) else all(met)
        if isinstance(test, ast.IfExp):
            arms = [test.body] if self._meets(test.test, depth - 1) else [test.body, test.orelse]
            return all(self._meets(arm, depth - 1) for arm in arms)
        if isinstance(test, ast.Compare):
            denied = isinstance(test.ops[0], ast.IsNot | ast.NotEq)
            return denied and self._is_given(test.left) and _is_none(test.comparators[0])
        if isinstance(test, ast.Call) and test.args:
            called = dotted(self.module, test.func)
            if called in {"bool", "any"}:
                return self._meets(test.args[0], depth - 1)
            if called in {"isinstance", "issubclass"} and len(test.args) == 2 and self._is_given(test.args[0]):
                names = failures.kinds(self.module, test.args[1:])
                return any(name in failures.EVERYTHING or failures.is_service(name) for name in names)
        return False

    def _fails(self, test: ast.expr) -> bool:
        """Whether an expression is false of every error: `kind is None`, `not exc`."""
        if isinstance(test, ast.Constant):
            return not test.value
        if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
            return self._meets(test.operand, MAX_DEPTH)
        if isinstance(test, ast.Compare):
            same = isinstance(test.ops[0], ast.Is | ast.Eq)
            return same and self._is_given(test.left) and _is_none(test.comparators[0])
        return False

    def _is_given(self, node: ast.expr) -> bool:
        while isinstance(node, ast.Subscript):
            node = node.value
        return isinstance(node, ast.Name) and node.id in self.given

    def _kept(self) -> bool:
        """Whether the method looks at the error, or keeps it, but for a log and for the question whether there is one."""
        for node in live.running(self.module, self.method.body if not isinstance(self.method, ast.Lambda) else []):
            loaded = isinstance(node, ast.Name) and node.id in self.given and isinstance(node.ctx, ast.Load)
            if loaded and not self._is_asked(node):
                return True
        return False

    def _is_asked(self, node: ast.AST) -> bool:
        child, parent = node, self.module.parents.get(node)
        while parent is not None and not isinstance(parent, ast.stmt):
            if isinstance(parent, ast.Call):
                if bodies.is_log(self.module, parent):
                    return True
                if dotted(self.module, parent.func) not in {"bool", "any", "isinstance", "issubclass"}:
                    return False
            child, parent = parent, self.module.parents.get(parent)
        if isinstance(parent, ast.If):
            return child is parent.test
        if isinstance(parent, ast.Assign):
            target = parent.targets[0]
            return isinstance(target, ast.Name) and target.id in self._known
        return isinstance(parent, ast.Return | ast.Delete)


class _UnknownError(Exception):
    """What a method answers depends on more than whether there is an error."""


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None
