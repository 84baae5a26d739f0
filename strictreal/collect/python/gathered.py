"""Results of tasks that may be errors: nobody looks at them, or they are left out, or replaced by a default.

`gather(…, return_exceptions=True)`, futures that are asked for their exception, a time limit that ends a block in silence.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from strictreal.collect.python import around, bodies, conditions, failures, heard
from strictreal.collect.python.bodies import Loads, dotted
from strictreal.collect.python.module import ParsedModule

_LIMITS = frozenset({"anyio.move_on_after", "trio.move_on_after", "anyio.move_on_at", "trio.move_on_at"})
_ADDING = frozenset({"append", "add", "extend", "update"})
Lost = Iterator[tuple[ast.AST, str]]


def lost(module: ParsedModule) -> Lost:
    """Each place where errors of tasks are lost, with how a message calls it."""
    if "gather" in module.text:
        yield from _gathered(module)
    if ".exception()" in module.text:
        yield from _futures(module)
    if "asyncio.wait(" in module.text:
        yield from _left_pending(module)
    if "move_on_a" in module.text:
        yield from _limited(module)


def _gathered(module: ParsedModule) -> Lost:
    """`gather(…, return_exceptions=True)` whose results nobody looks at, or only to leave the errors out."""
    loads = bodies.loads(module)
    for call in module.of(ast.Call):
        name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
        if name != "gather":
            continue
        if any(k.arg == "errors" and module.string(k.value) == "skip" for k in call.keywords):
            yield call, "gather whose errors are left out"
        told = any(
            k.arg == "return_exceptions" and isinstance(k.value, ast.Constant) and k.value.value is True
            for k in call.keywords
        )
        if told and not _is_late(module, call):
            yield from _of_gather(module, call, loads)


def _left_pending(module: ParsedModule) -> Lost:
    """`done, pending = await asyncio.wait(tasks, timeout=3)`, where nobody asks for what was not done in time."""
    loads = bodies.loads(module)
    for call in module.of(ast.Call):
        if dotted(module, call.func) != "asyncio.wait" or not any(k.arg == "timeout" for k in call.keywords):
            continue
        awaited = module.parents.get(call)
        assign = module.parents.get(awaited) if isinstance(awaited, ast.Await) else None
        target = assign.targets[0] if isinstance(assign, ast.Assign) else None
        if not isinstance(target, ast.Tuple) or len(target.elts) != 2:
            continue
        done, pending = target.elts
        if not isinstance(done, ast.Name) or not isinstance(pending, ast.Name) or not _uses(module, done, loads):
            continue
        if all(_is_cancelled(module, use) for use in _uses(module, pending, loads)):
            yield call, "wait, whose unfinished tasks are left out"


def _is_cancelled(module: ParsedModule, use: ast.Name) -> bool:
    """Whether tasks are only cancelled: `for task in pending: task.cancel()`."""
    loop = module.parents.get(use)
    if not isinstance(loop, ast.For) or loop.iter is not use:
        return False
    calls = [s.value for s in loop.body if isinstance(s, ast.Expr) and isinstance(s.value, ast.Call)]
    return len(calls) == len(loop.body) and all(getattr(c.func, "attr", "") == "cancel" for c in calls)


def _of_gather(module: ParsedModule, call: ast.Call, loads: Loads) -> Lost:
    whole: ast.AST = call
    while isinstance(parent := module.parents.get(whole), ast.Await):
        whole = parent
    if isinstance(parent, ast.Expr):
        yield call, "gather whose results nobody looks at"
    elif isinstance(parent, ast.Assign) and len(parent.targets) == 1:
        yield from _of_target(module, call, parent.targets[0], loads)
    elif isinstance(parent, ast.comprehension):
        if _sifts(module, parent):
            yield call, "gather whose errors are left out"
    elif isinstance(parent, ast.For) and parent.iter is whole and any(_passes_over(module, s) for s in parent.body):
        yield call, "gather whose errors are left out"


def _of_target(module: ParsedModule, call: ast.Call, target: ast.expr, loads: Loads) -> Lost:
    """What becomes of results that are given a name, or each a name of its own."""
    if isinstance(target, ast.Name):
        uses = _uses(module, target, loads)
        if not uses:
            yield call, "gather whose errors nobody looks at"
        elif all(_is_sifted(module, use) for use in uses):
            at = module.parents.get(uses[0], call)
            whole = module.parents.get(at, at) if isinstance(at, ast.comprehension) else at
            yield whole, "gather whose errors are left out"
    for part in target.elts if isinstance(target, ast.Tuple) else ():
        uses = _uses(module, part, loads) if isinstance(part, ast.Name) else []
        if (replaced := next((use for use in uses if _is_replaced(module, use)), None)) is not None:
            yield replaced, "gather whose errors a default replaces"


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
    """`… for r in results if not isinstance(r, Exception)`, or with a default in place of an error."""
    named = loop.target.id if isinstance(loop.target, ast.Name) else ""
    if any(_is_good(module, test, named) for test in loop.ifs):
        return True
    whole = module.parents.get(loop)
    element = getattr(whole, "elt", None)
    return isinstance(element, ast.IfExp) and _defaults(module, element)


def _is_good(module: ParsedModule, test: ast.expr, named: str) -> bool:
    """Whether a condition lets results through that are no errors: `isinstance(r, dict)`, `not isinstance(r, Exception)`."""
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        return _is_exception(module, test.operand)
    if not (isinstance(test, ast.Call) and dotted(module, test.func) == "isinstance" and len(test.args) == 2):
        return False
    kinds = failures.kinds(module, test.args[1:])
    plain = not any(kind.endswith(("Exception", "Error", "?")) for kind in kinds)
    return plain and named != "" and getattr(test.args[0], "id", "") == named


def _is_exception(module: ParsedModule, test: ast.expr) -> bool:
    """`isinstance(result, Exception)`."""
    if not (isinstance(test, ast.Call) and dotted(module, test.func) == "isinstance" and len(test.args) == 2):
        return False
    return not failures.EVERYTHING.isdisjoint(failures.kinds(module, test.args[1:]))


def _defaults(module: ParsedModule, chosen: ast.IfExp) -> bool:
    """`[] if isinstance(r, Exception) else r`, and the other way round."""
    asked, when = conditions.subject(chosen.test, when=True)
    given = chosen.body if when else chosen.orelse
    return (
        _is_exception(module, asked)
        and bool(bodies.value_of(module, given))
        and not heard.tells(module, [ast.Expr(given)])
    )


def _is_replaced(module: ParsedModule, use: ast.Name) -> bool:
    """Whether a result that may be an error is replaced by a default: `a = [] if isinstance(a, Exception) else a`."""
    test = module.parents.get(use)
    holder = module.parents.get(test) if isinstance(test, ast.Call) else None
    if isinstance(holder, ast.UnaryOp):
        holder = module.parents.get(holder)
    if isinstance(holder, ast.IfExp):
        return _defaults(module, holder)
    return isinstance(holder, ast.If) and _is_exception(module, holder.test) and _settles(module, holder)


def _settles(module: ParsedModule, branch: ast.If) -> bool:
    """Whether a branch for an error only gives a default: `r = {}`, `rows.append(None)`, also after a log line."""
    *before, last = branch.body
    if not all(isinstance(s, ast.Expr) and bodies.is_inert(module, s.value) for s in before):
        return False
    given: ast.expr | None = None
    if isinstance(last, ast.Assign):
        given = last.value
    elif isinstance(last, ast.Expr) and isinstance(last.value, ast.Call):
        call = last.value
        adds = isinstance(call.func, ast.Attribute) and call.func.attr in {"append", "add"} and len(call.args) == 1
        given = call.args[0] if adds else None
    return given is not None and bool(bodies.value_of(module, given)) and not heard.tells(module, [last])


def _passes_over(module: ParsedModule, statement: ast.stmt) -> bool:
    """`if isinstance(result, Exception): continue`, also after a log line; a default, or results alone that are good."""
    if not isinstance(statement, ast.If):
        return False
    asked, when = conditions.subject(statement.test, when=True)
    if not _is_exception(module, asked):
        return False
    if not when:
        return not statement.orelse or all(_is_silent(module, s) for s in statement.orelse)
    return goes_on(module, statement.body) or _settles(module, statement)


def _is_silent(module: ParsedModule, statement: ast.stmt) -> bool:
    inert = isinstance(statement, ast.Expr) and bodies.is_inert(module, statement.value)
    return isinstance(statement, ast.Pass | ast.Continue) or inert


def goes_on(module: ParsedModule, block: list[ast.stmt]) -> bool:
    """Whether a block does nothing but say so in a log, and go on."""
    *before, last = block
    idle = all(isinstance(s, ast.Expr) and bodies.is_inert(module, s.value) for s in before)
    return idle and isinstance(last, ast.Continue | ast.Pass)


# -- futures, and blocks that a time limit ends --------------------------------------------------------------------------


def _futures(module: ParsedModule) -> Lost:
    """`if future.exception(): continue`, and results of those futures alone that have none."""
    for branch in module.of(ast.If):
        asked, when = conditions.subject(branch.test, when=True)
        if not _of_future(asked):
            continue
        if branch.orelse:
            failed, good = (branch.body, branch.orelse) if when else (branch.orelse, branch.body)
            if all(_is_silent(module, s) for s in failed) and _takes_result(good):
                yield branch.test, f"{bodies.source(asked)} that is passed over"
        elif (when and goes_on(module, branch.body)) or (not when and _takes_result(branch.body)):
            yield branch.test, f"{bodies.source(asked)} that is passed over"
    for loop in module.of(ast.comprehension):
        for test in loop.ifs:
            parts = test.values if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And) else [test]
            if any(_of_future(asked) and not when for asked, when in (conditions.subject(p, when=True) for p in parts)):
                yield test, f"{bodies.source(test)} leaves out what failed"


def _of_future(asked: ast.expr) -> bool:
    called = asked.func if isinstance(asked, ast.Call) and not asked.args else None
    return isinstance(called, ast.Attribute) and called.attr == "exception" and conditions.is_error(asked)


def _takes_result(block: list[ast.stmt]) -> bool:
    return any(
        isinstance(n, ast.Call) and isinstance(n.func, ast.Attribute) and n.func.attr == "result" and not n.args
        for statement in block
        for n in bodies.within(statement)
    )


def _limited(module: ParsedModule) -> Lost:
    """`with move_on_after(2):` around work whose result has a default, where nobody asks whether the time was up."""
    for block in module.of(ast.With):
        for item in block.items:
            call = item.context_expr
            if not isinstance(call, ast.Call) or dotted(module, call.func) not in _LIMITS:
                continue
            named = item.optional_vars.id if isinstance(item.optional_vars, ast.Name) else ""
            function = bodies.enclosing(module, block)
            inside = list(ast.walk(function)) if function is not None else []
            asked = any(
                isinstance(n, ast.Attribute) and getattr(n.value, "id", "") == named and n.attr.startswith("cancel")
                for n in inside
            )
            cleans = "cleanup" in around.contexts(module, block, block.body, logged=False)
            waits = any(_waits_for_result(module, statement) for statement in block.body)
            if waits and not cleans and not (named and asked):
                yield call, f"{bodies.source(call)}: whether the time was up is not asked"


def _waits_for_result(module: ParsedModule, statement: ast.stmt) -> bool:
    value = statement.value if isinstance(statement, ast.Return | ast.Assign | ast.Expr) else None
    if isinstance(statement, ast.Expr):  # `devices.append(await ask(address))`
        adds = isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute) and value.func.attr in _ADDING
        value = value.args[0] if adds and isinstance(value, ast.Call) and len(value.args) == 1 else None
    return isinstance(value, ast.Await) and not bodies.is_inert(module, value)
