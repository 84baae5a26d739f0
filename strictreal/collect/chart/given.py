"""What a deployment gives a chart on top of its own values, and how Helm puts that together."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from strictreal.engines import helm
from strictreal.errors import StrictRealError

GIVEN = "values given at "
"""How the label of a render begins whose values a deployment gives, and no file of the chart."""
UNKNOWN = "\0"
"""Stands for a part of a text that its file does not tell."""
ORDER = ("file", "yaml", "set-json", "set", "set-string", "set-file", "set-literal")
"""The kinds of pieces; from `set-json` on in the order in which Helm lets one win over another."""


class NotTold(StrictRealError):
    """What comes out of these pieces depends on something that is not followed here."""


class Piece(msgspec.Struct, frozen=True):
    """One part of what is given. Its text is a path, a YAML document, or an expression of `--set` and its kin."""

    kind: str
    text: str


class Deployment(msgspec.Struct, frozen=True, kw_only=True):
    """One place that deploys a chart with Helm, as its file alone tells."""

    path: str
    line: int
    chart: str
    """The reference to the chart as written, with UNKNOWN for the parts that are worked out elsewhere."""
    pieces: tuple[Piece, ...] = ()
    unknown: tuple[str, ...] = ()
    """What is given, and not told by the file."""
    folders: tuple[str, ...] = ()
    """Folders that the file goes to before, from which paths may be meant."""
    release: str = ""
    namespace: str = ""


class Given(msgspec.Struct, frozen=True, kw_only=True):
    """What one deployment gives one chart; its files are read, so that no piece is of the kind `file`."""

    path: str
    line: int
    pieces: tuple[Piece, ...] = ()
    release: str = ""
    namespace: str = ""

    @property
    def label(self) -> str:
        """How renders with it are called."""
        return f"{GIVEN}{self.path}:{self.line}"


def composed(pieces: Sequence[Piece]) -> dict[str, Any]:
    """The values that Helm makes of these pieces, by its own parsers. Only inside a bounded worker.

    Raises:
        HelmFailure: Helm refuses a piece.
        NotTold: an expression changes an element of a list that a file gives.
    """
    values: dict[str, Any] = {}
    for piece in pieces:
        if piece.kind == "yaml":
            values = _merged(values, helm.parsed("yaml", piece.text))
    for kind in ORDER[2:]:
        texts = [piece.text for piece in pieces if piece.kind == kind]
        if values and any(_indexed(text) for text in texts):
            raise NotTold(f"--{kind} changes an element of a list, which is not followed here")
        whole = [text for text in texts if kind == "set-json" and text.lstrip().startswith("{")]
        for text in whole:
            values = _merged(values, helm.parsed("yaml", text))
        for expression in _together(kind, [text for text in texts if text not in whole]):
            values = _merged(values, helm.parsed(kind, expression))
    return values


def as_text(values: dict[str, Any], line: int) -> bytes:
    """Values as YAML that stands on a given line, so that what is wrong with them is found where they are given."""
    return b"\n" * max(line - 1, 0) + json.dumps(values).encode() + b"\n"


def _together(kind: str, texts: Iterable[str]) -> Iterable[str]:
    """Expressions as Helm reads them: several of one list element change that element, so they are read as one."""
    listed = list(texts)
    if kind in {"set", "set-string"}:
        return [",".join(listed)] if listed else []
    return listed


def _indexed(text: str) -> bool:
    return bool(re.search(r"\[\d{1,6}\][^=]{0,300}=", text[:10_000]))


def _merged(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """Helm's MergeMaps: tables are joined, and everything else is replaced."""
    merged = dict(below)
    for key, value in above.items():
        inner = merged.get(key)
        merged[key] = _merged(inner, value) if isinstance(inner, dict) and isinstance(value, dict) else value
    return merged
