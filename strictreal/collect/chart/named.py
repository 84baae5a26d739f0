"""What one action of a template makes of a release's name: it writes it, compares it with constants, or decides otherwise.

An action is read as Go reads it: commands of words, texts and parentheses, joined by pipes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import NamedTuple

from strictreal.errors import BoundExceeded

MAX_DEPTH = 50
MAX_STEPS = 300_000
"""Actions of one chart that are looked at, each as often as it is."""
MAX_NAMES = 1_000
"""Variables, keys and named templates of one chart that hold a name."""
MAX_ACTION = 10_000
"""Characters of one action that are read."""
_TOKEN = re.compile(
    r"""\"(?:[^\"\\\n]|\\.){0,2000}\"|`[^`]{0,4000}`|'(?:[^'\\\n]|\\.){1,12}'|[()|]|:=|[^\s()|\"`]+""", re.DOTALL
)
_NAME = re.compile(r"(?:\$\w{0,100})?(?:\.\w{1,100}){0,5}?\.Release\.(Name|Namespace)")
_RELEASE = re.compile(r"\.Release\b(?!\.(?:Service|IsInstall|IsUpgrade|Revision)\b)")
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
_BUILT_IN = frozenset({".Values", ".Chart", ".Release", ".Files", ".Capabilities", ".Template"})


class Undecided(NamedTuple):
    """A place whose outcome the release's name or namespace decides in a way that is not followed."""

    path: str
    line: int
    text: str


class Term(NamedTuple):
    """What a part of an action is made of."""

    tainted: bool = False
    plain: str = ""
    """`Name` or `Namespace` where it is just that."""
    constants: tuple[str, ...] = ()
    """The texts that it is: one of a text, several of a list of texts."""
    wrote: bool = False
    """Whether it is what a function left of a name, which may be nothing at all."""
    holds: bool = False
    """Whether it is a list or dictionary that holds a name: how many it has and which keys says nothing of that."""
    parts: tuple[bool, ...] = ()
    """Of a list, which elements are made of a name."""


@dataclass
class Reading:
    """What was seen in one chart."""

    names: set[str] = field(default_factory=set)
    """Variables, keys and named templates that hold a name, or are made of one."""
    words: set[str] = field(default_factory=set)
    """These, as an action spells them."""
    plain: dict[str, str] = field(default_factory=dict)
    """Variables that are the name, or the namespace, itself."""
    compared: dict[tuple[str, str], None] = field(default_factory=dict)
    undecided: list[Undecided] = field(default_factory=list)
    changed: bool = False
    steps: int = 0
    dot: str = ""
    """Whether `.` is a name (`text`), or holds one (`holds`), where an action stands."""
    scope: str = ""
    """The file and the named template where an action stands, in which its variables are known."""

    def concerns(self, text: str) -> bool:
        """Whether an action may have to do with a name."""
        return bool(self.dot) or "Release" in text or any(word in text for word in self.words)

    def learn(self, name: str) -> None:
        if name not in self.names:
            self.names.add(name)
            if len(self.names) > MAX_NAMES:
                raise BoundExceeded(f"a name reaches more than {MAX_NAMES} variables and helpers (bound: names)")
            self.words.add(name.rpartition("\0")[2].strip('".@'))
            self.changed = True


def evaluated(text: str, reading: Reading) -> tuple[Term, bool]:
    reading.steps += 1
    if reading.steps > MAX_STEPS:
        raise BoundExceeded(f"more than {MAX_STEPS} actions (bound: actions of a chart)")
    if len(text) > MAX_ACTION:
        return Term(), "Release" in text
    return _Evaluation(_TOKEN.findall(text), reading).whole()


