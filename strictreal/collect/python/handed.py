"""Whether an exception that a handler has named goes anywhere: or is only logged, asked about, or dropped."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from strictreal.collect.python import bodies, hollow, live
from strictreal.collect.python.bodies import Loads, dotted
from strictreal.collect.python.module import ParsedModule
from strictreal.facts.behaviour import words

MAX_CARRIERS = 3
"""Through how many variables an exception is followed."""
MAX_USES = 100
"""How many readings, and settings, of one variable are looked at; one that has more counts as handed on."""

_TRACES = frozenset({"traceback.format_exc", "traceback.format_exception", "sys.exc_info", "sys.exception"})
_PURE = frozenset(
    {"str", "repr", "type", "id", "isinstance", "issubclass", "bool", "len", "hash", "tuple", "list", "dir"}
)
_PURE |= {"getattr", "hasattr", "format", "vars", "callable", "any", "all", "int"}
_OWN = frozenset({"add_note", "with_traceback"})
"""Methods by which an exception only changes itself."""
_ASKING = frozenset({"is", "has", "should", "can", "was", "match", "matches", "classify", "retryable", "isinstance"})
"""First words of functions that look at an exception and answer what it is."""


def is_idle(module: ParsedModule, statement: ast.stmt, caught: str | None) -> bool:
    """Whether a statement of a handler leaves nothing behind, also where it names the exception: `_ = e`, `del e`."""
    if isinstance(statement, ast.Pass | ast.Global | ast.Nonlocal):
        return True
    if isinstance(statement, ast.Delete):
        return all(_root(target) == caught or isinstance(target, ast.Name) for target in statement.targets)
    if isinstance(statement, ast.Assert):
        return holds(module, statement.test, caught)
    if isinstance(statement, ast.Assign):
        plain = isinstance(statement.value, ast.Name | ast.Constant)
        targets = statement.targets
        unused = plain and all(isinstance(t, ast.Name) and not t.id.strip("_") for t in targets)
        again = caught is not None and all(_root(t) == caught for t in targets) and plain
        return (unused and getattr(statement.value, "id", caught) == caught and caught is not None) or again
    if not isinstance(statement, ast.Expr):
        return False
    return bodies.is_inert(module, statement.value) or _only_looks(module, statement.value, caught)


def holds(module: ParsedModule, test: ast.expr, caught: str | None) -> bool:
    """Whether an assertion of a handler never fails: `assert e`, `assert e is not None`, `assert isinstance(e, Exception)`."""
    if live.truth(module, test) or (caught is not None and getattr(test, "id", "") == caught):
        return True
    if isinstance(test, ast.Call) and dotted(module, test.func) in {"isinstance", "str", "repr", "bool"} and test.args:
        return caught is not None and getattr(test.args[0], "id", "") == caught
    if isinstance(test, ast.Compare) and isinstance(test.ops[0], ast.IsNot | ast.NotEq):
        compared = test.comparators[0]
        of_it = caught is not None and getattr(test.left, "id", "") == caught
        return of_it and isinstance(compared, ast.Constant) and compared.value is None
    return False


def _only_looks(module: ParsedModule, value: ast.expr, caught: str | None) -> bool:
    """Whether an expression makes something of an exception, and nobody takes it."""
    if hollow.answers(module, value) is not None:
        return True
    for node in bodies.within(value):
        if isinstance(node, ast.Call):
            own = isinstance(node.func, ast.Attribute) and node.func.attr in _OWN
            named = dotted(module, node.func)
            if not own and named not in _PURE and named not in _TRACES and named != "gc.collect":
                return False
        elif isinstance(node, ast.Await | ast.Yield | ast.YieldFrom | ast.NamedExpr):
            return False
    return True


def _root(node: ast.AST) -> str:
    """The variable that a target belongs to: `e` of `e.__traceback__`."""
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def handed_on(module: ParsedModule, handler: ast.ExceptHandler, loads: Loads) -> bool:
    """Whether the exception, or a traceback of it, goes anywhere but into a log."""
    kept = _Kept(module, handler, loads)
    for node in kept.nodes:
        if isinstance(node, ast.Call) and dotted(module, node.func) in _TRACES and not kept.drops(node):
            return True
        read = isinstance(node, ast.Name) and node.id in kept.carriers and isinstance(node.ctx, ast.Load)
        if read and not kept.drops(node):
            return True
    return any(not kept.stays(name) for name in kept.named)


def is_nothing(module: ParsedModule, statement: ast.stmt, handler: ast.ExceptHandler, loads: Loads) -> bool:
    """Whether a statement of a handler leaves nothing behind, a variable that nobody reads included."""
    if is_idle(module, statement, handler.name):
        return True
    if not isinstance(statement, ast.Assign) or not all(isinstance(t, ast.Name) for t in statement.targets):
        return False
    function = bodies.enclosing(module, statement)
    scope = module.names.scope(statement)
    if function is None or scope is not function:
        return False
    kept = _Kept(module, handler, loads)
    return all(name in kept.named and kept.stays(name) for t in statement.targets for name in _names(t))


class _Kept:
    """The variables of a handler that hold the exception, and where they are read."""

    def __init__(self, module: ParsedModule, handler: ast.ExceptHandler, loads: Loads) -> None:
        self.module = module
        self.handler = handler
        self.loads = loads
        self.nodes = list(live.running(module, handler.body))
        self.carriers = {handler.name} if handler.name else set()
        self.named: list[ast.Name] = []
        """Variables that something of the exception is assigned to."""
        bound = list(
            _bound(n for n in self.nodes if not (isinstance(n, ast.stmt) and is_idle(module, n, handler.name)))
        )
        for _ in range(MAX_CARRIERS):
            for names, value in bound:
                parts = list(bodies.within(value))
                of_it = any(isinstance(n, ast.Name) and n.id in self.carriers for n in parts) or any(
                    isinstance(n, ast.Call) and dotted(module, n.func) in _TRACES for n in parts
                )
                if of_it:
                    self.named += [name for name in names if name not in self.named]
                    self.carriers |= {name.id for name in names}

    def drops(self, node: ast.AST) -> bool:
        """Whether a reading of the exception ends in a log, in a question about it, or nowhere."""
        if self._is_logged(node):
            return True
        parents = self.module.parents
        child, parent = node, parents.get(node)
        while parent is not None and not isinstance(parent, ast.stmt):
            if isinstance(parent, ast.Call):
                if hollow.answers(self.module, parent) is not None:
                    return True
                named = dotted(self.module, parent.func)
                own = words(named.rpartition(".")[2])[:1]
                asks = named in _PURE or child is parent.func or (own != () and own[0] in _ASKING)
                if not asks and self._asked(parent):
                    return False
            elif isinstance(parent, ast.IfExp) and child is parent.test:
                return True
            child, parent = parent, parents.get(parent)
        if isinstance(parent, ast.If | ast.While) and child is parent.test:
            return True
        if isinstance(parent, ast.Match) and child is parent.subject:
            return True
        if isinstance(parent, ast.Assert):
            return True
        if not isinstance(parent, ast.stmt):
            return False
        if is_idle(self.module, parent, self.handler.name):
            return True
        if isinstance(parent, ast.Assign):
            targets = [name for target in parent.targets for name in _names(target)]
            whole = all(isinstance(t, ast.Name | ast.Tuple) or _root(t) in self.carriers for t in parent.targets)
            return whole and all(name in self.named for name in targets)
        return False

    def _asked(self, call: ast.Call) -> bool:
        """Whether an exception is an argument of a call, and not whom the call is made on."""
        return not (isinstance(call.func, ast.Attribute) and _root(call.func) in self.carriers)

    def stays(self, name: ast.Name) -> bool:
        """Whether what is assigned to a variable in the handler is read only there, or for a log."""
        function = bodies.enclosing(self.module, name)
        if function is None or self.module.names.binding_scope(name) is not function:
            return False
        first, last = function.lineno, function.end_lineno or function.lineno
        inside = range(self.handler.lineno, (self.handler.end_lineno or self.handler.lineno) + 1)
        uses = [u for u in self.loads.get(name.id, ()) if first <= u.lineno <= last and u.lineno not in inside]
        if uses and max(len(uses), len(self.module.names.bindings(function, name.id))) > MAX_USES:
            return False
        return all(self._is_logged(use) or not self._reaches(name, use) for use in uses)

    def _reaches(self, name: ast.Name, use: ast.Name) -> bool:
        return any(binding.node is name for binding in self.module.names.reaching(use))

    def _is_logged(self, node: ast.AST) -> bool:
        current: ast.AST | None = node
        while current is not None and not isinstance(current, ast.stmt):
            if isinstance(current, ast.Call) and bodies.is_log(self.module, current):
                return True
            current = self.module.parents.get(current)
        return False


def _bound(nodes: Iterable[ast.AST]) -> Iterator[tuple[list[ast.Name], ast.expr]]:
    for node in nodes:
        if isinstance(node, ast.Assign) and all(isinstance(t, ast.Name | ast.Tuple) for t in node.targets):
            names = [name for target in node.targets for name in _names(target)]
            if names:
                yield names, node.value


def _names(target: ast.expr) -> list[ast.Name]:
    if isinstance(target, ast.Name):
        return [target]
    return [e for e in target.elts if isinstance(e, ast.Name)] if isinstance(target, ast.Tuple) else []
