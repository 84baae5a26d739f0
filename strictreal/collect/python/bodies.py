"""What function bodies consist of: docstrings, remarks, log lines, literals."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from strictreal.collect.python.module import ParsedModule
from strictreal.facts.behaviour import Value, vocabulary, words
from strictreal.redact import redact

Functions = ast.FunctionDef | ast.AsyncFunctionDef

MAX_DEPTH = 30
"""How deep a literal may be nested before it counts as an expression."""


_LOG_METHODS = vocabulary(
    """
    debug info warning warn error exception critical fatal log trace success msg
    """
)
_SPEAKING = frozenset({"print", "pprint.pprint", "warnings.warn", "logging.log", "traceback.print_exc", "click.echo"})
_SLEEPING = frozenset({"time.sleep", "asyncio.sleep", "anyio.sleep", "trio.sleep", "gevent.sleep", "eventlet.sleep"})
_LITERAL_CALLS = frozenset(
    {
        "dict",
        "list",
        "tuple",
        "set",
        "frozenset",
        "str",
        "int",
        "float",
        "bytes",
        "bytearray",
        "bool",
        "complex",
        "range",
    }
    | {"decimal.Decimal", "datetime.datetime", "datetime.date", "datetime.timedelta", "datetime.time", "uuid.UUID"}
    | {"pathlib.Path", "json.dumps", "types.SimpleNamespace", "fractions.Fraction", "collections.OrderedDict"}
    | {f"{array}.{make}" for array in ("numpy", "torch", "jax.numpy") for make in ("zeros", "ones", "full", "array")}
    | {"iter", "copy.copy", "copy.deepcopy", "flask.jsonify", "quart.jsonify", "flask.make_response"}
    | {"object", "torch.tensor", "numpy.eye", "pandas.DataFrame", "pandas.Series"}
)


_ARRAYS = tuple(f"{array}.{make}" for array in ("numpy", "torch", "jax.numpy") for make in ("zeros", "ones", "full"))
_SIZES = vocabulary("size dim dims dimension dimensions length width height channels features shape")
"""Words of attributes that say how large something is."""
_READERS = frozenset(
    {"json.loads", "orjson.loads", "ast.literal_eval", "yaml.safe_load", "yaml.load", "tomllib.loads", "toml.loads"}
)
"""Functions that make a value of a text; given a literal, they answer a literal."""
_FRESH = frozenset(
    {
        *(
            "uuid.uuid1",
            "uuid.uuid4",
            "time.time",
            "time.time_ns",
            "time.monotonic",
            "time.perf_counter",
            "time.strftime",
        ),
        *("datetime.datetime.now", "datetime.datetime.utcnow", "datetime.datetime.today", "datetime.date.today"),
        *("secrets.token_hex", "secrets.token_urlsafe", "django.utils.timezone.now"),
    }
)
"""What is new at every call, and makes a made-up record no more true."""
_BLANK = frozenset({"none", "true", "false", "trivial"})
_MADE_UP = vocabulary("mock fake stub dummy sample canned placeholder example hardcoded")
"""Words of constants that hold made-up data; any other constant has a name because it is settled there."""
_SETTLING = vocabulary(
    "config params options settings spec metadata mapper policy layout shape size range field schema"
)
"""Words of classes whose objects say how something is done, and are written down for that."""


def dotted(module: ParsedModule, node: ast.AST) -> str:
    """What an expression denotes: resolved where bindings tell, else as it is written; "" when it is no dotted name."""
    if resolved := module.resolve(node):
        return resolved
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return ""
    return ".".join([node.id, *reversed(parts)])


def qualname(module: ParsedModule, node: ast.AST) -> str:
    """The qualified name of a definition, or of the definition that an expression stands in; "" at module level."""
    parts: list[str] = []
    current: ast.AST | None = node
    while current is not None:
        if isinstance(current, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            parts.append(current.name)
        current = module.parents.get(current)
    return ".".join(reversed(parts))


def enclosing(module: ParsedModule, node: ast.AST) -> Functions | None:
    """The function around a node, itself left out."""
    current = module.parents.get(node)
    while current is not None and not isinstance(current, ast.FunctionDef | ast.AsyncFunctionDef):
        current = module.parents.get(current)
    return current


def is_optional(module: ParsedModule, node: ast.expr) -> bool:
    """Whether an expression is a parameter that may be left out: the default is part of the signature."""
    function = enclosing(module, node)
    if function is None or not isinstance(node, ast.Name):
        return False
    a = function.args
    plain = [*a.posonlyargs, *a.args]
    optional = plain[len(plain) - len(a.defaults) :] if a.defaults else []
    named = {p.arg for p in optional} | {
        p.arg for p, default in zip(a.kwonlyargs, a.kw_defaults, strict=True) if default is not None
    }
    if node.id in named:
        return True
    annotations = [ast.unparse(p.annotation) for p in (*plain, *a.kwonlyargs) if p.arg == node.id and p.annotation]
    return any("None" in text or "Optional" in text for text in annotations)


def within(node: ast.AST) -> Iterator[ast.AST]:
    """The node and everything below it that runs with it: not the bodies of functions and classes defined there."""
    stack = [node]
    while stack:
        top = stack.pop()
        yield top
        inner = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
        stack.extend(child for child in ast.iter_child_nodes(top) if not isinstance(child, inner))


Loads = Mapping[str, Sequence[ast.Name]]
"""Where each name of a module is read, in source order."""


def loads(module: ParsedModule) -> Loads:
    """Every reading of a name, by name."""
    found: dict[str, list[ast.Name]] = defaultdict(list)
    for name in module.of(ast.Name):
        if isinstance(name.ctx, ast.Load):
            found[name.id].append(name)
    return found


def docstring(node: ast.AST) -> str:
    """The docstring of a function or class as written; "" when it has none."""
    body = getattr(node, "body", None)
    if isinstance(body, list) and body and isinstance(body[0], ast.Expr):
        value = body[0].value
        if isinstance(value, ast.Constant) and isinstance(value.value, str):
            return value.value
    return ""


def source(node: ast.AST, length: int = 60) -> str:
    """An expression as source text on one line, redacted, cut to `length` characters."""
    try:
        text = redact(" ".join(ast.unparse(node).split()))
    except RecursionError:
        return ""
    return text if len(text) <= length else text[: length - 1] + "…"


def is_log(module: ParsedModule, node: ast.AST) -> bool:
    """Whether an expression is a call that only tells people: a log line, a warning, a print."""
    if isinstance(node, ast.Await):
        node = node.value
    if not isinstance(node, ast.Call):
        return False
    function = node.func
    if isinstance(function, ast.Attribute) and function.attr in _LOG_METHODS:
        receiver = function.value
        if isinstance(receiver, ast.Call):
            receiver = receiver.func
        name = receiver.attr if isinstance(receiver, ast.Attribute) else getattr(receiver, "id", "")
        if not {"log", "logger", "logging", "structlog", "loguru", "logs"}.isdisjoint(words(name)) or name == "LOGGER":
            return True
    resolved = dotted(module, function)
    return resolved in _SPEAKING or resolved.startswith(("logging.", "loguru.logger.", "structlog."))


def is_print(module: ParsedModule, node: ast.AST) -> bool:
    """Whether an expression prints for the user of a command."""
    return isinstance(node, ast.Call) and dotted(module, node.func) in {"print", "pprint.pprint", "click.echo"}


def is_sleep(module: ParsedModule, node: ast.AST) -> bool:
    """Whether an expression only waits."""
    return isinstance(node, ast.Call) and dotted(module, node.func) in _SLEEPING


def is_inert(module: ParsedModule, node: ast.AST) -> bool:
    """Whether an expression statement leaves no trace but in a log: a string, `…`, a log line, a sleep."""
    if isinstance(node, ast.Await):
        node = node.value
    if isinstance(node, ast.Constant):
        return True
    return is_log(module, node) or is_sleep(module, node)


def value_of(
    module: ParsedModule, node: ast.expr | None, known: dict[str, Value] | None = None, depth: int = MAX_DEPTH
) -> Value:
    """How much a literal says; "" for an expression that is not fixed where it is written, or is nested deeper.

    Args:
        known: what local names that were given literals stand for.
    """
    if node is None:
        return "none"
    if depth == 0:
        return ""
    if isinstance(node, ast.Constant):
        return _of_constant(node.value)
    if isinstance(node, ast.Name):
        if known and node.id in known:
            return known[node.id]
        return "text" if node.id.isupper() and not _MADE_UP.isdisjoint(words(node.id)) else ""
    if depth < MAX_DEPTH and isinstance(node, ast.Attribute | ast.Subscript | ast.Call) and is_fresh(module, node):
        return "symbol"
    if isinstance(node, ast.Attribute):
        alone = depth == MAX_DEPTH and isinstance(node.value, ast.Name) and node.value.id[:1].isupper()
        return "symbol" if alone and node.attr.isupper() else ""
    if isinstance(node, ast.IfExp):
        return value_of(module, node.body, known, depth) if ast.dump(node.body) == ast.dump(node.orelse) else ""
    parts = _parts(module, node)
    if parts is None:
        return ""
    if not parts:
        return "trivial"
    values = [value_of(module, part, known, depth - 1) for part in parts]
    if "" in values:
        return ""
    fresh = [part for part in parts if is_fresh(module, part)]
    if fresh and not (depth < MAX_DEPTH and isinstance(node, ast.JoinedStr)) and not _says_more(node, parts, fresh):
        return ""
    return _combined(module, node, parts, values)


def is_fresh(module: ParsedModule, node: ast.expr) -> bool:
    """Whether an expression is the clock or a new identifier, in whatever form: `uuid4().hex[:8]`."""
    while True:
        if isinstance(node, ast.Attribute | ast.Subscript | ast.FormattedValue):
            node = node.value
        elif isinstance(node, ast.Call):
            if dotted(module, node.func) in _FRESH:
                return True
            if dotted(module, node.func) in {"str", "int", "round", "float"} and node.args:
                node = node.args[0]
            elif isinstance(node.func, ast.Attribute):
                node = node.func.value
            else:
                return False
        else:
            return False


def _says_more(node: ast.expr, parts: list[ast.expr], fresh: list[ast.expr]) -> bool:
    """Whether a record has fields beside what is new at every call."""
    fields = node.values if isinstance(node, ast.Dict) else parts if isinstance(node, ast.Call | ast.List) else []
    return any(
        field not in fresh and not (isinstance(field, ast.Constant) and field.value in {None, "", 0})
        for field in fields
    )


def _combined(module: ParsedModule, node: ast.expr, parts: list[ast.expr], values: list[Value]) -> Value:
    """How much a literal says that is made of literals."""
    if isinstance(node, ast.UnaryOp | ast.JoinedStr):
        return "symbol" if len(parts) == 1 else "text"
    if isinstance(node, ast.BinOp):
        repeated = isinstance(node.op, ast.Mult) and any(isinstance(p, ast.List | ast.Tuple) for p in parts)
        return "numbers" if repeated or "numbers" in values else "text" if "text" in values else "symbol"
    if isinstance(node, ast.ListComp):
        return "record" if values[0] == "record" else "numbers"
    if isinstance(node, ast.Call) and dotted(module, node.func).startswith(("numpy.", "torch.", "jax.")):
        return "numbers"
    if isinstance(node, ast.Tuple) and set(values) <= _BLANK:
        return "trivial"
    if "record" in values or "numbers" in values:
        return "record"
    if isinstance(node, ast.Dict):
        return "record" if len(node.keys) > 1 and not set(values[len(node.keys) :]) <= _BLANK else "text"
    if isinstance(node, ast.Call):
        if dotted(module, node.func) in _READERS:
            text = parts[0].value if isinstance(parts[0], ast.Constant) else ""
            return "record" if isinstance(text, str) and text.count(":") > 1 else "text"
        kind = words(dotted(module, node.func).rpartition(".")[2])
        settled = kind[-1:] and kind[-1] in _SETTLING
        return "record" if len(parts) > 1 and not settled and not set(values) <= _BLANK else "text"
    measured = [p for p in parts if isinstance(p, ast.Constant) and type(p.value) is float]
    return "numbers" if len(measured) > 1 else "text"


def _of_constant(value: object) -> Value:
    if value is None:
        return "none"
    if value is True or value is False:
        return "true" if value else "false"
    if value is Ellipsis:
        return ""
    if isinstance(value, float):
        return "trivial" if value in {0.0, 1.0, -1.0} else "symbol"
    if value in {0, 1, -1, "", b""}:
        return "trivial"
    if isinstance(value, str) and len(value.split()) > 3:
        return "text"
    return "symbol"


def sized(whole: ast.expr, part: ast.expr) -> ast.expr:
    """A number in place of a constant or an attribute that says how often: `[0.1] * DIMENSION`, `zeros(self.size)`."""
    if isinstance(whole, ast.BinOp):
        lists = [side for side in (whole.left, whole.right) if isinstance(side, ast.List | ast.Tuple)]
        if not isinstance(whole.op, ast.Mult) or not lists or part in lists:
            return part
    if isinstance(part, ast.Tuple) and part.elts:
        return ast.Tuple([sized(ast.Call(part, [], []), size) for size in part.elts], ast.Load())
    named = part.attr if isinstance(part, ast.Attribute) else getattr(part, "id", "")
    constant = isinstance(part, ast.Name) and part.id.isupper()
    if isinstance(part, ast.Call) and getattr(part.func, "id", "") == "len" and isinstance(whole, ast.Call):
        return ast.Constant(2)  # as many as it was given: `np.zeros(len(rows))`
    held = isinstance(part, ast.Attribute) and isinstance(part.value, ast.Name | ast.Attribute)
    return ast.Constant(2) if constant or (held and not _SIZES.isdisjoint(words(named))) else part


def _parts(module: ParsedModule, node: ast.expr) -> list[ast.expr] | None:
    """The parts that a literal is made of; None when the expression is no literal."""
    if isinstance(node, ast.List | ast.Tuple | ast.Set):
        return node.elts
    if isinstance(node, ast.Dict):
        return [*(k for k in node.keys if k is not None), *node.values]
    if isinstance(node, ast.UnaryOp):
        return [node.operand]
    if isinstance(node, ast.BinOp):
        return [sized(node, part) for part in (node.left, node.right)]
    if isinstance(node, ast.JoinedStr):
        return [v.value if isinstance(v, ast.FormattedValue) else v for v in node.values]
    if isinstance(node, ast.Starred):
        return [node.value]
    if isinstance(node, ast.ListComp) and len(node.generators) == 1 and not node.generators[0].ifs:
        return [node.elt, node.generators[0].iter]
    if isinstance(node, ast.Call):
        given = [*node.args, *(k.value for k in node.keywords)]
        function = dotted(module, node.func)
        if function == "range" or function.startswith(_ARRAYS):
            given = [sized(node, part) for part in given]
        if function in _LITERAL_CALLS:
            return given
        if function in _READERS and given:
            return given[:1]
        if function == "cls" and given:
            return given
        name = function.rpartition(".")[2].lstrip("_")
        made = name[:1].isupper() and not name.isupper() and not name.endswith(("Error", "Exception"))
        if given and made and not function.startswith(("self.", "cls.")):  # an object of a class, filled with literals
            return given
    return None
