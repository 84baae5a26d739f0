"""What of a tree without git was installed, cached or kept by version control, and is nobody's work there.

A name decides nothing: a folder called `venv` is an environment where `pyvenv.cfg` says so, and then only in the folders
that Python itself fills; a package is installed where its manifest lies beside it. Whatever else lies there is listed.
"""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

REASON = "a folder of dependencies, caches or version control"
MAX_MANIFEST_BYTES = 64 * 1024
"""Of the file that makes a folder an environment."""
_ENVIRONMENTS = frozenset({"venv", ".venv"})
_OF_ENVIRONMENTS = frozenset({".tox", ".nox"})
"""Folders of environments, one a session of tests."""
_FILLED = frozenset({"bin", "scripts", "include", "share", "etc", "man"})
"""What tools fill in an environment, beside its library; in lower case."""
_LIBRARIES = frozenset({"lib", "lib64"})
_INTERPRETER = re.compile(r"(?i)(?:python|pypy)[\d.]{0,10}t?|site-packages")
_ENVIRONMENT_FILES = frozenset({"pyvenv.cfg", ".gitignore", "cachedir.tag", ".lock"})
_OF_NODE = frozenset({".bin", ".cache", ".pnpm", ".store", ".vite", ".yarn"})
_VERSIONED = {".git": ("HEAD", "objects", "config"), ".hg": ("requires", "store"), ".svn": ("wc.db", "pristine")}
"""What a folder of version control has, be it damaged."""
_CACHES = {
    "__pycache__": (".pyc", ".pyo", ".nbi", ".nbc"),
    ".mypy_cache": (".json", ".ff", ".db", ".db-journal", ".gitignore", "cachedir.tag"),
    ".tox": (".log", ".json", ".zip", ".whl", ".gz", ".txt", ".lock"),
    ".nox": (".log", ".json", ".txt", ".lock"),
}
"""How files end that caches hold."""


class Sifted(NamedTuple):
    """Of one folder: which folders to go into, which files to list, and what is left out.

    Attributes:
        left_out: names of folders, or `.` where some of what lies in the folder itself is left out.
    """

    folders: list[str]
    files: list[str]
    left_out: list[str]


def sift(folder: str, folders: Sequence[str], files: Sequence[str]) -> Sifted:
    """Tell what was installed from what was written.

    Args:
        folder: the absolute path of the folder that holds them.
        folders: the names of the folders in it, and of links to folders.
        files: the names of the files in it.
    """
    above, name = posixpath.split(folder)
    gone: set[str] = set()
    if _is_environment(folder):
        gone.update(f for f in folders if f.lower() in _FILLED)
        gone.update(f for f in folders if f.lower() in _LIBRARIES and Path(folder, f).is_symlink())
        gone.update(f for f in files if f.lower() in _ENVIRONMENT_FILES)
    elif name.lower() in _LIBRARIES and _is_environment(above):
        gone.update(f for f in folders if _INTERPRETER.fullmatch(f))
    elif name == "node_modules" or (name.startswith("@") and posixpath.basename(above) == "node_modules"):
        gone.update(f for f in folders if f in _OF_NODE or Path(folder, f, "package.json").is_file())
        gone.update(f for f in files if f.startswith("."))
    else:
        endings = _cached(folder)
        gone.update(f for f in files if endings and f.lower().endswith(endings))
    versioned = {f for f in folders if f in _VERSIONED and _is_versioned(f"{folder}/{f}", f)}
    left = [f for f in folders if f not in gone | versioned]
    return Sifted(left, [f for f in files if f not in gone], [*(["."] if gone else []), *sorted(versioned)])


def _is_versioned(folder: str, name: str) -> bool:
    return any(os.path.lexists(f"{folder}/{inner}") for inner in _VERSIONED[name])


def _cached(folder: str) -> tuple[str, ...]:
    """How files end that the cache around a folder holds; nothing outside of caches."""
    caches = [part for part in folder.split("/") if part in _CACHES]
    return _CACHES[caches[-1]] if caches else ()


def _is_environment(folder: str) -> bool:
    """Whether a folder is a virtual environment of Python: PEP 405 asks for a `pyvenv.cfg` that says its `home`."""
    above, name = posixpath.split(folder)
    if name not in _ENVIRONMENTS and posixpath.basename(above) not in _OF_ENVIRONMENTS:
        return False
    try:
        descriptor = os.open(f"{folder}/pyvenv.cfg", os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            text = file.read(MAX_MANIFEST_BYTES)
    except OSError:
        return False
    return bool(re.search(rb"(?m)^\s{0,9}home\s{0,9}=", text))
