"""The audits that pipelines, Makefiles, scripts and hooks run: what each asks for, what starts it and what it depends on.

An audit that a comment, an `echo` or `--help` names is none. A command that runs a script, a target of make, an action or a workflow of the
subject runs the audits in it, so that dropping that command is seen as well.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from itertools import islice
from typing import NamedTuple

import msgspec

from strictreal.collect import gatemake, gateyaml, pipelines, strictstatus
from strictreal.collect.gatescripts import Found
from strictreal.collect.gateworkflow import REFS
from strictreal.collect.shell.audits import SHELLS, base, mentions_audit
from strictreal.collect.shell.reached import hash_of
from strictreal.collect.shell.runs import STRICT, Run, runs
from strictreal.collect.strictevasion import Evasion

MAX_ROUNDS = 6
"""How often what runs an audit is looked for in other files, each round one step further from the audit."""
MAX_AUDITS = 5_000
"""Audits of one file; one with more is told by its text."""
MAX_INSIDE = 20
"""Scripts and targets that are looked into for the audits that one command runs."""
AROUND = 3
"""Lines before and after an audit that count in a file of which nothing else is known."""
_MAKE = re.compile(r"(?i)(?:^|/)(?:gnu)?makefile[^/]*$|\.mk$")
_JUST = re.compile(r"(?i)(?:^|/)\.?justfile$")
_YAML = re.compile(r"(?i)\.ya?ml$")
_SCRIPT = re.compile(r"(?i)\.(?:sh|bash)$|(?:^|/)(?:run|pre-(?:commit|push))$|(?:^|/)\.(?:husky|ci|githooks)/[^/.]+$")
_QUOTED = re.compile(r"\"((?:[^\"\\\n]|\\.){0,400})\"|'([^'\n]{0,400})'")
_TOOLS = {
    "tox": "tox.ini",
    "nox": "noxfile.py",
    "pre-commit": ".pre-commit-config.yaml",
    "lefthook": "lefthook.yml",
    "task": "Taskfile.yml",
}
_QUOTES = re.compile(r"[\"'\\]")
_BETWEEN = re.compile(r"[\s`;&|(){}\[\]<>=,:@/!]+")
_SOURCING = frozenset({"source", "."})


class Audit(NamedTuple):
    """One audit of a pipeline, as it is compared.

    Attributes:
        event: what starts it; "" where its file does not say.
    """

    path: str
    line: int
    event: str
    asks: frozenset[str]
    guards: frozenset[str]

    @property
    def value(self) -> str:
        """Canonical JSON of all that makes it more or less of a gate."""
        given = {"asks": sorted(self.asks), "depends on": sorted(self.guards)}
        return msgspec.json.encode(given, order="sorted").decode()


def audits(files: Mapping[str, str]) -> list[Audit]:
    """Every audit of some files.

    Args:
        files: the text of each by its path.
    """
    read: dict[str, list[Audit]] = {}
    carriers = _Carriers(files)
    words = {path: _words(text) for path, text in files.items()}
    for _ in range(MAX_ROUNDS):
        before = carriers.known()
        for path, text in files.items():
            read[path] = _bounded(path, text, carriers) if _may_run(text, words[path], carriers) else []
            carriers.learn(path, read[path])
        if carriers.known() == before:
            break
    return [audit for path in sorted(read) for audit in read[path]]


def _may_run(text: str, words: frozenset[str], carriers: _Carriers) -> bool:
    """Whether a text holds a name of an audit, or of what runs one, so that it is worth reading."""
    plain = _QUOTES.sub("", text)
    return "strictreal" in plain or "audit" in plain or not words.isdisjoint(carriers.names())


def _words(text: str) -> frozenset[str]:
    """The words of a text, folders apart."""
    return frozenset(_BETWEEN.split(_QUOTES.sub("", text)))


def _bounded(path: str, text: str, carriers: _Carriers) -> list[Audit]:
    """The audits of a file, each of which its whole text tells from others where they are too many."""
    found = list(islice(_audits(path, text, carriers), MAX_AUDITS + 1))
    if len(found) <= MAX_AUDITS:
        return found
    return [Audit(path, 1, event, frozenset(), frozenset({f"unread: {hash_of(text)}"})) for event in _events_of(found)]


def _events_of(found: Iterable[Audit]) -> list[str]:
    return list(dict.fromkeys(audit.event for audit in found))


def at_least(was: str, now: str) -> bool:
    """Whether an audit is as much of a gate as another was, by their values."""
    before, after = json.loads(was), json.loads(now)
    asked, asks = set(before["asks"]), set(after["asks"])
    chosen, chooses = ({a for a in each if a.startswith("--check ")} for each in (asked, asks))
    same = asked - chosen - {"--strict"} == asks - chooses - {"--strict"}
    whole = not chooses or (bool(chosen) and chosen <= chooses)
    if not same or not whole or ("--strict" in asked and "--strict" not in asks):
        return False
    guarded = set(before["depends on"])
    return all(guard in guarded or _is_wider(guard, guarded) for guard in after["depends on"])


def within(value: str, held: Mapping[str, Sequence[str]], seen: set[str] | None = None) -> Iterator[str]:
    """The audits that a command runs in another file, each with what the command and the audit depend on, by their values.

    Args:
        value: of what runs a script, or a target of make.
        held: the values of the audits of scripts by their paths, and of targets by `make` and their names.
        seen: the scripts and targets that were looked into, each of which is looked into once.
    """
    seen = set() if seen is None else seen
    outer = json.loads(value)
    asked = [ask for ask in outer["asks"] if ask != "--strict"]
    if len(asked) != 1 or not asked[0].startswith(("runs ", "needs ")):
        return
    key = re.sub(r"^(?:needs|runs (?:g?make|just)) ", "make ", asked[0]).removeprefix("runs ")
    if key in seen or len(seen) > MAX_INSIDE:
        return
    seen.add(key)
    for inner in held.get(key, ()):
        for each in within(inner, held, seen) if _carries(inner) else (inner,):
            given = json.loads(each)
            strict = {"--strict"} & set(outer["asks"])
            both = {
                "asks": sorted({*given["asks"], *strict}),
                "depends on": sorted({*given["depends on"], *outer["depends on"]}),
            }
            yield msgspec.json.encode(both, order="sorted").decode()


def _carries(value: str) -> bool:
    return any(ask.startswith(("runs ", "needs ")) for ask in json.loads(value)["asks"])


def _is_wider(guard: str, guarded: Iterable[str]) -> bool:
    """Whether a filter lets an audit run wherever one that was there did."""
    if not guard.startswith("filter "):
        return False
    now = json.loads(guard[7:])
    for other in guarded:
        was = json.loads(other[7:]) if other.startswith("filter ") else {}
        if not was or not was.keys() & now.keys() or bool(was.keys() & set(REFS)) != bool(now.keys() & set(REFS)):
            continue
        if all(_wider(key, was.get(key), now[key]) for key in now) and was.keys() <= now.keys():
            return True
    return False


def _wider(key: str, was: list[str] | None, now: list[str]) -> bool:
    if was is None:
        return False
    if key.endswith("-ignore"):
        return set(now) <= set(was)
    plain = not any(item.startswith("!") for item in [*was, *now])
    return was == now or (plain and set(was) <= set(now))


class _Carriers:
    """What runs audits because a file of the subject does: its script, targets of its Makefiles, its actions."""

    def __init__(self, files: Mapping[str, str]) -> None:
        self._scripts: set[str] = set()
        self._named: dict[str, list[str]] = defaultdict(list)
        """Scripts by their names without folders."""
        self._names: frozenset[str] = frozenset()
        self._called: set[str] = set()
        """Actions and workflows of the subject."""
        self._tools: set[str] = set()
        self._targets: dict[str, None] = {}
        self._defined = {name for path, text in files.items() if _MAKE.search(path) for name in gatemake.targets(text)}
        """Targets of the subject's Makefiles: `make audit` is an audit where none of them is called so."""
        self._depending: dict[str, set[str]] = defaultdict(set)
        """Targets that need one, by its name."""
        for path, text in files.items():
            if _MAKE.search(path) or _JUST.search(path):
                for name, needed in gatemake.targets(text).items():
                    for other in needed:
                        self._depending[other].add(name)

    def known(self) -> tuple[frozenset[str], ...]:
        return frozenset(self._scripts), frozenset(self._called), frozenset(self._tools), frozenset(self._targets)

    def learn(self, path: str, found: Sequence[Audit]) -> None:
        """Take in the audits of a file."""
        if not found:
            return
        name = posixpath.basename(path)
        if _MAKE.search(path) or _JUST.search(path):
            fresh = [target for audit in found for target in audit.event.removeprefix("make ").split()]
            while fresh:
                if (target := fresh.pop()) not in self._targets:
                    self._targets[target] = None
                    fresh += sorted(self._depending.get(target, ()))
        elif _SCRIPT.search(path):
            if path not in self._scripts:
                self._named[name].append(path)
            self._scripts.add(path)
        elif pipelines.is_pipeline(path):
            self._called |= {path, posixpath.dirname(path)} if name.startswith("action.") else {path}
        self._tools |= {tool for tool, file in _TOOLS.items() if file.lower() == name.lower()}
        files = (posixpath.basename(path) for path in (*self._scripts, *self._called))
        pieces = (_BETWEEN.split(_QUOTES.sub("", each))[-1] for each in (*files, *self._tools, *self._targets))
        self._names = frozenset(pieces)

    def carried(self, words: Sequence[str]) -> str:
        """What a command runs of the subject that runs audits, or `uses` of a workflow names; "" for nothing."""
        if len(words) == 1 and words[0].startswith("./") and words[0][2:].rstrip("/") in self._called:
            return words[0]
        for index, word in enumerate(words[:20]):
            name = base(word)
            if name in {"make", "gmake", "just", "$(MAKE)", "${MAKE}"}:
                wanted, told = gatemake.called(words[index + 1 :])
                return next((" ".join([name, *told, w]) for w in wanted if w in self._targets), "")
            if name in self._tools:
                return " ".join([name, *(w for w in words[index + 1 :] if not w.startswith("-"))])[:200]
            plain = posixpath.normpath(word).lstrip("./") if word else ""
            runs_it = index == 0 or base(words[index - 1]) in SHELLS | _SOURCING | {
                "exec",
                "sudo",
                "env",
                "time",
                "command",
            }
            runs_it |= bool(index) and words[index - 1].startswith("-") and base(words[0]) in SHELLS
            found = next((s for s in self._named.get(base(plain), ()) if plain and f"/{s}".endswith(f"/{plain}")), "")
            if runs_it and found and ("/" in word or index):
                return found
        return ""

    def names(self) -> frozenset[str]:
        """A word of each that whoever runs it has to write."""
        return self._names

    def targets(self) -> Set[str]:
        """Targets that run audits."""
        return self._targets.keys()

    def defines_audit(self) -> bool:
        """Whether a Makefile of the subject says what `make audit` does."""
        return "audit" in self._defined


