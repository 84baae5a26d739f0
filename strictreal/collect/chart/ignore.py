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
    negated = line.startswith("!")
    line = line.removeprefix("!")
    folders = line.endswith("/")
    line = line.removesuffix("/")
    return Rule(_glob(line.removeprefix("/")), "/" in line, folders, negated)


def _glob(glob: str) -> re.Pattern[str]:
    """A pattern of Go's filepath.Match as a regular expression."""
    parts: list[str] = []
    position = 0
    while position < len(glob):
        character = glob[position]
        position += 1
        if character == "*":
            parts.append("[^/]*")
        elif character == "?":
            parts.append("[^/]")
        elif character == "[":
            closed = glob.find("]", position + 1)
            if closed < 0:
                raise HelmFailure(".helmignore: syntax error in pattern")
            inside = glob[position:closed].replace("\\", "\\\\").replace("[", "\\[")
            parts.append(f"[{inside}]")
            position = closed + 1
        else:
            if character == "\\" and position < len(glob):
                character, position = glob[position], position + 1
            parts.append(re.escape(character))
    try:
        return re.compile("".join(parts), re.DOTALL)
    except re.error as error:
        raise HelmFailure(f".helmignore: syntax error in pattern: {error}") from None


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
