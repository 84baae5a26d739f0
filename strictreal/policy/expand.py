"""Imports written out: `import data.lib.k8s` and `k8s.pods` become `data.lib.k8s.pods`.

The embedded engine evaluates a whole package when one of its rules is read through an import. That marks rules as
covered that nobody asked for, and loses definitions of a rule that is defined in several files. Read by its full path,
a rule is evaluated alone. Lines stay where they are.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from strictreal.engines.rego import RegoError, Source
from strictreal.policy.parse import parse
from strictreal.policy.scope import locals_of
from strictreal.policy.syntax import Module, Node

_KEYWORDS = frozenset(
    "as contains data default else every false if import in input not null package some true with and or".split()
)


def expand(source: Source) -> Source:
    """The module with its references through imports written out; as it is where it cannot be read."""
    if "import" not in source.text:
        return source
    try:
        module = parse(source.path, source.text.encode())
    except RegoError:
        return source
    return Source(source.path, edited(module.source, edits(module)), source.language)


Edit = tuple[int, int, str]
"""The bytes from the first to the second offset become the text."""


def edited(source: bytes, changes: Iterable[Edit]) -> str:
    """A text with changes that do not overlap."""
    for start, end, new in sorted(changes, reverse=True):
        source = source[:start] + new.encode() + source[end:]
    return source.decode()


def edits(module: Module) -> list[Edit]:
    """What writing out the imports changes in a module."""
    known = {name: path for name, path in module.imports.items() if path.startswith("data.")}
    names = {rule.name.split(".", 1)[0] for rule in module.rules}
    found: dict[tuple[int, int], str] = {}
    for rule in module.rules:
        nodes = list(rule.nodes)
        hidden = names | locals_of(module, rule)
        # Functions are found by their name, without evaluating the package.
        functions = {id(part.raw) for node in nodes if node.kind == "Call" for part in _chain(node.child("fcn"))}
        for node in nodes:
            root = _chain(node)[-1]
            if root is node or root.kind != "Var" or id(node.raw) in functions:
                continue
            if root.value in known and root.value not in hidden:
                found[root.start, root.end] = data_path(known[str(root.value)].removeprefix("data."))
    return [(start, end, path) for (start, end), path in found.items()]


def _chain(node: Node) -> list[Node]:
    """A reference and what it is a part of, down to its root."""
    found = [node]
    while found[-1].kind in ("RefDot", "RefBrack"):
        found.append(found[-1].child("refr"))
    return found


def data_path(path: str) -> str:
    """`data.a["b-c"]` for the dotted path `a.b-c`."""
    return "data" + "".join(f".{part}" if _plain(part) else f"[{json.dumps(part)}]" for part in path.split("."))


def _plain(part: str) -> bool:
    return part.isascii() and part.isidentifier() and part not in _KEYWORDS
