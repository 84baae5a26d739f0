"""What scanners say as facts; and that a scanner which is absent, or has not looked, has proven nothing."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from strictreal.collect import supply
from strictreal.config import Config, settings
from strictreal.engines import trivy
from strictreal.facts.supply import ConfigurationScan, DependencyScan, DependencyVulnerability, Misconfiguration
from strictreal.gather import session
from strictreal.model import Absence, Fact, Gap, Inventory
from strictreal.subject import open_tree

LOCK = '{\n "packages": {\n  "node_modules/lefty": {},\n  "node_modules/left": {"version": "1.2.0"}\n }\n}\n'


@pytest.fixture
def subject(tmp_path: Path) -> Path:
    root = tmp_path / "subject"
    root.mkdir()
    (root / "requirements.lock").write_text("left==1.2.0 \\\n    --hash=sha256:00\nRight_Side==2\n")
    (root / "package-lock.json").write_text(LOCK)
    (root / "Dockerfile").write_text("FROM scratch\n")
    return root


def collected(root: Path, lane: str = "embedded", config: Config | None = None) -> list[Fact]:
    with session(settings({"HOME": str(root.parent)}), cached=False, lane=lane) as shared:
        return [fact for seen in supply.collect(open_tree(root), config or Config(), shared) for fact in seen.facts]


@pytest.fixture
def _no_scanner(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(Path(shutil.which("git") or "/usr/bin/git").parent))
    if shutil.which("trivy") or shutil.which("pip-audit"):
        pytest.skip("a scanner lies beside git")


@pytest.mark.usefixtures("_no_scanner")
def test_without_a_scanner_the_embedded_lane_says_that_nothing_was_looked_up(subject: Path):
    facts = collected(subject)
    assert {(fact.of, fact.reason) for fact in facts if isinstance(fact, Absence)} == {
        (unit, "neither trivy nor pip-audit is on the PATH: nothing was looked up") for unit in supply.UNITS
    }
    assert len(facts) == len(supply.UNITS)


@pytest.mark.usefixtures("_no_scanner")
def test_without_a_scanner_the_lane_of_the_cluster_has_a_gap_for_every_target(subject: Path):
    facts = collected(subject, "kind")
    gaps = {(fact.of, fact.path) for fact in facts if isinstance(fact, Gap)}
    assert gaps == {
        ("DependencyScan", "requirements.lock"),
        ("DependencyScan", "package-lock.json"),
        ("ConfigurationScan", ""),
        ("ImageScan", ""),
    }
    counted = {unit: sum(f.count for f in facts if isinstance(f, Inventory) and f.of == unit) for unit in supply.UNITS}
    assert counted == {"DependencyScan": 2, "ConfigurationScan": 1, "ImageScan": 1}


@pytest.mark.skipif(not shutil.which("pip-audit"), reason="pip-audit is not installed")
def test_a_package_that_pip_audit_did_not_find_is_a_gap_though_it_ends_with_success(subject: Path):
    (subject / "requirements.lock").write_text("this-was-never-published-anywhere==1\n")
    [gap] = [fact for fact in collected(subject) if isinstance(fact, Gap) and fact.path == "requirements.lock"]
    assert "did not look up 1 of 1 packages" in gap.reason or "pip-audit ended with" in gap.reason


def test_an_older_name_of_a_package_is_found_in_its_line(subject: Path):
    assert supply._line(open_tree(subject), "package-lock.json", "left") == 4
    assert supply._line(open_tree(subject), "package-lock.json", "absent") == 0


def test_only_names_and_versions_of_a_lock_file_are_asked_for():
    text = "--index-url=elsewhere\n-e .\nleft == 1.2.0 ; python_version > '3'\nRight_Side==2\nopen>=3\n# no==1\n"
    assert [found.groups() for found in supply.PINNED.finditer(text)] == [("left", "1.2.0"), ("Right_Side", "2")]


def test_a_report_that_tried_no_rule_is_no_scan():
    with pytest.raises(Exception, match="tried no rule"):
        list(supply._configuration(trivy.read(b'{"SchemaVersion":2}'), "trivy"))


def test_a_report_of_an_image_without_packages_is_no_scan():
    with pytest.raises(Exception, match="no package in the image"):
        list(supply._packages(trivy.read(b'{"SchemaVersion":2}'), "x:1", "trivy", "2026-11-20"))


def test_a_target_without_packages_was_not_examined():
    target = {"Target": "go.mod", "Class": "lang-pkgs", "Type": "gomod"}
    read = trivy.read(json.dumps({"SchemaVersion": 2, "Results": [target]}).encode())
    assert list(supply._dependencies(read, "trivy", "2026-11-20", lambda *_: 0)) == []


def test_findings_of_a_report_become_facts_with_their_places():
    rule = {"ID": "EX1", "Message": "m", "Resolution": "r", "Severity": "CRITICAL", "Status": "FAIL"}
    passed = rule | {"ID": "EX2", "Status": "PASS"}
    config = {
        "Target": "Dockerfile",
        "MisconfSummary": {"Successes": 2, "Failures": 1},
        "Misconfigurations": [rule, passed],
    }
    read = trivy.read(json.dumps({"SchemaVersion": 2, "Results": [config]}).encode())
    broken, scan = supply._configuration(read, "trivy 1")
    assert isinstance(broken, Misconfiguration)
    assert (broken.id, broken.path, broken.severity, broken.remedy) == ("EX1", "Dockerfile", "critical", "r")
    assert isinstance(scan, ConfigurationScan)
    assert scan.examined == 3


def test_a_vulnerability_lies_at_the_line_of_its_package(subject: Path):
    packages = [{"Name": "left", "Version": "1.2.0"}]
    known = [{"VulnerabilityID": "CVE-0", "PkgName": "left", "InstalledVersion": "1.2.0", "Severity": "CRITICAL"}]
    target = {"Target": "package-lock.json", "Class": "lang-pkgs", "Packages": packages, "Vulnerabilities": known}
    read = trivy.read(json.dumps({"SchemaVersion": 2, "Results": [target]}).encode())
    tree = open_tree(subject)
    scan, found = supply._dependencies(read, "trivy 1", "2026-11-20", lambda path, name: supply._line(tree, path, name))
    assert isinstance(scan, DependencyScan)
    assert scan.examined == 1
    assert isinstance(found, DependencyVulnerability)
    assert (found.where.line, found.severity, found.fixed) == (4, "critical", "")
