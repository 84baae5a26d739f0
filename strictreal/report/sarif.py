"""SARIF 2.1.0, as code-scanning services read it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from strictreal import __version__
from strictreal.check import Check
from strictreal.model import Finding, Outcome, Record, Severity

MAX_RESULTS = 25_000
"""What a code-scanning service takes in one run; the rest is counted in a notification, errors come first."""
_ORDER = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.NOTE: 2}


def sarif(record: Record, checks: Mapping[str, Check]) -> dict[str, Any]:
    """One log of one run. Waived findings are suppressed, known ones unchanged, and what is not proven is notified."""
    findings = [finding for result in record.results for finding in result.findings]
    findings.sort(key=lambda f: (bool(f.waived), f.known, _ORDER[f.level], f.check, f.where.path, f.where.line))
    rules = [result.check for result in record.results]
    notifications = [
        {"level": "warning", "message": {"text": f"{r.check} is {r.outcome.value}: {r.reason}"}}
        for r in record.results
        if r.outcome in {Outcome.NOT_PROVEN, Outcome.ERROR}
    ]
    if record.only:
        text = f"not a whole audit: only {', '.join(record.only)} ran"
        notifications.insert(0, {"level": "note", "message": {"text": text}})
    if len(findings) > MAX_RESULTS:
        text = (
            f"{len(findings) - MAX_RESULTS} of {len(findings)} findings are not in this file, which holds {MAX_RESULTS}"
        )
        notifications.insert(0, {"level": "error", "message": {"text": text}})
    return {
        "$schema": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "strictreal",
                        "semanticVersion": __version__,
                        "properties": {"suite": record.suite},
                        "rules": [_rule(id, checks.get(id)) for id in rules],
                    }
                },
                "columnKind": "unicodeCodePoints",
                "properties": {"lane": record.lane, "strict": record.strict, "only": list(record.only)},
                "invocations": [
                    {
                        "executionSuccessful": all(r.outcome is not Outcome.ERROR for r in record.results),
                        "exitCode": record.exit_code,
                        "toolExecutionNotifications": notifications,
                    }
                ],
                "results": [_result(finding, rules.index(finding.check), record) for finding in findings[:MAX_RESULTS]],
            }
        ],
    }


def _rule(id: str, check: Check | None) -> dict[str, Any]:
    rule: dict[str, Any] = {"id": id, "name": id}
    if check:
        rule |= {
            "shortDescription": {"text": check.proves},
            "help": {"text": check.remedy},
            "defaultConfiguration": {"level": check.severity.value},
        }
    return rule


def _result(finding: Finding, index: int, record: Record) -> dict[str, Any]:
    where = finding.where
    place: dict[str, Any] = {"artifactLocation": {"uri": quote(where.path)}}
    if where.line:
        place["region"] = {"startLine": where.line}
        if where.column:
            place["region"]["startColumn"] = where.column
        if where.end_line >= where.line and where.end_column:
            place["region"] |= {"endLine": where.end_line, "endColumn": max(where.end_column, 1)}
    location: dict[str, Any] = {"physicalLocation": place}
    if where.resource:
        location["logicalLocations"] = [{"fullyQualifiedName": where.resource, "kind": "resource"}]
    result: dict[str, Any] = {
        "ruleId": finding.check,
        "ruleIndex": index,
        "level": finding.level.value,
        "message": {"text": f"{finding.message}\n{finding.remedy}".strip()},
        "locations": [location],
        "partialFingerprints": {"strictreal/v1": finding.fingerprint},
    }
    if record.since:
        result["baselineState"] = "unchanged" if finding.known else "new"
    if finding.waived:
        result["suppressions"] = [{"kind": "external", "justification": finding.waived}]
    return result
