"""What the name or the namespace of a release decides in a chart's templates, and whether another one can be tried.

An action is read as Go reads it: commands of words, texts and parentheses, joined by pipes. Where a function that
decides (`eq`, `contains`, `index`, …) is given the name, there are three ways: it compares the name with constants, which
are then tried; it is the helper that puts names together, whose branches write nothing but the name; or what it decides
is not followed, which is said.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from strictreal.collect.chart.overlays import MAX_BYTES, VARIANT

MAX_DEPTH = 50
_ACTION = re.compile(r"\{\{-?\s{0,200}(.*?)\s{0,200}-?\}\}", re.DOTALL)
_TOKEN = re.compile(r'"(?:[^"\\\n]|\\.){0,2000}"|`[^`]{0,4000}`|[()|]|:=|[^\s()|"`]+', re.DOTALL)
_NAME = re.compile(r"\$?\.Release\.(Name|Namespace)")
_OTHER = re.compile(r"\$?\.Release\.(?:Service|IsInstall|IsUpgrade|Revision)\b")
_RELEASE = re.compile(r"\$?\.Release\b")
_BEGINS = re.compile(r"(if|with|range|define|block)\b")
_DEFINED = re.compile(r'(?:define|block)\s+"([^"\n]{1,200})"')
_DECIDING = frozenset(
    """
    eq ne lt le gt ge contains hasPrefix hasSuffix regexMatch mustRegexMatch has mustHas hasKey index get dig pluck pick
    omit ternary not empty len regexFind regexFindAll mustRegexFind mustRegexFindAll regexReplaceAll mustRegexReplaceAll
    regexReplaceAllLiteral regexSplit split splitList splitn semverCompare atoi int int64 float64 adler32sum sha1sum
    sha256sum sha512sum until seq substr initial last first rest mustFirst mustLast trimAll trimPrefix trimSuffix replace
    slice untilStep without mustWithout compact uniq htpasswd toDecimal b64dec deepEqual kindIs typeIs
    """.split()
)
_WRITING = frozenset(
    """
    regexReplaceAll mustRegexReplaceAll regexReplaceAllLiteral substr trimAll trimPrefix trimSuffix replace initial first
    last sha1sum sha256sum sha512sum adler32sum split splitList splitn b64dec
    """.split()
)
"""Functions that make another text of a name: what they give decides only where something compares it."""
_SAME = frozenset({"lower", "toString", "quote", "trim", "squote"})
"""Functions of one text after which it is still told by the same constants, in lower case."""
_NEGATED = {"hasPrefix", "hasSuffix", "contains"}
_A_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,51}[a-z0-9])?")


class Undecided(NamedTuple):
    """A place whose outcome the release's name or namespace decides in a way that is not followed."""

    path: str
    line: int
    text: str


class _Term(NamedTuple):
    """What a part of an action is made of."""

    tainted: bool = False
    plain: str = ""
    """`Name` or `Namespace` where it is just that."""
    constants: tuple[str, ...] = ()
    """The texts that it is: one of a text, several of a list of texts."""


@dataclass
class _Reading:
    """What was seen in one chart."""

    names: set[str] = field(default_factory=set)
    """Variables, keys and named templates that hold a name, or are made of one."""
    plain: dict[str, str] = field(default_factory=dict)
    """Variables that are the name, or the namespace, itself."""
    compared: dict[tuple[str, str], None] = field(default_factory=dict)
    undecided: list[Undecided] = field(default_factory=list)
    changed: bool = False

    def learn(self, name: str) -> None:
        if name not in self.names:
            self.names.add(name)
            self.changed = True


class _Action(NamedTuple):
    text: str
    line: int
    start: int
    end: int


