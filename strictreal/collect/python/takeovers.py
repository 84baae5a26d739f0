"""Whether what takes the place of something missing is a stand-in: by its class, its name, or that it is a default."""

from __future__ import annotations

import ast

from strictreal.collect.python import bodies, conditions, heard, reach
from strictreal.collect.python.bodies import dotted
from strictreal.collect.python.conditions import CLIENTS, Absent
from strictreal.collect.python.module import ParsedModule
from strictreal.facts.behaviour import vocabulary, words

_LOCAL = vocabulary(
    """
    local fallback fake dummy mock stub null noop simple naive default dict simulated simulator static placeholder
    canned trivial standin
    """
)
_WEAKER = vocabulary("offline echo heuristic bundled hardcoded locally cached stale memory inmemory keyword hash")
"""Words of what takes over where a service or module was asked for and is not there."""
_KEPT = vocabulary(
    "cached stale fallback canned bundled hardcoded static offline dummy fake mock stub placeholder sample demo synthetic"
)
"""Words of variables that hold what is given in place of an answer."""
_SETTLED = vocabulary("default defaults last previous backup cache")
"""Words of the like that say so only of constants and attributes."""
_STORED = vocabulary("cache default defaults backup local locally hash")
"""Words of functions that answer from what this process has."""
_PLACES = vocabulary("memory dict file disk sqlite json pickle")
_ROLES = vocabulary("store cache queue broker bus backend repository repo storage transport channel database db")
_BUILTIN = frozenset({"dict", "list", "set", "collections.defaultdict", "collections.OrderedDict", "collections.deque"})
_BUILTIN |= {"queue.Queue", "queue.SimpleQueue", "asyncio.Queue", "multiprocessing.Queue"}
_CHOICES = frozenset({"memory", "local", "fake", "mock", "stub", "dummy", "inmemory", "in-memory", "simulated"})
_IN_PROCESS = frozenset({"memory", "inmemory", "in-memory", "in_memory"})
_EPHEMERAL = ("sqlite:///:memory:", "sqlite+aiosqlite:///:memory:", "memory://", ":memory:")


def stands_in(module: ParsedModule, taken: ast.expr, other: ast.expr | None, kind: Absent, test: ast.expr) -> bool:
    """Whether what is taken is a stand-in, or for a failed answer a default, that nobody hears of.

    Args:
        test: the condition that chooses.
        other: what is taken where nothing is missing, as far as one expression says it.
    """
    if other is not None and ast.dump(other) == ast.dump(taken):
        return False
    asked, _ = conditions.subject(test, when=True)
    if kind == "answer" and conditions.may_be_nothing(module, asked):
        if is_settled(module, taken) and (other is None or _mentions(other, asked) or _is_named_in(test, other)):
            return True
        if not conditions.is_reply(module, asked):
            return False
    if kind == "answer" and (conditions.is_error(asked) or conditions.of_reply(module, asked)):
        return other is not None and _of_same(asked, other) and is_answer(module, taken)
    if kind == "answer" and conditions.is_reply(module, asked):
        made_up = bodies.value_of(module, taken) in {"numbers", "record"} and is_answer(module, taken)
        return made_up or _is_kept(module, taken)
    if kind in {"answer", "reach"} and _is_reading(module, taken):
        return True
    if kind == "answer" and isinstance(taken, ast.Constant) and taken.value is True:
        return conditions.statuses_of(module, test) and _lets_pass(module, taken)
    if kind == "answer":
        return bodies.enclosing(module, test) is not None and _is_default(module, taken, other)
    if _does_less(module, taken, other):
        return True
    if isinstance(taken, ast.Constant):
        imports = isinstance(other, ast.Call) and dotted(module, other.func) in {
            "importlib.import_module",
            "__import__",
        }
        return (kind == "program" and taken.value is None and imports) or _is_choice(taken, other, kind)
    if isinstance(taken, ast.Name | ast.Attribute):
        return not _mentions(test, taken) and _is_named(taken, other, kind)
    if isinstance(taken, ast.Dict | ast.List):
        return _is_client(other) and not holds_something(taken)
    return isinstance(taken, ast.Call) and _is_made(module, taken, other, kind)


