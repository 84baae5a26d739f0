"""Answers that a policy gives without having looked: defaults, constants, and `else` without a condition."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from strictreal.policy.effect import DECISIONS, authorises, effect, words
from strictreal.policy.syntax import Module, Node, Rule, Statement, is_test

_UNKNOWN = object()


@dataclass(frozen=True)
class Answer:
    """One unconditional answer. `form` is default, constant or else."""

    rule: Rule
    form: str
    value: Any
    """The JSON value, sets as lists."""
    start: int
    end: int


def answers(module: Module) -> Iterator[Answer]:
    """Every unconditional answer of a module's rules; tests are not policies."""
    if module.path.endswith("_test.rego"):
        return
    for rule in module.rules:
        if is_test(rule.name) or any(a.kind != "Var" for a in rule.arguments):
            continue
        if rule.kind == "default" and rule.value:
            yield from _answer(rule, "default", rule.value, rule.start, rule.end)
        elif rule.kind in ("complete", "function"):
            yield from _constants(rule)


def _constants(rule: Rule) -> Iterator[Answer]:
    first = rule.bodies[0] if rule.bodies else None
    if first is None or all(_holds(statement) for statement in first.statements):
        yield from _answer(rule, "constant", rule.value, rule.start, rule.end)
        return
    last = rule.bodies[-1]
    if last.is_else and all(_holds(statement) for statement in last.statements):
        yield from _answer(rule, "else", last.value, last.start, last.end)


def _answer(rule: Rule, form: str, value: Node | None, start: int, end: int) -> Iterator[Answer]:
    found = True if value is None else constant(value)
    if found is not _UNKNOWN:
        yield Answer(rule, form, found, start, end)


def _holds(statement: Statement) -> bool:
    """Whether a statement holds by itself: `true`, `1 == 1`."""
    expression = statement.expression
    if statement.kind != "Expr" or expression is None:
        return False
    if expression.kind == "BoolExpr" and expression.op == "Eq":
        sides = [constant(expression.child(side)) for side in ("lhs", "rhs")]
        return _UNKNOWN not in sides and sides[0] == sides[1]
    value = constant(expression)
    return value is not _UNKNOWN and value is not False


def constant(node: Node) -> Any:
    """The JSON value of a literal; `_UNKNOWN` for what has to be evaluated."""
    if node.kind in ("String", "RawString", "Number", "Bool"):
        return node.value
    if node.kind == "Null":
        return None
    if node.kind in ("Array", "Set"):
        items = [constant(item) for item in node.listed("items")]
        return _UNKNOWN if _UNKNOWN in items else items
    if node.kind == "Object":
        pairs = {str(k.value): constant(v) for k, v in node.pairs}
        known = {key: value for key, value in pairs.items() if value is not _UNKNOWN}
        return known or _UNKNOWN
    return _UNKNOWN


def may_open(name: str, *, entrypoint: bool = False) -> bool:
    """Whether some answer of a rule of this name would let its subject through."""
    last = name.rsplit(".", 1)[-1]
    named = effect(last) == "permits" or any(word in DECISIONS for word in words(last))
    return named or (entrypoint and effect(last) != "denies")


def opens(name: str, form: str, value: Any, *, entrypoint: bool = False) -> bool:
    """Whether a rule of this name, answering this, lets its subject through.

    `allow` with true does; `decision` with "allow" does; `response` with {"allowed": true} does; `deny` with anything
    and `replicas` with true do not. A rule such as `is_valid` that tries what is wrong, one after the other, and ends
    with `else := true` answers a question; only when it begins with `default … := true` does it stay open by itself.
    """
    last = name.rsplit(".", 1)[-1]
    if value is True and form != "default" and not entrypoint:
        return authorises(last)
    if value is True:
        return effect(last) == "permits" or (entrypoint and effect(last) != "denies")
    decides = entrypoint or effect(last) == "permits" or any(word in DECISIONS for word in words(last))
    if not decides:
        return False
    if isinstance(value, str):
        return effect(value) == "permits"
    if isinstance(value, dict):
        return any(
            (effect(key) == "permits" and item is True)
            or (isinstance(item, str) and any(word in DECISIONS for word in words(key)) and effect(item) == "permits")
            for key, item in value.items()
        )
    return False
