"""What one sentence asserts about the present code: that it has no stubs or mocks, that it is real or complete.

A rule ("tests must not use mocks"), an instruction, a plan, a condition, a question and a quotation assert nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from strictreal.collect.prose.absences import absences
from strictreal.collect.prose.sentences import OUGHT, Sentence
from strictreal.facts.claims import Says

Subject = Literal["", "this", "all", "other"]


@dataclass(frozen=True)
class Assertion:
    """One thing that a sentence says, and of what.

    Attributes:
        first, last: the words that say it.
        subject: `this` (this module, it), `all` (everything, every module), `other` (something it names), or "" when
            no subject is named.
    """

    says: Says
    first: int
    last: int
    subject: Subject = ""


def assertions(sentence: Sentence, *, document: bool, done: bool = False) -> list[Assertion]:
    """What the sentence asserts.

    Args:
        document: it stands in a document, where an imperative instructs; in code it describes.
        done: it is the text of an item that is marked as done, so that an instruction in it has been carried out.
    """
    if sentence.is_question or sentence.first in _OPEN:
        return []
    found = [*_denied(sentence, document=document, done=done)]
    found += _affirmed(sentence, document=document)
    found += _undone(sentence, done=done)
    if document and sentence.is_instruction and not done:
        return []
    return sorted(found, key=lambda a: (a.first, a.says))


_OPEN = {"todo", "fixme", "xxx", "hack", "wip", "tbd"}
_UNREAL = frozenset(
    """
    if when whenever unless until once whether would could may might can will eventually future later soon hypothetical
    example suppose assume assumes assuming detect detects detected detecting check checks checking verify verifies
    verifying find finds finding grep scan scans scanning flag flags flagged raise raises assert asserts warn warns reject
    rejects claim claims claimed says said called pretend pretends like unlike than instead rather nearly almost partially
    mostly todo fixme fail fails avoiding avoids prevent prevents replacing
    """.split()
)
_NOT = frozenset("not isn't aren't wasn't weren't doesn't don't hasn't haven't never nor cannot hardly".split())
_AFTER = frozenset(
    """
    should must will may might can allowed permitted required needed necessary acceptable accepted tolerated please
    available yet provided specified given supplied configured defined registered passed set forbidden wanted desired
    """.split()
)
_WITHOUT = {
    *("implemented", "built", "written", "works", "work", "runs", "run", "operates", "done", "tested", "executed", "talks"),
    *("exercised", "verified", "completed", "functions", "made", "computed", "served", "shipped"),
}


def _denied(sentence: Sentence, *, document: bool, done: bool) -> Iterator[Assertion]:
    words = sentence.plain
    for absence in absences(words):
        before, after = words[: absence.first], words[absence.last + 1 :]
        if _is_unreal(before) or (not OUGHT.isdisjoint(words) and not done):
            continue
        if not _AFTER.isdisjoint(after[:4]):
            continue
        if words[absence.first] == "without" and not _is_done_without(before):
            continue
        if document and absence.doing and not done and not {"is", "are", "used"} & set(after[:3]):
            continue
        yield Assertion(absence.says, absence.first, absence.last, _subject_of(before))


def _is_unreal(before: Sequence[str]) -> bool:
    """Whether the words before make it a condition, a comparison, a report of another's words, or its opposite."""
    return not _UNREAL.isdisjoint(before) or not _NOT.isdisjoint(before[-5:])


def _is_done_without(before: Sequence[str]) -> bool:
    near = before[-4:]
    return not _WITHOUT.isdisjoint(near) and "to" not in near


_COMPLETE = (
    r"(?:fully|100%) (?:implemented|functional|operational|working|wired|complete)|completely (?:implemented|functional)(?! [aio])"
    r"|feature(?:-| )complete|(?:full|complete) (?:[\w-]+ )?implementations?"
)
_PRODUCTION = r"production(?:-| )(?:ready|grade|quality)"
_REAL = (
    r"(?:real|genuine) (?:[\w-]+ )?implementations?|100% real"
    r"|(?:only|exclusively|nothing but) real (?:data|services|servers|backends|infrastructure|clients|calls)"
    r"|real (?:data|services|servers|backends|infrastructure) only"
)
_AFFIRMED: tuple[tuple[Says, re.Pattern[str]], ...] = (
    ("complete", re.compile(rf"(?<!\S)(?:{_COMPLETE})(?!\S)")),
    ("production-ready", re.compile(rf"(?<!\S)(?:{_PRODUCTION})(?!\S)")),
    ("real", re.compile(rf"(?<!\S)(?:{_REAL})(?!\S)")),
)
_COPULAS = {"is", "are", "remains", "remain", "been", "stays"}
_OF_COPULA = {"has", "have", "now", "already", "currently", "also", "a", "an", "the", "both", "and", ",", "truly"}
_HAVING = {"contains", "contain", "provides", "provide", "has", "have", "with", "uses", "use", "using", "includes"}
_WHOLES = {"all", "every", "everything", "each", "both", "nothing", "whole", "entire"}
_OWN = {
    *("module", "modules", "file", "class", "function", "method", "package", "library", "project", "repository", "repo"),
    *("codebase", "code", "service", "server", "client", "system", "application", "app", "platform", "implementation"),
    *("stack", "framework", "toolchain", "chart", "api", "sdk", "component", "script", "test", "tests", "suite"),
}
_LEADING = {"a", "an", "now", "this", "is", "our", "the", "minimal", "simple", "robust", "and", "but", ",", "new", "basic"}


