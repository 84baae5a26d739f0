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
"""Modules of one suite."""
MAX_SUITES = 2_000
_TOO_MANY = f"it needs more than {MAX_MODULES} modules (bound: linked modules)"

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
    index = _Index(units, documents)
    wanted = [unit for unit in sorted(units, key=lambda u: u.path) if unit.path in tested]
    bound = f"there are more than {MAX_SUITES} files of tests (bound: suites)"
    rest = [Suite(unit.path, "", (unit.path,), (), problem=bound) for unit in wanted[MAX_SUITES:]]
    return [*map(index.suite, wanted[:MAX_SUITES]), *rest]


class _Index:
    """Modules by every beginning of their package, so that a reference finds them without looking at all."""

    def __init__(self, units: Sequence[Unit], documents: Sequence[Document]) -> None:
        self._documents = documents
        self._by_package: dict[str, list[Unit]] = {}
        self._below: dict[str, list[Unit]] = {}
        for unit in units:
            self._by_package.setdefault(unit.package, []).append(unit)
            for beginning in list(beginnings(unit.package))[:-1]:
                self._below.setdefault(beginning, []).append(unit)

    def suite(self, unit: Unit) -> Suite:
        """What a module leads to, in the smallest folder where nothing is missing."""
        roots = _ancestors(unit.path)
        best = self._closure(unit, next(roots))
        for root in roots:
            if not best.missing:
                break
            found = self._closure(unit, root)
            if len(found.missing) < len(best.missing):
                best = found
        return best

    def _modules(self, reference: str, root: str) -> Iterator[Unit]:
        """Modules below a root whose package a reference leads into, or that lie below the reference."""
        groups = [self._by_package.get(beginning, ()) for beginning in beginnings(reference)]
        for group in (*groups, self._below.get(reference, ())):
            yield from (unit for unit in group if _below(unit.path, root))

    def _closure(self, unit: Unit, root: str) -> Suite:
        """What `unit` leads to inside a root."""
        data = [(d.path, prefix(d.path, root), d.keys) for d in self._documents if _below(d.path, root)]
        loaded: dict[str, Unit] = {unit.path: unit}
        used: dict[str, tuple[str, ...]] = {}
        missing: set[str] = set()
        seen: set[tuple[str, str]] = set()
        waiting = [unit]
        while waiting:
            current = waiting.pop()
            for reference in (current.package, *current.refers):
                asked = (reference, _folder(current.path) if reference == current.package else "")
                if asked in seen:
                    continue
                seen.add(asked)
                parts = tuple(reference.split("."))
                named = [(path, at) for path, at, keys in data if any(_overlap((*at, key), parts) for key in keys)]
                used.update(named)
                found = bool(named)
                for other in self._modules(reference, root):
                    found = True
                    if len(loaded) > MAX_MODULES:
                        return Suite(unit.path, root, (unit.path,), (), problem=_TOO_MANY)
                    if other.path not in loaded and (not other.tests or _shares(other, reference, current)):
                        loaded[other.path] = other
                        waiting.append(other)
                if not found:
                    missing.add(reference)
        unread = sorted(f"{other.path}: {other.problem}" for other in loaded.values() if other.problem)
        return Suite(
            unit.path,
            root,
            tuple(sorted(loaded)),
            tuple(sorted(used.items())),
            tuple(sorted(missing)),
            unread[0] if unread else "",
        )


def beginnings(path: str) -> Iterator[str]:
    """`a`, `a.b`, `a.b.c` for `a.b.c`."""
    parts = path.split(".")
    return (".".join(parts[:length]) for length in range(1, len(parts) + 1))


def _shares(tests: Unit, reference: str, current: Unit) -> bool:
    """Whether another file of tests holds what `current` refers to by name, or stands beside it in its package."""
    if reference == current.package == tests.package:
        return _folder(tests.path) == _folder(current.path)
    return f"{reference}.".startswith(tests.package + ".")


def _folder(path: str) -> str:
    return path.rpartition("/")[0]


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


class DataError(ValueError):
    """Data documents that cannot be loaded together."""


def merge(documents: Iterable[tuple[tuple[str, ...], object]]) -> dict[str, object]:
    """One `data` document from several, each at its place.

    Raises:
        DataError: two of them give the same path different values.
    """
    merged: dict[str, object] = {}
    for at, value in documents:
        wrapped = value
        for key in reversed(at):
            wrapped = {key: wrapped}
        if not isinstance(wrapped, dict):
            raise DataError("a data document at the root must be a mapping")
        _merge(merged, wrapped, "data")
    return merged


def _merge(into: dict[str, object], more: dict[str, object], where: str) -> None:
    for key, value in more.items():
        present = into.get(key)
        if isinstance(present, dict) and isinstance(value, dict):
            _merge(present, value, f"{where}.{key}")
        elif key in into and present != value:
            raise DataError(f"two data documents give {where}.{key} different values")
        else:
            into[key] = value
