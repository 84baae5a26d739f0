"""YAML as Kubernetes and Helm read it: libyaml's parser, Go's rules for what a plain scalar means.

Kubernetes reads YAML through sigs.k8s.io/yaml, which resolves scalars by YAML 1.1 with the exceptions of go-yaml v2:
`yes`, `on` and `y` are booleans, `0777` and `0o777` are octal, `1:20`, dates and `=` are strings, and keys become the
strings that JSON needs. tests/test_kubeyaml.py compares this module with that very parser. One thing differs: Go keeps
the last of two equal keys without a word; here the value is the same, and the duplicate is reported.

Everything is bounded: an alias counts as many nodes as it stands for, so a "billion laughs" document is refused.
"""

from __future__ import annotations

import base64
import binascii
import itertools
import math
import re
import struct
from dataclasses import dataclass
from typing import Any

import yaml
from yaml.cyaml import CParser  # type: ignore[attr-defined]
from yaml.events import (
    AliasEvent,
    DocumentEndEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

from strictreal.errors import BoundExceeded

MAX_BYTES = 8 * 1024 * 1024
MAX_DEPTH = 200
MAX_NODES = 1_000_000
"""Nodes of one document with aliases expanded."""

_TAG = "tag:yaml.org,2002:"
_RESOLVED = {_TAG + name for name in ("str", "bool", "int", "float", "null", "timestamp")}
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", re.ASCII)
_INT = re.compile(r"([-+]?)(0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO]?[0-7]+|[1-9][0-9]*|0)", re.ASCII)
_DOT_FLOAT = re.compile(r"\.[0-9]+(?:_[0-9]+)*(?:[eE][-+]?[0-9]+(?:_[0-9]+)*)?", re.ASCII)
_DATE = re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt \t].{0,40})?", re.ASCII)
_WORDS: dict[str, Any] = {"": None, "~": None, "null": None, "Null": None, "NULL": None}
_WORDS |= {word: True for name in ("y", "yes", "on", "true") for word in (name, name.title(), name.upper())}
_WORDS |= {word: False for name in ("n", "no", "off", "false") for word in (name, name.title(), name.upper())}
_WORDS |= {sign + word: math.inf for sign in ("", "+") for word in (".inf", ".Inf", ".INF")}
_WORDS |= {"-" + word: -math.inf for word in (".inf", ".Inf", ".INF")} | dict.fromkeys(
    (".nan", ".NaN", ".NAN"), math.nan
)
_NUMBER_STARTS = frozenset("+-.0123456789")


class YamlError(ValueError):
    """The text is not YAML that Kubernetes would read. `line` counts from 1; 0 means unknown."""

    def __init__(self, message: str, line: int = 0) -> None:
        super().__init__(f"line {line}: {message}" if line else message)
        self.line = line


@dataclass(frozen=True)
class Duplicate:
    """A key that its mapping has already; line and column count from 1."""

    key: str
    line: int
    column: int


@dataclass(frozen=True)
class Document:
    """What a text means, and the keys that were given more than once."""

    value: Any
    duplicates: tuple[Duplicate, ...] = ()
    line: int = 0
    """Where the value begins, from 1."""


def resolve(text: str) -> Any:
    """What a plain scalar means to Kubernetes: None, bool, int, float or str."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _NUMBER_STARTS:
        return text
    if text[0] == "." and not _DOT_FLOAT.fullmatch(text):
        return text
    digits = text.replace("_", "") if "_" in text else text
    value: int | float
    if len(digits) <= 70 and (match := _INT.fullmatch(digits)):
        sign, number = match.groups()
        prefix = number[:2].lower()
        base = {"0x": 16, "0b": 2, "0o": 8}.get(prefix, 8 if number[0] == "0" else 10)
        value = int(sign + (number[2:] if prefix in ("0x", "0b", "0o") else number), base)
        if -(2**63) <= value < 2**63 or (0 <= value < 2**64 and not sign):
            return value
    if len(digits) <= 400 and _FLOAT.fullmatch(digits) and not math.isinf(value := float(digits)):
        return value
    return text


def _number(value: float) -> int | float:
    """Go writes a float with an integral value below 10²¹ as an integer; infinities are not JSON's."""
    return int(value) if abs(value) < 1e21 and value == int(value) else value


