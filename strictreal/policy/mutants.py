"""Small wrong versions of a policy, made at the source: each should make a test fail."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from strictreal.policy.expand import Edit, edited
from strictreal.policy.metadata import annotation
from strictreal.policy.syntax import REFERENCES, Module, Node, Rule, Statement, is_test

_OPPOSITE = {"==": "!=", "!=": "==", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}
_NEIGHBOUR = {"<": "<=", "<=": "<", ">": ">=", ">=": ">"}
_ARITHMETIC = {"+": "-", "-": "+", "*": "/", "/": "*", "%": "*", "&": "|", "|": "&"}
_OPERATORS = {
    "Eq": "==",
    "Ne": "!=",
    "Lt": "<",
    "Le": "<=",
    "Gt": ">",
    "Ge": ">=",
    "Add": "+",
    "Sub": "-",
    "Mul": "*",
    "Div": "/",
    "Mod": "%",
    "Intersection": "&",
    "Union": "|",
}


@dataclass(frozen=True)
class Mutant:
    """One change: the bytes from `start` to `end` become `after`."""

    rule: Rule
    operator: str
    start: int
    end: int
    before: str
    after: str

    @property
    def change(self) -> str:
        """How a report, and an annotation of an equivalent mutant, writes it."""
        return f"{' '.join(self.before.split())} → {' '.join(self.after.split())}"

    def apply(self, module: Module, edits: Sequence[Edit] = ()) -> str:
        """The changed module, with those other edits that stand outside the change."""
        others = [edit for edit in edits if edit[1] <= self.start or self.end <= edit[0]]
        return edited(module.source, [*others, (self.start, self.end, self.after)])


def mutants(module: Module) -> Iterator[Mutant]:
    """Every mutant of a module's rules, in source order."""
    made = {}
    for rule in module.rules:
        if not is_test(rule.name):
            for mutant in _of_rule(module, rule):
                made[mutant.start, mutant.end, mutant.after] = mutant
    yield from (made[key] for key in sorted(made))


def _of_rule(module: Module, rule: Rule) -> Iterator[Mutant]:
    def mutant(operator: str, start: int, end: int, after: str) -> Mutant:
        return Mutant(rule, operator, start, end, module.cut(start, end), after)

    for query in rule.queries:
        for statement in query.statements:
            for operator, start, end, after in _of_statement(module, statement):
                yield mutant(operator, start, end, after)
    if rule.bodies and rule.bodies[0].statements:
        first = rule.bodies[0].statements
        if len(first) == 1:
            yield mutant("drop the rule", first[0].start, first[0].end, "false")
        else:
            yield mutant("drop the rule", first[0].start, first[0].start, "false; ")
    for node in rule.nodes:
        if changed := _constant(node):
            operator = "swap the default" if rule.kind == "default" else "change a constant"
            yield mutant(operator, node.start, node.end, changed)
        elif node.kind in ("BoolExpr", "ArithExpr", "BinExpr"):
            place = _operator(module, node)
            tables = (_NEIGHBOUR,) if node.kind == "BoolExpr" else (_ARITHMETIC,)
            for table in tables:
                if place and place[2] in table:
                    yield mutant(f"change {place[2]}", place[0], place[1], table[place[2]])


def _of_statement(module: Module, statement: Statement) -> Iterator[tuple[str, int, int, str]]:
    expression = statement.expression
    if statement.kind == "Every":
        yield "drop an expression", statement.start, statement.end, "true"
    if expression is None:
        return
    if statement.kind == "NotExpr":
        yield "drop a negation", statement.start, _inside(module, statement, expression), ""
        yield "drop an expression", statement.start, statement.end, "true"
        return
    if expression.kind == "AssignExpr":
        return
    if expression.kind != "Bool":
        yield "drop an expression", statement.start, statement.end, "true"
    place = _operator(module, expression) if expression.kind == "BoolExpr" else None
    if place and place[2] in _OPPOSITE:
        yield "negate", place[0], place[1], _OPPOSITE[place[2]]
    elif expression.kind in (*REFERENCES, "Call", "Membership"):
        yield "negate", statement.start, statement.start, "not "


def _inside(module: Module, statement: Statement, expression: Node) -> int:
    """Where the negated expression begins, an opening parenthesis that belongs to it included."""
    text = module.source[statement.start : expression.start]
    return statement.start + len(text) - len(text[3:].lstrip())


def _operator(module: Module, node: Node) -> tuple[int, int, str] | None:
    """Where a binary operator stands: between its operands, outside comments."""
    symbol = _OPERATORS.get(node.op)
    if symbol is None:
        return None
    start, end = node.child("lhs").end, node.child("rhs").start
    gap = module.source[start:end]
    if b"#" in gap:
        return None
    found = gap.find(symbol.encode())
    return (start + found, start + found + len(symbol), symbol) if found >= 0 else None


def _constant(node: Node) -> str:
    """Another constant of the same type; "" for what is no constant."""
    if node.kind == "Number":
        return json.dumps(node.value + 1)
    if node.kind in ("String", "RawString"):
        return json.dumps(f"{node.value}~" if node.value else "~")
    if node.kind == "Bool":
        return "false" if node.value else "true"
    return ""


def equivalent(module: Module, mutant: Mutant) -> str:
    """The reason why a mutant cannot be told from the original, given in METADATA; "" when none is given.

    `custom.equivalent_mutants` lists `change` (as in the report) and `reason`.
    """
    listed = annotation(module, mutant.rule.start).get("custom")
    items = listed.get("equivalent_mutants") if isinstance(listed, dict) else None
    for item in items if isinstance(items, list) else []:
        if isinstance(item, dict) and item.get("change") == mutant.change and item.get("reason"):
            return str(item["reason"])
    return ""
