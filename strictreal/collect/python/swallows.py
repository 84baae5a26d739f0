"""Constructs that take errors away without a handler.

A `return` in a `finally`, an `__exit__` that answers True, results of `gather` that nobody looks at, a call that is told
to fail silently, a hook for uncaught errors that does nothing, a retry that ends in a default.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from strictreal.collect.python import around, bodies, conditions, failures
from strictreal.collect.python.bodies import Functions, Loads, dotted
from strictreal.collect.python.module import ParsedModule
from strictreal.facts.behaviour import Handler, words

_QUIET = {"fail_silently": True, "raise_on_error": False, "raise_on_exception": False, "raise_on_giveup": False}
"""Keywords, and the values with which a call keeps its failure to itself."""
_SILENCERS = frozenset({"funcy.silent", "funcy.ignore", "funcy.suppress", "toolz.excepts", "toolz.functoolz.excepts"})
"""Functions of libraries that answer a default in place of an error."""
_HOOKS = frozenset({"sys.excepthook", "threading.excepthook", "sys.unraisablehook"})
_SENDING = frozenset({"send", "mail", "email", "publish", "notify", "deliver"})
_MAKERS = frozenset({"retry_error_callback"})
_TAKING_OVER = frozenset({"fallback_function", "fallback_method", "fallback_fn"})
"""Keywords of circuit breakers for what answers in place of the service."""
_DEFAULTING = frozenset({"unwrap_or", "value_or"})
"""Methods of results that answer a default in place of the error."""


def facts(module: ParsedModule) -> Iterator[Handler]:
    """Every such construct of a module."""
    if "finally" in module.text:
        for attempt in module.of(ast.Try, ast.TryStar):
            if (leaving := _leaves(attempt.finalbody)) is not None:
                yield _record(module, leaving, bodies.source(leaving) + " in a finally")
    if "exit__" in module.text:
        for method in module.of(ast.FunctionDef, ast.AsyncFunctionDef):
            if method.name in {"__exit__", "__aexit__"} and (answer := _always_true(module, method)) is not None:
                yield _record(module, answer, f"{method.name} that answers True")
    if "return_exceptions" in module.text:
        yield from _gathered(module)
    for call in module.of(ast.Call):
        yield from _quiet(module, call)
    if "funcy" in module.text or "toolz" in module.text:
        for name in module.of(ast.Name, ast.Attribute):
            if isinstance(name.ctx, ast.Load) and (silencer := module.resolve(name)) in _SILENCERS:
                yield _record(module, name, silencer)
    for function in module.of(ast.FunctionDef, ast.AsyncFunctionDef):
        for decorator in function.decorator_list:
            made = decorator.func if isinstance(decorator, ast.Call) else decorator
            if _silences(words(dotted(module, made).rpartition(".")[2])):
                yield _record(module, decorator, f"@{bodies.source(decorator)}")
    if ".exception()" in module.text:
        for branch in module.of(ast.If):
            asked = branch.test
            of_result = isinstance(asked, ast.Call) and not asked.args and conditions.is_error(asked)
            if of_result and not branch.orelse and _goes_on(module, branch.body):
                yield _record(module, asked, f"{bodies.source(asked)} that is passed over")
    if "excepthook" in module.text:
        for assign in module.of(ast.Assign):
            if any(dotted(module, t) in _HOOKS for t in assign.targets) and _is_hollow(module, assign.value):
                yield _record(module, assign, "a hook for uncaught errors that does nothing")


def _silences(own: tuple[str, ...]) -> bool:
    """Whether a decorator is called one that takes errors away: `suppress_errors`, `fallback`, `swallow`."""
    errors = not {"error", "errors", "exception", "exceptions", "failure", "failures"}.isdisjoint(own)
    taking = own == ("fallback",) or (own[:1] == ("fallback",) and own[1] in {"to", "on", "with", "value"})
    return (
        taking
        or own[:1] in {("swallow",), ("failsafe",)}
        or (errors and own[0] in {"suppress", "swallow", "ignore", "silence", "hide", "mute"})
    )


def _record(module: ParsedModule, node: ast.AST, shown: str, catches: tuple[str, ...] = ()) -> Handler:
    function = bodies.enclosing(module, node)
    return Handler(
        where=module.at(node),
        catches=catches,
        breadth="everything",
        ends="discards",
        shown=shown,
        function=bodies.qualname(module, function) if function else "",
    )


def _leaves(statements: list[ast.stmt]) -> ast.stmt | None:
    """The `return`, `break` or `continue` by which a block is left for what is around it."""
    stack: list[tuple[ast.AST, bool]] = [(statement, False) for statement in reversed(statements)]
    while stack:
        node, looped = stack.pop()
        if isinstance(node, ast.Return) or (isinstance(node, ast.Break | ast.Continue) and not looped):
            return node
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.expr):
            continue
        looped |= isinstance(node, ast.For | ast.AsyncFor | ast.While)
        stack += [(child, looped) for child in ast.iter_child_nodes(node)]
    return None


def _always_true(module: ParsedModule, method: Functions) -> ast.Return | None:
    """The `return True` that every exception meets; None where one may pass, or is looked at or kept."""
    a = method.args
    given = {p.arg for p in [*a.posonlyargs, *a.args][1:]} | {p.arg for p in (a.vararg,) if p}
    last = method.body[-1]
    if not (isinstance(last, ast.Return) and isinstance(last.value, ast.Constant) and last.value.value is True):
        return None
    for statement in method.body:
        for node in bodies.within(statement):
            if isinstance(node, ast.Raise) or (isinstance(node, ast.Return) and node is not last):
                return None
            loaded = isinstance(node, ast.Name) and node.id in given and isinstance(node.ctx, ast.Load)
            if loaded and not _is_logged(module, node):
                return None
    return last


def _is_logged(module: ParsedModule, node: ast.AST) -> bool:
    """Whether a name only goes into a log line, or decides whether there is one."""
    current: ast.AST | None = node
    while current is not None and not isinstance(current, ast.stmt):
        if isinstance(current, ast.Call) and bodies.is_log(module, current):
            return True
        current = module.parents.get(current)
    return (
        isinstance(current, ast.If)
        and not current.orelse
        and all(isinstance(s, ast.Expr) and bodies.is_inert(module, s.value) for s in current.body)
    )


# -- gather ----------------------------------------------------------------------------------------------------------


def _gathered(module: ParsedModule) -> Iterator[Handler]:
    """`gather(…, return_exceptions=True)` whose results nobody looks at, or only to leave the errors out."""
    loads = bodies.loads(module)
    for call in module.of(ast.Call):
        told = any(
            k.arg == "return_exceptions" and isinstance(k.value, ast.Constant) and k.value.value is True
            for k in call.keywords
        )
        name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
        if not told or name != "gather" or _is_late(module, call):
            continue
        whole: ast.AST = call
        while isinstance(parent := module.parents.get(whole), ast.Await):
            whole = parent
        if isinstance(parent, ast.Expr):
            yield _record(module, call, "gather whose results nobody looks at")
        elif isinstance(parent, ast.Assign) and len(parent.targets) == 1 and isinstance(parent.targets[0], ast.Name):
            uses = _uses(module, parent.targets[0], loads)
            if not uses or all(_is_sifted(module, use) for use in uses):
                lost = module.parents.get(uses[0], call) if uses else call
                lost = module.parents.get(lost, lost) if isinstance(lost, ast.comprehension) else lost
                yield _record(module, lost, f"gather whose errors {'are left out' if uses else 'nobody looks at'}")
        elif isinstance(parent, ast.comprehension) and _sifts(module, parent):
            yield _record(module, call, "gather whose errors are left out")


def _is_late(module: ParsedModule, call: ast.Call) -> bool:
    """Whether tasks are awaited that were cancelled before, or in a clean-up."""
    function = bodies.enclosing(module, call)
    if function is None:
        return False
    if "cleanup" in around.contexts(module, call, [], logged=False):
        return True
    current: ast.AST | None = call
    while current is not None and current is not function:
        if isinstance(current, ast.ExceptHandler):
            return True  # what is cancelled because of an error, which is handled here
        current = module.parents.get(current)
    return any(
        isinstance(node, ast.Attribute) and node.attr in {"cancel", "aclose", "close", "shutdown", "disconnect", "stop"}
        for node in ast.walk(function)
    )


def _uses(module: ParsedModule, name: ast.Name, loads: Loads) -> list[ast.Name]:
    function = bodies.enclosing(module, name)
    if function is None or name.id.strip("_") == "":
        return []
    last = function.end_lineno or function.lineno
    return [use for use in loads.get(name.id, ()) if name.lineno < use.lineno <= last]


def _is_sifted(module: ParsedModule, use: ast.Name) -> bool:
    parent = module.parents.get(use)
    if isinstance(parent, ast.For) and parent.iter is use:
        return any(_passes_over(module, statement) for statement in parent.body)
    return isinstance(parent, ast.comprehension) and parent.iter is use and _sifts(module, parent)


def _sifts(module: ParsedModule, loop: ast.comprehension) -> bool:
    """`… for r in results if not isinstance(r, Exception)`."""
    return any(
        isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not) and _is_exception(module, test.operand)
        for test in loop.ifs
    )


def _is_exception(module: ParsedModule, test: ast.expr) -> bool:
    """`isinstance(result, Exception)`."""
    if not (isinstance(test, ast.Call) and dotted(module, test.func) == "isinstance" and len(test.args) == 2):
        return False
    kinds = test.args[1].elts if isinstance(test.args[1], ast.Tuple) else [test.args[1]]
    return any(dotted(module, kind) in failures.EVERYTHING for kind in kinds)


def _passes_over(module: ParsedModule, statement: ast.stmt) -> bool:
    """`if isinstance(result, Exception): continue`, also after a log line."""
    return isinstance(statement, ast.If) and _is_exception(module, statement.test) and _goes_on(module, statement.body)


def _goes_on(module: ParsedModule, block: list[ast.stmt]) -> bool:
    """Whether a block does nothing but say so in a log, and go on."""
    *before, last = block
    idle = all(isinstance(s, ast.Expr) and bodies.is_inert(module, s.value) for s in before)
    return idle and isinstance(last, ast.Continue | ast.Pass)


# -- calls that keep their failure to themselves ---------------------------------------------------------------------


def _quiet(module: ParsedModule, call: ast.Call) -> Iterator[Handler]:
    for keyword in call.keywords:
        value = keyword.value
        if keyword.arg in _QUIET and isinstance(value, ast.Constant) and value.value is _QUIET[keyword.arg]:
            if keyword.arg == "fail_silently" and _SENDING.isdisjoint(words(dotted(module, call.func))):
                continue  # looking for a file that may be absent, say
            if isinstance(_statement(module, call), ast.Expr) or keyword.arg == "raise_on_giveup":
                yield _record(module, keyword, f"{keyword.arg}={value.value}")
        elif (keyword.arg in _TAKING_OVER and not _is_none(value)) or (
            keyword.arg in _MAKERS and _is_hollow(module, value)
        ):
            yield _record(module, keyword, f"{keyword.arg}={bodies.source(value)}")
    function = call.func
    if isinstance(function, ast.Attribute) and call.args:
        if function.attr == "set_exception_handler" and _is_hollow(module, call.args[0]):
            yield _record(module, call, "a handler of uncaught errors that does nothing")
        elif function.attr == "addErrback" and _is_hollow(module, call.args[0]):
            yield _record(module, call, "an errback that does nothing")
        elif function.attr == "add_done_callback" and _only_asks(call.args[0]):
            yield _record(module, call, "a callback that takes the exception and drops it")
        elif function.attr == "fillna" and _coerces(module, function.value) and bodies.value_of(module, call.args[0]):
            yield _record(module, call, f"fillna({bodies.source(call.args[0])}) of what could not be converted")
        elif (
            function.attr in _DEFAULTING
            and bodies.value_of(module, call.args[0])
            and conditions.is_reply(module, function.value)
        ):
            yield _record(module, call, f"{function.attr}({bodies.source(call.args[0])})")
        elif function.attr in {"enter_context", "enter_async_context"}:
            inner = call.args[0]
            if isinstance(inner, ast.Call) and dotted(module, inner.func) == "contextlib.suppress":
                names = tuple(dotted(module, a) or "?" for a in inner.args)
                if failures.breadth(module, names, [], defaulting=False) is not None:
                    yield _record(module, inner, "suppress to the end of the block", names)


def _coerces(module: ParsedModule, value: ast.expr) -> bool:
    """`to_numeric(column, errors="coerce")`: what is no number is missing from then on."""
    return isinstance(value, ast.Call) and any(
        k.arg == "errors" and module.string(k.value) == "coerce" for k in value.keywords
    )


def _is_none(value: ast.expr) -> bool:
    return isinstance(value, ast.Constant) and value.value is None


def _only_asks(value: ast.expr) -> bool:
    """`lambda task: task.exception()`: the error counts as looked at, and nobody has."""
    asked = value.body if isinstance(value, ast.Lambda) else None
    return isinstance(asked, ast.Call) and isinstance(asked.func, ast.Attribute) and asked.func.attr == "exception"


def _statement(module: ParsedModule, node: ast.AST) -> ast.AST | None:
    """The statement whose whole value an expression is, awaited or not."""
    parent = module.parents.get(node)
    while isinstance(parent, ast.Await):
        parent = module.parents.get(parent)
    return parent


def _is_hollow(module: ParsedModule, value: ast.expr) -> bool:
    """Whether a function does nothing, or answers with a literal."""
    if isinstance(value, ast.Lambda):
        return bool(bodies.value_of(module, value.body))
    for definition in module.definitions(value):
        if isinstance(definition, ast.FunctionDef | ast.AsyncFunctionDef) and words(definition.name)[:1] != ("raise",):
            return all(_is_nothing(module, statement) for statement in definition.body)
    return False


def _is_nothing(module: ParsedModule, statement: ast.stmt) -> bool:
    if isinstance(statement, ast.Return):
        return bool(bodies.value_of(module, statement.value))
    return isinstance(statement, ast.Pass) or (
        isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    )
