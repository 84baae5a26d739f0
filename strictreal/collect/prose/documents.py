"""Sentences of a document that assert something about the code, and which files each of them speaks of."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from strictreal.collect.prose.assertions import Assertion, assertions
from strictreal.collect.prose.blocks import Block, readable
from strictreal.collect.prose.mentions import mentions
from strictreal.collect.prose.sentences import Sentence, sentences
from strictreal.collect.redact import redact
from strictreal.facts.claims import DocumentClaim, Mention, StatusClaim
from strictreal.model import Location

MAX_TEXT = 400
_PLANNING = re.compile(
    r"(?i)(?:road_?-?maps?|plan(?:s|ning)?|sprints?|todos?|backlog|proposals?|rfcs?|adrs?|contributing|guidelines?|rules|polic"
    r"|agents|claude|copilot|cursor|prompts?|templates?|requirements|specs?|change(?:s|log)|history|news|releases?|code_of_conduct"
    r"|milestones?|instructions|skills?|conventions|style)"
)
_NORMS = re.compile(
    r"(?i)\b(?:rules?|polic(?:y|ies)|principles?|guidelines?|conventions?|requirements?|standards?|goals?|objectives?|vision"
    r"|acceptance|criteria|checklists?|definition of done|plan(?:s|ned)?|road ?maps?|sprints?|next|todo|future|upcoming|backlog"
    r"|milestones?|proposals?|contribut\w+|how to|instructions?|constraints?|philosophy|mission|best practices|legend"
    r"|templates?|examples?|faq|prompts?|constitution|gates?|do not|don'?ts?|anti-?patterns?|change ?log|history|expectations?"
    r"|phase \d+|steps?|quality bar|mandate|methodology|release notes|alternatives?)\b"
)
_LABEL = re.compile(
    r"(?i)^\W{0,6}(?:goals?|objectives?|rules?|polic(?:y|ies)|principles?|vision|acceptance(?: criteria)?|requirements?"
    r"|warning|important|constraints?|task|plan|expected|criteri(?:a|on)|done when|prompt)\W{0,3}[:–—]"
)
_WHOLE = re.compile(
    r"(?i)\b(?:this|the|our|entire|whole) (?:[\w-]+ ){0,2}(?:project|repository|repo|codebase|code base|package|library|service"
    r"|system|application|platform|stack|framework|toolchain)\b|\b(?:everything|nothing|anywhere|everywhere|100%)(?!\w)"
)
_TESTS = re.compile(
    r"(?i)\b(?:(?P<kind>unit|integration|e2e|end-to-end|functional|system|acceptance|smoke|performance|contract|load)[ -])?"
    r"(?P<tests>tests?|testing|test suite|suite)\b"
)
_PLACES = {"for", "in", "under", "within", "from", "of", "on", "by", "at", "inside", "with", "to", "as"}
_OWN = re.compile(
    r"(?i)^(?:the |this |our |any |all |entire |whole |of |it|here|use|used|place|production\b|prod\b)*"
    r"(?:codebase|code base|code|repository|repo|project|source|sources|package|production|implementation|here|it|anywhere|place|use)\b"
)


def claims(path: str, blocks: list[Block], done: list[StatusClaim]) -> Iterator[DocumentClaim]:
    """Every asserting sentence of one document; what it covers is still what it names (see `covered`)."""
    planning = bool(_PLANNING.search(posixpath.basename(path).rsplit(".", 1)[0])) or "/adr/" in f"/{path}"
    carried_out = {claim.where.line: claim.status == "done" for claim in done if claim.form in {"task", "tag", "column"}}
    prohibitions = _prohibitions(blocks)
    for block in blocks:
        if block.kind == "heading":
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
    if any(_NORMS.search(title) for title in block.titles):
        return True
    around = [block, *block.ancestors]
    if any(_LABEL.match(other.text) for other in around):
        return True
    return any(sentence.is_norm or sentence.is_instruction for other in around for sentence in sentences(other.text))


def _prohibitions(blocks: list[Block]) -> set[int]:
    """Lists whose items mostly begin with "no" or "never": rules of a house."""
    counts: dict[int, list[int]] = {}
    for block in blocks:
        if block.kind == "item":
            first = re.match(r"(?i)\W{0,6}(no|never|don'?t|do not|avoid|zero)\b", block.text)
            tally = counts.setdefault(block.list_id, [0, 0])
            tally[0] += first is not None
            tally[1] += 1
    return {number for number, (negative, all_) in counts.items() if negative > 1 and negative * 2 >= all_}


def _of_block(path: str, block: Block, *, done: bool) -> Iterator[DocumentClaim]:
    named = _named(block)
    for sentence in sentences(block.text):
        found = assertions(sentence, document=True, done=done)
        if not found:
            continue
        line = block.line_at(sentence.words[found[0].first].start)
        text = redact(" ".join(readable(sentence.text).split())[:MAX_TEXT])
        tests = _within(sentence)
        for assertion in found:
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


def _within(sentence: Sentence) -> str:
    match = _TESTS.search(sentence.text)
    if not match:
        return ""
    return (match["kind"] or "tests").lower().replace("end-to-end", "e2e")


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
    after = words[said.last + 1 :]
    if after and after[0] in {"remain", "remains", "exist", "are", "is", "left", "used"}:
        after = after[1:]
        after = after[1:] if after and after[0] in {"used", "left"} else after
    if after and after[0] in _PLACES and not _OWN.match(" ".join(after[1:5])) and not _TESTS.search(" ".join(after[1:5])):
        return True
    before = words[: said.first]
    if said.subject == "other" or {"phase", "week", "sprint", "version", "chapter"} & set(words):
        return True
    label = sentence.clause(said.first)
    # "Dashboard: no mock data" speaks of the dashboard alone.
    return label > 1 and words[label - 1] in {":", "–", "—"} and not _WHOLE.search(" ".join(before)) and not _TESTS.search(
        " ".join(before)
    )
