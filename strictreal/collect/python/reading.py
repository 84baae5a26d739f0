"""One function body, read as a sequence of statements: does it work, or is its answer written in it?

A statement works when it calls something other than a log, assigns or tests something computed, loops or opens a
context. The reading stops at the first that does. Tests may look at arguments by plain built-in functions; a body whose
answer depends on such a test has more than one answer, and works.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import Literal

from strictreal.collect.python import bodies, literals_of_class, refusals
from strictreal.collect.python.bodies import Functions, docstring, dotted
from strictreal.collect.python.module import ParsedModule
from strictreal.facts.behaviour import Body, Value, vocabulary, words

MAX_NESTING = 8
"""How deep `if` statements are followed; a body that is deeper counts as one that works."""

MAX_SAID = 6
"""How many words an answer has that says no more than that there is none."""

PASSIVE_CALLS = vocabulary(
    """
    str int float bool len dict list tuple set sorted round min max sum hash range enumerate abs isinstance issubclass
    zip repr type any all callable hasattr getattr uuid.uuid4 uuid.uuid1 time.time datetime.datetime.now
    datetime.date.today datetime.datetime.utcnow datetime.datetime.today os.path.basename
    """
)
"""Functions that look at what they are given, and do nothing with it."""
PASSIVE_METHODS = vocabulary(
    """
    format isoformat upper lower strip lstrip rstrip get title items keys values startswith endswith isdigit split join
    count
    """
)
"""Methods of texts and mappings that do no more."""
_AROUND = vocabulary("span trace tracer timer timed timing measure stopwatch lock rlock mutex semaphore")
"""Words of context managers that leave alone what happens within them."""
_BLANK = frozenset({"none", "true", "false", "trivial"})
Course = Literal["works", "ends", "falls"]


@dataclass
class Reading:
    """What was seen of a body.

    Attributes:
        body: what kind of body it is; None when it works.
        value: how much its answer says.
        shown: the answer as source text.
        refusal: the `raise NotImplementedError`, or another statement that says the same, that it consists of.
    """

    body: Body | None = None
    value: Value = ""
    shown: str = ""
    logs: bool = False
    prints: bool = False
    validates: bool = False
    refusal: ast.stmt | None = None
    said: list[str] = field(default_factory=list)
    _answers: list[tuple[str, Value]] = field(default_factory=list)
    _known: dict[str, tuple[str, Value]] = field(default_factory=dict)
    _yields: bool = False
    _absent: int = 0
    """How many of the answers are blank ones to a blank argument."""
    _imported: set[str] = field(default_factory=set)
    _outer: set[str] = field(default_factory=set)
    """Names that are `global` or `nonlocal`: what is put there stays."""
    _fields: dict[str, int] = field(default_factory=dict)


def read(module: ParsedModule, node: Functions) -> Reading:
    """What kind of body a function has; `echo` and `affirms` are not told here."""
    seen = Reading()
    course = _read(module, statements(node), seen, MAX_NESTING)
    if course == "works" or (seen.refusal is not None and len(seen._answers) > seen._absent):
        return seen
    if seen._imported and seen.refusal is None and all(value in _BLANK for _, value in seen._answers):
        return seen  # the import itself is the work: it registers something, or tries whether it is there
    if seen.refusal is not None:
        seen.body, seen.shown = "refuses", refusals.shown(seen.refusal)
    elif all(value in {"none", "false"} for _, value in seen._answers) and any(
        map(refusals.says_unfinished, seen.said)
    ):
        seen.body, seen.shown = "refuses", "a line that says so"
    elif not seen._answers:
        seen.value = "none"
        seen.body = None if seen.validates else "logs" if seen.logs else "empty"
    elif len({shown for shown, _ in seen._answers}) == 1 and (course == "ends" or seen._yields):
        seen.shown, seen.value = max(seen._answers, key=lambda answer: answer[1] in {"record", "numbers"})
        seen.body = "constant"
        if len(seen.shown.split()) < MAX_SAID and refusals.says_unfinished(seen.shown):
            seen.body = "refuses"  # an answer that says no more: `return "not implemented"`
    return seen


def statements(node: Functions) -> list[ast.stmt]:
    """The body without the docstring."""
    return node.body[1:] if docstring(node) else node.body


def _read(module: ParsedModule, block: list[ast.stmt], seen: Reading, depth: int) -> Course:
    for statement in block:
        if isinstance(statement, ast.Return) and not refusals.refuses(module, statement, seen.said):
            return _read_return(module, statement, seen)
        if refusals.refuses(module, statement, seen.said):
            seen.refusal = statement
            return "ends"
        if isinstance(statement, ast.Raise):
            return "works"
        if isinstance(statement, ast.If | ast.Match) and depth:
            choose = _read_if if isinstance(statement, ast.If) else _read_match
            course = choose(module, statement, seen, depth)  # type: ignore[arg-type]
            if course != "falls":
                return course
        elif isinstance(statement, ast.For | ast.With | ast.AsyncWith | ast.Try) and depth:
            course = _read_compound(module, statement, seen, depth)
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
    value = bodies.value_of(module, statement.value, known) or literals_of_class.value(module, statement)
    if not value or (value != "numbers" and _borrows(statement.value, seen)):
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
    before = len(seen._answers)
    courses = {_read(module, part, seen, depth - 1) for part in (statement.body, statement.orelse)}
    given = seen._answers[before:]
    if _asks_for_absence(statement.test) and all(value in {"none", "trivial", "false"} for _, value in given):
        seen._absent += len(given)
    if "works" in courses or seen.refusal is not None:  # some cases are refused, others are not
        return "works"
    return "ends" if courses == {"ends"} else "falls"


def _asks_for_absence(test: ast.expr) -> bool:
    """Whether a test asks for an argument that is not given, or is empty: `x is None`, `not x`, `len(x) == 0`."""
    if isinstance(test, ast.BoolOp):
        return all(map(_asks_for_absence, test.values))
    if isinstance(test, ast.UnaryOp):
        return isinstance(test.op, ast.Not) and _names(test.operand)
    if not (isinstance(test, ast.Compare) and isinstance(test.ops[0], ast.Is | ast.Eq) and len(test.ops) == 1):
        return False
    blank = test.comparators[0]
    return _names(test.left) and (
        (isinstance(blank, ast.Constant) and blank.value in {None, "", 0, b""})
        or (isinstance(blank, ast.List | ast.Tuple) and not blank.elts)
        or (isinstance(blank, ast.Dict) and not blank.keys)
    )


def _names(expression: ast.expr) -> bool:
    """Whether an expression is a name, or the length of what it names."""
    if isinstance(expression, ast.Call) and getattr(expression.func, "id", "") == "len" and len(expression.args) == 1:
        expression = expression.args[0]
    return isinstance(expression, ast.Name)


def _read_match(module: ParsedModule, statement: ast.Match, seen: Reading, depth: int) -> Course:
    if not passive(module, statement.subject) or any(c.guard and not passive(module, c.guard) for c in statement.cases):
        return "works"
    courses = {_read(module, case.body, seen, depth - 1) for case in statement.cases}
    if "works" in courses or seen.refusal is not None:
        return "works"
    last = statement.cases[-1]
    whole = isinstance(last.pattern, ast.MatchAs) and last.pattern.pattern is None and last.guard is None
    return "ends" if courses == {"ends"} and whole else "falls"


def _read_compound(
    module: ParsedModule, statement: ast.For | ast.With | ast.AsyncWith | ast.Try, seen: Reading, depth: int
) -> Course:
    """A loop over what is written there, a context that only measures or locks, a `try` in which nothing can fail."""
    if isinstance(statement, ast.For):
        return _read_loop(module, statement, seen, depth)
    if isinstance(statement, ast.Try):
        examined = seen.validates
        course = _read(module, [*statement.body, *statement.orelse], seen, depth - 1)
        if statement.finalbody or seen.refusal is not None or (seen.validates and not examined):
            return "works"  # what is raised is handled here
        return course
    if not all(_is_around(module, item.context_expr) for item in statement.items):
        return "works"
    if all(
        isinstance(s, ast.Pass) or (isinstance(s, ast.Expr) and isinstance(s.value, ast.Constant))
        for s in statement.body
    ):
        return "works"  # taking a lock and giving it back has an effect
    return _read(module, statement.body, seen, depth)


def _read_loop(module: ParsedModule, loop: ast.For, seen: Reading, depth: int) -> Course:
    steps = loop.iter
    value = bodies.value_of(module, steps, {key: value for key, (_, value) in seen._known.items()})
    counted = isinstance(steps, ast.Call) and dotted(module, steps.func) == "range" and passive(module, steps)
    given = isinstance(steps, ast.Name) and all(isinstance(s, ast.If) and only_raises(s.body) for s in loop.body)
    tells = isinstance(steps, ast.Name) and all(
        isinstance(s, ast.Expr) and bodies.is_log(module, s.value) and _plain_arguments(module, s.value)
        for s in loop.body
    )
    if not (value or counted or given or tells) or loop.orelse:
        return "works"
    if value and isinstance(loop.target, ast.Name):
        seen._known[loop.target.id] = (bodies.source(steps), value)
    course = _read(module, loop.body, seen, depth - 1)
    return "works" if seen.refusal is not None else course


def _is_around(module: ParsedModule, context: ast.expr) -> bool:
    """Whether a context manager only measures, traces or locks what happens within it."""
    call = context if isinstance(context, ast.Call) else None
    if call is not None and not all(passive(module, part) for part in (*call.args, *(k.value for k in call.keywords))):
        return False
    return not _AROUND.isdisjoint(words(dotted(module, call.func if call else context)))


def _is_traced(expression: ast.expr) -> bool:
    """Whether an expression notes something on a span: `span.set_attribute(…)`."""
    function = expression.func if isinstance(expression, ast.Call) else None
    named = function.value if isinstance(function, ast.Attribute) else None
    return isinstance(named, ast.Name) and "span" in words(named.id)


def _builds(module: ParsedModule, statement: ast.stmt, seen: Reading) -> bool:
    """Whether a statement puts a literal into a local collection that holds literals only."""
    holder: ast.expr | None = None
    parts: list[ast.expr] = []
    if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Subscript):
        holder, parts = statement.targets[0].value, [statement.targets[0].slice, statement.value]
        if len(statement.targets) > 1:
            return False
    elif isinstance(statement, ast.AugAssign):
        holder, parts = statement.target, [statement.value]
    elif isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
        function = statement.value.func
        if isinstance(function, ast.Attribute) and function.attr in {"append", "extend", "update", "add", "insert"}:
            holder, parts = function.value, [*statement.value.args, *(k.value for k in statement.value.keywords)]
    if not (isinstance(holder, ast.Name) and holder.id in seen._known and parts):
        return False
    known = {key: value for key, (_, value) in seen._known.items()}
    values = [bodies.value_of(module, part, known) for part in parts]
    if "" in values:
        return False
    shown, before = seen._known[holder.id]
    fields = seen._fields[holder.id] = seen._fields.get(holder.id, 0) + 1
    full = not {"record", "numbers"}.isdisjoint([before, *values])
    keyed = isinstance(statement, ast.Assign) and (fields > 1 or before == "text")
    whole: Value = "record" if full or keyed else "symbol" if isinstance(statement, ast.AugAssign) else "text"
    seen._known[holder.id] = (shown if before != "trivial" else bodies.source(statement), whole)
    return True


def _is_idle(module: ParsedModule, statement: ast.stmt, seen: Reading, *, top: bool) -> bool:
    """Whether a statement leaves nothing behind but a log line or a literal under a local name."""
    if isinstance(statement, ast.Pass | ast.Break | ast.Continue) or (top and _builds(module, statement, seen)):
        return True
    if isinstance(statement, ast.Global | ast.Nonlocal):
        seen._outer.update(statement.names)
        return True
    if _is_of_itself(statement):
        return True
    if isinstance(statement, ast.Import | ast.ImportFrom):
        names = {(alias.asname or alias.name).partition(".")[0] for alias in statement.names}
        seen._imported |= names
        return names.isdisjoint(seen._outer) and top  # within a `try`, whether it can be imported is the answer
    if isinstance(statement, ast.Delete):
        return all(isinstance(target, ast.Name) and target.id not in seen._outer for target in statement.targets)
    if isinstance(statement, ast.Assert):
        seen.validates = True
        return passive(module, statement.test)
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Yield):
        known = {key: value for key, (_, value) in seen._known.items()}
        value = bodies.value_of(module, statement.value.value, known)
        seen._yields = True
        seen._answers.append(("what it yields", value))
        return value not in {"", "none"}
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.YieldFrom):
        value = bodies.value_of(module, statement.value.value)
        seen._yields = True
        seen._answers.append(("what it yields", value))
        return value not in {"", "none", "trivial"}
    if isinstance(statement, ast.Expr) and _is_traced(statement.value):
        return _plain_arguments(module, statement.value)
    if isinstance(statement, ast.Expr):
        seen.logs |= not isinstance(statement.value, ast.Constant)
        seen.prints |= bodies.is_print(module, statement.value)
        seen.said += refusals.texts(statement)
        if refusals.is_of_context(module, statement.value):
            return True
        return bodies.is_inert(module, statement.value) and _plain_arguments(module, statement.value)
    if isinstance(statement, ast.Assign | ast.AnnAssign) and top and statement.value is not None:
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        if passive(module, statement.value) and all(isinstance(t, ast.Name) and t.id == "_" for t in targets):
            return True  # a way to say that an argument is not used
        known = {key: value for key, (_, value) in seen._known.items()}
        value = bodies.value_of(module, statement.value, known)
        for target in targets:
            if not isinstance(target, ast.Name) or not value or target.id in seen._outer:
                return False
            if value != "numbers" and _borrows(statement.value, seen):
                return False
            seen._known[target.id] = (bodies.source(statement.value), value)
        return True
    return False


def _borrows(expression: ast.expr, seen: Reading) -> bool:
    """Whether an expression is made of what the body imports: the answer is settled there, not made up here."""
    return any(isinstance(node, ast.Name) and node.id in seen._imported for node in bodies.within(expression))


def _is_of_itself(statement: ast.stmt) -> bool:
    """Whether a local name is given its own value, or no more than a type: `x = x`, `a, b = a, b`, `x: int`."""
    if isinstance(statement, ast.AnnAssign):
        target, value = statement.target, statement.value
        return isinstance(target, ast.Name) and (
            value is None or (isinstance(value, ast.Name) and value.id == target.id)
        )
    if not isinstance(statement, ast.Assign):
        return False
    named = [
        [getattr(part, "id", "") for part in (side.elts if isinstance(side, ast.Tuple) else [side])]
        for side in (*statement.targets, statement.value)
    ]
    return "" not in named[-1] and all(names == named[-1] for names in named)


def _plain_arguments(module: ParsedModule, expression: ast.expr) -> bool:
    call = expression.value if isinstance(expression, ast.Await) else expression
    if not isinstance(call, ast.Call) or bodies.is_sleep(module, call):
        return True
    return all(passive(module, argument) for argument in (*call.args, *(k.value for k in call.keywords)))


def only_raises(block: list[ast.stmt]) -> bool:
    """Whether a block does nothing but raise, perhaps after a remark or a log line."""
    return isinstance(block[-1], ast.Raise) and all(isinstance(s, ast.Raise | ast.Expr) for s in block)


def passive(module: ParsedModule, expression: ast.expr) -> bool:
    """Whether an expression only looks at what it is given: no calls but plain built-in ones."""
    for node in bodies.within(expression):
        if isinstance(node, ast.Call):
            method = isinstance(node.func, ast.Attribute) and node.func.attr in PASSIVE_METHODS
            if not method and dotted(module, node.func) not in PASSIVE_CALLS:
                return False
        elif isinstance(node, ast.Await | ast.Yield | ast.YieldFrom | ast.Lambda | ast.NamedExpr):
            return False
    return True
