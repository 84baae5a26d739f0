"""reStructuredText, plain text, docstrings and comments to blocks: paragraphs, list items and underlined titles.

A reader of lines, not a parser: literal blocks, doctests, fences, directives and comments are passed over, and what it
cannot place is a paragraph.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from strictreal.collect.prose.blocks import CODE, END, Block

_BULLET = re.compile(r"(?:[-*+•–‣]|\(?\d{1,3}[.)]|#\.)[ \t]+")
_UNDERLINE = re.compile(r"([=\-~^\"'#*+`:.<>_])\1{2,200}\s*$")
_LITERAL = re.compile(r"``([^`]{1,400})``|(?::[\w:.+-]{1,40}:)?`([^`<>]{1,400}?)(?:[ ]?<[^`<>]{1,300}>)?`_{0,2}")
_MARKS = str.maketrans({CODE: " ", END: " "})


def blocks(lines: list[tuple[int, str]], *, quotes: bool) -> list[Block]:
    """The blocks of numbered lines.

    Args:
        lines: (line number from 1, text without line end).
        quotes: True when an indented paragraph is a quotation, as it is in reStructuredText.
    """
    return _Reader(quotes).read([(number, text.expandtabs(4).translate(_MARKS).rstrip()) for number, text in lines])


@dataclass
class _Reader:
    quotes: bool
    found: list[Block] = field(default_factory=list)
    titles: list[tuple[str, str]] = field(default_factory=list)
    """(underline character, words), outermost first; reStructuredText ranks them by first use."""
    items: list[tuple[int, Block]] = field(default_factory=list)
    """(indentation of its words, item), outermost first."""
    pending: list[tuple[int, str]] = field(default_factory=list)
    lists: int = 0
    kind: str = "paragraph"
    indent: int = 0
    """Of the paragraph or item being read."""
    skip_below: int = -1
    """While not negative, lines indented more than this are passed over."""

    def read(self, lines: list[tuple[int, str]]) -> list[Block]:
        fenced = doctest = False
        for number, line in lines:
            text = line.lstrip()
            indent = len(line) - len(text)
            if text.startswith(("```", "~~~")) and not _UNDERLINE.match(text):
                fenced = not fenced
                self._end()
                continue
            doctest = text.startswith(">>>") or (doctest and bool(text))
            if fenced or doctest:
                self._end()
                continue
            if not text:
                self._end()
                continue
            if self.skip_below >= 0:
                if indent > self.skip_below:
                    continue
                self.skip_below = -1
            self._line(number, indent, text)
        self._end()
        return self.found

    def _line(self, number: int, indent: int, text: str) -> None:
        if _UNDERLINE.match(text):
            self._underlined(text[0])
        elif text.startswith(".. ") or text == "..":
            self._end()
            self.skip_below = indent
        elif text.startswith((":param", ":type", ":raises", ":rtype", "@param")):
            self._end()
        elif bullet := _BULLET.match(text):
            self._end()
            self._open_item(indent, indent + bullet.end())
            self.pending = [(number, text[bullet.end() :])]
            self._begin("item", indent + bullet.end())
        else:
            if not self.pending:
                while self.items and indent < self.items[-1][0]:
                    self.items.pop()
                self._begin("quote" if self.quotes and indent and not self.items else "paragraph", indent)
            self.pending.append((number, text))
        if self.pending and text.endswith("::"):
            self._end()
            self.skip_below = indent

    def _begin(self, kind: str, indent: int) -> None:
        self.kind, self.indent = kind, indent

    def _open_item(self, indent: int, words: int) -> None:
        while self.items and indent < self.items[-1][0] and words != self.items[-1][0]:
            self.items.pop()
        if not self.items or words > self.items[-1][0]:
            self.lists += 1

    def _underlined(self, mark: str) -> None:
        if len(self.pending) != 1 or self.kind == "item":
            self._end()
            return
        block = self._end()
        if block is None:
            return
        block.kind, block.parent = "heading", None
        marks = [known for known, _ in self.titles]
        above = self.titles[: marks.index(mark)] if mark in marks else self.titles
        self.titles = [*above, (mark, block.text)]
        block.titles, block.level = tuple(title for _, title in above), len(self.titles)
        self.items.clear()

    def _end(self) -> Block | None:
        """Close the paragraph or item being read."""
        lines, self.pending = self.pending, []
        if not lines or self.kind == "quote":
            return None
        text, starts = "", []
        for number, line in lines:
            text += " " if text else ""
            starts.append((len(text), number))
            text += line
        block = Block("paragraph", text, starts, titles=tuple(title for _, title in self.titles))
        block.text, block.lines = _mark_code(text, starts)
        if self.kind == "item":
            block.kind, block.list_id = "item", self.lists
            while self.items and self.items[-1][0] >= self.indent:
                self.items.pop()
            block.parent = self.items[-1][1] if self.items else None
            self.items.append((self.indent, block))
            block.level = len(self.items)
        elif self.items and self.indent >= self.items[-1][0]:
            block.parent = self.items[-1][1]
        self.found.append(block)
        return block


def _mark_code(text: str, starts: list[tuple[int, int]]) -> tuple[str, list[tuple[int, int]]]:
    """Put inline literals between the marks of code; the offsets of lines move along."""
    out, last, moved, waiting = "", 0, [], iter([*starts, (len(text) + 1, 0)])
    start, line = next(waiting)
    for match in _LITERAL.finditer(text):
        out += text[last : match.start()]
        while start < match.end():
            moved.append((start + len(out) - match.start(), line))
            start, line = next(waiting)
        out += CODE + (match.group(1) or match.group(2)) + END
        last = match.end()
    while start <= len(text):
        moved.append((start + len(out) - last, line))
        start, line = next(waiting)
    return out + text[last:], moved
