"""The common form of everything that people write: blocks of text with their place in headings, lists and tables."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

CODE = "\x02"
"""Opens a code span in a block's text; what stands between it and `END` is a name, not a sentence."""
END = "\x03"

Kind = Literal["heading", "paragraph", "item", "row"]


@dataclass
class Block:
    """One heading, paragraph, list item (its own words only) or table row.

    Attributes:
        text: the words with line ends as single spaces; code spans stand between CODE and END.
        lines: (offset into `text`, line number from 1) where each source line begins.
        titles: the headings above, outermost first.
        parent: the item that this one stands in.
        cells: for a row, (column title, text) of each cell.
        list_id: which list an item belongs to; items of one list have the same number.
        links: targets of links inside the text.
    """

    kind: Kind
    text: str
    lines: list[tuple[int, int]]
    level: int = 0
    titles: tuple[str, ...] = ()
    parent: Block | None = None
    cells: tuple[tuple[str, str], ...] = ()
    list_id: int = 0
    links: list[str] = field(default_factory=list)

    @property
    def line(self) -> int:
        return self.lines[0][1]

    def line_at(self, offset: int) -> int:
        """The line on which the character at `offset` stands."""
        return next((line for start, line in reversed(self.lines) if start <= offset), self.line)

    @property
    def ancestors(self) -> Iterator[Block]:
        """The items around this block, innermost first."""
        block = self.parent
        while block is not None:
            yield block
            block = block.parent


def spans(text: str) -> Iterator[tuple[int, int]]:
    """(start, end) of what stands inside each code span of a block's text."""
    start = text.find(CODE)
    while start >= 0:
        end = text.find(END, start)
        if end < 0:
            return
        yield start + 1, end
        start = text.find(CODE, end)


def readable(text: str) -> str:
    """A block's text as a message shows it, with backticks around code."""
    return text.replace(CODE, "`").replace(END, "`")
