"""Text that `exec` and `eval` run: where it comes from, and the code itself where the module holds it.

A text that is written in the module is read as code, its holes (`{name}` of a template) filled with a name. One that a
file holds leads to that file. One that is decoded, unpacked or fetched hides what runs; one that is given or computed is
not known here.
"""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Iterator
from typing import Literal

from strictreal.collect.python import files
from strictreal.collect.python.module import ParsedModule, parse
from strictreal.facts.behaviour import vocabulary

Origin = Literal["path", "hidden", "unknown", "text"]
MAX_DEPTH = 12
"""How many names and calls are followed to where a text comes from."""
MAX_TEXTS = 200
"""Texts of one module that are read as code; what is beyond is not known."""
HOLE = "_hole_"
_UNPACKING = (
    *("base64.", "zlib.", "gzip.", "bz2.", "lzma.", "binascii.", "codecs.", "marshal.", "pickle.", "cryptography."),
    *("bytes.fromhex", "bytearray.fromhex", "chr", "ord", "operator.xor", "reversed", "Crypto.", "nacl."),
)
_UNPACKERS = vocabulary("decompress decrypt fromhex unhexlify b64decode b85decode a85decode b32decode translate")
_FETCHING = ("requests.", "urllib.", "httpx.", "aiohttp.", "socket.", "http.client.", "urllib3.", "ftplib.")
_SAME = frozenset(
    {"compile", "builtins.compile", "str", "textwrap.dedent", "inspect.cleandoc", "ast.parse", "bytes", "bytearray"}
)
_SAME_METHODS = frozenset({"strip", "lstrip", "rstrip", "encode", "expandtabs", "removeprefix", "removesuffix"})
_OPENERS = frozenset({"open", "io.open", "codecs.open", "tokenize.open", "io.open_code", "os.fdopen", "gzip.open"})
_RUNNING = frozenset({"exec", "eval", "builtins.exec", "builtins.eval"})
_MEASURING = frozenset(
    {
        *("cProfile.run", "cProfile.runctx", "profile.run", "profile.runctx", "pdb.run", "pdb.runeval"),
        *("timeit.timeit", "timeit.repeat", "timeit.Timer"),
    }
)
"""Functions that run a text to measure or to watch it."""
_INTERPRETING = frozenset({"runsource", "runcode"})
_FUNCTIONS = frozenset({"types.FunctionType", "types.LambdaType"})
_TYPED = frozenset({"input", "sys.stdin.read", "sys.stdin.readline", "builtins.input"})


def origins(module: ParsedModule, node: ast.expr) -> list[tuple[Origin, str]]:
    """Where a text that is run comes from: (kind, path or words) of each source but those that the module holds."""
    found = dict.fromkeys(_origins(module, node, MAX_DEPTH))
    return [(kind, target) for kind, target in found if kind != "text"]


def text_of(module: ParsedModule, call: ast.Call) -> ast.expr | None:
    """The text that a call runs; None where it runs none, or a function that is given instead."""
    given = call.args[0] if call.args else next((k.value for k in call.keywords if k.arg in {"stmt", "code"}), None)
    name = module.resolve(call.func)
    if given is None or name in _RUNNING:
        return given if name in _RUNNING else None
    if name in _MEASURING:
        known = module.string(given) is not None or isinstance(given, ast.Call | ast.JoinedStr)
        return given if known or "open" in ast.unparse(given) else None
    if isinstance(call.func, ast.Attribute) and call.func.attr in _INTERPRETING:
        return given
    return _compiled(module, given, 3) if name in _FUNCTIONS else None


def _compiled(module: ParsedModule, node: ast.expr, names: int) -> ast.Call | None:
    """The call of `compile` that an expression takes its code from."""
    for part in ast.walk(node):
        if isinstance(part, ast.Call) and module.resolve(part.func) in {"compile", "builtins.compile"}:
            return part
        if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Load) and names:
            for binding in module.names.reaching(part):
                if binding.value is not None and (found := _compiled(module, binding.value, names - 1)) is not None:
                    return found
    return None


