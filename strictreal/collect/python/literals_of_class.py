"""Answers that stand in the class around a method: `return self.SCORES`, where SCORES is a literal and nothing changes it."""

from __future__ import annotations

import ast

from strictreal.collect.python import bodies
from strictreal.collect.python.module import ParsedModule
from strictreal.facts.behaviour import Value, vocabulary, words

_WORKING = vocabulary(
    """
    predict search query embed score rank classify fetch find retrieve compute calculate infer transform lookup recall
    generate detect recommend summarize translate analyze analyse evaluate estimate
    """
)
"""First words of methods whose answer is worked out; others may well give a constant of their class."""


def value(module: ParsedModule, statement: ast.Return) -> Value:
    """How much the literal says that a method of such a name returns; "" where it is none, or may change."""
    answer, method = statement.value, bodies.enclosing(module, statement)
    if not (isinstance(answer, ast.Attribute) and isinstance(answer.value, ast.Name)) or method is None:
        return ""
    owner = module.parents.get(method)
    if not isinstance(owner, ast.ClassDef) or answer.value.id not in {"self", "cls", owner.name}:
        return ""
    if _WORKING.isdisjoint(words(method.name)[:1]) or any(_inherits(other, owner) for other in module.of(ast.ClassDef)):
        return ""
    given: list[ast.expr] = []
    for assign in module.of(ast.Assign, ast.AnnAssign):
        for target in assign.targets if isinstance(assign, ast.Assign) else [assign.target]:
            if isinstance(target, ast.Attribute) and target.attr == answer.attr:
                return ""
            if isinstance(target, ast.Name) and target.id == answer.attr and assign in owner.body and assign.value:
                given.append(assign.value)
    found = bodies.value_of(module, given[0]) if len(given) == 1 else ""
    scored = len(given) == 1 and isinstance(given[0], ast.Constant) and type(given[0].value) is float
    return found if found in {"record", "numbers"} or scored else ""


def _inherits(heir: ast.ClassDef, owner: ast.ClassDef) -> bool:
    return any(isinstance(base, ast.Name) and base.id == owner.name for base in heir.bases)
