"""What function bodies consist of: docstrings, remarks, log lines, literals."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cached_property

from strictreal.collect.python.module import ParsedModule
from strictreal.collect.redact import redact
from strictreal.facts.behaviour import Value, words

Functions = ast.FunctionDef | ast.AsyncFunctionDef

MAX_DEPTH = 30
"""How deep a literal may be nested before it counts as an expression."""
MAX_REMARK = 400
"""Length in characters up to which a comment or docstring is read."""

PLACEHOLDER = re.compile(
    r"""(?ix)
    ^(?:placeholders?|stub(?:bed|s)?|dummy|fake[ds]?|mock(?:ed|s|ing)?|hard-?coded|canned|simulat(?:e[ds]?|ing)|pretend(?:ing|s)?
      |not\ (?:yet\ )?implemented|unimplemented|not\ done\ yet|temporary|implement\b|implementation\ (?:goes|comes|pending)
      |(?:just|simply|always)\ (?:return|pretend|accept|assume|approve)\w*)\b
    |\b(?:placeholder|stub|dummy|mock(?:ed)?|fake|simulated|hard-?coded|canned|temporary)\ (?:implementation|response|result|data
      |values?|answer|return|output|version|logic|scores?|embeddings?|vectors?|record|reply|body|until|for\ now|function|method)\b
    |\b(?:return\w*|yield\w*|giv\w+|serv\w+|use[sd]?|using)\ (?:(?:a|an|the|some)\ )?(?:placeholders?|dummy|fake|mock(?:ed)?|canned
      |hard-?coded|static|random|simulated|made-?up)\b
    |\bin\ (?:production|reality|real\ life|a\ real\b.{0,30}|the\ real\b.{0,30}|an\ actual\b.{0,30}|practice),?\ .{0,40}\b(?:would|should|will|you|we|use
      |call|query|this)\b
    |\b(?:would|should|will)\ .{0,40}\bin\ (?:production|reality|a\ real|an\ actual|practice)\b
    |\b(?:real|actual|proper|full)\ (?:implementation|integration)\b
    |\bfor\ now,?\ (?:just\ |we\ |simply\ |always\ )*(?:return|pretend|assume|say|accept|approve|succeed|fake|do\ nothing|pass)
    |\b(?:return|accept|assume|pass|allow|approve|succeed)\w*\b.{0,40}\ for\ now\b
    |\b(?:this|it|function|method|feature|functionality)\ (?:is|was|has)\ (?:not|n't)\ (?:been\ )?(?:yet\ |currently\ )?implemented
    |\b(?:to\ be|needs?\ to\ be|must\ be|should\ be|will\ be)\ (?:implemented|wired|replaced\ (?:with|by)|filled\ in|written)
    |\breplace\ (?:this\ |it\ )?with\ (?:a\ |the\ )?(?:real|actual|proper)
    """
)
"""A remark that what stands here only plays a part. It is matched against a line without its `TODO:` and the like."""
TODO = re.compile(r"\b(?:TODO|FIXME|XXX|HACK)\b(?:\s?\([^)]{0,40}\))?[\s:.,;!-]{0,8}")
_IMPROVEMENT = re.compile(
    r"(?i:(?:maybe |we |should |could |might |probably |need to |please )*(?:remove|deprecate|refactor|rename|move|clean|simplif|consider"
    r"|optimi[sz]|revisit|why|is |are |does |add (?:tests?|docs?|coverage|caching|logging|typ|metrics)|test|document|need (?:test|cover)"
    r"|drop|delete|unify|merge|split|extract|standardi[sz]e|improve|investigate|this is|think|type|speed|cache|config|bake|update"
    r"|change|convert|upgrade|bump|rework|rewrite|reuse|share|dedup|better|more efficient))"
)
_MISSING = re.compile(
    r"(?i:(?:actually |properly |later |just |we |should |need to |must |have to |please )*(?:implement|replace|call|connect|integrate|query"
    r"|fetch|load|compute|calculate|check|verify|validate|send|store|save|persist|read|write|wire|hook|use (?:a |an |the )?(?:real"
    r"|actual|proper)|get|parse|finish|complete|actual|real|proper|fill|this|not|body|logic|do |make (?:this|it)|later|generate"
    r"|return (?:the |a |an )?(?:real|actual)|publish|perform|run|build|talk|delegate|look ?up|encrypt|hash|sign|charge|authenticate)\b"
    r"|$)"
)
_SUSPECT = re.compile(
    r"(?i:todo|fixme|xxx|hack|placeholder|stub|dummy|fake|mock|hard-?coded|canned|simulat|pretend|implement|temporary|for now|real|actual"
    r"|production|practice)"
)
REASON = re.compile(
    r"(?i:\b(?:no-?op|nothing|does not do|doesn't do|not (?:needed|required|necessary|applicable|used|supported)|unused"
    r"|ignor(?:e|ed|es|ing)|hooks?|overrid(?:e|den|es|ing)|overload|sub-?class(?:es|ing)?|derived class|default|optional(?:ly)?"
    r"|by design|intentional(?:ly)?|deliberate(?:ly)?|on purpose|always|never|compat\w*|deprecated|interface|abstract"
    r"|legacy|no longer|extension point|call ?back|placeholder for|sentinel|can be|may be|kept for|marker|disabl(?:e|ed|es)|constant|suppress"
    r"|typing|type.?check\w*|for (?:mypy|typing|documentation)|null object|base implementation|if (?:needed|necessary))\b)"
)
ABSTRACT_CLASS = re.compile(
    r"(?i:\b(?:abstract|base[- ]?class|mix-?in|(?:to be |should be |must be |can be |be )(?:sub-?classed|overrid\w*|inherited|extended)"
    r"|sub-?class(?:es)? (?:must|should|can|may|need|have|has|to|this|of this|and|will|it)|sub-?classing|deriv\w+ class\w*|override"
    r"|interface (?:for|that|to be|which|definition)|all \w+ (?:must|should) (?:implement|inherit|derive)|common (?:base|interface)"
    r"|define[sd]? the interface|inherit from this)\b)"
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
    | {"object", "torch.tensor", "numpy.eye", "pandas.DataFrame", "pandas.Series"}
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
    return _combined(module, node, parts, values)


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
    if isinstance(node, ast.Tuple) and set(values) <= {"none", "true", "false", "trivial"}:
        return "trivial"
    if "record" in values or "numbers" in values:
        return "record"
    if isinstance(node, ast.Dict):
        return "record" if len(node.keys) > 1 else "text"
    if isinstance(node, ast.Call):
        return "record" if len(parts) > 1 else "text"
    numeric = [p for p in parts if isinstance(p, ast.Constant) and type(p.value) in {int, float}]
    return "numbers" if len(numeric) > 1 and len(numeric) == len(parts) else "text"


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
        made = name[:1].isupper() and not name.isupper() and not name.endswith(("Error", "Exception"))
        if given and made and not function.startswith(("self.", "cls.")):  # an object of a class, filled with literals
            return given
    return None


def suspect(text: str) -> bool:
    """Whether a text has a word that remarks about missing behaviour have; quick."""
    return _SUSPECT.search(text) is not None


def placeholder(line: str, *, idle: bool) -> bool:
    """Whether a comment or docstring line says that behaviour is missing here.

    Args:
        idle: the code beside it does nothing at all, so that any TODO but one about an improvement speaks of it.
    """
    marked = TODO.search(line)
    rest = (line[marked.end() :] if marked else line).strip(" -*:.#")
    if PLACEHOLDER.search(rest):
        return True
    if idle and "not implemented" in line.lower():
        return True
    if not marked:
        return False
    return not _IMPROVEMENT.match(rest) if idle else _MISSING.match(rest) is not None


class Comments:
    """The comments of a module, by line; found without a tokenizer, from where the syntax tree has its strings."""

    def __init__(self, module: ParsedModule) -> None:
        self._module = module
        self._lines = module.lines

    @cached_property
    def _strings(self) -> tuple[dict[int, list[tuple[int, int]]], set[int]]:
        """Where strings stand: spans of bytes by line, and the lines that lie within one entirely."""
        spans: dict[int, list[tuple[int, int]]] = {}
        covered: set[int] = set()
        for node in self._module.of(ast.Constant, ast.JoinedStr):
            if isinstance(node, ast.JoinedStr) or isinstance(node.value, str | bytes):
                last = node.end_lineno or node.lineno
                start, end = node.col_offset, node.end_col_offset or 0
                if last == node.lineno:
                    spans.setdefault(last, []).append((start, end))
                else:
                    covered.update(range(node.lineno + 1, last))
                    spans.setdefault(node.lineno, []).append((start, 1 << 30))
                    spans.setdefault(last, []).append((0, end))
        return spans, covered

    @cached_property
    def marked(self) -> list[int]:
        """The lines whose comment may speak of something missing, in order."""
        return [number for number, line in enumerate(self._lines, 1) if "#" in line and _SUSPECT.search(line)]

    def of(self, line: int) -> str:
        """The comment on a line (from 1), without its `#`; "" when there is none."""
        text = self._lines[line - 1] if 0 < line <= len(self._lines) else ""
        if "#" not in text:
            return ""
        by_line, covered = self._strings
        if line in covered:
            return ""
        encoded = text.encode()
        spans = by_line.get(line, ())
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
