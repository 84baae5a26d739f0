"""Functions that are hollow: bodies that do nothing, or whose answer is written in them; and the classes they belong to.

A body is read as one sequence of statements. As soon as one statement works (a call that is not a log line, a loop, a
`with`, an assignment of something computed), the function is real and is passed over.
"""

from __future__ import annotations

import ast
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from strictreal.collect.python import bodies
from strictreal.collect.python.bodies import Comments, Functions, docstring, dotted
from strictreal.collect.python.module import ParsedModule
from strictreal.collect.redact import redact
from strictreal.facts.behaviour import Class, Function, Placeholder, Value, in_tests, words
from strictreal.model import Fact

Body = Literal["empty", "logs", "refuses", "constant", "affirms", "echo"]
Says = Literal["placeholder", "reason", "abstract", "unsupported"]

_NO_BASE = frozenset({"object", "typing.Generic", "typing_extensions.Generic", "Generic"})
_PROTOCOLS = frozenset({"typing.Protocol", "typing_extensions.Protocol", "Protocol"})
_INTERFACES = frozenset({"zope.interface.Interface", "Interface"})
_ABSTRACT_BASES = frozenset({"abc.ABC", "ABC", "abc.ABCMeta"})
_ABSTRACT_WORDS = frozenset({"abstract", "base", "interface", "mixin", "mixins", "abc"})
_OTHER_BASES = frozenset({"data", "knowledge", "code", "customer", "user", "rule"})
_VERIFYING = frozenset(
    {"verify", "validate", "authenticate", "authorize", "authorise", "check", "is", "has", "can", "allow", "ensure", "valid"}
)
_TRIVIAL_CALLS = frozenset(
    {"str", "int", "float", "bool", "len", "dict", "list", "tuple", "set", "sorted", "round", "min", "max", "sum", "hash"}
    | {"uuid.uuid4", "uuid.uuid1", "time.time", "datetime.datetime.now", "datetime.datetime.utcnow", "range", "enumerate"}
    | {"abs", "isinstance", "zip", "repr", "datetime.datetime.today", "datetime.date.today"}
)
_TRIVIAL_METHODS = frozenset({"format", "isoformat", "upper", "lower", "strip", "get", "title", "items", "keys", "values"})


def facts(module: ParsedModule) -> Iterator[Fact]:
    """Every class, hollow function and placeholder branch of a module; nothing of typing stubs (.pyi)."""
    if module.path.endswith(".pyi"):
        return
    remarks = Comments(module)
    if not in_tests(module.path):
        for node in module.of(ast.ClassDef):
            yield _class(module, node)
    referred = _referred(module)
    migration = {"revision", "down_revision"} <= {n.id for n in module.of(ast.Name) if isinstance(n.ctx, ast.Store)}
    for function in module.of(ast.FunctionDef, ast.AsyncFunctionDef):
        if migration and function.name in {"upgrade", "downgrade"}:
            continue  # Alembic asks for both in every revision, also where one of them has nothing to do
        if found := _function(module, function, remarks, referred):
            yield found
    yield from _branches(module, remarks)


# -- classes ---------------------------------------------------------------------------------------------------------


def _class(module: ParsedModule, node: ast.ClassDef) -> Class:
    bases = []
    for base in node.bases:
        name = dotted(module, base.value if isinstance(base, ast.Subscript) else base)
        bases.append(name or "?")
    methods = [s for s in node.body if isinstance(s, ast.FunctionDef | ast.AsyncFunctionDef)]
    marked = [m.name for m in methods if any(dotted(module, d).endswith("abstractmethod") for d in m.decorator_list)]
    marked += [m.name for m in methods if any("abstractproperty" in dotted(module, d) for d in m.decorator_list)]
    refusing = [m.name for m in methods if _refusal(module, m.body[1:] if docstring(m) else m.body)]
    return Class(
        where=module.at(node),
        qualname=bodies.qualname(module, node),
        bases=tuple(b for b in bases if b not in _NO_BASE),
        methods=tuple(m.name for m in methods),
        abstract_methods=tuple(dict.fromkeys(marked + refusing)),
        kind=_kind(module, node, bases, marked),
    )


