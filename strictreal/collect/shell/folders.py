"""The folder that a script is in after the commands that change it, from the root of the repository."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Sequence

MOVING = ("cd", "pushd", "popd", "chdir")
_ROOT = re.compile(
    r"\"?(?:\$\{?(?:GITHUB_WORKSPACE|CI_PROJECT_DIR|BUILD_SOURCESDIRECTORY|BITBUCKET_CLONE_DIR|CIRCLE_WORKING_DIRECTORY|TRAVIS_BUILD_DIR)\}?"
    r"|\$\(\s{0,9}git\s+rev-parse\s+--show-toplevel\s{0,9}\)|\$\{\{\s{0,9}github\.workspace\s{0,9}\}\})\"?/?"
)
"""Names of the folder that a repository is checked out to."""


def after(moves: Iterable[Sequence[str]]) -> str:
    """The folder after some commands; "." is that where the script began, or the root by one of its names.

    Args:
        moves: the words of each, with an argument that is worked out elsewhere as it is written.
    """
    folder, last, kept = ".", ".", list[str]()
    for words in moves:
        given = [word for word in words[1:] if word not in {"--", "-P", "-L", "-q", "-n"}]
        if words[0] == "popd":
            folder, last = (kept.pop() if kept else "."), folder
            continue
        if words[0] == "pushd":
            kept.append(folder)
        target = given[0] if given else "~"
        if target == "-":
            folder, last = last, folder
        elif _ROOT.fullmatch(target):
            folder, last = ".", folder
        else:
            folder, last = posixpath.normpath(posixpath.join(folder, target)), folder
    return folder
