"""trivy and pip-audit: what they write is read, what they left out is put back, and what is no report is refused."""

from __future__ import annotations

import datetime
import json
from typing import Any

import pytest

from strictreal.engines import pip_audit, trivy
from strictreal.errors import StrictRealError, ToolMissing

VULNERABILITY = {
    "VulnerabilityID": "CVE-0000-0001",
    "PkgName": "left",
    "InstalledVersion": "1.2.0",
    "FixedVersion": "1.2.1",
    "Status": "fixed",
    "Severity": "CRITICAL",
    "Title": "left: reads beyond the end",
    "References": ["one"],
}
RULE = {
    "ID": "EX001",
    "Message": "runs as root",
    "Severity": "HIGH",
    "Status": "FAIL",
    "CauseMetadata": {"StartLine": 3},
}


def report(*results: dict[str, Any], **fields: Any) -> bytes:
    return json.dumps({"SchemaVersion": 2, "ArtifactName": "x", "Results": list(results)} | fields).encode()


def test_a_report_is_read_and_what_is_not_asked_for_is_passed_over():
    target = {
        "Target": "x (debian 12)",
        "Class": "os-pkgs",
        "Packages": [{"Name": "left", "Version": "1.2.0", "ID": "1"}],
    }
    [result] = trivy.read(report(target | {"Vulnerabilities": [VULNERABILITY]})).results or ()
    assert [package.name for package in result.packages or ()] == ["left"]
    [found] = result.vulnerabilities or ()
    assert (found.id, found.package, found.installed, found.fixed) == ("CVE-0000-0001", "left", "1.2.0", "1.2.1")
    assert found.severity == "CRITICAL"


@pytest.mark.parametrize("results", [None, []])
def test_a_report_without_results_has_none(results: list[object] | None):
    assert trivy.read(report(Results=results)).results == ()


def test_empty_lists_may_be_null():
    [result] = trivy.read(report({"Target": "x", "Packages": None, "Vulnerabilities": None})).results or ()
    assert (result.packages, result.vulnerabilities) == ((), ())


def test_what_a_comment_or_an_ignore_file_suppressed_is_put_back():
    suppressed = [
        {"Type": "vulnerability", "Status": "ignored", "Source": ".trivyignore", "Finding": VULNERABILITY},
        {"Type": "misconfiguration", "Status": "ignored", "Finding": RULE},
        {"Type": "secret", "Status": "ignored", "Finding": {"RuleID": "x"}},
    ]
    [result] = trivy.read(report({"Target": "x", "ExperimentalModifiedFindings": suppressed})).results or ()
    assert [one.id for one in result.vulnerabilities or ()] == ["CVE-0000-0001"]
    assert [(one.id, one.cause.start) for one in result.misconfigurations or ()] == [("EX001", 3)]


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "not understood"),
        (b"[]", "not understood"),
        (report(SchemaVersion=3), "schema version 3"),
        (report({"Class": "config"}), "missing required field `Target`"),
        (report({"Target": "x", "Vulnerabilities": [VULNERABILITY | {"Severity": "DIRE"}]}), "DIRE"),
        (
            report({"Target": "x", "ExperimentalModifiedFindings": [{"Type": "vulnerability", "Finding": {}}]}),
            "VulnerabilityID",
        ),
    ],
)
def test_what_is_no_report_of_the_known_format_is_refused(data: bytes, why: str):
    with pytest.raises(StrictRealError, match=why):
        trivy.read(data)


def test_the_version_tells_the_age_of_the_database_and_its_absence():
    said = b'{"Version":"0.70.0","VulnerabilityDB":{"Version":2,"UpdatedAt":"2026-11-20T06:24:35.123456789Z"}}'
    assert trivy.read_version(said).updated == datetime.datetime(2026, 11, 20, 6, 24, 35, 123457, datetime.UTC)
    assert trivy.read_version(b'{"Version":"0.70.0"}') == ("0.70.0", None)
    with pytest.raises(StrictRealError, match="not understood"):
        trivy.read_version(b"Version: 0.70.0")


def test_an_absent_program_is_said_to_be_absent(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ToolMissing, match="no trivy binary"):
        trivy.version(None)
    with pytest.raises(ToolMissing, match="no pip-audit"):
        pip_audit.audit({"left": "1.2.0"})


def test_what_pip_audit_found_and_what_it_skipped_are_told_apart():
    said = {
        "dependencies": [
            {"name": "left", "version": "1.2.0", "vulns": []},
            {
                "name": "right",
                "version": "2",
                "vulns": [{"id": "PYSEC-0", "fix_versions": ["3"], "aliases": ["CVE-0"]}],
            },
            {"name": "own", "skip_reason": "Dependency not found on PyPI and could not be audited: own (1)"},
        ],
        "fixes": [],
    }
    left, right, own = pip_audit.read(json.dumps(said).encode())
    assert (left.vulnerabilities, left.skipped) == ((), "")
    assert [(one.id, one.fixed) for one in right.vulnerabilities] == [("PYSEC-0", ("3",))]
    assert own.skipped


def test_an_answer_of_another_form_is_refused():
    with pytest.raises(StrictRealError, match="not understood"):
        pip_audit.read(b"No known vulnerabilities found")