def _affirmed(sentence: Sentence, *, document: bool) -> Iterator[Assertion]:
    words = sentence.plain
    text = " ".join(words)
    for says, pattern in _AFFIRMED:
        for match in pattern.finditer(text):
            first = text.count(" ", 0, match.start())
            last = text.count(" ", 0, match.end())
            begin = sentence.clause(first)
            if _is_unreal(words[:first]) or not OUGHT.isdisjoint(words):
                continue
            if not _AFTER.isdisjoint(words[last + 1 : last + 5]):
                continue
            subject = _affirmed_of(words[begin:first], document=document)
            if subject is not None:
                yield Assertion(says, first, last, subject)


def _affirmed_of(before: Sequence[str], *, document: bool) -> Subject | None:
    """What is affirmed, from the words of the clause before it; None when the words only refer to such a thing."""
    words = [word for word in before if word[0].isalnum() or word in {",", "§"}]
    while words and words[-1] in _OF_COPULA:
        words.pop()
    if words and (words[-1] in _COPULAS or words[-1] in _HAVING):
        return _subject_of(words[:-1]) or ("other" if document else None)
    if not before or (words == [] and "the" not in before):
        return ""
    if len(words) <= 3 and before[0] in {"a", "an", "this", "our"} and _LEADING.issuperset(words):
        return ""
    return None


def _subject_of(words: Sequence[str]) -> Subject:
    """Which subject the words before a predicate name."""
    words = [word for word in words if word[0].isalnum() or word == "§"]
    if not words:
        return ""
    if not _WHOLES.isdisjoint(words):
        return "all"
    if words[0] in {"it", "they"} and len(words) == 1:
        return "this"
    if words[0] in {"this", "these", "our", "the"} and not _OWN.isdisjoint(words):
        return "this" if words[0] != "the" or words[-1] in _OWN else "other"
    if words[0] == "this" and len(words) <= 2:
        return "this"
    return "other" if "§" in words else ""


_GONE = re.compile(
    r"(?<!\S)(?:all|every|the last|any remaining)(?: remaining| of the| the| our)? (?P<thing>[\w-]+)(?: (?:and|or|,) (?P<other>[\w-]+))?"
    r"(?: fallbacks?| code| data| implementations?)? (?:have been |has been |were |are |was |is )?"
    r"(?P<verb>removed|replaced|eliminated|gone|deleted|purged)(?!\S)"
)
_NOTHING = re.compile(r"(?<!\S)nothing (?:here |in \S+ )?(?:is|was) (?P<thing>mocked|stubbed|faked|simulated)(?!\S)")
_NOT_A = re.compile(
    r"(?<!\S)(?:this|it|these) (?:[\w-]+ )?(?:is|are) not (?:an? )?(?P<thing>stub|stubs|mock|mocks|mocked|stubbed|fake|fakes)(?!\S)"
)
_DO_AWAY = re.compile(
    r"(?<!\S)(?:remove|eliminate|replace|purge|delete|drop|retire)(?:d|s)? (?:all|every|the last|any)(?: remaining| of the| the)? (?P<thing>[\w-]+)(?!\S)"
)
_SAYS: dict[str, Says] = {
    **dict.fromkeys(("stub", "stubs", "stubbed", "placeholder", "placeholders"), "no-stubs"),
    **dict.fromkeys(("mock", "mocks", "mocked", "fake", "fakes", "faked", "simulated"), "no-mocks"),
    **dict.fromkeys(("fallback", "fallbacks"), "no-fallbacks"),
}


def _undone(sentence: Sentence, *, done: bool) -> Iterator[Assertion]:
    """What has been done away with: "all stubs were removed", "nothing is mocked"."""
    words = sentence.plain
    if not OUGHT.isdisjoint(words) and not done:
        return
    text = " ".join(words)
    for pattern in (_GONE, _NOTHING, _NOT_A, *((_DO_AWAY,) if done else ())):
        for match in pattern.finditer(text):
            first, last = text.count(" ", 0, match.start()), text.count(" ", 0, match.end())
            if _is_unreal(words[:first]):
                continue
            for thing in match.groupdict().items():
                if thing[0] in {"thing", "other"} and thing[1] in _SAYS:
                    yield Assertion(_SAYS[thing[1]], first, last, "this" if pattern is _NOT_A else "all")
