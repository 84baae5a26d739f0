"""The tests of a module, by the conventions of pytest and unittest, and why some of them cannot fail."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from strictreal.collect.python import causes, collected, hooks
from strictreal.collect.python.assertions import Judge
from strictreal.collect.python.module import ParsedModule
from strictreal.collect.python.role import role
from strictreal.collect.python.skips import Skips
from strictreal.facts.behaviour import vocabulary, words
from strictreal.facts.code import TestExclusion, TestFunction
from strictreal.model import Fact, Inventory, Location

_TEST_NAME = re.compile(r"test(?:_|[A-Z0-9]|$)")
_TEST_CLASS = re.compile(r"(?:^|[_a-z])Test|^Test|Mixin|Spec")
_TEST_CASE = re.compile(r"(?:^|\.)\w*TestCase(?:\(\))?$|(?:^|\.)TestBase$")
_NOT_TESTS = re.compile(r"(?:^|\.)(?:fixture|abstractmethod|property|overload|cached_property|setter|nottest)$")

OFF = "is switched off by __test__ = False"
_SHARED = vocabulary("base abstract mixin suite contract common shared generic template conformance spec compliance")

Function = ast.FunctionDef | ast.AsyncFunctionDef


def facts(module: ParsedModule) -> Iterator[Fact]:
    """Every test of the module, and how many there are. Modules without tests give nothing."""
    if module.path.rpartition("/")[2] == "conftest.py":
        yield from _uncollected(module)
        yield from hooks.facts(module)
    found = list(_tests(module))
    inner = list(collected.nested(module)) if role(module.path) == "test" else []
    if not found and not inner:
        return
    judge, skips = Judge(module), Skips(module)
    whole = _opted_out(module.tree.body)
    found = [(f, o, off) for f, o, off in found if not off or not judge.weakness(f, o)]  # else it may be a tool
    if not found and not inner:
        return
    yield Inventory(of="TestFunction", count=len(found) + len(inner))
    yield from causes.facts(module, [o for _, o, _ in found if o and not _is_test_case(module, o)], skips)
    for function, around in inner:
        yield TestFunction(where=module.at(function), name=f"{around.name}.{function.name}", weakness=collected.NESTED)
    for function, owner, off in found:
        name = f"{owner.name}.{function.name}" if owner else function.name
        case = owner is not None and _is_test_case(module, owner)
        weakness = (OFF if off or whole else "") or collected.uncollected(module, function, owner, of_case=case)
        weakness = weakness or skips.disabled(function, owner) or judge.weakness(function, owner)
        if not weakness and collected.needs_a_plugin(module, function, owner, of_case=case):
            weakness = collected.UNAWAITED
        where = module.at(function) if weakness else Location(module.path, function.lineno)
        yield TestFunction(where=where, name=name, weakness=weakness)


def _tests(module: ParsedModule) -> Iterator[tuple[Function, ast.ClassDef | None, bool]]:
    """Test functions with the class they are in: top-level functions of test modules, methods of test classes."""
    in_tests = role(module.path) == "test"
    if in_tests:
        switched_off = _switched_off(module)
        for function in module.tree.body:
            if isinstance(function, Function) and _is_test(module, function):
                yield function, None, function.name in switched_off
    for owner in module.of(ast.ClassDef):
        if isinstance(module.parents[owner], ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        collected = _is_test_case(module, owner) or (in_tests and _TEST_CLASS.search(owner.name))
        off = _opted_out(owner.body)
        if collected and not (off and _is_shared(module, owner)):
            yield from ((m, owner, off) for m in owner.body if isinstance(m, Function) and _is_test(module, m))


def _is_shared(module: ParsedModule, owner: ast.ClassDef) -> bool:
    """Whether a class is there for others to inherit its tests from."""
    if not owner.name.startswith("Test") or not _SHARED.isdisjoint(words(owner.name)):
        return True
    return any(isinstance(b, ast.Name) and b.id == owner.name for heir in module.of(ast.ClassDef) for b in heir.bases)


def _uncollected(module: ParsedModule) -> Iterator[TestExclusion]:
    """`collect_ignore = ["test_slow.py"]` in every run; what a condition adds is left to it."""
    for statement in module.tree.body:
        value: ast.expr | None = None
        target: ast.expr | None = None
        if isinstance(statement, ast.Assign):
            target, value = statement.targets[0], statement.value
        elif isinstance(statement, ast.AugAssign | ast.AnnAssign):
            target, value = statement.target, statement.value
        elif isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call) and statement.value.args:
            called = statement.value.func
            if isinstance(called, ast.Attribute) and called.attr in {"append", "extend"}:
                target, value = called.value, statement.value.args[0]
        if not (isinstance(target, ast.Name) and target.id in {"collect_ignore", "collect_ignore_glob"}):
            continue
        listed = value.elts if isinstance(value, ast.List | ast.Tuple | ast.Set) else [value]
        for element in listed:
            what = module.string(element) or ""
            if "test" in what.lower() or what in {"*", "*.py"}:
                yield TestExclusion(where=module.at(statement), how=target.id, what=what[:120])


def _is_test(module: ParsedModule, function: Function) -> bool:
    if not _TEST_NAME.match(function.name):
        return False
    decorators = [d.func if isinstance(d, ast.Call) else d for d in function.decorator_list]
    named = [module.resolve(d) or (d.attr if isinstance(d, ast.Attribute) else "") for d in decorators]
    return not any(_NOT_TESTS.search(name) for name in named)


def _is_test_case(module: ParsedModule, owner: ast.ClassDef) -> bool:
    """Whether a class is a `unittest.TestCase`, by its bases here or by what they are called."""
    waiting, visited = list(owner.bases), {owner}
    while waiting:
        base = waiting.pop()
        if any(_TEST_CASE.search(name) for name in module.resolve_all(base)):
            return True
        for definition in module.definitions(base):
            if isinstance(definition, ast.ClassDef) and definition not in visited:
                visited.add(definition)
                waiting += definition.bases
    return False


def _opted_out(body: list[ast.stmt]) -> bool:
    """`__test__ = False`: pytest collects nothing of it."""
    return any(
        isinstance(s, ast.Assign)
        and any(isinstance(t, ast.Name) and t.id == "__test__" for t in s.targets)
        and isinstance(s.value, ast.Constant)
        and not s.value.value
        for s in body
    )


def _switched_off(module: ParsedModule) -> set[str]:
    """Functions with `test_tool.__test__ = False` beside them."""
    return {
        target.value.id
        for statement in module.tree.body
        if isinstance(statement, ast.Assign)
        and isinstance(target := statement.targets[0], ast.Attribute)
        and target.attr == "__test__"
        and isinstance(target.value, ast.Name)
    }