def sources(module: ParsedModule) -> Iterator[ParsedModule]:
    """The texts of the module that it runs, each parsed as a module of its own whose lines are those of the file."""
    read: set[ast.AST] = set()
    for call in module.of(ast.Call):
        if (given := text_of(module, call)) is not None:
            for node in _texts(module, given, MAX_DEPTH):
                if node not in read and len(read) < MAX_TEXTS and (code := as_code(module, node)) is not None:
                    read.add(node)
                    yield code


def as_code(module: ParsedModule, node: ast.expr) -> ParsedModule | None:
    """A text of the module as code, at the lines where it stands; None where it is none, or is computed."""
    text = _filled(module, node)
    if text is None:
        return None
    source = textwrap.dedent(text)
    try:
        return parse(module.path, ("\n" * (node.lineno - 1) + source).encode(), module.role)
    except (ValueError, RecursionError):
        return None


def _texts(module: ParsedModule, node: ast.expr | None, depth: int) -> Iterator[ast.expr]:
    """The expressions that hold the text: through names, `compile`, `dedent`."""
    if node is None or depth <= 0:
        return
    if _filled(module, node) is not None and not isinstance(node, ast.Name):
        yield node
    elif isinstance(node, ast.Name):
        for binding in module.names.reaching(node):
            yield from _texts(module, binding.value, depth - 1)
    elif isinstance(node, ast.Call) and (inner := _passed(module, node)) is not None:
        yield from _texts(module, inner, depth - 1)
    elif isinstance(node, ast.IfExp | ast.BoolOp):
        for part in (node.body, node.orelse) if isinstance(node, ast.IfExp) else node.values:
            yield from _texts(module, part, depth - 1)


def _filled(module: ParsedModule, node: ast.expr) -> str | None:
    """The text of an expression, with a name for each part that is computed; None where no part is known."""
    if (text := module.string(node)) is not None:
        return text
    if isinstance(node, ast.JoinedStr):
        parts = [HOLE if isinstance(v, ast.FormattedValue) else str(getattr(v, "value", "")) for v in node.values]
        return "".join(parts) if any(isinstance(v, ast.Constant) for v in node.values) else None
    return None


def _passed(module: ParsedModule, call: ast.Call) -> ast.expr | None:
    """The text that a call gives on as it is."""
    name = module.resolve(call.func)
    given = call.args[0] if call.args else next((k.value for k in call.keywords if k.arg == "source"), None)
    if name in _SAME:
        return given
    if isinstance(call.func, ast.Attribute) and not name.startswith(_UNPACKING):
        plain = call.func.attr == "decode" and (not call.args or _is_plain_encoding(module, call.args[0]))
        if call.func.attr in _SAME_METHODS or plain:
            return call.func.value
    return None


def _is_plain_encoding(module: ParsedModule, node: ast.expr) -> bool:
    return (module.string(node) or "").lower().replace("_", "-") in {"utf-8", "utf8", "ascii", "latin-1", "utf-8-sig"}


def _origins(module: ParsedModule, node: ast.expr | None, depth: int) -> Iterator[tuple[Origin, str]]:
    if node is None or depth <= 0:
        yield "unknown", "text that is computed"
        return
    if _filled(module, node) is not None and not isinstance(node, ast.Name):
        whole = module.string(node) is not None
        known = whole or as_code(module, node) is not None
        yield ("text", "") if known else ("unknown", "text that is put together")
    elif isinstance(node, ast.Name):
        yield from _of_name(module, node, depth)
    elif isinstance(node, ast.IfExp | ast.BoolOp):
        for part in (node.body, node.orelse) if isinstance(node, ast.IfExp) else node.values:
            yield from _origins(module, part, depth - 1)
    elif isinstance(node, ast.Call):
        yield from _of_call(module, node, depth)
    elif isinstance(node, ast.Await):
        yield from _origins(module, node.value, depth - 1)
    else:
        yield _hidden(module, node) or ("unknown", "text that is computed")


