"""Tests that never run, or whose failure is ignored: unconditional skips and expected failures."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from strictreal.collect.python.module import ParsedModule
from strictreal.collect.python.names import Definition
from strictreal.collect.python.tautology import is_empty, truth

SKIPPED = "is skipped unconditionally"
EMPTY = "is parametrized with nothing, and so never runs"
NO_EXAMPLE = "accepts no example, and so never runs"
EXPECTED = "is expected to fail, unconditionally"
_SKIP = {"pytest.mark.skip", "unittest.skip", "nose.tools.nottest", "unittest.case.skip"}
_EXPECTED = {"pytest.mark.xfail", "unittest.expectedFailure", "unittest.case.expectedFailure"}
MAX_CONDITION = 1000
"""Characters of a condition that is written as a text."""
_IF = {"pytest.mark.skipif", "unittest.skipIf", "unittest.case.skipIf"}
_MARKING = {"applymarker", "add_marker"}
_UNLESS = {"unittest.skipUnless", "unittest.case.skipUnless"}
_SKIP_CALLS = {
    "pytest.skip",
    "unittest.SkipTest",
    "unittest.case.SkipTest",
    "nose.SkipTest",
    "nose.plugins.skip.SkipTest",
}


class Skips:
    """The marks of one module: its own and its classes' are read once."""

    def __init__(self, module: ParsedModule) -> None:
        self._module = module
        self._whole = self._first([*_assigned_marks(module.tree.body), *_skipping_calls(module)])
        every = for_all(module)
        self._fixture = every[1] if every else ""
        self._classes: dict[ast.ClassDef, str] = {}

    def disabled(self, function: Definition, owner: ast.ClassDef | None) -> str:
        """Why a test never counts, by its decorators, its class or its module; empty when it does."""
        reason = self._whole or self._fixture or self._first(function.decorator_list)
        if reason or owner is None:
            return reason
        if owner not in self._classes:
            self._classes[owner] = self._first([*owner.decorator_list, *_assigned_marks(owner.body)])
        return self._classes[owner]

    def of_all(self, statement: ast.stmt) -> str:
        """Why no test of a module or class counts, by one statement of its body: `pytestmark = pytest.mark.skip`."""
        return self._first(_assigned_marks([statement]))

    def _first(self, marks: list[ast.expr]) -> str:
        return next((reason for mark in marks if (reason := _reason(self._module, mark))), "")


def _skipping_calls(module: ParsedModule) -> list[ast.expr]:
    """`pytest.skip(allow_module_level=True)` as a statement of the module, which always runs; and what every test uses."""
    found: list[ast.expr] = []
    for statement in always(module, module.tree.body):
        raised = statement.exc if isinstance(statement, ast.Raise) else None
        value = statement.value if isinstance(statement, ast.Expr) else raised
        called = value.func if isinstance(value, ast.Call) else value
        if called is not None and module.resolve(called) in _SKIP_CALLS:
            found.append(called)
    return found


def always(module: ParsedModule, body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements of a block that every run executes, those under a condition that always holds among them."""
    for statement in body:
        known = truth(module, statement.test) if isinstance(statement, ast.If) else None
        if isinstance(statement, ast.If) and known is not None:
            yield from always(module, statement.body if known else statement.orelse)
        else:
            yield statement


def for_all(module: ParsedModule) -> tuple[ast.AST, str] | None:
    """A fixture that every test uses without asking for it, and that skips; with the reason."""
    for function in module.tree.body:
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        for decorator in function.decorator_list:
            call = decorator if isinstance(decorator, ast.Call) else None
            if call is None or not module.resolve(call.func).endswith("fixture"):
                continue
            if any(k.arg == "autouse" and truth(module, k.value) is True for k in call.keywords):
                for statement in always(module, function.body):
                    if reason := ends_the_test(module, statement):
                        return function, reason
    return None


def _assigned_marks(body: list[ast.stmt]) -> list[ast.expr]:
    marks: list[ast.expr] = []
    for statement in body:
        if isinstance(statement, ast.Assign) and any(
            isinstance(t, ast.Name) and t.id == "pytestmark" for t in statement.targets
        ):
            value = statement.value
            marks += value.elts if isinstance(value, ast.List | ast.Tuple) else [value]
    return marks


def _reason(module: ParsedModule, mark: ast.expr) -> str:
    call = mark if isinstance(mark, ast.Call) else None
    name = module.resolve(call.func if call else mark).removesuffix("()")
    if name in _SKIP or name in _SKIP_CALLS:
        return SKIPPED
    if name == "pytest.mark.parametrize" and call is not None:
        values = next(
            (k.value for k in call.keywords if k.arg == "argvalues"), call.args[1] if len(call.args) > 1 else None
        )
        return EMPTY if values is not None and _is_nothing(module, values) else ""
    condition = _condition(call)
    if name in _IF:
        given = [condition, *(call.args[1:] if call is not None and name == "pytest.mark.skipif" else ())]
        return SKIPPED if any(_truth(module, each) is True for each in given) else ""
    if name in _UNLESS:
        return SKIPPED if _truth(module, condition) is False else ""
    if name in _EXPECTED:
        strict = call is not None and any(k.arg == "strict" and _truth(module, k.value) is True for k in call.keywords)
        return "" if strict or (condition is not None and _truth(module, condition) is not True) else EXPECTED
    return ""


def _condition(call: ast.Call | None) -> ast.expr | None:
    if call is None:
        return None
    given = next((k.value for k in call.keywords if k.arg == "condition"), None)
    return given or (call.args[0] if call.args else None)


def _truth(module: ParsedModule, condition: ast.expr | None) -> bool | None:
    """What a condition always is; None when it depends. A string is evaluated by pytest: `"True"` is true."""
    if isinstance(condition, ast.Constant) and isinstance(condition.value, str):
        try:
            return truth(module, ast.parse(condition.value[:MAX_CONDITION].strip(), mode="eval").body)
        except (SyntaxError, ValueError, RecursionError):
            return None
    return truth(module, condition)


def _is_nothing(module: ParsedModule, values: ast.expr) -> bool:
    """An empty literal, also by a name that nothing adds to."""
    if isinstance(values, ast.Name):
        bound = module.names.reaching(values)
        value = bound[0].value if len(bound) == 1 else None
        uses = [n for n in module.of(ast.Name) if n.id == values.id and isinstance(n.ctx, ast.Load)]
        return value is not None and is_empty(value) and all(isinstance(module.parents[n], ast.Call) for n in uses)
    return is_empty(values)


def ends_the_test(module: ParsedModule, statement: ast.stmt) -> str:
    """The reason when a statement skips the test, or expects its failure, wherever it is reached."""
    raised = statement.exc if isinstance(statement, ast.Raise) else None
    expression = statement.value if isinstance(statement, ast.Expr) else raised
    called = expression.func if isinstance(expression, ast.Call) else expression
    if called is None:
        return ""
    name = module.resolve(called)
    if isinstance(expression, ast.Call) and isinstance(called, ast.Attribute) and called.attr in _MARKING:
        return next((reason for mark in expression.args if (reason := _reason(module, mark))), "")
    if name == "hypothesis.assume" and isinstance(expression, ast.Call) and expression.args:
        return NO_EXAMPLE if truth(module, expression.args[0]) is False else ""
    if name in _SKIP_CALLS or (isinstance(called, ast.Attribute) and called.attr == "skipTest"):
        return SKIPPED
    return EXPECTED if name == "pytest.xfail" else ""
