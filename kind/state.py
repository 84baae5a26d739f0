"""What the last `up` did, in a file that `status` and the audit read: versions, gates, overrides, images, seconds."""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kind.programs import Failure
from kind.settings import cache_dir


def file() -> Path:
    """Where it stands."""
    return cache_dir() / "state.json"


def read() -> dict[str, Any]:
    """Empty before the first `up`, and when a crash has left half a file."""
    try:
        found = json.loads(file().read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def record(**facts: Any) -> None:
    """Add facts; the file is there whole or as it was."""
    file().parent.mkdir(parents=True, exist_ok=True)
    new = file().with_suffix(".new")
    new.write_text(json.dumps({**read(), **facts}, indent=1, sort_keys=True) + "\n", "utf-8")
    new.replace(file())


def forget() -> None:
    """There is no cluster."""
    file().unlink(missing_ok=True)


@contextmanager
def alone() -> Iterator[None]:
    """One command at a time; the kernel lets go of the lock when its holder dies.

    Raises:
        Failure: another one is at work.
    """
    cache_dir().mkdir(parents=True, exist_ok=True)
    with (cache_dir() / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as taken:
            raise Failure("another command of kind/ is at work: wait for it") from taken
        yield
