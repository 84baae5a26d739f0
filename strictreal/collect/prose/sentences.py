"""Sentences of a block, word by word, with quotations and code blanked; and what kind of sentence each one is."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

from strictreal.collect.prose.blocks import CODE, END

_WORD = re.compile(r"[A-Za-z0-9%$][\w%'’&+-]*(?:\.\w+)*|[^\sA-Za-z0-9_]")
_STOP = re.compile(r"(?<![ .][a-zA-Z])(?<!\be\.g)(?<!\bi\.e)(?<!\bvs)(?<!\betc)(?<!\bapprox)[.!?]+(?=[\s\"”')\]*]|$)")
# Docstrings and comments often end a line, and with it a sentence, without a full stop.
_BEGIN = re.compile(r"(?<=[a-z0-9)] )(?=(?:This|It|There|These|Nothing|Everything|All|No|Does) [a-zA-Z])")
_QUOTED = re.compile(
    r"(?<![\w\"])\"[^\"]{1,300}\"|(?<![\w'’])'[^']{2,300}'(?!\w)|[“„«][^”»]{1,300}[”»]|(?<!\w)‘[^’]{2,300}’(?!\w)"
)
_CODE = re.compile(f"{CODE}[^{END}]*{END}")
MAX_WORDS = 400
"""A longer run of words without a stop is no sentence; it is read in pieces of this length."""
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
        return not OUGHT.isdisjoint(self.plain) or any(self._is_prohibition(i) for i in range(len(self.plain)))

    def _is_prohibition(self, index: int) -> bool:
        """Whether a "do not" without a subject stands here."""
        here = self.plain[index]
        negated = here in {"don't", "dont"} or (here == "do" and self.plain[index + 1 : index + 2] == ("not",))
        return negated and index == self.clause(index)

    def is_norm_at(self, first: int, last: int) -> bool:
        """Whether the words from `first` to `last` are part of a norm."""
        near = self.plain[max(0, first - 8) : first] + self.plain[last + 1 : last + 6]
        return self.is_norm or not NORMS.isdisjoint(near)

    @cached_property
    def is_instruction(self) -> bool:
        """Whether it tells the reader what to do; of documents only, since docstrings describe in the imperative."""
        if self.first not in IMPERATIVES:
            return False
        following = self.plain[self.plain.index(self.first) + 1 :]
        return self.first not in _ALSO_OTHERWISE or (
            bool(following) and (following[0] in _DETERMINERS or following[0][0] == "§")
        )


def sentences(text: str) -> list[Sentence]:
    """The sentences of a block's text, in order."""
    blanked = _CODE.sub(lambda match: "§" * len(match.group()), text)
    blanked = _QUOTED.sub(lambda match: "¶" * len(match.group()), blanked)
    found, start = [], 0
    stops = {match.end() for pattern in (_STOP, _BEGIN) for match in pattern.finditer(blanked)}
    for stop in [*sorted(stops), len(text)]:
        if text[start:stop].strip():
            matches = _WORD.finditer(blanked, start, stop)
            words = [Word(match.group().lower().replace("’", "'"), match.start()) for match in matches]
            for first in range(0, len(words), MAX_WORDS):
                end = words[first + MAX_WORDS].start if first + MAX_WORDS < len(words) else stop
                begin = words[first].start if first else start
                piece = tuple(words[first : first + MAX_WORDS])
                found.append(Sentence(text[begin:end].strip(), begin, piece))
        start = stop
    return found


OUGHT = frozenset(
    """
    must should shall ought need needs required requires require requirement requirements ensure ensures ensured
    ensuring never can't cannot avoid forbid forbids forbidden prohibit prohibits prohibited ban bans banned allow
    allows allowed disallow disallows disallowed permit permits permitted want wants wish expect expects expected
    prefer prefers preferred insist insists mandate mandated mandatory enforce enforces enforced enforcing demand
    demands please let's lets
    """.split()
)
"""Words that make any sentence a norm."""
NORMS = frozenset(
    """
    policy rule guideline guidelines principle principles goal goals aim aims target targets plan plans planned
    criterion acceptance objective objectives
    """.split()
)
"""Nouns that make a norm of what stands near them: "our no-mock policy", and not "tests of the policy engine"."""
IMPERATIVES = frozenset(
    """
    add avoid build change check clean commit complete configure confirm connect convert create define delete
    deliver deploy design develop do document drop eliminate enable exercise expand extend finalise finalize fix
    follow generate give go implement improve include install integrate introduce keep leave let list make mark
    migrate mock move note perform port prefer produce prove provide publish push put read refactor reject remember
    remove rename replace retire return review rewrite run scaffold see set ship show start stop swap switch take
    test transform treat try turn update use validate verify wire work write
    """.split()
)
_ALSO_OTHERWISE = frozenset(
    "complete clean test design document mock note exercise start stop list build fix mark".split()
)
"""Adjectives and nouns as well; they instruct only before an article: "complete the migration"."""
_DETERMINERS = frozenset("the a an all any every each this that these those your our its".split())
