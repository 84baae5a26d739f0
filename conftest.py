"""What all tests of the repository share: names of cases that fit into an environment variable, and an interrupt that is heard."""

from __future__ import annotations

import signal

LONGEST = 200
"""Characters of a parameter that a test's name repeats; pytest hands the whole name to every process by its environment."""


def pytest_make_parametrize_id(val: object) -> str | None:
    """A short name for a long text and for bytes, which may hold the time; pytest numbers those that are alike."""
    if isinstance(val, bytes) and not val.isascii():
        return "bytes"
    return f"{len(val)} characters" if isinstance(val, (str, bytes)) and len(val) > LONGEST else None


if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # so it is in a shell's background, and for all that tests start
    signal.signal(signal.SIGINT, signal.default_int_handler)
