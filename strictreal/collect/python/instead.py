"""What a handler does in place of a service: the job itself, a search, a computation, an answer kept from before."""

from __future__ import annotations

import ast
import sys

from strictreal.collect.python import bodies, reach
from strictreal.collect.python.endings import Ended
from strictreal.collect.python.module import ParsedModule
from strictreal.facts.behaviour import words

_RUNNING = frozenset({"run", "execute", "start", "apply", "process", "perform", "work", "do", "handle", "call"})
"""Methods by which a job is done where it stands."""
_HANDING = frozenset({"delay", "apply_async", "send_with_options", "enqueue", "kiq", "defer", "defer_async"})
"""Methods by which a job is handed over to the workers."""
_HERE = frozenset({"locally", "local", "fallback", "offline", "inline"})
"""Words of functions that do here what another process was to do."""


def done_here(module: ParsedModule, attempt: ast.Try | ast.TryStar, body: list[ast.stmt]) -> ast.Call | None:
    """The call by which a handler does itself what it was to hand over: `queue.enqueue(job)`, and then `job.run()`."""
    calls = [n for s in attempt.body for n in bodies.within(s) if isinstance(n, ast.Call)]
    methods = [(n.func, n.args) for n in calls if isinstance(n.func, ast.Attribute)]
    handed_over = {a.id for _, args in methods for a in args if isinstance(a, ast.Name)}
    handed_over |= {f.value.id for f, _ in methods if f.attr in _HANDING and isinstance(f.value, ast.Name)}
    for statement in body:
        value = statement.value if isinstance(statement, ast.Expr) else None
        call = value.value if isinstance(value, ast.Await) else value
        if not isinstance(call, ast.Call):
            continue
        runs = call.func.value if isinstance(call.func, ast.Attribute) and call.func.attr in _RUNNING else call.func
        name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
        here = isinstance(runs, ast.Name) and runs.id in handed_over
        if (here or not _HERE.isdisjoint(words(name))) and not bodies.is_log(module, call):
            return call
    return None


def computes(module: ParsedModule, ended: Ended) -> bool:
    """Whether a result is computed in this process in place of the one that a service would have given."""
    value = ended.node.value if isinstance(ended.node, ast.Return | ast.Assign) else None
    calls = [n for n in bodies.within(value) if isinstance(n, ast.Call)] if value is not None else []
    held = isinstance(value, ast.Name | ast.Attribute) or value is None or ended.ends != "substitutes"
    return not held and all(reach.computes(module, call, set()) for call in calls)


def remembers(module: ParsedModule, ended: Ended) -> bool:
    """Whether the answer is one that this process has kept from before: `_last_good.get(url)`, `self._seen[key]`."""
    value = ended.node.value if isinstance(ended.node, ast.Return | ast.Assign) else None
    holder = value.value if isinstance(value, ast.Subscript) else None
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute) and value.func.attr == "get":
        holder = value.func.value
    given: list[ast.expr | None] = []
    if isinstance(holder, ast.Name) and isinstance(module.names.binding_scope(holder), ast.Module):
        given = [b.value for b in module.names.reaching(holder)]
    elif isinstance(holder, ast.Attribute) and getattr(holder.value, "id", "") == "self":
        given = [*module.given.get(holder.attr, [])]
    return any(isinstance(g, ast.Dict) and not g.keys for g in given)


def imports(body: list[ast.stmt]) -> bool:
    """Whether statements import a module that does not come with Python, and then work with it."""
    found = {
        (alias.name if isinstance(s, ast.Import) else s.module or "").partition(".")[0]
        for s in body
        if isinstance(s, ast.Import | ast.ImportFrom)
        for alias in s.names
    }
    return bool(found - {""}) and found.isdisjoint(sys.stdlib_module_names) and len(body) > 1


def searches(module: ParsedModule, attempt: ast.Try | ast.TryStar, body: list[ast.stmt]) -> bool:
    """Whether a handler looks itself for what the service was asked for: `[p for p in page if text in p.title]`."""
    function = bodies.enclosing(module, attempt)
    if function is None:
        return False
    asked = {a.arg for a in (*function.args.args, *function.args.kwonlyargs)} - {"self", "cls"}
    sifts = (n for s in body for node in ast.walk(s) if isinstance(node, ast.comprehension) for n in node.ifs)
    return any(isinstance(n, ast.Name) and n.id in asked for test in sifts for n in ast.walk(test))
