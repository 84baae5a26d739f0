"""Configuration of test runners that keeps tests from running: `--deselect`, `-k "not …"`, `--ignore` of tests.

Read are pytest.ini, pyproject.toml, tox.ini and setup.cfg. A selection by marker (`-m "not slow"`) is none: it names a
kind of test that another run takes. What is ignored counts only where it is called a test.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from strictreal.collect.subject import excluded
from strictreal.config import Config
from strictreal.facts.code import TestExclusion
from strictreal.model import Fact, Gap, Location, Observation
from strictreal.redact import redact
from strictreal.session import Session
from strictreal.subject import Tree

UNITS = ("TestFunction",)
MAX_BYTES = 1024 * 1024
"""Of one configuration file; a larger one is a gap."""
MAX_TEXT = 400
MAX_WHAT = 120
MAX_LINES = 60
"""Lines that one `addopts` may take."""
_FILES = re.compile(r"(?:^|/)(?:\.?pytest\.(?:ini|toml)|pyproject\.toml|tox\.ini|setup\.cfg)$")
_START = re.compile(r"\s*[\"']?addopts[\"']?\s*=\s*(?P<rest>.*)$")
_COMMENT = re.compile(r"\s*[#;]")
_OPTION = re.compile(
    r"(?P<how>--deselect|--ignore-glob|--ignore|--collect-only|--co\b|--suppress-tests-failed-exit-code|-k)"
    r"(?:[\s=\"',]{1,8}(?P<what>(?<=['\"])[^'\"\n]{1,200}|[^\s'\",\]]{1,200}))?"
)
_ALONE = frozenset({"--collect-only", "--co", "--suppress-tests-failed-exit-code"})


def collect(tree: Tree, config: Config, session: Session) -> Iterator[Observation]:
    """Every exclusion of the subject."""
    for entry in tree:
        if not _FILES.search(entry.path) or excluded(config, entry.path):
            continue
        facts: tuple[Fact, ...]
        try:
            data = tree.read(entry.path)
            if len(data) > MAX_BYTES:
                raise ValueError(f"is larger than {MAX_BYTES} bytes (bound: size of a test configuration)")
            facts = tuple(exclusions(entry.path, data.decode("utf-8-sig", errors="replace")))
        except Exception as error:
            reason = str(error).removeprefix(entry.path + ": ")
            facts = (Gap(of="TestFunction", where=Location(entry.path), reason=reason),)
        if facts:
            yield Observation(collector="testruns", source=entry.path, digest=tree.digests[entry.path], facts=facts)


def exclusions(path: str, text: str) -> Iterator[TestExclusion]:
    """What the options of one configuration file leave out, by line."""
    for number, line in _options(text.splitlines()):
        for found in _OPTION.finditer(line):
            how, what = found["how"], (found["what"] or "").strip()
            before = line[: found.start()]
            if before and before[-1] not in " \t\"'[,=":
                continue  # the end of another option
            if how in _ALONE or _excludes(how, what):
                where = Location(path, number, text=redact(line.strip(), MAX_TEXT))
                yield TestExclusion(where=where, how=how, what=redact(what)[:MAX_WHAT])


def _options(lines: list[str]) -> Iterator[tuple[int, str]]:
    """The lines of every `addopts`, with their numbers."""
    left, depth = 0, 0
    for number, line in enumerate(lines, 1):
        if started := _START.match(line):
            text, left = started["rest"], MAX_LINES
            depth = 2 if text.count('"""') % 2 or text.count("'''") % 2 else text.count("[") - text.count("]")
        elif left and (depth > 0 or re.match(r"\s+\S", line)):
            text, left = line, left - 1
            closed = '"""' in text or "'''" in text
            depth = 0 if closed and depth == 2 else depth - (text.count("]") - text.count("[") if depth == 1 else 0)
            if depth <= 0 and (closed or "]" in text):
                left = 0
        else:
            left = depth = 0
            continue
        if not _COMMENT.match(text):
            yield number, text


def _excludes(how: str, what: str) -> bool:
    """Whether an option leaves out tests, and not a folder of something else."""
    if how == "--deselect":
        return bool(what)
    if how == "-k":
        return bool(re.search(r"\bnot\b", what))
    return bool(re.search(r"(?i)(?:^|[/_.*-])tests?(?:[/_.*-]|$)", what))
