"""YAML that people write by hand, read as nothing but texts, lists and mappings.

Every scalar is its own text, so that `no`, `1.10` and `2026-01-31` stay what was written. Anchors, aliases, tags, a
second document and a key given twice are refused, and so is what is too large or too deep; nothing recurses.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import yaml

MAX_BYTES = 256 * 1024
MAX_DEPTH = 20
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

Place = tuple[str | int, ...]
"""The keys and indices that lead to a value."""


class PlainYamlError(ValueError):
    """The text is not plain YAML; `line` counts from 1, and is 0 when unknown."""

    def __init__(self, message: str, line: int = 0) -> None:
        super().__init__(message)
        self.line = line


@dataclass
class Plain:
    """What a text says, and on which line (from 1) each value stands."""

    value: Any
    lines: dict[Place, int] = field(default_factory=dict)

    def line(self, place: Place) -> int:
        """The line of a value, or of the nearest one around it."""
        while place and place not in self.lines:
            place = place[:-1]
        return self.lines.get(place, 1)


@dataclass
class _Open:
    """A list or mapping that is being read."""

    value: list[Any] | dict[str, Any]
    place: Place
    key: str | None = None

    def next_place(self) -> Place:
        return (*self.place, len(self.value) if isinstance(self.value, list) else self.key or "")

    def put(self, value: Any) -> None:
        if isinstance(self.value, list):
            self.value.append(value)
        else:
            self.value[self.key or ""] = value
            self.key = None


def read(data: bytes) -> Plain:
    """Read one document.

    Raises:
        PlainYamlError: it is not valid YAML or UTF-8, has more than texts, lists and mappings, or is too large.
    """
    if len(data) > MAX_BYTES:
        raise PlainYamlError(f"larger than {MAX_BYTES} bytes (bound: file size)")
    try:
        return _build(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise PlainYamlError(f"not valid UTF-8: byte {error.start}") from error
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        raise PlainYamlError(f"not valid YAML: {error.problem or error.context}", line) from error
    except yaml.YAMLError as error:
        raise PlainYamlError(f"not valid YAML: {' '.join(str(error).split())}") from error


def _build(text: str) -> Plain:
    plain = Plain(None)
    stack: list[_Open] = []
    documents = 0
    for event in yaml.parse(text, Loader=_LOADER):
        line = event.start_mark.line + 1 if event.start_mark else 0
        if isinstance(event, yaml.DocumentStartEvent):
            documents += 1
            if documents > 1:
                raise PlainYamlError("a second document begins here; keep one", line)
        elif isinstance(event, yaml.CollectionEndEvent):
            stack.pop()
        elif isinstance(event, yaml.NodeEvent):
            _node(plain, stack, event, line)
    return plain


def _node(plain: Plain, stack: list[_Open], event: yaml.NodeEvent, line: int) -> None:
    if isinstance(event, yaml.AliasEvent) or event.anchor:
        raise PlainYamlError("anchors and aliases are not allowed here; write the value out", line)
    tag = getattr(event, "tag", None)
    if tag not in {None, "!"}:
        raise PlainYamlError(f"the tag {tag} is not allowed here; leave it out", line)
    top = stack[-1] if stack else None
    if top and isinstance(top.value, dict) and top.key is None:
        if not isinstance(event, yaml.ScalarEvent):
            raise PlainYamlError("a key must be a plain text", line)
        if event.value in top.value:
            raise PlainYamlError(f"the key {event.value!r} is given twice; keep one", line)
        top.key = event.value
        return
    place = top.next_place() if top else ()
    value: Any = event.value if isinstance(event, yaml.ScalarEvent) else []
    if isinstance(event, yaml.MappingStartEvent):
        value = {}
    plain.lines[place] = line
    if top:
        top.put(value)
    else:
        plain.value = value
    if not isinstance(event, yaml.ScalarEvent):
        stack.append(_Open(value, place))
        if len(stack) > MAX_DEPTH:
            raise PlainYamlError(f"nested more than {MAX_DEPTH} levels deep (bound: nesting)", line)