def read(files: dict[str, bytes]) -> tuple[dict[tuple[str, str], None], list[Undecided]]:
    """The constants that a release's name or namespace is compared with, and the places that decide by it otherwise."""
    texts = {
        path: data.decode(errors="replace")
        for path, data in sorted(files.items())
        if "templates/" in path and len(data) <= MAX_BYTES and not path.endswith("NOTES.txt")
    }
    if not any(".Release" in text or '"Release"' in text for text in texts.values()):
        return {}, []
    reading = _Reading()
    actions = {path: list(_actions(text)) for path, text in texts.items()}
    for _ in range(6):  # until nothing new is made of a name: helpers that call helpers
        reading.changed = False
        reading.compared, reading.undecided = {}, []
        for path, text in texts.items():
            _file(path, text, actions[path], reading)
        if not reading.changed:
            break
    return reading.compared, reading.undecided


def variants(
    compared: dict[tuple[str, str], None], release: str, namespace: str
) -> tuple[tuple[str, str, str], ...]:
    """(label, release, namespace) of renders that differ by what templates compare: every name with every namespace."""
    tried: dict[str, dict[str, None]] = {"Name": {release: None}, "Namespace": {namespace: None}}
    for which, constant in compared:
        name = constant.strip("-").lower()
        if _A_NAME.fullmatch(name):
            tried[which][name] = None
    for which in dict.fromkeys(which for which, _ in compared):  # and one that equals no constant
        tried[which]["another-name" if which == "Name" else "another-namespace"] = None
    found = []
    for name in tried["Name"]:
        for space in tried["Namespace"]:
            parts = [f"Name {name}"] * (name != release) + [f"Namespace {space}"] * (space != namespace)
            if parts:
                found.append((f"{VARIANT}{' and '.join(parts)}", name, space))
    return tuple(found)


def _actions(text: str) -> Iterator[_Action]:
    line, at = 1, 0
    for found in _ACTION.finditer(text):
        line += text.count("\n", at, found.start())
        at = found.start()
        if not found[1].startswith("/*"):
            yield _Action(found[1], line, found.start(), found.end())


def _file(path: str, text: str, actions: list[_Action], reading: _Reading) -> None:
    opened: list[tuple[str, int]] = []
    for index, action in enumerate(actions):
        begins = _BEGINS.match(action.text)
        if begins:
            opened.append((_defined(action.text), index))
        elif action.text == "end" and opened:
            opened.pop()
        words = _TOKEN.findall(action.text)
        term, decides = _Evaluation(words, reading).whole()
        inside = next((name for name, _ in reversed(opened) if name), "")
        if term.tainted and inside:
            reading.learn(f'"{inside}"')
        if decides and not (begins or action.text.startswith("else")):
            reading.undecided.append(Undecided(path, action.line, action.text))
        elif decides and not _only_names(text, actions, index, opened, reading):
            reading.undecided.append(Undecided(path, action.line, action.text))


def _defined(text: str) -> str:
    found = _DEFINED.match(text)
    return found[1] if found else ""


def _only_names(text: str, actions: list[_Action], index: int, opened: list[tuple[str, int]], reading: _Reading) -> bool:
    """Whether all branches of a condition write nothing but what is made of the name."""
    start = opened[-1][1] if opened else index
    depth, at = 0, actions[start].end
    for action in actions[start:]:
        if action is not actions[start] and text[at : action.start].strip():
            return False
        at = action.end
        if _BEGINS.match(action.text):
            depth += 1
        elif action.text == "end":
            depth -= 1
            if not depth:
                return True
        elif not action.text.startswith("else"):
            term, decides = _Evaluation(_TOKEN.findall(action.text), reading).whole()
            if not term.tainted or decides or re.search(r"%[.0-9]", action.text):
                return False
    return False


