"""Roundabout ways to the process environment: its file in /proc, commands that print it, code in strings, getters."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Callable, Iterator

from strictreal.collect.python import bodies
from strictreal.collect.python.context import last_name
from strictreal.collect.python.module import ParsedModule, parse
from strictreal.facts.code import EnvAccess

MAX_CODE = 20_000
"""Length in characters of a string of code that is parsed; a longer one is not looked into."""
HINTS = (
    "/environ",
    "/proc",
    "in_dll",
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
    r"(?:^|[;&|(`]\s{0,9})(?:command\s{1,9}|exec\s{1,9})?(?:/usr)?(?:/bin/)?(?:printenv\b|env\s{0,9}(?:-0\s{0,9})?(?:$|[|;&>)])"
    r"|export\s{1,9}-p|declare\s{1,9}-p?x|compgen\s{1,9}-e|set\s{0,9}(?:$|[|])"
    r"|(?:echo|printf|test|\[{1,2})\s[^;&|]{0,200}\$\{?[A-Za-z_])"
)
_SHELLS = frozenset({"sh", "bash", "dash", "zsh", "ksh", "ash"})
_CODE_OPTIONS = frozenset({"-c", "-lc", "-ic", "-ec", "-e", "-p", "-E", "-ne", "-le", "-Command", "-command", "/c"})
"""Options after which a program is given its code as an argument."""
_READING = {
    "node": re.compile(r"\bprocess\.env\b"),
    "deno": re.compile(r"\bDeno\.env\b"),
    "perl": re.compile(r"\$ENV\{|%ENV\b"),
    "ruby": re.compile(r"\bENV\b"),
    "php": re.compile(r"\bgetenv\s{0,9}\(|\$_ENV\b"),
    "powershell": re.compile(r"(?i)\$env:|\benv:"),
    "pwsh": re.compile(r"(?i)\$env:|\benv:"),
    "cmd": re.compile(r"%[A-Za-z_]\w{0,60}%|^set\b"),
    "awk": re.compile(r"\bENVIRON\b"),
    "gawk": re.compile(r"\bENVIRON\b"),
    "jq": re.compile(r"\$ENV\b|\benv\."),
}
"""Programs that are given code, and how it reads a variable."""
_PYTHON = re.compile(r"(?:python|pypy)[\d.]{0,5}$")
MAX_WORDS = 200
"""How many words of a command are looked at."""
_WRAPPERS = frozenset({"sudo", "exec", "nohup", "nice", "time", "command"})
Inner = Callable[[ParsedModule], Iterator[EnvAccess]]
"""What finds the plain accesses of a module."""
_RUNNERS = frozenset(
    {
        *(f"subprocess.{name}" for name in ("run", "Popen", "call", "check_output", "check_call", "getoutput")),
        *("subprocess.getstatusoutput", "os.popen", "os.system", "commands.getoutput"),
        *("asyncio.create_subprocess_shell", "asyncio.create_subprocess_exec"),
    }
)
_EVALUATING = frozenset({"exec", "eval", "compile", "builtins.exec", "builtins.eval", "builtins.compile"})
_C_NAMES = frozenset({"environ", "_environ", "__environ"})
_MEMBERS = frozenset({"environ", "environb", "getenv", "getenvb", "putenv", "unsetenv"})


def facts(module: ParsedModule, inner: Inner) -> Iterator[EnvAccess]:
    """Every such access of a module.

    Args:
        inner: what finds the plain accesses of a module; asked about code that stands in a string.
    """
    in_proc = "environ" in module.text and "/proc" in module.text
    for call in module.of(ast.Call):
        name = last_name(call.func)
        if in_proc and _reads_proc(module, call):
            yield EnvAccess(where=module.at(call), form="/proc/…/environ")
        elif name == "in_dll" and len(call.args) > 1 and module.string(call.args[1]) in _C_NAMES:
            yield EnvAccess(where=module.at(call), form="the environment of the C library")
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
            shown = _prints(module, call, inner) if module.resolve(call.func) in _RUNNERS else ""
            inherits = shown == "env" or shown.startswith("python")
            if shown and not (inherits and module.role == "test"):  # a test of what a child inherits
                yield EnvAccess(where=module.at(call), form=f"the command {shown}")
        elif name in {"exec", "eval", "compile"} and call.args and module.resolve(call.func) in _EVALUATING:
            yield from _evaluated(module, call, inner)
        elif name == "__getattribute__" or isinstance(call.func, ast.Call):
            yield from _by_getter(module, call)


def _reads_proc(module: ParsedModule, call: ast.Call) -> bool:
    """Whether a call is given, or made on, the path of the environment in /proc; the innermost such call counts."""
    if last_name(call.func) == "joinpath" and isinstance(call.func, ast.Attribute):
        return bool(_PROC.search("/".join(_path(module, part) for part in (call.func.value, *call.args))))
    given = [*call.args, *(k.value for k in call.keywords)]
    if isinstance(call.func, ast.Attribute) and isinstance(call.func.value, ast.BinOp | ast.Name):
        given.append(call.func.value)
    if last_name(call.func) in {"join", "Path", "PurePath", "PosixPath"} and len(call.args) > 1:
        return bool(_PROC.search("/".join(_path(module, part) for part in call.args)))
    plain = (p for p in given if not isinstance(p, ast.Call) or last_name(p.func) in {"format", "str"})
    return any(_PROC.search(_path(module, part)) for part in plain)


def _path(module: ParsedModule, node: ast.expr, depth: int = 12) -> str:
    """A path that is put together, with the source of what is put into it."""
    if depth == 0:
        return ""
    if (text := module.string(node)) is not None:
        return text
    if isinstance(node, ast.JoinedStr):
        return _text(module, node)
    if isinstance(node, ast.Name):
        bound = [b.value for b in module.names.reaching(node)]
        return _path(module, bound[0], depth - 1) if len(bound) == 1 and bound[0] is not None else node.id
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div | ast.Add):
        between = "/" if isinstance(node.op, ast.Div) else ""
        return between.join(_path(module, part, depth - 1) for part in (node.left, node.right))
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod) and (text := module.string(node.left)):
        return text.replace("%d", "%s").replace("%s", _path(module, node.right, depth - 1), 1)
    if isinstance(node, ast.Call):
        inner = node.args
        if last_name(node.func) in {"Path", "PurePath", "PosixPath", "str", "fspath", "join"} and inner:
            return "/".join(_path(module, part, depth - 1) for part in inner)
        if last_name(node.func) == "format" and isinstance(node.func, ast.Attribute) and len(inner) == 1:
            return (module.string(node.func.value) or "").replace("{}", _path(module, inner[0], depth - 1), 1)
    return bodies.source(node)


def _text(module: ParsedModule, node: ast.expr) -> str:
    """A text, with the source of what is put into it."""
    if isinstance(node, ast.JoinedStr):
        return "".join(str(v.value) if isinstance(v, ast.Constant) else bodies.source(v) for v in node.values)
    return module.string(node) or ""


def _prints(module: ParsedModule, call: ast.Call, inner: Inner) -> str:
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
        return _in_shell(module, call, text, inner)
    if listed and listed[0] == "?" and isinstance(given, ast.List | ast.Tuple) and given.elts:
        listed[0] = "python" if module.resolve(given.elts[0]) == "sys.executable" else "?"
    return _listed(module, call, listed[:MAX_WORDS], inner)


def _listed(module: ParsedModule, call: ast.Call, listed: list[str], inner: Inner) -> str:
    """What of a command, word by word, prints a variable: the program itself, or the code that it is given."""
    program = listed[0].rpartition("/")[2].removesuffix(".exe") if listed else ""
    if program in _WRAPPERS and len(listed) > 1:
        return _listed(module, call, listed[1:], inner)
    if program == "printenv" or (program == "env" and len(listed) == 1):
        return program
    if program == "env" and len(listed) > 1 and "=" not in listed[1] and not listed[1].startswith("-"):
        return _listed(module, call, listed[1:], inner)
    at = next((number for number, word in enumerate(listed[1:], 1) if word in _CODE_OPTIONS), None)
    code = listed[at + 1] if at is not None and at + 1 < len(listed) else ""
    if program in _SHELLS:
        return _in_shell(module, call, code, inner)
    if _PYTHON.match(program):
        form = next(iter(_in_code(module, call, code, inner)), None)
        return f"{program} -c with {form.form}" if form is not None else ""
    reads = _READING.get(program)
    if reads is not None and any(reads.search(word) for word in ([code] if code else listed[1:])):
        return f"{program} that reads a variable"
    return ""


def _in_shell(module: ParsedModule, call: ast.Call, text: str, inner: Inner) -> str:
    """What of a line for a shell prints a variable."""
    text = text.strip()
    if len(text) > MAX_CODE:
        return ""
    if _PRINTING.search(text):
        return text[:40]
    if not any(hint in text for hint in ("-c", "-e", "-p", "awk", "jq")):
        return ""
    try:
        listed = shlex.split(text)
    except ValueError:
        return ""
    shell = bool(listed) and listed[0].rpartition("/")[2] in _SHELLS
    return "" if shell and text in listed else _listed(module, call, listed[:MAX_WORDS], inner)


def _evaluated(module: ParsedModule, call: ast.Call, inner: Inner) -> Iterator[EnvAccess]:
    code = module.string(call.args[0])
    for found in _in_code(module, call, code, inner):
        yield EnvAccess(where=module.at(call), form=f"{found.form} in a string of code", variable=found.variable)


def _in_code(module: ParsedModule, call: ast.Call, code: str | None, inner: Inner) -> Iterator[EnvAccess]:
    """The first access of a text of Python."""
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
        yield found


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
