"""What a statement of a script depends on: conditions around it, what may end the script before, and who calls its function.

Every way to a statement counts, so that a call less is seen. Ways multiply from function to function: each function's are
worked out once, and the work is bounded.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from tree_sitter import Node

from strictreal.collect.shell import audits, folders
from strictreal.collect.shell.syntax import text_of
from strictreal.collect.shell.words import UNKNOWN, Names
from strictreal.collect.shell.work import Work
from strictreal.model import digest

MAX_LEVELS = 8
"""Scripts in strings of scripts, and functions that call functions."""
MAX_WAYS = 500
"""Ways to one function; one with more is told by the text of the whole script."""
MAX_ENDS = 50
"""Commands before a statement that may end the script, which are told one by one."""
MAX_SHOWN = 160
_LISTS = {"&&": "if {}", "||": "unless {}"}
_ENDING = ("exit", "return", "exec", "kill", "circleci-agent")
_LOOPS = frozenset({"while_statement", "for_statement", "c_style_for_statement"})

Ways = Counter[frozenset[str]]
"""How many ways lead to a statement, by what each depends on."""


class _End(NamedTuple):
    """A command that may end the script: where it begins, how it is told, and the statement at the top that holds it."""

    start: int
    shown: str
    outer: Node


class _Move(NamedTuple):
    """A command that changes the folder, and the shell of its own that it stands in."""

    node: Node
    words: Sequence[str]
    shell: Node | None


class Reach:
    """The ways to the statements of one script.

    Args:
        nodes: all of the tree, in the order of the text.
        calls: the commands by the word that each begins with.
    """

    def __init__(
        self, text: str, nodes: Sequence[Node], calls: Mapping[str, Sequence[Node]], names: Names, work: Work
    ) -> None:
        self._text = text
        self._calls = calls
        self._names = names
        self._work = work
        # A node finds its parent from the root downwards, which takes long in a long script.
        self._parents = {child.id: node for node in nodes for child in node.named_children}
        self._told: dict[int, str] = {}
        self._asked: dict[int, tuple[frozenset[int], str]] = {}
        self._known: dict[tuple[int, int], Ways] = {}
        self._hash = ""
        self._ends: dict[int, list[_End]] = {}
        for end, holder in self._endings():
            self._ends.setdefault(holder.id if holder else 0, []).append(end)
        for ends in self._ends.values():
            ends.sort(key=lambda end: end.start)
        self._moves: dict[int, list[_Move]] = {}
        for move, holder in self._moving():
            self._moves.setdefault(holder.id if holder else 0, []).append(move)
        for moves in self._moves.values():
            moves.sort(key=lambda move: move.node.start_byte)

    def parent(self, node: Node) -> Node | None:
        """The node around one."""
        return self._parents.get(node.id)

    def ways(self, node: Node, depth: int = MAX_LEVELS) -> Ways:
        """What each way to a statement depends on; that of the whole text for one that nobody calls.

        Raises:
            ValueError: the script takes too much work.
        """
        guards = frozenset(self._conditions(node)) | frozenset(self._ended(node)) | frozenset(self._place(node))
        holder = self.function(node)
        if holder is None:
            return Counter({guards: 1})
        found: Ways = Counter()
        for outer, count in self._of_function(holder, depth).items():
            self._work.spend(1 + len(outer) + len(guards))
            found[outer | guards] += count
        return found

    def _of_function(self, holder: Node, depth: int) -> Ways:
        known = self._known.get((holder.id, depth))
        if known is not None:
            return known
        name = holder.child_by_field_name("name")
        calls = self._calls.get(text_of(name), ()) if name is not None else ()
        within = [call for call in calls if self.function(call) != holder]
        found: Ways = Counter()
        if not within or depth <= 0:
            # Called by who sources the file, or by nobody: then it is as the whole text says.
            found[frozenset({f"in a function of {self.whole()}"})] += 1
        for call in within if depth > 0 else ():
            found += self.ways(call, depth - 1)
            if found.total() > MAX_WAYS:
                found = Counter({frozenset({f"unread: {self.whole()}"}): 1})
                break
        self._known[holder.id, depth] = found
        return found

    def whole(self) -> str:
        """The digits of the whole text."""
        if not self._hash:
            self._hash = hash_of(self._text)
        return self._hash

    def function(self, node: Node) -> Node | None:
        """The function that holds a node."""
        above = self.parent(node)
        while above is not None and above.type != "function_definition":
            self._work.spend(1)
            above = self.parent(above)
        return above

    def _shown(self, node: Node) -> str:
        if node.id not in self._told:
            text = text_of(node)
            self._work.spend(len(text))
            self._told[node.id] = shown(text)
        return self._told[node.id]

    def _endings(self) -> Iterator[tuple[_End, Node | None]]:
        """What may end the script with success, and the function that holds it."""
        for name in _ENDING:
            for other in self._calls.get(name, ()):
                words = self._names.words(other)
                if name in {"exit", "return"} and re.fullmatch(r"[1-9]\d{0,2}", " ".join(words[1:])):
                    continue
                if name == "exec" and (len(words) < 2 or audits.is_audit(words[1:])):
                    continue
                outer, apart = other, False
                while (above := self.parent(outer)) and above.type not in {"program", "function_definition"}:
                    self._work.spend(1)
                    outer = above
                    apart |= outer.type in {"subshell", "command_substitution"}
                if not apart:
                    yield _End(other.start_byte, self._shown(other), outer), self.function(other)

    def _ended(self, node: Node) -> Iterator[str]:
        """What may end the script before a statement, and with success."""
        holder = self.function(node)
        for place in {0, holder.id if holder else 0}:
            ends = self._ends.get(place, [])
            before = bisect_left(ends, node.start_byte, key=lambda end: end.start)
            if before > MAX_ENDS:
                yield f"unless it ended before, in one of {before} places of {self.whole()}"
                continue
            self._work.spend(before)
            for end in ends[:before]:
                around = end.outer.start_byte <= node.start_byte and node.end_byte <= end.outer.end_byte
                yield f"unless it ended before: {end.shown if around else self._shown(end.outer)}"

    def _place(self, node: Node) -> Iterator[str]:
        """The folder that the script went to before a statement, in the same function and shell."""
        holder = self.function(node)
        moves = self._moves.get(holder.id if holder else 0, [])
        before = bisect_left(moves, node.start_byte, key=lambda move: move.node.start_byte)
        if before > MAX_ENDS:
            yield f"in one of {before} folders of {self.whole()}"
            return
        self._work.spend(before)
        applied = [each.words for each in moves[:before] if each.shell is None or _holds(each.shell, node)]
        if (folder := folders.after(applied)) != ".":
            yield f"in {shown(folder)}"

    def _moving(self) -> Iterator[tuple[_Move, Node | None]]:
        """What changes the folder, and the function that holds it."""
        for name in folders.MOVING:
            for node in self._calls.get(name, ()):
                above = self.parent(node)
                while above is not None and above.type not in {
                    "subshell",
                    "command_substitution",
                    "function_definition",
                }:
                    self._work.spend(1)
                    above = self.parent(above)
                shell = above if above is not None and above.type != "function_definition" else None
                words = self._names.words(node)
                if UNKNOWN in " ".join(words):
                    words = [name, text_of(node).partition(name)[2].strip()]
                yield _Move(node, words, shell), self.function(node)

    def _conditions(self, node: Node) -> Iterator[str]:
        """The conditions around a statement, up to the function or the script that holds it."""
        below, above = node, self.parent(node)
        while above is not None and above.type != "function_definition":
            self._work.spend(1)
            if condition := self._condition(above, below):
                yield condition
            below, above = above, self.parent(above)

    def _condition(self, above: Node, below: Node) -> str:
        """What one statement makes of another one right below it."""
        if above.type in {"if_statement", "elif_clause"}:
            asked, told = self._question(above)
            if below.id in asked:
                return ""
            if above.type == "elif_clause":
                return f"elif {told}"
            return f"{'else of' if below.type in {'elif_clause', 'else_clause'} else 'if'} {told}"
        if above.type == "case_item":
            return self._question(above)[1]
        if above.type in _LOOPS:
            body = above.child_by_field_name("body")
            if body is not None and below == body:
                return self._question(above)[1]
        elif above.type == "list":
            sides = [child for child in above.named_children if child.type != "comment"]
            sign = next((child.type for child in above.children if child.type in _LISTS), "&&")
            if len(sides) > 1 and below != sides[0]:
                return _LISTS[sign].format(self._shown(sides[0]))
        return ""

    def _question(self, node: Node) -> tuple[frozenset[int], str]:
        """What a statement asks, and the nodes that ask it."""
        if node.id not in self._asked:
            asked: list[Node] = []
            if node.type == "if_statement":
                asked = [child for child in node.children_by_field_name("condition") if child.is_named]
                text = " ".join(text_of(child) for child in asked)
            elif node.type == "elif_clause":
                asked = node.named_children[:1]
                text = " ".join(text_of(child) for child in asked)
            elif node.type == "case_item":
                above = self.parent(node)
                held = above.child_by_field_name("value") if above is not None else None
                patterns = " | ".join(text_of(each) for each in node.children_by_field_name("value"))
                text = f"case {shown(text_of(held) if held else '')} in {shown(patterns)}"
            else:
                body = node.child_by_field_name("body")
                text = text_of(node)[: body.start_byte - node.start_byte] if body is not None else ""
            self._work.spend(len(text))
            told = text if node.type == "case_item" else shown(text)
            self._asked[node.id] = frozenset(child.id for child in asked), told
        return self._asked[node.id]


def _holds(outer: Node, node: Node) -> bool:
    return outer.start_byte <= node.start_byte and node.end_byte <= outer.end_byte


def hash_of(text: str) -> str:
    """A few digits that tell one text from another, comments and white space apart."""
    plain = "\n".join(" ".join(line.split()) for line in text.split("\n") if not line.lstrip().startswith("#"))
    return digest(plain.encode())[:12]


def shown(text: str) -> str:
    """A text on one line, with the digits of one that is too long."""
    plain = " ".join(text.split())
    return plain if len(plain) <= MAX_SHOWN else f"{plain[:MAX_SHOWN]}… {hash_of(text)}"
