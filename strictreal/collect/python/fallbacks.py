"""Errors that end in silence: handlers that give a default, a flag or a local substitute in place of what failed.

A handler that raises, exits, fails a test or hands the error on is no fallback and leaves no fact.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Sequence

from strictreal.collect.python import (
    absent,
    around,
    bodies,
    claimed,
    failures,
    handed,
    heard,
    instead,
    kept,
    live,
    swallows,
    takeovers,
    unreadable,
)
from strictreal.collect.python.bodies import Loads, dotted
from strictreal.collect.python.endings import Ended, ending
from strictreal.collect.python.module import ParsedModule
from strictreal.facts.behaviour import Context, Handler, vocabulary, words

_COMMANDS = frozenset({"main", "cli", "cmd", "command"})
_ASKING = vocabulary(
    """
    is has can ping exists supports supported available alive ready reachable healthy health check probe test
    valid should wait installed verify needs works matches validate try attempt in inside running
    """
)
_REACHING = vocabulary(
    """
    ping available alive ready reachable healthy health up connected probe running works installed wait try attempt test
    online responding listening started
    """
)
"""Words of questions to which a service that does not answer is an answer."""
_UNANSWERED = vocabulary("connection connect timeout unreachable unavailable network brokers")
_EXISTING = vocabulary("exists exist present")
_AGAIN = vocabulary(
    "retry again reconnect refresh renew resend reopen response redirect render template page abort http html"
)
"""Words of calls that try once more, or that answer a request of the web: what they say is not the result."""
_SHOWING = frozenset({"repr", "str", "pretty", "describe"})


def facts(module: ParsedModule) -> Iterator[Handler]:
    """Every silent handler of a module, every `suppress`, and everything else that takes errors away."""
    attempts = module.of(ast.Try, ast.TryStar)
    loads = bodies.loads(module) if attempts else {}
    for attempt in attempts:
        for handler in attempt.handlers:
            if found := _handler(module, attempt, handler, loads):
                yield found
    for block in module.of(ast.With, ast.AsyncWith):
        for item in block.items:
            if found := _suppressed(module, block, item.context_expr):
                yield found
    yield from swallows.facts(module)


def _handler(
    module: ParsedModule, attempt: ast.Try | ast.TryStar, handler: ast.ExceptHandler, loads: Loads
) -> Handler | None:
    names = failures.catches(module, handler)
    silent = heard.silent(handler)
    body = silent.body
    inner = list(live.running(module, body))
    ended = ending(module, body, handler.name)
    if _raises(module, body, ended) or heard.is_loud(module, inner, handler.name):
        return None
    taken_over = ended is None or (ended.ends == "substitutes" and not _stands_in(module, ended))
    if taken_over and (local := kept.locally(module, _work(body))) is not None:
        ended = Ended("keeps", local, shown=bodies.source(local))
    if ended is None and (done := instead.done_here(module, attempt, body)) is not None:
        ended = Ended("substitutes", done, shown=bodies.source(done))
    if ended is not None and (given_up := _gives_up(module, attempt, ended)) is not None:
        ended = given_up
    if ended is None:
        return None
    breadth = failures.breadth(module, names, attempt.body, defaulting=ended.ends not in {"passes", "continues"})
    acknowledged = breadth is None and ended.ends == "passes" and around.acknowledges(module, attempt)
    blank = ended.ends == "substitutes" and unreadable.blank(module, attempt.body, getattr(ended.node, "value", None))
    made_up = breadth is None and (
        _made_up(module, names, attempt, ended)
        or (blank and unreadable.is_unreadable(names))
        or claimed.success(module, names, attempt, getattr(ended.node, "value", None))
        or (ended.ends == "passes" and unreadable.keeps_default(module, names, attempt.body))
    )
    if breadth is None and failures.of_client(module, names, attempt.body):
        breadth = "service"
    if breadth is None and (acknowledged or made_up or _stands_in(module, ended)):
        breadth = "other"
    if breadth is None:
        return None
    logged = any(isinstance(node, ast.Call) and bodies.is_log(module, node) for node in inner)
    if handed.handed_on(module, silent, loads):
        return None
    if (breadth != "import" or isinstance(ended.node, ast.Return)) and heard.tells(module, body, silent, loads):
        return None
    modules: tuple[str, ...] = ()
    context: tuple[Context, ...]
    if breadth == "import":
        modules = absent.modules(module, attempt.body)
        if not modules or all(m.partition(".")[0] in sys.stdlib_module_names for m in modules):
            return None
        if absent.replaces(module, handler.body, modules):
            return None
        context = absent.context(module, attempt, handler, loads)
        if "retried" in around.contexts(module, attempt, attempt.body, logged=False):
            context += ("retried",)  # another module of a list is
    elif acknowledged:
        context = ()
    else:
        dropped = breadth == "everything" and not heard.warns(inner) and around.acknowledges(module, attempt)
        context = tuple(around.contexts(module, attempt, attempt.body, logged=logged and not dropped))
    function = bodies.enclosing(module, attempt)
    name = function.name if function else ""
    verdict = function is not None and ended.value == "none" and claimed.by_raising(function, attempt)
    if (_answers(name, ended, names) and not verdict) or (
        names == ("subprocess.CalledProcessError",) and _settles(attempt.body[-1])
    ):
        context += ("answers",)
    if name in {"__repr__", "__str__"} or (words(name)[:1] and words(name)[0] in _SHOWING):
        context += ("representation",)
    return Handler(
        where=module.at(handler),
        catches=names,
        breadth=breadth,
        ends=ended.ends,
        value=ended.value,
        shown=ended.shown,
        logged=logged,
        function=bodies.qualname(module, function) if function else "",
        modules=modules,
        context=context,
        local=ended.ends == "substitutes"
        and (
            made_up
            or blank
            or (breadth in {"service", "everything"} and instead.remembers(module, ended))
            or (breadth == "everything" and bodies.is_fresh(module, getattr(ended.node, "value", ast.Constant(None))))
            or isinstance(ended.node, ast.Call)
            or instead.searches(module, attempt, body)
            or (breadth == "service" and _other_way(attempt, body, ended, name))
            or (
                breadth == "everything"
                and (failures.asks(attempt.body) or instead.imports(attempt.body))
                and instead.computes(module, ended)
            )
        ),
    )


def _gives_up(module: ParsedModule, attempt: ast.AST, ended: Ended) -> Ended | None:
    """What a function answers that calls itself once less: `if retries == 0: return None`, `return fetch(retries - 1)`."""
    function = bodies.enclosing(module, attempt)
    called = ended.node.value if isinstance(ended.node, ast.Return) else None
    called = called.value if isinstance(called, ast.Await) else called
    if function is None or not isinstance(called, ast.Call):
        return None
    name = called.func.attr if isinstance(called.func, ast.Attribute) else getattr(called.func, "id", "")
    given = [*called.args, *(k.value for k in called.keywords)]
    counted = {n.id for g in given if isinstance(g, ast.BinOp) for n in ast.walk(g.left) if isinstance(n, ast.Name)}
    for branch in function.body if name == function.name else ():
        last = branch.body[-1] if isinstance(branch, ast.If) else None
        if not isinstance(branch, ast.If) or not isinstance(last, ast.Return):
            continue
        value = bodies.value_of(module, last.value)
        if value and any(isinstance(n, ast.Name) and n.id in counted for n in ast.walk(branch.test)):
            return Ended("returns", last, value, bodies.source(last.value or last))
    return None


def _other_way(attempt: ast.Try | ast.TryStar, body: list[ast.stmt], ended: Ended, name: str) -> bool:
    """Whether a result comes by another way than from the service: not by the same calls again, nor by trying once more."""
    given = isinstance(ended.node, ast.Return) or (isinstance(ended.node, ast.Assign) and body[-1] is not ended.node)
    given &= isinstance(body[-1], ast.Return)  # `rows = Product.objects.filter(name=text)`, `return list(rows)`
    if not isinstance(ended.node, ast.Return | ast.Assign) or not given or ended.node.value is None:
        return False
    if isinstance(ended.node.value, ast.Lambda) or (isinstance(ended.node, ast.Assign) and _makes(ended.node.value)):
        return False
    asked = _called([attempt])
    called = _called([ended.node.value])
    again = {name} | (asked & called)
    return not (called and called <= again) and _AGAIN.isdisjoint(word for one in called for word in words(one))


def _makes(value: ast.expr) -> bool:
    """Whether an object is made, by which the same is asked: `client = Replica(url)`."""
    called = value.func if isinstance(value, ast.Call) else None
    return (called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", ""))[:1].isupper()


def _called(nodes: Sequence[ast.AST]) -> set[str]:
    """The names of functions and methods that are called, in the body alone of a `try`."""
    found = [n for node in nodes for part in getattr(node, "body", [node]) for n in bodies.within(part)]
    called = [node.func for node in found if isinstance(node, ast.Call)]
    called = [
        f for f in called if not (isinstance(f, ast.Attribute) and getattr(f.value, "id", "").isupper())
    ]  # a table
    return {f.attr if isinstance(f, ast.Attribute) else getattr(f, "id", "") for f in called}


def _made_up(module: ParsedModule, names: tuple[str, ...], attempt: ast.Try | ast.TryStar, ended: Ended) -> bool:
    """Whether something of the code is given for what could not be read."""
    given = getattr(ended.node, "value", None) if ended.ends in {"returns", "assigns", "substitutes"} else None
    return isinstance(given, ast.expr) and unreadable.made_up(module, names, attempt.body, given)


def _raises(module: ParsedModule, statements: list[ast.stmt], ended: Ended | None) -> bool:
    """Whether a handler raises; that a substitute may fail in its turn does not make it heard."""
    stack: list[ast.AST] = [ast.Module(body=statements, type_ignores=[])]
    while stack:
        node = stack.pop()
        if isinstance(node, ast.Raise):
            return True
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        if isinstance(node, ast.Try | ast.TryStar):
            stack += (
                node.orelse if _stops(module, node) else [ast.Module(body=node.body, type_ignores=[]), *node.orelse]
            )
            if ended is None or ended.ends not in {"returns", "substitutes"}:
                stack += [*node.handlers, *node.finalbody]
        elif not (isinstance(node, ast.With) and _drops_all(module, node)):
            stack += live.children(module, node)
    return False


def _stops(module: ParsedModule, attempt: ast.Try | ast.TryStar) -> bool:
    """Whether nothing that a `try` raises leaves it: it is caught in silence, or a `finally` returns."""
    leaves = any(isinstance(s, ast.Return | ast.Break | ast.Continue) for s in attempt.finalbody)
    silent = (h for h in attempt.handlers if not any(isinstance(n, ast.Raise) for n in live.running(module, h.body)))
    return leaves or any(
        not (names := failures.catches(module, h)) or not failures.EVERYTHING.isdisjoint(names) for h in silent
    )


def _drops_all(module: ParsedModule, block: ast.With) -> bool:
    """Whether a block lets no error out: `with suppress(Exception)`."""
    calls = [item.context_expr for item in block.items if isinstance(item.context_expr, ast.Call)]
    return any(
        dotted(module, call.func) == "contextlib.suppress"
        and any(dotted(module, kind) in failures.EVERYTHING for kind in call.args)
        for call in calls
    )


def _stands_in(module: ParsedModule, ended: Ended) -> bool:
    """Whether what takes over is a stand-in, whatever the error."""
    value = getattr(ended.node, "value", None)
    return (
        isinstance(value, ast.Call | ast.Name)
        and ended.ends in {"returns", "assigns", "substitutes"}
        and takeovers.stands_in(module, value, None, "member", ast.Constant(None))
    )


def _work(statements: list[ast.stmt]) -> list[ast.stmt]:
    """The statements, and the body of a function without a name that is returned."""
    made = [s.value.body for s in statements if isinstance(s, ast.Return) and isinstance(s.value, ast.Lambda)]
    return [*statements, *(ast.Expr(body) for body in made)]


def _answers(name: str, ended: Ended, catches: tuple[str, ...]) -> bool:
    """Whether the failure is the answer to what the function asks. No answer at all says nothing but whether one is there."""
    own = words(name)
    if not _COMMANDS.isdisjoint(own) and ended.shown.isdigit() and ended.shown != "0":
        return True  # an exit status
    if not own:
        return False
    asks = own[0] in _ASKING or own[-1] in _ASKING
    if ended.value == "false" and not _EXISTING.isdisjoint(own) and any(map(_is_whatever, catches)):
        return False  # a refusal, or a service that is away, is no proof that something is not there
    silent = any(not _UNANSWERED.isdisjoint(words(c.rpartition(".")[2])) for c in catches)
    asks &= not silent or not _REACHING.isdisjoint(own) or own[0] == "can"
    asks &= not silent or ended.value != "none" or own[0] not in {"try", "attempt"}  # what is tried is no question
    return asks and ended.ends in {"returns", "assigns"} and ended.value in {"false", "none"}


def _is_whatever(name: str) -> bool:
    """Whether an exception is raised by a client whatever its service has answered: `botocore.exceptions.ClientError`."""
    plain = words(name.rpartition(".")[2])[-1:] in {("error",), ("exception",)}
    return plain and failures.is_service(name) and not name.startswith("subprocess.")


def _settles(statement: ast.stmt) -> bool:
    """Whether a `try` answers a constant, so that the exit status of the program is all that was asked for."""
    value = statement.value if isinstance(statement, ast.Assign | ast.Return) else None
    return isinstance(value, ast.Constant)


def _suppressed(module: ParsedModule, block: ast.With | ast.AsyncWith, entered: ast.expr) -> Handler | None:
    call = _suppress(module, entered)
    if call is None:
        return None
    names = failures.kinds(module, call.args)
    breadth = failures.breadth(module, names, block.body, defaulting=False)
    if breadth is None:
        return None
    modules: tuple[str, ...] = ()
    if breadth == "import":
        modules = absent.modules(module, block.body)
        if not modules or all(m.partition(".")[0] in sys.stdlib_module_names for m in modules):
            return None
    function = bodies.enclosing(module, block)
    return Handler(
        where=module.at(entered),
        catches=names,
        breadth=breadth,
        ends="passes",
        function=bodies.qualname(module, function) if function else "",
        modules=modules,
        context=tuple(around.contexts(module, block, block.body, logged=False)),
    )


def _suppress(module: ParsedModule, entered: ast.expr) -> ast.Call | None:
    """The call of `suppress` that a block enters: there, under a name, by a subclass, or by a function that answers it."""
    if isinstance(entered, ast.Name):
        bound = [b.value for b in module.names.reaching(entered)]
        entered = bound[0] if len(bound) == 1 and bound[0] is not None else entered
    if not isinstance(entered, ast.Call):
        return None
    if dotted(module, entered.func) == "contextlib.suppress":
        return entered if entered.args else None
    for made in module.definitions(entered.func):
        if isinstance(made, ast.ClassDef):
            plain = all(isinstance(s, ast.Pass | ast.Expr) for s in made.body)
            if plain and any(dotted(module, base) == "contextlib.suppress" for base in made.bases) and entered.args:
                return entered
            continue
        given = made.body[-1].value if isinstance(made.body[-1], ast.Return) else None
        if isinstance(given, ast.Call) and dotted(module, given.func) == "contextlib.suppress" and given.args:
            return given
    return None
