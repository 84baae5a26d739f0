"""The audits of the recipes of Makefiles and of just, by the targets that run them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence, Set
from typing import NamedTuple, Protocol

from strictreal.collect import strictstatus
from strictreal.collect.gatescripts import Found
from strictreal.collect.shell.reached import hash_of, shown
from strictreal.collect.shell.runs import SENSITIVE, STRICT, Run, runs

_TARGET = re.compile(r"^([^\s#=:][^#=:]{0,400})::?(?!=)([^=;#][^;#]*|)")
_CONDITIONAL = re.compile(r"\s*(ifn?eq|ifn?def|else|endif)\b(.*)")
_SETS = re.compile(
    r"^(?:[^\s#:=][^#:=]{0,200}:\s{0,9})?(?:(?:override|export|private)\s{1,9})*([\w.]{1,80})\s{0,20}(?::{0,3}|\?|\+|!)=\s{0,20}(.{0,2000})$"
)
_SHELL = re.compile(r"(?:/usr/bin/env\s+|(?:/usr)?(?:/local)?/bin/)?(?:ba|da|z|k|)sh")
_SHELL_FLAGS = re.compile(
    r"(?:-[eux]+\s+|-o\s+(?:pipefail|errexit|nounset)\s+|-[eux]*o\s+(?:pipefail|errexit|nounset)\s+){0,6}-[eux]*c"
)
_SILENT_PLAIN = (
    r"-[sjwrRO]+\d*|--(?:silent|quiet|(?:no-)?print-directory|no-builtin-(?:rules|variables)|warn-undefined-variables)"
    r"|--(?:jobs|output-sync|load-average|max-load)(?:=\w+)?|-[lBO]\w*|--always-make"
)
_SILENT = re.compile(_SILENT_PLAIN)
"""Options of make that change nothing of what is run."""
_SILENT_FLAGS = re.compile(rf"(?:(?:{_SILENT_PLAIN}|\d+)(?:\s+|$)){{0,20}}")
_WITH_VALUE = frozenset(
    {"-C", "-f", "-I", "-o", "-W", "--directory", "--file", "--makefile", "--eval", "--old-file", "--what-if"}
)
MAX_CONDITIONS = 50
"""Conditions around a rule, and settings of a Makefile, which are told one by one."""


class Carriers(Protocol):
    """What runs audits because a file of the subject does."""

    def carried(self, words: Sequence[str]) -> str:
        """What a command runs of the subject; "" for nothing."""

    def targets(self) -> Set[str]:
        """Targets that run audits."""


def called(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """(targets, what else decides about them) of the words after `make`: its options with their values, its variables."""
    wanted: list[str] = []
    told: list[str] = []
    index = 0
    while index < len(words):
        word = words[index]
        if word in _WITH_VALUE:
            index += 1
            told += [] if words[index : index + 1] == ["."] else words[index - 1 : index + 1]
        elif word.startswith("-") or "=" in word:
            told += [] if _SILENT.fullmatch(word) or STRICT.search(word) else [word]
        elif not word.isdigit():  # of `-j 4`
            wanted.append(word)
        index += 1
    return wanted, told


def targets(text: str) -> dict[str, set[str]]:
    """The targets of a Makefile, each with what it needs."""
    found: dict[str, set[str]] = {}
    for _, line in strictstatus.joined(text.split("\n")):
        match = _TARGET.match(line) if line[:1] not in {"\t", " "} else None
        for name in match[1].split() if match else ():
            found.setdefault(name, set()).update(
                match[2].replace("\\\n", " ").replace("|", " ").split() if match else ()
            )
    return found


def found(text: str, lines: Sequence[str], carriers: Carriers, *, just: bool) -> Iterator[Found]:
    """Every audit of a Makefile's recipes, or of a justfile's."""
    strict = any(STRICT.search(line) for line in lines if not line.lstrip().startswith("#"))
    owners = _owners(text, lines)
    everywhere = frozenset() if just else frozenset(_settings(lines))
    if len(everywhere) > MAX_CONDITIONS:
        everywhere = frozenset({f"with settings of {hash_of(text)}"})
    starts: dict[str, int] = {}
    for number, line in enumerate(lines, 1):
        for word in line.partition(":")[0].split() if line[:1] not in {"\t", " ", "#"} else ():
            starts.setdefault(word, number)
    for name, needed in targets(text).items():
        for other in sorted(needed & carriers.targets()) if not name.startswith(".") else ():
            yield Found(f"make {name}", Run(starts.get(name, 1), frozenset({f"needs {other}"}), everywhere))
    recipes = list(strictstatus.recipes(lines, just=just))
    last = {name: owners[recipe.offset].start for recipe in recipes for name in owners[recipe.offset].names}
    for recipe in recipes:
        owner = owners[recipe.offset]
        seen = runs(
            recipe.script,
            recipe.offset + 1,
            pipefail=recipe.pipefail,
            errexit=recipe.errexit,
            lost=recipe.lost,
            carried=carriers.carried,
        )
        for run in seen:
            asks = run.asks | {"--strict"} if strict else run.asks
            for name in owner.names or ("",):
                guards = run.guards | owner.conditions | everywhere
                if not owner.every and last.get(name, 0) > owner.start:
                    guards |= {f"another recipe of {name} comes later"}
                yield Found(f"make {name}", Run(run.line, asks, guards))


class _Owner(NamedTuple):
    """The rule that a line belongs to.

    Attributes:
        start: where the rule begins.
        every: whether every recipe of the target is run, as after two colons.
    """

    names: tuple[str, ...]
    start: int
    every: bool
    conditions: frozenset[str]


def _owners(text: str, lines: Sequence[str]) -> list[_Owner]:
    """The rule of each line."""
    found: list[_Owner] = []
    whole = hash_of(text)
    owner, conditions = _Owner(names=(), start=0, every=False, conditions=frozenset()), list[str]()
    for offset, line in enumerate(lines):
        if said := _CONDITIONAL.match(line):
            if said[1] == "endif":
                conditions = conditions[:-1]
            elif said[1] == "else":
                opened = conditions[-1] if conditions else ""
                conditions = [*conditions[:-1], shown(f"else of {opened} {said[2].strip()}".strip())]
            else:
                conditions.append(shown(said[0]))
            around = frozenset(f"if {condition}" for condition in conditions[:MAX_CONDITIONS])
            if len(conditions) > MAX_CONDITIONS:
                around |= {f"if what is said in {whole}"}
            owner = owner._replace(conditions=around)
        elif line[:1] not in {"\t", " "} and (target := _TARGET.match(line)):
            every = "::" in line[: target.end(1) + 2]
            owner = owner._replace(names=tuple(target[1].split()), start=offset, every=every)
        found.append(owner)
    return found


def _settings(lines: Sequence[str]) -> Iterator[str]:
    """What a Makefile sets that decides how its recipes are run, or which program an audit is."""
    for _, line in strictstatus.joined(lines):
        said = _SETS.match(line) if line[:1] not in {"\t", " ", "#"} else None
        if said is None:
            continue
        name, value = said[1], said[2].partition(" #")[0].strip()
        harmless = {
            "SHELL": _SHELL,
            ".SHELLFLAGS": _SHELL_FLAGS,
            "MAKEFLAGS": _SILENT_FLAGS,
            "GNUMAKEFLAGS": _SILENT_FLAGS,
            "MFLAGS": _SILENT_FLAGS,
        }.get(name)
        given = not harmless and ("export" in line or name == "PATH") and SENSITIVE.fullmatch(name)
        if (harmless and not harmless.fullmatch(value)) or (given and not STRICT.search(line)):
            yield f"with {name} = {shown(value)}"
