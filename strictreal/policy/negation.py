"""The negation trap: a rule that falls silent because a reference inside `not` is undefined.

OPA evaluates `not f(input.a)` in two steps: it binds `input.a` first, outside the negation, and negates the call only.
With `input.a` absent the first step is undefined, and so is the whole body: the rule says nothing, where its author
meant "not". What OPA leaves inside was measured (docs/checks/policies.undefined-negation.md has the table):

- the negated reference or call itself stays: `not input.a`, `not f(x)`;
- a reference that stands directly on one side of `==` or `=` stays: `not input.a == 1`;
- everything else is taken out: arguments of calls, operands of `in`, `!=`, `<`, `+`, …, items of literals, and what
  stands in the brackets of a reference. A comprehension is always defined; what is inside it does not matter.

Since OPA 1.22, `import future.keywords.not` and `import rego.v2` keep everything inside the negation.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from strictreal.engines import builtins
from strictreal.policy.effect import effect
from strictreal.policy.scope import Scope, locals_of
from strictreal.policy.syntax import (
    COMPREHENSIONS,
    REFERENCES,
    Module,
    Node,
    Query,
    Rule,
    Statement,
    is_test,
    steps,
)

Path = tuple[str, ...]


@dataclass(frozen=True)
class Lifted:
    """One reference or call that OPA evaluates before the negation, and that can be undefined."""

    node: Node
    needs: str
    """The `data.…` path that must always be defined for this to be harmless; "" when nothing can vouch for it."""
    excuse: str
    """Why the rule does not fall silent unnoticed; empty when nothing speaks for it."""


@dataclass(frozen=True)
class Trap:
    """One negation of which OPA takes something out."""

    rule: Rule
    statement: Statement
    lifted: tuple[Lifted, ...]


def traps(module: Module) -> Iterator[Trap]:
    """Every trap of a module, in source order; tests and modules with the new `not` have none."""
    if "not" in module.keywords or module.path.endswith("_test.rego"):
        return
    scope = Scope(module)
    spoken = _bare_negations(module)
    for rule in module.rules:
        if not is_test(rule.name):
            yield from _Reader(scope, rule, spoken.get(rule.name, frozenset())).traps()


@dataclass
class _Reader:
    """One rule, read for traps. `spoken` are the references whose absence another definition of the rule reports."""

    scope: Scope
    rule: Rule
    spoken: frozenset[Path]

    def traps(self) -> Iterator[Trap]:
        found = []
        for query in self.rule.queries:
            for statement in query.statements:
                if statement.kind != "NotExpr" or statement.expression is None:
                    continue
                outside = {node.start: node for node in _taken_out(statement.expression)}
                lifted = [made for start in sorted(outside) if (made := self._lifted(outside[start], query, statement))]
                if lifted:
                    found.append(Trap(self.rule, statement, tuple(lifted)))
        yield from sorted(found, key=lambda trap: trap.statement.start)

    def _lifted(self, node: Node, query: Query, negation: Statement) -> Lifted | None:
        """What is known of one expression that is taken out; None when it is always defined."""
        path = _path(node, self.scope.module)
        if _is_given(node, negation):
            return None
        if node.kind == "Call":
            name = self.scope.callee(node)
            if not name or name in builtins.ALL:
                return None
            own = name.removeprefix(f"data.{self.scope.module.package}.")
            if own in self.scope.total:
                return None
            # A function whose definitions are all here, and not total, can be undefined; another module's may be total.
            needs = "" if own in {rule.name for rule in self.scope.module.rules} else name
            return Lifted(node, needs, self._excuse(path, query, negation))
        root, *rest = steps(node)
        if isinstance(root, Node):
            return Lifted(node, "", self._excuse(path, query, negation)) if rest else None
        needs = ""
        if root in self._locals:
            if not rest or self._in_literal(root, rest):
                return None
        elif root in self.scope.rules or root in self.scope.module.imports or root == "data":
            constant = [str(step) for step in rest if isinstance(step, str)]
            if len(constant) == len(rest):
                full = self.scope.resolve([root, *constant])
                own = full.removeprefix(f"data.{self.scope.module.package}.")
                if own in self.scope.total:
                    return None
                needs = full if full.startswith("data.") else ""
            if root in self.scope.rules and not rest and not needs:
                return None
        elif not rest:
            return None  # `input` itself, or a variable bound by unification
        return Lifted(node, needs, self._excuse(path, query, negation))

    @cached_property
    def _locals(self) -> frozenset[str]:
        return locals_of(self.scope.module, self.rule)

    def _in_literal(self, name: str, rest: Iterable[str | Node]) -> bool:
        """Whether the path exists in the literal that is assigned to a local."""
        values = [
            statement.expression.child("rhs")
            for query in self.rule.queries
            for statement in query.statements
            if statement.expression is not None
            and any(pattern.kind == "Var" and pattern.value == name for pattern in statement.patterns)
        ]
        return len(values) == 1 and _reaches(values[0], rest)

    def _excuse(self, path: Path, query: Query, negation: Statement) -> str:
        if effect(self.rule.name.rsplit(".", 1)[-1]) == "permits" and self.rule.kind in ("complete", "function"):
            return f"{self.rule.name} permits, so it is closed when silent"
        for statements in (*query.enclosing, query.statements):
            for statement in statements:
                if statement is negation:
                    continue
                if any(path == other[: len(path)] for other in _demanded(statement, self.scope.module)):
                    line, _ = self.scope.module.place(statement.start)
                    return f"line {line} asks for it in any case"
        if _anonymous(path, self._locals) in self.spoken:
            return f"another definition of {self.rule.name} reports its absence"
        return ""


def _is_given(node: Node, negation: Statement) -> bool:
    """Whether `with input as {…}` on the negation itself gives the reference a value."""
    path = steps(node)
    for modifier in negation.modifiers:
        target = steps(modifier.target)
        if path[: len(target)] == target and _reaches(modifier.value, path[len(target) :]):
            return True
    return False


def _reaches(value: Node | None, path: Iterable[str | Node]) -> bool:
    """Whether a path exists in a literal."""
    for step in path:
        if value is None or value.kind != "Object":
            return False
        value = next((v for k, v in value.pairs if isinstance(step, str) and k.value == step), None)
    return value is not None


def _taken_out(negated: Node) -> Iterator[Node]:
    """What OPA evaluates before it negates."""
    if negated.kind in REFERENCES:
        yield from _brackets(negated)
    elif negated.kind == "Call":
        for argument in negated.listed("params"):
            yield from _operands(argument)
    elif negated.kind in ("BoolExpr", "AssignExpr") and negated.op == "Eq":
        for side in (negated.child("lhs"), negated.child("rhs")):
            yield from _brackets(side) if side.kind in REFERENCES else _operands(side)
    else:
        for child in negated.children if negated.kind not in COMPREHENSIONS else ():
            yield from _operands(child)


def _brackets(reference: Node) -> Iterator[Node]:
    """What stands in the brackets of a reference, or is indexed by it."""
    while reference.kind in ("RefDot", "RefBrack"):
        if reference.kind == "RefBrack" and reference.child("index").kind != "Var":
            yield from _operands(reference.child("index"))
        reference = reference.child("refr")
    if reference.kind != "Var":
        yield from _operands(reference)


def _operands(node: Node) -> Iterator[Node]:
    """References and calls that must be defined for an operand to be."""
    if node.kind in COMPREHENSIONS:
        return
    if node.kind in REFERENCES:
        yield node
        yield from _brackets(node)
    elif node.kind == "Call":
        yield node
        for argument in node.listed("params"):
            yield from _operands(argument)
    else:
        for child in node.children:
            yield from _operands(child)


def _path(node: Node, module: Module) -> Path:
    """A reference as comparable steps; variable and composite parts by their source."""
    return tuple(
        part if isinstance(part, str) else f"[{' '.join(module.cut(part.start, part.end).split())}]"
        for part in steps(node)
    )


def _demanded(statement: Statement, module: Module) -> Iterator[Path]:
    """References without which a positive statement does not hold.

    An assignment of a call or of a literal is not counted: it words a message, it does not ask for the field.
    """
    if statement.kind == "NotExpr" or statement.modifiers:
        return
    for top in statement.own:
        if top.kind == "AssignExpr" and top.child("rhs").kind not in REFERENCES:
            continue
        for operand in _operands(top):
            if operand.kind in REFERENCES:
                yield _path(operand, module)


def _anonymous(path: Path, local: frozenset[str]) -> Path:
    """The path without the name of the local it starts from, which differs between definitions."""
    return ("*", *path[1:]) if path and path[0] in local else path


def _bare_negations(module: Module) -> dict[str, frozenset[Path]]:
    """By rule, the references whose absence a definition reports: `not c.image` alone."""
    found: dict[str, set[Path]] = {}
    for rule in module.rules:
        local = locals_of(module, rule)
        for body in rule.bodies:
            for statement in body.statements:
                expression = statement.expression
                if statement.kind == "NotExpr" and expression is not None and expression.kind in REFERENCES:
                    found.setdefault(rule.name, set()).add(_anonymous(_path(expression, module), local))
    return {name: frozenset(paths) for name, paths in found.items()}
