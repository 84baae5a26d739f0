"""Whether a part of a script ends with a failure: what stands after `||`, or in a branch."""

from __future__ import annotations

import re
from functools import lru_cache

from tree_sitter import Node

from strictreal.collect.shell import audits
from strictreal.collect.shell.audits import base
from strictreal.collect.shell.syntax import descendants, statements, text_of
from strictreal.collect.shell.words import Names

_FAILING = re.compile(
    r"false|kill|pkill|(?:\w+[_.-])?(?:die|fail|abort|panic|bail|throw|raise|croak)\w*|err_?exit|exit_\w*|error(?:_exit)?"
)
_DEPTH = 30
_STATUS = re.compile(r"\$\{?\?|PIPESTATUS|\bLASTEXITCODE\b")
_TAKEN = re.compile(r"\b(\w+)=\"?\$(?:\{?\?|\{?PIPESTATUS)")
_ENDS_BY = re.compile(r"\b(?:exit|return|test|if|elif|case|while|until)\b|\[|\(\(|GITHUB_OUTPUT|&&|\|\|")
_ALWAYS = re.compile(
    r"\$\{?\?\}?\"?\s+-(?:ge\s+0|le\s+255|lt\s+256|ne\s+-\d|gt\s+-\d)|\$\{?\?\}?\"?\s*(?:\|\||>=\s*0\b)"
)


@lru_cache(maxsize=64)
def kept(name: str, script: str) -> bool:
    """Whether a script ends by, tests or hands on what it keeps in a variable."""
    return any(
        name in line and _ENDS_BY.search(line) for line in script.split("\n") if not line.lstrip().startswith("#")
    )


def reads_status(node: Node, script: str) -> bool:
    """Whether a statement looks at the status of the one before it, and something may come of that."""
    text = text_of(node)
    if not _STATUS.search(text) or (_ALWAYS.search(text) and not re.search(r"\bexit\b", text)):
        return False
    if taken := _TAKEN.search(text):
        return kept(taken[1], script)
    words = text.split(None, 1)
    return bool(words) and base(words[0]) not in {"echo", "printf", ":", "true", "logger", "export", "local", "declare"}


class Fails:
    """Asked of a statement: does it fail, or keep the failure for later, and whom does it tell?

    The answers are `exit` (the whole script ends with a failure, now or later), `return` (the function does), `status`
    (the statement itself does) and `""` (nobody gets to know).
    """

    def __init__(self, names: Names, script: str) -> None:
        self.names = names
        self.script = script
        self._asked: dict[str, str] = {}

    def __call__(self, node: Node, depth: int = 0) -> str:
        """How a statement, run because another failed, hands the failure on."""
        if depth > _DEPTH:
            return ""
        if found := self.anywhere(node):
            return found
        parts = [child for child, _ in statements(node)]
        if not parts:
            return ""
        if node.type == "list" and any(child.type == "&&" for child in node.children):
            return next(filter(None, (self(part, depth + 1) for part in parts)), "")
        if node.type in {"list", "compound_statement", "subshell", "redirected_statement", "pipeline"}:
            return self(parts[-1], depth + 1)
        return ""

    def anywhere(self, node: Node) -> str:
        """How anything in a part of a script hands a failure on."""
        found = {self._fails(inner) for inner in descendants(node, into=False)}
        return next((how for how in ("exit", "return", "status") if how in found), "")

    def _fails(self, node: Node) -> str:
        if node.type == "variable_assignment":
            name, given = node.child_by_field_name("name"), node.child_by_field_name("value")
            value = text_of(given).strip("\"'") if given else ""
            return "exit" if name and value not in {"", "0"} and kept(text_of(name), self.script) else ""
        if node.type == "test_command":
            return "status" if _STATUS.search(text_of(node)) and not _ALWAYS.search(text_of(node)) else ""
        if node.type != "command":
            return ""
        words = self.names.words(node)
        if not words:
            return ""
        if words[0] in {"exit", "return"}:
            bare = len(words) == 1 and not node.prev_named_sibling
            return words[0] if bare or words[1:2] not in ([], ["0"]) else ""
        if words[0] == "test" and _STATUS.search(text_of(node)):
            return "" if _ALWAYS.search(text_of(node)) else "status"
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
