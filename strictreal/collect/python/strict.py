"""Strict mode turned off by Python: assigned, defaulted, updated, patched, handed to a child process, or deleted."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from itertools import pairwise

from strictreal.collect import strictlines, strictstatus
from strictreal.collect.python.context import last_name, words
from strictreal.collect.python.module import ParsedModule
from strictreal.collect.strictevasion import Evasion
from strictreal.collect.strictlines import FALSE
from strictreal.config import STRICT_VARIABLE
from strictreal.facts.code import StrictAction, StrictEvasion

_SETTERS = {
    "setenv",
    "putenv",
    "set_env",
    "setenvvar",
    "__setitem__",
    "setitem",
    "set_key",
    "env_set",
    "set_environ",
    "setvar",
}
_DELETERS = {"delenv", "unsetenv", "pop", "__delitem__", "delitem", "unset_key", "unset_env", "del_env", "discard"}
_RUNNERS = re.compile(
    r"(?:run|system|popen|Popen|call|check_call|check_output|shell|sh|exec\w*|create_subprocess_\w+|spawn\w*)$"
)
_ENVIRONMENT = {"env", "environ", "environment", "envs", "variables", "vars"}
_SUFFIX = "_" + STRICT_VARIABLE.partition("_")[2]


def facts(module: ParsedModule) -> Iterator[StrictEvasion]:
    """Every evasion of the module."""
    for subscript in module.of(ast.Subscript):
        if isinstance(subscript.ctx, ast.Del) and _is_variable(module, subscript.slice):
            yield StrictEvasion(where=module.at(subscript), action="delete")
    for assign in module.of(ast.Assign, ast.AnnAssign):
        targets = assign.targets if isinstance(assign, ast.Assign) else [assign.target]
        if assign.value is not None and any(
            isinstance(t, ast.Subscript) and _is_variable(module, t.slice) for t in targets
        ):
            yield from _if_false(module, assign, assign.value, "set")
    for call in module.of(ast.Call):
        yield from _of_call(module, call)
    for dictionary in module.of(ast.Dict):
        if _is_environment(module, dictionary):
            for key, value in zip(dictionary.keys, dictionary.values, strict=True):
                if key is not None and _is_variable(module, key):
                    yield from _if_false(module, value, value, "set")
    for constant in module.of(ast.Constant):
        if not isinstance(constant.value, str) or len(constant.value) < 8:
            continue
        runs = "audit" in constant.value
        if (_SUFFIX in constant.value or runs) and _is_command(module, constant):
            lines = constant.value.split("\n")
            seen = [*strictlines.evasions(lines, as_shell=True), *strictstatus.swallowed(lines)]
            for found in {e.line: e for e in reversed(seen) if isinstance(e, Evasion)}.values():
                yield StrictEvasion(where=module.at(constant), action=found.action, value=found.value)


def _of_call(module: ParsedModule, call: ast.Call) -> Iterator[StrictEvasion]:
    name = last_name(call.func)
    for keyword in call.keywords:
        if keyword.arg == STRICT_VARIABLE:
            yield from _if_false(module, keyword.value, keyword.value, "set")
    for index, argument in enumerate(call.args[:3]):
        if not _is_variable(module, argument):
            continue
        if name in _DELETERS:
            yield StrictEvasion(where=module.at(call), action="delete")
        elif name in _SETTERS and len(call.args) > index + 1:
            yield from _if_false(module, call, call.args[index + 1], "set")
        elif name == "setdefault" and len(call.args) > index + 1:
            yield from _if_false(module, call, call.args[index + 1], "default")
    elements = [e for a in call.args[:1] if isinstance(a, ast.List | ast.Tuple) for e in a.elts]
    for flag, variable in pairwise(elements):
        if module.string(flag) in {"-u", "--unset"} and _is_variable(module, variable):
            yield StrictEvasion(where=module.at(variable), action="delete")


def _if_false(module: ParsedModule, node: ast.AST, value: ast.expr, action: StrictAction) -> Iterator[StrictEvasion]:
    written = _written(module, value)
    if written is not None and written.strip().lower() in FALSE:
        yield StrictEvasion(where=module.at(node), action=action, value=written[:40])


def _written(module: ParsedModule, value: ast.expr) -> str | None:
    """The text that a value always is, `str(0)` and `str(False).lower()` included; None when it depends."""
    for _ in range(6):
        if isinstance(value, ast.Call) and not value.keywords:
            inner = value.func.value if isinstance(value.func, ast.Attribute) else None
            if inner is not None and value.func.attr in {"lower", "upper", "strip", "encode", "decode"}:  # type: ignore[attr-defined]
                value = inner
                continue
            if isinstance(value.func, ast.Name) and value.func.id in {"str", "int", "bool", "repr", "bytes"}:
                if not value.args:
                    return ""
                value = value.args[0]
                continue
        break
    known = module.names.constant(value)
    if known is None:
        return None
    return known.value.decode("latin-1") if isinstance(known.value, bytes) else str(known.value)


def _is_variable(module: ParsedModule, node: ast.expr) -> bool:
    """Whether an expression is the variable's name: a literal, a known name, our own constant, a known ending."""
    if module.string(node) == STRICT_VARIABLE:
        return True
    if isinstance(node, ast.Name | ast.Attribute):
        return module.resolve(node).endswith(".STRICT_VARIABLE")
    if isinstance(node, ast.JoinedStr | ast.BinOp):
        last = node.values[-1] if isinstance(node, ast.JoinedStr) and node.values else getattr(node, "right", None)
        return isinstance(last, ast.Constant) and isinstance(last.value, str) and last.value.endswith(_SUFFIX)
    return False


