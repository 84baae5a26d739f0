"""What a literal is for: the name it is given, or the call that receives it, and whether it is a value at all.

A literal in a docstring, a message, a comparison, a key, an annotation or a command-line option is no value that a
program works with; `purpose` says nothing of those.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass

from strictreal.collect.python.module import ParsedModule
from strictreal.collect.python.vocabulary import vocabulary

_CAMEL = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+")
_TRANSPARENT_CALLS = vocabulary(
    """
    str int float bytes Path URL AnyUrl SecretStr urlparse urlsplit list tuple set frozenset cast NonNull
    SecretBytes Field field partial urljoin quote ip_address IPv4Address IPv6Address deepcopy copy
    """
)
_TRANSPARENT_METHODS = vocabulary("format format_map strip rstrip lstrip lower upper encode decode split")
_TRANSPARENT_KEYWORDS = {"default", "default_factory", "fallback", "initial", "value"}
_GETTERS = vocabulary("get getenv setdefault pop getattr get_setting get_config get_env env config")
_COMMAND_LINES = vocabulary(
    """
    add_argument add_option option Option argument Argument password_option prompt confirm DEFINE_string
    DEFINE_integer DEFINE_float DEFINE_list DEFINE_enum
    """
)
_SAYING = vocabulary(
    """
    print warn debug info warning error exception critical log echo secho fatal startswith endswith removeprefix
    removesuffix replace match search fullmatch compile findall sub partition rpartition find index count
    isinstance hasattr delattr _ gettext gettext_lazy ngettext assert_called_with TypeVar NewType namedtuple
    setup write add_help set_usage ip_network IPv4Network IPv6Network deprecated fail skip abort urlunparse
    """
)
_DOCUMENTING = vocabulary(
    """
    help description epilog title metavar example examples doc docs summary usage message msg reason label
    verbose_name help_text json_schema_extra docs_url author placeholder hint error_messages pattern regex
    openapi_examples project_urls namespace tooltip caption text html short_help prefix choices content
    explanation
    """
)


@dataclass(frozen=True, slots=True)
class Purpose:
    """What a value is for.

    Attributes:
        name: what it is called: target, keyword, parameter, key; empty when it has no name.
        callee: last name of the function that receives it as an argument; empty when none does.
        call: that call.
        of: the name of the function that returns it; empty when it is not returned.
    """

    name: str = ""
    callee: str = ""
    call: ast.Call | None = None
    of: str = ""


def words(name: str) -> tuple[str, ...]:
    """The words of an identifier or key in lower case: `DB_Host2`, `dbHost` and `db-host` all end in `host`."""
    return tuple(word.lower() for word in _CAMEL.findall(name) if not word.isdigit())


def last_name(function: ast.expr) -> str:
    """`get` of `session.get`, `connect` of `connect`."""
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def purpose(module: ParsedModule, node: ast.expr) -> Purpose | None:
    """What a literal is for, or None when it is no value that the program works with."""
    parents = module.parents
    child: ast.AST = node
    parent = parents[node]
    while True:
        step = _step(module, child, parent)
        if step is None or isinstance(step, Purpose):
            return step
        child, parent = step, parents[step]


def _step(module: ParsedModule, child: ast.AST, parent: ast.AST) -> ast.AST | Purpose | None:
    """A purpose, None for "no value", or the node from which to look on."""
    match parent:
        case ast.keyword():
            return _of_keyword(module, parent)
        case ast.Call():
            return _of_argument(module, child, parent)
        case ast.Assign():
            return Purpose(_target(module, parent.targets[0]))
        case ast.AnnAssign():
            return Purpose(_target(module, parent.target)) if child is parent.value else None
        case ast.NamedExpr():
            return Purpose(parent.target.id)
        case ast.arguments():
            return Purpose(_parameter(child, parent))
        case ast.Dict():
            return _of_item(module, child, parent)
        case ast.BinOp():
            return _of_operand(child, parent)
        case ast.IfExp():
            return None if child is parent.test else parent
        case ast.Attribute():
            call = module.parents[parent]
            used = parent.attr in _TRANSPARENT_METHODS and isinstance(call, ast.Call) and call.func is parent
            return call if used else None
        case ast.For() | ast.AsyncFor() | ast.comprehension():
            return Purpose(_target(module, parent.target)) if child is parent.iter else None
        case ast.Return() | ast.Yield():
            function = _function(module, parent)
            return Purpose(of=function) if function else None
        case ast.Lambda():
            return parent if child is parent.body else None
        case ast.Tuple() | ast.List():
            return _of_element(module, child, parent)
        case ast.JoinedStr() | ast.BoolOp() | ast.Starred() | ast.Set() | ast.Await():
            return parent
    return None


def _of_keyword(module: ParsedModule, keyword: ast.keyword) -> ast.AST | Purpose | None:
    call = module.parents[keyword]
    if not isinstance(call, ast.Call) or keyword.arg is None or keyword.arg in _DOCUMENTING:
        return None
    callee = last_name(call.func)
    if callee in _COMMAND_LINES or callee in _SAYING or callee.endswith(("Error", "Exception", "Warning")):
        return None
    if keyword.arg in _TRANSPARENT_KEYWORDS:
        key = module.string(call.args[0]) if call.args else None
        return Purpose(key, callee, call) if key else call
    return Purpose(keyword.arg, callee, call)


def _of_argument(module: ParsedModule, child: ast.AST, call: ast.Call) -> ast.AST | Purpose | None:
    if child is call.func:
        return call
    callee = last_name(call.func)
    if callee in _TRANSPARENT_CALLS:
        return call if child is call.args[0] else None
    if callee in _COMMAND_LINES or callee in _SAYING or callee.endswith(("Error", "Exception", "Warning")):
        return None
    if callee in _GETTERS and child is not call.args[0]:
        key = call.args[1] if callee == "getattr" and len(call.args) > 2 else call.args[0]
        if key is child:
            return None
        return Purpose(module.string(key) or "", callee, call)
    if callee in {"setattr", "setitem"} and len(call.args) == 3:
        return Purpose(module.string(call.args[1]) or "", callee, call) if child is call.args[2] else None
    return Purpose("", callee, call)


def _of_item(module: ParsedModule, child: ast.AST, dictionary: ast.Dict) -> ast.AST | Purpose | None:
    if child not in module.keys:
        return None  # a key is no value
    key = module.keys[child]
    name = module.string(key) if key is not None else None
    if name is None:
        return dictionary
    return None if name in _DOCUMENTING else Purpose(name)


def _of_operand(child: ast.AST, operation: ast.BinOp) -> ast.AST | None:
    if isinstance(operation.op, ast.Add):
        return operation
    return operation if isinstance(operation.op, ast.Mod) and child is operation.left else None


def _of_element(module: ParsedModule, child: ast.AST, row: ast.Tuple | ast.List) -> ast.AST | Purpose:
    """The name beside an element of `a, b = 1, 2`; else the row as a whole is looked at."""
    assign = module.parents[row]
    if isinstance(assign, ast.Assign) and isinstance(names := assign.targets[0], ast.Tuple | ast.List):
        for target, value in zip(names.elts, row.elts, strict=False):
            if value is child:
                return Purpose(_target(module, target))
    return row


def _target(module: ParsedModule, target: ast.expr) -> str:
    """What an assignment's target is called."""
    if isinstance(target, ast.Attribute):
        return target.attr
    if isinstance(target, ast.Subscript):
        return module.string(target.slice) or ""
    return target.id if isinstance(target, ast.Name) else ""


