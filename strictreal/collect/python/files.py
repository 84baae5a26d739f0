"""Which file of the subject an expression names: paths are worked out from constants and from `__file__`."""

from __future__ import annotations

import ast
import posixpath

from strictreal.collect.python.module import ParsedModule

MAX_STEPS = 40
"""Calls, joins and names that are followed for one path."""
_SAME = frozenset(
    """
    str os.fspath os.path.abspath os.path.realpath os.path.normpath os.path.expanduser pathlib.Path pathlib.PurePath
    pathlib.PosixPath pathlib.PurePosixPath importlib.resources.as_file anyio.Path open io.open codecs.open tokenize.open
    os.path.expandvars
    """.split()
)
"""Calls that give the file, or the place, that their first argument names."""
_JOINED = frozenset({"os.path.join", "posixpath.join", "pathlib.Path", "pathlib.PurePath"})
_METHODS = frozenset({"resolve", "absolute", "expanduser", "as_posix", "open", "__str__", "__fspath__"})


def path_of(module: ParsedModule, node: ast.expr | None) -> str | None:
    """The path that an expression always is; None when it is computed.

    One that is anchored at the subject's root, since it was made from `__file__`, begins with `//`; another is relative
    to the folder that the program is started in, which may be any, or absolute on the machine.
    """
    found = _fold(module, node, [MAX_STEPS])
    if found is None or not found or "\0" in found:
        return None
    if not found.startswith("//"):
        return posixpath.normpath(found)
    inner = posixpath.normpath("." + found[1:])
    return None if inner == ".." or inner.startswith("../") else "//" + inner


def _fold(module: ParsedModule, node: ast.expr | None, left: list[int]) -> str | None:
    left[0] -= 1
    if node is None or left[0] < 0:
        return None
    if isinstance(node, ast.Name) and node.id == "__file__":
        return "//" + module.path
    if (text := module.string(node)) is not None:
        return text
    match node:
        case ast.Name():
            bound = module.names.reaching(node)
            return _fold(module, bound[0].value, left) if len(bound) == 1 else None
        case ast.BinOp(left=one, op=ast.Div() | ast.Add() as joint, right=other):
            first, second = _fold(module, one, left), _fold(module, other, left)
            if first is None or second is None:
                return None
            return posixpath.join(first, second) if isinstance(joint, ast.Div) else first + second
        case ast.JoinedStr(values=values):
            parts = [_fold(module, v.value if isinstance(v, ast.FormattedValue) else v, left) for v in values]
            return None if None in parts else "".join(map(str, parts))
        case ast.Attribute(value=inner, attr="parent"):
            return _parent(_fold(module, inner, left))
        case ast.Subscript(value=ast.Attribute(value=inner, attr="parents"), slice=ast.Constant(value=int(number))):
            found = _fold(module, inner, left)
            for _ in range(min(number, MAX_STEPS) + 1):
                found = _parent(found)
            return found
        case ast.Call():
            return _of_call(module, node, left)
    return None


def _of_call(module: ParsedModule, call: ast.Call, left: list[int]) -> str | None:
    name = module.resolve(call.func)
    if name in {"os.getcwd", "pathlib.Path.cwd"}:
        return "."
    if name == "os.path.dirname" and call.args:
        return _parent(_fold(module, call.args[0], left))
    if (name in _SAME and len(call.args) == 1) or (name in _SAME - _JOINED and call.args):
        return _fold(module, call.args[0], left)
    if name in _JOINED:
        return _joined([_fold(module, argument, left) for argument in call.args])
    if name in {"importlib.resources.files", "importlib_resources.files"} and call.args:
        package = module.string(call.args[0])
        return package.replace(".", "/") if package else None
    if isinstance(call.func, ast.Attribute):
        held = _fold(module, call.func.value, left)
        if held is not None and call.func.attr in _METHODS:
            return held
        if call.func.attr in {"joinpath", "with_name", "with_suffix"} and held is not None:
            given = [_fold(module, argument, left) for argument in call.args]
            if call.func.attr == "with_suffix" and given and given[0] is not None:
                return posixpath.splitext(held)[0] + given[0]
            return _joined([held if call.func.attr == "joinpath" else _parent(held), *given])
    return None


def _parent(path: str | None) -> str | None:
    if path is None:
        return None
    inner = path.removeprefix("//")
    folder = posixpath.dirname(inner) or "."
    return "//" + folder if path.startswith("//") else folder


def _joined(parts: list[str | None]) -> str | None:
    known = [part for part in parts if part is not None]
    if len(known) != len(parts) or not known:
        return None
    first, *rest = known
    for part in rest:
        first = part if part.startswith("/") else f"{first.rstrip('/')}/{part}"
    return first
