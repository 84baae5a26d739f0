"""The variable of strict mode, set false or taken away by what a shell's own commands do."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from tree_sitter import Node

from strictreal.collect.shell.audits import base, is_audit
from strictreal.collect.shell.syntax import descendants, row, text_of
from strictreal.collect.shell.words import UNKNOWN, Names
from strictreal.collect.strictlines import is_false
from strictreal.config import STRICT_VARIABLE
from strictreal.facts.code import StrictAction

_ARITHMETIC = re.compile(rf"\b{STRICT_VARIABLE}\s*=\s*0+\b")
_READERS = frozenset({"read", "mapfile", "readarray"})
_FORMAT = re.compile(r"%[sdq]")


def evasions(root: Node, names: Names) -> Iterator[tuple[int, StrictAction, str]]:
    """(row, action, value) of each command that turns strict mode off."""
    for node in descendants(root):
        match node.type:
            case "variable_assignment":
                name, given = node.child_by_field_name("name"), node.child_by_field_name("value")
                value = names.value(given) if given else ""
                if name and text_of(name) == STRICT_VARIABLE and is_false(value):
                    yield row(node), "set", value
            case "declaration_command":
                yield from _declared(node, names)
            case "unset_command":
                if any(names.value(child) == STRICT_VARIABLE for child in node.named_children):
                    yield row(node), "delete", ""
            case "for_statement":
                values = [names.value(value) for value in node.children_by_field_name("value")]
                named = node.child_by_field_name("variable")
                if named and text_of(named) == STRICT_VARIABLE and any(map(is_false, values)):
                    yield row(node), "set", next(filter(is_false, values))
            case "compound_statement" | "test_command":
                if text_of(node).startswith("((") and _ARITHMETIC.search(text_of(node)):
                    yield row(node), "set", "0"
            case "command":
                yield from ((row(node), *found) for found in _command(node, names))


def _declared(node: Node, names: Names) -> Iterator[tuple[int, StrictAction, str]]:
    words = [text_of(child) if child.type == "variable_name" else names.value(child) for child in node.named_children]
    taken = any(re.fullmatch(r"-\w*n\w*|\+\w*x\w*", word) for word in words) and text_of(node).startswith(
        ("export", "declare", "typeset")
    )
    for word in words:
        name, equals, value = word.partition("=")
        if name == STRICT_VARIABLE and equals and is_false(value):  # a quoted one: `export "NAME=0"`
            yield row(node), "set", value
        elif (
            name == STRICT_VARIABLE
            and not equals
            and taken
            and not text_of(node).startswith(("declare -n", "typeset -n"))
        ):
            yield row(node), "delete", ""


def _command(node: Node, names: Names) -> Iterator[tuple[StrictAction, str]]:
    words = names.words(node)
    if not words:
        return
    called = base(words[0])
    if called == "printf" and words[1:3] == ["-v", STRICT_VARIABLE]:
        given = iter([*words[4:], "", ""])
        value = _FORMAT.sub(lambda _: next(given, ""), (words[3:4] or [""])[0])
        if UNKNOWN not in value and is_false(value):
            yield "set", value
    elif called in _READERS and STRICT_VARIABLE in words:
        held = next((child for child in node.named_children if child.type == "herestring_redirect"), None)
        value = names.value(held.named_children[-1]) if held and held.named_children else UNKNOWN
        if UNKNOWN not in value and is_false(value):
            yield "set", value
    elif called == "let" and any(_ARITHMETIC.search(word) for word in words):
        yield "set", "0"
    elif called in {"env", "export", "declare", "sudo", "docker", "podman", "kubectl", "eval", "setenv"}:
        for word in words[1:]:
            name, equals, value = word.removeprefix("-e").removeprefix("--env=").partition("=")
            if name == STRICT_VARIABLE and equals and is_false(value):
                yield "set", value
        for flag, word in pairwise(words):
            if flag in {"-u", "--unset"} and word == STRICT_VARIABLE and called in {"env", "sudo"}:
                yield "delete", ""
    elif called == "unset" and STRICT_VARIABLE in words:
        yield "delete", ""


def emptied(words: Sequence[str]) -> bool:
    """Whether an audit is started with an empty environment, and without strict mode put back."""
    for index, word in enumerate(words[:20]):
        if base(word) == "env":
            rest = words[index + 1 :]
            options = [w for w in rest[:10] if w.startswith("-")]
            cleared = any(
                w in {"-", "--ignore-environment"} or re.fullmatch(r"-[a-zA-Z]*i[a-zA-Z]*", w) for w in options
            )
            kept = "--strict" in rest or any(
                w.startswith(f"{STRICT_VARIABLE}=") and not is_false(w.partition("=")[2]) for w in rest
            )
            return cleared and not kept and is_audit(rest)
    return False
