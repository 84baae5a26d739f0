"""Uses of the process environment, in every form: by meaning, through import aliases, scopes and dynamic imports.

What counts is reading or changing the variables of the running process, by the standard library or by a library whose
purpose is that. `request.environ`, a parameter called `environ` and the type `os._Environ` are none of it; nor is
`monkeypatch.setenv`, which undoes itself.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from strictreal.collect.python import envforms, envwhole
from strictreal.collect.python.module import ParsedModule
from strictreal.collect.python.names import MAX_ALIASES
from strictreal.facts.code import EnvAccess

_MENTIONS = (
    *("environ", "getenv", "putenv", "unsetenv", "setenv", "dotenv", "decouple", "envparse", "prettyconf", "dynaconf"),
    *("starlette", "dj_database_url", "everett", "envyaml", "BaseSettings", "expandvars", "envvar", "prefixed_env"),
    *("getattr(", "__dict__", "vars(", "env_var", "default_env", "auto_env"),
)
"""A module without any of these words uses the environment in no form known here."""
_PROCESS = re.compile(
    r"(?:^|\w\.)_{0,2}(?P<form>(?:os|posix|nt)\.(?:environb?|getenvb?|putenv|unsetenv|_createenviron)(?![\w(]).*|"
    r"(?:os\.path|posixpath|ntpath)\.expandvars)$"
)
_LIBRARIES: dict[str, frozenset[str]] = {
    "dotenv": frozenset({"load_dotenv", "dotenv_values", "get_key", "set_key", "unset_key", "DotEnv"}),
    "dotenv.main": frozenset({"load_dotenv", "dotenv_values", "get_key", "set_key", "unset_key", "DotEnv"}),
    "decouple": frozenset({"config", "Config", "AutoConfig", "RepositoryEnv"}),
    "environs": frozenset({"Env", "env"}),
    "environ": frozenset({"Env", "FileAwareEnv", "config", "to_config", "var", "bool_var", "group"}),
    "starlette.config": frozenset({"Config", "environ", "Environ"}),
    "envparse": frozenset({"env", "Env"}),
    "prettyconf": frozenset({"config"}),
    "dynaconf": frozenset({"Dynaconf", "LazySettings", "FlaskDynaconf", "DjangoDynaconf", "settings"}),
    "dj_database_url": frozenset({"config"}),
    "everett.manager": frozenset({"ConfigOSEnv", "ConfigEnvFileEnv"}),
    "envyaml": frozenset({"EnvYAML"}),
    "wsgiref.handlers": frozenset({"read_environ"}),
    "cyclopts.config": frozenset({"Env"}),
}
"""Libraries that read the environment, and what of them does."""
_SETTINGS_BASES = re.compile(r"pydantic(?:_settings)?(?:\.\w+)*\.BaseSettings$")
_FLASK_LOADERS = {"from_envvar", "from_prefixed_env"}
_COMMAND_LINES = {"click", "typer", "rich_click", "asyncclick", "cloup"}
_CONFIGURED = {"configargparse", "cyclopts", "jsonargparse"}
_OPTIONS = {"env_var", "auto_env_var_prefix", "default_env"}
"""Keywords by which these libraries take the value of an option from a variable."""
_PATCHERS = {"patch", "dict", "object", "multiple", "setattr", "setitem", "delattr", "delitem"}
_ATTRIBUTES = {
    "environ",
    "environb",
    "getenv",
    "getenvb",
    "putenv",
    "unsetenv",
    "setenv",
    "expandvars",
    "import_module",
    "resolve_name",
    "locate",
    "import_string",
    "secure_getenv",
    "GetEnvironmentVariableW",
}
_DYNAMIC = {"getattr", "vars", "__import__", "import_module", "resolve_name", "locate", "import_string"}
_C_FUNCTIONS = (".getenv", ".secure_getenv", ".setenv", ".putenv", ".unsetenv", ".GetEnvironmentVariableW")
_ROOTS = {library.partition(".")[0] for library in _LIBRARIES}
_VARIABLE = re.compile(r"[A-Za-z_]\w{0,79}")


def facts(module: ParsedModule) -> Iterator[EnvAccess]:
    """Every access of the module."""
    if any(hint in module.text for hint in envforms.HINTS):
        yield from envforms.facts(module, _plain)
    yield from envwhole.facts(module)
    yield from _plain(module)


def _plain(module: ParsedModule) -> Iterator[EnvAccess]:
    """Accesses by name, through aliases, scopes and dynamic imports."""
    if not any(word in module.text for word in _MENTIONS):
        return
    for node in _candidates(module):
        yield from _of_expression(module, node)
    for call in module.of(ast.Call):
        yield from _of_call(module, call)
    if "auto_envvar_prefix" in module.text:
        for value, key in module.keys.items():
            if key is not None and module.string(key) == "auto_envvar_prefix":
                yield EnvAccess(where=module.at(value), form="auto_envvar_prefix of a command line")
    for definition in module.of(ast.ClassDef):
        base = next((b for b in definition.bases if _is_settings_base(module, b)), None)
        if base is not None:
            yield EnvAccess(where=module.at(base), form=f"BaseSettings subclass {definition.name}")
    yield from _passed_on(module)


def _candidates(module: ParsedModule) -> list[ast.expr]:
    """The expressions that may denote the environment, each at its full length: few, so that only they are resolved."""
    leading = _leading_names(module)
    found: dict[ast.expr, None] = {}
    for name in module.of(ast.Name):
        if name.id in leading and (isinstance(name.ctx, ast.Load) or isinstance(module.parents[name], ast.AugAssign)):
            found[_whole(module, name)] = None
    for attribute in module.of(ast.Attribute):
        if attribute.attr in _ATTRIBUTES:
            found[_whole(module, attribute)] = None
    for call in module.of(ast.Call):
        if (isinstance(call.func, ast.Name) and call.func.id in leading) or (
            isinstance(call.func, ast.Attribute) and call.func.attr in {"resolve_name", "locate", "import_string"}
        ):
            found[_whole(module, call)] = None
        elif isinstance(call.func, ast.Attribute) and call.func.attr in {"get", "pop", "__getitem__"}:
            holder = call.func.value
            spaces = isinstance(holder, ast.Call) and getattr(holder.func, "id", "") in {"vars", "globals", "locals"}
            if spaces or (isinstance(holder, ast.Attribute) and holder.attr == "__dict__"):
                found[_whole(module, call)] = None
    for subscript in module.of(ast.Subscript):
        holder = subscript.value
        if isinstance(holder, ast.Call) or (isinstance(holder, ast.Attribute) and holder.attr == "__dict__"):
            found[_whole(module, subscript)] = None
    return list(found)


def _whole(module: ParsedModule, node: ast.expr) -> ast.expr:
    """The longest chain of attributes that starts with an expression."""
    parent = module.parents[node]
    while isinstance(parent, ast.Attribute):
        node, parent = parent, module.parents[parent]
    return node


def _leading_names(module: ParsedModule) -> set[str]:
    """Names that may lead to the environment: imports of it and of its libraries, and names for what they lead to."""
    leading = set(_DYNAMIC)
    if module.names.stars:
        leading |= _ATTRIBUTES.union(*_LIBRARIES.values())
    values: list[tuple[str, ast.expr]] = []
    for name, binding in module.names.bound():
        if binding.dotted.partition(".")[0] in _ROOTS or binding.dotted.rpartition(".")[2] in _ATTRIBUTES:
            leading.add(name)
        elif binding.value is not None:
            values.append((name, binding.value))
    for _ in range(MAX_ALIASES):
        followed = {name for name, value in values if name not in leading and _leads(value, leading)}
        if not followed:
            break
        leading |= followed
    return leading


def _leads(value: ast.expr, leading: set[str]) -> bool:
    node: ast.AST = value
    while True:
        match node:
            case ast.Attribute(attr=name) if name in _ATTRIBUTES:
                return True
            case (
                ast.Attribute(value=inner)
                | ast.Call(func=inner)
                | ast.Subscript(value=inner)
                | ast.NamedExpr(value=inner)
            ):
                node = inner
            case ast.Name(id=name):
                return name in leading
            case _:
                return False


def _of_expression(module: ParsedModule, node: ast.expr) -> Iterator[EnvAccess]:
    """An access by the longest dotted expression that denotes it, so that `os.environ.get` is one and not two."""
    parent = module.parents[node]
    for dotted in module.resolve_all(node):
        form = _form(dotted, called=isinstance(parent, ast.Call) and parent.func is node)
        if form:
            yield EnvAccess(where=module.at(node), form=form, variable=_variable(module, node, parent))
            return


def _form(dotted: str, *, called: bool) -> str:
    """How the environment is reached when an expression denotes `dotted`; empty when it is not."""
    if found := _PROCESS.search(dotted):
        return "" if "()" in found["form"] else found["form"]  # what a copy or a value is used for is no access
    if dotted.startswith("psutil.Process()") and dotted.endswith(".environ"):
        return dotted
    if dotted.startswith(("ctypes.", "cffi.")) and dotted.endswith(_C_FUNCTIONS):
        return dotted
    for library, names in _LIBRARIES.items():
        if dotted.startswith(library + "."):
            name, mark, rest = dotted[len(library) + 1 :].partition("()")
            if name.partition(".")[0] in names and not (mark and not rest and not called) and "()" not in rest:
                return dotted
    return ""


def _variable(module: ParsedModule, node: ast.expr, parent: ast.AST) -> str:
    """The name of the variable, where the access says it."""
    key: ast.expr | None = None
    if isinstance(parent, ast.Call) and parent.func is node and parent.args:
        key = parent.args[0]
    elif isinstance(parent, ast.Subscript) and parent.value is node:
        key = parent.slice
    elif isinstance(parent, ast.Compare) and parent.comparators == [node]:
        key = parent.left
    name = module.string(key) or ""
    return name if _VARIABLE.fullmatch(name) else ""


def _of_call(module: ParsedModule, call: ast.Call) -> Iterator[EnvAccess]:
    """Accesses that only the call as a whole shows."""
    function = call.func
    last = function.attr if isinstance(function, ast.Attribute) else ""
    if last in _FLASK_LOADERS:
        yield EnvAccess(where=module.at(function), form=f"config.{last}")
    for keyword in call.keywords:
        if keyword.arg == "auto_envvar_prefix" or (
            keyword.arg == "envvar" and module.resolve(function).partition(".")[0] in _COMMAND_LINES
        ):
            if not (isinstance(keyword.value, ast.Constant) and keyword.value.value is None):
                yield EnvAccess(where=module.at(keyword), form=f"{keyword.arg} of a command line")
        elif keyword.arg in _OPTIONS and not _CONFIGURED.isdisjoint(_imported(module)):
            if not (isinstance(keyword.value, ast.Constant) and not keyword.value.value):
                yield EnvAccess(where=module.at(keyword), form=f"{keyword.arg} of a command line")
        elif keyword.arg == "__base__" and _is_settings_base(module, keyword.value):
            yield EnvAccess(where=module.at(keyword.value), form="BaseSettings subclass")
    target = call.args[0] if call.args else next((k.value for k in call.keywords if k.arg == "in_dict"), None)
    if isinstance(target, ast.Constant) and isinstance(target.value, str):
        patcher = last or module.resolve(function).rpartition(".")[2]
        if patcher in _PATCHERS and (form := _form(target.value, called=False)).startswith("os."):
            yield EnvAccess(where=module.at(target), form=f"{form} patched by name")


def _imported(module: ParsedModule) -> set[str]:
    """The packages that a module imports anything of."""
    return {binding.dotted.partition(".")[0] for _, binding in module.names.bound() if binding.dotted}


def _is_settings_base(module: ParsedModule, base: ast.expr) -> bool:
    """Whether a base class reads its fields from the environment, itself or through classes of this module."""
    seen: set[ast.AST] = set()
    waiting = [base]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Subscript):
            node = node.value
        if any(_SETTINGS_BASES.match(name) for name in module.resolve_all(node)):
            return True
        for definition in module.definitions(node):
            if isinstance(definition, ast.ClassDef) and definition not in seen:
                seen.add(definition)
                waiting += definition.bases
    return False


def _passed_on(module: ParsedModule) -> Iterator[EnvAccess]:
    """`from os import environ` that the module itself never uses: it is there for others to import."""
    used = {name.id for name in module.of(ast.Name)}
    for source in module.of(ast.ImportFrom):
        for alias in source.names:
            form = _form(f"{source.module}.{alias.name}", called=False) if not source.level else ""
            if form.startswith(("os.", "posix.", "nt.")) and (alias.asname or alias.name) not in used:
                yield EnvAccess(where=module.at(alias), form=f"{form} imported for others")
