"""The os module taken whole: what of it is used cannot be told from the code, and the environment is a part of it.

`vars(os).items()`, `getattr(os, name)`, `inspect.getmembers(os)`, `match os`, `read(os, "environ")`, `self.os = os`.
A test that replaces a named function of it, and a question whether it has a name, take nothing.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from strictreal.collect.python import bodies
from strictreal.collect.python.context import last_name
from strictreal.collect.python.module import ParsedModule
from strictreal.facts.code import EnvAccess

MODULES = frozenset({"os", "posix", "nt"})
MEMBERS = frozenset({"environ", "environb", "getenv", "getenvb", "putenv", "unsetenv"})
_HARMLESS = frozenset({"hasattr", "isinstance", "id", "type", "print", "repr", "str", "help", "importlib.reload"})
_HARMLESS |= {"inspect.getsource", "inspect.getfile", "inspect.getsourcefile", "inspect.getdoc", "inspect.ismodule"}
_SPECIFYING = frozenset({"spec", "spec_set", "autospec", "wraps"})
"""Keywords by which a double takes the shape of a module."""
_HINTS = ("import os", "import posix", "import nt", "_os", "'os'", '"os"', "os,", ", os")


def facts(module: ParsedModule) -> Iterator[EnvAccess]:
    """Every place of a module where the whole of os is handed on, searched or looked into by a name that is not known."""
    if not any(hint in module.text for hint in _HINTS):
        return
    named = {name for name, binding in module.names.bound() if binding.dotted.rpartition(".")[2].lstrip("_") in MODULES}
    for name in module.of(ast.Name):
        known = name.id in named and isinstance(name.ctx, ast.Load) and module.resolve(name) in MODULES
        if known and (form := _form(module, name)):
            yield EnvAccess(where=module.at(name), form=form)
    for attribute in module.of(ast.Attribute) if "__dict__" in module.text else ():
        owner = module.resolve(attribute.value) if attribute.attr == "__dict__" else ""
        if owner in MODULES and not _picks(module, attribute):
            yield EnvAccess(where=module.at(attribute), form=f"{owner}.__dict__ as a whole")


def _form(module: ParsedModule, name: ast.Name) -> str:
    """How the module is taken whole by one use of its name; "" where a part of it is named, or nothing is taken."""
    parent = module.parents.get(name)
    called = module.resolve(name)
    if isinstance(parent, ast.Call):
        return _of_argument(module, name, parent, called)
    if isinstance(parent, ast.keyword):
        return "" if parent.arg in _SPECIFYING else f"{called} handed on whole"
    if isinstance(parent, ast.Match):
        return f"{called} matched against patterns" if parent.subject is name else ""
    if isinstance(parent, ast.Assign | ast.AnnAssign):
        targets = parent.targets if isinstance(parent, ast.Assign) else [parent.target]
        plain = all(isinstance(t, ast.Name | ast.Tuple) for t in targets)
        return "" if plain else f"{called} kept whole"
    if isinstance(parent, ast.Return | ast.Yield | ast.Lambda | ast.Starred | ast.IfExp | ast.BoolOp):
        return f"{called} handed on whole"
    if isinstance(parent, ast.List | ast.Tuple | ast.Set | ast.Dict):
        return "" if _is_unpacked(module, parent) else f"{called} kept whole"
    return f"{called} as a default" if isinstance(parent, ast.arguments) else ""


def _is_unpacked(module: ParsedModule, row: ast.expr) -> bool:
    """Whether each element of a row is given a name of its own: `o, s = os, sys`."""
    assign = module.parents.get(row)
    return isinstance(assign, ast.Assign) and isinstance(row, ast.Tuple) and isinstance(assign.targets[0], ast.Tuple)


def _of_argument(module: ParsedModule, name: ast.Name, call: ast.Call, called: str) -> str:
    function = module.resolve(call.func).removeprefix("builtins.")
    if function in _HARMLESS or not call.args or call.args[0] is not name:
        shown = bodies.source(call.func)
        return "" if function in _HARMLESS or name is call.func else f"{called} handed to {shown}"
    if function == "vars":
        return "" if _picks(module, call) else f"vars({called}) as a whole"
    if len(call.args) == 1:
        shown = bodies.source(call.func, 40)
        getter = isinstance(call.func, ast.Call) and _known_getter(module, call.func)
        return "" if getter else f"{called} handed to {shown}"
    picked = module.string(call.args[1])
    last = function.rpartition(".")[2] or last_name(call.func)
    if picked is not None:
        return "" if picked not in MEMBERS or function == "getattr" else f"{called}.{picked} by {last}"
    if last in {"setattr", "delattr", "object"} or _stays_away(module, call.args[1]):
        return ""
    return (
        f"{called} by a name that is not known"
        if function in {"getattr", "operator.getitem"}
        else f"{called} handed to {last}"
    )


def _known_getter(module: ParsedModule, getter: ast.Call) -> bool:
    """`attrgetter("getpid")(os)`: a part that is named, which `envforms` looks at."""
    known = module.resolve(getter.func) == "operator.attrgetter"
    return known and bool(getter.args) and all(module.string(part) is not None for part in getter.args)


def _stays_away(module: ParsedModule, name: ast.expr) -> bool:
    """Whether a name that is put together begins like none of the environment: `f"O_{flag}"`; or is one of a known few."""
    if isinstance(name, ast.JoinedStr) and name.values and isinstance(name.values[0], ast.Constant):
        first = str(name.values[0].value)
        return not any(member.startswith(first) for member in MEMBERS)
    if isinstance(name, ast.BinOp) and isinstance(name.op, ast.Add | ast.Mod) and (left := module.string(name.left)):
        first = left.partition("%")[0]
        return first != "" and not any(member.startswith(first) for member in MEMBERS)
    if not isinstance(name, ast.Name):
        return False
    current = module.parents.get(name)
    while current is not None:
        if isinstance(current, ast.For) and getattr(current.target, "id", "") == name.id:
            listed = current.iter
            known = (
                [module.string(e) for e in listed.elts]
                if isinstance(listed, ast.Tuple | ast.List | ast.Set)
                else [None]
            )
            return None not in known and MEMBERS.isdisjoint(known)
        current = module.parents.get(current)
    return False


def _picks(module: ParsedModule, namespace: ast.expr) -> bool:
    """Whether only a named part of a namespace is taken: `vars(os)["getpid"]`, `os.__dict__.get("name")`, `"fork" in …`."""
    parent = module.parents.get(namespace)
    if isinstance(parent, ast.Subscript) and parent.value is namespace:
        return module.string(parent.slice) is not None
    if isinstance(parent, ast.Compare):
        return True
    call = module.parents.get(parent) if isinstance(parent, ast.Attribute) else None
    looks_up = isinstance(parent, ast.Attribute) and parent.attr in {"get", "__getitem__", "pop"}
    return looks_up and isinstance(call, ast.Call) and bool(call.args) and module.string(call.args[0]) is not None
