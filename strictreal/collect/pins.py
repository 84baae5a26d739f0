"""A requirements file, read as pip reads it: which packages it pins to one version, and which of its lines pin nothing."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from typing import NamedTuple

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from strictreal.errors import BoundExceeded

MAX_BYTES = 4 * 1024**2
MAX_LINE = 16 * 1024
"""Length in characters of a line with its continuations; one with the hashes of a hundred wheels has 10,000."""
_COMMENT = re.compile(r"(?:^|(?<=\s))#.*")
_SETTINGS = frozenset(
    """
    -i --index-url --extra-index-url --no-index -f --find-links --no-binary --only-binary --prefer-binary
    --require-hashes --pre --trusted-host --use-feature
    """.split()
)
"""Options that say where and how pip fetches; they ask for no package."""
_FILES = re.compile(r"(?:-r|-c|--requirement|--constraint)(?:\s{0,9}=\s{0,9}|\s{1,9}|(?<=-[rc]))(?P<path>\S.*)")


class Pin(NamedTuple):
    """One package at one version.

    Attributes:
        name: as PyPI compares names.
        line: where the requirement starts, from 1.
    """

    name: str
    version: Version
    line: int


class Loose(NamedTuple):
    """A line that asks for something without saying which version of it."""

    line: int
    text: str


class Pins(NamedTuple):
    """What a requirements file asks for."""

    pinned: tuple[Pin, ...]
    loose: tuple[Loose, ...]


def read(data: bytes, path: str, others: frozenset[str]) -> Pins:
    """The requirements of a file; what its environment markers say is left aside, so that each pin counts.

    Args:
        path: where the file lies, POSIX, from the root of the subject.
        others: paths of the files that are read as well, which this one may include.

    Raises:
        BoundExceeded: the file is longer than MAX_BYTES, or a line of it than MAX_LINE.
    """
    if len(data) > MAX_BYTES:
        raise BoundExceeded(f"the file has more than {MAX_BYTES} bytes (bound: size of a requirements file)")
    pinned: list[Pin] = []
    loose: list[Loose] = []
    for number, line in _lines(data.decode("utf-8-sig", errors="replace")):
        text = line.split(" --")[0].strip()  # options of one requirement, such as its hashes
        if line.startswith("-"):
            if not _is_setting(line, path, others):
                loose.append(Loose(number, line))
        elif pin := _pin(text, number):
            pinned.append(pin)
        else:
            loose.append(Loose(number, text))
    return Pins(tuple(pinned), tuple(loose))


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Lines with their continuations, without comments; each with the number of its first."""
    held: list[str] = []
    start, length = 1, 0
    for number, line in enumerate(re.split(r"\r\n|\r|\n", text), 1):
        if not held:
            start = number
        remark = line.lstrip().startswith("#")  # a remark ends a continuation, and cannot be continued
        held.append("" if remark else line.removesuffix("\\"))
        length = len(line) if len(held) == 1 else length + len(line)
        if length > MAX_LINE:
            raise BoundExceeded(f"line {start} has more than {MAX_LINE} characters (bound: length of a line)")
        if line.endswith("\\") and not remark:
            continue
        if whole := _COMMENT.sub("", "".join(held)).strip().replace("\t", " "):
            yield start, whole
        held = []
    if whole := _COMMENT.sub("", "".join(held)).strip().replace("\t", " "):
        yield start, whole


def _is_setting(line: str, path: str, others: frozenset[str]) -> bool:
    """Whether an option asks for no package, or includes a file that is read as well."""
    if found := _FILES.fullmatch(line):
        included = found["path"].strip().strip("'\"")
        return posixpath.normpath(posixpath.join(posixpath.dirname(path), included)) in others
    return re.split(r"[\s=]", line, maxsplit=1)[0] in _SETTINGS


def _pin(text: str, line: int) -> Pin | None:
    """The package and version of a requirement that allows one version only."""
    try:
        requirement = Requirement(text)
        exact = {Version(one.version) for one in requirement.specifier if one.operator in {"==", "==="}}
    except (InvalidRequirement, InvalidVersion):  # the latter also where all versions that start alike will do
        return None
    if len(exact) != 1 or requirement.url:
        return None
    return Pin(canonicalize_name(requirement.name), exact.pop(), line)
