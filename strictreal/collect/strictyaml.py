"""Strict mode turned off in YAML: mappings, `KEY=value` lists, name and value pairs, scripts inside strings.

Read as a stream of events, so that neither depth nor aliases cost anything.
"""

from __future__ import annotations

import re
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

from strictreal.collect import strictlines, strictstatus
from strictreal.collect.shell.audits import mentions_audit
from strictreal.collect.strictevasion import Evasion, Unread
from strictreal.collect.strictlines import is_false
from strictreal.config import STRICT_VARIABLE
from strictreal.kubeyaml import MAX_DEPTH


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
    under: str = ""
    """The key that it stands under, of a list for its elements too."""
    scripts: list[tuple[str, _Scalar]] = field(default_factory=list)
    """What runs an audit, each with its key."""
    audits: bool = False
    """Whether an audit runs here or anywhere below."""
    pardons: list[tuple[int, str]] = field(default_factory=list)
    """Keys that make a failure count for nothing, with their lines."""


def evasions(text: str, *, hands_through: bool) -> Iterator[Evasion | Unread]:
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
            above = stack[-1] if stack else None
            under = above.key.text if above and above.key else above.under if above and not above.mapping else ""
            _opaque(stack)
            stack.append(_Frame(isinstance(event, MappingStartEvent), under=under))
        elif isinstance(event, MappingEndEvent | SequenceEndEvent):
            frame = stack.pop()
            yield from _verdicts(frame)
            if stack:
                stack[-1].audits |= frame.audits
            if frame.named:
                value = frame.pairs.get("value")
                if ("value" in frame.pairs and value and is_false(value.text)) or not frame.pairs.keys() - {"name"}:
                    yield Evasion(value.line if value else frame.named, "set", value.text if value else "")


_PARDONS = frozenset(
    {
        *("continue-on-error", "allow_failure", "continueOnError", "soft_fail", "ignore_errors", "ignore_error"),
        *(
            "ignore-errors",
            "ignoreErrors",
            "ignore_failure",
            "continue_on_error",
            "allowFailure",
            "allow-failure",
            "soft-fail",
        ),
        *("ignore_fail", "ignoreFailure", "ignoreReturnCode", "ignore-failure"),
    }
)
"""Keys of GitHub, GitLab, Azure, Buildkite, Ansible and Taskfile files under which a failure counts for nothing."""
_NEVER = {
    *(("if", "false"), ("when", "never"), ("failed_when", "false"), ("failure", "ignore"), ("condition", "false")),
    *(("when", "manual"), ("failontaskfailure", "false"), ("failonstderr", "never"), ("enabled", "false")),
    *(("failonerror", "false"), ("fail_on_error", "false"), ("fail-on-error", "false"), ("if", "!true"), ("if", "0")),
}
_LITERALS = re.compile(r"\(?\s*('[^']{0,80}'|\d{1,9}|true|false)\s*(==|!=)\s*('[^']{0,80}'|\d{1,9}|true|false)\s*\)?")
"""A comparison of two constants, which always comes out the same."""
_SEVERAL = re.compile(r"[\s;]")


def _pardons(key: str, value: str) -> bool:
    """Whether a key and its value make a failure count for nothing, or keep a step from running."""
    text = value.strip().lower()
    if inner := text.removeprefix("${{").removesuffix("}}").strip() if text.startswith("${{") else "":
        text = inner
    if key in _PARDONS:
        return text in {"true", "yes", "on", "1"} or (text == inner and text != "false")
    if key in {"if", "condition"}:
        if text.startswith("false &&") or text.endswith("&& false"):
            return True
        if found := _LITERALS.fullmatch(text):
            return (found[1] == found[3]) != (found[2] == "==")
    return (key.lower(), text) in _NEVER


def _runs(text: str) -> bool:
    """Whether a scalar is a script that concerns an audit or the variable, though it may put the command together."""
    if mentions_audit(text):
        return True
    plain = text.replace('"', "").replace("'", "").replace("\\", "")
    return bool(_SEVERAL.search(plain)) and (STRICT_VARIABLE in plain or ("strictreal" in plain and "audit" in plain))


def _verdicts(frame: _Frame) -> Iterator[Evasion | Unread]:
    """Audits of one mapping or list whose status is thrown away."""
    shell = frame.pairs.get("shell")
    for key, scalar in frame.scripts:
        strong = frame.under in {"script", "before_script"} or key in {"script", "before_script", "command"}
        errexit = key == "run" or strong
        if shell is not None and "{0}" in shell.text:  # a command line of one's own, with its own options or none
            errexit, strong = bool(re.search(r"\s-\w*e|errexit", shell.text)), "pipefail" in shell.text
        elif shell is not None:
            strong |= shell.text.strip() == "bash"
        lines = scalar.text.split("\n")
        if key == "after_script" or frame.under == "after_script":
            yield Evasion(scalar.line, "swallow", "after_script")
        kind = (
            "powershell" if shell is not None and re.match(r"(?i)\s*(?:pwsh|powershell|cmd)\b", shell.text) else "shell"
        )
        yield from strictstatus.swallowed(
            lines, scalar.line + scalar.block, pipefail=strong, errexit=errexit, kind=kind
        )
    if frame.audits and frame.mapping:
        for line, shown in frame.pardons:
            yield Evasion(line, "swallow", shown)


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


def _scalar(stack: list[_Frame], scalar: _Scalar, *, hands_through: bool) -> Iterator[Evasion | Unread]:
    if not stack or not stack[-1].mapping:
        if stack and _runs(scalar.text):
            stack[-1].audits |= mentions_audit(scalar.text)
            stack[-1].scripts.append(("", scalar))
        yield from _text(scalar)
        return
    frame = stack[-1]
    if frame.key is None:
        frame.key = scalar
        return
    key, frame.key = frame.key, None
    if _pardons(key.text, scalar.text):
        frame.pardons.append((scalar.line, f"{key.text}: {scalar.text.strip()[:30]}"))
    elif key.text not in {"name", "description", "summary", "title"} and _runs(scalar.text):
        frame.audits |= mentions_audit(scalar.text)
        frame.scripts.append((key.text, scalar))
    if key.text in {"name", "value", "shell"} or len(frame.pairs) < 8:
        frame.pairs[key.text] = scalar
    if key.text == "name" and scalar.text == STRICT_VARIABLE:
        frame.named = scalar.line
    elif key.text == STRICT_VARIABLE:
        if is_false(scalar.text) and (scalar.written or not hands_through):
            defaulted = "${" in scalar.text and "{{" not in scalar.text
            yield Evasion(scalar.line, "default" if defaulted else "set", scalar.text)
    else:
        yield from _text(scalar)


def _text(scalar: _Scalar) -> Iterator[Evasion | Unread]:
    """`KEY=value` in a list, and every line of a script."""
    if STRICT_VARIABLE in scalar.text:
        yield from strictlines.evasions(scalar.text.split("\n"), scalar.line + scalar.block, as_shell=True)
