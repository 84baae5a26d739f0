"""The audit as one JSON object; its shape is docs/schemas/audit-1.schema.json and changes only with its version."""

from __future__ import annotations

from typing import Any

from strictreal.model import Finding, Record

SCHEMA_VERSION = 1


def document(record: Record) -> dict[str, Any]:
    """The record as plain data, ready for JSON."""
    return {
        "schema": SCHEMA_VERSION,
        "subject": {
            "name": record.subject,
            "tree": record.tree,
            "commit": record.commit,
            "dirty": record.dirty,
            "left_out": record.left_out,
        },
        "lane": record.lane,
        "strict": record.strict,
        "since": record.since,
        "suite": record.suite,
        "only": list(record.only),
        "bundle": record.bundle,
        "signed": record.signed,
        "notes": list(record.notes),
        "exit_code": record.exit_code,
        "outcomes": [
            {"check": r.check, "outcome": r.outcome.value, "examined": r.examined, "reason": r.reason}
            for r in record.results
        ],
        "findings": [_finding(finding) for result in record.results for finding in result.findings],
        "sprint": record.sprint,
        "criteria": [
            {"id": c.id, "text": c.text, "status": c.status, "reason": c.reason, "checks": list(c.checks)}
            for c in record.criteria
        ],
    }


def _finding(finding: Finding) -> dict[str, Any]:
    where = finding.where
    return {
        "check": finding.check,
        "path": where.path,
        "line": where.line,
        "column": where.column,
        "resource": where.resource,
        "message": finding.message,
        "remedy": finding.remedy,
        "severity": finding.level.value,
        "fingerprint": finding.fingerprint,
        "waived": finding.waived,
        "known": finding.known,
    }
