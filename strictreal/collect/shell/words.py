"""What the words of a shell script are, as far as the script alone tells: quotes removed, known variables filled in."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass, field

from tree_sitter import Node

from strictreal.collect.shell.syntax import descendants, text_of

UNKNOWN = "\0"
"""Stands for a part of a word that the script does not tell."""
MAX_VALUE = 100_000
"""Characters of one word that are looked at."""
MAX_KEPT = 4_000
"""Characters of a variable's value that are kept, of the last `MAX_VALUES` that it is set to."""
MAX_VALUES = 20
_MAX_DEPTH = 20
_ESCAPED = re.compile(r"\\(\n|.)", re.DOTALL)
_ESCAPED_QUOTED = re.compile(r"\\([\"\\$`]|\n)")
_DEFAULT = re.compile(r"\$\{\w{1,200}:?[-=]([^${}`]{0,400})\}")
_NAMING = frozenset({"which", "command", "type", "printf", "echo", "basename", "realpath", "readlink"})
"""Commands that print a name which they are given."""
_TELLING = ("strictreal", "audit")


@dataclass
class Names:
    """What the names of a script stand for, wherever it says so.

    Attributes:
        variables: everything that each is ever set to.
        functions: their bodies.
        aliases: their texts.
        arguments: what `$@` stands for, while a function is being followed.
    """

    variables: dict[str, list[str]] = field(default_factory=dict)
    functions: dict[str, Node] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)
    arguments: list[str] | None = None

    def learn(self, root: Node) -> None:
        """Take in a script's assignments, functions and aliases."""
        nodes = sorted(descendants(root), key=lambda node: node.start_byte)
        for node in nodes:
            if node.type == "variable_assignment":
                name, given = node.child_by_field_name("name"), node.child_by_field_name("value")
                known = self.variables.setdefault(text_of(name) if name else "", [])
                known.append(self.value(given)[:MAX_KEPT] if given else "")
                del known[:-MAX_VALUES]
            elif node.type == "function_definition":
                name, body = node.child_by_field_name("name"), node.child_by_field_name("body")
                if name and body:
                    self.functions[text_of(name)] = body
        for node in nodes:
            if node.type == "command":
                words = self.words(node)
                for word in words[1:] if words[:1] == ["alias"] else ():
                    alias, _, meaning = word.partition("=")
                    self.aliases[alias] = meaning[:MAX_KEPT]

    def telling(self) -> frozenset[str]:
        """The variables that hold the name of the program or of its subcommand."""
        return frozenset(
            name
            for name, values in self.variables.items()
            if any(word in value for value in values for word in _TELLING)
        )

    def words(self, command: Node) -> list[str]:
        """The name and the arguments of a command."""
        found: list[str] = []
        for child in command.named_children:
            if child.type == "command_name":
                found += self.split(child.named_children[0]) if child.named_children else [text_of(child)]
            elif child.type not in {"variable_assignment", "comment"} and not child.type.endswith("_redirect"):
                found += self.split(child)
        return found

    def split(self, node: Node) -> list[str]:
        """One word as written; several where it is a variable, without quotes or an array, that holds several."""
        inner = node
        if node.type == "string" and len(node.named_children) == 1 and text_of(node)[1:2] == "$":
            inner = node.named_children[0]
            many = text_of(inner) in {"$@", "${@}"} or "[@]" in text_of(inner)
        else:
            many = node.type in {"simple_expansion", "expansion"}
        if many and self.arguments is not None and text_of(inner).strip("${}") in {"@", "*"}:
            return list(self.arguments)
        value = self.value(node)
        return value.split() or [""] if many else [value]

    def value(self, node: Node, depth: int = 0) -> str:
        """What a word means, with `UNKNOWN` for the parts that are worked out elsewhere."""
        if depth > _MAX_DEPTH:
            return UNKNOWN
        written = text_of(node)[:MAX_VALUE]
        match node.type:
            case "word" | "number" | "variable_name" | "test_operator" | "extglob_pattern" | "regex":
                return _ESCAPED.sub(lambda found: "" if found[1] == "\n" else found[1], written)
            case "raw_string":
                return written[1:-1]
            case "ansi_c_string":
                return _ansi(written[2:-1])
            case "string" | "translated_string":
                return self._string(node, depth)
            case "concatenation":
                return "".join(self.value(child, depth + 1) for child in node.named_children)[:MAX_VALUE]
            case "array":
                return " ".join(self.value(child, depth + 1) for child in node.named_children)[:MAX_VALUE]
            case "simple_expansion" | "expansion":
                return self._variable(node, written)
            case "command_substitution":
                return self._printed(node, depth)
        return UNKNOWN

    def _string(self, node: Node, depth: int) -> str:
        source, parts, at = node.text or b"", list[str](), 0
        start = node.start_byte
        quote = 2 if node.type == "translated_string" else 1
        at = quote
        for child in node.named_children:
            gap = source[at : child.start_byte - start].decode(errors="replace")
            inner = child.type in {"string_content", "string"}
            held = text_of(child) if inner else self.value(child, depth + 1)
            parts += [gap, _ESCAPED_QUOTED.sub(lambda found: found[1].strip("\n"), held) if inner else held]
            at = child.end_byte - start
        parts.append(source[at : max(at, len(source) - 1)].decode(errors="replace"))
        return "".join(parts)[:MAX_VALUE]

    def _variable(self, node: Node, written: str) -> str:
        named = next((n for n in descendants(node) if n.type in {"variable_name", "special_variable_name"}), None)
        known = self.variables.get(text_of(named), []) if named else []
        if telling := [value for value in known if any(word in value for word in _TELLING)]:
            return telling[-1]
        if known:
            return known[-1]
        default = _DEFAULT.fullmatch(written)
        return default[1].strip("\"'") if default else UNKNOWN

    def _printed(self, node: Node, depth: int) -> str:
        """What `$(which strictreal)` and `$(echo strictreal)` print."""
        commands = [child for child in node.named_children if child.type == "command"]
        if len(commands) != 1 or depth > 2:
            return UNKNOWN
        words = self.words(commands[0])
        return words[-1] if words and words[0] in _NAMING and len(words) > 1 else UNKNOWN


def _ansi(text: str) -> str:
    try:
        return str(codecs.decode(text, "unicode_escape"))
    except (UnicodeDecodeError, ValueError):
        return UNKNOWN