def _tagged(tag: str, text: str, line: int) -> Any:
    """The meaning of a scalar with an explicit tag; `!` says that it is a string."""
    if tag == _TAG + "binary":
        try:
            return base64.b64decode(text.replace("\n", "").replace(" ", ""), validate=True).decode(errors="replace")
        except (binascii.Error, ValueError) as error:
            raise YamlError(f"!!binary value is not base64: {error}", line) from None
    if tag not in _RESOLVED or tag == _TAG + "str":
        return text
    if tag == _TAG + "timestamp":
        if not _DATE.fullmatch(text):
            raise YamlError(f"cannot decode {text[:60]!r} as a !!timestamp", line)
        return text
    value = resolve(text)
    fits = {
        "bool": isinstance(value, bool),
        "int": isinstance(value, int) and not isinstance(value, bool),
        "float": isinstance(value, int | float) and not isinstance(value, bool),
        "null": value is None,
    }
    if not fits[tag.removeprefix(_TAG)]:
        raise YamlError(f"cannot decode {text[:60]!r} as a !!{tag.removeprefix(_TAG)}", line)
    return value


def key_text(value: Any, line: int) -> str:
    """A mapping's key as the JSON string that Kubernetes makes of it."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        if value >= 2**63:
            raise YamlError(f"the number {value} cannot be a key", line)
        return str(value)
    if isinstance(value, float):
        return _float32(value)
    kind = "null" if value is None else "a mapping" if isinstance(value, dict) else "a sequence"
    raise YamlError(f"{kind} cannot be a key", line)


def _float32(value: float) -> str:
    """Go writes a float key with the fewest digits that a 32-bit float needs (strconv.FormatFloat(f, 'g', -1, 32))."""
    if math.isnan(value):
        return ".nan"
    try:
        single = struct.unpack("f", struct.pack("f", value))[0]
    except OverflowError:
        single = math.inf if value > 0 else -math.inf
    if math.isinf(single):
        return ".inf" if single > 0 else "-.inf"
    packed = struct.pack("f", single)
    digits = next(n for n in range(9) if n == 8 or struct.pack("f", float(f"{single:.{n}e}")) == packed)
    text = f"{single:.{digits}e}"
    exponent = int(text.partition("e")[2])
    return f"{float(text):.{max(0, digits - exponent)}f}" if -4 <= exponent < 6 else text


class _Builder:
    """Builds the value of one document from parser events, without recursion.

    One loop with everything in local names: this is where most of the time of reading manifests goes.
    """

    def __init__(self, parser: Any) -> None:
        self.parser = parser
        self.duplicates: list[Duplicate] = []
        self.anchors: dict[str, tuple[Any, int]] = {}
        self.open_anchors: set[str] = set()
        self.line = 0

    def build(self) -> Any:  # noqa: PLR0915  (one loop over the parser's events)
        get_event, plain = self.parser.get_event, _PLAIN
        stack: list[tuple[Any, Any, set[str], str | None, int]] = []
        # The open collection: itself, its pending key, keys that merges brought, its anchor, the nodes before it.
        container: Any = None
        key: Any = _NONE
        merged: set[str] = set()
        anchor: str | None = None
        before = nodes = 0
        while True:
            event = get_event()
            kind = type(event)
            if kind is ScalarEvent:
                nodes += 1
                text, tag = event.value, event.tag
                if tag is None:
                    value = plain.get(text, _NONE) if event.implicit[0] else text
                    if value is _NONE:
                        value = _remembered(text)
                else:
                    value = _tagged(tag, text, _line(event))
                if text == "<<" and key is _NONE and type(container) is dict and (tag is None or tag == _MERGE_TAG):
                    value = _MERGE if tag or event.implicit[0] else text
                if event.anchor:
                    self.anchors[event.anchor] = value, 1
            elif kind is MappingStartEvent or kind is SequenceStartEvent:
                nodes += 1
                if len(stack) >= MAX_DEPTH:
                    raise BoundExceeded(f"nested more than {MAX_DEPTH} deep (bound: YAML depth)")
                stack.append((container, key, merged, anchor, before))
                self.line = self.line or event.start_mark.line + 1
                container, key, merged = {} if kind is MappingStartEvent else [], _NONE, set()
                anchor, before = event.anchor, nodes
                if anchor:
                    self.open_anchors.add(anchor)
                continue
            elif kind is MappingEndEvent or kind is SequenceEndEvent:
                value = container
                if anchor:
                    self.open_anchors.discard(anchor)
                    self.anchors[anchor] = value, nodes - before + 1
                container, key, merged, anchor, before = stack.pop()
            elif kind is AliasEvent:
                value, size = self.alias(event)
                nodes += size
            elif kind is DocumentEndEvent:
                return None  # an empty document
            else:
                continue
            if nodes > MAX_NODES:
                raise BoundExceeded(f"more than {MAX_NODES} nodes, aliases expanded (bound: YAML nodes)")
            if type(container) is dict:
                if key is _NONE:
                    key = value if value is _MERGE or type(value) is str else key_text(value, _line(event))
                    if key is not _MERGE and key in container and key not in merged:
                        mark = event.start_mark
                        self.duplicates.append(Duplicate(key, mark.line + 1, mark.column + 1))
                    continue
                if key is _MERGE:
                    merged |= _merge(container, value, _line(event))
                else:
                    container[key] = value if type(value) is not float else _json(value, event)
                    merged.discard(key)
                key = _NONE
                continue
            if type(value) is float:
                value = _json(value, event)
            if container is None:
                self.line = self.line or event.start_mark.line + 1
                return value
            container.append(value)

    def alias(self, event: Any) -> tuple[Any, int]:
        """What an alias stands for, and how many nodes that is."""
        if event.anchor in self.open_anchors:
            raise YamlError(f"anchor {event.anchor!r} value contains itself", _line(event))
        if event.anchor not in self.anchors:
            raise YamlError(f"unknown anchor {event.anchor!r}", _line(event))
        return self.anchors[event.anchor]


_NONE = object()
_MERGE = object()
_MERGE_TAG = _TAG + "merge"
REMEMBERED, REMEMBERED_LENGTH = 20_000, 64
_PLAIN: dict[str, Any] = {}
"""What short plain scalars mean, remembered: a handful of words makes up most of every manifest."""


def _remembered(text: str) -> Any:
    value = resolve(text)
    if len(_PLAIN) < REMEMBERED and len(text) <= REMEMBERED_LENGTH:
        _PLAIN[text] = value
    return value


def _json(value: Any, event: Any) -> Any:
    """The value as JSON holds it."""
    if not math.isfinite(value):
        raise YamlError(f"{value} has no form in JSON", _line(event))
    return _number(value)


def _merge(into: dict[str, Any], value: Any, line: int) -> set[str]:
    """Go merges in the order of the text: what a merge brings replaces what stands before it.

    Returns:
        The keys that it brought.
    """
    sources = value if isinstance(value, list) else [value]
    if not all(isinstance(source, dict) for source in sources):
        raise YamlError("map merge requires a map or a sequence of maps as the value", line)
    for source in reversed(sources):
        into.update(source)
    return {key for source in sources for key in source}


def parse(text: str | bytes) -> Document:
    """The first document of a text.

    Raises:
        YamlError: it is not YAML, or holds what JSON cannot (an infinity, a mapping as a key).
        BoundExceeded: it is larger, deeper or, with aliases expanded, has more nodes than the bounds above.
    """
    if len(text) > MAX_BYTES:
        raise BoundExceeded(f"larger than {MAX_BYTES} bytes (bound: YAML size)")
    try:
        parser: Any = CParser(text)
    except UnicodeEncodeError as error:
        raise YamlError(f"is not valid Unicode: {error.reason}") from None
    builder = _Builder(parser)
    try:
        while type(event := parser.get_event()) is not DocumentStartEvent:
            if type(event) is StreamEndEvent:
                return Document(None)
        if event.version not in (None, (1, 1)):
            raise YamlError("found incompatible YAML document", _line(event))
        value = builder.build()
        _finish_document(parser)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        last = len(text.splitlines())  # the parser's end is a line further
        raise YamlError(str(error.problem or error.context), max(1, min(mark.line + 1, last)) if mark else 0) from None
    except yaml.YAMLError as error:
        raise YamlError(" ".join(str(error).split())) from None
    finally:
        parser.dispose()
    return Document(value, tuple(builder.duplicates), builder.line)


def refuse_beyond(text: str | bytes, *, depth: int = MAX_DEPTH, nodes: int = MAX_NODES, aliases: bool = True) -> None:
    """Look at a stream's events before something composes it: composing recurses in C, where depth ends the process.

    Args:
        depth: levels of nesting that are allowed.
        nodes: parser events that are allowed in all documents together; an alias is one, whatever it stands for.
        aliases: whether there may be any.

    Raises:
        BoundExceeded: it is beyond one of the bounds, which the message names.
        yaml.YAMLError: it is not YAML.
    """
    if len(text) > MAX_BYTES:
        raise BoundExceeded(f"larger than {MAX_BYTES} bytes (bound: YAML size)")
    level = 0
    parser: Any = CParser(text)
    try:
        for count in itertools.count():
            event = parser.get_event()
            kind = type(event)
            level += (kind in (MappingStartEvent, SequenceStartEvent)) - (kind in (MappingEndEvent, SequenceEndEvent))
            if level > depth:
                raise BoundExceeded(f"nested more than {depth} deep (bound: YAML depth)")
            if count > nodes:
                raise BoundExceeded(f"more than {nodes} values (bound: YAML nodes)")
            if kind is AliasEvent and not aliases:
                raise BoundExceeded("aliases (bound: YAML aliases)")
            if kind is StreamEndEvent:
                return
    finally:
        parser.dispose()


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1


def _finish_document(parser: Any) -> None:
    """Read to the document's end, so that what follows its value is seen to be in order."""
    while type(parser.get_event()) not in (DocumentEndEvent, StreamEndEvent):
        pass
