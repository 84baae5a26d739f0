"""Classes: what they inherit, what they leave to subclasses, and what they say they are."""

from __future__ import annotations

import ast
import re
from typing import Literal

from strictreal.collect.python import bodies, reading, refusals, remarks
from strictreal.collect.python.bodies import Functions, docstring, dotted
from strictreal.collect.python.module import ParsedModule
from strictreal.facts.behaviour import Class, words

_NO_BASE = frozenset({"object", "typing.Generic", "typing_extensions.Generic", "Generic"})
_PROTOCOLS = frozenset({"typing.Protocol", "typing_extensions.Protocol", "Protocol"})
_INTERFACES = frozenset({"zope.interface.Interface", "Interface"})
_ABSTRACT_BASES = frozenset({"abc.ABC", "ABC", "abc.ABCMeta"})
_ABSTRACT_WORDS = frozenset({"abstract", "base", "interface", "mixin", "mixins", "abc"})
_OTHER_BASES = frozenset({"data", "knowledge", "code", "customer", "user", "rule"})


def read(module: ParsedModule, node: ast.ClassDef) -> Class:
    """One class: its bases, methods and what it says of itself."""
    bases = []
    for base in node.bases:
        name = dotted(module, base.value if isinstance(base, ast.Subscript) else base)
        bases.append(name or "?")
    methods = [s for s in node.body if isinstance(s, ast.FunctionDef | ast.AsyncFunctionDef)]
    marked = [m.name for m in methods if any(dotted(module, d).endswith("abstractmethod") for d in m.decorator_list)]
    marked += [m.name for m in methods if any("abstractproperty" in dotted(module, d) for d in m.decorator_list)]
    refusing = [m.name for m in methods if refusals.raises_not_implemented(module, m.body[-1]) and _only(module, m)]
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
    opening = docstring(node)[: remarks.MAX_REMARK]
    marks = [at for at, word in enumerate(named) if word in _ABSTRACT_WORDS]
    if any(at == 0 or named[at - 1] not in _OTHER_BASES for at in marks):
        return "abstract"
    if re.match(r"I[A-Z][a-z]", node.name) and not node.name.startswith("IPv"):
        return "abstract"
    return "abstract" if remarks.ABSTRACT_CLASS.search(opening) else "concrete"


def _only(module: ParsedModule, method: Functions) -> bool:
    """Whether everything before a method's last statement leaves nothing behind."""
    before = reading.statements(method)[:-1]
    return all(
        isinstance(s, ast.Pass) or (isinstance(s, ast.Expr) and bodies.is_inert(module, s.value)) for s in before
    )
