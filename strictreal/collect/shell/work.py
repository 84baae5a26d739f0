"""The bound of the work on one script, counted in steps, so that it is the same on every machine."""

from __future__ import annotations

MAX_WORK = 4_000_000
"""Steps that a script may take with the scripts in its strings, or all scripts of one Makefile, Dockerfile or pipeline together:
characters that are looked at, and conditions of ways."""


class Work:
    """The steps that are left."""

    def __init__(self, most: int = MAX_WORK) -> None:
        self.left = most

    def spend(self, steps: int) -> None:
        """Take some.

        Raises:
            ValueError: none are left.
        """
        self.left -= steps
        if self.left < 0:
            raise ValueError(f"takes more than {MAX_WORK} steps to follow (bound: work on a script)")
