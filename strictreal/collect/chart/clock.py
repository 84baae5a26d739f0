"""Templates that ask for the time: two renders in the same second agree, and the next day's does not."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from strictreal.collect.chart import trace

_NOW = re.compile(r"(?<![\w.$])(?:now|ago)(?![\w-])")
_CALL = re.compile(r"\b(?:include|template)\s{1,20}\(?\s{0,20}\"([^\"\n]{1,200})\"")
_QUOTED = re.compile(r'"(?:[^"\\\n]|\\.)*"|`[^`]*`')


@dataclass
class _Body:
    """What a named template, or one line of a template, asks for."""

    now: bool = False
    calls: set[str] = field(default_factory=set)


def lines_that_ask(templates: dict[str, str]) -> dict[str, frozenset[int]]:
    """By template, the lines whose actions call `now` or `ago`, themselves or through named templates."""
    named: dict[str, _Body] = {}
    direct: dict[tuple[str, int], _Body] = {}
    for path, text in templates.items():
        for action in trace.actions(text):
            body = (
                named.setdefault(action.define, _Body())
                if action.define
                else direct.setdefault((path, action.line), _Body())
            )
            body.now |= bool(_NOW.search(_QUOTED.sub('""', action.body)))
            body.calls |= set(_CALL.findall(action.body))
    asking = _closure(named)
    found: dict[str, set[int]] = {}
    for (path, line), body in direct.items():
        if body.now or body.calls & asking:
            found.setdefault(path, set()).add(line)
    return {path: frozenset(lines) for path, lines in found.items()}


def _closure(named: dict[str, _Body]) -> set[str]:
    asking = {name for name, body in named.items() if body.now}
    callers: dict[str, list[str]] = {}
    for name, body in named.items():
        for called in body.calls:
            callers.setdefault(called, []).append(name)
    waiting = list(asking)
    while waiting:
        fresh = set(callers.get(waiting.pop(), ())) - asking
        asking |= fresh
        waiting += fresh
    return asking


def mentions(template: str) -> bool:
    """Whether a template could ask for the time at all: a quick look before the careful one."""
    return ("now" in template or "ago" in template) and _NOW.search(template) is not None
