"""Waivers: dated, reasoned, approved exceptions, kept in one TOML file of the subject.

[[waiver]]
check = "code.env-access"
fingerprint = "5c1f…"            # of one finding, or: paths = "legacy/*" with count = 3
reason = "The launcher must read PATH before the settings exist."
approver = "ada@example.org"
expires = 2027-01-31              # UTC, this day included
"""

from __future__ import annotations

import datetime
import re
import tomllib
from collections.abc import Iterator
from typing import Any

from strictreal.model import Location, Waiver, shortened

MAX_WAIVERS = 1000
MAX_COUNT = 100_000
MAX_SHOWN = 100
_REQUIRED = ("check", "reason", "approver", "expires")
_KNOWN = (*_REQUIRED, "fingerprint", "paths", "count")
MIN_REASON_WORDS = 4
MIN_FIXED = 3
"""Letters and digits in a row, outside of wildcards and the ending, that make a pattern of names mean something."""
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\W_]+")
"""A word; in a script without spaces, a character."""
_EXCUSES = frozenset(
    "todo fixme wip tbd xxx hack temp temporary temporarily tmp later soon now for will fix fixed be it this that the a"
    " an to is in by of and needs legacy placeholder test testing na none no reason because ignore skip waived".split()
)
"""Words that say nothing of the matter: a reason needs others."""
_LETTERS = re.compile(r"[^\W_]")
_WILD = re.compile(r"\[!?\]?[^\]]*\]|[*?]")


def parse(path: str, data: bytes) -> Iterator[Waiver | tuple[Location, str]]:
    """Each entry as a waiver, or as the place and reason why it is none. Nothing is dropped in silence."""
    try:
        text = data.decode()
        table = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        yield Location(path), f"is not valid TOML: {error}"
        return
    entries = table.pop("waiver", [])
    for key in table:
        yield Location(path), f"unknown key {key!r}; a waiver is a [[waiver]] table"
    if not isinstance(entries, list):
        yield Location(path), "waiver must be an array of tables, [[waiver]]"
        return
    if len(entries) > MAX_WAIVERS:
        yield Location(path), f"file has {len(entries)} entries, more than {MAX_WAIVERS} (bound: waivers); none holds"
        return
    lines = [number for number, line in enumerate(text.split("\n"), 1) if line.split("#")[0].strip() == "[[waiver]]"]
    for index, entry in enumerate(entries):
        where = Location(path, lines[index] if len(lines) == len(entries) else 0)
        problem = _problem(entry)
        if problem:
            yield where, problem
        else:
            yield Waiver(
                where=where,
                check=entry["check"],
                reason=entry["reason"],
                approver=entry["approver"],
                expires=entry["expires"].isoformat(),
                fingerprint=entry.get("fingerprint", ""),
                paths=entry.get("paths", ""),
                count=entry.get("count", 1),
            )


def reasoned(reason: str) -> bool:
    """Whether a reason is one: a few different words, of which some speak of the matter."""
    words = {word.lower() for word in _WORD.findall(reason)}
    return len(words) >= MIN_REASON_WORDS and len(words - _EXCUSES) >= MIN_REASON_WORDS // 2


def unbounded(glob: str) -> bool:
    """Whether a glob says nothing of where: no folder or file has its whole name in it, nor a telling part of one.

    `*`, `**/*`, `?*`, `*.py`, `[!_]*` and `*/*.p?` do not; `legacy/*`, `*/migrations/*` and `*_pb2.py` do.
    """
    *folders, name = glob.split("/")
    parts = [*folders, name.partition(".")[0] if _WILD.search(name) else name]
    for part in parts:
        fixed = _WILD.split(part)
        whole = len(fixed) == 1 and part.strip(".")
        if whole or any(len("".join(_LETTERS.findall(piece))) >= MIN_FIXED for piece in fixed):
            return False
    return True


def _problem(entry: Any) -> str:
    if not isinstance(entry, dict):
        return "is not a table"
    if unknown := [key for key in entry if key not in _KNOWN]:
        return f"unknown key {unknown[0]!r}; known are {', '.join(_KNOWN)}"
    for key in _REQUIRED:
        if key not in entry:
            return f"{key} is missing"
    for key in ("check", "reason", "approver", "fingerprint", "paths"):
        if not isinstance(entry.get(key, ""), str):
            return f"{key} must be a string"
        if key in entry and not entry[key].strip():
            return f"{key} is empty"
    if type(entry["expires"]) is not datetime.date:
        return "expires must be a date without quotes, such as 2027-01-31"
    if ("fingerprint" in entry) == ("paths" in entry):
        return "exactly one of fingerprint and paths is needed"
    if "fingerprint" in entry and "count" in entry:
        return "count belongs to paths; a fingerprint covers one finding"
    count = entry.get("count")
    if "paths" in entry and (type(count) is not int or not 1 <= count <= MAX_COUNT):
        return f"paths needs count, the number of findings that it covers (1 to {MAX_COUNT})"
    if not reasoned(entry["reason"]):
        shown = shortened(entry["reason"], MAX_SHOWN)
        return f"reason {shown!r} is none: say in a sentence why the finding may stand"
    if "paths" in entry and unbounded(entry["paths"]):
        return f"paths {shortened(entry['paths'], MAX_SHOWN)!r} cover everything: name the folder or the files"
    if entry["check"].startswith("gate."):
        return "the gate's own checks cannot be waived"
    return ""
