"""Expressions whose value is known before the test runs: conditions that never vary, assertions that always hold."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from strictreal.collect.python import made
from strictreal.collect.python.context import last_name
from strictreal.collect.python.module import ParsedModule
from strictreal.collect.python.vocabulary import vocabulary

MAX_ALIASES = 4
"""Through how many other names a value is followed."""
_TRUE_CALLS = {"assertTrue", "assert_", "assertIsNotNone", "ok_", "assert_true"}
_FALSE_CALLS = {"assertFalse", "assertIsNone", "assert_false"}
_SAME_CALLS = vocabulary("assertEqual assertEquals assertIs assert_equal eq_ assertIn assertListEqual assertDictEqual")
_SAME_CALLS |= vocabulary("assert_array_equal assert_allclose assertAlmostEqual assertGreaterEqual assertLessEqual")
_ALWAYS_THERE = {"called_once", "called_once_with", "called_with", "called_any", "has_any_calls"}
"""Attributes that a mock makes up when asked, and which are then true."""
_OPERATORS: dict[str, ast.cmpop] = {
    "assertGreaterEqual": ast.GtE(),
    "assertGreater": ast.Gt(),
    "assertIn": ast.In(),
    "assertIsNot": ast.IsNot(),
}
"""Comparisons of unittest, as they are written otherwise."""
_PLAIN_CALLS = vocabulary("len type")
MAX_PLAIN = 40
"""Attributes, subscripts and calls around a name that are looked through."""
_OPPOSITES: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Is: ast.IsNot,
    ast.Eq: ast.NotEq,
    ast.In: ast.NotIn,
    ast.Lt: ast.GtE,
    ast.Gt: ast.LtE,
}


def truth(module: ParsedModule, test: ast.expr | None, depth: int = 8) -> bool | None:
    """What a condition is in every run; None when it depends.

    `__debug__` counts as true: where it is not, no `assert` runs either.
    """
    match test:
        case None:
            return None
        case _ if depth == 0:
            return None
        case ast.Constant(value=value):
            return bool(value)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            inner = truth(module, operand, depth - 1)
            return None if inner is None else not inner
        case ast.BoolOp(op=operator, values=values):
            known = [truth(module, value, depth - 1) for value in values]
            deciding = isinstance(operator, ast.Or)
            return deciding if deciding in known else None if None in known else not deciding
        case ast.Compare(left=left, ops=[operator], comparators=[right]):
            first, second = _literal(module, left), _literal(module, right)
            if isinstance(operator, ast.GtE | ast.Gt) and module.resolve(left) == "sys.version_info":
                return True if _is_old(right) else None
            if first is None or second is None:
                return None
            return _compared(first.value, operator, second.value)
        case ast.List(elts=[]) | ast.Tuple(elts=[]) | ast.Dict(keys=[]):
            return False
        case ast.Tuple(elts=items) | ast.List(elts=items) if not any(isinstance(i, ast.Starred) for i in items):
            return True
        case ast.Name() | ast.Attribute():
            if module.resolve(test).endswith("TYPE_CHECKING"):
                return False
            literal = _literal(module, test)
            return None if literal is None or not isinstance(literal.value, bool) else literal.value
        case ast.Call(func=ast.Name(id="bool"), args=[inner]):
            return truth(module, inner, depth - 1)
    return None


def _is_old(version: ast.expr) -> bool:
    """Whether a version of Python is one that nothing runs any more: up to 3.5."""
    parts = [e.value for e in version.elts if isinstance(e, ast.Constant)] if isinstance(version, ast.Tuple) else []
    numbers = [part for part in parts if type(part) is int]
    return bool(numbers) and tuple(numbers) < (3, 6)


def _compared(first: object, operator: ast.cmpop, second: object) -> bool | None:
    """What a comparison of two constants gives; None for one that is not worked out."""
    if _holds(first, operator, second):
        return True
    opposite = _OPPOSITES.get(type(operator)) or next((k for k, v in _OPPOSITES.items() if v is type(operator)), None)
    return False if opposite is not None and _holds(first, opposite(), second) else None


def is_true(module: ParsedModule, test: ast.expr, depth: int = 6) -> bool:
    """Whether an asserted expression is true whatever the code under test does."""
    if depth == 0:
        return False
    match test:
        case ast.Constant(value=value):
            return bool(value)
        case ast.Name():
            known = module.names.constant(test)
            made_here = module.names.reaching(test)
            functions = [b for b in made_here if isinstance(b.node, ast.FunctionDef) or isinstance(b.value, ast.Lambda)]
            return (known is not None and bool(known.value)) or (bool(functions) and len(functions) == len(made_here))
        case ast.Tuple(elts=items) | ast.List(elts=items) | ast.Set(elts=items):
            return bool(items) and not any(isinstance(i, ast.Starred) for i in items)
        case ast.Dict(keys=keys):
            return bool(keys) and None not in keys
        case ast.Lambda():
            return True
        case ast.JoinedStr(values=values):
            return any(isinstance(v, ast.Constant) and v.value for v in values)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return (isinstance(operand, ast.Constant) and not operand.value) or is_empty(operand)
        case ast.BoolOp(op=ast.Or(), values=values):
            return any(is_true(module, v, depth - 1) for v in values) or _covers_everything(values)
        case ast.BoolOp(values=values):
            return all(is_true(module, v, depth - 1) for v in values)
        case ast.Compare(left=left, ops=[ast.IsNot()], comparators=[ast.Name(id="NotImplemented")]):
            return isinstance(left, ast.Call) and not last_name(left.func).startswith("__")
        case ast.Compare(left=left, ops=[operator], comparators=[right]):
            if made.holds(left, operator, right) or "mock.ANY" in module.resolve(right):
                return isinstance(operator, ast.Eq) or made.holds(left, operator, right)
            return _is_same(module, left, operator, right) or _is_written_twice(module, left, operator, right)
        case ast.Call(func=ast.Name(id="isinstance"), args=[value, kind]):
            return made.is_instance(value, kind)
        case ast.Call(func=ast.Name(id="type"), args=[_]):
            return True
        case ast.Call(func=ast.Name(id="any"), args=[ast.List(elts=values) | ast.Tuple(elts=values)]):
            return any(is_true(module, v, depth - 1) for v in values)
        case ast.Call(func=ast.Name(id="bool"), args=[inner]):
            return is_true(module, inner, depth - 1)
        case ast.Call(
            func=ast.Name(id="all"),
            args=[ast.GeneratorExp(generators=[first, *_]) | ast.ListComp(generators=[first, *_])],
        ):
            return is_empty(first.iter)
        case ast.Call(func=ast.Name(id="all"), args=[inner]):
            return is_empty(inner)
        case ast.Attribute(attr=name) | ast.Call(func=ast.Attribute(attr=name)) if name in _ALWAYS_THERE:
            return True
        case ast.Attribute(attr=name):
            return name.startswith("assert_")
    return False


def _covers_everything(values: list[ast.expr]) -> bool:
    """`x or not x`, `x is None or x is not None`."""
    dumped = {ast.dump(value) for value in values}
    for value in values:
        match value:
            case ast.UnaryOp(op=ast.Not(), operand=operand) if ast.dump(operand) in dumped:
                return True
            case ast.Compare(left=left, ops=[operator], comparators=rest) if type(operator) in _OPPOSITES:
                opposite = ast.Compare(left, [_OPPOSITES[type(operator)]()], rest)
                if ast.dump(opposite) in dumped:
                    return True
    return False


def _is_same(module: ParsedModule, left: ast.expr, operator: ast.cmpop, right: ast.expr) -> bool:
    """`x == x`, `1 == 1`, `len(x) >= 0`."""
    reflexive = isinstance(operator, ast.Eq | ast.Is | ast.LtE | ast.GtE)
    if reflexive and isinstance(left, ast.Name) and isinstance(right, ast.Name):
        left, right = _root(module, left), _root(module, right)
    stable = isinstance(left, ast.Name | ast.Constant) or (isinstance(operator, ast.Eq) and _is_plain(left))
    if reflexive and stable and ast.dump(left) == ast.dump(right):
        return True  # `x.y is x.y` asks whether a property is cached
    first, second = _literal(module, left), _literal(module, right)
    if first is None or second is None:
        return False
    return _holds(first.value, operator, second.value)


def _is_written_twice(module: ParsedModule, left: ast.expr, operator: ast.cmpop, right: ast.expr) -> bool:
    """`rows = [1, 2]` and `assert rows == [1, 2]`, where nothing else is done with the name."""
    if not isinstance(operator, ast.Eq):
        return False
    for name, other in ((left, right), (right, left)):
        bound = module.names.reaching(name) if isinstance(name, ast.Name) else ()
        value = bound[0].value if len(bound) == 1 and isinstance(bound[0].node, ast.Name) else None
        if isinstance(value, ast.List | ast.Dict | ast.Set | ast.Tuple) and ast.dump(value) == ast.dump(other):
            return isinstance(name, ast.Name) and _is_settled(value) and only_compared(module, name)
    return False


def _is_settled(value: ast.expr) -> bool:
    return all(
        isinstance(n, ast.Constant | ast.List | ast.Dict | ast.Set | ast.Tuple | ast.Load) for n in ast.walk(value)
    )


def only_compared(module: ParsedModule, name: ast.Name) -> bool:
    """Whether nothing is done with a name in its scope but to compare it or to loop over it."""
    scope = module.names.binding_scope(name)
    if scope is None or len(module.names.bindings(scope, name.id)) != 1:
        return False
    uses = (n for n in module.of(ast.Name) if n.id == name.id and isinstance(n.ctx, ast.Load))
    read = [n for n in uses if module.names.binding_scope(n) is scope]
    return all(isinstance(module.parents[n], ast.Compare | ast.For | ast.Assert) for n in read)


def _root(module: ParsedModule, name: ast.Name) -> ast.Name:
    """The name that a name is only another one of: `expected` after `expected = result`.

    Followed as long as each is bound once, so that both are still the same object.
    """
    for _ in range(MAX_ALIASES):
        bound = module.names.reaching(name)
        value = bound[0].value if len(bound) == 1 else None
        if not isinstance(value, ast.Name) or len(_bindings(module, value)) != 1 or len(_bindings(module, name)) != 1:
            break
        name = value
    return name


def _bindings(module: ParsedModule, name: ast.Name) -> Sequence[object]:
    """Every binding of a name in its scope."""
    scope = module.names.binding_scope(name)
    return module.names.bindings(scope, name.id) if scope is not None else ()


def _literal(module: ParsedModule, node: ast.expr) -> ast.Constant | None:
    if isinstance(node, ast.Name) and node.id == "__debug__":
        return ast.Constant(value=True)
    return module.names.constant(node) if isinstance(node, ast.Constant | ast.Name | ast.UnaryOp) else None


def is_trivial(module: ParsedModule, call: ast.Call, name: str) -> bool:
    """`self.assertTrue(True)`, `self.assertEqual(1, 1)`, `self.assertIs(x, x)`."""
    if name in _TRUE_CALLS and call.args:
        return is_true(module, call.args[0])
    if name in _FALSE_CALLS and call.args:
        known = _literal(module, call.args[0])
        return known is not None and not known.value
    if name == "assertIsInstance" and len(call.args) > 1:
        return made.is_instance(call.args[0], call.args[1])
    if name in _OPERATORS and len(call.args) > 1 and made.holds(call.args[0], _OPERATORS[name], call.args[1]):
        return True
    if name in _SAME_CALLS and len(call.args) > 1:
        operator = {"assertIn": ast.In(), "assertIs": ast.Is()}.get(name, ast.Eq())
        return _is_same(module, call.args[0], operator, call.args[1])
    return False


def is_empty(iterable: ast.expr, depth: int = 4) -> bool:
    """An iterable that is written empty: `[]`, `()`, `""`, `set()`, `range(0)`, `enumerate([])`, `{}.items()`."""
    match iterable:
        case ast.List(elts=[]) | ast.Tuple(elts=[]) | ast.Dict(keys=[]) | ast.Constant(value="" | b""):
            return True
        case ast.Call(func=ast.Name(id="list" | "tuple" | "set" | "dict" | "frozenset"), args=[], keywords=[]):
            return True
        case ast.Call(func=ast.Name(id="range"), args=[ast.Constant(value=int(stop))]):
            return stop <= 0
        case ast.Call(func=ast.Name(id="range"), args=[ast.Constant(value=int(start)), ast.Constant(value=int(stop))]):
            return stop <= start
        case ast.Subscript(slice=ast.Slice(lower=None | ast.Constant(value=0), upper=ast.Constant(value=0))):
            return True
        case ast.ListComp(generators=[first, *_]) | ast.SetComp(generators=[first, *_]):
            return depth > 0 and is_empty(first.iter, depth - 1)
        case ast.GeneratorExp(generators=[first, *_]) | ast.DictComp(generators=[first, *_]):
            return depth > 0 and is_empty(first.iter, depth - 1)
        case ast.Call(func=ast.Name(id="filter" | "map"), args=[_, inner, *_]):
            return depth > 0 and is_empty(inner, depth - 1)
        case ast.Call(
            func=ast.Name(id="enumerate" | "zip" | "reversed" | "sorted" | "iter" | "list" | "tuple" | "set"),
            args=[inner, *_],
        ):
            return depth > 0 and is_empty(inner, depth - 1)
        case ast.Call(func=ast.Attribute(value=ast.Dict(keys=[]), attr="items" | "keys" | "values")):
            return True
    return False


def _is_plain(node: ast.expr) -> bool:
    """Names, attributes, constants, their length and their type: reading them twice gives the same."""
    for _ in range(MAX_PLAIN):
        if isinstance(node, ast.Attribute):
            node = node.value
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _PLAIN_CALLS:
            if len(node.args) != 1 or node.keywords:
                return False
            node = node.args[0]
        elif isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
            node = node.value
        else:
            break
    return isinstance(node, ast.Name | ast.Constant)


def _holds(first: object, operator: ast.cmpop, second: object) -> bool:
    """Whether a comparison of two known constants is true; a false one fails every time, which is no vacuous test."""
    if isinstance(operator, ast.Eq | ast.Is):
        return first == second
    if isinstance(operator, ast.NotEq | ast.IsNot):
        return first != second
    if isinstance(operator, ast.In) and isinstance(first, str) and isinstance(second, str):
        return first in second
    if isinstance(first, int | float) and isinstance(second, int | float):
        table = {ast.Lt: first < second, ast.LtE: first <= second, ast.Gt: first > second, ast.GtE: first >= second}
        return table.get(type(operator), False)
    return False
