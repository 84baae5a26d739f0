"""Which files of a chart's folder Helm passes over: .helmignore, by the rules of Helm's own `ignore` package."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from strictreal.engines.helm import HelmFailure

_DEFAULTS = "templates/.?*"


@dataclass(frozen=True)
class Rule:
    """One line of a .helmignore.

    Attributes:
        whole: whether the whole path must match, not just the last name.
        folders: whether it is about folders only.
        negated: whether everything that it does not match is passed over.
    """

    pattern: re.Pattern[str]
    whole: bool
    folders: bool
    negated: bool

    def decides(self, path: str, *, folder: bool) -> bool:
        """Whether the path is passed over because of this rule."""
        matches = bool(self.pattern.fullmatch(path if self.whole else path.rsplit("/", 1)[-1]))
        if self.negated:
            return (self.folders and not folder) or not matches
        return matches and (folder or not self.folders)


@lru_cache(maxsize=64)
def rules(text: str) -> tuple[Rule, ...]:
    """The rules of a .helmignore, and the one that Helm adds.

    Raises:
        HelmFailure: a line is one that Helm does not take.
    """
    return tuple(_rule(line.strip()) for line in (*text.splitlines(), _DEFAULTS) if line.strip()[:1] not in ("", "#"))


def _rule(line: str) -> Rule:
    if "**" in line:
        raise HelmFailure(".helmignore: double-star (**) syntax is not supported")
    try:
        _glob(line)
    except _BadPattern:
        raise HelmFailure(f".helmignore: {line[:100]!r}: syntax error in pattern") from None
    negated = line.startswith("!")
    line = line.removeprefix("!")
    folders = line.endswith("/")
    line = line.removesuffix("/")
    try:
        pattern = _glob(line.removeprefix("/"))
    except _BadPattern:
        pattern = re.compile(r"(?!)")  # what is left of `\\/` matches nothing
    return Rule(pattern, "/" in line, folders, negated)


class _BadPattern(ValueError):
    pass


def _glob(glob: str) -> re.Pattern[str]:
    """A pattern of Go's filepath.Match as a regular expression."""
    parts: list[str] = []
    position = 0
    while position < len(glob):
        if glob[position] == "*":
            parts.append("[^/]*")
        elif glob[position] == "?":
            parts.append("[^/]")
        elif glob[position] == "[":
            part, position = _class(glob, position + 1)
            parts.append(part)
            continue
        else:
            position += glob[position] == "\\"
            if position >= len(glob):
                raise _BadPattern
            parts.append(re.escape(glob[position]))
        position += 1
    return re.compile("".join(parts), re.DOTALL)


def _class(glob: str, position: int) -> tuple[str, int]:
    """A class of characters, from behind its `[`, and the position behind its `]`."""
    negated = glob.startswith("^", position)
    position += negated
    ranges: list[tuple[str, str]] = []
    while not (ranges and glob.startswith("]", position)):
        low, position = _character(glob, position)
        high = low
        if glob.startswith("-", position):
            high, position = _character(glob, position + 1)
        ranges.append((low, high))
    inside = "".join(f"{re.escape(low)}-{re.escape(high)}" for low, high in ranges if low <= high)
    nothing = "(?s:.)" if negated else "(?!)"
    return f"[{'^' if negated else ''}{inside}]" if inside else nothing, position + 1


def _character(glob: str, position: int) -> tuple[str, int]:
    if glob[position : position + 1] in ("", "-", "]"):
        raise _BadPattern
    position += glob[position] == "\\"
    if position + 1 >= len(glob):
        raise _BadPattern
    return glob[position], position + 1


def kept(files: dict[str, bytes]) -> dict[str, bytes]:
    """The files of a chart's folder that Helm loads.

    Raises:
        HelmFailure: its .helmignore cannot be read.
    """
    said = rules(files.get(".helmignore", b"").decode(errors="replace").removeprefix("\ufeff"))
    passed: dict[str, bool] = {}

    def ignored(path: str, *, folder: bool) -> bool:
        if path not in passed:
            parent = path.rpartition("/")[0]
            above = bool(parent) and ignored(parent, folder=True)
            passed[path] = above or any(rule.decides(path, folder=folder) for rule in said)
        return passed[path]

    return {path: data for path, data in files.items() if not ignored(path, folder=False)}