def _kind(
    module: ParsedModule, node: ast.ClassDef, bases: list[str], marked: list[str]
) -> Literal["concrete", "abstract", "protocol", "exception"]:
    if not _PROTOCOLS.isdisjoint(bases) or not _INTERFACES.isdisjoint(bases):
        return "protocol"
    last = [base.rpartition(".")[2] for base in bases]
    if any(b.endswith(("Error", "Exception", "Warning")) or b == "BaseException" for b in last):
        return "exception"
    metaclasses = [dotted(module, k.value) for k in node.keywords if k.arg == "metaclass"]
    metaclasses += [
        dotted(module, s.value)
        for s in node.body
        if isinstance(s, ast.Assign) and any(isinstance(t, ast.Name) and t.id == "__metaclass__" for t in s.targets)
    ]
    if marked or not _ABSTRACT_BASES.isdisjoint([*bases, *metaclasses]) or any("ABCMeta" in m for m in metaclasses):
        return "abstract"
    named = words(node.name)
    opening = docstring(node)[: bodies.MAX_REMARK]
    if named and (named[0] in _ABSTRACT_WORDS or (named[-1] in _ABSTRACT_WORDS and named[-2:][0] not in _OTHER_BASES)):
        return "abstract"
    if node.name[:1] == "I" and node.name[1:2].isupper() and node.name[2:3].islower():
        return "abstract"
    return "abstract" if bodies.ABSTRACT_CLASS.search(opening) else "concrete"


# -- functions -------------------------------------------------------------------------------------------------------


@dataclass
class _Reading:
    """What was seen of a body so far."""

    known: dict[str, Value] = field(default_factory=dict)
    shown: dict[str, str] = field(default_factory=dict)
    answers: list[tuple[str, Value]] = field(default_factory=list)
    logs: bool = False
    prints: bool = False
    validates: bool = False
    refuses: ast.Raise | None = None


def _function(
    module: ParsedModule, node: Functions, remarks: Comments, referred: set[str]
) -> Function | None:
    statements = node.body[1:] if docstring(node) else node.body
    seen = _Reading()
    body: Body | None = None
    value: Value = ""
    shown = ""
    if _read(module, statements, seen):
        body, value, shown = _conclude(seen)
    if body is None and not _VERIFYING.isdisjoint(words(node.name)) and _affirms(module, node):
        body, value, shown = "affirms", "true", "True"
    if body is None and not _remarked(node, remarks):
        return None
    says, remark = _remarks(module, node, seen, body, remarks)
    if body is None and remark and _echoes(module, statements):
        body = "echo"
    if body is None:
        return None
    owner = module.parents.get(node)
    holder, place = "", _place(module, node)
    if isinstance(owner, ast.ClassDef):
        holder = bodies.qualname(module, owner)
    decorators = tuple(dotted(module, d.func if isinstance(d, ast.Call) else d) or "?" for d in node.decorator_list)
    return Function(
        where=module.at(node),
        qualname=bodies.qualname(module, node),
        owner=holder,
        place=place,
        body=body,
        value=value,
        shown=shown,
        parameters=_parameters(node, bool(holder) and "staticmethod" not in decorators),
        prints=seen.prints,
        validates=seen.validates,
        decorators=decorators,
        referred=node.name in referred,
        says=says,
        remark=remark,
    )


def _conclude(seen: _Reading) -> tuple[Body | None, Value, str]:
    if seen.refuses is not None:
        return (None, "", "") if seen.answers else ("refuses", "", "")
    answers = dict.fromkeys(seen.answers)
    if len({shown for shown, _ in answers}) > 1:
        return None, "", ""
    if not answers:
        return (None if seen.validates else "logs" if seen.logs else "empty"), "none", ""
    [(shown, value), *_] = answers
    return "constant", value, shown