def _is_environment(module: ParsedModule, dictionary: ast.Dict) -> bool:
    """Whether a dictionary is an environment: by what takes it, what it is called, or what it unpacks."""
    unpacked = [value for key, value in zip(dictionary.keys, dictionary.values, strict=True) if key is None]
    if any(_names_environment(module, value) for value in unpacked):
        return True
    child: ast.AST = dictionary
    parent = module.parents[child]
    while isinstance(parent, ast.BinOp | ast.IfExp | ast.BoolOp | ast.Dict | ast.Starred | ast.NamedExpr | ast.Await):
        if isinstance(parent, ast.BinOp) and any(_names_environment(module, s) for s in (parent.left, parent.right)):
            return True
        child, parent = parent, module.parents[parent]
    match parent:
        case ast.keyword(arg=name):
            return name is not None and bool(set(words(name)) & _ENVIRONMENT)
        case ast.Assign(targets=[target]) | ast.AnnAssign(target=target):
            return _names_environment(module, target)
        case ast.Call(func=function, args=arguments):
            updates = isinstance(function, ast.Attribute) and function.attr in {"update", "__ior__"}
            if updates and isinstance(function, ast.Attribute):
                return _names_environment(module, function.value)
            return any(a is not child and _names_environment(module, a) for a in arguments)
        case ast.AugAssign(target=target):
            return _names_environment(module, target)
        case ast.Return():
            function_scope = module.names.scope(parent)
            return isinstance(function_scope, ast.FunctionDef | ast.AsyncFunctionDef) and bool(
                set(words(function_scope.name)) & _ENVIRONMENT
            )
    return False


def _names_environment(module: ParsedModule, node: ast.expr) -> bool:
    """`os.environ` however reached, a copy of it, `"os.environ"` for a patch, a name that says environment."""
    if module.string(node) in {"os.environ", "environ"} or any("os.environ" in n for n in module.resolve_all(node)):
        return True
    if isinstance(node, ast.Call):
        return any(_names_environment(module, a) for a in node.args[:1])
    name = node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
    return bool(set(words(name)) & _ENVIRONMENT)


def _is_command(module: ParsedModule, constant: ast.Constant) -> bool:
    """Whether a string is run: an argument of something that starts processes, alone or in its list."""
    parent = module.parents[constant]
    while isinstance(parent, ast.List | ast.Tuple | ast.BinOp | ast.JoinedStr | ast.Starred):
        parent = module.parents[parent]
    if isinstance(parent, ast.keyword):
        return parent.arg in {"args", "cmd", "command"}
    return isinstance(parent, ast.Call) and bool(_RUNNERS.match(last_name(parent.func)))
