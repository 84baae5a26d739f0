"""What the product uses of the subject: a module is test code only where nothing but tests and examples imports it.

The import statements decide, and what else loads code: a module by its name, a file by its path, a folder on the search
path, an entry point. Everything that the product reaches is the product's, through any number of steps, and wherever it
stands.
"""

from __future__ import annotations

import posixpath
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from pathlib import PurePosixPath

from strictreal.collect.python.role import role
from strictreal.facts.code import Imports, Load

ROOTS = frozenset({"src", "lib", "python"})
"""Folders that projects put on the module search path."""
MAX_PARTS = 30
"""Parts of a dotted name that are followed."""
MAX_PLACES = 50
"""Places of one top-level name that are looked at."""
_SETUP = frozenset({"setup.py", "conf.py", "noxfile.py"})


class Modules:
    """The Python modules of a subject by the names that they are imported by.

    Args:
        paths: every Python file.
        folders: folders that the subject puts on the search path.
    """

    def __init__(self, paths: Iterable[str], folders: Iterable[str] = ()) -> None:
        self._files: dict[str, str] = {}
        self._folders: set[str] = set()
        for path in sorted(paths):
            stem = posixpath.splitext(path)[0]
            self._files.setdefault(stem.removesuffix("/__init__"), path)
            for folder in PurePosixPath(path).parents:
                self._folders.add(folder.as_posix())
        self._tops: dict[str, list[str]] = {}
        for stem in sorted({*self._files, *self._folders}):
            above, _, name = stem.rpartition("/")
            self._tops.setdefault(name, []).append(above or ".")
        self._added = [folder for folder in sorted(set(folders)) if folder in self._folders]
        self._added += sorted(f for f in self._folders if f.rpartition("/")[2] in ROOTS)
        self._known: dict[tuple[str, str], tuple[str, ...]] = {}

    def found(self, name: str, importer: str) -> tuple[str, ...]:
        """The files that importing `name` in `importer` runs: packages, then the module; nothing when it is not there."""
        folder = posixpath.dirname(importer) or "."
        key = (name, folder)
        if key not in self._known:
            self._known[key] = self._found(name, folder)
        return self._known[key]

    def named(self, name: str, importer: str, members: int = 0) -> tuple[str, ...]:
        """What `found` gives, where the name is one of a module, and of nothing else.

        Args:
            members: how many of its last parts may be a class, function or attribute of the module, from 0.
        """
        parts = name.split(".")
        for length in range(len(parts), max(len(parts) - members, 1 if len(parts) == 1 else 2) - 1, -1):
            inner = "/".join(parts[:length])
            found = self.found(".".join(parts[:length]), importer)
            if found and f"/{posixpath.splitext(found[-1])[0]}".removesuffix("/__init__").endswith(f"/{inner}"):
                return found
        return ()

    def has_top(self, name: str) -> bool:
        """Whether a top-level name is one of the subject's, at its root or in a folder of the search path."""
        return not {".", *self._added}.isdisjoint(self._tops.get(name.partition(".")[0], ()))

    def _found(self, name: str, folder: str) -> tuple[str, ...]:
        dots = len(name) - len(name.lstrip("."))
        parts = [part for part in name.split(".") if part][:MAX_PARTS]
        if dots:
            base = PurePosixPath(folder)
            for _ in range(min(dots - 1, MAX_PARTS)):
                base = base.parent
            own = self._files.get(base.as_posix())
            return tuple(dict.fromkeys([*([own] if own else []), *self._walk(base.as_posix(), parts)[0]]))
        above = [folder, *(p.as_posix() for p in PurePosixPath(folder).parents)]
        above.sort(key=lambda place: place in self._files)  # the inside of a package is searched only by a script in it
        best: tuple[list[str], int] = ([], 0)
        for root in dict.fromkeys([*above, *self._added]):
            found, depth = self._walk(root, parts)
            if found and depth > best[1]:
                best = found, depth
        if not best[0]:
            for root in self._tops.get(parts[0] if parts else "", ())[:MAX_PLACES]:
                found, depth = self._walk(root, parts)
                if found and depth > max(best[1], 1):
                    best = found, depth
        return tuple(best[0])

    def _walk(self, root: str, parts: list[str]) -> tuple[list[str], int]:
        """The files on the way, and how many parts of the name lead to a file."""
        found: list[str] = []
        stem, depth = root, 0
        for index, part in enumerate(parts, 1):
            stem = part if stem == "." else f"{stem}/{part}"
            if stem in self._files:
                found.append(self._files[stem])
                depth = index
            elif stem not in self._folders:
                break
        return found, depth


class Uses:
    """Which modules the product reaches, as more and more of them become known.

    Args:
        roles: what each Python file is there for, by its place.
        modules: how they are found.
    """

    def __init__(self, roles: Mapping[str, str], modules: Modules) -> None:
        self._roles = dict(roles)
        self._modules = modules
        self._names: dict[str, list[str]] = {}
        self.product: set[str] = {path for path, role in roles.items() if role == "product"}
        self.by: dict[str, str] = {}
        """Why a file is the product's although its place says otherwise: the file that uses it."""
        self._waiting = deque(sorted(self.product))
        self._computed = False
        self._mentions: list[tuple[str, str]] = []

    def add(self, imports: Iterable[Imports], loads: Iterable[Load]) -> None:
        """What some modules import and load by name."""
        changed: set[str] = set()
        for found in imports:
            ignored = set(found.typing)
            self._names.setdefault(found.path, []).extend(name for name in found.names if name not in ignored)
            changed.add(found.path)
        for load in loads:
            if load.kind == "name":
                self._names.setdefault(load.path, []).append(load.target)
                changed.add(load.path)
            elif load.kind == "computed" or (load.kind == "start" and not load.target):
                self._computed |= load.path in self.product
            elif load.kind == "mention" and posixpath.basename(load.path) not in _SETUP:
                self._mentions.append((load.path, load.target))
        self._waiting += sorted(changed & self.product)

    def reach(self, path: str, by: str = "") -> None:
        """Take a file for the product's, since `by` uses it."""
        if path not in self.product:
            self.product.add(path)
            self.by[path] = by
            self._waiting.append(path)

    def follow(self) -> set[str]:
        """Every file that is the product's although its place says otherwise, and that is known by now."""
        while self._waiting:
            self._follow_one(self._waiting.popleft())
            if not self._waiting and self._computed:
                self._follow_mentions()
        return {path for path in self.product if self._roles.get(path, "product") != "product"}

    def _follow_mentions(self) -> None:
        """A name that is worked out while running may be any that the product writes down, but for a list of tests."""
        for path, name in self._mentions:
            found = self._modules.named(name, path, 2) if path in self.product else ()
            if found and role(posixpath.basename(found[-1])) == "product":
                self._reach_all(found, path)

    def _follow_one(self, importer: str) -> None:
        for name in self._names.get(importer, ()):
            self._reach_all(self._modules.found(name, importer), importer)

    def _reach_all(self, paths: Iterable[str], by: str) -> None:
        for path in paths:
            self.reach(path, by)


def candidates(path: str, importer: str) -> Iterator[str]:
    """Where in the subject a path may lead: `//` from its root, else from there, the importing file or a folder above."""
    if path.startswith("//"):
        yield posixpath.normpath(path[2:])
    elif not path.startswith("/"):
        above = PurePosixPath(importer).parents
        for folder in dict.fromkeys([".", *(p.as_posix() for p in above)]):
            inner = posixpath.normpath(posixpath.join(folder, path))
            if inner != ".." and not inner.startswith("../"):
                yield inner
