"""Where something that a chart renders to was written: template, line, and the values that the line names."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

from strictreal.collect.chart import layout, trace
from strictreal.collect.chart.lines import Lines
from strictreal.collect.chart.manifest import Text
from strictreal.model import Location

MAX_TEXT = 400


@dataclass(frozen=True)
class Source:
    """A chart's files with packages laid open, and where each lies in the subject."""

    files: dict[str, bytes]
    paths: dict[str, str]
    _lines: dict[str, Lines] = field(default_factory=dict)

    def line(self, path: str, line: int) -> str:
        """One line of a file; "" when it has none."""
        lines = self.files.get(path, b"").decode(errors="replace").split("\n")
        return lines[line - 1].rstrip() if 0 < line <= len(lines) else ""

    def at(self, path: str, line: int, resource: str = "") -> Location:
        """A line of a file; of a file inside a package, the package."""
        place = self.paths.get(path, "")
        return Location(place, line if place.endswith(path) else 0, text=self.shown(path, line), resource=resource)

    def shown(self, path: str, line: int) -> str:
        """One line of a file as facts hold it: at most MAX_TEXT characters, without secrets."""
        if path not in self._lines:
            self._lines[path] = Lines(self.files.get(path, b"").decode(errors="replace"))
        return self._lines[path](line)[:MAX_TEXT].rstrip()


class Origin:
    """What wrote a text: here a file that is a manifest itself, such as one under crds/."""

    def __init__(self, source: Source, path: str, text: str) -> None:
        self.source = source
        self.path = path
        self.text = text

    def line(self, document: Text, line: int) -> int:
        """The line of the file that wrote a line (from 1) of one document of the text; 0 when nothing tells."""
        return document.line + line - 1

    def at(self, document: Text, line: int, resource: str = "") -> Location:
        return self.source.at(self.path, self.line(document, line), resource)

    def values(self, document: Text, line: int) -> tuple[str, ...]:  # noqa: ARG002  (no template, no values)
        """The keys of values that the line names."""
        return ()


class TemplateOrigin(Origin):
    """A template, and what it wrote.

    Args:
        name: the template as Helm names it.
        plain: what the SDK wrote for it; `text` differs where the helm program rendered.
        marked: what its marked copy wrote.
    """

    def __init__(self, source: Source, top: layout.Subtree, name: str, text: str, plain: str, marked: str) -> None:
        owner, path = layout.locate(top, name)
        super().__init__(source, path, text)
        self.name = name
        self._prefix = "".join(f"{part}." for part in owner.values)
        self._plain = plain
        self._marked = marked

    @cached_property
    def lines(self) -> tuple[int, ...]:
        """The template line of each line of what the SDK wrote; empty when nothing tells."""
        return trace.lines(self._plain, self._marked)

    def line(self, document: Text, line: int) -> int:
        written = document.line + line - 2
        if self.text is not self._plain:
            # The program sorts what a template writes; the document is found again by its text.
            body = document.text.strip()
            start = self._plain.find(body)
            if start < 0:
                return 0
            before = document.text[: document.text.find(body)].count("\n")
            written = self._plain.count("\n", 0, start) + line - 1 - before
        return self.lines[written] if 0 <= written < len(self.lines) else 0

    def values(self, document: Text, line: int) -> tuple[str, ...]:
        return trace.values_keys(self.source.line(self.path, self.line(document, line)), self._prefix)
