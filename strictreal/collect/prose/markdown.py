"""Markdown to blocks, by a CommonMark parser: what stands in code fences, quotes and HTML comments says nothing."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from markdown_it import MarkdownIt
from markdown_it.token import Token

from strictreal.collect.prose.blocks import CODE, END, Block

MAX_NESTING = 40
"""Levels of lists within lists; a document that is nested more deeply is a gap."""
_MARKS = str.maketrans({CODE: " ", END: " "})
_SKIPPED = {"fence", "code_block", "html_block", "hr"}


def blocks(text: str) -> list[Block]:
    """The blocks of one document, in order.

    Raises:
        ValueError: it is nested more deeply than MAX_NESTING.
    """
    parser = MarkdownIt("commonmark", {"maxNesting": MAX_NESTING}).enable(["table", "strikethrough"])
    tokens = parser.parse(_without_front_matter(text.translate(_MARKS)))
    # The parser stops at its bound without a word; one level below it is where the rest went missing.
    if any(token.level >= MAX_NESTING - 1 for token in tokens):
        raise ValueError(f"is nested more than {MAX_NESTING - 1} levels deep (bound: nesting)")
    return _Reader().read(tokens)


def _without_front_matter(text: str) -> str:
    """The text with a leading YAML block blanked, line for line."""
    if not text.startswith(("---\n", "---\r\n")):
        return text
    end = re.compile(r"^(?:---|\.\.\.)[ \t]*\r?$", re.MULTILINE).search(text, 4)
    return "\n" * text.count("\n", 0, end.end()) + text[end.end() :] if end else text


@dataclass
class _Reader:
    """Walks the parser's flat tokens, keeping the headings and items that enclose the current place."""

    found: list[Block] = field(default_factory=list)
    titles: list[tuple[int, str]] = field(default_factory=list)
    items: list[Block | None] = field(default_factory=list)
    """The item being read at each depth; None until its first words are known."""
    lists: list[int] = field(default_factory=list)
    count: int = 0
    columns: list[str] = field(default_factory=list)
    row: list[Block] = field(default_factory=list)
    in_head: bool = False
    in_cell: bool = False

    def read(self, tokens: list[Token]) -> list[Block]:
        quotes, heading = 0, 0
        for token in tokens:
            kind = token.type
            quotes += (kind == "blockquote_open") - (kind == "blockquote_close")
            if quotes or kind in _SKIPPED:
                continue
            if kind in {"bullet_list_open", "ordered_list_open"}:
                self.count += 1
                self.lists.append(self.count)
            elif kind in {"bullet_list_close", "ordered_list_close"}:
                self.lists.pop()
            elif kind == "list_item_open":
                self.items.append(None)
            elif kind == "list_item_close":
                self.items.pop()
            elif kind == "heading_open":
                heading = int(token.tag[1])
            elif kind == "heading_close":
                heading = 0
            elif kind in {"thead_open", "thead_close"}:
                self.in_head = kind == "thead_open"
            elif kind in {"th_open", "td_open", "th_close", "td_close"}:
                self.in_cell = kind.endswith("open")
            elif kind == "tr_open":
                self.row = []
            elif kind == "tr_close":
                self._end_row()
            elif kind == "inline":
                self._inline(token, heading)
        return self.found

    def _inline(self, token: Token, heading: int) -> None:
        block = _block(token)
        block.titles = tuple(title for _, title in self.titles)
        if self.in_cell:
            self.row.append(block)
            return
        block.parent = next((item for item in reversed(self.items) if item is not None), None)
        if heading:
            self.titles = [(level, title) for level, title in self.titles if level < heading]
            block.titles = tuple(title for _, title in self.titles)
            self.titles.append((heading, block.text))
            block.kind, block.level = "heading", heading
        elif self.items and self.items[-1] is None:
            block.kind, block.level, block.list_id = "item", len(self.items), self.lists[-1]
            self.items[-1] = block
        self.found.append(block)

    def _end_row(self) -> None:
        if self.in_head:
            self.columns = [cell.text.strip() for cell in self.row]
        elif self.row:
            first = self.row[0]
            titled = zip(self.columns + [""] * len(self.row), self.row, strict=False)
            first.cells = tuple((column, cell.text) for column, cell in titled)
            first.kind, first.links = "row", [link for cell in self.row for link in cell.links]
            first.text = " | ".join(cell.text for cell in self.row)
            self.found.append(first)


def _block(token: Token) -> Block:
    """The words of one inline token, with the line on which each part stands."""
    line = (token.map or [0, 0])[0] + 1
    text, lines, links = "", [(0, line)], []
    struck = outside = 0
    for child in token.children or ():
        kind = child.type
        struck += (kind == "s_open") - (kind == "s_close")
        if kind in {"softbreak", "hardbreak"}:
            line += 1
            text += " "
            lines.append((len(text), line))
        elif struck:
            continue
        elif kind == "link_open":
            target = str(child.attrGet("href") or "")
            outside = int(_is_elsewhere(target))
            links += [target] * (not outside)
        elif kind == "link_close":
            outside = 0
        elif kind == "code_inline":
            # A name inside a link to another place is a name there, not here.
            text += f"{CODE}{child.content}{END}" if not outside else "(link)"
        elif kind == "text":
            text += child.content
    return Block("paragraph", text, lines, links=links)


def _is_elsewhere(target: str) -> bool:
    return target.startswith(("#", "/", "mailto:")) or "://" in target or not target