def _parameter(default: ast.AST, arguments: ast.arguments) -> str:
    plain = [*arguments.posonlyargs, *arguments.args]
    for argument, value in zip(reversed(plain), reversed(arguments.defaults), strict=False):
        if value is default:
            return argument.arg
    for argument, keyword_value in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        if keyword_value is default:
            return argument.arg
    return ""


def _function(module: ParsedModule, node: ast.AST) -> str:
    scope = module.names.scope(node) if isinstance(node, ast.expr) else None
    current: ast.AST | None = node
    while scope is None and current is not None:
        current = module.parents.get(current)
        if isinstance(current, ast.FunctionDef | ast.AsyncFunctionDef):
            scope = current
    return scope.name if isinstance(scope, ast.FunctionDef | ast.AsyncFunctionDef) else ""


_SETTINGS_CLASS = re.compile(
    r"(?i)(?:settings|config|configuration|options|conf|defaults|arguments|args|params|parameters)$"
)


def in_settings_class(module: ParsedModule, node: ast.AST) -> bool:
    """Whether a node is a field of a class that, by its name, defines settings, or a default of its `__init__`."""
    current, function = module.parents.get(node), ""
    while current is not None:
        if isinstance(current, ast.FunctionDef | ast.AsyncFunctionDef):
            function = function or current.name
        if isinstance(current, ast.ClassDef):
            return function in {"", "__init__"} and bool(_SETTINGS_CLASS.search(current.name))
        current = module.parents.get(current)
    return False
