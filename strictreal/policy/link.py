"""Which modules and data belong together: a test file, everything it refers to, and nothing else.

A repository may hold many policies that were never meant to be loaded at once. So each file of tests is linked on its
own: inside the smallest folder in which all its references can be resolved, with the modules and data documents of that
folder that they lead to. That folder is the root below which a data document's own folder is part of its path, as in
OPA.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass

MAX_MODULES = 500

DATA_FILES = ("data.json", "data.yaml", "data.yml")


@dataclass(frozen=True)
class Unit:
    """What linking needs to know of one module."""

    path: str
    package: str
    """Dotted, without `data.`."""
    refers: tuple[str, ...]
    """Dotted paths below `data` that it mentions."""
    tests: bool
    """Whether it is a file of tests, and no policy."""
    problem: str = ""
    """Why it could not be read, if it could not; what leads to it cannot be run."""


@dataclass(frozen=True)
class Document:
    """A data file and the keys at its top."""

    path: str
    keys: tuple[str, ...]


@dataclass(frozen=True)
class Suite:
    """What is loaded to run one file of tests."""

    test: str
    root: str
    modules: tuple[str, ...]
    """Paths, the test's own among them, in path order."""
    data: tuple[tuple[str, tuple[str, ...]], ...]
    """Data files, each with the path below `data` at which it belongs."""
    missing: tuple[str, ...] = ()
    """References that lead nowhere in the tree: data that is only there when the policy is deployed."""
    problem: str = ""
    """Why it cannot be run: it leads to a module that could not be read."""


def link(units: Sequence[Unit], documents: Sequence[Document], tested: Container[str]) -> list[Suite]:
    """One suite for each file whose path is in `tested`: those that hold tests; in path order."""
    return [suite(unit, units, documents) for unit in sorted(units, key=lambda u: u.path) if unit.path in tested]


def suite(unit: Unit, units: Sequence[Unit], documents: Sequence[Document]) -> Suite:
    """The suite of one module: itself and what it leads to."""
    best: Suite | None = None
    for root in _ancestors(unit.path):
        inside = [u for u in units if _below(u.path, root)]
        nearby = [d for d in documents if _below(d.path, root)]
        found = _closure(unit, root, inside, nearby)
        if not found.missing:
            return found
        if best is None or len(found.missing) < len(best.missing):
            best = found
    assert best is not None  # noqa: S101  (the root of the subject is always an ancestor)
    return best


def _closure(unit: Unit, root: str, units: Sequence[Unit], documents: Sequence[Document]) -> Suite:
    """What `unit` leads to inside a root."""
    by_package: dict[str, list[Unit]] = {}
    for other in units:
        by_package.setdefault(other.package, []).append(other)
    below = [(d.path, prefix(d.path, root), d.keys) for d in documents]
    loaded: dict[str, Unit] = {unit.path: unit}
    used: dict[str, tuple[str, ...]] = {}
    missing: set[str] = set()
    waiting = [unit]
    while waiting and len(loaded) <= MAX_MODULES:
        current = waiting.pop()
        for reference in (current.package, *current.refers):
            parts = tuple(reference.split("."))
            packages = [p for p in by_package if _overlap(tuple(p.split(".")), parts)]
            data = [(path, at) for path, at, keys in below if any(_overlap((*at, key), parts) for key in keys)]
            if not packages and not data:
                missing.add(reference)
            used.update(data)
            for other in (o for p in packages for o in by_package[p]):
                if other.path not in loaded and (not other.tests or _shares(other, reference, current)):
                    loaded[other.path] = other
                    waiting.append(other)
    unread = sorted(f"{other.path}: {other.problem}" for other in loaded.values() if other.problem)
    if waiting:
        unread.append(f"it needs more than {MAX_MODULES} modules (bound: linked modules)")
    return Suite(
        unit.path,
        root,
        tuple(sorted(loaded)),
        tuple(sorted(used.items())),
        tuple(sorted(missing)),
        unread[0] if unread else "",
    )


def _shares(tests: Unit, reference: str, current: Unit) -> bool:
    """Whether another file of tests holds what `current` refers to by name, or stands beside it in its package."""
    if reference == current.package == tests.package:
        return tests.path.rsplit("/", 1)[:-1] == current.path.rsplit("/", 1)[:-1]
    return f"{reference}.".startswith(tests.package + ".")


def prefix(path: str, root: str) -> tuple[str, ...]:
    """Where below `data` a document belongs: the folders between the root and it."""
    relative = path[len(root) + 1 :] if root else path
    return tuple(relative.split("/")[:-1])


def _overlap(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    shorter = min(len(one), len(other))
    return one[:shorter] == other[:shorter]


def _ancestors(path: str) -> Iterator[str]:
    parts = path.split("/")[:-1]
    for length in range(len(parts), -1, -1):
        yield "/".join(parts[:length])


def _below(path: str, root: str) -> bool:
    return not root or path.startswith(root + "/")


def merge(documents: Iterable[tuple[tuple[str, ...], object]]) -> dict[str, object]:
    """One `data` document from several, each at its place.

    Raises:
        ValueError: two of them give the same path different values.
    """
    merged: dict[str, object] = {}
    for at, value in documents:
        wrapped = value
        for key in reversed(at):
            wrapped = {key: wrapped}
        if not isinstance(wrapped, dict):
            raise ValueError("a data document at the root must be a mapping")  # noqa: TRY004
        _merge(merged, wrapped, "data")
    return merged


def _merge(into: dict[str, object], more: dict[str, object], where: str) -> None:
    for key, value in more.items():
        present = into.get(key)
        if isinstance(present, dict) and isinstance(value, dict):
            _merge(present, value, f"{where}.{key}")
        elif key in into and present != value:
            raise ValueError(f"two data documents give {where}.{key} different values")
        else:
            into[key] = value
