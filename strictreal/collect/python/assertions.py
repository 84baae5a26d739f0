"""Whether a test function can fail: which of its assertions are reached, say something, and are not swallowed.

A test counts as able to fail when one assertion on one path can fail it. What asserts: `assert`, `raise`, the assertion
methods of unittest, mocks and numpy, `pytest.raises`, `warns` and `fail`, calls that raise on failure by their purpose
(`raise_for_status`, `run(check=True)`), functions of the same module that assert, and functions of other modules whose
name says that they do (`assert_…`, `check_…`, `verify_…`, `expect_…`).
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain

from strictreal.collect.python import asserting, expected
from strictreal.collect.python.context import last_name, words
from strictreal.collect.python.frame import Frame, walk
from strictreal.collect.python.module import ParsedModule
from strictreal.collect.python.put_in import PutIn
from strictreal.collect.python.skips import ends_the_test
from strictreal.collect.python.tautology import is_empty, is_trivial, is_true, truth

NONE = "has no assertion"
CONSTANT = "asserts only what is always true"
SWALLOWED = "catches its own failed assertions"
UNREACHABLE = "never reaches its assertions"
UNRAISED = "asserts only where an error is raised, and passes where none is"
UNCALLED = "names an assertion without calling it"
MAX_DEPTH = 8
"""How many helper functions, one calling the other, are followed."""
_OUTCOMES = {"pytest.fail", "pytest.raises", "pytest.warns", "pytest.deprecated_call", "pytest.exit"}
"""These fail a test with what `except Exception` does not catch."""
_BROAD = expected.BROAD
_KEEPING = {"append", "put", "add", "set_exception", "put_nowait"}
_BROADEST = {"BaseException", ""}


@dataclass
class Seen:
    """The assertions of a piece of code: how many count, and why the others do not."""

    counting: int = 0
    reasons: list[str] = field(default_factory=list)
    skip: str = ""

    def add(self, reason: str) -> None:
        if reason:
            self.reasons.append(reason)
        else:
            self.counting += 1


@dataclass(frozen=True)
class Where:
    """Under which circumstances a statement runs: what swallows an `AssertionError`, and a pytest outcome, there."""

    reached: bool = True
    swallows: bool = False
    swallows_outcomes: bool = False
    always: bool = True
    """True for the statements that every run of the test executes."""


class Judge:
    """Asks of the functions of one module whether they can fail a test."""

    def __init__(self, module: ParsedModule) -> None:
        self._module = module
        self._put_in = PutIn(module)
        self._known: dict[ast.AST, bool] = {}
        self._by_name: dict[ast.AST, dict[str, ast.FunctionDef | ast.AsyncFunctionDef]] = {}
        self._functions = {f.name for f in module.of(ast.FunctionDef, ast.AsyncFunctionDef)}
        self._names = self._functions | {c.name for c in module.of(ast.ClassDef)}

    def weakness(self, function: ast.FunctionDef | ast.AsyncFunctionDef, owner: ast.ClassDef | None) -> str:
        """Why a test function cannot fail; empty when it can."""
        if any(self._says(decorator) for decorator in function.decorator_list):
            return ""
        seen = Seen()
        self._block(function.body, Where(), seen, Frame(function, owner, 0))
        if seen.skip and not seen.counting:
            return seen.skip
        if seen.counting or self._torn_down(owner) or self._by_fixture(function):
            return ""
        return next((r for r in (SWALLOWED, UNRAISED, CONSTANT, UNREACHABLE, UNCALLED) if r in seen.reasons), NONE)

    def _says(self, decorator: ast.expr) -> bool:
        """`@image_comparison`, `@raises(ValueError)`: a decorator that asserts around the test."""
        named = set(words(last_name(decorator.func if isinstance(decorator, ast.Call) else decorator)))
        return bool(named & {"raises", "comparison", "compare", "assert", "expect", "check", "verify"})

    def _torn_down(self, owner: ast.ClassDef | None) -> bool:
        names = {"tearDown", "asyncTearDown", "teardown_method"}
        return owner is not None and any(
            self.can_fail(m, owner, 1) for n, m in self._members(owner).items() if n in names
        )

    def _by_fixture(self, function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
        """A fixture of the same module that asserts."""
        wanted = [a.arg for a in (*function.args.args, *function.args.kwonlyargs)]
        fixtures = [f for name in wanted if (f := self._members(self._module.tree).get(name)) and f.decorator_list]
        return any(self.can_fail(f, None, 1) for f in fixtures)

    def _members(self, owner: ast.ClassDef | ast.Module) -> dict[str, ast.FunctionDef | ast.AsyncFunctionDef]:
        """The functions of a class or of the module by name, looked up once."""
        if owner not in self._by_name:
            functions = (m for m in owner.body if isinstance(m, ast.FunctionDef | ast.AsyncFunctionDef))
            self._by_name[owner] = {m.name: m for m in functions}
        return self._by_name[owner]

    def can_fail(self, function: ast.AST, owner: ast.ClassDef | None, depth: int) -> bool:
        """Whether calling a function of this module can fail a test; recursion counts as no."""
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef) or depth > MAX_DEPTH:
            return False
        if function not in self._known:
            self._known[function] = False
            seen = Seen()
            self._block(function.body, Where(), seen, Frame(function, owner, depth))
            self._known[function] = bool(seen.counting)
        return self._known[function]

    # -- statements --------------------------------------------------------------------------------------------------

    def _block(self, body: Iterable[ast.stmt], where: Where, seen: Seen, frame: Frame) -> None:
        for statement in body:
            if seen.counting:
                return  # one assertion that can fail is enough
            reason = ends_the_test(self._module, statement)
            if reason and where.always and where.reached and not seen.skip and not seen.counting:
                seen.skip = reason
            if not reason:
                self._statement(statement, where, seen, frame)
            if reason or self._leaves(statement):
                where = Where(reached=False)

    def _leaves(self, statement: ast.stmt, depth: int = MAX_DEPTH) -> bool:
        """Whether nothing after a statement runs: it returns or raises, in a branch that is always taken too."""
        if isinstance(statement, ast.If) and depth:
            known = truth(self._module, statement.test)
            branches = {True: [statement.body], False: [statement.orelse], None: [statement.body, statement.orelse]}[
                known
            ]
            return all(any(self._leaves(s, depth - 1) for s in branch) for branch in branches)
        if ends_the_test(self._module, statement):
            return True
        return isinstance(statement, ast.Return | ast.Raise | ast.Continue | ast.Break)

    def _statement(self, statement: ast.stmt, where: Where, seen: Seen, frame: Frame) -> None:
        branch = Where(where.reached, where.swallows, where.swallows_outcomes, always=False)
        never = Where(reached=False)
        match statement:
            case ast.Assert():
                test = statement.test
                own = truth(self._module, test) is not False and self._put_in.is_own([test])
                holds = own or is_true(self._module, test)
                seen.add(self._lost(where, outcome=False) or (CONSTANT if holds else ""))
            case ast.Raise():
                seen.add(self._lost(where, outcome=False))
            case ast.If():
                known = truth(self._module, statement.test)
                self._expressions(statement, where, seen, frame)
                self._block(statement.body, {True: where, False: never, None: branch}[known], seen, frame)
                self._block(statement.orelse, {True: never, False: where, None: branch}[known], seen, frame)
            case ast.For() | ast.AsyncFor():
                self._expressions(statement, where, seen, frame)
                self._block(statement.body, never if self._is_empty(statement.iter, frame) else branch, seen, frame)
                self._block(statement.orelse, branch, seen, frame)
            case ast.While():
                self._expressions(statement, where, seen, frame)
                self._block(
                    statement.body, never if truth(self._module, statement.test) is False else branch, seen, frame
                )
                self._block(statement.orelse, branch, seen, frame)
            case ast.Try() | ast.TryStar():
                self._try(statement, where, branch, seen, frame)
            case ast.With(items=[item]) if expected.raises_by_itself(
                self._module, self._put_in, item.context_expr, statement.body
            ):
                seen.add(CONSTANT)  # `with pytest.raises(E): raise E`
            case ast.With() | ast.AsyncWith():
                self._expressions(statement, where, seen, frame)
                self._block(statement.body, self._suppressing(statement, where), seen, frame)
            case ast.Match():
                for case in statement.cases:
                    self._block(case.body, branch, seen, frame)
            case ast.AsyncFunctionDef() if self._is_never_awaited(statement, frame):
                self._block(statement.body, never, seen, frame)
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                used = bool(statement.decorator_list) or frame.uses(self._module, statement.name, statement)
                self._block(statement.body, branch if used and where.reached else never, seen, frame)
            case ast.ClassDef():
                for member in statement.body:
                    if isinstance(member, ast.FunctionDef | ast.AsyncFunctionDef):
                        self._block(member.body, branch, seen, frame)
            case ast.Expr(value=ast.Attribute(attr=name)) if words(name)[:1] == ("assert",):
                seen.add(UNCALLED)
            case _:
                self._expressions(statement, where, seen, frame)

    def _is_never_awaited(self, function: ast.AsyncFunctionDef, frame: Frame) -> bool:
        """Whether a nested coroutine is called as a statement and nothing else, so that none of it runs."""
        calls = frame.calls(self._module, function.name, function)
        parents = self._module.parents
        return bool(calls) and all(isinstance(parents[call], ast.Expr) for call in calls)

    def _is_empty(self, iterable: ast.expr, frame: Frame) -> bool:
        """Whether a loop runs over nothing: a literal that is empty, or a name for one that nothing else touches."""
        if isinstance(iterable, ast.Name):
            bindings = self._module.names.reaching(iterable)
            value = bindings[0].value if len(bindings) == 1 else None
            return value is not None and is_empty(value) and frame.only_loops_over(self._module, iterable.id)
        return is_empty(iterable)

    def _lost(self, where: Where, *, outcome: bool) -> str:
        """Why a failure at this place fails nothing."""
        if not where.reached:
            return UNREACHABLE
        return SWALLOWED if (where.swallows_outcomes if outcome else where.swallows) else ""

    def _try(self, statement: ast.Try | ast.TryStar, where: Where, branch: Where, seen: Seen, frame: Frame) -> None:
        swallows, outcomes = where.swallows, where.swallows_outcomes
        for handler in statement.handlers:
            caught = expected.caught(self._module, handler.type)
            if not caught & (_BROAD | {""}):
                continue
            if self._escalates(handler, frame):
                break
            swallows = True
            outcomes = outcomes or bool(caught & _BROADEST)
            if caught & (_BROADEST | {"Exception"}):
                break
        if any(isinstance(s, ast.Return) for s in statement.finalbody):
            swallows = outcomes = True
        self._block(statement.body, Where(where.reached, swallows, outcomes, where.always), seen, frame)
        self._block(statement.orelse, branch, seen, frame)
        for handler in statement.handlers:
            raised = Seen()
            self._block(handler.body, branch, raised, frame)
            if raised.counting and not seen.counting and expected.is_about_error(self._module, statement, handler):
                seen.add(UNRAISED)
            elif raised.counting:
                seen.add("")
            seen.reasons += raised.reasons
        self._block(statement.finalbody, where, seen, frame)

    def _escalates(self, handler: ast.ExceptHandler, frame: Frame) -> bool:
        inside = Seen()
        self._block(handler.body, Where(always=False), inside, frame)
        remembers = handler.name is not None and any(
            isinstance(s, ast.Assign | ast.AugAssign | ast.Expr) and _mentions(s, handler.name) and _stores(s)
            for s in handler.body
        )
        return bool(inside.counting) or remembers

    def _suppressing(self, statement: ast.With | ast.AsyncWith, where: Where) -> Where:
        swallows, outcomes = where.swallows, where.swallows_outcomes
        for item in statement.items:
            call = item.context_expr
            if isinstance(call, ast.Call) and self._module.resolve(call.func) == "contextlib.suppress":
                caught = {self._module.resolve(a) for a in call.args}
                swallows = swallows or bool(caught & _BROAD)
                outcomes = outcomes or "BaseException" in caught
        return Where(where.reached, swallows, outcomes, where.always)

    # -- expressions -------------------------------------------------------------------------------------------------

    def _expressions(self, statement: ast.stmt, where: Where, seen: Seen, frame: Frame) -> None:
        """What a statement evaluates itself, without the statements inside it."""
        for node in self._evaluated.get(statement, ()):
            if isinstance(node, ast.Call):
                self._call(node, where, seen, frame)
            elif self._helper(node, frame) is True:
                seen.add(self._lost(where, outcome=False))

    @cached_property
    def _evaluated(self) -> dict[ast.AST, list[ast.expr]]:
        """Calls, and functions of this module that are handed on, by the statement that evaluates them."""
        found: dict[ast.AST, list[ast.expr]] = {}
        calls: list[ast.expr] = list(self._module.of(ast.Call))
        for node in calls + self._handed_on():
            statement: ast.AST = node
            while not isinstance(statement, ast.stmt):
                statement = self._module.parents[statement]
            found.setdefault(statement, []).append(node)
        return found

    def _handed_on(self) -> list[ast.expr]:
        names = (n for n in self._module.of(ast.Name) if n.id in self._functions and isinstance(n.ctx, ast.Load))
        methods = (a for a in self._module.of(ast.Attribute) if a.attr in self._functions)
        parents = self._module.parents
        return [
            node
            for node in chain(names, methods)
            if not isinstance(parents[node], ast.Attribute)
            and not (isinstance(call := parents[node], ast.Call) and call.func is node)
        ]

    def _call(self, call: ast.Call, where: Where, seen: Seen, frame: Frame) -> None:
        name = last_name(call.func)
        dotted = self._module.resolve(call.func)
        helper = self._helper(call.func, frame)
        if helper and isinstance(self._module.parents[call], ast.Expr) and self._is_coroutine(call.func, frame):
            seen.add(UNREACHABLE)  # called and not awaited, so that none of it runs
            return
        if self._named_so(call, name, dotted, frame) if helper is None else helper:
            lost = self._lost(where, outcome=dotted in _OUTCOMES)
            known = is_trivial(self._module, call, name) or self._put_in.is_own_assertion(call, name)
            seen.add(lost or (CONSTANT if known else ""))

    def _is_coroutine(self, node: ast.expr, frame: Frame) -> bool:
        """Whether an expression is an `async def` of this module, and nothing else."""
        found: list[ast.AST | None] = []
        if isinstance(node, ast.Name):
            found += self._module.definitions(node)
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in {"self", "cls"}:
            found.append(self._method(frame.owner, node.attr)[0])
        return bool(found) and all(isinstance(f, ast.AsyncFunctionDef) and not f.decorator_list for f in found)

    def _helper(self, node: ast.expr, frame: Frame) -> bool | None:
        """Whether a function of this module can fail the test; None when the expression denotes none."""
        if isinstance(node, ast.Name):
            if node.id not in self._functions:
                return None
            found = [d for d in self._module.definitions(node) if not isinstance(d, ast.ClassDef)]
            inner = [d for d in found if frame.holds(self._module, d)]
            if inner:
                return False  # counted where it is defined
            return any(self.can_fail(d, None, frame.depth + 1) for d in found) if found else None
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in {"self", "cls"}:
            method, owner = self._method(frame.owner, node.attr)
            return None if method is None else self.can_fail(method, owner, frame.depth + 1)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in self._names:
            for definition in self._module.definitions(node.value):
                if isinstance(definition, ast.ClassDef):
                    method, owner = self._method(definition, node.attr)
                    if method is not None:
                        return self.can_fail(method, owner, frame.depth + 1)
        return None

    def _method(self, owner: ast.ClassDef | None, name: str) -> tuple[ast.AST | None, ast.ClassDef | None]:
        """A method by name, in a class or in its bases of this module."""
        waiting, visited = [owner], set()
        while waiting:
            current = waiting.pop()
            if current is None or current in visited:
                continue
            visited.add(current)
            if method := self._members(current).get(name):
                return method, owner
            for base in current.bases:
                waiting += [d for d in self._module.definitions(base) if isinstance(d, ast.ClassDef)]
        return None, None

    def _named_so(self, call: ast.Call, name: str, dotted: str, frame: Frame) -> bool:
        """Whether a function that is defined elsewhere asserts, by what it is called."""
        if name in asserting.RAISING or name.startswith("assert") or dotted in _OUTCOMES:
            return True
        if any(k.arg == "check" and isinstance(k.value, ast.Constant) and k.value.value is True for k in call.keywords):
            return True
        named = words(name)
        if isinstance(call.func, ast.Attribute):
            receiver = call.func.value
            own = isinstance(receiver, ast.Name) and receiver.id in {"self", "cls"}
            own = own or (isinstance(receiver, ast.Call) and last_name(receiver.func) == "super")
            if not own and not dotted:
                return bool(named) and named[0] in asserting.LEADING
        elif isinstance(call.func, ast.Name) and call.func.id in frame.parameters:
            return call.func.id != "benchmark"  # a fixture that is a function: what it does is not known here
        elif (
            isinstance(self._module.parents[call], ast.Expr) and dotted and (named[:1] == ("is",) or name.endswith("_"))
        ):
            return True  # `is_not_none(x)` as a statement can only be an assertion
        return asserting.says(named, dotted)


def _mentions(statement: ast.AST, name: str) -> bool:
    return any(isinstance(n, ast.Name) and n.id == name for n in walk([statement]))


def _stores(statement: ast.stmt) -> bool:
    """Keeps the exception for later: an assignment, or `errors.append(error)`, `queue.put(error)`."""
    if isinstance(statement, ast.Expr):
        call = statement.value
        return isinstance(call, ast.Call) and last_name(call.func) in _KEEPING
    return True
