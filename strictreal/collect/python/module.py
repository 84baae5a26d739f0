"""One Python module, parsed, with what every detector asks of it: lines, parents, scopes and resolved names."""

from __future__ import annotations

import ast
import io
import tokenize
import warnings
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar, overload

from strictreal.collect.python.credentials import credentials
from strictreal.collect.python.hidden import hidden
from strictreal.collect.python.names import Definition, Names
from strictreal.collect.python.role import role
from strictreal.model import Location, canonical, digest
from strictreal.redact import MARK, redact

MAX_TEXT = 400
IDENTITY_LINES = 40
"""Lines of a construct that tell it from another, beside their number."""
N = TypeVar("N", bound=ast.AST)
M = TypeVar("M", bound=ast.AST)
K = TypeVar("K", bound=ast.AST)


@dataclass
class ParsedModule:
    """A module's path, text and tree, and what it is there for.

    `role` is what `role.role` says of the path, unless whoever parses it knows better: what the product imports is the
    product's, wherever it stands.
    """

    path: str
    text: str
    tree: ast.Module
    role: str = ""
    loaded: bool = False
    """True where something loads it, so that it is no typing stub whatever it is called."""

    def __post_init__(self) -> None:
        self.loaded = bool(self.role)
        self.role = self.role or role(self.path)

    @cached_property
    def lines(self) -> list[str]:
        """Source lines as Python counts them, without line ends."""
        return io.StringIO(self.text, newline=None).read().split("\n")

    @cached_property
    def _index(self) -> tuple[list[ast.AST], dict[ast.AST, ast.AST], dict[type[ast.AST], list[ast.AST]]]:
        return _walk(self.tree)

    @property
    def nodes(self) -> list[ast.AST]:
        """Every node that has a place, parents before children; operators and contexts are not among them."""
        return self._index[0]

    @property
    def parents(self) -> dict[ast.AST, ast.AST]:
        """The parent of every node but the module."""
        return self._index[1]

    @overload
    def of(self, kind: type[N], /) -> list[N]: ...
    @overload
    def of(self, kind: type[N], second: type[M], /) -> list[N | M]: ...
    @overload
    def of(self, kind: type[N], second: type[M], third: type[K], /) -> list[N | M | K]: ...
    @overload
    def of(self, *kinds: type[ast.AST]) -> list[Any]: ...
    def of(self, *kinds: type[ast.AST]) -> list[Any]:
        """The nodes of exactly these types, type by type, each in the order of `nodes`."""
        by_type = self._index[2]
        return [node for kind in kinds for node in by_type.get(kind, ())]

    @cached_property
    def names(self) -> Names:
        """Scopes and bindings."""
        return Names(self)

    def resolve(self, node: ast.AST) -> str:
        """The fully qualified dotted name that an expression denotes here, or "".

        `os.environ.setdefault` for `e.setdefault` after `from os import environ as e`; "" for parameters, local values
        and whatever else cannot be known. Builtins keep their plain names, relative imports their leading dots, and
        what a call returns has `()`: `environs.Env().str`. Where several bindings may apply, the first that is known;
        `resolve_all` gives all.
        """
        return next(iter(self.names.resolve_all(node)), "")

    def resolve_all(self, node: ast.AST) -> tuple[str, ...]:
        """Every dotted name that an expression may denote here, as `resolve` writes them."""
        return self.names.resolve_all(node)

    def definitions(self, node: ast.AST) -> tuple[Definition, ...]:
        """The functions and classes of this module that a name may denote here."""
        return self.names.definitions(node)

    @cached_property
    def keys(self) -> dict[ast.AST, ast.expr | None]:
        """The key of each value of each dictionary that is written out; None for `**mapping`."""
        return {
            value: key
            for dictionary in self.of(ast.Dict)
            for key, value in zip(dictionary.keys, dictionary.values, strict=True)
        }

    @cached_property
    def given(self) -> dict[str, list[ast.expr]]:
        """What the attributes of `self` are given anywhere, by their name."""
        found: dict[str, list[ast.expr]] = {}
        for assign in self.of(ast.Assign):
            for target in assign.targets:
                if isinstance(target, ast.Attribute) and getattr(target.value, "id", "") == "self":
                    found.setdefault(target.attr, []).append(assign.value)
        return found

    def string(self, node: ast.AST | None) -> str | None:
        """The text that an expression always is here, through names bound once; None when unknown."""
        return self.names.string(node)

    @cached_property
    def credentials(self) -> list[ast.Constant]:
        """Literals that are credentials."""
        return list(credentials(self))

    @cached_property
    def hidden(self) -> list[ast.Constant | ast.JoinedStr]:
        """Literals that may be secrets: no fact shows them."""
        return list(hidden(self))

    @cached_property
    def _secret_spans(self) -> dict[int, list[tuple[int, int]]]:
        """Columns of hidden literals by line, in bytes from 0, the last first."""
        spans: dict[int, list[tuple[int, int]]] = {}
        for secret in self.hidden:
            last = secret.end_lineno or secret.lineno
            for line in range(secret.lineno, min(last, len(self.lines)) + 1):
                start = secret.col_offset if line == secret.lineno else 0
                end = (secret.end_col_offset or 0) if line == last else len(self.lines[line - 1].encode())
                spans.setdefault(line, []).append((start, end))
        return {line: sorted(set(found), reverse=True) for line, found in spans.items()}

    def line(self, number: int) -> str:
        """One source line, counted from 1, with credentials replaced and at most `MAX_TEXT` characters; "" outside."""
        if not 0 < number <= len(self.lines):
            return ""
        text = self.lines[number - 1]
        if number in self._secret_spans:
            raw = text.encode()
            for start, end in self._secret_spans[number]:
                raw = raw[:start] + MARK.encode() + raw[end:]
            text = raw.decode(errors="replace")
        return redact(text.rstrip(), MAX_TEXT)

    def at(self, node: ast.AST) -> Location:
        """Where a node stands. Columns count characters from 1; the text is redacted."""
        line = getattr(node, "lineno", 1)
        end_line = getattr(node, "end_lineno", None) or line
        column = self._column(line, getattr(node, "col_offset", 0))
        end = self._column(end_line, getattr(node, "end_col_offset", None) or 0)
        identity = self._identity(node, line, end_line)
        return Location(self.path, line, column, end_line, end, self.line(line), identity=identity)

    def _identity(self, node: ast.AST, line: int, end_line: int) -> str:
        """A digest of the enclosing names and of the node's redacted lines, independent of where they stand."""
        names = []
        around: ast.AST | None = self.parents.get(node)
        while around is not None:
            if isinstance(around, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                names.append(around.name)
            around = self.parents.get(around)
        last = min(end_line, line + IDENTITY_LINES, len(self.lines))
        body = [" ".join(self.line(number).split()) for number in range(line, last + 1)]
        return digest(canonical([names, body, end_line - line]))[:16]

    def snippet(self, node: ast.expr, limit: int = MAX_TEXT) -> str:
        """What an expression looks like on its first line, redacted; what follows on other lines is left out."""
        if node.lineno in self._secret_spans:
            return MARK
        raw = self.lines[node.lineno - 1].encode()
        alone = node.end_lineno == node.lineno
        text = raw[node.col_offset : node.end_col_offset if alone else None].decode(errors="replace")
        return redact(text if alone else text.rstrip() + " …", limit)

    def _column(self, line: int, offset: int) -> int:
        text = self.lines[line - 1] if 0 < line <= len(self.lines) else ""
        return len(text.encode()[:offset].decode(errors="ignore")) + 1


_FIELDS: dict[type[ast.AST], tuple[str, ...]] = {}
"""The fields of each node type that may hold nodes with a place, in reverse."""


def _fields(kind: type[ast.AST]) -> tuple[str, ...]:
    plain = {"ctx", "op", "ops", "id", "attr", "name", "asname", "arg", "lineno", "kind", "level", "module", "n", "s"}
    nodes = {(ast.arguments, "vararg"), (ast.arguments, "kwarg")}
    return tuple(reversed([f for f in kind._fields if f not in plain or (kind, f) in nodes]))


def _walk(tree: ast.AST) -> tuple[list[ast.AST], dict[ast.AST, ast.AST], dict[type[ast.AST], list[ast.AST]]]:
    """Nodes in preorder, their parents, and the nodes by type; one pass and no recursion, however deep the tree."""
    nodes: list[ast.AST] = []
    parents: dict[ast.AST, ast.AST] = {}
    by_type: dict[type[ast.AST], list[ast.AST]] = {}
    stack = [tree]
    while stack:
        node = stack.pop()
        nodes.append(node)
        kind = type(node)
        same = by_type.get(kind)
        if same is None:
            same = by_type[kind] = []
            _FIELDS.setdefault(kind, _fields(kind))
        same.append(node)
        for field in _FIELDS[kind]:
            value = getattr(node, field, None)
            if isinstance(value, ast.AST):
                parents[value] = node
                stack.append(value)
            elif type(value) is list:
                for child in reversed(value):
                    if isinstance(child, ast.AST):
                        parents[child] = node
                        stack.append(child)
    return nodes, parents, by_type


def parse(path: str, source: bytes, role: str = "") -> ParsedModule:
    """Parse a module as the running Python does, honouring its coding line.

    Args:
        role: what the module is there for, where its path does not tell.

    Raises:
        ValueError: it is not Python that this interpreter can parse; the message says where.
    """
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(source).readline)
        text = source.decode(encoding)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(source, filename=path)
    except SyntaxError as error:
        raise ValueError(f"is not valid Python here: line {error.lineno}: {error.msg}") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"is not valid {error.encoding}: byte {error.start}") from error
    except (ValueError, LookupError) as error:
        raise ValueError(f"cannot be parsed: {error}") from error
    return ParsedModule(path, text, tree, role)
