"""What the names of a module mean: locals, rules, imports; and which rules are defined whatever the input."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from strictreal.engines import builtins
from strictreal.policy.syntax import COMPREHENSIONS, REFERENCES, Module, Node, Rule, steps


@dataclass
class Scope:
    """The names of one module."""

    module: Module

    @cached_property
    def rules(self) -> dict[str, list[Rule]]:
        """Definitions by the first word of their name."""
        found: dict[str, list[Rule]] = {}
        for rule in self.module.rules:
            found.setdefault(rule.name.split(".", 1)[0], []).append(rule)
        return found

    @cached_property
    def total(self) -> frozenset[str]:
        """Names of the rules and functions that are defined for every input.

        Partial sets and objects are (they may be empty), and so is whatever has a default, or a constant without a
        condition.
        """
        found = {rule.name for rule in self.module.rules if _is_total_kind(rule)}
        while True:
            more = {r.name for r in self.module.rules if r.name not in found and self._unconditional(r, found)}
            if not more:
                return frozenset(found)
            found |= more

    def _unconditional(self, rule: Rule, total: set[str]) -> bool:
        if rule.kind not in ("complete", "function") or any(a.kind != "Var" for a in rule.arguments):
            return False
        if not rule.bodies:
            return rule.value is None or self._always(rule.value, rule, total)
        last = rule.bodies[-1]
        return last.is_else and not last.statements and (last.value is None or self._always(last.value, rule, total))

    def _always(self, value: Node, rule: Rule, total: set[str]) -> bool:
        """Whether an expression has a value for every input, as far as its shape says."""
        if value.kind in COMPREHENSIONS:
            return True
        if value.kind in ("RefDot", "RefBrack"):
            return False
        if value.kind == "Var":
            return value.value not in self.rules or value.value in locals_of(self.module, rule) or value.value in total
        if value.kind == "Call":
            name = self.callee(value)
            if name not in builtins.ALL and name.removeprefix(f"data.{self.module.package}.") not in total:
                return False
            return all(self._always(p, rule, total) for p in value.listed("params"))
        return all(self._always(child, rule, total) for child in value.children)

    def callee(self, call: Node) -> str:
        """What a call calls: the name of a builtin, or the `data.…` path of a function."""
        parts = steps(call.get("fcn"))
        if not all(isinstance(part, str) for part in parts):
            return ""
        return self.resolve([str(part) for part in parts])

    def resolve(self, path: list[str]) -> str:
        """The full dotted path of a constant reference, through imports and the module's own rules."""
        root, rest = path[0], path[1:]
        if root in self.module.imports and root not in self.rules:
            return ".".join([self.module.imports[root], *rest])
        if root in self.rules:
            return ".".join(["data", self.module.package, *path])
        return ".".join(path)


def _is_total_kind(rule: Rule) -> bool:
    return rule.kind in ("default", "set", "object") and all(a.kind == "Var" for a in rule.arguments)


def locals_of(module: Module, rule: Rule) -> frozenset[str]:
    """Every name that the definition declares: arguments, `some`, `every` and `:=`."""
    found: set[str] = set()
    for argument in rule.arguments:
        found |= _variables(argument)
    for query in rule.queries:
        for statement in query.statements:
            found |= {module.cut(start, end) for start, end in statement.declared}
            for pattern in statement.patterns:
                found |= _variables(pattern)
    return frozenset(found)


def _variables(pattern: Node) -> set[str]:
    if pattern.kind == "Var":
        return {str(pattern.value)}
    if pattern.kind in REFERENCES:
        return set()
    return {name for child in pattern.children for name in _variables(child)}
