"""What scanners say as facts; and that a scanner which is absent, or has not looked, has proven nothing."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from packaging.version import Version

from strictreal.collect import pins, supply
from strictreal.config import Config, settings
from strictreal.engines import pip_audit, trivy
from strictreal.errors import BoundExceeded, StrictRealError
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


REQUIREMENTS = {
    "a plain pin": ("left==1.2.0", ["left 1.2"]),
    "extras": ("left[fast,small]==1.2", ["left 1.2"]),
    "arbitrary equality": ("left===1.2", ["left 1.2"]),
    "an indented line": ("   left == 1.2", ["left 1.2"]),
    "a continued line": ("left \\\n  ==1.2 \\\n --hash=sha256:00\n", ["left 1.2"]),
    "a remark in a continuation": ("left==1.2 \\\n    # via right\nright==2", ["left 1.2", "right 2"]),
    "a byte order mark": ("\ufeffleft==1.2", ["left 1.2"]),
    "a name in another spelling": ("Right_Side==2 # and why", ["right-side 2"]),
    "two versions by markers": (
        "left==1 ; python_version < '3'\nleft==2 ; python_version >= '3'",
        ["left 1", "left 2"],
    ),
    "settings and remarks": ("--index-url=elsewhere\n-i elsewhere\n--require-hashes\n# no==1\n\nleft==1", ["left 1"]),
    "a file that is read too": ("-r dev.txt\n--constraint=../constraints.txt\nleft==1", ["left 1"]),
    "line ends of other systems": ("left==1\r\nright==2\r", ["left 1", "right 2"]),
}
UNPINNED = (
    "left",
    "left>=1",
    "left==1.*",
    "left~=1.2",
    "left==1,==2",
    "left===latest",
    "-r other.txt",
    "--requirement other.txt",
    "-cother.txt",
    "-e .",
    "git+https://example.org/left.git",
    "left @ https://example.org/left.whl",
    "./left",
    "${LEFT}",
)


@pytest.mark.parametrize("name", REQUIREMENTS)
def test_every_pin_of_a_requirements_file_is_seen(name: str):
    text, pinned = REQUIREMENTS[name]
    found = pins.read(text.encode(), "requirements/a.txt", frozenset({"requirements/dev.txt", "constraints.txt"}))
    assert [(pin.name, pin.version) for pin in found.pinned] == [
        (one.split()[0], Version(one.split()[1])) for one in pinned
    ]
    assert not found.loose


@pytest.mark.parametrize("line", UNPINNED)
def test_a_line_that_pins_no_version_is_told(line: str):
    found = pins.read(f"# first\nleft==1\n{line}\n".encode(), "requirements.txt", frozenset({"requirements.txt"}))
    assert [(pin.name, pin.line) for pin in found.pinned] == [("left", 2)]
    assert found.loose == ((3, line),)


def test_a_file_or_line_above_its_bound_is_refused():
    for data in (b"a" * (pins.MAX_BYTES + 1), b"left \\\n" * pins.MAX_LINE):
        with pytest.raises(BoundExceeded, match="bound: "):
            pins.read(data, "requirements.txt", frozenset())


@pytest.mark.parametrize(
    "path", ["requirements/prod.txt", "a/requirements-dev.txt", "requirements.lock", "constraints.txt"]
)
def test_files_that_pip_reads_are_known_by_their_names(path: str):
    assert supply.PYTHON_LOCKS.search(path)
    assert not supply.PYTHON_LOCKS.search(path.rpartition(".")[0] + ".in")


def answered(*versions: tuple[str, str]) -> tuple[pip_audit.Dependency, ...]:
    """An answer in pip-audit's format, with a vulnerability in each package."""
    known = [{"name": n, "version": v, "vulns": [{"id": "EX-1", "fix_versions": ["9"]}]} for n, v in versions]
    return pip_audit.read(json.dumps({"dependencies": known}).encode())


def test_each_version_of_a_package_is_asked_for_and_lines_without_one_are_a_gap():
    found = pins.read(b"left==1;os_name=='nt'\nleft[x]==2\nright>=1\n", "prod.txt", frozenset())
    lines = {(pin.name, pin.version): pin.line for pin in found.pinned}
    rounds = supply._rounds(lines)
    assert [{name: str(version) for name, version in asked.items()} for asked in rounds] == [
        {"left": "1"},
        {"left": "2"},
    ]
    known = dict(
        pair for asked, v in zip(rounds, "12", strict=True) for pair in supply._known(asked, answered(("left", v)))
    )
    scan, *told = supply._pinned("prod.txt", lines, known, "pip-audit 2")
    assert isinstance(scan, DependencyScan)
    assert scan.examined == 2
    assert all(isinstance(fact, DependencyVulnerability) for fact in told)
    assert [(fact.package, fact.installed, fact.where.line) for fact in told] == [("left", "1", 1), ("left", "2", 2)]
    [gap] = supply._loose("prod.txt", found.loose)
    assert gap.reason == "1 lines pin no version, so there is nothing to look up: line 3, right>=1"
    assert list(supply._loose("prod.txt", ())) == []


@pytest.mark.parametrize(
    "answers", [(("left", "1"), ("other", "7")), (("left", "1"),), (("left", "1"), ("other", "?"))]
)
def test_an_answer_about_another_version_is_refused(answers: tuple[tuple[str, str], ...]):
    asked = {"left": Version("1"), "other": Version("2")}
    with pytest.raises(StrictRealError, match="did not look up 1 of 2 packages, other first"):
        list(supply._known(asked, answered(*answers)))


def test_an_answer_without_a_look_is_refused():
    skipped = b'{"dependencies": [{"name": "left", "skip_reason": "not found"}]}'
    with pytest.raises(StrictRealError, match="did not look up 1 of 1"):
        list(supply._known({"left": Version("1")}, pip_audit.read(skipped)))


def test_more_versions_of_a_package_than_the_bound_are_refused():
    versions = [("left", Version(str(number))) for number in range(supply.MAX_VERSIONS + 1)]
    with pytest.raises(BoundExceeded, match="left is pinned to more than"):
        supply._rounds(versions)


def test_a_configuration_file_on_which_no_rule_was_tried_is_a_gap():
    tried = {"MisconfSummary": {"Successes": 1, "Failures": 0}}
    results = [
        {"Target": "Dockerfile"} | tried,
        {"Target": "b/Dockerfile", "MisconfSummary": {}},
        {"Target": "infra"} | tried,
    ]
    read = trivy.read(json.dumps({"SchemaVersion": 2, "Results": results}).encode())
    given = ("Dockerfile", "b/Dockerfile", "c/Dockerfile-dev", "infra/main.tf", "other/main.tf")
    assert all(map(supply.ALONE.search, given))
    scan, *gaps = supply._configuration(read, "trivy", given)
    assert isinstance(scan, ConfigurationScan)
    assert [gap.path for gap in gaps if isinstance(gap, Gap)] == ["b/Dockerfile", "c/Dockerfile-dev", "other/main.tf"]


def test_what_is_beside_a_dockerfile_is_not_tried_alone():
    assert not any(map(supply.ALONE.search, ["Dockerfile.dockerignore", "values.yaml", "a.tfvars"]))


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
