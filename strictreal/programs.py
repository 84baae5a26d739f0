"""Programs of the machine, never of the subject: a relative entry of PATH may mean the audited folder."""

from __future__ import annotations

import os
import shutil


def search_path() -> str:
    """PATH without its relative entries."""
    return os.pathsep.join(folder for folder in os.get_exec_path() if os.path.isabs(folder))


def find(name: str) -> str:
    """The absolute path of a program, or "" when there is none."""
    return shutil.which(name, path=search_path() or os.devnull) or ""
