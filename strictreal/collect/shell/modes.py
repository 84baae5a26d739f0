"""The modes of a shell that decide which failures end a script: POSIX and the Bash manual, "The Set Builtin"."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass
class Modes:
    """What is in force at one place of a script.

    Attributes:
        errexit: whether a command that fails ends the script.
        pipefail: whether a pipe fails with any part of it.
        cleared: whether `set +e` did away with errexit.
    """

    errexit: bool
    pipefail: bool
    cleared: bool = False

    def set_by(self, words: Sequence[str]) -> None:
        """Take in what a command sets, if it is one that does."""
        if words[:1] == ["set"]:
            self.set(words[1:])
        elif words[:1] == ["shopt"] and "pipefail" in words:
            self.pipefail = any(word.startswith("-s") for word in words)

    def set(self, options: Sequence[str]) -> None:
        """Take in the words of `set`, or of the first line of a script: `-euo pipefail`, `+e`, `-o errexit`."""
        for index, word in enumerate(options):
            on = word.startswith("-")
            if not on and not word.startswith("+"):
                continue
            letters = word[1:]
            name = options[index + 1] if letters.endswith("o") and index + 1 < len(options) else ""
            if "e" in letters or name == "errexit":
                self.errexit, self.cleared = on, not on
            if name == "pipefail":
                self.pipefail = on
