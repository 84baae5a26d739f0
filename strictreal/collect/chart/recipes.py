"""The recipes of a Makefile as a shell sees them, with the variables that the Makefile sets to one text put in."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from strictreal.errors import BoundExceeded

MAX_EXPANDED = 1_000_000
"""Characters that the variables of one Makefile may add to its recipes and to each other."""
MAX_NESTED = 20
"""Variables that stand in each other."""
MAX_VALUE = 4_000
"""Characters that a variable is set to; one of more is not told."""
_VARIABLE = re.compile(r"(?<!\$)\$[({](\w{1,100})[)}]")
_ASSIGNMENT = re.compile(
    r"[ ]{0,20}(?:(?:export|override|private)[ \t]{1,20}){0,3}(\w{1,100})[ \t]{0,100}([:?+!]{0,3}=)(.*)"
)
_OF_TARGET = re.compile(
    r"[^\s#=:][^#=:]{0,400}::?[ \t]{0,100}(?:(?:export|override|private)[ \t]{1,20}){0,3}(\w{1,100})[ \t]{0,100}[:?+!]{0,3}="
)
_FUNCTION = re.compile(
    r"(?<!\$)\$[({](if|or|and|call|foreach|let|intcmp|value|eval|file|wildcard|strip|subst|patsubst|filter|filter-out|sort"
    r"|word|wordlist|words|firstword|lastword|dir|notdir|suffix|basename|addsuffix|addprefix|join|realpath|abspath)[ \t]"
)
_DEPLOYING = re.compile(r"\b(?:install|upgrade|template)(?![\w=.-])")
_BRACKET = re.compile(r"[({]|[)}]|(?<!\\)\n")
_COMMENT = re.compile(r"(?<!\\)#.*")
_DEFINITION = re.compile(r"[ ]{0,20}(?:override[ \t]{1,20})?define[ \t]")
_DEFINED = re.compile(r"[ \t]{0,100}endef\b")
_RECIPE = re.compile(r"\t[ \t]*[@+-]{0,3}")
_CONDITION = re.compile(r"[ ]{0,20}(?:(ifn?eq|ifn?def)|(endif))\b")


class _Set(NamedTuple):
    name: str
    operator: str
    text: str
    conditional: bool


@dataclass
class _Variables:
    """What the variables of a Makefile stand for; None where it sets one to several texts."""

    texts: dict[str, str | None]
    expanded: dict[str, str] = field(default_factory=dict)
    left: int = MAX_EXPANDED

    def put_in(self, text: str, around: tuple[str, ...] = ()) -> str:
        """A text with the variables that it names; `${name}`, which nobody sets, for one that is not told."""
        if len(around) > MAX_NESTED:
            raise BoundExceeded(
                f"variables of make in each other, more than {MAX_NESTED} deep (bound: nested variables)"
            )
        return _VARIABLE.sub(lambda found: self._of(found[1], around), text)

    def _of(self, name: str, around: tuple[str, ...]) -> str:
        text = self.texts.get(name)
        if text is None or name in around:
            return f"${{{name}}}"
        if name not in self.expanded:
            self.expanded[name] = self.put_in(text, (*around, name))
        self.left -= len(self.expanded[name])
        if self.left < 0:
            raise BoundExceeded(f"variables of make of more than {MAX_EXPANDED} characters (bound: variables of make)")
        return self.expanded[name]


def of_make(text: str) -> str:
    """A Makefile without its assignments, line for line, and with what they set in its recipes.

    Raises:
        BoundExceeded: its variables come to more than MAX_EXPANDED characters, or stand more than MAX_NESTED deep.
    """
    lines = text.split("\n")
    variables = _Variables(_settled(_assignments(lines)))
    kept = "\n".join(_RECIPE.sub("", line, count=1) if line.startswith("\t") else line for line in lines)
    return _without_functions(variables.put_in(kept)).replace("$$", "$")


def _without_functions(text: str) -> str:
    """A text with `${_}`, which nobody sets, for every call of a function of make but those that hold a command of Helm.

    Each character is looked at once.
    """
    parts, at = list[str](), 0
    while found := _FUNCTION.search(text, at):
        depth, end = 1, len(text)
        for bracket in _BRACKET.finditer(text, found.end()):
            depth += (bracket[0] in "({") - (bracket[0] in ")}")
            if not depth or bracket[0] == "\n":
                end = bracket.start() + (not depth)
                break
        parts.append(text[at : found.start()])
        call = text[found.start() : end]
        if not _DEPLOYING.search(call):
            call = "${_}" + "\\\n" * call.count("\n")
        elif found[1] in {"foreach", "let"}:  # a name, what it stands for, and what is written with it
            call = call[len(found[0]) :].removesuffix(call[-1]).replace(",", ";", 2)
        parts.append(call)
        at = end
    return "".join([*parts, text[at:]])


def _assignments(lines: list[str]) -> Iterator[_Set]:
    """Every assignment, whose lines are made empty."""
    conditions = at = 0
    while at < len(lines):
        first, line = at, lines[at]
        while lines[at].endswith("\\") and at + 1 < len(lines):
            at += 1
        at += 1
        if line.startswith("\t"):
            continue
        if found := _CONDITION.match(line):
            conditions = conditions + 1 if found[1] else max(0, conditions - 1)
        elif _DEFINITION.match(line):
            while at < len(lines) and not _DEFINED.match(lines[at]):
                at += 1
        elif found := _ASSIGNMENT.match(line):
            parts = [found[3], *lines[first + 1 : at]]
            value = " ".join(part.removesuffix("\\").strip(" \t") for part in parts)
            lines[first:at] = [""] * (at - first)
            yield _Set(found[1], found[2], _COMMENT.sub("", value).replace("\\#", "#").strip(), conditions > 0)
        elif found := _OF_TARGET.match(line):
            yield _Set(found[1], "!=", "", conditional=True)


def _settled(assignments: Iterator[_Set]) -> dict[str, str | None]:
    known: dict[str, str | None] = {}
    for name, operator, text, conditional in assignments:
        before = known.get(name, "")
        if operator == "!=" or len(text) > MAX_VALUE or before is None:
            known[name] = None
        elif operator == "+=":
            appended = f"{before} {text}".strip()
            known[name] = None if conditional or len(appended) > MAX_VALUE else appended
        elif name in known and before != text:
            known[name] = None
        else:
            known[name] = text
    return known
