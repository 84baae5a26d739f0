"""One Python module, parsed, with what every detector asks of it: lines, parents, scopes and resolved names."""

from __future__ import annotations

import ast
import io
import tokenize
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from strictreal.collect.redact import redact
from strictreal.model import Location

MAX_TEXT = 400


@dataclass
class ParsedModule:
    """A module's path, text and tree."""

    path: str
    text: str
    tree: ast.Module

    @cached_property
    def lines(self) -> list[str]:
        """Source lines as Python counts them, without line ends."""
        return io.StringIO(self.text, newline=None).read().split("\n")

    @cached_property
    def nodes(self) -> list[ast.AST]:
        """Every node, parents before children, in source order."""
        return list(_preorder(self.tree))

    @cached_property
    def parents(self) -> dict[ast.AST, ast.AST]:
        """The parent of every node but the module."""
        return {child: node for node in self.nodes for child in ast.iter_child_nodes(node)}

    def at(self, node: ast.AST) -> Location:
        """Where a node stands. Columns count characters from 1; the text is redacted."""
        line = getattr(node, "lineno", 1)
        text = self.lines[line - 1] if 0 < line <= len(self.lines) else ""
        column = len(text.encode()[: getattr(node, "col_offset", 0)].decode(errors="ignore")) + 1
        end_line = getattr(node, "end_lineno", None) or line
        end_text = self.lines[end_line - 1] if 0 < end_line <= len(self.lines) else ""
        end = len(end_text.encode()[: getattr(node, "end_col_offset", None) or 0].decode(errors="ignore")) + 1
        return Location(self.path, line, column, end_line, end, redact(text.rstrip()[:MAX_TEXT]))


def _preorder(node: ast.AST) -> Iterator[ast.AST]:
    stack = [node]
    while stack:
        top = stack.pop()
        yield top
        stack.extend(reversed(list(ast.iter_child_nodes(top))))


def parse(path: str, source: bytes) -> ParsedModule:
    """Parse a module as the running Python does, honouring its coding line.

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
    return ParsedModule(path, text, tree)
