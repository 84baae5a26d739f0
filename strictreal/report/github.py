"""GitHub Actions workflow commands: one annotation a finding, then what is not proven."""

from __future__ import annotations

from collections.abc import Iterator

from strictreal.model import Outcome, Record, Severity
from strictreal.report import standing, visible

_COMMAND = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "notice"}


def commands(record: Record) -> Iterator[str]:
    """One line each, escaped so that a subject cannot smuggle in a command of its own."""
    if record.only:
        yield _line("notice", {"title": "strictreal"}, f"not a whole audit: only {', '.join(record.only)} ran")
    if known := sum(finding.known and not finding.waived for r in record.results for finding in r.findings):
        text = f"findings not shown: {known} that the base revision has too: --format json lists them"
        yield _line("notice", {"title": "strictreal"}, text)
    for result in record.results:
        for finding in filter(standing, result.findings):
            where = finding.where
            fields: dict[str, str | int] = {
                "file": where.path,
                "line": where.line,
                "col": where.column,
                "title": finding.check,
            }
            text = f"{finding.message}\n{finding.remedy}".strip()
            yield _line(_COMMAND[finding.level], fields, text)
        if result.outcome in {Outcome.NOT_PROVEN, Outcome.ERROR}:
            command = "error" if record.strict or result.outcome is Outcome.ERROR else "warning"
            yield _line(command, {"title": result.check}, f"{result.outcome.value}: {result.reason}")


def _line(command: str, fields: dict[str, str | int], message: str) -> str:
    properties = ",".join(f"{key}={_property(str(value))}" for key, value in fields.items() if value)
    text = "%0A".join(visible(line).replace("%", "%25") for line in message.split("\n"))
    return f"::{command} {properties}::{text}"


def _property(value: str) -> str:
    return visible(value).replace("%", "%25").replace(":", "%3A").replace(",", "%2C")