def _of_name(module: ParsedModule, node: ast.Name, depth: int) -> Iterator[tuple[Origin, str]]:
    bound = module.names.reaching(node)
    if not bound:
        yield "unknown", "text that is computed"
    for binding in bound:
        if isinstance(binding.node, ast.arg):
            yield "unknown", "text that is given to it"
        else:
            yield from _origins(module, binding.value, depth - 1)


def _of_call(module: ParsedModule, call: ast.Call, depth: int) -> Iterator[tuple[Origin, str]]:
    if hidden := _hidden(module, call):
        yield hidden
    elif (inner := _passed(module, call)) is not None:
        yield from _origins(module, inner, depth - 1)
    elif module.resolve(call.func) in _TYPED:
        return  # what somebody types is no code of the subject
    elif isinstance(call.func, ast.Attribute) and (opened := _opened(module, call.func)) is not None:
        yield "path", opened
    elif module.resolve(call.func) in {"pkgutil.get_data", "importlib.resources.read_text"} and len(call.args) > 1:
        package, name = module.string(call.args[0]), module.string(call.args[1])
        own = package is None and isinstance(call.args[0], ast.Name) and call.args[0].id in {"__name__", "__package__"}
        folder = "//" + (module.path.rpartition("/")[0] or ".") if own else (package or "").replace(".", "/")
        yield "path", f"{folder}/{name}" if folder and name else ""
    else:
        yield "unknown", "text that is computed"


def _opened(module: ParsedModule, reading: ast.Attribute) -> str | None:
    """The path of a file that is read, "" when it is computed; None where what is read is no file."""
    holder = reading.value
    if reading.attr in {"read_text", "read_bytes"}:
        return files.path_of(module, holder) or ""
    if reading.attr != "read":
        return None
    if isinstance(holder, ast.Name):
        bound = module.names.reaching(holder)
        value = bound[0].value if len(bound) == 1 else None
        for item in module.of(ast.withitem):
            if isinstance(item.optional_vars, ast.Name) and item.optional_vars.id == holder.id:
                value = item.context_expr
        holder = value if value is not None else holder
    if not isinstance(holder, ast.Call):
        return None
    opens = isinstance(holder.func, ast.Attribute) and holder.func.attr == "open"
    return (files.path_of(module, holder) or "") if opens or module.resolve(holder.func) in _OPENERS else None


def _hidden(module: ParsedModule, node: ast.expr) -> tuple[Origin, str] | None:
    """That a text is unpacked or fetched, by what takes part in making it; names are looked behind once."""
    waiting: list[tuple[ast.AST, int]] = [(node, 2)]
    for _ in range(200):
        if not waiting:
            return None
        part, names = waiting.pop()
        if isinstance(part, ast.Call):
            called = module.resolve(part.func)
            if (
                isinstance(part.func, ast.Attribute)
                and part.func.attr == "decode"
                and not called.startswith(_UNPACKING)
            ):
                odd = bool(part.args) and not _is_plain_encoding(module, part.args[0])
                if odd:
                    return "hidden", "text that is unpacked"
            elif called.startswith(_UNPACKING) or (
                isinstance(part.func, ast.Attribute) and part.func.attr in _UNPACKERS
            ):
                return "hidden", "text that is unpacked"
            elif called.startswith(_FETCHING):
                return "hidden", "text that is fetched"
        elif isinstance(part, ast.Subscript) and isinstance(part.slice, ast.Slice) and part.slice.step is not None:
            return "hidden", "text that is turned around"
        elif isinstance(part, ast.Name) and isinstance(part.ctx, ast.Load) and names:
            waiting += [(b.value, names - 1) for b in module.names.reaching(part) if b.value is not None]
        waiting += [(child, names) for child in ast.iter_child_nodes(part)]
    return None
