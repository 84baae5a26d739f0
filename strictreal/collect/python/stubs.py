"""Functions that are hollow: bodies that do nothing or have their answer written in them; and the classes around."""

from __future__ import annotations

import ast
from bisect import bisect_left
from collections.abc import Iterator

from strictreal.collect.python import affirming, bodies, classes, echoing, reading, refusals, remarks, shallow
from strictreal.collect.python.bodies import Functions, docstring, dotted
from strictreal.collect.python.module import ParsedModule
from strictreal.collect.python.reading import Reading
from strictreal.collect.python.remarks import Comments
from strictreal.facts.behaviour import Function, Place, Placeholder, Says, vocabulary, words
from strictreal.model import Fact
from strictreal.redact import redact

MAX_SHOWN = 160
"""Length in characters to which a remark is kept."""

_VERIFYING = vocabulary("verify validate authenticate authorize authorise check is has can allow ensure valid")


def facts(module: ParsedModule) -> Iterator[Fact]:
    """Every hollow function and placeholder branch of a module, and outside of tests every class.

    Typing stubs (.pyi) are made to be hollow and are passed over.
    """
    if module.path.endswith(".pyi") and not module.loaded:
        return
    comments = Comments(module)
    if module.role != "test":
        for node in module.of(ast.ClassDef):
            yield classes.read(module, node)
    referred = _referred(module)
    revision = _is_revision(module)
    for function in module.of(ast.FunctionDef, ast.AsyncFunctionDef):
        if revision and function.name in {"upgrade", "downgrade"}:
            continue  # Alembic asks for both in every revision, also where one of them has nothing to do
        if found := _function(module, function, comments, referred):
            yield found
    for assign in module.of(ast.Assign):
        yield from _lambdas(module, assign)
    yield from _branches(module, comments)


def _function(module: ParsedModule, node: Functions, comments: Comments, referred: set[str]) -> Function | None:
    seen = reading.read(module, node)
    if seen.refusal is not None and _is_design(module, node, seen.refusal):
        return None
    if seen.body is None and not _VERIFYING.isdisjoint(words(node.name)) and affirming.affirms(module, node):
        seen.body, seen.value, seen.shown = "affirms", "true", "True"
    examined = seen.body is None or (seen.body == "constant" and seen.validates and seen.value == "true")
    if examined and (found := shallow.read(module, node)) is not None:
        seen.body, seen.shown = found
        seen.value = ""
    if seen.body is None and not _remarked(node, comments):
        return None
    idle = seen.body in {"empty", "logs"} or (seen.body is None and echoing.hands_back(module, node))
    says, remark = _remarks(node, seen, comments, idle=idle)
    if seen.body is None and remark and (idle or echoing.echoes(module, node)):
        seen.body = "echo"
    if seen.body is None:
        return None
    owner = module.parents.get(node)
    place = _place(module, node)
    method = isinstance(owner, ast.ClassDef)
    decorators = tuple(dotted(module, d.func if isinstance(d, ast.Call) else d) or "?" for d in node.decorator_list)
    return Function(
        where=module.at(node),
        qualname=bodies.qualname(module, node),
        owner=bodies.qualname(module, owner) if isinstance(owner, ast.ClassDef) else "",
        place=place,
        body=seen.body,
        value=seen.value,
        shown=seen.shown,
        parameters=_parameters(node.args)[1 if method and "staticmethod" not in decorators else 0 :],
        prints=seen.prints,
        validates=seen.validates or _injected(module, node),
        decorators=decorators,
        referred=node.name in referred and not (place == "nested" and _only_returned(module, node)),
        says=says,
        remark=remark,
    )


def _is_design(module: ParsedModule, node: Functions, refusal: ast.stmt) -> bool:
    """Whether the signature says that the function never answers, and it gives a reason of its own."""
    never = node.returns is not None and dotted(module, node.returns).rpartition(".")[2] in {"NoReturn", "Never"}
    if not never or not refusals.raises_not_implemented(module, refusal):
        return never
    said = refusals.texts(refusal)
    return bool(said) and not any(map(refusals.says_unfinished, said))


def _lambdas(module: ParsedModule, assign: ast.Assign) -> Iterator[Function]:
    """`verify = lambda token: True`: a function by another name."""
    value, [target, *others] = assign.value, assign.targets
    if not isinstance(value, ast.Lambda) or others or not isinstance(target, ast.Name):
        return
    kind = bodies.value_of(module, value.body)
    place, owner = _place(module, assign), module.parents.get(assign)
    if kind and place in {"module", "class"}:
        held = bodies.qualname(module, owner) if isinstance(owner, ast.ClassDef) else ""
        yield Function(
            where=module.at(assign),
            qualname=f"{held}.{target.id}" if held else target.id,
            owner=held,
            place=place,
            body="constant",
            value=kind,
            shown=bodies.source(value.body),
            parameters=_parameters(value.args)[1 if held else 0 :],
        )


def _is_revision(module: ParsedModule) -> bool:
    """Whether a module is an Alembic revision."""
    if "down_revision" not in module.text:
        return False
    return {"revision", "down_revision"} <= {n.id for n in module.of(ast.Name) if isinstance(n.ctx, ast.Store)}


