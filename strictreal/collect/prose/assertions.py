"""What one sentence asserts about the present code: that it has no stubs or mocks, that it is real or complete.

A rule ("tests must not use mocks"), an instruction, a plan, a condition, a question and a quotation assert nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from strictreal.collect.prose.absences import absences
from strictreal.collect.prose.sentences import CLAUSE_MARKS, IMPERATIVES, Sentence
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
    if when whenever unless until once whether would could may might can will eventually future later soon
    hypothetical example suppose assume assumes assuming detect detects detected detecting check checks checking
    verify verifies verifying find finds finding grep scan scans scanning flag flags flagged raise raises assert
    asserts warn warns reject rejects claim claims claimed says pretend pretends nearly almost partially mostly todo
    fixme fail fails avoiding avoids prevent prevents replacing validate validates validating confirm confirms proof
    evidence
    """.split()
)
_COMPARED = frozenset("like unlike than instead rather".split())
_NOT = frozenset("not isn't aren't wasn't weren't doesn't don't hasn't haven't never nor cannot hardly".split())
_AFTER = frozenset(
    """
    should must will would could may might can allowed permitted required needed necessary acceptable accepted
    tolerated please available yet provided specified given supplied configured defined registered passed set
    forbidden wanted desired created written inserted generated
    """.split()
)
_TYPING = frozenset("mypy pyright typecheck typechecks typeshed typing pyi py.typed".split())
_WITHOUT = frozenset(
    """
    implemented built written works work runs run operates done tested executed executes talks passing pass exercised
    exercises verified verifies completed functions made computed served shipped uses calls
    """.split()
)
_LINKING = frozenset("is are was were used in here anywhere at all and or but so because as by on".split())
_PRONOUNS = frozenset("it they this the we you i there".split())


def _denied(sentence: Sentence, *, document: bool, done: bool) -> Iterator[Assertion]:
    words = sentence.plain
    for absence in absences(words):
        if absence.says == "no-stubs" and not _TYPING.isdisjoint(words):
            continue  # stubs for a type checker
        before, after = words[: absence.first], _same_clause(words[absence.last + 1 :])
        if _is_unreal(before) or (sentence.is_norm_at(absence.first, absence.last) and not done):
            continue
        if _is_taken_back(after):
            continue
        if any(word.endswith("able") for word in before[-3:]):
            continue  # "testable with no mocks" says what could be
        if words[absence.first] == "without" and not _is_done_without(before, after):
            continue
        if document and absence.doing and not done and not before and {"is", "are", "used"}.isdisjoint(after[:3]):
            continue  # "No mocking." is a rule
        subject: Subject = "other" if _is_of_a_part(after, doing=absence.doing) else _subject_of(before)
        yield Assertion(absence.says, absence.first, absence.last, subject)


def _is_of_a_part(after: Sequence[str], *, doing: bool) -> bool:
    """Whether the words after a denial narrow it: "no mocks for SQLite", "without mocking internals"."""
    if not after or not after[0][0].isalpha():
        return False
    if after[0] in {"of", "for"}:
        return _OWN.isdisjoint(after[1:5]) and after[1:2] not in {("all",), ("any",)}
    return doing and after[0] not in _LINKING


def _is_unreal(before: Sequence[str]) -> bool:
    """Whether the words before make it a condition, a comparison, a report of another's words, or its opposite."""
    comma = next((i for i in range(len(before) - 1, -1, -1) if before[i] == ","), -1)
    # "Unlike the others, this …" compares the others; "unlike a toy, which …" goes on about the toy.
    goes_on = before[comma + 1 : comma + 2] in {("which",), ("that",), ("who",)}
    compared = before if goes_on else before[comma + 1 :]
    unreal = not _UNREAL.isdisjoint(before) or not _COMPARED.isdisjoint(compared)
    return unreal or not _NOT.isdisjoint(before[-5:])


def _is_done_without(before: Sequence[str], after: Sequence[str]) -> bool:
    """Whether "without …" tells how something is done, and not what a thing lacks or what would be without it."""
    if not before or "to" in before[-4:] or (after and after[0] in _PRONOUNS):
        return False
    first = next((word for word in before if word[0].isalnum()), "")
    return not _WITHOUT.isdisjoint((first, *before[-8:])) or first in IMPERATIVES or first.endswith("ing")


def _same_clause(words: Sequence[str]) -> Sequence[str]:
    end = next((i for i, word in enumerate(words) if word in CLAUSE_MARKS or word in {"that", "which"}), len(words))
    return words[:end]


def _is_taken_back(after: Sequence[str]) -> bool:
    """Whether the words after it make it a message, a demand or a restriction."""
    return not _AFTER.isdisjoint(after[:4]) or after[:1] == ("only",)


