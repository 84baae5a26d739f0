"""Sentences of a document that assert something about the code, and which files each of them speaks of."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from strictreal.collect.prose.assertions import Assertion, assertions
from strictreal.collect.prose.blocks import Block, readable
from strictreal.collect.prose.hints import may_assert
from strictreal.collect.prose.mentions import mentions
from strictreal.collect.prose.sentences import Sentence, sentences
from strictreal.facts.claims import DocumentClaim, Mention, StatusClaim
from strictreal.model import Location
from strictreal.redact import redact

MAX_TEXT = 400


def _any_of(words: str) -> str:
    """One alternative of a regular expression a line."""
    return "(?:" + "|".join(line.strip() for line in words.strip().splitlines()) + ")"


_PLANNING = re.compile(
    "(?i)"
    + _any_of(r"""
        road_?-?maps?|plan(?:s|ning)?|sprints?|todos?|backlog|proposals?|rfcs?|adrs?|milestones?
        contributing|guidelines?|rules|polic|conventions|style|code_of_conduct|requirements|specs?
        agents|claude|copilot|cursor|prompts?|instructions|skills?|templates?
        change(?:s|log)|history|news|releases?
    """)
)
"""Names of documents that say what ought to be or what once was, and not what is."""
_NORMS = re.compile(
    r"(?i)\b"
    + _any_of(r"""
        rules?|polic(?:y|ies)|principles?|guidelines?|conventions?|requirements?|standards?|constitution|mandate
        goals?|objectives?|vision|mission|philosophy|expectations?|quality bar|constraints?|best practices
        acceptance|criteria|checklists?|definition of done|gates?
        plan(?:s|ned)?|road ?maps?|sprints?|next|todo|future|upcoming|backlog|milestones?|proposals?|phase \d+|steps?
        contribut\w+|how to|instructions?|templates?|examples?|legend|faq|prompts?
        do not|don'?ts?|anti-?patterns?(?! found)
        change ?log|history|release notes|methodology|alternatives?
    """)
    + r"\b"
)
"""Headings under which sentences are norms."""
_LABEL = re.compile(
    r"(?i)^\W{0,6}(?:\w{1,30} ){0,2}"
    + _any_of(r"""
        goals?|objectives?|rules?|polic(?:y|ies)|principles?|vision|acceptance(?: criteria)?|requirements?|dod
        warning|important|constraints?|task|plan|expected|criteri(?:a|on)|done when|prompt
    """)
    + r"\W{0,3}[:–—]"
)
_WHOLE = re.compile(
    r"(?i)\b(?:this|the|our|entire|whole) (?:[\w-]+ ){0,2}"
    + _any_of(r"""
        project|repository|repo|codebase|code base|package|library|service|system|application|platform|stack
        framework|toolchain
    """)
    + r"\b|\b(?:everything|nothing|anywhere|everywhere|100%)(?!\w)"
)
_TEST_WORDS = (
    r"\b(?:(?P<kind>"
    + _any_of("unit|integration|e2e|end-to-end|functional|system|acceptance|smoke|performance|contract|load")
    + r")[ -])?(?P<tests>tests?|testing|test suite|suite)\b"
)
_TESTS = re.compile("(?i)" + _TEST_WORDS)
_IN_TESTS = re.compile(r"(?:in|for|by|from) (?:\w+ ){0,2}?" + _TEST_WORDS)
_PLACES = {"for", "in", "under", "within", "from", "of", "on", "by", "at", "inside", "with", "to", "as"}
_OWN = re.compile(
    r"(?i)^(?:(?:the|this|our|any|all|entire|whole|of) )*"
    + _any_of(r"""
        codebase|code base|code|repository|repo|project|sources?|package|production|implementation
        here|it|anywhere|place|use
    """)
    + r"\b"
)


def claims(path: str, blocks: list[Block], done: list[StatusClaim]) -> Iterator[DocumentClaim]:
    """Every asserting sentence of one document; what it covers is still what it names (see `covered`)."""
    planning = bool(_PLANNING.search(posixpath.basename(path).rsplit(".", 1)[0])) or "/adr/" in f"/{path}"
    carried_out = {
        claim.where.line: claim.status == "done" for claim in done if claim.form in {"task", "tag", "column"}
    }
    prohibitions = _prohibitions(blocks)
    for block in blocks:
        if block.kind == "heading" or not may_assert(block.text):
            continue
        state = _item_state(block, carried_out)
        if state is False:
            continue  # an open item tells of what is not there yet
        if state is None and (planning or block.list_id in prohibitions or _is_normative(block)):
            continue
        yield from _of_block(path, block, done=bool(state))


def _item_state(block: Block, carried_out: dict[int, bool]) -> bool | None:
    """True for the words of a done item, False for those of an open one, None where there is no status."""
    if block.line in carried_out:
        return carried_out[block.line]
    return next((carried_out[outer.line] for outer in block.ancestors if outer.line in carried_out), None)


def _is_normative(block: Block) -> bool:
    """Whether headings, a label, or a rule or instruction beside it make the block say what ought to be."""
    if any(_NORMS.search(title) and title.lstrip()[:1] not in _DONE for title in block.titles):
        return True
    around = [block, *block.ancestors]
    if any(_LABEL.match(other.text) or other.text.lstrip()[:1] in _FORBIDDEN for other in around):
        return True
    if block.kind == "paragraph" and _is_prohibiting(_source_lines(block)):
        return True
    return any(sentence.is_norm or sentence.is_instruction for other in around for sentence in sentences(other.text))


_DONE = {"✅", "✔", "☑", "✓"}
_FORBIDDEN = {"❌", "🚫", "⛔", "✗", "✘"}
_PROHIBITION = re.compile(r"(?i)\W{0,6}(?:no|never|don'?t|do not|avoid|zero)\b")


def _prohibitions(blocks: list[Block]) -> set[int]:
    """Lists whose items mostly begin with "no" or "never": rules of a house."""
    items: dict[int, list[str]] = {}
    for block in blocks:
        if block.kind == "item":
            items.setdefault(block.list_id, []).append(block.text)
    return {number for number, texts in items.items() if _is_prohibiting(texts)}


def _is_prohibiting(texts: list[str]) -> bool:
    negative = sum(_PROHIBITION.match(text) is not None for text in texts)
    return negative > 1 and negative * 2 >= len(texts)


def _source_lines(block: Block) -> list[str]:
    """The block's text, line by line as it was written."""
    ends = [start for start, _ in block.lines[1:]] + [len(block.text)]
    return [block.text[start:end] for (start, _), end in zip(block.lines, ends, strict=True)]


