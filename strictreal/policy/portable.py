"""What a policy uses that the embedded engine lacks, answers differently from OPA, or must not evaluate: by name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from strictreal.engines import builtins
from strictreal.policy.negation import traps
from strictreal.policy.scope import Scope
from strictreal.policy.syntax import QUOTED, Module, Node, Rule, Statement, steps

_VERB = re.compile(r"%(?:%|(?P<spec>[^a-zA-Z%]{0,20}[a-zA-Z]?))")
_SAME_VERBS = re.compile(r"[svqdxXcb]|0?\d{1,3}d")
_EMPTY_ALTERNATIVE = re.compile(r"\{,|,,|,\}")


@dataclass(frozen=True)
class Use:
    """One use. `kind` is impure (never evaluated), unsupported (refused by the engine) or different."""

    kind: str
    name: str
    reason: str
    start: int
    end: int


def uses(module: Module) -> Iterator[Use]:
    """Every use in a module, in source order."""
    found = [use for rule in module.rules for use in _of_rule(module, rule)]
    found += _hidden(module)
    for trap in traps(module):
        for lifted in trap.lifted:
            if "permits" in lifted.excuse:
                reason = f"with {module.shown(lifted.node)} absent it holds here and is undefined in OPA"
                found.append(Use("different", "not", reason, trap.statement.start, trap.statement.end))
    yield from sorted(found, key=lambda use: (use.start, use.name))


def _of_rule(module: Module, rule: Rule) -> Iterator[Use]:
    scope = Scope(module)
    for node in rule.nodes:
        if node.kind == "Call":
            yield from _call(scope, node)
        elif node.kind == "Membership" and node.get("key"):
            yield Use("different", "key, value in", "it does not hold for sets", node.start, node.end)
    for query in rule.queries:
        for statement in query.statements:
            if statement.kind == "NotExpr" and statement.expression is not None:
                yield from _negation(module, statement, statement.expression)


def _call(scope: Scope, call: Node) -> Iterator[Use]:
    name = scope.callee(call)
    start, end = call.start, call.end
    if name in builtins.IMPURE:
        yield Use("impure", name, builtins.IMPURE[name], start, end)
    elif name in builtins.UNSUPPORTED:
        yield Use("unsupported", name, "the embedded engine does not have it", start, end)
    elif name in builtins.DIFFERENT:
        yield Use("different", name, builtins.DIFFERENT[name], start, end)
    arguments = call.listed("params")
    if name == "walk" and len(arguments) == 1:
        yield Use(
            "different",
            "walk",
            "assigned from one argument it yields nothing; write walk(x, [path, value])",
            start,
            end,
        )
    elif name == "sprintf" and arguments and (verb := _verb(arguments[0])):
        yield Use("different", "sprintf", f"the verb {verb} is formatted differently", start, end)
    elif name == "glob.match" and arguments and _EMPTY_ALTERNATIVE.search(_literal(arguments[0])):
        yield Use("different", "glob.match", "an empty alternative matches nothing", start, end)


def _literal(node: Node) -> str:
    return str(node.value) if node.kind in QUOTED else ""


def _verb(pattern: Node) -> str:
    """The first verb of a literal format that the engines format differently."""
    for match in _VERB.finditer(_literal(pattern)):
        spec = match["spec"]
        if spec is not None and not _SAME_VERBS.fullmatch(spec):
            return match[0]
    return ""


def _negation(module: Module, statement: Statement, negated: Node) -> Iterator[Use]:
    start, end = statement.start, statement.end
    if (
        negated.kind in ("Set", "SetCompr", "ObjectCompr", "Object")
        and module.cut(negated.start, negated.start + 1) == "{"
    ):
        yield Use("different", "not { … }", "it is read as a literal, not as a body", start, end)
    elif "not" in module.keywords and negated.kind == "AssignExpr":
        yield Use("different", "not … = …", "a variable is unified in another order", start, end)


def _hidden(module: Module) -> Iterator[Use]:
    """`p[q].r contains …` beside `p.b.r contains …`: read at `p.b.r`, the first is overlooked."""
    sets = [(steps(rule.head), rule) for rule in module.rules if rule.kind == "set"]
    general = [path for path, _ in sets if any(isinstance(step, Node) for step in path)]
    for path, rule in sets:
        if len(path) > 1 and all(isinstance(step, str) for step in path):
            for other in general:
                if len(other) == len(path) and all(
                    a == b or isinstance(b, Node) for a, b in zip(path, other, strict=True)
                ):
                    reason = "a definition with a variable in its path is overlooked beside this one"
                    yield Use("different", "contains", reason, rule.start, rule.end)
                    break