def is_settled(module: ParsedModule, taken: ast.expr) -> bool:
    """Whether something is written down in the code and says something: a record, a constant, a copy of a constant."""
    if isinstance(taken, ast.Call):
        name = dotted(module, taken.func)
        copied = name in {"dict", "list", "copy.copy", "copy.deepcopy"} and len(taken.args) == 1 and not taken.keywords
        method = isinstance(taken.func, ast.Attribute) and taken.func.attr == "copy" and not taken.args
        if copied or method:
            taken = taken.args[0] if copied else taken.func.value  # type: ignore[attr-defined]
    if isinstance(taken, ast.Name | ast.Attribute):
        named = taken.id if isinstance(taken, ast.Name) else taken.attr
        return named.isupper() and not dotted(module, taken).startswith(("errno.", "os."))
    said = {word for n in ast.walk(taken) if isinstance(n, ast.Constant) for word in _said(n)}
    return (
        bodies.value_of(module, taken) in {"symbol", "text", "record", "numbers"}
        and said.isdisjoint(_UNKNOWN)
        and not heard.tells(module, [ast.Expr(taken)])
    )


def _is_named_in(test: ast.expr, other: ast.expr) -> bool:
    """Whether what is taken otherwise is what the condition has put under a name: `(rows := ask()) is None`."""
    named = {n.target.id for n in ast.walk(test) if isinstance(n, ast.NamedExpr)}
    return isinstance(other, ast.Name) and other.id in named


def _said(literal: ast.Constant) -> tuple[str, ...]:
    """The words of a literal, and the literal itself in lower case."""
    return (*words(str(literal.value)), str(literal.value).lower())


_UNKNOWN = frozenset({"unknown", "n/a", "none", "undefined", "?", "-", "unset", "null", "other", "untitled", "local"})
_UNKNOWN |= {"no", "not", "missing", "failed", "unavailable", "error"}
"""Texts, and words of texts, that say that there is nothing."""


def _does_less(module: ParsedModule, taken: ast.expr, other: ast.expr | None) -> bool:
    """Whether a class of this module that reaches nothing outside is taken in place of one with the same role.

    `DiskStore` for `S3Store`: the last word of a name is the role.
    """
    if not (isinstance(taken, ast.Call) and isinstance(other, ast.Call)):
        return False
    own, usual = (words(dotted(module, call.func).rpartition(".")[2]) for call in (taken, other))
    if own[-1:] != usual[-1:] or own[-1:] == () or own == usual:
        return False
    made = [d for d in module.definitions(taken.func) if isinstance(d, ast.ClassDef)]
    real = [d for d in module.definitions(other.func) if isinstance(d, ast.ClassDef)]
    return bool(made) and all(reach.stays(module, d) for d in made) and not any(reach.stays(module, d) for d in real)


def _is_made(module: ParsedModule, taken: ast.Call, other: ast.expr | None, kind: Absent) -> bool:
    """Whether a call makes a stand-in, or does a weaker job."""
    name = dotted(module, taken.func)
    if name in _BUILTIN:
        return _is_client(other)
    if any(isinstance(a, ast.Constant) and a.value in _EPHEMERAL for a in taken.args):
        return kind != "member"
    last = name.rpartition(".")[2] or getattr(taken.func, "attr", "")
    own = words(last)
    receiver = words(name.rpartition(".")[0].rpartition(".")[2])
    held = words(getattr(taken.func.value, "attr", "")) if isinstance(taken.func, ast.Attribute) else ()
    if kind == "reach" and not {"cache", "local", "fallback"}.isdisjoint((*receiver[-1:], *held[-1:])):
        return True
    near = {"memory", "mem", "local", "fallback"}
    if kind == "client" and not near.isdisjoint((*receiver[-1:], *held[-1:])):
        return True
    if own[:1] == ("get",) or (kind in {"client", "address"} and own[-1:] == ("default",)):
        return False
    memory = ("memory" in own and "in" in own) or (own[:1] == ("memory",) and own[-1] in _ROLES)
    if kind == "address" and own == ("memory", "cache"):
        return False  # a cache is what it is called, shared or not
    standing = memory or not _LOCAL.isdisjoint(own) or not {"local", "fallback"}.isdisjoint(receiver[:1])
    if kind in {"client", "address"}:
        standing |= last[:1].isupper() and own[0] in {"echo", "heuristic", "keyword"}
    if kind in {"reach", "program"}:
        standing |= not _WEAKER.isdisjoint(own) or (bool(own) and own[0] in _PLACES and own[-1] in _ROLES)
    if kind == "member":
        standing = memory or not (_LOCAL - {"default", "simple", "static"}).isdisjoint(own)
    if kind == "member" and own[:1] in {("local",), ("fallback",)} and isinstance(taken.func, ast.Attribute):
        return True  # `self._local_search(query)`
    return standing and (kind not in {"address", "member"} or last.lstrip("_")[:1].isupper() or memory)


