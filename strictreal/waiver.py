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
import tomllib
from collections.abc import Iterator
from typing import Any

from strictreal.model import Location, Waiver

MAX_WAIVERS = 1000
MAX_COUNT = 100_000
_REQUIRED = ("check", "reason", "approver", "expires")
_KNOWN = (*_REQUIRED, "fingerprint", "paths", "count")


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
    if entry["check"].startswith("gate."):
        return "the gate's own checks cannot be waived"
    return ""
