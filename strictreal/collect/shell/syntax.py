"""Shell text to a syntax tree, with what other languages put between its words taken out.

The parser is tree-sitter's Bash grammar, which goes on after what it does not understand; nothing is run. Trees are walked
without recursion where they may be deep, and to a bounded depth elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

import tree_sitter_bash
from tree_sitter import Language, Node, Parser

MAX_BYTES = 1024 * 1024
"""Of one script; a larger one is refused."""
MAX_DEPTH = 150
"""Of statements inside statements, and of scripts inside strings."""
_PLACEHOLDER = re.compile(r"\$?\{\{[^\n]{0,400}?\}\}")
_SKIPPED = frozenset({"comment", "heredoc_body", "heredoc_end", "heredoc_start"})
_STATEMENTS = frozenset(
    {
        *("command", "list", "pipeline", "redirected_statement", "subshell", "compound_statement", "if_statement"),
        *("while_statement", "for_statement", "c_style_for_statement", "case_statement", "function_definition"),
        *("negated_command", "variable_assignment", "variable_assignments", "declaration_command", "unset_command"),
        *("test_command", "do_group", "ERROR"),
    }
)


@lru_cache(maxsize=1)
def _parser() -> Parser:
    return Parser(Language(tree_sitter_bash.language()))


def parse(text: str) -> Node:
    """The tree of a script. Expressions of workflows and templates in it become words that nobody knows.

    Raises:
        ValueError: it is larger than `MAX_BYTES`.
    """
    source = _PLACEHOLDER.sub(lambda found: "X" * len(found[0].encode()), text).encode()
    if len(source) > MAX_BYTES:
        raise ValueError(f"is larger than {MAX_BYTES} bytes (bound: size of a script)")
    return _parser().parse(source).root_node


def text_of(node: Node) -> str:
    """The source of a node."""
    return (node.text or b"").decode(errors="replace")


def row(node: Node) -> int:
    """The line on which a node begins; the first is 0."""
    return node.start_point.row


def statements(node: Node) -> Iterator[tuple[Node, bool]]:
    """The statements right below a node in order, and of each whether it goes to the background."""
    below = [child for child in node.children if child.type not in _SKIPPED]
    for index, child in enumerate(below):
        if child.type in _STATEMENTS:
            yield child, index + 1 < len(below) and below[index + 1].type == "&"


def descendants(node: Node, *, into: bool = True) -> Iterator[Node]:
    """A node and all nodes below it, in no certain order.

    Args:
        into: whether to go into functions that are merely defined.
    """
    stack = [node]
    while stack:
        found = stack.pop()
        yield found
        if into or found.type != "function_definition":
            stack += found.named_children
