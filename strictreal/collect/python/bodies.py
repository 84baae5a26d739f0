"""What function bodies consist of: docstrings, remarks, log lines, literals."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Literal

from strictreal.collect.python.module import ParsedModule
from strictreal.collect.redact import redact
from strictreal.facts.behaviour import words

Value = Literal["", "none", "true", "false", "trivial", "symbol", "data"]
Functions = ast.FunctionDef | ast.AsyncFunctionDef

MAX_DEPTH = 30
"""How deep a literal may be nested before it counts as an expression."""
MAX_REMARK = 400
"""Length in characters up to which a comment or docstring is read."""

PLACEHOLDER = re.compile(
    r"\b(?:TODO|FIXME|XXX|HACK)\b(?:\([^)]{0,40}\))?[\s:.,;!-]{0,8}(?:$|(?i:(?:please |actually |properly |later |just )?"
    r"(?:implement|replace|call|connect|integrate|query|fetch|load|compute|calculate|check|verify|validate|send|store|save"
    r"|persist|read|write|wire|hook|use (?:a |the )?(?:real|actual|proper)|get|parse|finish|complete|actual|real|proper|fill"
    r"|this|not|body|logic|do|make (?:this|it)|later|generate|return (?:the |a )?(?:real|actual)|publish|perform|run|build)\b))"
    r"|(?i:\b(?:placeholders?|stub(?:bed|s)?|dummy|fake[ds]?|mock(?:ed|s|ing)?|canned|hard-?coded|simulat(?:e[ds]?|ing)"
    r"|unimplemented|to be (?:implemented|done|written)|pretend(?:ing|s)?|for now,? (?:just |we |simply |always )*"
    r"(?:return|pretend|assume|say|accept|approve|succeed|fake|do nothing|pass)|(?:return|accept|assume|pass|allow)\w* .{0,40}for now"
    r"|not (?:yet |currently )?implemented|implement (?:this|me|it|later|real|actual|the|properly)"
    r"|(?:real|actual|proper|full) (?:implementation|version|logic|call|client|service)"
    r"|in (?:a real|production|reality|real life)|would (?:call|be|query|do|use|go|connect|send|fetch)|temporary)\b)"
)
"""A remark that something is still missing here. A bare TODO about an improvement is none."""
TODO = re.compile(r"\b(?:TODO|FIXME|XXX|HACK)\b|(?i:placeholder|not (?:yet )?implemented|stub|implement|for now)")
"""A remark that counts where the code beside it does nothing at all."""
REASON = re.compile(
    r"(?i:\b(?:no-?op|nothing|does not do|doesn't do|not (?:needed|required|necessary|applicable|used|supported)|unused"
    r"|ignor(?:e|ed|es|ing)|hooks?|overrid(?:e|den|es|ing)|overload|sub-?class(?:es|ing)?|derived class|default|optional(?:ly)?"
    r"|by design|intentional(?:ly)?|deliberate(?:ly)?|on purpose|always|never|compat\w*|deprecated|interface|abstract"
    r"|legacy|no longer|extension point|call ?back|placeholder for|sentinel|can be|may be|kept for|marker|disabl(?:e|ed|es)|constant|suppress"
    r"|typing|type.?check\w*|for (?:mypy|typing|documentation)|null object|base implementation|if (?:needed|necessary))\b)"
)
ABSTRACT = re.compile(
    r"(?i:\b(?:sub-?class(?:es|ed)?|overrid\w*|derived|child(?:ren)?(?: class(?:es)?)?|abstract|inherit\w*|concrete"
    r"|implementations?\b.{0,20}\b(?:must|should|need)|(?:must|should|needs? to|has to|have to) (?:be )?(?:implement|provide|define|return)"
    r"|mixin|interface|base ?class|implementers?|by each|backends? (?:must|should|may))\b)"
)
UNSUPPORTED = re.compile(
    r"(?i:\b(?:not? (?:be )?(?:supported|available|allowed|possible|applicable|permitted|valid|meaningful|used|needed|required)"
    r"|unsupported|can ?not|can't|does(?:n't| not)|do(?:n't| not)|is(?:n't| not)|are not|only|unavailable|read-?only|requires?"
    r"|immutable|never|should not|shouldn't|must not|mustn't|disabled|removed|no longer|deprecated|use \S+)\b)"
)

_LOG_METHODS = frozenset(
    {"debug", "info", "warning", "warn", "error", "exception", "critical", "fatal", "log", "trace", "success", "msg"}
)
_SPEAKING = frozenset({"print", "pprint.pprint", "warnings.warn", "logging.log", "traceback.print_exc", "click.echo"})
_SLEEPING = frozenset({"time.sleep", "asyncio.sleep", "anyio.sleep", "trio.sleep", "gevent.sleep", "eventlet.sleep"})
_LITERAL_CALLS = frozenset(
    {"dict", "list", "tuple", "set", "frozenset", "str", "int", "float", "bytes", "bytearray", "bool", "complex", "range"}
    | {"decimal.Decimal", "datetime.datetime", "datetime.date", "datetime.timedelta", "datetime.time", "uuid.UUID"}
    | {"pathlib.Path", "json.dumps", "types.SimpleNamespace", "fractions.Fraction", "collections.OrderedDict"}
    | {f"{array}.{make}" for array in ("numpy", "torch", "jax.numpy") for make in ("zeros", "ones", "full", "array")}
    | {"torch.tensor", "numpy.eye", "pandas.DataFrame", "pandas.Series"}
)


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


def within(node: ast.AST) -> Iterator[ast.AST]:
    """The node and everything below it that runs with it: not the bodies of functions and classes defined there."""
    stack = [node]
    while stack:
        top = stack.pop()
        yield top
        for child in ast.iter_child_nodes(top):
            if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
                stack.append(child)


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


def is_inert(module: ParsedModule, node: ast.AST) -> bool:
    """Whether an expression statement leaves no trace but in a log: a string, `…`, a log line, a sleep."""
    if isinstance(node, ast.Await):
        node = node.value
    if isinstance(node, ast.Constant):
        return True
    return is_log(module, node) or (isinstance(node, ast.Call) and dotted(module, node.func) in _SLEEPING)


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
        return "symbol" if node.id.isupper() and len(node.id) > 1 else ""
    if isinstance(node, ast.Attribute):
        owner = node.value
        while isinstance(owner, ast.Attribute):
            owner = owner.value
        fixed = node.attr.isupper() and isinstance(owner, ast.Name) and owner.id[:1].isupper()
        return "symbol" if fixed else ""
    parts = _parts(module, node)
    if parts is None:
        return ""
    if not parts:
        return "trivial"
    values = [value_of(module, part, known, depth - 1) for part in parts]
    if "" in values:
        return ""
    if isinstance(node, ast.UnaryOp | ast.BinOp | ast.JoinedStr):
        return "data" if "data" in values else "symbol"
    if isinstance(node, ast.Tuple) and set(values) <= {"none", "true", "false", "trivial"}:
        return "trivial"
    return "data"


def _of_constant(value: object) -> Value:
    if value is None:
        return "none"
    if value is True or value is False:
        return "true" if value else "false"
    if value is Ellipsis:
        return ""
    if isinstance(value, float):
        return "trivial" if value in {0.0, 1.0, -1.0} else "data"
    if value in {0, 1, -1, "", b""}:
        return "trivial"
    if isinstance(value, str) and len(value.split()) > 3:
        return "data"
    return "symbol"


def _parts(module: ParsedModule, node: ast.expr) -> list[ast.expr] | None:
    """The parts that a literal is made of; None when the expression is no literal."""
    if isinstance(node, ast.List | ast.Tuple | ast.Set):
        return node.elts
    if isinstance(node, ast.Dict):
        return [*(k for k in node.keys if k is not None), *node.values]
    if isinstance(node, ast.UnaryOp):
        return [node.operand]
    if isinstance(node, ast.BinOp):
        return [node.left, node.right]
    if isinstance(node, ast.JoinedStr):
        return node.values if all(isinstance(v, ast.Constant) for v in node.values) else None
    if isinstance(node, ast.Starred):
        return [node.value]
    if isinstance(node, ast.ListComp) and len(node.generators) == 1 and not node.generators[0].ifs:
        return [node.elt, node.generators[0].iter]
    if isinstance(node, ast.Call):
        given = [*node.args, *(k.value for k in node.keywords)]
        function = dotted(module, node.func)
        if function in _LITERAL_CALLS:
            return given
        name = function.rpartition(".")[2].lstrip("_")
        if given and name[:1].isupper() and not name.isupper():  # an object of a class, filled with literals
            return given
    return None


class Comments:
    """The comments of a module, by line; found without a tokenizer, from where the syntax tree has its strings."""

    def __init__(self, module: ParsedModule) -> None:
        self._lines = module.lines
        self._strings: dict[int, list[tuple[int, int]]] = {}
        self._covered: set[int] = set()
        for node in module.of(ast.Constant, ast.JoinedStr):
            if isinstance(node, ast.JoinedStr) or isinstance(node.value, str | bytes):
                last = node.end_lineno or node.lineno
                start, end = node.col_offset, node.end_col_offset or 0
                if last == node.lineno:
                    self._strings.setdefault(last, []).append((start, end))
                else:
                    self._covered.update(range(node.lineno + 1, last))
                    self._strings.setdefault(node.lineno, []).append((start, 1 << 30))
                    self._strings.setdefault(last, []).append((0, end))

    def of(self, line: int) -> str:
        """The comment on a line (from 1), without its `#`; "" when there is none."""
        if not 0 < line <= len(self._lines) or line in self._covered:
            return ""
        text = self._lines[line - 1]
        if "#" not in text:
            return ""
        encoded = text.encode()
        spans = self._strings.get(line, ())
        at = encoded.find(b"#")
        while at >= 0:
            if not any(start <= at < end for start, end in spans):
                return encoded[at : at + MAX_REMARK].decode(errors="replace").lstrip("# ").rstrip()
            at = encoded.find(b"#", at + 1)
        return ""

    def inside(self, node: ast.AST, indent: int) -> list[str]:
        """The comments of a node's lines, and of comment lines right after it that stand deeper than `indent`."""
        first, last = getattr(node, "lineno", 1), getattr(node, "end_lineno", None) or 0
        found = [self.of(line) for line in range(first, last + 1)]
        for number in range(last + 1, len(self._lines) + 1):
            text = self._lines[number - 1]
            bare = text.lstrip()
            if not bare.startswith("#") or len(text) - len(bare) <= indent:
                break
            found.append(bare[:MAX_REMARK].lstrip("# ").rstrip())
        return [comment for comment in found if comment]
