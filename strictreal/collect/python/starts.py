"""Modules and files that code of the product starts as programs, or names to a server or a framework that imports them.

A list of words that begins with an interpreter is a command wherever it stands, since nothing else is written so; a text is
one where a function that starts processes gets it.
"""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator, Sequence

from strictreal.collect.languages import is_python_program
from strictreal.collect.python import files
from strictreal.collect.python.context import last_name
from strictreal.collect.python.module import ParsedModule
from strictreal.collect.python.role import role
from strictreal.facts.code import Load

_STARTERS = (
    *("subprocess.", "os.exec", "os.spawn", "os.posix_spawn", "os.popen", "os.system", "pty.spawn", "pexpect."),
    *(
        "asyncio.create_subprocess",
        "asyncio.subprocess.",
        "anyio.run_process",
        "anyio.open_process",
        "trio.run_process",
    ),
)
_SERVERS = (
    *("uvicorn.", "gunicorn.", "hypercorn.", "granian.", "daphne.", "waitress.", "celery.", "dramatiq.", "rq.", "arq."),
    *("huey.", "taskiq.", "flask.", "aiohttp.web", "sanic.", "cherrypy.", "bjoern.", "meinheld.", "uwsgi."),
)
_LISTS = frozenset(
    """
    INSTALLED_APPS ROOT_URLCONF WSGI_APPLICATION ASGI_APPLICATION MIDDLEWARE AUTHENTICATION_BACKENDS CELERY_IMPORTS
    CELERY_INCLUDE MIDDLEWARE_CLASSES
    """.split()
)
"""Settings of frameworks that hold names of modules."""
_KEYWORDS = frozenset(
    {"include", "imports", "includes", "app_dir", "app", "application", "target_module", "entrypoint"}
)
_METHODS = frozenset({"autodiscover_tasks", "config_from_object", "register_blueprint_module", "include_router_module"})
_TARGET = re.compile(
    r"(?:[\w.-]{1,80}\s{0,9}=\s{0,9})?([A-Za-z_]\w{0,60}(?:\.[A-Za-z_]\w{0,60}){0,12}):[A-Za-z_]\w{0,60}(?:\.\w{1,60}){0,4}(?:\(\))?"
)
_DOTTED = re.compile(r"[A-Za-z_]\w{0,60}(?:\.[A-Za-z_]\w{0,60}){0,12}")
_PATH = re.compile(r"(?:[\w.-]{1,80}/){1,12}[\w.-]{1,80}\.pyw?")
_VALUED = frozenset({"-W", "-X", "--check-hash-based-pycs"})
_NEUTRAL = frozenset({"coverage", "cProfile", "pdb", "trace", "profile", "debugpy", "runpy"})
"""Modules that run the module that is named behind them."""
MAX_LINE = 4_000
MAX_PROGRAM = 200
"""Characters of a program's path."""
MAX_FOUND = 500


def facts(module: ParsedModule) -> Iterator[Load]:
    """Every such place of a module of the product, in no particular order."""
    if module.role != "product":
        return
    for node in module.of(ast.List, ast.Tuple):
        yield from _of_words(module, node, node.elts)
    for call in module.of(ast.Call):
        name = module.resolve(call.func)
        yield from _of_words(module, call, call.args)
        if name.startswith(_STARTERS):
            yield from _of_starter(module, call, name)
        yield from _of_framework(module, call, name)
    for assign in module.of(ast.Assign, ast.AnnAssign, ast.AugAssign):
        targets = assign.targets if isinstance(assign, ast.Assign) else [assign.target]
        if any(isinstance(t, ast.Name) and t.id in _LISTS for t in targets) and assign.value is not None:
            yield from _dotted(module, assign.value, "a setting")
    yield from _targets(module)


def mentions(module: ParsedModule) -> Iterator[tuple[ast.Constant, str]]:
    """Texts that read as paths of modules, each with the name of its module."""
    for node in module.of(ast.Constant):
        if isinstance(node.value, str) and _PATH.fullmatch(node.value):
            yield node, node.value.rpartition(".")[0].replace("/", ".").lstrip(".")


def _of_words(module: ParsedModule, at: ast.AST, words: Sequence[ast.expr]) -> Iterator[Load]:
    """A command in words: an interpreter, its options, and what it runs."""
    start = next((i + 1 for i, word in enumerate(words) if _is_interpreter(module, word)), -1)
    if start < 0:
        # The rest of a command that is put together elsewhere.
        if len(words) > 1 and module.string(words[0]) == "-m" and "." in (name := module.string(words[1]) or ""):
            yield from _module(module, at, name)
        return
    while start < len(words):
        text = module.string(words[start])
        if _is_interpreter(module, words[start]):  # the name that the program itself is given
            start += 1
        elif text in {"-m", "-c"} and start + 1 < len(words):
            given = module.string(words[start + 1])
            if text == "-m" and given in _NEUTRAL:
                start += 2
            elif text == "-c":
                yield from _code(module, at, given)
                return
            elif given is None:
                yield Load(where=module.at(at), how="-m", kind="start")
                return
            else:
                yield from _module(module, at, given)
                return
        elif text is not None and text.startswith("-"):
            start += 2 if text in _VALUED else 1
        elif isinstance(words[start], ast.Starred):
            return
        else:
            target = files.path_of(module, words[start]) or ""
            yield Load(where=module.at(at), how="an interpreter", kind="start", target=target)
            return


