"""What surrounds a silent handler: a release of resources, a retry, a loop that outlives its items."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from strictreal.collect.python import bodies, heard
from strictreal.collect.python.module import ParsedModule
from strictreal.facts.behaviour import Context, vocabulary, words

_CLEANING = vocabulary(
    """
    close aclose shutdown shut stop cleanup clean teardown dispose terminate kill release disconnect destroy finalize
    rollback del exit aexit cancel unsubscribe deregister unregister clear
    """
)
_RELEASING = vocabulary(
    """
    close aclose unlink remove rmdir rmtree rollback shutdown stop terminate kill disconnect cancel join flush
    release unlock quit destroy deregister unregister unsubscribe detach cleanup wait_closed wait killpg exists
    is_file is_dir closed getpid
    """
)

_TELLING = vocabulary(
    "notify notifier notification notifications mailer email emails slack sms pager pagerduty webhook"
)
"""Words of those by whom people are told, and of telling them."""
_ACKNOWLEDGING = frozenset(
    {"commit", "ack", "acknowledge", "basic_ack", "delete_message", "complete_message", "store_offsets"}
)
_MESSAGES = vocabulary(
    "message messages msg msgs record records delivery event consumer channel ch subscription subscriber queue sqs"
)
"""Words of messages, and of those who deliver them."""
MAX_AFTER = 5
"""How many statements after a `try` are looked at for the report that a message is done."""


def contexts(module: ParsedModule, attempt: ast.AST, body: list[ast.stmt], *, logged: bool) -> Iterator[Context]:
    """What surrounds a silent handler that may make silence right."""
    function = bodies.enclosing(module, attempt)
    cleaning = function is not None and _cleans(function.name, body)
    if cleaning or _releases(body) or _is_late(module, attempt):
        yield "cleanup"
    loop = _loop(module, attempt)
    if loop is not None:
        if _retries(module, loop, body):
            yield "retried"
        elif logged and isinstance(loop, ast.While) and _endless(loop):
            yield "boundary"


def _cleans(name: str, body: list[ast.stmt]) -> bool:
    """Whether a function cleans up by what it is called; `is_clean` asks, and who closes an order tells somebody."""
    own = words(name)
    if _CLEANING.isdisjoint(own) or own[0] in {"is", "has"}:
        return False
    calls = [node.func for statement in body for node in bodies.within(statement) if isinstance(node, ast.Call)]
    named = [f.attr if isinstance(f, ast.Attribute) else getattr(f, "id", "") for f in calls]
    held = [f.value for f in calls if isinstance(f, ast.Attribute)]
    named += [h.attr if isinstance(h, ast.Attribute) else getattr(h, "id", "") for h in held]
    return len(own) < 2 or all(_TELLING.isdisjoint(words(each)) for each in named)


def acknowledges(module: ParsedModule, attempt: ast.stmt) -> bool:
    """Whether a message is reported as done right after a `try` that may have failed on it."""
    for statement in following(module, attempt)[:MAX_AFTER]:
        for node in bodies.within(statement):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _ACKNOWLEDGING:
                named = [node.func.value, *node.args]
                held = (n.attr if isinstance(n, ast.Attribute) else getattr(n, "id", "") for n in named)
                if any(not _MESSAGES.isdisjoint(words(name)[-1:]) for name in held):
                    return True
    return False


def _releases(body: list[ast.stmt]) -> bool:
    calls = [node for statement in body for node in bodies.within(statement) if isinstance(node, ast.Call)]
    named = [c.func.attr if isinstance(c.func, ast.Attribute) else getattr(c.func, "id", "") for c in calls]
    return bool(named) and named[0] != "" and all(n in _RELEASING for n in named)


def _is_late(module: ParsedModule, node: ast.AST) -> bool:
    """Whether a statement runs in a `finally`, or in a generator after what it yielded is done with."""
    child, parent = node, module.parents.get(node)
    while parent is not None and not isinstance(parent, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
        if isinstance(parent, ast.Try | ast.TryStar) and child in parent.finalbody:
            return True
        child, parent = parent, module.parents.get(parent)
    if not isinstance(parent, ast.FunctionDef | ast.AsyncFunctionDef) or not isinstance(child, ast.stmt):
        return False
    yielding = (module.parents.get(each) for each in module.of(ast.Yield) if each.lineno < child.lineno)
    return any(isinstance(s, ast.Expr) and module.parents.get(s) is parent for s in yielding)


def _loop(module: ParsedModule, node: ast.AST) -> ast.For | ast.AsyncFor | ast.While | None:
    current = module.parents.get(node)
    while current is not None and not isinstance(current, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
        if isinstance(current, ast.For | ast.AsyncFor | ast.While):
            return current
        current = module.parents.get(current)
    return None


def _endless(loop: ast.While) -> bool:
    test = loop.test
    if isinstance(test, ast.Constant):
        return bool(test.value)
    named = " ".join(n.attr if isinstance(n, ast.Attribute) else getattr(n, "id", "") for n in ast.walk(test))
    return not {
        "run",
        "running",
        "stop",
        "stopped",
        "alive",
        "active",
        "shutdown",
        "closed",
        "closing",
        "set",
        "done",
    }.isdisjoint(words(named))


def _retries(module: ParsedModule, loop: ast.For | ast.AsyncFor | ast.While, body: list[ast.stmt]) -> bool:
    """Whether the loop tries the same again, and what follows it does not pass over a failure."""
    last_line = loop.end_lineno or loop.lineno
    if not any(loop.lineno < node.lineno <= last_line for node in module.of(ast.Return, ast.Break)):
        return False  # without a walk through the loop for each of its handlers
    leaves = any(
        isinstance(node, ast.Return | ast.Break) for statement in loop.body for node in bodies.within(statement)
    )
    if not leaves:
        return False
    if isinstance(loop, ast.While) and isinstance(loop.test, ast.Constant) and loop.test.value:
        return True
    after = [*loop.orelse, *following(module, loop)]
    for statement in after:
        for node in bodies.within(statement):
            if isinstance(node, ast.Raise | ast.Assert):
                return True
            if isinstance(node, ast.Call) and heard.is_loud(module, [node]):
                return True
    last = after[-1] if after else None
    if not isinstance(last, ast.Return):
        return False
    if isinstance(last.value, ast.Name):
        return not _is_default(module, last.value, loop)
    return isinstance(last.value, ast.Constant) and last.value.value is False


def _is_default(module: ParsedModule, result: ast.Name, loop: ast.stmt) -> bool:
    """Whether a result keeps, where every round fails, the literal that it was given before the loop."""
    last = loop.end_lineno or loop.lineno
    bound = module.names.reaching(result)
    if not any(loop.lineno <= getattr(b.node, "lineno", 0) <= last for b in bound):
        return True  # a constant, a parameter: no result of any round
    orelse = {id(n) for s in getattr(loop, "orelse", ()) for n in bodies.within(s)}
    given = [b for b in bound if b.value is not None]
    before = [b for b in given if getattr(b.node, "lineno", 0) < loop.lineno or id(b.node) in orelse]
    return any(
        len(given) > 1 and bodies.value_of(module, b.value) in {"none", "trivial", "record", "text"} for b in before
    )


def following(module: ParsedModule, statement: ast.stmt) -> list[ast.stmt]:
    """The statements that come after one in the same block."""
    parent = module.parents.get(statement)
    for name in ("body", "orelse", "finalbody"):
        block = getattr(parent, name, None)
        if isinstance(block, list) and statement in block:
            return block[block.index(statement) + 1 :]
    return []
