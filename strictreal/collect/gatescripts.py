"""The scripts of a pipeline's YAML: the audits of each, and what the file sets for them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from strictreal.collect.shell.reached import hash_of
from strictreal.collect.shell.runs import SENSITIVE, STRICT, Carried, Run, runs
from strictreal.collect.shell.work import Work

MAX_VALUE = 300
"""Characters of a condition that are shown; a longer one is told by its digest."""


class Found(NamedTuple):
    """One audit of a file: what starts it ("" where the file does not say), and the run itself."""

    event: str
    run: Run


class Scripts:
    """The audits of the scripts of a file, each of which is read once however often it is aliased."""

    def __init__(self, text: str, carried: Carried) -> None:
        self.carried = carried
        self._text = text
        self._work = Work()
        self._known: dict[tuple[str, bool, bool, str], list[Run]] = {}

    def runs(self, script: str, *, pipefail: bool = False, errexit: bool = False, lost: str = "") -> list[Run]:
        """The audits of one script, with the lines of the file."""
        key = script, pipefail, errexit, lost
        if key not in self._known:
            self._known[key] = runs(
                script,
                line_of(self._text, script),
                pipefail=pipefail,
                errexit=errexit,
                lost=lost,
                carried=self.carried,
                work=self._work,
            )
        return self._known[key]


def is_open(run: Run) -> bool:
    """Whether what an audit asks for is worked out of variables that its script does not set."""
    return any("…" in ask or "{{" in ask for ask in run.asks)


def variables_of(node: Mapping[str, Any]) -> dict[str, Any]:
    """What a part of a workflow sets for all that it runs."""
    given: dict[str, Any] = {}
    for key in ("env", "environment", "variables", "vars"):
        held = node.get(key)
        pairs = [str(item).partition("=")[::2] for item in held] if isinstance(held, list) else []
        given |= held if isinstance(held, dict) else dict(pairs)
    return given


def environment_of(node: Mapping[str, Any]) -> set[str]:
    """The variables that decide which program an audit is."""
    return {
        f"with {name}={canonical(value)}"
        for name, value in variables_of(node).items()
        if SENSITIVE.fullmatch(str(name)) and not STRICT.search(f"{name}={value}")
    }


def is_strict(node: Mapping[str, Any]) -> bool:
    """Whether a part of a workflow turns strict mode on for all that it runs."""
    return any(STRICT.match(f"{name}={value}") for name, value in variables_of(node).items())


def canonical(value: Any) -> str:
    """A value as it is told."""
    return short(whole(value))


def whole(value: Any) -> str:
    """A value as a text of any length."""
    return value if isinstance(value, str) else msgspec.json.encode(value, order="sorted").decode()


def short(text: str) -> str:
    """A text on one line, with the digits of one that is too long."""
    plain = " ".join(text.split())
    return plain if len(plain) <= MAX_VALUE else f"{plain[:MAX_VALUE]}… {hash_of(text)}"


def line_of(text: str, script: str) -> int:
    """The line on which a text begins; 1 where it is folded or escaped."""
    opening = next((line.strip() for line in script.split("\n") if line.strip()), "")
    at = text.find(opening) if opening else -1
    return text.count("\n", 0, at) + 1 if at >= 0 else 1