def _place(module: ParsedModule, node: ast.AST) -> Place:
    current = module.parents.get(node)
    conditional = False
    while current is not None:
        if isinstance(current, ast.If | ast.Try | ast.TryStar | ast.ExceptHandler | ast.match_case):
            conditional = True
        elif isinstance(current, ast.FunctionDef | ast.AsyncFunctionDef):
            return "nested"
        elif isinstance(current, ast.ClassDef):
            return "conditional" if conditional else "nested" if bodies.enclosing(module, current) else "class"
        current = module.parents.get(current)
    return "conditional" if conditional else "module"


def _parameters(a: ast.arguments) -> tuple[str, ...]:
    plain = (p.arg for p in (*a.posonlyargs, *a.args, *a.kwonlyargs))
    rest = [f"{stars}{p.arg}" for stars, p in (("*", a.vararg), ("**", a.kwarg)) if p]
    return (*plain, *rest)


def _injected(module: ParsedModule, node: Functions) -> bool:
    """Whether a framework computes an argument before the call: FastAPI's `Depends(…)` and `Security(…)`."""
    a = node.args
    given = [*a.defaults, *(d for d in a.kw_defaults if d)]
    given += [p.annotation for p in (*a.args, *a.kwonlyargs) if p.annotation]
    calls = (inner for expression in given for inner in ast.walk(expression) if isinstance(inner, ast.Call))
    return any(dotted(module, call.func).rpartition(".")[2] in {"Depends", "Security"} for call in calls)


def _referred(module: ParsedModule) -> set[str]:
    """Names and attributes that are used other than by calling them."""
    called = {node.func for node in module.of(ast.Call)}
    found = {node.id for node in module.of(ast.Name) if isinstance(node.ctx, ast.Load) and node not in called}
    return found | {node.attr for node in module.of(ast.Attribute) if node not in called}


def _only_returned(module: ParsedModule, node: Functions) -> bool:
    """Whether a nested function leaves the function around it by `return` alone: that one is a factory."""
    factory = bodies.enclosing(module, node)
    if factory is None:
        return False
    uses = [n for n in bodies.within(ast.Module(factory.body, [])) if isinstance(n, ast.Name) and n.id == node.name]
    handed = [use for use in uses if not isinstance(call := module.parents.get(use), ast.Call) or call.func is not use]
    return all(isinstance(module.parents.get(use), ast.Return) for use in handed)


# -- what is said of them --------------------------------------------------------------------------------------------


def _remarked(node: Functions, comments: Comments) -> bool:
    """Whether a comment in the function, or its docstring's first line, has a word of missing behaviour."""
    at = bisect_left(comments.marked, node.lineno)
    if at < len(comments.marked) and comments.marked[at] <= (node.end_lineno or 0) + 1:
        return True
    opening, *rest = docstring(node)[: remarks.MAX_REMARK].strip().split("\n")
    return remarks.suspect(opening) or any(remarks.DECLARED.match(line.strip()) for line in rest)


def _remarks(node: Functions, seen: Reading, comments: Comments, *, idle: bool) -> tuple[tuple[Says, ...], str]:
    """What docstring, comments and the refusal's message say, and the line that speaks of a placeholder."""
    text = docstring(node)[: remarks.MAX_REMARK]
    said = comments.inside(node, node.col_offset)
    message = ""
    if seen.refusal is not None:
        message = " ".join(refusals.texts(seen.refusal))
    opening, *rest = [line.strip() for line in text.strip().splitlines()] or [""]
    lines = [*said, opening, *(line for line in rest if remarks.TODO.match(line) or remarks.DECLARED.match(line))]
    remark = next((line for line in lines if remarks.is_placeholder(line, idle=idle)), "")
    if idle and not remark:
        remark = next((line for line in said if remarks.COMING.match(line)), "")
    spoken = " ".join((text, *said))
    says: list[Says] = ["placeholder"] if remark else []
    if remarks.REASON.search(spoken):
        says.append("reason")
    if remarks.IDLE.search(spoken):
        says.append("idle")
    if remarks.ABSTRACT.search(f"{spoken} {message}"):
        says.append("abstract")
    if remarks.UNSUPPORTED.search(f"{message} {text}") and not refusals.is_pending(message):
        says.append("unsupported")
    if len(message.split()) > 3 and not remarks.PENDING.search(message):
        says.append("explained")
    return tuple(says), redact(remark.strip())[:MAX_SHOWN]


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
        if [node] not in [getattr(owner, name, None) for name in ("body", "orelse", "finalbody")]:
            continue
        first = node.lineno
        while first > 1 and module.lines[first - 2].lstrip().startswith("#"):
            first -= 1
        said = comments.between(first, node.lineno)
        remark = next((text for text in said if remarks.is_placeholder(text, idle=True)), "")
        if remark:
            function = bodies.qualname(module, owner)
            yield Placeholder(where=module.at(node), function=function, remark=redact(remark)[:MAX_SHOWN])
