"""Modules that may be missing: what a guarded import brings, what replaces it, and what happens when it is used."""

from __future__ import annotations

import ast
import sys
from collections.abc import Sequence
from typing import Literal

from strictreal.collect.python import bodies
from strictreal.collect.python.bodies import Loads, dotted
from strictreal.collect.python.module import ParsedModule
from strictreal.facts.behaviour import Context, vocabulary, words

_OPTIONAL = frozenset(
    {"local_settings", "settings_local", "localsettings", "sitecustomize", "usercustomize", "_version", "version"}
)
_STANDING_IN = vocabulary(
    """
    fake fakes mock mocks stub stubs dummy fallback fallbacks memory noop null naive local placeholder simulated
    """
)
_RAISING = vocabulary("missing unavailable required placeholder lazy deferred raise raises raising")
"""Words of factories whose product raises when it is used."""
_DIGESTS = vocabulary("hash crc murmur mmh blake sha md digest checksum")
_TYPES = frozenset({"typing.Any", "Any", "typing_extensions.Any"})
_ENDS = frozenset({"sys.exit", "pytest.skip", "pytest.fail", "pytest.importorskip", "exit", "quit", "os._exit"})


def modules(module: ParsedModule, body: list[ast.stmt]) -> tuple[str, ...]:
    """The modules that statements import by name; local settings and version files, optional by design, left out."""
    found: list[str] = []
    for statement in body:
        for node in bodies.within(statement):
            if isinstance(node, ast.Import):
                found += [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                joined = "." * node.level + (node.module or "")
                found += [joined] if node.module else [f"{joined}{alias.name}" for alias in node.names]
            elif isinstance(node, ast.Call) and dotted(module, node.func) in {"importlib.import_module", "__import__"}:
                name = module.string(node.args[0]) if node.args else None
                found += [name] if name else []
                if node.args and name is None and _is_settled(module, node.args[0]):
                    found.append(bodies.source(node.args[0]))
    kept = [name for name in found if name.rpartition(".")[2] not in _OPTIONAL]
    return tuple(dict.fromkeys(kept))


def _is_settled(module: ParsedModule, name: ast.expr) -> bool:
    """Whether the code knows which modules it imports by a name that it puts together, or takes from a list of its own.

    `f"app.plugins.{name}"`, and `name` of `for name in ("audit", "billing")`; any other name is the caller's question.
    """
    if isinstance(name, ast.JoinedStr):
        first = name.values[0] if name.values else None
        return isinstance(first, ast.Constant) and "." in str(first.value)
    if not isinstance(name, ast.Name):
        return False
    current = module.parents.get(name)
    while current is not None and not isinstance(current, ast.FunctionDef | ast.AsyncFunctionDef):
        if isinstance(current, ast.For) and any(
            isinstance(n, ast.Name) and n.id == name.id for n in ast.walk(current.target)
        ):
            given = current.iter
            return isinstance(given, ast.List | ast.Tuple | ast.Set) or getattr(given, "id", "").isupper()
        current = module.parents.get(current)
    return False


def replaces(module: ParsedModule, body: list[ast.stmt], missing: Sequence[str]) -> bool:
    """Whether a handler brings an equivalent: another import, or a function that does the work itself.

    A stand-in is no equivalent, and a digest is one of nothing but another digest.

    Args:
        missing: the modules in whose place it stands.
    """
    defined = [s for s in body if isinstance(s, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)]
    hashing = any(_DIGESTS & set(words(name)) or "hash" in name.lower() for name in missing)
    others = modules(module, [s for s in body if isinstance(s, ast.Import | ast.ImportFrom)])
    if defined and all(name.partition(".")[0] in sys.stdlib_module_names for name in others):
        return all(
            not isinstance(d, ast.ClassDef) and _works(module, d) and (hashing or not _digests(module, d))
            for d in defined
        )
    for statement in body:
        if isinstance(statement, ast.Import | ast.ImportFrom):
            source = getattr(statement, "module", None) or ""
            named = " ".join([source, *(alias.name for alias in statement.names)])
            return _STANDING_IN.isdisjoint(words(named))
        if isinstance(statement, ast.Try):
            return replaces(module, statement.body, missing)
        if isinstance(statement, ast.Assign | ast.AnnAssign) and statement.value is not None:
            if isinstance(statement.value, ast.Name | ast.Attribute):
                name = dotted(module, statement.value)
                if name in _TYPES or ("." in name and "()" not in name and _STANDING_IN.isdisjoint(words(name))):
                    return True
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            if all(isinstance(t, ast.Name) and "version" in words(t.id) for t in targets):
                return True
    return False


def _works(module: ParsedModule, function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether a function computes something from its arguments, and not only which of its literals it answers."""
    given_back = [n.value for s in function.body for n in bodies.within(s) if isinstance(n, ast.Return)]
    if given_back and all(_settled(module, value) for value in given_back):
        return False
    a = function.args
    given = {p.arg for p in (*a.posonlyargs, *a.args, *a.kwonlyargs, a.vararg, a.kwarg) if p is not None}
    if _passes_over_arguments(function):
        return False
    working = (ast.BinOp, ast.For, ast.While, ast.ListComp, ast.DictComp, ast.GeneratorExp, ast.Compare, ast.Subscript)
    for node in (n for s in function.body for n in bodies.within(s)):
        works = isinstance(node, working) or (isinstance(node, ast.Call) and not bodies.is_log(module, node))
        if works and any(isinstance(inner, ast.Name) and inner.id in given for inner in ast.walk(node)):
            return True
    return False


def _digests(module: ParsedModule, function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether a function answers a digest of its arguments, or something drawn."""
    calls = (n for s in function.body for n in bodies.within(s) if isinstance(n, ast.Call))
    named = [dotted(module, call.func) for call in calls]
    return "hash" in named or any(name.startswith(("hashlib.", "zlib.crc32", "random.")) for name in named)


def _passes_over_arguments(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether a function never looks at an argument that every caller has to give."""
    plain = [*function.args.posonlyargs, *function.args.args]
    required = {a.arg for a in plain[: len(plain) - len(function.args.defaults)] if not a.arg.startswith("_")}
    used = {node.id for statement in function.body for node in ast.walk(statement) if isinstance(node, ast.Name)}
    return not required - {"self", "cls"} <= used


def _settled(module: ParsedModule, value: ast.expr | None) -> bool:
    """Whether an answer is a literal, whatever decides which."""
    if isinstance(value, ast.IfExp):
        return _settled(module, value.body) and _settled(module, value.orelse)
    return value is None or bool(bodies.value_of(module, value))


def context(
    module: ParsedModule, attempt: ast.Try | ast.TryStar, handler: ast.ExceptHandler, loads: Loads
) -> tuple[Context, ...]:
    """`loud at use` when whoever uses what is missing is told so."""
    bound: list[str] = []
    raising = False
    for statement in handler.body:
        if isinstance(statement, ast.Assign):
            bound += [t.id for t in statement.targets if isinstance(t, ast.Name)]
            made = dotted(module, statement.value.func) if isinstance(statement.value, ast.Call) else ""
            raising |= not _RAISING.isdisjoint(words(made))
        elif isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            bound.append(statement.target.id)
        elif isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            if not raises(statement):
                return ()
            raising = True
    if raising:
        return ("loud at use",)
    flags = [
        target.id
        for part in (attempt.body, attempt.orelse)
        for statement in part
        if isinstance(statement, ast.Assign)
        for target in statement.targets
        if isinstance(target, ast.Name)
    ]
    uses = {_use(module, loads.get(name, ())) for name in (*bound, *flags)} - {"unknown"}
    return ("loud at use",) if uses == {"loud"} else ()


def raises(definition: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> bool:
    """Whether calling a function, or making an object of a class, raises."""
    if isinstance(definition, ast.ClassDef):
        methods = [s for s in definition.body if isinstance(s, ast.FunctionDef | ast.AsyncFunctionDef)]
        telling = [m for m in methods if m.name in {"__init__", "__new__", "__getattr__", "__call__"}]
        exception = any(isinstance(b, ast.Name) and b.id.endswith(("Error", "Exception")) for b in definition.bases)
        return exception or any(raises(m) for m in telling)
    body = definition.body[1:] if bodies.docstring(definition) else definition.body
    return bool(body) and isinstance(body[-1], ast.Raise)


def _use(module: ParsedModule, uses: Sequence[ast.Name]) -> Literal["loud", "silent", "unknown"]:
    """How the module takes the absence of a name: by raising, by passing over it, or not at all."""
    seen: set[str] = set()
    for use in uses:
        test, absent_when = _test(module, use)
        if test is None:
            continue
        parent = module.parents.get(test)
        if isinstance(parent, ast.Assert):
            seen.add("loud")
        elif isinstance(parent, ast.If) and parent.test is test:
            missing = parent.body if absent_when else parent.orelse or rest(module, parent)
            seen.add("loud" if _ends_loudly(module, missing) else "silent")
        elif isinstance(parent, ast.Call) and dotted(module, parent.func).rpartition(".")[2] in {
            "skipif",
            "skipIf",
            "skipUnless",
        }:
            seen.add("loud")
        elif isinstance(parent, ast.IfExp | ast.While):
            seen.add("silent")
    if not seen:
        return "unknown"
    return "silent" if "silent" in seen else "loud"


def _test(module: ParsedModule, use: ast.Name) -> tuple[ast.expr | None, bool]:
    """The whole test that a name is part of, and whether it is true when the name is missing."""
    node: ast.expr = use
    absent_when = False
    while True:
        parent = module.parents.get(node)
        if isinstance(parent, ast.Compare) and parent.left is node and len(parent.ops) == 1:
            none = isinstance(parent.comparators[0], ast.Constant) and not parent.comparators[0].value
            if not none:
                return None, False
            absent_when = isinstance(parent.ops[0], ast.Is | ast.Eq)
        elif isinstance(parent, ast.UnaryOp) and isinstance(parent.op, ast.Not):
            absent_when = not absent_when
        elif not isinstance(parent, ast.BoolOp):
            known = isinstance(parent, ast.If | ast.IfExp | ast.While | ast.Assert | ast.Call)
            bare = isinstance(parent, ast.Call) and node is use and parent.func is use
            return (node, absent_when) if known and not bare else (None, False)
        node = parent


def rest(module: ParsedModule, statement: ast.stmt) -> list[ast.stmt]:
    """What runs after an `if` whose body leaves the function."""
    parent = module.parents.get(statement)
    body = getattr(parent, "body", None)
    leaves = isinstance(statement, ast.If) and isinstance(statement.body[-1], ast.Return | ast.Raise)
    if leaves and isinstance(body, list) and statement in body:
        return body[body.index(statement) + 1 :]
    return []


def _ends_loudly(module: ParsedModule, statements: list[ast.stmt]) -> bool:
    return any(
        isinstance(node, ast.Raise) or (isinstance(node, ast.Call) and dotted(module, node.func) in _ENDS)
        for statement in statements
        for node in bodies.within(statement)
    )