def _is_named(taken: ast.Name | ast.Attribute, other: ast.expr | None, kind: Absent) -> bool:
    """Whether a variable, a class or a constant is called a stand-in, and what is taken otherwise is not."""
    name = taken.id if isinstance(taken, ast.Name) else taken.attr
    own = set(words(name))
    usual = _words_of(other)
    if kind == "member" and name.isupper():
        return False  # a number or text
    if kind in {"reach", "program"}:
        if not (_KEPT - usual).isdisjoint(own):
            return True
        settled = name.isupper() or isinstance(taken, ast.Attribute)
        weaker = {"memory", "local", "locally", "naive", "noop", "heuristic", "keyword"} | (
            _SETTLED - {"cache"} if settled else set()
        )
        return other is not None and not (weaker - usual).isdisjoint(own)
    if name.isupper():
        return not (_KEPT - {"static", "offline"} - usual).isdisjoint(own)
    made = name.lstrip("_")[:1].isupper()
    memory = {"in", "memory"} <= own or (name.startswith("Memory") and words(name)[-1] in _ROLES)
    standing = memory or not (_KEPT - {"cached", "static", "offline"} - usual).isdisjoint(own)
    return standing or (made and not ({"local", "naive", "noop", "null"} - usual).isdisjoint(own))


def _is_choice(taken: ast.Constant, other: ast.expr | None, kind: Absent) -> bool:
    """Whether a text names a backend in the own process, or the address of a database there."""
    if not isinstance(taken.value, str):
        return False
    if taken.value in _EPHEMERAL or taken.value == "sqlite://":
        return kind != "member"
    known = isinstance(other, ast.Constant) and isinstance(other.value, str)
    named = _CHOICES if kind in {"reach", "program"} else _IN_PROCESS if kind == "address" else frozenset()
    return known and taken.value.lower() in named


def _is_default(module: ParsedModule, taken: ast.expr, other: ast.expr | None) -> bool:
    """Whether a default is given as the answer of a request or program that failed, and does not tell of it."""
    if heard.tells(module, [ast.Expr(taken)]):
        return False
    if _is_kept(module, taken):
        return True
    if isinstance(taken, ast.Name | ast.Attribute):
        name = taken.id if isinstance(taken, ast.Name) else taken.attr
        settled = name.isupper() or isinstance(taken, ast.Attribute) or _is_given(module, taken)
        return (settled and not _SETTLED.isdisjoint(words(name))) or _is_written(module, taken)
    named = isinstance(taken, ast.Constant) and isinstance(taken.value, str) and other is not None
    if named and not isinstance(other, ast.Constant) and is_settled(module, taken):
        return True
    counted = isinstance(taken, ast.Constant) and type(taken.value) is int
    return bodies.value_of(module, taken) in {"none", "trivial", "record", "text"} and not counted


def _lets_pass(module: ParsedModule, taken: ast.expr) -> bool:
    """Whether `True` is the answer of a function, and does not say that something failed: `return r.json()["allow"] if r.ok else True`."""
    function = bodies.enclosing(module, taken)
    node: ast.AST | None = module.parents.get(taken)
    while isinstance(node, ast.IfExp | ast.BoolOp):
        node = module.parents.get(node)
    return isinstance(node, ast.Return) and function is not None and _TROUBLE.isdisjoint(words(function.name))


_TROUBLE = vocabulary(
    "error errors failed failure fail fails retry down broken unavailable missing stale expired wait should"
)


def _is_given(module: ParsedModule, taken: ast.expr) -> bool:
    """Whether an expression is a parameter of the function around."""
    function = bodies.enclosing(module, taken)
    plain = (*function.args.args, *function.args.kwonlyargs) if function is not None else ()
    return isinstance(taken, ast.Name) and any(a.arg == taken.id for a in plain)


def _is_written(module: ParsedModule, taken: ast.expr) -> bool:
    """Whether a constant of the module is given that holds a text of some words, or a record."""
    if not isinstance(taken, ast.Name) or not taken.id.isupper():
        return False
    bound = [b.value for b in module.names.reaching(taken)]
    literal = bound[0] if len(bound) == 1 else None
    said = isinstance(literal, ast.Constant | ast.Dict) and bodies.value_of(module, literal) in {"text", "record"}
    return said and literal is not None and not heard.tells(module, [ast.Expr(literal)])


