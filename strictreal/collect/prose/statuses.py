"""Status tags of a document: `- [x]`, `[DONE]`, cells of a status column, `Status: done`, and headings above a list."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import msgspec

from strictreal.collect.prose.blocks import CODE, END, Block, readable
from strictreal.collect.prose.mentions import mentions
from strictreal.facts.claims import Mention, Status, StatusClaim
from strictreal.model import Location
from strictreal.redact import redact

MAX_TEXT = 400
_TAGS: dict[str, Status] = {
    **dict.fromkeys(("todo", "planned", "pending", "not started", "open", "backlog"), "todo"),
    **dict.fromkeys(("active", "wip", "in progress", "in-progress", "ongoing", "started", "partial"), "active"),
    **dict.fromkeys(("review", "in review"), "review"),
    **dict.fromkeys(("done", "complete", "completed", "finished", "shipped", "implemented", "merged"), "done"),
    **dict.fromkeys(("blocked", "on hold"), "blocked"),
}
_SIGNS: dict[str, Status] = {"✅": "done", "☑": "done", "✔": "done", "🚧": "active", "⏳": "active", "⛔": "blocked"}
_TASK = re.compile(r"\[(?P<box>[ xX~\-])\][ \t]+")
_TAG = re.compile(
    rf"[{CODE}]?\[(?P<tag>TODO|ACTIVE|REVIEW|DONE|BLOCKED|WIP|PENDING|COMPLETED?|IN[ -]PROGRESS)\][{END}]?"
)
_STATUS_LINE = re.compile(r"(?i)^\W{0,6}(?:\w{1,30} ){0,2}status\W{0,6}[:–—-][^\w\[✅]{0,6}(?P<rest>.{1,300})")
_STATUS_COLUMN = re.compile(r"(?i)\b(?:status|state|progress|done|complete[d]?|signal)\b")
_OTHER_COLUMN = re.compile(
    r"(?i)\b(?:gaps?|notes?|blockers?|next|remaining|risks?|todo|follow|legacy|before|old|from|previous|missing|depends)\b"
)
_HEDGED = re.compile(
    r"(?i)\b(?:partial(?:ly)?|partly|mostly|almost|except|apart from|pending|not yet|wip|remaining|in progress|stretch"
    r"|skipped|won't|wontfix|cancel+ed|n/a|deferred|superseded|obsolete|moved to|postponed|tbd|todo)\b"
)
_NO_STATUS = re.compile(
    r"(?i)\b(?:legend|templates?|examples?|format|how to|conventions?|syntax|change ?log|history|release notes|glossary"
    r"|key)\b"
)
_ACTION = re.compile(
    r"(?i)^\W{0,6}(?:add|create|implement|write|author|introduce|scaffold|build|define|provide|set up|publish|develop"
    r"|deliver)(?:e?d|s)?\b"
)


@dataclass
class _Section:
    """A status that a heading or a `Status:` line gives to what follows it."""

    status: Status
    level: int
    """Of the heading; 0 for a line, which speaks for its list alone."""
    list_id: int
    claim: int
    """Index of the claim that says so, or -1."""


@dataclass
class _State:
    claims: list[StatusClaim] = field(default_factory=list)
    section: _Section | None = None
    of_item: dict[int, int] = field(default_factory=dict)
    """Index of the claim by identity of the item that makes it."""
    open: dict[int, list[int]] = field(default_factory=dict)


def statuses(path: str, blocks: list[Block]) -> list[StatusClaim]:
    """Every status claim of one document, with its mentions unresolved."""
    if re.search(
        r"(?i)(?:^|/)(?:change(?:s|log)|history|news|releases?(?:[-_ ]?notes)?)\.|_template|/issue_template/", path
    ):
        return []  # a chronicle tells what once was; a form is filled in elsewhere
    state = _State()
    for block in blocks:
        if any(_NO_STATUS.search(title) for title in block.titles):
            continue
        _read(state, path, block)
    claims = state.claims
    for index, lines in state.open.items():
        claims[index] = _with_open(claims[index], lines)
    return _without_departed(claims)


def _without_departed(claims: list[StatusClaim]) -> list[StatusClaim]:
    """The claims, where none insists on a file that another done item of the document has removed or moved since."""
    departed = {m.text for c in claims if c.status == "done" for m in c.mentions if m.role in {"removed", "left"}}

    def settled(mention: Mention) -> Mention:
        here = mention.role in {"made", "touched"} and mention.text in departed
        return msgspec.structs.replace(mention, role="aside") if here else mention

    return [msgspec.structs.replace(c, mentions=tuple(map(settled, c.mentions))) for c in claims]


def _with_open(claim: StatusClaim, lines: list[int]) -> StatusClaim:
    return msgspec.structs.replace(claim, open_lines=tuple(lines))


def _read(state: _State, path: str, block: Block) -> None:
    if block.kind == "heading":
        if state.section and (not state.section.level or block.level <= state.section.level):
            state.section = None
    elif state.section and not state.section.level and block.list_id != state.section.list_id:
        state.section = None
    own = _own_status(block)
    if own:
        status, form, words, line = own
        if status == "done" and _HEDGED.search(_outside_code(words)):
            status = "active"
        state.claims.append(_claim(path, block, status, form, words, line))
        state.of_item[id(block)] = len(state.claims) - 1
        if status != "done":
            _note_open(state, block)
        if block.kind == "heading" or form == "line":
            level, number = (block.level, 0) if block.kind == "heading" else (0, block.list_id)
            state.section = _Section(status, level, number, len(state.claims) - 1)
    elif block.kind == "item" and _inherited(state, block) == "done" and _is_deed(block.text):
        state.claims.append(_claim(path, block, "done", "section", block.text, block.line))


def _is_deed(text: str) -> bool:
    """Whether an item without a status of its own says that something is made, and without reservation."""
    return bool(_ACTION.match(text)) and not _HEDGED.search(_outside_code(text))


def _inherited(state: _State, block: Block) -> Status | None:
    """The status of the nearest item around, else of the section."""
    for outer in block.ancestors:
        if id(outer) in state.of_item:
            return state.claims[state.of_item[id(outer)]].status
    return state.section.status if state.section else None


def _note_open(state: _State, block: Block) -> None:
    """Tell the items around and the heading above that something below them is open."""
    line = block.line
    for outer in block.ancestors:
        if id(outer) in state.of_item:
            state.open.setdefault(state.of_item[id(outer)], []).append(line)
    if block.kind == "item" and state.section and state.section.claim >= 0:
        state.open.setdefault(state.section.claim, []).append(line)


def _claim(path: str, block: Block, status: Status, form: str, words: str, line: int) -> StatusClaim:
    named = mentions(words, block.links) if block.kind != "heading" or status != "done" else ()
    text = " ".join(readable(words).split())[:MAX_TEXT]
    shown = redact(text)
    return StatusClaim(
        where=Location(path, line, text=shown),
        status=status,
        form=form,  # type: ignore[arg-type]
        text=shown,
        mentions=tuple(m for m in named if m.text in shown or m.text not in text),  # a secret names nothing
    )


def _own_status(block: Block) -> tuple[Status, str, str, int] | None:
    """(status, form, the words it is about, line) that the block itself gives; None when it gives none."""
    if block.kind == "row":
        return _row_status(block)
    text = block.text
    if block.kind == "item" and (task := _TASK.match(text)):
        words = text[task.end() :]
        tags = _tags(words)
        if len(tags) == 1:
            return tags.pop(), "tag", _TAG.sub("", words), block.line
        status: Status = {" ": "todo", "x": "done"}.get(task["box"].lower(), "active")  # type: ignore[assignment]
        return status, "task", words, block.line
    if line := _STATUS_LINE.match(text):
        return (found, "line", line["rest"], block.line) if (found := _leading(line["rest"])) else None
    tags = _tags(text)
    if len(tags) == 1 and _at_an_end(text):
        return tags.pop(), "tag", _TAG.sub("", text), block.line
    sign = text.lstrip()[:1]
    if not tags and block.kind == "item" and sign in _SIGNS and _ACTION.match(text.lstrip()[1:].lstrip("️ ")):
        return _SIGNS[sign], "tag", text.lstrip()[1:], block.line
    return None


def _row_status(block: Block) -> tuple[Status, str, str, int] | None:
    words = " | ".join(text for column, text in block.cells if not _OTHER_COLUMN.search(column))
    tags = set().union(*(_tags(text) for _, text in block.cells))
    if len(tags) == 1:
        return tags.pop(), "column", _TAG.sub("", words), block.line
    for column, text in block.cells:
        if not tags and _STATUS_COLUMN.search(column) and (found := _leading(text)):
            return found, "column", words, block.line
    return None


def _tags(text: str) -> set[Status]:
    return {_TAGS[match["tag"].lower()] for match in _TAG.finditer(text)}


def _at_an_end(text: str) -> bool:
    """Whether a tag opens or closes the text; in its midst it is spoken of, not given."""
    match = _TAG.search(text)
    return match is not None and (
        not text[: match.start()].strip(" *_#:–—-0123456789.)") or not text[match.end() :].strip(" *_.:")
    )


def _leading(text: str) -> Status | None:
    """The status with which a text begins: `DONE`, `✅ Complete`, `In progress – …`."""
    stripped = text.strip().strip("*_ ")
    tags = _tags(stripped)
    if len(tags) == 1:
        return tags.pop()
    sign = _SIGNS.get(stripped[:1])
    words = re.sub(r"^[^\w\[]+", "", stripped).lower()
    word = next(
        (tag for tag in sorted(_TAGS, key=len, reverse=True) if re.match(rf"{tag}\b(?! (?:by|when|in \d))", words)), ""
    )
    if word:
        return _TAGS[word]
    return sign if sign and not words else None


def _outside_code(text: str) -> str:
    return re.sub(f"{CODE}[^{END}]*{END}", " ", text)
