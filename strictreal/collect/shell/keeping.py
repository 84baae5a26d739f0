"""What an assignment keeps of a failure, whether something takes it back, and whether a later statement surely runs."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tree_sitter import Node

from strictreal.collect.shell.judged import FAILURES
from strictreal.collect.shell.syntax import descendants, statements, text_of

_STATUS = re.compile(r"\$\{?\?|PIPESTATUS")
_COUNTED = re.compile(r"(?:\(\(|let\s+\"?)\s*(\w+)\s*(?:\+\+|\+=\s*[1-9])")
MAX_STATEMENT = 4_000
READERS = frozenset(
    {"command", "test_command", "list", "if_statement", "case_statement", "compound_statement", "redirected_statement"}
)
"""Statements that may make something of what a variable keeps."""
_BRANCHES = frozenset(
    {"if_statement", "case_statement", "list", "while_statement", "for_statement", "c_style_for_statement", "subshell"}
)


def given(assignment: Node) -> tuple[int | str, ...]:
    """What a variable may hold after an assignment that a failure leads to; nothing when it tells of none."""
    held = assignment.child_by_field_name("value")
    value = text_of(held).strip("\"'") if held else ""
    if _STATUS.search(value) and "$((" not in value:
        return FAILURES
    if value.startswith("$((") or (held is not None and held.type == "array"):
        return (1, 2)
    return () if value in {"", "0"} or re.search(r"[$`]", value) else (value,)


def counted(node: Node) -> str:
    """The variable that `(( n++ ))` or `let n+=1` counts up; "" for anything else."""
    found = _COUNTED.match(text_of(node)) if node.type in {"compound_statement", "command"} else None
    return found[1] if found else ""


def _above(node: Node) -> Iterator[Node]:
    """The nodes around one, up to the function or the script that holds it."""
    parent = node.parent
    while parent is not None:
        yield parent
        if parent.type == "function_definition":
            return
        parent = parent.parent


def _within(node: Node, outer: Node) -> bool:
    return outer.start_byte <= node.start_byte and node.end_byte <= outer.end_byte


def _function(node: Node) -> Node | None:
    return next((outer for outer in _above(node) if outer.type == "function_definition"), None)


class Tree:
    """The assignments of a script and the calls of its functions, found once."""

    def __init__(self, root: Node) -> None:
        self.root = root
        self.statements: list[tuple[Node, str]] = []
        """Those that may ask for a variable, with the first `MAX_STATEMENT` characters of each."""
        self.assignments: dict[str, list[Node]] = {}
        self._called: dict[str, int] = {}
        for node in descendants(root):
            if node.type == "variable_assignment" and (name := node.child_by_field_name("name")):
                self.assignments.setdefault(text_of(name), []).append(node)
            elif node.type == "command_name":
                end = self._called.get(text_of(node), node.end_byte)
                self._called[text_of(node)] = min(end, node.end_byte)
            elif node.type in READERS:
                self.statements.append((node, (node.text or b"")[:MAX_STATEMENT].decode(errors="replace")))

    def after(self, assignment: Node) -> int:
        """Where what comes after an assignment begins: for one in a function, after the function is first called."""
        holder = _function(assignment)
        name = holder.child_by_field_name("name") if holder else None
        if holder is None or name is None:
            return assignment.end_byte
        return self._called.get(text_of(name), holder.end_byte)


def stands(reader: Node, assignment: Node, how: str = "status", tree: Tree | None = None) -> str:
    """`how`, if a statement surely runs after an assignment, and its own status counts where that is all it gives."""
    around = list(_above(reader))
    if not how or any(outer.type in _BRANCHES and not _within(assignment, outer) for outer in around):
        return ""
    holder = _function(reader)
    same = holder == _function(assignment)
    if (same or holder is None) and reader != assignment:
        after = assignment.end_byte if same or tree is None else tree.after(assignment)
        if reader.start_byte < after:
            return ""
    if how != "status":
        return how if same or how == "exit" else "exit" if holder is None else "status"
    block = reader.parent
    below = [child for child, _ in statements(block)] if block else []
    if block is None or not below or below[-1] != reader:
        return ""
    if block.type == "program":
        return "exit"
    return "return" if block.parent and block.parent.type == "function_definition" else "status"


def undone(assignment: Node, name: str, reader: Node, tree: Tree) -> bool:
    """Whether another assignment, between one and the statement that reads it, may take the failure back."""
    holder = _function(assignment)
    start = tree.after(assignment) if holder != _function(reader) else assignment.end_byte
    end = reader.start_byte if holder == _function(reader) or _function(reader) is None else tree.root.end_byte
    return any(
        _function(other) in {None, holder} and _takes_back(other, name, assignment)
        for other in tree.assignments.get(name, ())
        if start <= other.start_byte < end and other != assignment
    )


def _takes_back(other: Node, name: str, assignment: Node) -> bool:
    named, held = other.child_by_field_name("name"), other.child_by_field_name("value")
    if named is None or "+=" in text_of(other):
        return False
    around = list(_above(other))
    if any(
        outer.type in {"else_clause", "elif_clause", "case_item"}
        and not _within(assignment, outer)
        and outer.parent is not None
        and _within(assignment, outer.parent)
        for outer in around
    ):
        return False  # the other branch of the same condition
    value = text_of(held).strip("\"'") if held else ""
    if re.search(rf"\b{re.escape(name)}\b", value):
        return bool(re.search(r"\*\s*0|&\s*0", value))
    if _STATUS.search(value):  # of another command: 0 unless that has failed
        return not any(
            outer.type == "else_clause" or (outer.type == "list" and any(c.type == "||" for c in outer.children))
            for outer in around
        )
    return value in {"", "0"} or bool(re.search(r"[$`]", value)) or value in {"true", "ok", "yes", "passed"}
