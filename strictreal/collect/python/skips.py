"""Tests that never run, or whose failure is ignored: unconditional skips and expected failures."""

from __future__ import annotations

import ast

from strictreal.collect.python.module import ParsedModule
from strictreal.collect.python.names import Definition
from strictreal.collect.python.tautology import is_empty

SKIPPED = "is skipped unconditionally"
EMPTY = "is parametrized with nothing, and so never runs"
EXPECTED = "is expected to fail, unconditionally"
_SKIP = {"pytest.mark.skip", "unittest.skip", "nose.tools.nottest", "unittest.case.skip"}
_EXPECTED = {"pytest.mark.xfail", "unittest.expectedFailure", "unittest.case.expectedFailure"}
_IF = {"pytest.mark.skipif", "unittest.skipIf", "unittest.case.skipIf"}
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
        self._classes: dict[ast.ClassDef, str] = {}

    def disabled(self, function: Definition, owner: ast.ClassDef | None) -> str:
        """Why a test never counts, by its decorators, its class or its module; empty when it does."""
        reason = self._whole or self._first(function.decorator_list)
        if reason or owner is None:
            return reason
        if owner not in self._classes:
            self._classes[owner] = self._first([*owner.decorator_list, *_assigned_marks(owner.body)])
        return self._classes[owner]

    def _first(self, marks: list[ast.expr]) -> str:
        return next((reason for mark in marks if (reason := _reason(self._module, mark))), "")


def _skipping_calls(module: ParsedModule) -> list[ast.expr]:
    """`pytest.skip(allow_module_level=True)` as a statement of the module, which always runs."""
    return [
        statement.value
        for statement in module.tree.body
        if isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Call)
        and module.resolve(statement.value.func) == "pytest.skip"
    ]


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
    if name in _SKIP or name == "pytest.skip":
        return SKIPPED
    if name == "pytest.mark.parametrize" and call is not None:
        values = next(
            (k.value for k in call.keywords if k.arg == "argvalues"), call.args[1] if len(call.args) > 1 else None
        )
        return EMPTY if values is not None and is_empty(values) else ""
    condition = _condition(call)
    if name in _IF:
        return SKIPPED if _truth(module, condition) is True else ""
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
    if isinstance(condition, ast.Constant):
        if isinstance(condition.value, str):
            return {"True": True, "1": True, "False": False, "0": False}.get(condition.value.strip())
        return bool(condition.value)
    if isinstance(condition, ast.UnaryOp) and isinstance(condition.op, ast.Not):
        inner = _truth(module, condition.operand)
        return None if inner is None else not inner
    return None


def ends_the_test(module: ParsedModule, statement: ast.stmt) -> str:
    """The reason when a statement skips the test, or expects its failure, wherever it is reached."""
    raised = statement.exc if isinstance(statement, ast.Raise) else None
    expression = statement.value if isinstance(statement, ast.Expr) else raised
    called = expression.func if isinstance(expression, ast.Call) else expression
    if called is None:
        return ""
    name = module.resolve(called)
    if name in _SKIP_CALLS or (isinstance(called, ast.Attribute) and called.attr == "skipTest"):
        return SKIPPED
    return EXPECTED if name == "pytest.xfail" else ""