class _Evaluation:
    """One action: what it is made of, and whether something in it decides by a name."""

    def __init__(self, words: list[str], reading: _Reading) -> None:
        self.words, self.at, self.reading = words, 0, reading
        self.decides = False

    def whole(self) -> tuple[_Term, bool]:
        words = self.words
        while words[self.at : self.at + 1] and words[self.at] in {"if", "else", "with", "range", "define", "block", "template"}:
            self.at += 1
        conditional = "if" in words[: self.at]
        assigned = ""
        if len(words) > self.at + 1 and words[self.at].startswith("$") and words[self.at + 1] in {":=", "="}:
            assigned = words[self.at]
            self.at += 2
        term = self.pipeline(0)
        if assigned and term.tainted:
            self.reading.learn(assigned)
            if term.plain:
                self.reading.plain.setdefault(assigned, term.plain)
        return (_Term() if conditional or assigned else term), self.decides

    def pipeline(self, depth: int) -> _Term:
        piped: _Term | None = None
        while True:
            piped = self.command(piped, depth)
            if self.at < len(self.words) and self.words[self.at] == "|":
                self.at += 1
                continue
            return piped

    def command(self, piped: _Term | None, depth: int) -> _Term:
        name, operands, first = "", list[_Term](), True
        keys: list[str] = []
        while self.at < len(self.words) and self.words[self.at] not in {"|", ")"}:
            word = self.words[self.at]
            self.at += 1
            if word == "(":
                inner = self.pipeline(depth + 1) if depth < MAX_DEPTH else _Term(tainted=True)
                if self.at < len(self.words) and self.words[self.at] == ")":
                    self.at += 1
                operands.append(inner)
            elif first and re.fullmatch(r"[A-Za-z]\w*", word) and word not in {"true", "false", "nil"}:
                name = word
            else:
                operands.append(self.operand(word))
                keys.append(word)
                if name == "dict" and len(operands) > 1 and operands[-1].tainted:
                    self.handed(operands, keys)
            if name == "dict" and word == "(" and operands and operands[-1].tainted:
                self.handed(operands, keys)
            first = False
        operands += [piped] if piped is not None else []
        return self.applied(name, operands)

    def handed(self, operands: list[_Term], keys: list[str]) -> None:
        """A name in a dictionary: the key holds it wherever that is read."""
        key = operands[-2].constants if len(operands) > 1 else ()
        if len(operands) % 2 == 0 and len(key) == 1 and re.fullmatch(r"\w{1,100}", key[0]):
            self.reading.learn(f".{key[0]}")

    def operand(self, word: str) -> _Term:
        if word[0] in "\"`":
            told = word[1:-1]
            return _Term(tainted=word == '"Release"', constants=(told,))
        if found := _NAME.fullmatch(word):
            return _Term(tainted=True, plain=found[1])
        if word in self.reading.plain:
            return _Term(tainted=True, plain=self.reading.plain[word])
        if _RELEASE.match(word) and not _OTHER.match(word):
            return _Term(tainted=True)
        head = re.match(r"\$\w+", word)
        if head and head[0] in self.reading.names:
            return _Term(tainted=True)
        last = re.search(r"(?:^|\$)(\.\w+)$", word)
        return _Term(tainted=bool(last and last[1] in self.reading.names and last[1] not in _BUILT_IN))

    def applied(self, name: str, operands: list[_Term]) -> _Term:
        tainted = any(operand.tainted for operand in operands)
        if name == "lookup":
            return _Term()  # there is no cluster: it finds nothing, whatever the name
        if name in {"include", "template", "tpl"} or not name:
            called = operands[0].constants[:1] if operands else ()
            made = name == "include" and bool(called) and f'"{called[0]}"' in self.reading.names
            if not name and len(operands) == 1:
                return operands[0]
            return _Term(tainted=made if name == "include" else tainted)
        constants = tuple(text for operand in operands for text in operand.constants)
        if name == "list":
            return _Term(tainted=tainted, constants=constants)
        if not tainted:
            return _Term()
        named = [operand.plain for operand in operands if operand.plain]
        if name in _SAME and len(operands) == 1:
            return operands[0]
        if name in {"eq", "ne", "has", *_NEGATED} and len(named) == 1 and self.told(operands):
            self.reading.compared |= {(named[0], text): None for text in constants}
            return _Term()
        if name in _DECIDING and name not in _WRITING:
            self.decides = True
        return _Term(tainted=True)

    @staticmethod
    def told(operands: list[_Term]) -> bool:
        """Whether everything beside the name is a constant."""
        return all(operand.plain or operand.constants for operand in operands) and len(operands) > 1


_BUILT_IN = frozenset({".Values", ".Chart", ".Release", ".Files", ".Capabilities", ".Template"})
