"""How a handler ends: what it puts in the place of the result that it could not have."""

from __future__ import annotations

import ast
from dataclasses import dataclass, replace

from strictreal.collect.python import bodies, handed, hollow, kept
from strictreal.collect.python.bodies import dotted
from strictreal.collect.python.module import ParsedModule
from strictreal.facts.behaviour import Ending, Value, vocabulary

_EMPTY = vocabulary(
    """
    dict list set tuple object str bytes int float frozenset
    """
)


@dataclass
class Ended:
    """What a handler puts in the place of a result, and the statement that does it."""

    ends: Ending
    node: ast.AST
    value: Value = ""
    shown: str = ""


def ending(module: ParsedModule, statements: list[ast.stmt], caught: str | None) -> Ended | None:
    """What the handler puts in the place of the result; None when it does some work of its own.

    Args:
        caught: the name of the exception; what is made of it is a message, and no result.
    """
    acts = False
    last: Ended | None = None
    for statement in statements:
        if handed.is_idle(module, statement, caught):
            continue
        if _undoes(statement) or (isinstance(statement, ast.AugAssign) and isinstance(statement.target, ast.Name)):
            continue  # one more round is counted
        if isinstance(statement, ast.Return):
            if statement.value is None:
                return None if acts else Ended("returns", statement, "none", "None")
            given = _given(module, statement, statement.value, "returns")
            made = last is not None and given.ends == "substitutes" and isinstance(last.node, ast.Assign)
            return last if made and _uses(statement.value, last) else given
        if isinstance(statement, ast.Continue | ast.Break):
            return None if acts else last or Ended("continues", statement)
        if isinstance(statement, ast.Assign | ast.AnnAssign):
            if statement.value is not None and not _mentions(statement.value, caught):
                given = _given(module, statement, statement.value, "assigns")
                last = given if last is None or last.ends == "substitutes" else last
        elif isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            last = last or Ended("defines", statement, shown=statement.name)
        elif isinstance(statement, ast.If):
            first = ending(module, statement.body, caught)
            second = ending(module, statement.orelse, caught) if statement.orelse else None
            inside = first or (None if second is not None and second.ends == "passes" else second)
            last = last or inside
            acts |= inside is None
        elif isinstance(statement, ast.Try):
            inside = ending(module, statement.body, caught)
            tells = inside is not None and (inside.ends == "substitutes" or inside.value != "")
            last = last or (inside if tells else None)
            acts |= not tells
        elif isinstance(statement, ast.Expr) and (default := kept.default(module, statement.value)) is not None:
            last = last or _given(module, statement, default, "assigns")
        elif isinstance(statement, ast.With) and (opened := _opened(module, statement)) is not None:
            inside = ending(module, statement.body, caught)
            if inside is not None and inside.ends in {"returns", "assigns", "substitutes"}:
                last = last or Ended("substitutes", statement, shown=bodies.source(opened))
                if isinstance(statement.body[-1], ast.Return):
                    return last
            acts |= inside is None
        elif isinstance(statement, ast.Expr) and kept.switches(module, statement.value):
            last = last or Ended("substitutes", statement, shown=bodies.source(statement.value))
        elif isinstance(statement, ast.Expr) and isinstance(statement.value, ast.YieldFrom):
            return _given(module, statement, statement.value.value, "returns")
        elif isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Yield):
            return _given(module, statement, statement.value.value or ast.Constant(None), "returns")
        elif not isinstance(statement, ast.Import | ast.ImportFrom | ast.Global | ast.Nonlocal):
            acts = True
    if last is not None:
        return last
    return None if acts else Ended("passes", statements[0])


def _undoes(statement: ast.stmt) -> bool:
    """Whether a statement only takes back what was begun: `session.rollback()`."""
    value = statement.value if isinstance(statement, ast.Expr) else None
    call = value.value if isinstance(value, ast.Await) else value
    return isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "rollback"


def _uses(value: ast.expr, made: Ended | None) -> bool:
    """Whether a result comes from what was made a line before: `store = LocalStore()`, `return store.get(key)`.

    A literal that is only handed to another call, `url = MIRROR`, `return fetch(url)`, is not what is asked.
    """
    if made is None or not isinstance(made.node, ast.Assign):
        return False
    if made.ends == "assigns":
        asked = value.value if isinstance(value, ast.Await) else value
        if not (isinstance(made.node.value, ast.Call) and isinstance(asked, ast.Call)):
            return False
        value = asked.func
    return any(isinstance(t, ast.Name) and _mentions(value, t.id) for t in made.node.targets)


def _opened(module: ParsedModule, block: ast.With) -> ast.expr | None:
    """The file, or the database in a file, that a block opens; None where it opens none."""
    for item in block.items:
        call = item.context_expr
        if isinstance(call, ast.Call) and (
            dotted(module, call.func) in {"open", "io.open", "gzip.open", "sqlite3.connect", "shelve.open"}
            or (isinstance(call.func, ast.Attribute) and call.func.attr == "open")
        ):
            return call
    return None


def _mentions(value: ast.expr, name: str | None) -> bool:
    return any(isinstance(node, ast.Name) and node.id == name for node in ast.walk(value))


def _given(module: ParsedModule, statement: ast.stmt, value: ast.expr, how: Ending) -> Ended:
    kind = bodies.value_of(module, value)
    shown = bodies.source(value)
    answered = hollow.answers(module, value)
    if answered is not None:
        return replace(_given(module, statement, answered[-1], how), shown=shown)
    if isinstance(value, ast.IfExp) and not kind:
        first, second = (_given(module, statement, part, how) for part in (value.body, value.orelse))
        return replace(first if first.ends == "substitutes" else second, shown=shown)
    if kind:
        return Ended(how, statement, kind, shown)
    if isinstance(value, ast.Name | ast.Attribute | ast.Subscript):
        return Ended(how, statement, "", shown)
    if isinstance(value, ast.Call) and not value.args and not value.keywords and not isinstance(value.func, ast.Call):
        name = dotted(module, value.func)
        if name.rpartition(".")[2][:1].isupper() or name in _EMPTY:
            return Ended(how, statement, "trivial", shown)
    parts = value.values if isinstance(value, ast.Dict) else getattr(value, "elts", [])
    computed = [
        part for part in parts if not bodies.value_of(module, part)
    ]  # `torch.zeros(3)` is written, not computed
    calls = [n for part in computed for n in bodies.within(part) if isinstance(n, ast.Call | ast.Await)]
    if isinstance(value, ast.Dict | ast.List | ast.Tuple | ast.Set) and not calls:
        return Ended(how, statement, "record", shown)
    return Ended("substitutes", statement, "", shown)
