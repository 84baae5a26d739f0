"""Substitutes that are chosen by a condition: something local where a service, module or program is not there.

`client or LocalCache()`, `Redis(url) if url else dict()`, `if not ping(): return InMemoryStore()`, a default where a
response was no good. A parameter that may be left out, and a setting that names what to use, are choices of the caller.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

from strictreal.collect.python import absent as modules
from strictreal.collect.python import around, bodies, conditions, heard, kept, overruled, reading, statuses, takeovers
from strictreal.collect.python.conditions import Absent
from strictreal.collect.python.module import ParsedModule
from strictreal.facts.behaviour import Substitute, words

MAX_BETWEEN = 3
"""How many statements may stand between a stand-in and the condition under which it is replaced."""


class _Choice(NamedTuple):
    """A condition, and what is taken where something is not there."""

    test: ast.expr
    when: bool
    """The value of the condition for which `taken` is taken."""
    taken: ast.expr
    other: ast.expr | None
    """What is taken otherwise, where one expression says it."""
    absent: Absent | None = None
    """What is not there, where the form tells and the condition does not."""
    empty: bool = False
    """What is taken is a literal, and otherwise what is missing is called."""
    keeps: bool = False
    """What is taken keeps something in this process."""
    defines: bool = False
    """What is taken is the name of a function or class that is defined for it."""
    at: ast.AST | None = None
    """Where the choice is made, if not where `taken` stands: the condition of a branch."""


def facts(module: ParsedModule) -> Iterator[Substitute]:
    """Every substitute of a module that a condition chooses, one for each thing that is taken."""
    seen: set[ast.expr] = set()
    for choice in _choices(module):
        kind = choice.absent or conditions.absent(module, choice.test, when=choice.when)
        if kind is None and choice.empty and _computed(module, choice):
            kind = "client"
        if kind is None or choice.taken in seen:
            continue
        if choice.empty:
            if kind not in {"client", "reach"} or not (
                takeovers.is_answer(module, choice.taken)
                or _claims_success(module, choice.taken)
                or _computed(module, choice)
            ):
                continue
            spoken = isinstance(choice.taken, ast.JoinedStr) or getattr(choice.taken, "value", None)
            if (
                isinstance(choice.taken, ast.Constant | ast.JoinedStr)
                and spoken
                and not _returned(module, choice.taken)
            ):
                continue  # a message
        elif choice.defines:
            if kind != "program":
                continue
        elif choice.keeps:
            if kind not in {"client", "reach", "answer"}:
                continue
        elif kind == "address" and _is_canned(module, choice):
            pass
        elif not takeovers.stands_in(module, choice.taken, choice.other, kind, choice.test):
            continue
        seen.add(choice.taken)
        function = bodies.enclosing(module, choice.test)
        yield Substitute(
            where=module.at(choice.at or choice.taken),
            absent=kind,
            instead=bodies.source(choice.test),
            shown=bodies.source(choice.taken),
            value=bodies.value_of(module, choice.taken),
            function=bodies.qualname(module, function) if function else "",
        )
    yield from overruled.facts(module)


def _choices(module: ParsedModule) -> Iterator[_Choice]:
    for either in module.of(ast.BoolOp):
        if isinstance(either.op, ast.Or):
            test, taken = either.values[-2:]
            real: ast.expr | None = test
            if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And):  # `url and Store(url) or Local()`
                both = test.values
                test, real = both[0], both[-1]
            if not (isinstance(taken, ast.List | ast.Dict) and not takeovers.holds_something(taken)):  # `rows or []`
                yield _Choice(test, when=False, taken=taken, other=real)
    for chosen in module.of(ast.IfExp):
        yield _Choice(chosen.test, when=True, taken=chosen.body, other=chosen.orelse)
        yield _Choice(chosen.test, when=False, taken=chosen.orelse, other=chosen.body)
        if bodies.value_of(module, chosen.orelse) and conditions.uses(module, chosen.test, [ast.Expr(chosen.body)]):
            yield _Choice(chosen.test, when=False, taken=chosen.orelse, other=None, empty=True)
    for branch in module.of(ast.If):
        yield from _of_branch(module, branch)
    for match in module.of(ast.Match):
        yield from _of_match(module, match)
    for picked in module.of(ast.Subscript):
        yield from _of_pair(picked)
    for call in module.of(ast.Call):
        yield from _of_lookup(call)


def _of_branch(module: ParsedModule, branch: ast.If) -> Iterator[_Choice]:
    after = branch.orelse or modules.rest(module, branch)
    first, second = _given(module, branch.body), _given(module, after)
    if first is not None:
        yield _Choice(branch.test, when=True, taken=first, other=second, at=branch.test)
    if second is not None and (branch.orelse or first is not None or _leaves(branch.body)):
        yield _Choice(branch.test, when=False, taken=second, other=first)
    if not after and _is_last(module, branch) and conditions.absent(module, branch.test, when=False) == "answer":
        nothing = ast.copy_location(ast.Constant(None), branch.test)
        yield _Choice(branch.test, when=False, taken=nothing, other=first, at=branch.test)
    if not branch.orelse and (given_up := _after_loop(module, branch)) is not None:
        yield _Choice(branch.test, when=False, taken=given_up, other=first, at=given_up)
    only_said = not branch.orelse and _only_says(module, branch)
    if only_said or (isinstance(branch.body[-1], ast.Continue) and _goes_on(module, branch)):
        nothing = ast.copy_location(ast.Constant(None), branch.test)
        yield _Choice(branch.test, when=True, taken=nothing, other=None, at=branch.test)
    for when, block, instead in ((True, branch.body, after), (False, after, branch.body)):
        used = conditions.uses(module, branch.test, instead)
        failed = when and conditions.absent(module, branch.test, when=True) == "answer"
        asked = conditions.subject(branch.test, when=True)[0]
        failed &= not isinstance(asked, ast.Name) or _keeps_the_same(module, asked, block)
        used = used and "cleanup" not in around.contexts(
            module, branch, instead[: conditions.MAX_STATEMENTS], logged=False
        )
        given = (first if when else second) or _bare(module, block)
        if used and given is not None:
            yield _Choice(branch.test, when=when, taken=given, other=None, empty=True, at=branch.test if when else None)
        if (used or failed) and (held := _kept(module, block)) is not None:
            yield _Choice(branch.test, when=when, taken=held, other=None, keeps=True, at=branch.test if when else None)
    if not branch.orelse and _is_all(module, branch) and conditions.uses(module, branch.test, branch.body):
        nothing = ast.copy_location(ast.Constant(None), branch.test)
        yield _Choice(branch.test, when=False, taken=nothing, other=None, empty=True, at=branch.test)
    for when, block in ((True, branch.body), (False, branch.orelse)):
        if (defined := _defined(module, block)) is not None:
            yield _Choice(branch.test, when=when, taken=defined, other=None, defines=True, at=branch.test)
    if not branch.orelse and (before := _before(module, branch)) is not None:
        yield _Choice(branch.test, when=False, taken=before, other=first)


def _is_last(module: ParsedModule, branch: ast.If) -> bool:
    """Whether a function ends with a branch, and answers None where it is not taken; what nobody answers is no result."""
    function = module.parents.get(branch)
    if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef) or function.body[-1] is not branch:
        return False
    given = branch.body[-1]
    asks = conditions.statuses_of(module, branch.test)
    return (
        asks and isinstance(given, ast.Return) and given.value is not None and not bodies.value_of(module, given.value)
    )


def _only_says(module: ParsedModule, branch: ast.If) -> bool:
    """Whether a bad status is logged and nothing else, and the function does nothing more with what has it."""
    function = bodies.enclosing(module, branch)
    said = all(isinstance(s, ast.Expr) and bodies.is_log(module, s.value) for s in branch.body)
    if not said or function is None or not conditions.statuses_of(module, branch.test):
        return False
    asked = {n.id for n in ast.walk(branch.test) if isinstance(n, ast.Name) and n.id not in {"self", "cls"}}
    last = branch.end_lineno or branch.lineno
    later = (n for n in bodies.within(ast.Module(function.body, [])) if isinstance(n, ast.Name) and n.lineno > last)
    looped = bool(around.following(module, branch))
    return bool(asked) and not looped and all(name.id not in asked for name in later)


def _keeps_the_same(module: ParsedModule, asked: ast.Name, block: list[ast.stmt]) -> bool:
    """Whether a block keeps what a service has not taken: `ok = client.send(batch)`, `if not ok: spool.extend(batch)`."""
    bound = [b.value for b in module.names.reaching(asked)]
    sent = (
        bound[0].value if len(bound) == 1 and isinstance(bound[0], ast.Await) else bound[0] if len(bound) == 1 else None
    )
    held = kept.locally(module, block)
    if not isinstance(sent, ast.Call) or not isinstance(held, ast.Call):
        return False
    given = {a.id for a in sent.args if isinstance(a, ast.Name)}
    return any(isinstance(n, ast.Name) and n.id in given for a in held.args for n in ast.walk(a))


def _after_loop(module: ParsedModule, branch: ast.If) -> ast.expr | None:
    """The default after a loop that asks until a response is good: `if r.ok: return r.json()`, and then `return None`."""
    loop = module.parents.get(branch)
    given = branch.body[-1]
    if not isinstance(loop, ast.For | ast.AsyncFor | ast.While) or not isinstance(given, ast.Return):
        return None
    if given.value is None or bodies.value_of(module, given.value) or not conditions.statuses_of(module, branch.test):
        return None
    after = around.following(module, loop)
    last = after[-1] if after and not loop.orelse else None
    return last.value if len(after) == 1 and isinstance(last, ast.Return) else None


def _is_all(module: ParsedModule, branch: ast.If) -> bool:
    """Whether a method consists of a branch, and does nothing where it is not taken: `if self.es: self.es.index(doc)`."""
    function = module.parents.get(branch)
    if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef) or reading.statements(function) != [branch]:
        return False
    cleans = "cleanup" in around.contexts(module, branch, branch.body, logged=False)
    acts = isinstance(branch.body[-1], ast.Expr) and not any(
        isinstance(n, ast.Raise | ast.Yield) for s in branch.body for n in bodies.within(s)
    )
    return acts and not cleans


def _goes_on(module: ParsedModule, branch: ast.If) -> bool:
    """Whether a loop passes over a response or an exit status that was no good, and does not try the same elsewhere."""
    idle = all(isinstance(s, ast.Expr) and bodies.is_inert(module, s.value) for s in branch.body[:-1])
    if not idle or branch.orelse or not conditions.statuses_of(module, branch.test):
        return False
    return "retried" not in around.contexts(module, branch, [], logged=False)


def _defined(module: ParsedModule, block: list[ast.stmt]) -> ast.expr | None:
    """The name of what a block defines that is no equivalent and not loud when it is used.

    In a function, a block that does more than define is a way of its own.
    """
    defined = [s for s in block if isinstance(s, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)]
    more = not all(s in defined or isinstance(s, ast.Import | ast.ImportFrom) for s in block)
    if not defined or (more and bodies.enclosing(module, defined[0]) is not None):
        return None
    if any(modules.raises(d) or heard.is_loud(module, list(ast.walk(d))) for d in defined):
        return None
    equivalent = modules.replaces(module, block, ())
    return None if equivalent else ast.copy_location(ast.Name(defined[0].name, ast.Load()), defined[0])


def _of_match(module: ParsedModule, match: ast.Match) -> Iterator[_Choice]:
    """`match url: case None: return Local()`, and what any other status than a good one gives."""
    patterns = [case.pattern.value for case in match.cases if isinstance(case.pattern, ast.MatchValue)]
    good = statuses.is_status(module, match.subject) and (codes := statuses.codes(patterns)) is not None
    last = match.cases[-1]
    if good and codes and all(200 <= code < 300 for code in codes) and isinstance(last.pattern, ast.MatchAs):
        taken = _given(module, last.body)
        if taken is not None and last.pattern.pattern is None:
            other = _given(module, match.cases[0].body)
            yield _Choice(match.subject, when=False, taken=taken, other=other, absent="answer", at=last.pattern)
    for case in match.cases:
        pattern = case.pattern
        missing = isinstance(pattern, ast.MatchSingleton) and not pattern.value
        missing |= isinstance(pattern, ast.MatchValue) and getattr(pattern.value, "value", None) == ""
        taken = _given(module, case.body) if missing else None
        if taken is not None:
            others = (_given(module, another.body) for another in match.cases if another is not case)
            other = next((given for given in others if given is not None), None)
            yield _Choice(match.subject, when=False, taken=taken, other=other, at=pattern)


def _bare(module: ParsedModule, block: list[ast.stmt]) -> ast.expr | None:
    """The None that a bare `return` gives, where a block does nothing else."""
    *before, last = block or [ast.Pass()]
    idle = all(isinstance(s, ast.Expr) and bodies.is_inert(module, s.value) for s in before)
    if not idle or not isinstance(last, ast.Return) or last.value is not None:
        return None
    return ast.copy_location(ast.Constant(None), last)


def _kept(module: ParsedModule, block: list[ast.stmt]) -> ast.expr | None:
    """What a block keeps in this process, without an error; that there is nothing is no thing that is kept."""
    held = kept.locally(module, block)
    if held is None or any(isinstance(node, ast.Raise) for statement in block for node in bodies.within(statement)):
        return None
    stored = module.parents.get(held)
    given = stored.value if isinstance(stored, ast.Assign) else held
    parts = given.args if isinstance(given, ast.Call) else [given]
    return None if parts and all(bodies.value_of(module, part) for part in parts) else held


def _before(module: ParsedModule, branch: ast.If) -> ast.expr | None:
    """What a variable was given just before a condition under which it is given something else."""
    last = branch.body[-1]
    block = getattr(module.parents.get(branch), "body", None)
    if not isinstance(last, ast.Assign) or not isinstance(block, list) or branch not in block:
        return None
    target = ast.dump(last.targets[0])
    at = block.index(branch)
    for statement in reversed(block[max(0, at - MAX_BETWEEN) : at]):
        if isinstance(statement, ast.Assign) and ast.dump(statement.targets[0]) == target:
            return statement.value
    return None


def _of_pair(picked: ast.Subscript) -> Iterator[_Choice]:
    """`(Local, Remote)[is_up()]` and `{True: Remote, False: Local}[is_up()]`."""
    held = picked.value
    if isinstance(held, ast.Tuple) and len(held.elts) == 2:
        yield _Choice(picked.slice, when=False, taken=held.elts[0], other=held.elts[1])
    elif isinstance(held, ast.Dict):
        pairs = zip(held.keys, held.values, strict=True)
        by = {key.value: value for key, value in pairs if isinstance(key, ast.Constant)}
        if set(by) == {True, False}:
            yield _Choice(picked.slice, when=False, taken=by[False], other=by[True])


def _of_lookup(call: ast.Call) -> Iterator[_Choice]:
    """The default of a look-up: `table.get(name, Local)`, `getattr(module, name, Local)`, `next(…, Local())`."""
    function = call.func
    method = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    plain = isinstance(function, ast.Name)
    address = call.args[-1] if call.args else None
    known = address.value if isinstance(address, ast.Constant) and len(call.args) > 1 else None
    if method in {"get", "getenv", "getattr"} and isinstance(known, str) and "memory:" in known:
        yield _Choice(call.args[-2], when=False, taken=call.args[-1], other=None, absent="address")
    if not plain and method == "get" and len(call.args) == 2:
        yield _Choice(call.args[0], when=False, taken=call.args[1], other=None, absent="member")
    elif plain and method == "getattr" and len(call.args) == 3:
        yield _Choice(call.args[1], when=False, taken=call.args[2], other=None, absent="member")
    elif plain and method == "next" and len(call.args) == 2 and isinstance(call.args[0], ast.GeneratorExp):
        for test in call.args[0].generators[0].ifs:
            yield _Choice(test, when=False, taken=call.args[1], other=call.args[0].elt)


def _is_canned(module: ParsedModule, choice: _Choice) -> bool:
    """Whether an answer is written in the code for those who have no key to the service."""
    asked, _ = conditions.subject(choice.test, when=choice.when)
    keyed = not {"key", "token"}.isdisjoint(words(getattr(asked, "attr", getattr(asked, "id", ""))))
    value = bodies.value_of(module, choice.taken)
    return (
        keyed
        and value in {"text", "record", "numbers"}
        and _returned(module, choice.taken)
        and takeovers.is_answer(module, choice.taken)
    )


def _computed(module: ParsedModule, choice: _Choice) -> bool:
    """Whether something is given for what an attribute that is None would have computed: numbers, a record, a score."""
    asked, when = conditions.subject(choice.test, when=choice.when)
    held = isinstance(asked, ast.Attribute) and getattr(asked.value, "id", "") == "self"
    if not held or when or not isinstance(asked, ast.Attribute):
        return False
    if bodies.value_of(module, choice.taken) in {"numbers", "record"}:
        return True
    scored = isinstance(choice.taken, ast.Constant) and type(choice.taken.value) is float
    return scored and _returned(module, choice.taken) and not _MODELS.isdisjoint(words(asked.attr)[-1:])


_MODELS = frozenset({"model", "classifier", "estimator", "predictor", "encoder", "ranker", "reranker", "scorer", "net"})


def _claims_success(module: ParsedModule, taken: ast.expr) -> bool:
    """Whether a function that is to do something answers True, or hands back what it was given, without doing it."""
    function = bodies.enclosing(module, taken)
    if function is None or not _returned(module, taken) or words(function.name)[:1] in _QUESTIONS:
        return False
    if isinstance(taken, ast.Name):
        plain = {a.arg for a in (*function.args.args, *function.args.kwonlyargs)}
        return taken.id in plain
    return isinstance(taken, ast.Constant) and taken.value is True


_QUESTIONS = {(word,) for word in ("is", "has", "can", "should", "needs", "was", "check", "supports", "allow", "wait")}


def _returned(module: ParsedModule, node: ast.expr) -> bool:
    return isinstance(module.parents.get(node), ast.Return)


def _leaves(block: list[ast.stmt]) -> bool:
    return isinstance(block[-1], ast.Return)


def _given(module: ParsedModule, block: list[ast.stmt]) -> ast.expr | None:
    """What a block that does nothing else returns or assigns; None for one that works, raises or tells."""
    found: ast.expr | None = None
    for statement in block:
        if isinstance(statement, ast.Expr) and bodies.is_inert(module, statement.value):
            continue
        if isinstance(statement, ast.Import | ast.ImportFrom | ast.Pass):
            continue
        if isinstance(statement, ast.Return | ast.Assign | ast.AnnAssign) and found is None:
            found = statement.value
            if isinstance(statement, ast.Return):
                break
            continue
        return None
    return found
