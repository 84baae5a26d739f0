"""Sources that stand in one text, each under a line with its name."""

from __future__ import annotations

MARK = "## "
"""What the line with a name begins with."""


def named(text: str) -> dict[str, str]:
    """The sources of a text by name.

    Raises:
        ValueError: two of them have the same name.
    """
    found: dict[str, str] = {}
    for part in text.strip().removeprefix(MARK).split(f"\n{MARK}"):
        name, _, source = part.partition("\n")
        if name in found:
            raise ValueError(f"two cases are called {name!r}")
        found[name] = source + "\n"
    return found
