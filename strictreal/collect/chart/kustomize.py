"""What a kustomization does to the manifests beside it, as far as that can be read without building it."""

from __future__ import annotations

import posixpath
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from strictreal import kubeyaml
from strictreal.errors import BoundExceeded

NAMES = frozenset(("kustomization.yaml", "kustomization.yml", "Kustomization"))
MAX_BYTES = 256 * 1024
LONGEST_PATH = 500
_LISTS = frozenset(("resources", "bases"))
_SILENT = frozenset(("apiVersion", "kind", "metadata", "buildMetadata", "sortOptions"))
"""Fields that change nothing of what comes out."""


@dataclass(frozen=True)
class Kustomization:
    """One kustomization.

    Attributes:
        path: its file.
        builds: why what it builds is not what lies there; "" when it only lists files.
        parts: files that it uses as patches, generators or values, which are no whole manifests.
    """

    path: str
    builds: str = ""
    parts: frozenset[str] = frozenset()


def read(path: str, data: bytes, paths: Collection[str]) -> Kustomization:
    """Read a kustomization.

    Args:
        paths: the files of the subject.
    """
    folder = posixpath.dirname(path)
    if len(data) > MAX_BYTES:
        return Kustomization(path, f"it is larger than {MAX_BYTES} bytes (bound: kustomization size)")
    try:
        value = kubeyaml.parse(data).value
    except (kubeyaml.YamlError, BoundExceeded) as error:
        return Kustomization(path, f"it cannot be read: {error}")
    if not isinstance(value, dict):
        return Kustomization(path, "it is not a mapping")
    changing = sorted(key for key, held in value.items() if key not in _LISTS | _SILENT and held)
    listed = [item for key in sorted(_LISTS) for item in _items(value.get(key)) if isinstance(item, str)]
    remote = [item for item in listed if not _is_here(posixpath.normpath(posixpath.join(folder, item)), paths)]
    parts = frozenset(
        place
        for key in changing
        for name in _files(value[key])
        if (place := posixpath.normpath(posixpath.join(folder, name))) in paths
    )
    if changing:
        return Kustomization(path, f"it builds with {', '.join(changing)[:200]}", parts)
    return Kustomization(path, f"{remote[0][:200]} is not in the repository" if remote else "", parts)


def _items(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _files(value: Any) -> list[str]:
    """The texts of one line inside a field: each may name a file."""
    found, waiting = [], [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, str):
            found += [each] if "\n" not in each and len(each) <= LONGEST_PATH else []
        elif isinstance(each, list):
            waiting += each
        elif isinstance(each, dict):
            waiting += each.values()
    return found


def _is_here(place: str, paths: Collection[str]) -> bool:
    return place in paths or any(f"{place}/{name}" in paths for name in NAMES)
