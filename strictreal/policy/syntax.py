"""One Rego module as a tree: its rules, its statements, and where each stands in the source.

The tree is the one that regorus writes. Offsets are bytes into the UTF-8 text. `Node` and `Statement` wrap the raw
dictionaries; their extents include the quotes and brackets that regorus leaves out.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from strictreal.engines.rego import RegoError
from strictreal.model import shortened

MAX_SHOWN = 200
"""Characters of source in a message."""

Raw = dict[str, Any]
QUOTED = ("String", "RawString")
REFERENCES = ("Var", "RefDot", "RefBrack")
COMPREHENSIONS = ("ArrayCompr", "SetCompr", "ObjectCompr")


@dataclass(frozen=True, eq=False)
class Node:
    """One expression."""

    kind: str
    raw: Raw

    @property
    def value(self) -> Any:
        """The name of a variable or the value of a scalar."""
        return self.raw.get("value")

    @property
    def op(self) -> str:
        return str(self.raw.get("op", ""))

    def get(self, name: str) -> Node | None:
        """The child called `name`, if the node has one."""
        return node(self.raw.get(name))

    def child(self, name: str) -> Node:
        """The child called `name`, which nodes of this kind always have."""
        return known(self.raw[name])

    def listed(self, name: str) -> list[Node]:
        return [found for item in self.raw.get(name) or [] if (found := node(item))]

    @cached_property
    def pairs(self) -> list[tuple[Node, Node]]:
        """Keys and values of an object."""
        return [(k, v) for _, key, value in self.raw.get("fields") or [] if (k := node(key)) and (v := node(value))]

    @cached_property
    def children(self) -> list[Node]:
        """Expressions directly inside, those of comprehension bodies not included, in no particular order."""
        found = [f for name in _CHILDREN.get(self.kind, ()) if (f := self.get(name))]
        for name in ("items", "params"):
            found += self.listed(name)
        for key, value in self.pairs:
            found += (key, value)
        return found

    @cached_property
    def query(self) -> list[Statement]:
        """The statements of a comprehension's body; empty for anything else."""
        return statements(self.raw.get("query")) if self.kind in COMPREHENSIONS else []

    @cached_property
    def start(self) -> int:
        own: int = self.raw["span"]["start"]
        return min([own, *(child.start for child in self.children)])

    @cached_property
    def end(self) -> int:
        own: int = self.raw["span"]["end"]
        return max([own, *(child.end for child in self.children)])

    def walk(self) -> Iterator[Node]:
        """This node and every one below it, comprehension bodies included."""
        yield self
        for child in self.children:
            yield from child.walk()
        for statement in self.query:
            for inner in statement.nodes:
                yield from inner.walk()


_CHILDREN = {
    "ArrayCompr": ("term",),
    "SetCompr": ("term",),
    "ObjectCompr": ("key", "value"),
    "Call": ("fcn",),
    "UnaryExpr": ("expr",),
    "RefDot": ("refr",),
    "RefBrack": ("refr", "index"),
    "BinExpr": ("lhs", "rhs"),
    "BoolExpr": ("lhs", "rhs"),
    "ArithExpr": ("lhs", "rhs"),
    "AssignExpr": ("lhs", "rhs"),
    "Membership": ("key", "value", "collection"),
    "OrExpr": ("lhs", "rhs"),
}


def node(raw: Any) -> Node | None:
    """The node that a raw value is, or None."""
    if isinstance(raw, dict) and len(raw) == 1:
        [(kind, body)] = raw.items()
        if isinstance(body, dict) and "span" in body:
            return Node(kind, body)
    return None


def known(raw: Any) -> Node:
    """The node that a raw value is, where the grammar always has one.

    Raises:
        RegoError: the engine writes its tree in another way.
    """
    found = node(raw)
    if found is None:
        raise RegoError("the embedded engine gives a syntax tree that is not understood")
    return found