def _of_block(path: str, block: Block, *, done: bool) -> Iterator[DocumentClaim]:
    named = _named(block)
    for sentence in sentences(block.text):
        found = assertions(sentence, document=True, done=done)
        if not found:
            continue
        line = block.line_at(sentence.words[found[0].first].start)
        text = redact(" ".join(readable(sentence.text).split()), MAX_TEXT)
        for assertion in found:
            tests = _within(sentence, assertion)
            covers = _covers(path, sentence, assertion, named, tests)
            says = (assertion.says,)
            where = Location(path, line, text=text)
            yield DocumentClaim(where=where, says=says, sentence=text, covers=covers, within=tests)


def _named(block: Block) -> tuple[Mention, ...]:
    """Files and folders named in the block, or in the nearest item around it that names some."""
    for other in (block, *block.ancestors):
        found = [m for m in mentions(other.text, other.links) if m.kind != "symbol" or "." in m.text]
        if found:
            return tuple(found)
    return ()


def _within(sentence: Sentence, said: Assertion) -> str:
    """The kind of tests that a denial speaks of: tests named before it, or right after it in their place."""
    if not said.says.startswith("no-"):
        return ""
    before = " ".join(sentence.plain[: said.first])
    after = " ".join(sentence.plain[said.last + 1 : said.last + 6])
    match = _TESTS.search(before) or _IN_TESTS.match(after)
    return (match["kind"] or "tests").replace("end-to-end", "e2e") if match else ""


def _covers(path: str, sentence: Sentence, said: Assertion, named: tuple[Mention, ...], tests: str) -> tuple[str, ...]:
    """What the sentence speaks of: names still to be resolved as `=name`, or folders. Empty when it cannot be told."""
    if named:
        return tuple("=" + mention.text for mention in named)
    folder, name = posixpath.split(path)
    readme = name.lower().startswith("readme")
    scope = (folder + "/") if folder else "/"
    if not readme:
        return ("/",) if _WHOLE.search(sentence.text) and not _is_of_a_part(sentence, said) else ()
    if _is_of_a_part(sentence, said):
        return ()
    if said.says.startswith("no-") or said.subject in {"this", "all"} or (tests and said.subject != "other"):
        return (scope,)
    return (scope,) if _WHOLE.search(sentence.text) else ()


def _is_of_a_part(sentence: Sentence, said: Assertion) -> bool:
    """Whether the words name a part that is not known as files: "no mocks for SQLite", "all phase 1 modules"."""
    words = sentence.plain
    if said.subject == "other" or not _NUMBERED.isdisjoint(words):
        return True
    after = list(words[said.last + 1 :])
    while after and after[0] in _TRAILING:
        after.pop(0)
    place = " ".join(after[1:6])
    if after and after[0] in _PLACES and not _OWN.match(place) and not _TESTS.search(place):
        return True
    before = " ".join(words[: said.first])
    clause = sentence.clause(said.first)
    # "Dashboard: no mock data" speaks of the dashboard alone.
    labelled = clause > 1 and words[clause - 1] in {":", "–", "—"}
    return labelled and not _WHOLE.search(before) and not _TESTS.search(before)


_NUMBERED = {"phase", "week", "sprint", "version", "chapter", "milestone"}
_TRAILING = {"remain", "remains", "exist", "are", "is", "left", "used"}
