"""What a script puts in the place of an audit or of its exit status: functions, aliases and links, and handlers at its end."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tree_sitter import Node

from strictreal.collect.shell import audits
from strictreal.collect.shell.audits import base
from strictreal.collect.shell.syntax import descendants, row, text_of
from strictreal.collect.shell.words import Names

_ENDS = frozenset({"EXIT", "ERR", "0", "DEBUG", "RETURN"})


def trap(root: Node, names: Names) -> str:
    """How a handler replaces the status with which the script ends; "" where none does."""
    for _, words in _commands(root, names):
        if words[:1] == ["trap"] and len(words) > 2 and _ENDS.intersection(w.removeprefix("SIG") for w in words[2:]):
            handler = words[1]
            body = names.functions.get(handler.strip())
            if re.search(r"\bexit\s+0\b", text_of(body) if body else handler):
                return f"trap {handler}"
    return ""


def seen(root: Node, names: Names) -> Iterator[tuple[int, str]]:
    """Whatever else is called strictreal, with its row."""
    body = names.functions.get("strictreal")
    if body and not re.search(r"command\s+strictreal|exec\s|/strictreal|-m\s+strictreal|\brun\b", text_of(body)):
        yield row(body), "a function called strictreal"
    for node, words in _commands(root, names):
        for word in words[1:] if words[:1] == ["alias"] else ():
            name, _, meaning = word.partition("=")
            if name == "strictreal" and meaning and not audits.runs_strictreal(meaning):
                yield row(node), "an alias called strictreal"
        linked = words and base(words[0]) in {"ln", "cp", "install"} and base(words[-1]) == "strictreal"
        if linked and not any(base(word) == "strictreal" for word in words[1:-1]):
            yield row(node), "another program called strictreal"


def _commands(root: Node, names: Names) -> Iterator[tuple[Node, list[str]]]:
    for node in descendants(root):
        if node.type == "command":
            yield node, names.words(node)