@dataclass(frozen=True, eq=False)
class Modifier:
    """`with target as value`."""

    target: Node
    value: Node


@dataclass(frozen=True, eq=False)
class Statement:
    """One statement of a body: `kind` is SomeVars, SomeIn, Expr, NotExpr or Every."""

    kind: str
    raw: Raw
    modifiers: tuple[Modifier, ...]
    _start: int
    _end: int

    @cached_property
    def expression(self) -> Node | None:
        """What Expr states or NotExpr negates."""
        return node(self.raw.get("expr"))

    @cached_property
    def own(self) -> list[Node]:
        """The expressions of the statement itself: neither `with` values nor what stands inside `every … { … }`."""
        return [f for name in ("expr", "key", "value", "collection", "domain") if (f := node(self.raw.get(name)))]

    @cached_property
    def nodes(self) -> list[Node]:
        """Every expression that stands in the statement, `with` values included."""
        found = list(self.own)
        for modifier in self.modifiers:
            found += (modifier.target, modifier.value)
        for inner in self.query:
            found += inner.nodes
        return found

    @cached_property
    def patterns(self) -> list[Node]:
        """What `some … in` and `:=` bind."""
        if self.kind == "SomeIn":
            return [f for name in ("key", "value") if (f := node(self.raw.get(name)))]
        if self.expression is not None and self.expression.kind == "AssignExpr" and self.expression.op == "ColEq":
            return [self.expression.child("lhs")]
        return []

    @cached_property
    def query(self) -> list[Statement]:
        """The statements inside `every … { … }`."""
        return statements(self.raw.get("query"))

    @property
    def declared(self) -> list[tuple[int, int]]:
        """Spans of the names that `some x, y` or `every x` declares."""
        spans = self.raw.get("vars") or []
        if self.kind == "Every":
            spans = [s for s in (self.raw.get("key"), self.raw.get("value")) if s]
        return [(span["start"], span["end"]) for span in spans]

    @cached_property
    def start(self) -> int:
        own = [n.start for n in self.nodes] if self.kind != "Every" else []
        return min([self._start, *own])

    @cached_property
    def end(self) -> int:
        return max([self._end, *(n.end for n in self.nodes)])


@dataclass(frozen=True, eq=False)
class Query:
    """Statements that hold together, and the queries around them, outermost first."""

    statements: list[Statement]
    enclosing: tuple[list[Statement], ...]


def _queries(inner: list[Statement], enclosing: tuple[list[Statement], ...]) -> Iterator[Query]:
    yield Query(inner, enclosing)
    for statement in inner:
        around = (*enclosing, inner)
        if statement.query:
            yield from _queries(statement.query, around)
        tops = list(statement.own)
        for modifier in statement.modifiers:
            tops += (modifier.target, modifier.value)
        for top in tops:
            yield from _comprehensions(top, around)


def _comprehensions(top: Node, enclosing: tuple[list[Statement], ...]) -> Iterator[Query]:
    if top.kind in COMPREHENSIONS:
        yield from _queries(top.query, enclosing)
        enclosing = (*enclosing, top.query)
    for child in top.children:
        yield from _comprehensions(child, enclosing)


def statements(raw: Any) -> list[Statement]:
    """The statements of a raw query."""
    found = []
    for item in (raw or {}).get("stmts", []):
        [(kind, body)] = item["literal"].items()
        modifiers = tuple(
            Modifier(target, value)
            for m in item.get("with_mods", [])
            if (target := node(m["refr"])) and (value := node(m["as"]))
        )
        found.append(Statement(kind, body, modifiers, item["span"]["start"], item["span"]["end"]))
    return found


@dataclass(frozen=True, eq=False)
class Body:
    """One body of a rule: the first, a further one in braces (v0), or an `else`."""

    statements: list[Statement]
    value: Node | None
    is_else: bool
    start: int
    end: int


