"""Substitutes that are chosen by a condition: something local where a service, module or program is not there.

`client or LocalCache()`, `Redis(url) if url else dict()`, `if not ping(): return InMemoryStore()`, a default where a
response was no good. A parameter that may be left out, and a setting that names what to use, are choices of the caller.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Literal, NamedTuple

from strictreal.collect.python import absent, bodies, heard
from strictreal.collect.python.bodies import dotted
from strictreal.collect.python.module import ParsedModule
from strictreal.facts.behaviour import Substitute, vocabulary, words

Absent = Literal["client", "reach", "program", "address", "answer"]

_REACH = vocabulary(
    """
    available reachable connected alive healthy online ping pings reach connect responds responsive up unavailable
    unreachable disconnected offline unhealthy down dead
    """
)
_NEGATIVE = vocabulary("unavailable unreachable disconnected offline unhealthy down dead missing")
"""Words that are true of a service which is not there."""
_ASKING_PROGRAMS = frozenset(
    {"shutil.which", "importlib.util.find_spec", "importlib.find_loader", "pkgutil.find_loader"}
)
_CLIENTS = vocabulary(
    """
    client redis connection conn db database producer consumer broker publisher engine pool kafka postgres mongo
    s3 bucket gateway backend session channel embedder llm vectorstore
    """
)
_ADDRESSES = vocabulary("url uri dsn host hosts endpoint address server servers brokers bootstrap")
_LOCAL = vocabulary(
    """
    local fallback fake dummy mock stub null noop simple naive default dict simulated simulator static placeholder
    canned trivial standin
    """
)
_BUILTIN = frozenset({"dict", "list", "set", "collections.defaultdict", "collections.OrderedDict", "collections.deque"})
_GETTING = {(verb,) for verb in ("get", "connect", "discover", "find", "open", "locate", "resolve", "try", "maybe")}
_GOOD = frozenset({"ok", "is_success", "is_ok"})
_BAD = frozenset({"is_error", "is_client_error", "is_server_error"})
_STATUS = frozenset({"status_code", "status"})


class _Choice(NamedTuple):
    """A condition, and what is taken where something is not there."""

    node: ast.expr
    test: ast.expr
    when: bool
    """The value of the condition for which `taken` is taken."""
    taken: ast.expr | None
    other: ast.expr | None
    """What is taken otherwise, where one expression says it."""


def facts(module: ParsedModule) -> Iterator[Substitute]:
    """Every substitute of a module that a condition chooses."""
    for choice in _choices(module):
        kind = _absent(module, choice)
        if kind is None or choice.taken is None or not _stands_in(module, choice, kind):
            continue
        function = bodies.enclosing(module, choice.node)
        yield Substitute(
            where=module.at(choice.node),
            absent=kind,
            instead=bodies.source(choice.test),
            shown=bodies.source(choice.taken),
            value=bodies.value_of(module, choice.taken),
            function=bodies.qualname(module, function) if function else "",
        )


def _choices(module: ParsedModule) -> Iterator[_Choice]:
    for either in module.of(ast.BoolOp):
        if isinstance(either.op, ast.Or) and isinstance(either.values[-1], ast.Call):
            yield _Choice(either.values[-1], either.values[-2], when=False, taken=either.values[-1], other=None)
    for chosen in module.of(ast.IfExp):
        yield _Choice(chosen.body, chosen.test, when=True, taken=chosen.body, other=chosen.orelse)
        yield _Choice(chosen.orelse, chosen.test, when=False, taken=chosen.orelse, other=chosen.body)
    for branch in module.of(ast.If):
        after = branch.orelse or absent.rest(module, branch)
        first, second = _given(module, branch.body), _given(module, after)
        if first is not None:
            yield _Choice(first, branch.test, when=True, taken=first, other=second)
        if second is not None and (branch.orelse or first is not None or _leaves(branch.body)):
            yield _Choice(second, branch.test, when=False, taken=second, other=first)


def _leaves(block: list[ast.stmt]) -> bool:
    return isinstance(block[-1], ast.Return)


def _given(module: ParsedModule, block: list[ast.stmt]) -> ast.expr | None:
    """What a block that does nothing else returns or assigns; None for one that works, raises or tells."""
    found: ast.expr | None = None
    for statement in block:
        if isinstance(statement, ast.Expr) and bodies.is_inert(module, statement.value):
            continue
        if isinstance(statement, ast.Import | ast.ImportFrom | ast.Pass):
            continue
        if isinstance(statement, ast.Return | ast.Assign | ast.AnnAssign) and found is None:
            found = statement.value
            if isinstance(statement, ast.Return):
                break
            continue
        return None
    return found


def _absent(module: ParsedModule, choice: _Choice) -> Absent | None:
    """What is not there when the choice falls on `taken`; None when the condition asks for something else."""
    test, when = choice.test, choice.when
    while True:
        if isinstance(test, ast.NamedExpr):
            test = test.value
        elif isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
            test, when = test.operand, not when
        elif isinstance(test, ast.Compare) and len(test.ops) == 1 and _is_nothing(test.comparators[0]):
            if isinstance(test.ops[0], ast.Is | ast.Eq):
                when = not when
            test = test.left
        else:
            break
    if isinstance(test, ast.Compare):
        return "answer" if _is_failure(module, test) is when else None
    if isinstance(test, ast.Call) and dotted(module, test.func) in _ASKING_PROGRAMS:
        return "program" if not when else None
    if isinstance(test, ast.BoolOp):
        parts = [_absent(module, choice._replace(test=part, when=when)) for part in test.values]
        return next((part for part in parts if part not in {None, "client", "address"}), None)
    called = test.func if isinstance(test, ast.Call) else test
    name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
    if isinstance(test, ast.Attribute) and (name in _GOOD or name in _BAD):
        if getattr(test.value, "id", "") in {"self", "cls"}:
            return None
        return "answer" if (name in _BAD) is when else None
    own = words(name)
    if own and not _REACH.isdisjoint({own[0], own[-1], *(own if own[0] in {"is", "can", "has"} else ())}):
        return "reach" if _NEGATIVE.isdisjoint(own) is not when else None
    if isinstance(called, ast.Name) and test is called and _asks_for_program(module, called):
        return "program" if not when else None
    if when or _is_optional(module, called):
        return None
    if isinstance(test, ast.Call) and name == "getattr" and len(test.args) > 1:
        own = words(module.string(test.args[1]) or "")
    elif isinstance(test, ast.Call) and name not in {"get", "getenv"} and own[:1] not in _GETTING:
        return None
    elif isinstance(test, ast.Call) and name in {"get", "getenv"} and test.args:
        own = words(module.string(test.args[0]) or "")
    if own and own[-1] in _ADDRESSES:
        return "address"
    return "client" if own and own[-1] in _CLIENTS and "local" not in own else None


def _is_nothing(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value in {None, False}


def _is_failure(module: ParsedModule, test: ast.Compare) -> bool | None:
    """Whether a comparison of a status is true for a request that failed; None for anything else, and for 404 alone."""
    if len(test.ops) != 1 or not (isinstance(test.left, ast.Attribute) and test.left.attr in _STATUS):
        return None
    [operator], [right] = test.ops, test.comparators
    codes = right.elts if isinstance(right, ast.Tuple | ast.List | ast.Set) else [right]
    known = [code.value for code in codes if isinstance(code, ast.Constant) and type(code.value) is int]
    known += [200 for code in codes if isinstance(code, ast.Attribute) and code.attr in {"OK", "HTTP_200_OK", "ok"}]
    if len(known) != len(codes) or not known:
        return None
    if isinstance(operator, ast.GtE | ast.Gt):
        return True if 299 <= known[0] <= 500 else None
    if isinstance(operator, ast.Lt | ast.LtE):
        return False if 299 <= known[0] <= 500 else None
    good = all(200 <= code < 300 for code in known)
    if isinstance(operator, ast.Eq | ast.In):
        return False if good else True if all(code >= 500 for code in known) else None
    return True if good and isinstance(operator, ast.NotEq | ast.NotIn) else None


def _asks_for_program(module: ParsedModule, name: ast.Name) -> bool:
    """Whether a variable holds what `shutil.which` or `find_spec` answered."""
    bound = [b.value for b in module.names.reaching(name)]
    value = bound[0] if len(bound) == 1 else None
    while isinstance(value, ast.Compare):
        value = value.left
    return isinstance(value, ast.Call) and dotted(module, value.func) in _ASKING_PROGRAMS


def _is_optional(module: ParsedModule, node: ast.expr) -> bool:
    """Whether an expression is a parameter that may be left out: the default is part of the signature."""
    function = bodies.enclosing(module, node)
    if function is None or not isinstance(node, ast.Name):
        return False
    a = function.args
    plain = [*a.posonlyargs, *a.args]
    optional = plain[len(plain) - len(a.defaults) :] if a.defaults else []
    named = {p.arg for p in optional} | {
        p.arg for p, default in zip(a.kwonlyargs, a.kw_defaults, strict=True) if default is not None
    }
    if node.id in named:
        return True
    annotations = [ast.unparse(p.annotation) for p in (*plain, *a.kwonlyargs) if p.arg == node.id and p.annotation]
    return any("None" in text or "Optional" in text for text in annotations)


def _stands_in(module: ParsedModule, choice: _Choice, kind: Absent) -> bool:
    """Whether what is taken is a stand-in, or for a failed answer a default, that nobody hears of."""
    taken = choice.taken
    function = bodies.enclosing(module, choice.node)
    if taken is None or (choice.other is not None and ast.dump(choice.other) == ast.dump(taken)):
        return False
    if kind == "answer":
        value = bodies.value_of(module, taken)
        told = heard.tells(module, [ast.Expr(taken)])
        counted = isinstance(taken, ast.Constant) and type(taken.value) is int
        return value in {"none", "trivial", "record", "text"} and function is not None and not told and not counted
    name = dotted(module, taken.func) if isinstance(taken, ast.Call) else ""
    if name in _BUILTIN or isinstance(taken, ast.Dict | ast.List):
        return _is_client(choice.other) and (name != "" or not _holds_something(taken))
    if not isinstance(taken, ast.Call):
        return False
    last = name.rpartition(".")[2] or getattr(taken.func, "attr", "")
    own = words(last)
    receiver = words(name.rpartition(".")[0].rpartition(".")[2])
    memory = "memory" in own and "in" in own
    if kind in {"client", "address"} and own[-1:] == ("default",):
        return False
    standing = memory or not _LOCAL.isdisjoint(own) or not {"local", "fallback"}.isdisjoint(receiver[:1])
    if own[:1] == ("get",) or not standing:
        return False
    return kind != "address" or last[:1].isupper() or memory


def _is_client(node: ast.expr | None) -> bool:
    """Whether what is taken otherwise is an object by which a service is called, or makes one."""
    called = node.func if isinstance(node, ast.Call) else node
    name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
    return not _CLIENTS.isdisjoint(words(name))


def _holds_something(node: ast.expr) -> bool:
    """Whether a collection that is written out holds anything."""
    return bool(node.keys if isinstance(node, ast.Dict) else getattr(node, "elts", ()))
