"""Nothing is imported from the audited folder: it leaves Python's search path before anything else is looked for.

`python -m strictreal` puts the current folder first on that path, and so may PYTHONPATH; the current folder is mostly
the subject, and its `rich.py` or `yaml.py` would be run. This module imports only what every interpreter has loaded
already. What Python itself imports before the first line of strictreal (a `strictreal/` of the current folder under
`-m`, a `sitecustomize.py` on PYTHONPATH) is beyond its reach: the installed command, without PYTHONPATH, has neither.
"""

from __future__ import annotations

import os
import sys


def leave_out(folder: str | os.PathLike[str]) -> None:
    """Take every entry of `sys.path` at or below `folder` away, but the interpreter's own, such as of a `.venv` there.

    Relative entries, which mean the current folder, go in any case.
    """
    try:
        base = os.path.realpath(folder)
    except OSError:  # the current folder is gone
        base = ""
    sys.path[:] = [entry for entry in sys.path if os.path.isabs(entry) and not _inside(entry, base)]


def _inside(entry: str, base: str) -> bool:
    place = os.path.realpath(entry)
    if not base or not _at_or_below(place, base):
        return False
    own = (sys.prefix, sys.exec_prefix, sys.base_prefix, getattr(sys.modules.get("site"), "USER_BASE", None))
    homes = [home for prefix in own if prefix and _at_or_below(home := os.path.realpath(prefix), base)]
    return place == base or not any(place != home and _at_or_below(place, home) for home in homes)


def _at_or_below(place: str, base: str) -> bool:
    return place == base or place.startswith(base.rstrip("/") + "/")
