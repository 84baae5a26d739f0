"""One function body, read as a sequence of statements: does it work, or is its answer written in it?

A statement works when it calls something other than a log, assigns or tests something computed, loops or opens a
context. The reading stops at the first that does. Tests may look at arguments by plain built-in functions; a body whose
answer depends on such a test has more than one answer, and works.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import Literal

from strictreal.collect.python import bodies
from strictreal.collect.python.bodies import Functions, docstring, dotted
from strictreal.collect.python.module import ParsedModule
from strictreal.facts.behaviour import Body, Value, vocabulary

MAX_NESTING = 8
"""How deep `if` statements are followed; a body that is deeper counts as one that works."""

_PASSIVE_CALLS = vocabulary(
    """
    str int float bool len dict list tuple set sorted round min max sum hash range enumerate abs isinstance issubclass
    zip repr type any all callable hasattr getattr uuid.uuid4 uuid.uuid1 time.time datetime.datetime.now
    datetime.date.today datetime.datetime.utcnow datetime.datetime.today os.path.basename
    """
)
_PASSIVE_METHODS = vocabulary(
    """
    format isoformat upper lower strip lstrip rstrip get title items keys values startswith endswith isdigit split join
    count
    """
)
Course = Literal["works", "ends", "falls"]


@dataclass
class Reading:
    """What was seen of a body.

    Attributes:
        body: what kind of body it is; None when it works.
        value: how much its answer says.
        shown: the answer as source text.
        refusal: the `raise NotImplementedError` that it consists of.
    """

    body: Body | None = None
    value: Value = ""
    shown: str = ""
    logs: bool = False
    prints: bool = False
    validates: bool = False
    refusal: ast.Raise | None = None
    _answers: list[tuple[str, Value]] = field(default_factory=list)
    _known: dict[str, tuple[str, Value]] = field(default_factory=dict)
    _yields: bool = False


def read(module: ParsedModule, node: Functions) -> Reading:
    """What kind of body a function has; `echo` and `affirms` are not told here."""
    seen = Reading()
    course = _read(module, statements(node), seen, MAX_NESTING)
    if course == "works" or (seen.refusal is not None and seen._answers):
        return seen
    if seen.refusal is not None:
        seen.body = "refuses"
    elif not seen._answers:
        seen.value = "none"
        seen.body = None if seen.validates else "logs" if seen.logs else "empty"
    elif len({shown for shown, _ in seen._answers}) == 1 and (course == "ends" or seen._yields):
        seen.shown, seen.value = seen._answers[0]
        seen.body = "constant"
    return seen


def statements(node: Functions) -> list[ast.stmt]:
    """The body without the docstring."""
    return node.body[1:] if docstring(node) else node.body


def _read(module: ParsedModule, block: list[ast.stmt], seen: Reading, depth: int) -> Course:
    for statement in block:
        if isinstance(statement, ast.Return):
            return _read_return(module, statement, seen)
        if isinstance(statement, ast.Raise):
            if not raises_not_implemented(module, statement):
                return "works"
            seen.refusal = statement
            return "ends"
        if isinstance(statement, ast.If) and depth:
            course = _read_if(module, statement, seen, depth)
            if course != "falls":
                return course
        elif not _is_idle(module, statement, seen, top=depth == MAX_NESTING):
            return "works"
    return "falls"


def _read_return(module: ParsedModule, statement: ast.Return, seen: Reading) -> Course:
    if statement.value is None:
        return "ends"
    name = statement.value.id if isinstance(statement.value, ast.Name) else ""
    known = {key: value for key, (_, value) in seen._known.items()}
    value = bodies.value_of(module, statement.value, known)
    if not value:
        return "works"
    shown = seen._known[name][0] if name in seen._known else bodies.source(statement.value)
    seen._answers.append((shown, value))
    return "ends"


def _read_if(module: ParsedModule, statement: ast.If, seen: Reading, depth: int) -> Course:
    if not passive(module, statement.test):
        return "works"
    if only_raises(statement.body) and not statement.orelse:
        seen.validates = True
        return "falls"
    courses = {_read(module, part, seen, depth - 1) for part in (statement.body, statement.orelse)}
    if "works" in courses or seen.refusal is not None:  # some cases are refused, others are not
        return "works"
    return "ends" if courses == {"ends"} else "falls"


def _is_idle(module: ParsedModule, statement: ast.stmt, seen: Reading, *, top: bool) -> bool:
    """Whether a statement leaves nothing behind but a log line or a literal under a local name."""
    if isinstance(statement, ast.Pass):
        return True
    if isinstance(statement, ast.Delete):
        return all(isinstance(target, ast.Name) for target in statement.targets)
    if isinstance(statement, ast.Assert):
        seen.validates = True
        return passive(module, statement.test)
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Yield):
        value = bodies.value_of(module, statement.value.value)
        seen._yields = True
        seen._answers.append(("what it yields", value))
        return value not in {"", "none"}
    if isinstance(statement, ast.Expr):
        seen.logs |= not isinstance(statement.value, ast.Constant)
        seen.prints |= bodies.is_print(module, statement.value)
        return bodies.is_inert(module, statement.value) and _plain_arguments(module, statement.value)
    if isinstance(statement, ast.Assign | ast.AnnAssign) and top and statement.value is not None:
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        value = bodies.value_of(module, statement.value)
        for target in targets:
            if not isinstance(target, ast.Name) or not value:
                return False
            seen._known[target.id] = (bodies.source(statement.value), value)
        return True
    return False


def _plain_arguments(module: ParsedModule, expression: ast.expr) -> bool:
    call = expression.value if isinstance(expression, ast.Await) else expression
    if not isinstance(call, ast.Call):
        return True
    return all(passive(module, argument) for argument in (*call.args, *(k.value for k in call.keywords)))


def only_raises(block: list[ast.stmt]) -> bool:
    """Whether a block does nothing but raise, perhaps after a remark or a log line."""
    return isinstance(block[-1], ast.Raise) and all(isinstance(s, ast.Raise | ast.Expr) for s in block)


def raises_not_implemented(module: ParsedModule, statement: ast.stmt) -> bool:
    """Whether a statement is `raise NotImplementedError`."""
    if not isinstance(statement, ast.Raise) or statement.exc is None:
        return False
    raised = statement.exc.func if isinstance(statement.exc, ast.Call) else statement.exc
    return dotted(module, raised).rpartition(".")[2] == "NotImplementedError"


def passive(module: ParsedModule, expression: ast.expr) -> bool:
    """Whether an expression only looks at what it is given: no calls but plain built-in ones."""
    for node in bodies.within(expression):
        if isinstance(node, ast.Call):
            method = isinstance(node.func, ast.Attribute) and node.func.attr in _PASSIVE_METHODS
            if not method and dotted(module, node.func) not in _PASSIVE_CALLS:
                return False
        elif isinstance(node, ast.Await | ast.Yield | ast.YieldFrom | ast.Lambda | ast.NamedExpr):
            return False
    return True


def affirms(module: ParsedModule, node: Functions) -> bool:
    """Whether the only answer is True, and nothing in the body can keep the function from giving it."""
    body = [inner for statement in node.body for inner in bodies.within(statement)]
    tolerant = [t for t in body if isinstance(t, ast.Try) and t.handlers and not any(map(_raises, t.handlers))]
    guarded = {inner for t in tolerant for statement in t.body for inner in bodies.within(statement)}
    if not _always_returns(node.body, MAX_NESTING):
        return False
    for inner in body:
        if isinstance(inner, ast.Return):
            if not (isinstance(inner.value, ast.Constant) and inner.value.value is True):
                return False
        elif isinstance(inner, ast.Raise | ast.Assert | ast.Yield | ast.YieldFrom | ast.While):
            return False
        elif isinstance(inner, ast.Call):
            if inner not in guarded and not bodies.is_log(module, inner):
                return False
        elif isinstance(inner, ast.Subscript | ast.Attribute) and not isinstance(inner.ctx, ast.Load):
            return False  # it stores something: a function with an effect and a status
    return True


def _always_returns(block: list[ast.stmt], depth: int) -> bool:
    """Whether no path leaves a block but by `return`; errors aside."""
    last = block[-1]
    if isinstance(last, ast.Return):
        return True
    parts: list[list[ast.stmt]] = []
    if isinstance(last, ast.If):
        parts = [last.body, last.orelse]
    elif isinstance(last, ast.Try):
        parts = [last.orelse or last.body, *(handler.body for handler in last.handlers)]
    elif isinstance(last, ast.With | ast.AsyncWith):
        parts = [last.body]
    return bool(parts) and depth > 0 and all(part and _always_returns(part, depth - 1) for part in parts)


def _raises(handler: ast.ExceptHandler) -> bool:
    return any(isinstance(inner, ast.Raise) for inner in bodies.within(handler))


def echoes(module: ParsedModule, node: Functions) -> bool:
    """Whether the answer is put together from arguments and literals alone."""
    answered = False
    for statement in statements(node):
        if isinstance(statement, ast.Expr):
            if not bodies.is_inert(module, statement.value):
                return False
        elif isinstance(statement, ast.If):
            if not only_raises(statement.body) or statement.orelse:
                return False
        elif isinstance(statement, ast.Assign | ast.AnnAssign | ast.Return):
            targets = statement.targets if isinstance(statement, ast.Assign) else []
            if any(not isinstance(t, ast.Name) for t in targets):
                return False
            if statement.value is not None and not _put_together(module, statement.value):
                return False
            answered |= isinstance(statement, ast.Return) and statement.value is not None
        else:
            return False
    return answered


def _put_together(module: ParsedModule, expression: ast.expr) -> bool:
    """Whether an expression takes no more than arguments, literals, the clock, chance and constructors."""
    for node in bodies.within(expression):
        if isinstance(node, ast.Call):
            name = dotted(module, node.func)
            method = isinstance(node.func, ast.Attribute) and node.func.attr in _PASSIVE_METHODS
            made = name.rpartition(".")[2].lstrip("_")[:1].isupper()
            if not (method or made or name in _PASSIVE_CALLS or name.startswith(("random.", "numpy.random."))):
                return False
        elif isinstance(node, ast.Await | ast.Yield | ast.YieldFrom | ast.Lambda):
            return False
    return True
