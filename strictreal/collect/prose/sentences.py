"""Sentences of a block, word by word, with quotations and code blanked; and what kind of sentence each one is."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

from strictreal.collect.prose.blocks import CODE, END

_WORD = re.compile(r"[A-Za-z0-9%$][\w%'’&+-]*|[^\sA-Za-z0-9_]")
_STOP = re.compile(r"(?<![ .][a-zA-Z])(?<!\be\.g)(?<!\bi\.e)(?<!\bvs)(?<!\betc)(?<!\bapprox)[.!?]+(?=[\s\"”')\]*]|$)")
_QUOTED = re.compile(
    r"(?<![\w\"])\"[^\"]{1,300}\"|(?<![\w'’])'[^']{2,300}'(?!\w)|[“„«][^”»]{1,300}[”»]|(?<!\w)‘[^’]{2,300}’(?!\w)"
)
_CODE = re.compile(f"{CODE}[^{END}]*{END}")
CLAUSE_MARKS = frozenset(";:–—-|()•✅✓✔☑→")


@dataclass(frozen=True)
class Word:
    """One word or mark of a sentence, in lower case, and where it begins in the block's text."""

    text: str
    start: int


@dataclass(frozen=True)
class Sentence:
    """One sentence of a block: its own text and where it begins."""

    text: str
    start: int
    words: tuple[Word, ...]

    @cached_property
    def plain(self) -> tuple[str, ...]:
        """The words and marks alone."""
        return tuple(word.text for word in self.words)

    @cached_property
    def first(self) -> str:
        """The first word that is not a mark."""
        return next((word for word in self.plain if word[0].isalnum()), "")

    def clause(self, index: int) -> int:
        """Where the clause that holds word `index` begins: after the last mark that divides clauses."""
        return next((i + 1 for i in range(index - 1, -1, -1) if self.plain[i] in CLAUSE_MARKS), 0)

    @cached_property
    def is_question(self) -> bool:
        return self.text.endswith("?")

    @cached_property
    def is_norm(self) -> bool:
        """Whether it says what ought to be: an obligation, a prohibition, a plan or a wish."""
        return not OUGHT.isdisjoint(self.plain)

    @cached_property
    def is_instruction(self) -> bool:
        """Whether it tells the reader what to do; of documents only, since docstrings describe in the imperative."""
        return self.first in IMPERATIVES


def sentences(text: str) -> list[Sentence]:
    """The sentences of a block's text, in order."""
    blanked = _CODE.sub(lambda match: "§" * len(match.group()), text)
    blanked = _QUOTED.sub(lambda match: "¶" * len(match.group()), blanked)
    found, start = [], 0
    for stop in [*(match.end() for match in _STOP.finditer(blanked)), len(text)]:
        if text[start:stop].strip():
            matches = _WORD.finditer(blanked, start, stop)
            words = tuple(Word(match.group().lower().replace("’", "'"), match.start()) for match in matches)
            found.append(Sentence(text[start:stop].strip(), start, words))
        start = stop
    return found


OUGHT = frozenset(
    """
    must should shall ought need needs required requires require requirement requirements ensure ensures ensured ensuring
    never don't dont can't cannot avoid forbid forbids forbidden prohibit prohibits prohibited ban bans banned allow allows
    allowed disallow disallows disallowed permit permits permitted policy policies rule rules guideline guidelines principle
    principles goal goals aim aims target targets plan plans planned want wants wish expect expects expected prefer prefers
    preferred insist insists mandate mandated mandatory enforce enforces enforced enforcing criteria criterion demand
    demands gate gates please let's lets acceptance objective objectives
    """.split()
)
IMPERATIVES = frozenset(
    """
    add avoid build change check clean commit complete configure confirm connect convert create define delete deliver deploy
    design develop do document drop eliminate enable exercise expand extend finalise finalize fix follow generate give go
    implement improve include install integrate introduce keep leave let list make mark migrate mock move note perform port
    prefer produce prove provide publish push put read refactor reject remember remove rename replace retire return review
    rewrite run scaffold see set ship show start stop swap switch take test transform treat try turn update use validate
    verify wire work write
    """.split()
)