_COMPLETE = (
    r"(?:fully|100%) (?:implemented|functional|operational|working|wired|complete)"
    r"|completely (?:implemented|functional)(?! [aio])"
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
_OF = {"of", "for", "using", "with", "in", "that", "which", "and", "from", "via", "by", "on", "based", "not", "-"}
_COPULAS = {"is", "are", "remains", "remain", "been", "stays"}
_OF_COPULA = {"has", "have", "now", "already", "currently", "also", "a", "an", "the", "both", "and", ",", "truly"}
_BESIDE = {"stable", "complete", "robust", "secure", "scalable", "live", "ready", "fast", "reliable", "fully", "simple"}
_HAVING = {"contains", "contain", "provides", "provide", "has", "have", "with", "uses", "use", "using", "includes"}
_WHOLES = {"all", "every", "everything", "each", "both", "nothing", "whole", "entire"}
_OWN = frozenset(
    """
    module modules file class function method package library project repository repo codebase code service server
    client system application app platform implementation stack framework toolchain chart api sdk component script
    test tests suite
    """.split()
)
_VERBS = _COPULAS | _HAVING | frozenset("do does did runs run talks calls reads sends works was were be".split())
_LEADING = frozenset(
    """
    a an now this is our the minimal simple robust and but , new basic
    """.split()
)


def _affirmed(sentence: Sentence, *, document: bool) -> Iterator[Assertion]:
    words = sentence.plain
    text = " ".join(words)
    for says, pattern in _AFFIRMED:
        for match in pattern.finditer(text):
            first = text.count(" ", 0, match.start())
            last = text.count(" ", 0, match.end())
            begin = sentence.clause(first)
            after = _same_clause(words[last + 1 :])
            if _is_unreal(words[:first]) or sentence.is_norm_at(first, last) or _is_taken_back(after):
                continue
            if words[last].startswith("implementation") and after and _is_compound(after[0]):
                continue  # "a real implementation bug"
            subject = _affirmed_of(words[begin:first], document=document)
            if subject is not None:
                yield Assertion(says, first, last, subject)


def _is_compound(word: str) -> bool:
    """Whether a word that follows "implementation" is another noun, of which that one is a part."""
    return word[0].isalpha() and word not in _OF and not word.endswith(("ed", "ing"))


def _affirmed_of(before: Sequence[str], *, document: bool) -> Subject | None:
    """What is affirmed, from the words of the clause before it; None when the words only refer to such a thing."""
    words = [word for word in before if word[0].isalnum() or word in {",", "§"}]
    while words and (words[-1] in _OF_COPULA or _is_joined(words)):
        words.pop()
    if words and (words[-1] in _COPULAS or words[-1] in _HAVING):
        start = max((i + 1 for i, word in enumerate(words[:-1]) if word == ","), default=0)
        named = words[start:-1] or words[:-1]
        return _subject_of(named) or ("other" if document else None)
    if not before or (words == [] and "the" not in before):
        return ""
    if len(words) <= 3 and before[0] in {"a", "an", "this", "our"} and _LEADING.issuperset(words):
        return ""
    return None


def _is_joined(words: Sequence[str]) -> bool:
    """Whether the last word is a predicate beside the one looked at: "is tested, stable and …"."""
    last = words[-1]
    return not _COPULAS.isdisjoint(words[-6:-1]) and (last.endswith("ed") or last in _BESIDE)


def _subject_of(words: Sequence[str]) -> Subject:
    """Which subject the words before a predicate name."""
    words = [word for word in words if word[0].isalnum() or word[0] == "§"]
    if not words:
        return ""
    if not _WHOLES.isdisjoint(words):
        return "all"
    named = words[: next((i for i, word in enumerate(words) if word in _VERBS), len(words))]
    if named in (["it"], ["they"]) or (named[:1] == ["this"] and len(named) <= 2):
        return "this"
    if named[:1] and named[0] in {"this", "these", "our", "the"} and not _OWN.isdisjoint(named):
        return "this" if named[0] != "the" or named[-1] in _OWN else "other"
    return "other" if any(word[0] == "§" for word in words) else ""


_GONE = re.compile(
    r"(?<!\S)(?:all|every|the last|any remaining)(?: remaining| of the| the| our)? (?P<thing>[\w-]+)"
    r"(?: (?:and|or|,) (?P<other>[\w-]+))?"
    r"(?: fallbacks?| code| data| implementations?)? (?:have been |has been |were |are |was |is )?"
    r"(?P<verb>removed|replaced|eliminated|gone|deleted|purged)(?!\S)"
)
_NOTHING = re.compile(r"(?<!\S)nothing (?:here |in \S+ )?(?:is|was) (?P<thing>mocked|stubbed|faked|simulated)(?!\S)")
_NOT_A = re.compile(
    r"(?<!\S)(?:(?:this|it|these) (?:[\w-]+ )?(?:is|are)|(?:real|actual|genuine) [\w-]+ (?:[,(–—-] )?) ?not (?:an? )?"
    r"(?P<thing>stub|stubs|mock|mocks|mocked|stubbed|fake|fakes)(?!\S)"
)
_DO_AWAY = re.compile(
    r"(?<!\S)(?:remove|eliminate|replace|purge|delete|drop|retire)(?:d|s)? (?:all|every|the last|any)"
    r"(?: remaining| of the| the)? (?P<thing>[\w-]+)(?!\S)"
)
_SAYS: dict[str, Says] = {
    **dict.fromkeys(("stub", "stubs", "stubbed"), "no-stubs"),
    **dict.fromkeys(("mock", "mocks", "mocked", "fake", "fakes", "faked", "simulated"), "no-mocks"),
    **dict.fromkeys(("fallback", "fallbacks"), "no-fallbacks"),
}


def _undone(sentence: Sentence, *, done: bool) -> Iterator[Assertion]:
    """What has been done away with: "all stubs were removed", "nothing is mocked"."""
    words = sentence.plain
    text = " ".join(words)
    for pattern in (_GONE, _NOTHING, _NOT_A, *((_DO_AWAY,) if done else ())):
        for match in pattern.finditer(text):
            first, last = text.count(" ", 0, match.start()), text.count(" ", 0, match.end())
            if _is_unreal(words[:first]) or _is_taken_back(_same_clause(words[last + 1 :])):
                continue
            if sentence.is_norm_at(first, last) and not done:
                continue
            for thing in match.groupdict().items():
                if thing[0] in {"thing", "other"} and thing[1] in _SAYS:
                    yield Assertion(_SAYS[thing[1]], first, last, "this" if pattern is _NOT_A else "all")