def _audits(path: str, text: str, carriers: _Carriers) -> Iterator[Audit]:
    lines = text.split("\n")
    if _YAML.search(path) and "{{" not in text.replace("${{", ""):
        try:
            seen: Iterable[Found] = gateyaml.found(path, text, carriers.carried)
        except ValueError:
            seen = list(_by_lines(path, text, lines))
    elif _MAKE.search(path) or _JUST.search(path):
        seen = gatemake.found(text, lines, carriers, just=bool(_JUST.search(path)))
    elif _SCRIPT.search(path):
        strict = bool(re.search(rf"(?m)^[^#\n]*{STRICT.pattern}", text, re.IGNORECASE))
        found = runs(text, carried=carriers.carried)
        seen = [Found("", Run(r.line, r.asks | {"--strict"} if strict else r.asks, r.guards)) for r in found]
    else:
        seen = list(_by_lines(path, text, lines))
    place = pipelines.place(path)
    for event, run in seen:
        if run.asks >= {"make", "audit"} and carriers.defines_audit():
            continue  # a target of the subject that runs no audit
        yield Audit(path, run.line, f"{event} {place}".strip(), run.asks, run.guards)


def _by_lines(path: str, text: str, lines: Sequence[str]) -> Iterator[Found]:
    """The audits of a file of which only its lines are known, each with the lines around it."""
    ini = path.lower().endswith((".ini", ".cfg"))
    strict = any(STRICT.search(line) for line in lines if not line.lstrip().startswith(("#", "//", ";")))
    try:
        heard = strictstatus.swallowed(lines, kind="ini" if ini else "text")
        guards = {f"{seen.action}: {seen.value}" for seen in heard if isinstance(seen, Evasion)}
    except (ValueError, RecursionError):
        guards = {f"unread: {hash_of(text)}"}
    for offset, line in enumerate(line[:20_000] for line in lines):
        if line.lstrip().startswith(("#", "//", ";", "*", "--", "rem ")):
            continue
        quoted = [a or b for a, b in _QUOTED.findall(line)]
        plain = re.sub(r"^\s*(?:[-\w.]+\s*[:=]\s*)?(?:-\s+)?", "", line).strip().rstrip(",;")
        for command in dict.fromkeys([plain, *quoted, " ".join(quoted)]):
            seen = runs(command, offset + 1) if mentions_audit(command) else []
            if seen:
                around = [each.strip() for each in lines[max(0, offset - AROUND) : offset + AROUND + 1] if each.strip()]
                others = " ".join(each for each in around if each != line.strip())
                for run in seen:
                    asks = run.asks | {"--strict"} if strict else run.asks
                    yield Found("", Run(run.line, asks, run.guards | guards | {f"among {hash_of(others)}"}))
                break
