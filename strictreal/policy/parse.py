"""From the bytes of a Rego file to its module: regorus's tree, bounded, with extents that are whole."""

from __future__ import annotations

import bisect
from typing import Any

from strictreal.engines import rego
from strictreal.policy.syntax import (
    QUOTED,
    Body,
    Module,
    Raw,
    Rule,
    constant_path,
    known,
    node,
    statements,
    steps,
)

_BRACED = ("Object", "ObjectCompr", "Set", "SetCompr")


def parse(path: str, source: bytes) -> Module:
    """A module from the bytes of a file.

    Raises:
        RegoError: it is not Rego that the embedded engine reads, or a bound was hit.
    """
    text = rego.decode(source)
    tree, language = rego.parse(path, text)
    _refuse_deep(tree)
    _widen(tree, text.encode())
    package = node(tree["package"]["refr"])
    names, keywords = _imports(tree["imports"], text.encode())
    return Module(
        path=path,
        text=text,
        language=language,
        package=".".join(constant_path(package)) if package else "",
        imports=names,
        package_start=tree["package"]["span"]["start"],
        rules=[_rule(raw) for raw in tree["rules"]],
        keywords=frozenset(keywords),
    )


def _refuse_deep(tree: Any) -> None:
    """Refuse what would exhaust the stack when it is walked."""
    level: list[Any] = [tree]
    for _ in range(rego.MAX_DEPTH * 4):  # a node is a dictionary in a dictionary, often in a list
        level = [
            child
            for item in level
            for child in (item.values() if isinstance(item, dict) else item)
            if isinstance(child, dict | list)
        ]
        if not level:
            return
    raise rego.RegoError(f"is nested deeper than {rego.MAX_DEPTH} expressions (bound: policy depth)")


def _widen(tree: Any, source: bytes) -> None:
    """Give literals the braces and quotes that regorus leaves out of some of their spans."""
    braces = rego.braces(source)
    stack: list[Any] = [tree]
    while stack:
        item = stack.pop()
        if isinstance(item, dict):
            found = node(item)
            if found is not None and found.kind in QUOTED:
                span = found.raw["span"]
                span["start"], span["end"] = span["start"] - 1, span["end"] + 1
            elif found is not None and found.kind in _BRACED and found.children:
                first = min(child.raw["span"]["start"] for child in found.children)
                before = bisect.bisect_left(braces, first)
                found.raw["span"]["start"] = braces[before - 1] if before else first
            stack.extend(item.values())
        elif isinstance(item, list):
            stack.extend(item)


def _imports(raw: list[Raw], source: bytes) -> tuple[dict[str, str], set[str]]:
    names: dict[str, str] = {}
    keywords: set[str] = set()
    for item in raw:
        path = constant_path(node(item["refr"]))
        if path[:2] == ["future", "keywords"]:
            keywords.add(path[2] if len(path) > 2 else "*")
        elif path == ["rego", "v2"]:
            keywords.add("not")
        elif path and path[0] in ("data", "input"):
            span = item.get("as")
            alias = source[span["start"] : span["end"]].decode() if span else path[-1]
            names[alias] = ".".join(path)
    return names, keywords


def _rule(raw: Raw) -> Rule:
    [(form, body)] = raw.items()
    span = body["span"]
    if form == "Default":
        head, value = known(body["refr"]), node(body["value"])
        end = max(span["end"], value.end if value else 0)
        arguments = [n for a in body["args"] if (n := node(a))]
        return Rule(".".join(constant_path(head)), "default", head, span["start"], end, None, value, arguments, [])
    [(shape, top)] = body["head"].items()
    head = known(top["refr"])
    assigned = top.get("assign")
    value = node(assigned["value"]) if assigned else None
    kind = {"Set": "set", "Func": "function"}.get(shape, "complete")
    if kind == "complete" and not all(isinstance(step, str) for step in steps(head)):
        kind = "object"
    key = node(top.get("key"))
    arguments = [n for a in top.get("args") or [] if (n := node(a))]
    bodies = [_body(item) for item in body["bodies"]]
    inner = [n for n in (key, value, *arguments) if n]
    end = max([span["end"], *(n.end for n in inner), *(b.end for b in bodies)])
    return Rule(".".join(constant_path(head)), kind, head, span["start"], end, key, value, arguments, bodies)


def _body(raw: Raw) -> Body:
    assigned = raw.get("assign")
    value = node(assigned["value"]) if assigned else None
    inner = statements(raw["query"])
    end = max([raw["span"]["end"], *(s.end for s in inner), *([value.end] if value else [])])
    return Body(inner, value, bool(raw["is_else"]), raw["span"]["start"], end)