def _read(module: ParsedModule, statements: list[ast.stmt], seen: _Reading, depth: int = 8) -> bool:
    """Read a sequence of statements; False as soon as one of them works."""
    for statement in statements:
        if isinstance(statement, ast.Pass | ast.Global | ast.Nonlocal):
            continue
        if isinstance(statement, ast.Delete):
            if not all(isinstance(target, ast.Name) for target in statement.targets):
                return False
            continue
        if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Yield):
            value = bodies.value_of(module, statement.value.value, seen.known)
            if value in {"", "none"}:
                return False
            seen.answers.append(("items written in it", value))
        elif isinstance(statement, ast.Expr):
            if not bodies.is_inert(module, statement.value):
                return False
            seen.logs |= not isinstance(statement.value, ast.Constant)
            seen.prints |= bodies.is_print(module, statement.value)
        elif isinstance(statement, ast.Return):
            value = bodies.value_of(module, statement.value, seen.known)
            if not value:
                return False
            name = statement.value.id if isinstance(statement.value, ast.Name) else ""
            if statement.value is None:
                return True
            text = seen.shown.get(name) or bodies.source(statement.value)
            seen.answers.append((text, value))
            return True
        elif isinstance(statement, ast.Assign | ast.AnnAssign):
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            value = bodies.value_of(module, statement.value, seen.known)
            if not value or statement.value is None:
                return False
            for target in targets:
                if not isinstance(target, ast.Name):
                    return False
                seen.known[target.id] = value
                seen.shown[target.id] = bodies.source(statement.value)
        elif isinstance(statement, ast.Assert):
            if isinstance(statement.test, ast.Constant) and not statement.test.value:
                return False
            seen.validates = True
        elif isinstance(statement, ast.Raise):
            if not _refusal(module, [statement]):
                return False
            seen.refuses = statement
            return True
        elif isinstance(statement, ast.If) and depth:
            if _only_raises(statement.body) and not statement.orelse:
                seen.validates = True
            elif not _read(module, statement.body, seen, depth - 1) or not _read(
                module, statement.orelse, seen, depth - 1
            ):
                return False
            elif seen.refuses is not None:
                return False  # some cases are refused, others are not
        else:
            return False
    return True


def _only_raises(statements: list[ast.stmt]) -> bool:
    return isinstance(statements[-1], ast.Raise) and all(isinstance(s, ast.Raise | ast.Expr) for s in statements)


def _refusal(module: ParsedModule, statements: list[ast.stmt]) -> ast.Raise | None:
    """The `raise NotImplementedError` that a body consists of."""
    *before, last = statements or [ast.Pass()]
    if not isinstance(last, ast.Raise) or last.exc is None:
        return None
    if not all(isinstance(s, ast.Pass) or (isinstance(s, ast.Expr) and bodies.is_inert(module, s.value)) for s in before):
        return None
    raised = last.exc.func if isinstance(last.exc, ast.Call) else last.exc
    return last if dotted(module, raised).rpartition(".")[2] == "NotImplementedError" else None


def _affirms(module: ParsedModule, node: Functions) -> bool:
    """Whether the only answer is True and nothing in the body can keep the function from giving it."""
    answered = False
    guarded = {
        inner
        for attempt in bodies.within(node)
        if isinstance(attempt, ast.Try) and attempt.handlers and all(_silent(h) for h in attempt.handlers)
        for statement in attempt.body
        for inner in bodies.within(statement)
    }
    for inner in bodies.within(ast.Module(node.body, [])):
        if isinstance(inner, ast.Return):
            if not (isinstance(inner.value, ast.Constant) and inner.value.value is True):
                return False
            answered = True
        elif isinstance(inner, ast.Raise | ast.Assert | ast.Yield | ast.YieldFrom | ast.While):
            return False
        elif isinstance(inner, ast.Call) and inner not in guarded and not bodies.is_log(module, inner):
            return False
        elif isinstance(inner, ast.Subscript | ast.Attribute) and not isinstance(inner.ctx, ast.Load):
            return False  # it stores something: a function with an effect and a status
    return answered


def _silent(handler: ast.ExceptHandler) -> bool:
    return not any(isinstance(inner, ast.Raise) for inner in bodies.within(handler))


def _echoes(module: ParsedModule, statements: list[ast.stmt]) -> bool:
    """Whether the answer is put together from arguments and literals alone."""
    answered = False
    for statement in statements:
        if isinstance(statement, ast.Expr):
            if not bodies.is_inert(module, statement.value):
                return False
        elif isinstance(statement, ast.If):
            if not _only_raises(statement.body) or statement.orelse:
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
    for node in bodies.within(expression):
        if isinstance(node, ast.Call):
            name = dotted(module, node.func)
            method = isinstance(node.func, ast.Attribute) and node.func.attr in _TRIVIAL_METHODS
            made = name.rpartition(".")[2].lstrip("_")[:1].isupper()
            if not (method or made or name in _TRIVIAL_CALLS or name.startswith(("random.", "numpy.random."))):
                return False
        elif isinstance(node, ast.Await | ast.Yield | ast.YieldFrom | ast.Lambda):
            return False
    return True


