"""Rendered text to manifests: taken apart as Helm and kubectl do, read as Kubernetes does."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from strictreal import kubeyaml

MAX_LIST_DEPTH = 4
MAX_DOCUMENTS = 5_000
MAX_DOCUMENT_BYTES = 3 * 512 * 1024
"""What etcd takes in one request: a larger object cannot exist in a cluster."""
_SEPARATOR = re.compile(r"^---", re.MULTILINE)


@dataclass(frozen=True)
class Text:
    """One document of a rendered template: its text, and the line of the rendered text on which it begins, from 1."""

    text: str
    line: int


@dataclass(frozen=True)
class Object:
    """One Kubernetes object, and where it stands in its document: () or, in a list, ("items", 3)."""

    value: dict[str, Any]
    path: tuple[str | int, ...] = ()

    @property
    def kind(self) -> str:
        return _text(self.value.get("kind"))

    @property
    def api_version(self) -> str:
        return _text(self.value.get("apiVersion"))

    @property
    def metadata(self) -> dict[str, Any]:
        found = self.value.get("metadata")
        return found if isinstance(found, dict) else {}

    @property
    def name(self) -> str:
        generated = _text(self.metadata.get("generateName"))
        return _text(self.metadata.get("name")) or (f"{generated}*" if generated else "")

    @property
    def namespace(self) -> str:
        return _text(self.metadata.get("namespace"))

    @property
    def hook(self) -> str:
        annotations = self.metadata.get("annotations")
        return _text(annotations.get("helm.sh/hook")) if isinstance(annotations, dict) else ""

    @property
    def resource(self) -> str:
        """How findings call it: `Deployment/web`."""
        return f"{self.kind or 'object'}/{self.name}"


def _text(value: Any) -> str:
    return value[:300] if isinstance(value, str) else ""


def texts(rendered: str) -> Iterator[Text]:
    """The documents of a rendered template, as Helm splits them: at every line that begins with `---`."""
    start, line = 0, 1
    for found in _SEPARATOR.finditer(rendered):
        piece = rendered[start : found.start()]
        if piece.strip():
            yield Text(piece, line)
        line += piece.count("\n")
        start = found.end()
    if rendered[start:].strip():
        yield Text(rendered[start:], line)


def objects(value: Any) -> Iterator[Object]:
    """The objects of a document, lists taken apart.

    Raises:
        YamlError: the document, or an item of its list, is not a mapping.
    """
    yield from _objects(value, (), 0)


def _objects(value: Any, path: tuple[str | int, ...], depth: int) -> Iterator[Object]:
    if value is None and not path:
        return  # comments only
    if not isinstance(value, dict):
        raise kubeyaml.YamlError("a manifest must be a mapping")
    items = value.get("items")
    if depth < MAX_LIST_DEPTH and _text(value.get("kind")).endswith("List") and isinstance(items, list):
        for number, item in enumerate(items):
            yield from _objects(item, (*path, "items", number), depth + 1)
    else:
        yield Object(value, path)
