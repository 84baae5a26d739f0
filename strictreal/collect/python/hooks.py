"""Hooks of a conftest.py that take tests out of every run, or their failure out of the verdict."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from strictreal.collect.python import skips
from strictreal.collect.python.frame import walk
from strictreal.collect.python.module import ParsedModule
from strictreal.collect.python.tautology import is_empty, truth
from strictreal.facts.code import TestExclusion

Function = ast.FunctionDef | ast.AsyncFunctionDef
_SKIPPING = frozenset({"pytest.mark.skip", "pytest.mark.xfail"})
_COLLECTING = frozenset({"pytest_collection_modifyitems", "pytest_itemcollected", "pytest_runtest_setup"})
_REPORTING = frozenset({"pytest_runtest_makereport", "pytest_runtest_logreport", "pytest_report_teststatus"})
_ENDING = frozenset({"pytest_sessionfinish", "pytest_terminal_summary", "pytest_unconfigure"})


def facts(module: ParsedModule) -> Iterator[TestExclusion]:
    """Everything that a conftest.py does so to all tests, and under no condition; at most one for each hook."""
    for function in module.tree.body:
        if isinstance(function, Function) and (found := _of_hook(module, function)):
            yield TestExclusion(where=module.at(found[0]), how=function.name, what=found[1])
    if every := skips.for_all(module):
        yield TestExclusion(where=module.at(every[0]), how="a fixture for every test", what=every[1])


def _of_hook(module: ParsedModule, function: Function) -> tuple[ast.AST, str] | None:
    """What a hook does to every test, and where."""
    if function.name == "pytest_ignore_collect":
        return next(
            ((s, "ignores every file") for s in _always(module, function.body) if _returns_true(module, s)), None
        )
    if function.name in _COLLECTING:
        for done in _always(module, function.body):
            if what := _takes_away(module, function, done):
                return done, what
    if function.name in _REPORTING | _ENDING:
        for node in walk(function.body):
            if isinstance(node, ast.Assign) and (what := _overrules(module, function.name, node)):
                return node, what
    return None


def _always(module: ParsedModule, body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements that a hook executes for every item: those of its loops too, until one that may go on before."""
    for statement in skips.always(module, body):
        if isinstance(statement, ast.For):
            yield from _always(module, statement.body)
        else:
            yield statement
        if isinstance(statement, ast.Return | ast.Raise) or _may_leave(statement):
            return


def _may_leave(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.If) and any(
        isinstance(node, ast.Return | ast.Continue | ast.Break | ast.Raise) for node in walk([statement])
    )


def _returns_true(module: ParsedModule, statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Return) and truth(module, statement.value) is True


def _takes_away(module: ParsedModule, function: Function, statement: ast.stmt) -> str:
    """`item.add_marker(pytest.mark.skip)`, `items.clear()`, `items[:] = []`, `pytest.skip()`."""
    given = {a.arg for a in function.args.args}
    if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Subscript):
        target = statement.targets[0]
        if isinstance(target.value, ast.Name) and target.value.id in given and is_empty(statement.value):
            return "leaves no test"
    if isinstance(statement, ast.Delete):
        held = [t.value for t in statement.targets if isinstance(t, ast.Subscript) and isinstance(t.slice, ast.Slice)]
        if any(isinstance(value, ast.Name) and value.id in given for value in held):
            return "leaves no test"
    call = statement.value if isinstance(statement, ast.Expr) else None
    if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute):
        holder = call.func.value
        if call.func.attr == "clear" and isinstance(holder, ast.Name) and holder.id in given:
            return "leaves no test"
        if call.func.attr == "add_marker" and call.args:
            mark = _followed(module, call.args[0])
            named = module.resolve(mark.func if isinstance(mark, ast.Call) else mark).removesuffix("()")
            text = module.string(call.args[0])
            if named in _SKIPPING or text in {"skip", "xfail"}:
                return f"marks every test with {text or named.rpartition('.')[2]}"
    reason = skips.ends_the_test(module, statement)
    return f"every test {reason}" if reason else ""


def _followed(module: ParsedModule, node: ast.expr) -> ast.expr:
    """The mark that a name was given."""
    bound = module.names.reaching(node) if isinstance(node, ast.Name) else ()
    value = bound[0].value if len(bound) == 1 else None
    return value if value is not None else node


def _overrules(module: ParsedModule, hook: str, assign: ast.Assign) -> str:
    """`report.outcome = "passed"`, `session.exitstatus = 0`."""
    target = assign.targets[0]
    if not isinstance(target, ast.Attribute):
        return ""
    if hook in _REPORTING and target.attr == "outcome" and module.string(assign.value) in {"passed", "skipped"}:
        return f"calls a test {module.string(assign.value)} whatever became of it"
    zero = isinstance(assign.value, ast.Constant) and assign.value.value == 0
    zero = zero or module.resolve(assign.value).endswith("ExitCode.OK")
    return "ends with success whatever failed" if hook in _ENDING and target.attr == "exitstatus" and zero else ""
