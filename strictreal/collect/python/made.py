"""What is known of a value by the call that makes it, whatever is handed to that: `len(rows)` is a number and not below 0."""

from __future__ import annotations

import ast

_MAKES = {
    **{kind: kind for kind in ("str", "int", "float", "bool", "list", "dict", "set", "tuple", "frozenset", "bytes")},
    "len": "int",
    "sorted": "list",
    "repr": "str",
    "callable": "bool",
    "isinstance": "bool",
    "hasattr": "bool",
    "any": "bool",
    "all": "bool",
    "ord": "int",
    "chr": "str",
    "hash": "int",
    "id": "int",
}
"""Plain functions, and the type of what each gives."""
_KIN = {"bool": {"int"}}
"""Types that a value of a type is an instance of as well."""


def kind(node: ast.expr) -> str:
    """The plain type that an expression has in every run; "" where that is not known."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        return _MAKES.get(node.func.id, "")
    if isinstance(node, ast.Compare) or (isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not)):
        plain = isinstance(node, ast.UnaryOp) or all(
            isinstance(o, ast.Is | ast.IsNot | ast.In | ast.NotIn) for o in node.ops
        )
        return "bool" if plain else ""
    return "str" if isinstance(node, ast.JoinedStr) else ""


def is_instance(value: ast.expr, kinds: ast.expr) -> bool:
    """Whether a value is an instance of one of some types, whatever it was made of: `isinstance(str(x), str)`."""
    own = kind(value)
    for wanted in kinds.elts if isinstance(kinds, ast.Tuple) else [kinds]:
        if isinstance(wanted, ast.Name) and (wanted.id == "object" or (own and wanted.id in {own, *_KIN.get(own, ())})):
            return True
        of_itself = isinstance(wanted, ast.Call) and getattr(wanted.func, "id", "") == "type" and len(wanted.args) == 1
        if of_itself and isinstance(wanted, ast.Call) and ast.dump(wanted.args[0]) == ast.dump(value):
            return isinstance(value, ast.Name | ast.Attribute)
    return False


def holds(left: ast.expr, operator: ast.cmpop, right: ast.expr) -> bool:
    """Whether a comparison holds by what its left side is made by: `len(x) >= 0`, `bool(x) in (True, False)`."""
    if isinstance(operator, ast.Eq) and isinstance(left, ast.Call) and getattr(left.func, "id", "") == "len":
        listed = left.args[0] if len(left.args) == 1 else None
        if isinstance(listed, ast.List | ast.Tuple) and isinstance(right, ast.Constant):
            return len(listed.elts) == right.value and not any(isinstance(e, ast.Starred) for e in listed.elts)
    of_itself = isinstance(operator, ast.In) and isinstance(left, ast.Name)
    if of_itself and isinstance(right, ast.List | ast.Tuple | ast.Set):
        named = {e.id for e in right.elts if isinstance(e, ast.Name)}
        if isinstance(left, ast.Name) and left.id in named:
            return True  # `x in [x]`
    bound = right.operand if isinstance(right, ast.UnaryOp) and isinstance(right.op, ast.USub) else right
    value = bound.value if isinstance(bound, ast.Constant) else ...
    if isinstance(operator, ast.IsNot):
        return value is None and kind(left) != ""
    if isinstance(operator, ast.GtE | ast.Gt) and type(value) is int:
        called = getattr(left.func, "id", getattr(left.func, "attr", "")) if isinstance(left, ast.Call) else ""
        below = bound is not right and value > 0
        return called in {"len", "abs"} and (below or (value == 0 and isinstance(operator, ast.GtE)))
    if isinstance(operator, ast.In) and isinstance(right, ast.List | ast.Tuple | ast.Set):
        truths = {e.value for e in right.elts if isinstance(e, ast.Constant) and type(e.value) is bool}
        return kind(left) == "bool" and truths == {True, False}
    return False
