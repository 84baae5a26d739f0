"""What a test says of a status that is not 0, worked out for several of them: `[ $? -le 1 ]` lets some of them pass.

A test insists only where it comes to the same for every such status; what cannot be worked out insists on nothing.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable

from tree_sitter import Node

from strictreal.collect.shell.syntax import statements, text_of

FAILURES = (1, 2, 3, 4, 5, 77, 124, 126, 255)
"""Statuses with which a failing command may end."""
MAX_TEST = 400
"""Characters of a test that are looked at."""
_MAX_DEPTH = 30
_COMPARED: dict[str, Callable[[int, int], bool]] = {
    "-eq": operator.eq,
    "-ne": operator.ne,
    "-lt": operator.lt,
    "-le": operator.le,
    "-gt": operator.gt,
    "-ge": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "=": operator.eq,
}
_STATUS = re.compile(r"\$\?|\$\{\?\}|\$\{PIPESTATUS\[[0-9@*]\]\}")
_DEFAULT = re.compile(r"\$\{(\w+):?-[^${}]*\}")
_PARTS = re.compile(r"\s*(\S+?)\s*(-(?:eq|ne|lt|le|gt|ge)\b|==|!=|<=|>=|=|<|>)\s*(\S+)\s*")


def meant(word: str, name: str, value: str, *, arithmetic: bool = False) -> str | None:
    """What a word is when a variable, or `?` for the last status, has a value; None when it is not known."""
    word = word.strip().strip("\"'")
    if default := _DEFAULT.fullmatch(word):
        word = "$" + default[1]
    if name == "?" and _STATUS.fullmatch(word):
        return value
    if word in {f"${name}", f"${{{name}}}", f"${{{name}[@]}}"} or (arithmetic and word == name):
        return value
    if word == f"${{#{name}[@]}}":
        return "1"
    if word.startswith("$((") and word.endswith("))"):
        inner = meant(word[3:-2], name, value, arithmetic=True)
        held = _arithmetic(word[3:-2], name, value)
        return inner if inner is not None else None if held is None else str(int(held))
    return None if re.search(r"[$`]", word) or (arithmetic and not word.isdigit()) else word


def _arithmetic(text: str, name: str, value: str) -> bool | None:
    text = text.strip()[:MAX_TEST]
    if text.startswith("!") and not text.startswith("!="):
        held = _arithmetic(text[1:], name, value)
        return None if held is None else not held
    return _compared(text, name, value, arithmetic=True)


def _compared(text: str, name: str, value: str, *, arithmetic: bool) -> bool | None:
    if not (parts := _PARTS.fullmatch(text)):
        alone = meant(text, name, value, arithmetic=arithmetic) if text and not re.search(r"\s", text) else None
        return None if alone is None else alone not in ({"", "0"} if arithmetic else {""})
    left, right = (meant(parts[at], name, value, arithmetic=arithmetic) for at in (1, 3))
    if left is None or right is None:
        return None
    if re.fullmatch(r"\d{1,9}", left) and re.fullmatch(r"\d{1,9}", right):
        return _COMPARED[parts[2]](int(left), int(right))
    return {"=": left == right, "==": left == right, "!=": left != right}.get(parts[2])


def _bracketed(text: str, name: str, value: str) -> bool | None:
    text = text.strip()[:MAX_TEST]
    if text.startswith("! "):
        held = _bracketed(text[2:], name, value)
        return None if held is None else not held
    if text[:3] in {"-n ", "-z "}:
        word = meant(text[3:], name, value)
        return None if word is None else (word != "") == text.startswith("-n")
    return _compared(text, name, value, arithmetic=False)


def holds(node: Node, name: str, value: str, depth: int = 0) -> bool | None:
    """Whether a statement succeeds when a variable, or `?` for the last status, has a value; None: not known."""
    text = text_of(node).strip()
    below = [child for child, _ in statements(node)]
    if depth > _MAX_DEPTH:
        return None
    if text.startswith("((") and text.endswith("))") and node.type in {"compound_statement", "test_command"}:
        return _arithmetic(text[2:-2], name, value)
    match node.type:
        case "test_command":
            return _bracketed(text.strip("[]"), name, value)
        case "command" if re.match(r"test\s", text):
            return _bracketed(text[4:], name, value)
        case "command":
            return {"true": True, ":": True, "false": False}.get(meant(text, name, value) or "")
        case "negated_command" if len(below) == 1:
            held = holds(below[0], name, value, depth + 1)
            return None if held is None else not held
        case "list" if len(below) == 2:
            first = holds(below[0], name, value, depth + 1)
            decided = any(child.type == "||" for child in node.children)
            return first if first is None or first == decided else holds(below[1], name, value, depth + 1)
        case "compound_statement" | "subshell" if len(below) == 1:
            return holds(below[0], name, value, depth + 1)
    return None