def _is_interpreter(module: ParsedModule, node: ast.expr) -> bool:
    if module.resolve(node) == "sys.executable":
        return True
    text = module.string(node) if isinstance(node, ast.Constant | ast.Name | ast.JoinedStr) else None
    return text is not None and 0 < len(text) < MAX_PROGRAM and is_python_program(text.rpartition("/")[2])


def _of_starter(module: ParsedModule, call: ast.Call, name: str) -> Iterator[Load]:
    """A command as a text, or a script that is started by its path."""
    for given in [*call.args[:2], *(k.value for k in call.keywords if k.arg in {"args", "cmd", "command"})]:
        first = given.elts[0] if isinstance(given, ast.List | ast.Tuple) and given.elts else given
        path = files.path_of(module, first) or ""
        if path.endswith((".py", ".pyw")) and (first is not given or not re.search(r"\s", path)):
            yield Load(where=module.at(call), how=name, kind="start", target=path)
        elif text := _command(module, given):
            yield from _of_text(module, call, text)


def _command(module: ParsedModule, node: ast.expr) -> str:
    """A text, in which `sys.executable` is an interpreter and what is computed is a word that nobody knows."""
    if isinstance(node, ast.JoinedStr):
        parts = [
            module.string(v)
            if isinstance(v, ast.Constant)
            else "python"
            if isinstance(v, ast.FormattedValue) and module.resolve(v.value) == "sys.executable"
            else (module.string(v.value) if isinstance(v, ast.FormattedValue) else None) or "\0"
            for v in node.values
        ]
        return "".join(part or "" for part in parts)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return _command(module, node.left) + _command(module, node.right)
    if module.resolve(node) == "sys.executable":
        return "python"
    return module.string(node) or ""


def _of_text(module: ParsedModule, call: ast.Call, text: str) -> Iterator[Load]:
    for part in re.split(r"[;&|\n]+", text[:MAX_LINE]):
        try:
            words = shlex.split(part)
        except ValueError:
            words = part.split()
        at = next((i + 1 for i, word in enumerate(words) if is_python_program(word.rpartition("/")[2])), -1)
        while 0 <= at < len(words):
            word = words[at]
            if word == "-m" and at + 1 < len(words) and words[at + 1] in _NEUTRAL:
                at += 2
            elif word == "-m" and at + 1 < len(words):
                unknown = "\0" in words[at + 1]
                given = Load(where=module.at(call), how="-m", kind="start")
                yield from [given] if unknown else _module(module, call, words[at + 1])
                break
            elif word == "-c":
                yield from _code(module, call, words[at + 1] if at + 1 < len(words) else "")
                break
            elif word.startswith("-"):
                at += 2 if word in _VALUED else 1
            else:
                target = "" if "\0" in word else word
                yield Load(where=module.at(call), how="an interpreter", kind="start", target=target)
                break


def _module(module: ParsedModule, at: ast.AST, name: str) -> Iterator[Load]:
    if _DOTTED.fullmatch(name):
        for target in (name, f"{name}.__main__"):
            yield Load(where=module.at(at), how="-m", kind="name", target=target)


def _code(module: ParsedModule, at: ast.AST, text: str | None) -> Iterator[Load]:
    """What a text that an interpreter gets imports."""
    try:
        tree = ast.parse(text or "")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    for node in ast.walk(tree):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        for name in names:
            yield Load(where=module.at(at), how="-c", kind="name", target=name)


def _of_framework(module: ParsedModule, call: ast.Call, name: str) -> Iterator[Load]:
    serves = name.startswith(_SERVERS)
    if last_name(call.func) in _METHODS or (serves and call.args):
        for given in call.args:
            yield from _dotted(module, given, name or "a framework", lone=not serves)
    for keyword in call.keywords:
        if keyword.arg in _KEYWORDS:
            yield from _dotted(module, keyword.value, keyword.arg, lone=serves)


def _dotted(module: ParsedModule, given: ast.expr, how: str, *, lone: bool = True) -> Iterator[Load]:
    """Names of modules among tests and examples, alone or in a list.

    Args:
        lone: whether a name without a dot counts.
    """
    for node in given.elts if isinstance(given, ast.List | ast.Tuple | ast.Set) else [given]:
        text = module.string(node)
        name = (text or "").partition(":")[0]
        if _DOTTED.fullmatch(name) and (lone or "." in name or ":" in (text or "")) and _is_apart(name):
            yield Load(where=module.at(node), how=how, kind="name", target=name)


def _targets(module: ParsedModule) -> Iterator[Load]:
    """Texts that read as `package.module:attribute`, which servers, workers and entry points are given."""
    count = 0
    for node in module.of(ast.Constant):
        if not isinstance(node.value, str) or ":" not in node.value or isinstance(module.parents.get(node), ast.Expr):
            continue
        for line in node.value[:MAX_LINE].split("\n")[:50]:  # an entry point of a setup.py may be one of several lines
            found = _TARGET.fullmatch(line.strip())
            if found and "." in found[1] and _is_apart(found[1]) and count < MAX_FOUND:
                count += 1
                yield Load(where=module.at(node), how="a target", kind="name", target=found[1])


def _is_apart(name: str) -> bool:
    return role(name.replace(".", "/") + ".py") != "product" or role(name.replace(".", "/") + "/x.py") != "product"
