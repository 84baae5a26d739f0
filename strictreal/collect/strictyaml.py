"""Strict mode turned off in YAML: mappings, `KEY=value` lists, name and value pairs, scripts inside strings.

Read as a stream of events, so that neither depth nor aliases cost anything.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import yaml
from yaml.cyaml import CParser  # type: ignore[attr-defined]
from yaml.events import (
    AliasEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from strictreal.collect import strictlines
from strictreal.collect.strictlines import Evasion, is_false
from strictreal.config import STRICT_VARIABLE

MAX_DEPTH = 200


@dataclass
class _Scalar:
    text: str
    line: int
    written: bool
    """False for nothing at all: `KEY:`."""
    block: bool = False


@dataclass
class _Frame:
    mapping: bool
    key: _Scalar | None = None
    pairs: dict[str, _Scalar | None] = field(default_factory=dict)
    """Scalars by key; None for values that are no scalars."""
    named: int = 0
    """The line of `name: VARIABLE`; 0 without one."""


def evasions(text: str, *, hands_through: bool) -> Iterator[Evasion]:
    """Every place of a YAML stream that turns strict mode off.

    Args:
        text: one or more documents.
        hands_through: whether a key without a value takes the caller's (compose files), or is empty (workflows).

    Raises:
        yaml.YAMLError: it is not YAML, as most templates are not, or it is nested more than `MAX_DEPTH` levels deep.
    """
    anchors: dict[str, _Scalar] = {}
    stack: list[_Frame] = []
    parser = CParser(text)
    while parser.check_event():
        event = parser.get_event()
        if isinstance(event, ScalarEvent):
            plain = event.style in {None, ""} and not event.value
            scalar = _Scalar(event.value, _line(event), not plain, event.style in {"|", ">"})
            if event.anchor:
                anchors[event.anchor] = scalar
            yield from _scalar(stack, scalar, hands_through=hands_through)
        elif isinstance(event, AliasEvent):
            meant = anchors.get(event.anchor or "")
            here = _line(event)
            known = _Scalar(meant.text, here, meant.written) if meant else None
            if known:
                yield from _scalar(stack, known, hands_through=hands_through)
            else:
                _opaque(stack)
        elif isinstance(event, MappingStartEvent | SequenceStartEvent):
            if len(stack) >= MAX_DEPTH:
                raise yaml.YAMLError(f"nested more than {MAX_DEPTH} levels deep (bound: YAML depth)")
            _opaque(stack)
            stack.append(_Frame(isinstance(event, MappingStartEvent)))
        elif isinstance(event, MappingEndEvent | SequenceEndEvent):
            frame = stack.pop()
            if frame.named:
                value = frame.pairs.get("value")
                if ("value" in frame.pairs and value and is_false(value.text)) or not frame.pairs.keys() - {"name"}:
                    yield Evasion(value.line if value else frame.named, "set", value.text if value else "")


def _line(event: Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 0


def _opaque(stack: list[_Frame]) -> None:
    """A value, or a key, that is no scalar."""
    if stack and stack[-1].mapping:
        frame = stack[-1]
        if frame.key is None:
            frame.key = _Scalar("", 0, written=False)
        else:
            frame.pairs[frame.key.text] = None
            frame.key = None


def _scalar(stack: list[_Frame], scalar: _Scalar, *, hands_through: bool) -> Iterator[Evasion]:
    if not stack or not stack[-1].mapping:
        yield from _text(scalar)
        return
    frame = stack[-1]
    if frame.key is None:
        frame.key = scalar
        return
    key, frame.key = frame.key, None
    if key.text in {"name", "value"} or len(frame.pairs) < 8:
        frame.pairs[key.text] = scalar
    if key.text == "name" and scalar.text == STRICT_VARIABLE:
        frame.named = scalar.line
    elif key.text == STRICT_VARIABLE:
        if is_false(scalar.text) and (scalar.written or not hands_through):
            defaulted = "${" in scalar.text and "{{" not in scalar.text
            yield Evasion(scalar.line, "default" if defaulted else "set", scalar.text)
    else:
        yield from _text(scalar)


def _text(scalar: _Scalar) -> Iterator[Evasion]:
    """`KEY=value` in a list, and every line of a script."""
    if STRICT_VARIABLE in scalar.text:
        yield from strictlines.evasions(scalar.text.split("\n"), scalar.line + scalar.block, as_shell=True)
