"""Whether a part of a script ends with a failure: what stands after `||`, or in a branch."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fnmatch import fnmatchcase
from itertools import islice

from tree_sitter import Node

from strictreal.collect.shell import audits
from strictreal.collect.shell.audits import base
from strictreal.collect.shell.judged import FAILURES, holds, meant
from strictreal.collect.shell.keeping import Tree, counted, given, stands, undone
from strictreal.collect.shell.syntax import descendants, statements, text_of
from strictreal.collect.shell.words import Names

_FAILING = re.compile(
    r"false|kill|pkill|(?:\w+[_.-])?(?:die|fail|abort|panic|bail|throw|raise|croak)\w*|err_?exit|exit_\w*|error(?:_exit)?"
)
_DEPTH = 30
MAX_READERS = 100
"""Statements that are asked what they make of one variable."""
MAX_STEPS = 500_000
"""Of looking for what becomes of the variables of one script."""
_STATUS = re.compile(r"\$\{?\?|PIPESTATUS|\bLASTEXITCODE\b")
_TAKEN = re.compile(r"\b(\w+)=\"?\$(?:\{?\?|\{?PIPESTATUS)")
_BRANCHING = frozenset({"if_statement", "case_statement", "list"})


class Fails:
    """Asked of a statement: does it fail, or keep the failure for later, and whom does it tell?

    The answers are `exit` (the whole script ends with a failure, now or later), `return` (the function does), `status`
    (the statement itself does) and `""` (nobody gets to know).
    """

    def __init__(self, names: Names, script: str) -> None:
        self.names = names
        self.taken = ["?", *dict.fromkeys(found[1] for found in _TAKEN.finditer(script))][:MAX_READERS]
        """What a status is read from: `?`, and the variables that are set to it."""
        self._asked: dict[str, str] = {}
        self._kept: dict[tuple[int, str, tuple[int | str, ...]], str] = {}
        self._trees: dict[int, Tree] = {}
        self._steps = 0

    def __call__(self, node: Node, depth: int = 0) -> str:
        """How a statement, run because another failed, hands the failure on."""
        if depth > _DEPTH:
            return ""
        if found := self.anywhere(node):
            return found
        parts = [child for child, _ in statements(node)]
        if not parts or self._subject(node):
            return ""
        if node.type == "list" and any(child.type == "&&" for child in node.children):
            return next(filter(None, (self(part, depth + 1) for part in parts)), "")
        if node.type in {"list", "compound_statement", "subshell", "redirected_statement", "pipeline"}:
            return self(parts[-1], depth + 1)
        return ""

    def anywhere(self, node: Node) -> str:
        """How anything in a part of a script hands a failure on."""
        found, stack = set[str](), [node]
        while stack:
            inner = stack.pop()
            if inner.type in _BRANCHING and (name := self._subject(inner)):
                found.add(self._insists(inner, name, FAILURES))
                continue
            found.add(self._fails(inner))
            if inner.type != "function_definition":
                stack += inner.named_children
        return next((how for how in ("exit", "return", "status") if how in found), "")

    def reads_status(self, node: Node) -> str:
        """How a statement makes something of the status of the one before it; "" when nothing comes of it."""
        if not _STATUS.search(text_of(node)):
            return ""
        taken = next((inner for inner in descendants(node) if inner.type == "variable_assignment"), None)
        if taken and _STATUS.search(text_of(taken)) and node.type in {"variable_assignment", "declaration_command"}:
            return self._fails(taken)
        how = self._insists(node, "?", FAILURES) or self._with_exit(node)
        return "" if how == "status" and not stands(node, node) else how

    def _with_exit(self, node: Node) -> str:
        """How a function fares that is handed the status, as `check $? "audit"`."""
        words = self.names.words(node) if node.type == "command" else []
        body = self.names.functions.get(words[0]) if words else None
        return "exit" if body and re.search(r"\b(?:exit|return|status|fail\w*|rc)\b", text_of(body)) else ""

    def _subject(self, node: Node) -> str:
        """Which status a branch is about; "" when it is about something else."""
        below = [child for child, _ in statements(node)]
        asked = node.child_by_field_name("value") if node.type == "case_statement" else next(iter(below), None)
        if asked is None or node.type not in _BRANCHING:
            return ""
        text = text_of(asked)[:4_000]
        if asked.type == "list":
            return self._subject(asked)
        if asked.type == "negated_command" and (inner := next(iter(statements(asked)), None)):
            asked = inner[0]
        tests = asked.type in {"test_command", "compound_statement"} or text.startswith(("$", '"$', "test "))
        return next((name for name in self.taken if tests and _names(text, name)), "")

    def _insists(self, node: Node, name: str, values: Sequence[int | str]) -> str:
        """How a statement fails whatever failure a variable, or `?`, tells of."""
        found = [self._reacts(node, name, str(value)) for value in values]
        return "" if "" in found else next((how for how in found if how != "status"), "status")

    def _reacts(self, node: Node, name: str, value: str, depth: int = 0) -> str:
        """How a statement fails when a variable, or `?`, has a value."""
        below = [child for child, _ in statements(node)]
        if depth > _DEPTH:
            return ""
        if node.type == "if_statement" and below:
            return self._branch(node, name, value, depth)
        if node.type == "case_statement":
            return self._case(node, name, value)
        if node.type == "list" and len(below) == 2:
            held = holds(below[0], name, value)
            decided = any(child.type == "||" for child in node.children)
            if held is not None and held != decided:
                return self._reacts(below[1], name, value, depth + 1) or self.anywhere(below[1])
            return "status" if held is False else ""
        if node.type == "command" and (found := re.match(r"(exit|return)\s+(\S.*)", text_of(node))):
            ended = meant(found[2], name, value)
            return found[1] if ended not in {None, "", "0"} else ""
        if holds(node, name, value) is False:
            return "status"
        if node.type in {"compound_statement", "subshell", "redirected_statement"} and below:
            return next(filter(None, (self._reacts(part, name, value, depth + 1) for part in below)), "")
        return ""

    def _branch(self, node: Node, name: str, value: str, depth: int) -> str:
        parts = [child for child, _ in statements(node)]
        held = holds(parts[0], name, value)
        if held:
            return self._first(parts[1:], name, value, depth)
        for clause in node.named_children if held is False else ():
            inner = [child for child, _ in statements(clause)]
            if clause.type == "else_clause":
                return self._first(inner, name, value, depth)
            if clause.type == "elif_clause" and inner:
                held = holds(inner[0], name, value)
                if held is not False:
                    return self._first(inner[1:], name, value, depth) if held else ""
        return ""

    def _first(self, parts: list[Node], name: str, value: str, depth: int) -> str:
        return next(
            filter(None, (self._reacts(part, name, value, depth + 1) or self.anywhere(part) for part in parts)), ""
        )

    def _case(self, node: Node, name: str, value: str) -> str:
        asked = node.child_by_field_name("value")
        said = meant(text_of(asked), name, value) if asked else None
        for item in node.named_children if said is not None else ():
            patterns = [text_of(pattern) for pattern in item.children_by_field_name("value")]
            if item.type == "case_item" and any(fnmatchcase(said or "", pattern.strip("\"'")) for pattern in patterns):
                return self._first([child for child, _ in statements(item)], name, value, 0)
        return ""

    def _keeps(self, node: Node, name: str, values: Sequence[int | str]) -> str:
        """How the script fails by what an assignment keeps in a variable."""
        key = node.start_byte, name, tuple(values)
        if key not in self._kept:
            self._kept[key] = ""  # what an assignment that is asked about itself adds
            tree = self._tree(node)
            named = (reader for reader, text in tree.statements if _names(text, name))
            self._step(len(tree.statements))
            for reader in islice(named, MAX_READERS):
                self._step(len(tree.assignments.get(name, ())))
                how = self._insists(reader, name, values) or _handed_on(reader, name)
                if (how := stands(reader, node, how, tree)) and not undone(node, name, reader, tree):
                    self._kept[key] = how
                    break
        return self._kept[key]

    def marked(self, parts: Sequence[Node]) -> str:
        """How the script fails when what runs after a success alone does not set the variable that it sets."""
        for part in parts:
            name, held = part.child_by_field_name("name"), part.child_by_field_name("value")
            if part.type != "variable_assignment" or name is None or held is None:
                continue
            others = [n for n in self._tree(part).assignments.get(text_of(name), ()) if n != part]
            before = [n.child_by_field_name("value") for n in others if n.start_byte < part.start_byte]
            default = text_of(before[-1]).strip("\"'") if before and before[-1] else ""
            if len(others) == len(before) and not re.search(r"[$`]", default):
                return self._keeps(part, text_of(name), (default,))
        return ""

    def _step(self, steps: int) -> None:
        self._steps += steps
        if self._steps > MAX_STEPS:
            raise ValueError(f"keeps too much in variables to follow (bound: {MAX_STEPS} steps for a script)")

    def _tree(self, node: Node) -> Tree:
        root = node
        while root.parent:
            root = root.parent
        if root.id not in self._trees:
            self._trees[root.id] = Tree(root)
        return self._trees[root.id]

    def _fails(self, node: Node) -> str:
        if kept := counted(node):
            return self._keeps(node, kept, (1, 2))
        if node.type == "variable_assignment":
            name = node.child_by_field_name("name")
            values = given(node)
            return self._keeps(node, text_of(name).partition("[")[0], values) if name and values else ""
        if node.type in {"test_command", "compound_statement"} or text_of(node)[:5] == "test ":
            failing = _STATUS.search(text_of(node)) and all(holds(node, "?", str(v)) is False for v in FAILURES)
            return "status" if failing else ""
        if node.type != "command":
            return ""
        words = self.names.words(node)
        if not words:
            return ""
        if words[0] in {"exit", "return"}:
            bare = len(words) == 1 and not node.prev_named_sibling
            ended = text_of(node).partition(" ")[2]
            if _STATUS.search(ended) or ended.startswith("$(("):
                return self._insists(node, next((n for n in self.taken if _names(ended, n)), "?"), FAILURES)
            return words[0] if bare or words[1:2] not in ([], ["0"]) else ""
        if (body := self.names.functions.get(words[0])) is not None:
            return self._called(words[0], body)
        if _FAILING.fullmatch(base(words[0])):
            return "status" if words[0] == "false" else "exit"
        return "status" if audits.is_audit(words) else ""

    def _called(self, name: str, body: Node) -> str:
        if name not in self._asked:
            self._asked[name] = ""  # what a function that calls itself adds
            found = self.anywhere(body)
            self._asked[name] = "status" if found == "return" else found
        return self._asked[name]


def _names(text: str, name: str) -> bool:
    """Whether a text uses a variable, or the last status."""
    return bool(_STATUS.search(text)) if name == "?" else bool(re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text))


def _handed_on(node: Node, name: str) -> str:
    """Whether a statement hands a variable to another step, or to whatever runs when the script ends."""
    text = text_of(node)
    used = re.search(rf"\$\{{?{re.escape(name)}\b", text)
    if used and node.type == "redirected_statement" and "GITHUB_OUTPUT" in text:
        return "exit"
    trapped = re.search(rf"\bexit\s+[\"\\]{{0,2}}\$\{{?{re.escape(name)}\b", text)
    return "exit" if trapped and re.match(r"trap\s", text) else ""
