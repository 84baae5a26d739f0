"""Classes with the name of a remote collaborator that answer by themselves: canned records, log lines, files of the own disk.

What decides is that no method of the class calls anything that could leave the process, and that it inherits nothing that
may. In tests also heirs of a collaborator whose methods answer literals, and transports of HTTP clients that answer themselves.
"""

from __future__ import annotations

import ast

from strictreal.collect.python import bodies, reach, reading
from strictreal.collect.python.bodies import Functions, dotted
from strictreal.collect.python.module import ParsedModule
from strictreal.facts.behaviour import Fake, vocabulary, words

MAX_METHODS = 40
OWN = "answers of its own"
"""What such a class works on, in the words of its fact."""
HANDED = "answers in place of what it inherits"
_PARTS = vocabulary(
    """
    url uri path key name dir folder id endpoint params payload body kwargs args config options headers command topic
    prefix type kind version info repr schema settings
    """
)
"""Last words of methods that tell how something is called or described, and reach nothing."""
_TRANSPORTS = frozenset(
    {
        *(
            "httpx.BaseTransport",
            "httpx.AsyncBaseTransport",
            "requests.adapters.BaseAdapter",
            "urllib.request.BaseHandler",
        ),
        *("requests.adapters.HTTPAdapter", "urllib.request.HTTPHandler", "httpcore.NetworkBackend"),
    }
)
_PLAIN = frozenset({"object", "Generic", "Protocol", "ABC"})


def read(module: ParsedModule, owner: ast.ClassDef) -> Fake | None:
    """What a class plays that answers by itself; the check knows the names. None for one that may reach something."""
    methods = [s for s in owner.body if isinstance(s, ast.FunctionDef | ast.AsyncFunctionDef)]
    if not methods or any(not isinstance(k.value, ast.Name) or k.value.id != "ABCMeta" for k in owner.keywords):
        return None
    bases = [b.value if isinstance(b, ast.Subscript) else b for b in owner.bases]
    named = tuple(dotted(module, b) or "?" for b in bases)
    if module.role == "test" or not _TRANSPORTS.isdisjoint(named):
        answering = [m.name for m in methods if _gives_literals(module, m)]
        if answering and named and not _PLAIN.issuperset(n.rpartition(".")[2] for n in named):
            return _fact(module, owner, named, answering, "transport" if not _TRANSPORTS.isdisjoint(named) else HANDED)
    if owner.decorator_list or any(
        n.rpartition(".")[2] not in _PLAIN and not module.definitions(b) for n, b in zip(named, bases, strict=True)
    ):
        return None
    own = {m.name for m in methods}
    deeds: list[str] = []
    for method in methods:
        calls = [n for s in method.body for n in ast.walk(s) if isinstance(n, ast.Call)]
        if not all(reach.computes(module, call, own) or reach.is_file(module, call) for call in calls):
            return None
        if _does(method):
            deeds.append(method.name)
    return _fact(module, owner, named, deeds, OWN) if deeds else None


def _fact(module: ParsedModule, owner: ast.ClassDef, bases: tuple[str, ...], methods: list[str], detail: str) -> Fake:
    return Fake(
        where=module.at(owner),
        kind="in-process",
        name=owner.name,
        detail=detail,
        bases=bases,
        methods=tuple(methods[:MAX_METHODS]),
        function=bodies.qualname(module, owner).rpartition(".")[0],
    )


def _does(method: Functions) -> bool:
    """Whether a method takes something, and answers or says that it is done."""
    given = [a.arg for a in (*method.args.args, *method.args.kwonlyargs) if a.arg not in {"self", "cls"}]
    if not given or method.decorator_list or method.name.startswith("_") or words(method.name)[-1:][0] in _PARTS:
        return False
    block = reading.statements(method)
    nodes = [n for s in block for n in bodies.within(s)]
    if any(isinstance(n, ast.Raise) for s in block[-1:] for n in [s]):
        return False
    answers = [n for n in nodes if isinstance(n, ast.Return) and n.value is not None]
    told = any(isinstance(n, ast.Call) for n in nodes)
    passed = all(isinstance(a.value, ast.Name | ast.Attribute) for a in answers)  # a getter
    return bool(answers) and not passed if answers else told


def _gives_literals(module: ParsedModule, method: Functions) -> bool:
    """Whether a method takes something and answers a literal, or an object that is filled with literals."""
    if method.decorator_list or (method.name.startswith("__") and method.name != "__call__"):
        return False
    given = [a.arg for a in (*method.args.args, *method.args.kwonlyargs) if a.arg not in {"self", "cls"}]
    block = reading.statements(method)
    last = block[-1] if block else None
    if not given or not isinstance(last, ast.Return) or last.value is None:
        return False
    idle = all(
        (isinstance(s, ast.Expr) and (bodies.is_inert(module, s.value) or _notes(s.value))) or isinstance(s, ast.Pass)
        for s in block[:-1]
    )
    return idle and bodies.value_of(module, last.value) in {"record", "numbers", "text"}


def _notes(node: ast.expr) -> bool:
    """Whether a call is noted in a list of the object: `self.sent.append(message)`."""
    function = node.func if isinstance(node, ast.Call) else None
    held = function.value if isinstance(function, ast.Attribute) and function.attr == "append" else None
    return isinstance(held, ast.Attribute) and reach.is_self(held.value)
