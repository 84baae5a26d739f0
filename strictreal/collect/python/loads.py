"""What a module loads or runs beside its import statements: files, text, modules by name, folders to import from.

What is named by a constant is given as that name. What is computed is given with what is known of it; whether something
that nobody read may be reached by it is for the collector to say, who knows the subject.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from strictreal.collect.python import executed, files, starts
from strictreal.collect.python.context import last_name
from strictreal.collect.python.module import ParsedModule
from strictreal.collect.python.role import role
from strictreal.facts.code import Load

_BY_NAME = frozenset(
    """
    importlib.import_module __import__ builtins.__import__ importlib.__import__ runpy.run_module pkgutil.resolve_name
    """.split()
)
_LIKE_IT = frozenset({"import_string", "import_from_string", "import_object", "load_object", "import_dotted_path"})
"""What libraries call a function that imports what a text names."""
_BY_PATH = {
    "importlib.util.spec_from_file_location": (1, "location"),
    "importlib.machinery.SourceFileLoader": (1, "path"),
    "importlib.machinery.SourcelessFileLoader": (1, "path"),
    "importlib.machinery.ExtensionFileLoader": (1, "path"),
    "runpy.run_path": (0, "path_name"),
    "imp.load_source": (1, "pathname"),
    "imp.load_compiled": (1, "pathname"),
    "zipimport.zipimporter": (0, "path"),
    "execfile": (0, "filename"),
}
_DOTTED = re.compile(r"[A-Za-z_]\w{0,60}(?:\.[A-Za-z_]\w{0,60}){1,12}")
MAX_MENTIONS = 1000


def facts(module: ParsedModule) -> Iterator[Load]:
    """Every place of a module that loads something, in no particular order."""
    for call in module.of(ast.Call):
        names = module.resolve_all(call.func)
        name = next(iter(names), "")
        if name in _BY_NAME or last_name(call.func) in _LIKE_IT:
            yield _named(module, call)
        elif found := next((_BY_PATH[n] for n in names if n in _BY_PATH), None):
            target = files.path_of(module, _argument(call, *found))
            yield Load(where=module.at(call), how=name, kind="path", target=target or "")
        elif (given := executed.text_of(module, call)) is not None:
            yield from _run(module, call, given, name.rpartition(".")[2] or last_name(call.func))
        elif name == "marshal.loads":
            yield Load(where=module.at(call), how=name, kind="hidden", target="compiled code")
        elif name == "site.addsitedir" and call.args:
            yield from _searched(module, call, call.args[0], name)
        elif call.args and _extends_search_path(module, call.func):
            yield from _searched(module, call, call.args[-1], ast.unparse(call.func))
    for assign in module.of(ast.Assign, ast.AugAssign):
        targets = assign.targets if isinstance(assign, ast.Assign) else [assign.target]
        for each in targets:
            held = each.value if isinstance(each, ast.Subscript) else each
            if _is_search_path(module, held):
                yield from _searched(module, assign, assign.value, ast.unparse(held))
    yield from starts.facts(module)
    yield from _mentions(module)


def _mentions(module: ParsedModule) -> Iterator[Load]:
    """Texts that read as the name of a module in a folder of tests or examples."""
    if module.role != "product":
        return
    texts = {n.value: n for n in module.of(ast.Constant) if isinstance(n.value, str) and _DOTTED.fullmatch(n.value)}
    texts |= {name: node for node, name in starts.mentions(module)}
    told = {text: n for text, n in texts.items() if role(text.replace(".", "/") + "/x.py") != "product"}
    for text, node in list(told.items())[:MAX_MENTIONS]:
        if not isinstance(module.parents.get(node), ast.Expr):
            yield Load(where=module.at(node), how="", kind="mention", target=text)


def _extends_search_path(module: ParsedModule, function: ast.expr) -> bool:
    if not isinstance(function, ast.Attribute) or function.attr not in {"insert", "append", "extend"}:
        return False
    return _is_search_path(module, function.value)


def _is_search_path(module: ParsedModule, node: ast.expr) -> bool:
    if isinstance(node, ast.Name):
        return node.id == "__path__" or module.resolve(node) == "sys.path"
    return isinstance(node, ast.Attribute) and (node.attr == "__path__" or module.resolve(node) == "sys.path")


def _searched(module: ParsedModule, at: ast.AST, given: ast.expr, how: str) -> Iterator[Load]:
    """Folders that modules are looked for in from now on."""
    listed: ast.expr = given
    while isinstance(listed, ast.BinOp) and isinstance(listed.op, ast.Add):
        yield from _searched(module, at, listed.left, how)
        listed = listed.right
    for folder in listed.elts if isinstance(listed, ast.List | ast.Tuple) else [listed]:
        if target := files.path_of(module, folder):
            yield Load(where=module.at(at), how=how, kind="folder", target=target)


def _argument(call: ast.Call, index: int, name: str) -> ast.expr | None:
    given = next((k.value for k in call.keywords if k.arg == name), None)
    return given or (call.args[index] if len(call.args) > index else None)


def _named(module: ParsedModule, call: ast.Call) -> Load:
    """A module by name; of a computed one, how it begins."""
    given = call.args[0] if call.args else next((k.value for k in call.keywords if k.arg in {"name", "mod_name"}), None)
    how = ast.unparse(call.func)[:80]
    text = module.string(given)
    if text is None:
        return Load(where=module.at(call), how=how, kind="computed", target=_beginning(module, given))
    if text.startswith("."):
        anchor = (
            call.args[1] if len(call.args) > 1 else next((k.value for k in call.keywords if k.arg == "package"), None)
        )
        package = module.string(anchor)
        if package is not None:
            above = len(text) - len(text.lstrip(".")) - 1
            parts = package.split(".")
            text = ".".join([*parts[: len(parts) - above], text.lstrip(".")])
    return Load(where=module.at(call), how=how, kind="name", target=text.replace(":", "."))


def _beginning(module: ParsedModule, given: ast.expr | None) -> str:
    """The constant beginning of a text that is computed; a leading dot stands for the package of the module itself."""
    while isinstance(given, ast.BinOp) and isinstance(given.op, ast.Add | ast.Mod):
        given = given.left
    if isinstance(given, ast.Call) and isinstance(given.func, ast.Attribute) and given.func.attr == "format":
        given = given.func.value
    if isinstance(given, ast.JoinedStr):
        found = ""
        for part in given.values:
            text = module.string(part.value if isinstance(part, ast.FormattedValue) else part)
            if text is None:
                inner = part.value if isinstance(part, ast.FormattedValue) else None
                if not found and isinstance(inner, ast.Name) and inner.id in {"__package__", "__name__"}:
                    found = "."
                    continue
                break
            found += text
        return found.replace("..", ".")
    if isinstance(given, ast.Name) and given.id in {"__package__", "__name__"}:
        return "."
    text = module.string(given) or ""
    return text.partition("%")[0].partition("{")[0]


def _run(module: ParsedModule, call: ast.Call, given: ast.expr, how: str) -> Iterator[Load]:
    """Text that is run: read from a file, hidden, made, or given by somebody."""
    for kind, target in executed.origins(module, given):
        yield Load(where=module.at(call), how=how, kind=kind, target=target)
