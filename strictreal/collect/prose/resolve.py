"""Which files of a subject a name may denote."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable

import msgspec

from strictreal.facts.claims import Mention

MAX_FOUND = 20


class Paths:
    """The files and folders of one tree, found by the ends of their paths; upper and lower case are the same.

    Args:
        files: every path of the tree.
        root: the name of the tree's own folder, with which documents may begin a path.
        unseen: a folder that is not listed and of whose files nothing can be said.
    """

    def __init__(self, files: Iterable[str], root: str = "", unseen: str = "") -> None:
        self._unseen = unseen.casefold() + "/" if unseen else ""
        self._exact: dict[str, str] = {}
        self._folders: dict[str, str] = {}
        self._by_name: dict[str, list[str]] = {}
        self._root = root.casefold()
        for path in sorted(files):
            self._exact[path.casefold()] = path
            self._by_name.setdefault(path.rsplit("/", 1)[-1].casefold(), []).append(path)
            folder = path.rpartition("/")[0]
            while folder and folder.casefold() not in self._folders:
                self._folders[folder.casefold()] = folder
                self._by_name.setdefault(folder.rsplit("/", 1)[-1].casefold() + "/", []).append(folder)
                folder = folder.rpartition("/")[0]

    def resolve(self, mention: Mention, document: str) -> Mention:
        """The mention with the paths that it may denote, named by the document at path `document`."""
        name = mention.text
        if self._unseen and f"{name}/".casefold().startswith(self._unseen):
            return msgspec.structs.replace(mention, role="aside")
        if mention.kind == "symbol":
            return msgspec.structs.replace(mention, found=tuple(self._module(name)))
        beside = posixpath.normpath(posixpath.join(posixpath.dirname(document), name))
        if beside.startswith(".."):
            beside = ""
        plain = posixpath.normpath(name).removeprefix("./")
        places = (plain, beside, plain.partition("/")[2] if plain.partition("/")[0].casefold() == self._root else "")
        known = self._folders if mention.kind == "folder" else self._exact
        exact = [known[place.casefold()] for place in places if place.casefold() in known]
        found = exact or self._ending(plain, folder=mention.kind == "folder")
        slash = "/" * (mention.kind == "folder")
        unique = tuple(dict.fromkeys(path + slash for path in found))
        return msgspec.structs.replace(mention, found=unique[:MAX_FOUND], exact=bool(exact))

    def _ending(self, name: str, *, folder: bool) -> list[str]:
        while name.startswith("../"):
            name = name[3:]
        last = name.rsplit("/", 1)[-1].casefold() + "/" * folder
        tail = "/" + name.casefold()
        return [path for path in self._by_name.get(last, ()) if ("/" + path.casefold()).endswith(tail)]

    def _module(self, dotted: str) -> list[str]:
        """The module that a dotted name denotes: the name itself, or what it is an attribute of."""
        parts = dotted.split(".")
        for length in (len(parts), len(parts) - 1):
            path = "/".join(parts[:length])
            if length > 1 and (
                found := self._ending(path + ".py", folder=False) or self._ending(path + "/__init__.py", folder=False)
            ):
                return found
        return []
