"""Programs and packages of the machine, never of the subject: a relative entry of PATH may mean the audited folder."""

from __future__ import annotations

import importlib.metadata
import os
import shutil
from functools import cache


def search_path() -> str:
    """PATH without its relative entries."""
    return os.pathsep.join(folder for folder in os.get_exec_path() if os.path.isabs(folder))


def find(name: str) -> str:
    """The absolute path of a program, or "" when there is none."""
    return shutil.which(name, path=search_path() or os.devnull) or ""


@cache
def package_version(name: str) -> str:
    """The version of an installed package, or "" when there is none."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ""