@dataclass(frozen=True, eq=False)
class Rule:
    """One definition. `kind` is default, complete, set, object or function.

    `name` is the constant part of its head, dotted: `p` for `p[x]`, `r.s.t` for `r.s.t`.
    """

    name: str
    kind: str
    head: Node
    start: int
    end: int
    key: Node | None
    value: Node | None
    arguments: list[Node]
    bodies: list[Body]

    @property
    def nodes(self) -> Iterator[Node]:
        """Every expression of the definition, at any depth."""
        tops = [n for n in (self.key, self.value, *self.arguments, self.head) if n]
        for body in self.bodies:
            tops += [body.value] if body.value else []
            tops += [n for statement in body.statements for n in statement.nodes]
        for top in tops:
            yield from top.walk()

    @property
    def queries(self) -> Iterator[Query]:
        """Every query of the definition: its bodies, comprehensions and `every` blocks, at any depth."""
        first = self.bodies[0].statements if self.bodies else []
        for top in [n for n in (self.key, self.value, *self.arguments, self.head) if n]:
            yield from _comprehensions(top, (first,))
        for body in self.bodies:
            yield from _queries(body.statements, ())
            if body.value:
                yield from _comprehensions(body.value, (body.statements,))


@dataclass
class Module:
    """A parsed module."""

    path: str
    text: str
    language: str
    package: str
    imports: dict[str, str]
    """Dotted path by the name under which it is known here: `{"k": "data.lib.k"}`."""
    package_start: int
    rules: list[Rule]
    keywords: frozenset[str] = field(default_factory=frozenset)
    """What `import future.keywords…` names; "*" for all of them."""

    @property
    def is_test(self) -> bool:
        """A file of tests, by OPA's naming; its rules judge policies and are not policies."""
        return self.path.endswith("_test.rego")

    @cached_property
    def source(self) -> bytes:
        return self.text.encode()

    @cached_property
    def lines(self) -> list[str]:
        return [line.removesuffix("\r") for line in self.text.split("\n")]

    @cached_property
    def _starts(self) -> list[int]:
        starts, offset = [], 0
        for line in self.source.split(b"\n"):
            starts.append(offset)
            offset += len(line) + 1
        return starts

    def place(self, offset: int) -> tuple[int, int]:
        """Line and column of a byte, counting characters from 1."""
        row = bisect.bisect_right(self._starts, offset) - 1
        return row + 1, len(self.source[self._starts[row] : offset].decode(errors="replace")) + 1

    def cut(self, start: int, end: int) -> str:
        """The source between two bytes."""
        return self.source[start:end].decode(errors="replace")

    def shown(self, item: Node | Statement | Rule) -> str:
        """The source of an item on one line, at most 200 characters."""
        return shortened(" ".join(self.cut(item.start, item.end).split()), MAX_SHOWN)


def is_test(name: str) -> bool:
    """Whether a rule of this name is a test; `todo_test_…` is one that OPA skips."""
    return name.startswith(("test_", "todo_test_"))


def constant_path(reference: Node | None) -> list[str]:
    """The leading constant parts of a reference: `["input", "a", "b"]` for `input.a["b"][i].c`."""
    parts: list[str] = []
    for step in steps(reference):
        if not isinstance(step, str):
            break
        parts.append(step)
    return parts


def steps(reference: Node | None) -> list[str | Node]:
    """A reference as root and path; variable or composite parts stay nodes. The root is a node unless a variable."""
    found: list[str | Node] = []
    while reference is not None:
        if reference.kind == "RefDot":
            found.append(str(reference.raw["field"][1]))
            reference = reference.get("refr")
        elif reference.kind == "RefBrack":
            index = reference.child("index")
            found.append(str(index.value) if index.kind in QUOTED else index)
            reference = reference.get("refr")
        else:
            found.append(str(reference.value) if reference.kind == "Var" else reference)
            break
    return found[::-1]
