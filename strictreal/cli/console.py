"""Standard output, as a person's terminal or a pipe wants it."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from strictreal.report import visible

PIPE_WIDTH = 200


def console(*, ci: bool = False) -> Console:
    """Standard output; wide and plain where no person's terminal is behind it."""
    found = Console(highlight=False, force_terminal=False if ci else None)
    return found if found.is_terminal else Console(highlight=False, force_terminal=False, width=PIPE_WIDTH)


def table(headings: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print rows under headings; what comes from a subject or bundle cannot move the cursor."""
    grid = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading in headings:
        grid.add_column(Text(heading, "dim"))
    for row in rows:
        grid.add_row(*(cell if isinstance(cell, Text) else Text(visible(str(cell))) for cell in row))
    console().print(grid)


def json(value: Any) -> None:
    """Print one JSON value, indented."""
    sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(value, order="sorted"), indent=2) + b"\n")


def watch(*, quiet: bool) -> Any:
    """Progress bars on standard error, for a person at a terminal only; None elsewhere."""
    errors = Console(stderr=True)
    if quiet or not errors.is_terminal:
        return None
    from rich.progress import Progress

    @contextmanager
    def watched(title: str, items: Sequence[Any]) -> Iterator[Any]:
        with Progress(console=errors, transient=True) as progress:
            task = progress.add_task(title, total=len(items))
            yield lambda done: progress.advance(task, done)

    return watched
