"""The audits that a script runs, each with what it asks for and what may keep it from running or from being heard.

Two revisions of a script are compared by these: an audit under a condition that was not there before is less of a gate,
whatever the condition is. What is not understood is told by its text, so that it differs when anything of it does.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from tree_sitter import Node

from strictreal.collect.shell import audits, status
from strictreal.collect.shell.audits import SHELLS, base
from strictreal.collect.shell.reached import MAX_LEVELS, MAX_SHOWN, Reach, hash_of, shown
from strictreal.collect.shell.syntax import descendants, parse, row, text_of
from strictreal.collect.shell.words import UNKNOWN, Names
from strictreal.collect.shell.work import Work
from strictreal.collect.strictevasion import Evasion
from strictreal.config import STRICT_VARIABLE

MAX_RUNS = 500
"""Audits of one script, each way to one counting; the whole text of a script with more tells it from another."""
MAX_HEARD = 100
"""Ways in which a script loses the status of its audits."""
STRICT = re.compile(rf"{STRICT_VARIABLE}[\"']?\s{{0,9}}[:=]\s{{0,9}}[\"']?(?:1|true|yes|on)\b", re.IGNORECASE)
SENSITIVE = re.compile(r"PATH|PYTHON\w*|BASH_ENV|ENV|LD_\w+|SHELLOPTS|STRICTREAL_\w+|SOMABRAIN_\w+")
"""Variables that decide which program an audit is, or what it does."""
_NEUTRAL = frozenset({"--format", "--jobs", "--output"})
"""Options that change nothing of what is judged; each has a value."""
_LAUNCHERS = frozenset(
    """
    env time timeout nice ionice nohup exec command builtin sudo uv run poetry pipenv pdm hatch rye uvx pipx xvfb-run -m
    strictreal stdbuf setsid unbuffer --
    """.split()
)
_EXPRESSION = re.compile(r"\$?\{\{[^\n]{0,400}?\}\}")

Carried = Callable[[Sequence[str]], str]
"""What a command runs that holds audits itself, such as a script of the subject; "" for nothing."""


class Run(NamedTuple):
    """One audit that a script runs.

    Attributes:
        line: where, from 1.
        asks: what it asks for: its words but those that change nothing, and `--strict` however it is asked for.
        guards: what it depends on; fewer are more of a gate.
    """

    line: int
    asks: frozenset[str]
    guards: frozenset[str]


def runs(
    text: str,
    first: int = 1,
    *,
    pipefail: bool = False,
    errexit: bool = False,
    lost: str = "",
    carried: Carried | None = None,
    work: Work | None = None,
) -> list[Run]:
    """Every audit of a script, in the order of its text.

    Args:
        text, first, pipefail, errexit, lost: as for `status.read`.
        carried: what says of a command that it runs audits of another file.
        work: the steps that are left, where several scripts share them.
    """
    work = work or Work()
    try:
        reader = _Reader(text, first, carried or _nothing, 0, work)
        found = list(islice(reader.runs(), MAX_RUNS + 1))
        if not found:
            return []
        evasions = status.read(reader.plainly(), first, pipefail=pipefail, errexit=errexit, lost=lost, work=work)
        heard = {
            f"{seen.action}: {seen.value}" if isinstance(seen, Evasion) else f"unread: {hash_of(text)}"
            for seen in evasions
        }
        if reader.deep:
            heard.add(f"in {hash_of(text)}")
    except (ValueError, RecursionError):
        found, heard = [Run(first, frozenset(), frozenset())], {f"unread: {hash_of(text)}"}
    if len(found) > MAX_RUNS or len(heard) > MAX_HEARD:
        heard = {f"unread: {hash_of(text)}"}
    return [Run(run.line, run.asks, run.guards | heard) for run in found]


def _nothing(words: Sequence[str]) -> str:
    return ""


class _Reader:
    def __init__(self, text: str, first: int, carried: Carried, level: int, work: Work) -> None:
        work.spend(len(text))
        self._work = work
        self._root = parse(text)
        self._text = text
        self._lines = text.split("\n")
        self._first = first
        self._carried = carried
        self._level = level
        self._names = Names()
        self._names.learn(self._root)
        self._nodes = sorted(descendants(self._root), key=lambda node: node.start_byte)
        self._carriers: list[Node] = []
        self.deep = False
        """Whether a script inside a string runs what holds audits itself, so that nobody follows its status."""
        self._calls: dict[str, list[Node]] = {}
        for node in self._nodes:
            if node.type == "command" and (words := self._names.words(node)):
                self._calls.setdefault(words[0], []).append(node)
        self._reach = Reach(text, self._nodes, self._calls, self._names, work)

    def runs(self) -> Iterator[Run]:
        if self._level > MAX_LEVELS:
            raise ValueError("holds scripts in scripts too deeply")
        everywhere = frozenset(self._around())
        assigned = [
            n for n in self._nodes if n.type == "variable_assignment" and n.parent and n.parent.type != "command"
        ]
        strict = frozenset({"--strict"} if any(STRICT.match(text_of(node)) for node in assigned) else ())
        for node in self._nodes:
            for run in self._of(node):
                for guards in self._reach.ways(node).elements():
                    yield Run(run.line, run.asks | strict, run.guards | guards | everywhere)

    def _of(self, node: Node) -> Iterator[Run]:
        """The audits that one node is, or that the script in its words runs."""
        line = self._first + row(node)
        if node.type == "command":
            words = self._names.words(node)
            if not words:
                return
            if words[0] in self._names.functions:
                return
            carrier = self._carried(words)
            if audits.is_audit(words) and not carrier:
                asks, guards = _asked(words, self._assigned(node))
                yield Run(line, asks | self._unknown(node, words), guards)
                return
            if carrier:
                self._carriers.append(node)
                yield Run(line, frozenset({f"runs {carrier}"}), frozenset(self._sensitive(node)))
                return
            if meaning := self._names.aliases.get(words[0], ""):
                yield from self._inner(meaning, line)
            for text in _scripts(words):
                yield from self._inner(text, line)
        elif node.type == "heredoc_body" and (statement := self._reach.parent(node)):
            while (above := self._reach.parent(statement)) and statement.type != "redirected_statement":
                statement = above
            body = statement.child_by_field_name("body")
            called = self._names.words(body) if body is not None and body.type == "command" else []
            if any(base(word) in SHELLS | {"ssh", "su"} for word in called):
                yield from self._inner(text_of(node), line)
        elif node.is_error and audits.mentions_audit(text_of(node)):
            yield Run(line, frozenset(), frozenset({f"unread: {hash_of(text_of(node))}"}))

    def _inner(self, text: str, line: int) -> Iterator[Run]:
        if text != self._text:
            inner = _Reader(text.replace(UNKNOWN, "UNKNOWN"), line, self._carried, self._level + 1, self._work)
            yield from (Run(line, run.asks, run.guards) for run in inner.runs())
            self.deep |= inner.deep or bool(inner._carriers)

    def plainly(self) -> str:
        """The text with an audit in place of each command that runs the audits of another file."""
        source = self._root.text or b""
        for node in reversed(self._carriers):
            inner = source[node.start_byte : node.end_byte]
            source = (
                source[: node.start_byte]
                + b"strictreal audit ."
                + b"\\\n" * inner.count(b"\n")
                + source[node.end_byte :]
            )
        return source.decode(errors="replace")

    def _unknown(self, node: Node, words: Sequence[str]) -> frozenset[str]:
        """What of a command is worked out elsewhere, as it is written: an expression of a workflow, a variable."""
        lines = self._lines[row(node) : node.end_point.row + 1]
        found = {shown(each[0]) for each in _EXPRESSION.finditer("\n".join(lines))}
        return frozenset(found | ({f"… {shown(text_of(node))}"} if UNKNOWN in " ".join(words) else set()))

    def _assigned(self, node: Node) -> list[str]:
        return [text_of(child) for child in node.named_children if child.type == "variable_assignment"]

    def _sensitive(self, node: Node) -> Iterator[str]:
        for text in self._assigned(node):
            if SENSITIVE.fullmatch(text.partition("=")[0]) and not STRICT.search(text):
                yield f"with {text[:MAX_SHOWN]}"

    def _around(self) -> Iterator[str]:
        """What the script sets for all that it runs."""
        for node in self._nodes:
            if node.type == "variable_assignment" and node.parent is not None and node.parent.type != "command":
                name = text_of(node).partition("=")[0]
                if SENSITIVE.fullmatch(name) and not STRICT.search(text_of(node)):
                    yield f"with {text_of(node)[:MAX_SHOWN]}"
            elif node.type == "command" and (words := self._names.words(node))[:1] == ["set"]:
                yield from ("set -n" for word in words[1:] if re.fullmatch(r"-\w*n\w*", word))


def _scripts(words: Sequence[str]) -> Iterator[str]:
    """The scripts among the words of a command, whatever they are about."""
    if words[0] == "eval":
        yield " ".join(words[1:])
        return
    shell = next((i for i, word in enumerate(words[:20]) if base(word) in SHELLS), -1)
    for index, word in enumerate(words[shell + 1 :], shell + 1) if shell >= 0 else ():
        if re.fullmatch(r"-[a-zA-Z]*c", word) and index + 1 < len(words):
            yield words[index + 1]
            return
    if shell < 0:
        yield from (text for text, _ in audits.scripts(words))


def _asked(words: Sequence[str], assigned: Sequence[str]) -> tuple[frozenset[str], frozenset[str]]:
    """What the words of an audit ask for, and what they make it depend on."""
    at = next((i for i, word in enumerate(words) if base(word).startswith("strictreal")), 0)
    guards = {
        f"through {shown(' '.join(words[:at]))}" for _ in range(1) if not all(_launches(word) for word in words[:at])
    }
    asks: set[str] = set()
    rest = list(words[at + 1 :]) if base(words[at]).startswith("strictreal") else ["make", *words[1:]]
    index = 0
    while index < len(rest):
        word = rest[index]
        option, equals, value = word.partition("=")
        if option.startswith("--") and (option in _NEUTRAL or option in {"--check", "--lane", "--sprint", "--since"}):
            if not equals:
                index += 1
                value = rest[index] if index < len(rest) else ""
            if option not in _NEUTRAL:
                asks.add(f"{option} {value}".replace(UNKNOWN, "…"))
        elif word not in {".", "./", "--no-cache"}:
            asks.add(word.replace(UNKNOWN, "…"))
        index += 1
    for text in [*assigned, *words[:at]]:
        name = text.partition("=")[0]
        if STRICT.search(text):
            asks.add("--strict")
        elif "=" in text and SENSITIVE.fullmatch(name):
            guards.add(f"with {shown(text)}")
    return frozenset(asks), frozenset(guards)


def _launches(word: str) -> bool:
    """Whether a word before the program is a launcher, an option, a number or a variable of one."""
    name = base(word)
    return (
        name in _LAUNCHERS
        or name.startswith("python")
        or bool(re.fullmatch(r"-{1,2}[\w-]+(?:=\S*)?|\d+[smhd]?|[A-Za-z_]\w*=.*", word, re.DOTALL))
    )
