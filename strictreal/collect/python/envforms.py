"""Roundabout ways to the process environment: its file in /proc, commands that print it, code in strings, getters."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator

from strictreal.collect.python import bodies
from strictreal.collect.python.context import last_name
from strictreal.collect.python.module import ParsedModule, parse
from strictreal.collect.python.role import role
from strictreal.facts.code import EnvAccess

MAX_CODE = 20_000
"""Length in characters of a string of code that is parsed; a longer one is not looked into."""
HINTS = (
    "/environ",
    "printenv",
    "subprocess",
    "popen",
    "os.system",
    "getoutput",
    "exec(",
    "eval(",
    "attrgetter",
    "__getattribute__",
)
_PROC = re.compile(r"/proc/(?:self|thread-self|[^/]{0,60}getpid\(\)[^/]{0,9})/(?:task/[^/]{1,60}/)?environ$")
_PRINTING = re.compile(
    r"(?:^|[;&|(]\s{0,9})(?:printenv\b|env\s{0,9}(?:$|[|;&>])|export\s{1,9}-p|(?:echo|printf)\b[^;&|]{0,200}\$\{?[A-Za-z_])"
)
_RUNNERS = frozenset(
    {
        *(f"subprocess.{name}" for name in ("run", "Popen", "call", "check_output", "check_call", "getoutput")),
        *("subprocess.getstatusoutput", "os.popen", "os.system", "commands.getoutput"),
        *("asyncio.create_subprocess_shell", "asyncio.create_subprocess_exec"),
    }
)
_EVALUATING = frozenset({"exec", "eval", "compile", "builtins.exec", "builtins.eval", "builtins.compile"})
_MEMBERS = frozenset({"environ", "environb", "getenv", "getenvb", "putenv", "unsetenv"})


def facts(module: ParsedModule, inner: Callable[[ParsedModule], Iterator[EnvAccess]]) -> Iterator[EnvAccess]:
    """Every such access of a module.

    Args:
        inner: what finds the plain accesses of a module; asked about code that stands in a string.
    """
    for call in module.of(ast.Call):
        name = last_name(call.func)
        if call.args and (path := _text(module, call.args[0])) and _PROC.search(path):
            yield EnvAccess(where=module.at(call), form="/proc/…/environ")
        elif name in {
            "run",
            "Popen",
            "call",
            "check_output",
            "check_call",
            "getoutput",
            "getstatusoutput",
            "popen",
            "system",
        } or (name.startswith("create_subprocess_")):
            shown = _prints(module, call) if module.resolve(call.func) in _RUNNERS else ""
            if shown and not (shown == "env" and role(module.path) == "test"):  # a test of what a child inherits
                yield EnvAccess(where=module.at(call), form=f"the command {shown}")
        elif name in {"exec", "eval", "compile"} and call.args and module.resolve(call.func) in _EVALUATING:
            yield from _evaluated(module, call, inner)
        elif name == "__getattribute__" or isinstance(call.func, ast.Call):
            yield from _by_getter(module, call)


def _text(module: ParsedModule, node: ast.expr) -> str:
    """A text, with the source of what is put into it."""
    if isinstance(node, ast.JoinedStr):
        return "".join(str(v.value) if isinstance(v, ast.Constant) else bodies.source(v) for v in node.values)
    return module.string(node) or ""


def _prints(module: ParsedModule, call: ast.Call) -> str:
    """The command by which a child process prints the environment that it inherits; "" for any other."""
    if not call.args or any(k.arg == "env" for k in call.keywords):
        return ""
    given = call.args[0]
    if isinstance(given, ast.List | ast.Tuple):
        listed = [module.string(element) or "?" for element in given.elts]
    elif last_name(call.func) == "create_subprocess_exec":
        listed = [module.string(element) or "?" for element in call.args]
    else:
        text = _text(module, given)
        return text.strip()[:40] if _PRINTING.search(text.strip()) else ""
    if listed[:2] in (["sh", "-c"], ["bash", "-c"]) and len(listed) > 2:
        return listed[2][:40] if _PRINTING.search(listed[2]) else ""
    program = listed[0].rpartition("/")[2] if listed else ""
    return program if program == "printenv" or (program == "env" and len(listed) == 1) else ""


def _evaluated(
    module: ParsedModule, call: ast.Call, inner: Callable[[ParsedModule], Iterator[EnvAccess]]
) -> Iterator[EnvAccess]:
    code = module.string(call.args[0])
    if code is None or len(code) > MAX_CODE or not any(member in code for member in _MEMBERS):
        return
    try:
        parsed = parse(module.path, code.strip().encode())
    except ValueError:
        return  # it would not run either
    found = next(inner(parsed), None)
    if found is None and any(f"os.{member}" in code for member in _MEMBERS):
        found = next(inner(parse(module.path, b"import os\n" + code.strip().encode())), None)
    if found is not None:
        yield EnvAccess(where=module.at(call), form=f"{found.form} in a string of code", variable=found.variable)


def _by_getter(module: ParsedModule, call: ast.Call) -> Iterator[EnvAccess]:
    """`attrgetter("environ")(os)`, `os.__getattribute__("environ")`."""
    function = call.func
    if isinstance(function, ast.Attribute) and function.attr == "__getattribute__":
        owner, names = module.resolve(function.value), call.args[-1:]
    elif isinstance(function, ast.Call) and module.resolve(function.func) == "operator.attrgetter" and call.args:
        owner, names = module.resolve(call.args[0]), function.args
    else:
        return
    member = next((text for name in names if (text := module.string(name)) in _MEMBERS), "")
    if owner in {"os", "posix", "nt"} and member:
        yield EnvAccess(where=module.at(call), form=f"{owner}.{member}")