def _remarked(node: Functions, comments: Comments) -> bool:
    """Whether a comment in the function, or its docstring's first line, has a word of missing behaviour."""
    at = bisect_left(comments.marked, node.lineno)
    if at < len(comments.marked) and comments.marked[at] <= (node.end_lineno or 0) + 1:
        return True
    return bodies.suspect(docstring(node).strip().partition("\n")[0][: bodies.MAX_REMARK])


def _remarks(
    module: ParsedModule, node: Functions, seen: _Reading, body: Body | None, comments: Comments
) -> tuple[tuple[Says, ...], str]:
    """What docstring, comments and the refusal's message say, and the line that speaks of a placeholder."""
    says: list[Says] = []
    text = docstring(node)[: bodies.MAX_REMARK]
    said = comments.inside(node, node.col_offset)
    message = ""
    if seen.refuses is not None and isinstance(seen.refuses.exc, ast.Call):
        message = " ".join(
            part.value[: bodies.MAX_REMARK]
            for part in ast.walk(seen.refuses.exc)
            if isinstance(part, ast.Constant) and isinstance(part.value, str)
        )
    opening, *rest = [line.strip() for line in text.strip().splitlines()] or [""]
    lines = [*said, opening, *(line for line in rest if bodies.TODO.match(line))]
    remark = next((line for line in lines if bodies.placeholder(line, idle=body in {"empty", "logs"})), "")
    spoken = " ".join((text, *said))
    if remark:
        says.append("placeholder")
    if bodies.REASON.search(spoken):
        says.append("reason")
    if bodies.ABSTRACT.search(f"{spoken} {message}"):
        says.append("abstract")
    if bodies.UNSUPPORTED.search(f"{message} {text}"):
        says.append("unsupported")
    return tuple(says), redact(remark.strip())[:160]


def _place(module: ParsedModule, node: ast.AST) -> Literal["module", "class", "nested", "conditional"]:
    current = module.parents.get(node)
    conditional = False
    while current is not None:
        if isinstance(current, ast.If | ast.Try | ast.ExceptHandler | ast.match_case):
            conditional = True
        elif isinstance(current, ast.FunctionDef | ast.AsyncFunctionDef):
            return "nested"
        elif isinstance(current, ast.ClassDef):
            return "conditional" if conditional else "nested" if bodies.enclosing(module, current) else "class"
        current = module.parents.get(current)
    return "conditional" if conditional else "module"


def _parameters(node: Functions, bound: bool) -> tuple[str, ...]:
    a = node.args
    plain = [p.arg for p in (*a.posonlyargs, *a.args)][1 if bound else 0 :]
    return (*plain, *(p.arg for p in a.kwonlyargs), *(f"*{p.arg}" for p in (a.vararg, a.kwarg) if p))


def _referred(module: ParsedModule) -> set[str]:
    """Names and attributes that are used other than by calling them."""
    called = {node.func for node in module.of(ast.Call)}
    found = {node.id for node in module.of(ast.Name) if isinstance(node.ctx, ast.Load) and node not in called}
    return found | {node.attr for node in module.of(ast.Attribute) if node not in called}


# -- branches --------------------------------------------------------------------------------------------------------


def _branches(module: ParsedModule, comments: Comments) -> Iterator[Placeholder]:
    """Branches and loops that consist of `pass` or `…` and a comment that speaks of what is missing."""
    if not comments.marked:
        return
    for node in module.of(ast.Pass, ast.Expr):
        if isinstance(node, ast.Expr) and not (isinstance(node.value, ast.Constant) and node.value.value is Ellipsis):
            continue
        owner = module.parents.get(node)
        if isinstance(owner, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Module | None):
            continue
        blocks = [getattr(owner, name, None) for name in ("body", "orelse", "finalbody")]
        if [node] not in blocks:
            continue
        said = [comments.of(node.lineno)]
        line = node.lineno - 1
        while line > 0 and module.lines[line - 1].lstrip().startswith("#"):
            said.append(comments.of(line))
            line -= 1
        remark = next((text for text in said if text and bodies.placeholder(text, idle=True)), "")
        if remark:
            yield Placeholder(where=module.at(node), function=bodies.qualname(module, owner), remark=redact(remark)[:160])