class _Evaluation:
    """One action: what it is made of, and whether something in it decides by a name."""

    def __init__(self, words: list[str], reading: Reading) -> None:
        self.words, self.at, self.reading = words, 0, reading
        self.decides = False

    def whole(self) -> tuple[Term, bool]:
        words = self.words
        while words[self.at : self.at + 1] and words[self.at] in {
            "if",
            "else",
            "with",
            "range",
            "define",
            "block",
            "template",
        }:
            self.at += 1
        conditional = bool({"if", "with"} & set(words[: self.at]))
        sign = next((i for i, word in enumerate(words[: self.at + 4]) if word in {":=", "="}), 0)
        assigned = [word.strip(",") for word in words[self.at : sign] if word.startswith("$")]
        self.at = sign + 1 if sign else self.at
        term = self.pipeline(0)
        for variable in assigned if term.tainted else ():
            name = self.reading.scope + variable
            self.reading.learn(f"{name}@@" if term.holds and "range" not in words[:1] else name)
            if term.plain:
                self.reading.plain.setdefault(name, term.plain)
        self.decides |= conditional and term.wrote
        return (Term() if "if" in words[:2] or (assigned and not conditional) else term), self.decides

    def pipeline(self, depth: int) -> Term:
        piped: Term | None = None
        while True:
            piped = self.command(piped, depth)
            if self.at < len(self.words) and self.words[self.at] == "|":
                self.at += 1
                continue
            return piped

    def command(self, piped: Term | None, depth: int) -> Term:
        name, operands, first = "", list[Term](), True
        while self.at < len(self.words) and self.words[self.at] not in {"|", ")"}:
            word = self.words[self.at]
            self.at += 1
            if word == "(":
                inner = self.pipeline(depth + 1) if depth < MAX_DEPTH else Term(tainted=True)
                if self.at < len(self.words) and self.words[self.at] == ")":
                    self.at += 1
                operands.append(inner)
            elif first and re.fullmatch(r"[A-Za-z]\w*", word) and word not in {"true", "false", "nil"}:
                name = word
            else:
                operands.append(self.operand(word))
                if name == "dict" and len(operands) > 1 and operands[-1].tainted:
                    self.handed(operands)
            if name == "dict" and word == "(" and operands and operands[-1].tainted:
                self.handed(operands)
            first = False
        operands += [piped] if piped is not None else []
        return self.applied(name, operands)

    def handed(self, operands: list[Term]) -> None:
        """A name in a dictionary: the key holds it wherever that is read."""
        key = operands[-2].constants if len(operands) > 1 else ()
        if len(operands) % 2 == 0 and len(key) == 1 and re.fullmatch(r"\w{1,100}", key[0]):
            self.reading.learn(f".{key[0]}")

    def operand(self, word: str) -> Term:
        if word[0] in '"`':
            told = word[1:-1]
            return Term(tainted=word == '"Release"', constants=(told,))
        if found := _NAME.fullmatch(word):
            return Term(tainted=True, plain=found[1])
        if plain := self.reading.plain.get(self.reading.scope + word):
            return Term(tainted=True, plain=plain)
        if _RELEASE.search(word):
            return Term(tainted=True)
        if self.reading.dot and word in {".", ".Name", ".Namespace"}:
            return Term(tainted=True, holds=self.reading.dot == "holds" and word == ".")
        if word.isdecimal():
            return Term(constants=(word,))
        head = re.match(r"\$\w+", word)
        if head and self.reading.scope + head[0] in self.reading.names:
            return Term(tainted=True)
        if head and f"{self.reading.scope}{head[0]}@@" in self.reading.names and head[0] == word:
            return Term(tainted=True, holds=True)
        last = re.search(r"(?:^|\$)(\.\w+)$", word)
        return Term(tainted=bool(last and last[1] in self.reading.names and last[1] not in _BUILT_IN))

    def applied(self, name: str, operands: list[Term]) -> Term:
        tainted = any(operand.tainted for operand in operands)
        if name == "include" and operands:
            return self.included(operands)
        if not name and len(operands) == 1:
            return operands[0]
        constants = tuple(text for operand in operands for text in operand.constants)
        if name == "list":
            parts = tuple(operand.tainted for operand in operands)
            return Term(tainted=tainted, constants=constants, holds=tainted, parts=parts)
        if name == "lookup" or not tainted:
            return Term()  # there is no cluster: a lookup finds nothing, whatever the name
        if (name == "tpl" and operands[0].tainted) or not name:
            self.decides = True  # a template is made of it, or a method as `.Files.Get` is called with it
            return Term(tainted=True)
        if name in {
            "dict",
            "set",
            "merge",
            "mergeOverwrite",
            "append",
            "prepend",
            "concat",
            "deepCopy",
            "omit",
            "pick",
        }:
            return Term(tainted=True, holds=True)
        if all(operand.holds for operand in operands if operand.tainted):
            return self.inside(name, operands)
        named = [operand.plain for operand in operands if operand.plain]
        if name in _SAME and len(operands) == 1:
            return operands[0]
        if name in {"eq", "ne", "has", *_NEGATED} and len(named) == 1 and self.told(operands):
            self.reading.compared |= {(named[0], text): None for text in constants}
            return Term()
        wrote = any(operand.wrote for operand in operands)
        if (name in _DECIDING and name not in _WRITING) or (wrote and name in {"default", "coalesce", "and", "or"}):
            self.decides = True
        return Term(tainted=True, wrote=wrote or name in _WRITING)

    def inside(self, name: str, operands: list[Term]) -> Term:
        """What a function makes of lists and dictionaries that hold a name."""
        if name in {"hasKey", "len", "empty", "not", "eq", "ne", "kindIs", "typeIs", "has"}:
            return Term()
        at = operands[1].constants if name == "index" and len(operands) == 2 else ()
        define = self.reading.scope.rpartition("#")[2].rstrip("\0")
        if at and at[0].isdecimal() and f"@@{define}" in self.reading.names:
            return Term(tainted=f"@@{define}[{at[0]}]" in self.reading.names)
        return Term(tainted=True)

    def included(self, operands: list[Term]) -> Term:
        """A named template: made of a name where it writes one, and handed one where its context is."""
        called = operands[0].constants[0] if operands[0].constants else ""
        if operands[0].tainted:
            self.decides = True
        for operand in operands[1:] if called else ():
            if operand.tainted:
                self.reading.learn(f"@@{called}" if operand.holds else f"@{called}")
            for index in (i for i, part in enumerate(operand.parts) if part):
                self.reading.learn(f"@@{called}[{index}]")
        return Term(tainted=operands[0].tainted or f'"{called}"' in self.reading.names)

    @staticmethod
    def told(operands: list[Term]) -> bool:
        """Whether everything beside the name is a constant."""
        return all(operand.plain or operand.constants for operand in operands) and len(operands) > 1