def _is_reading(module: ParsedModule, taken: ast.expr) -> bool:
    """Whether an attribute is given that the function itself sets, where a device or service has answered."""
    function = bodies.enclosing(module, taken)
    if not isinstance(taken, ast.Attribute) or getattr(taken.value, "id", "") != "self" or function is None:
        return False
    if not isinstance(module.parents.get(taken), ast.Return):
        return False
    return any(
        isinstance(node, ast.Assign)
        and not bodies.value_of(module, node.value)
        and any(isinstance(t, ast.Attribute) and ast.unparse(t) == ast.unparse(taken) for t in node.targets)
        for statement in function.body
        for node in bodies.within(statement)
    )


def _is_kept(module: ParsedModule, taken: ast.expr) -> bool:
    """Whether something is called a thing that is given in place of an answer: `CACHED_RATES`, `load_from_cache()`."""
    if isinstance(taken, ast.Name | ast.Attribute):
        return not _KEPT.isdisjoint(words(taken.id if isinstance(taken, ast.Name) else taken.attr))
    if not isinstance(taken, ast.Call) or isinstance(taken.func, ast.Call):
        return False
    if taken.args and all(isinstance(a, ast.Name) and a.id.isupper() and _is_default_name(a) for a in taken.args):
        return True
    own = words(dotted(module, taken.func).rpartition(".")[2] or getattr(taken.func, "attr", ""))
    holder = taken.func.value if isinstance(taken.func, ast.Attribute) else None
    if not {"local", "cache", "fallback"}.isdisjoint(_words_of(holder)):
        return True
    return not (_KEPT - {"static"} | _STORED).isdisjoint(own) or (own[:1] != () and own[0] in _WEAKER)


def _is_default_name(name: ast.Name) -> bool:
    return not (_KEPT | _SETTLED).isdisjoint(words(name.id))


def _of_same(asked: ast.expr, other: ast.expr) -> bool:
    """Whether the other value is taken from what holds the error."""
    held = asked.func if isinstance(asked, ast.Call) else asked
    return isinstance(held, ast.Attribute) and _mentions(other, held.value)


def _mentions(test: ast.expr, node: ast.expr) -> bool:
    text = ast.dump(node)
    return any(type(part) is type(node) and ast.dump(part) == text for part in ast.walk(test))


def is_answer(module: ParsedModule, taken: ast.expr) -> bool:
    """Whether a literal passes for what a service would have answered."""
    if heard.tells(module, [ast.Expr(taken)]):
        return False
    return _echoes(module, taken) or bodies.value_of(module, taken) in {"none", "trivial", "record", "text", "numbers"}


def _echoes(module: ParsedModule, taken: ast.expr) -> bool:
    """Whether a text of the code has nothing but an argument of the function put into it: `f"You said: {prompt}"`."""
    function = bodies.enclosing(module, taken)
    if not isinstance(taken, ast.JoinedStr) or function is None:
        return False
    given = {a.arg for a in (*function.args.args, *function.args.kwonlyargs)}
    put_in = [part.value for part in taken.values if isinstance(part, ast.FormattedValue)]
    said = {w for part in taken.values if isinstance(part, ast.Constant) for w in words(str(part.value))}
    named = all(any(isinstance(n, ast.Name) and n.id in given for n in ast.walk(value)) for value in put_in)
    return bool(said) and bool(put_in) and named and said.isdisjoint(_DENYING)


_DENYING = vocabulary("no not none cannot without please t nothing never missing")


def _words_of(node: ast.expr | None) -> set[str]:
    called = node.func if isinstance(node, ast.Call) else node
    return set(words(called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")))


def _is_client(node: ast.expr | None) -> bool:
    """Whether what is taken otherwise is an object by which a service is called, or makes one."""
    made = node.func.value if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) else None
    called = node.func if isinstance(node, ast.Call) else None
    name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
    store = name[:1].isupper() and not name.isupper() and not _ROLES.isdisjoint(words(name)[-1:])  # `ThumbCache(url)`
    return store or not CLIENTS.isdisjoint(_words_of(node) | _words_of(made))


def holds_something(node: ast.Dict | ast.List) -> bool:
    """Whether a collection that is written out holds anything."""
    return bool(node.keys if isinstance(node, ast.Dict) else node.elts)
