"""Waivers and the gate: what is new or gone is told, none covers most of a subject, and none lasts too long."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest
from gates import Files, changes, collected
from subjects import READING, audit, lay

from strictreal.facts.gate import WaiverFile, WaiverProblem
from strictreal.model import Gap, Inventory, Waiver
from strictreal.subject import MAX_FILE_BYTES

WAIVER = """[[waiver]]
check = "code.env-access"
fingerprint = "5c1f"
reason = "The launcher must read PATH before the settings exist."
approver = "ada@example.org"
expires = 2027-01-31
"""
UNCONFIGURED = Inventory(of="Configuration", count=0)


def test_a_new_waiver_is_told_and_a_removed_one_tightens(tmp_path: Path):
    with_waiver: Files = {"waivers.toml": WAIVER}
    [(name, was, now, tightens)] = changes(tmp_path / "added", {}, with_waiver)
    assert (name[:7], was, "launcher" in now, tightens) == ("waiver.", "", True, False)
    [(name, was, now, tightens)] = changes(tmp_path / "removed", with_waiver, {})
    assert (name[:7], "launcher" in was, now, tightens) == ("waiver.", True, "", True)


def test_a_waiver_that_moves_in_its_file_is_no_change(tmp_path: Path):
    assert changes(tmp_path, {"waivers.toml": WAIVER}, {"waivers.toml": "# moved\n\n" + WAIVER}) == []


def test_a_waiver_that_lives_longer_is_another_waiver(tmp_path: Path):
    found = changes(tmp_path, {"waivers.toml": WAIVER}, {"waivers.toml": WAIVER.replace("2027", "2037")})
    assert sorted(tightens for *_, tightens in found) == [False, True]


def test_waivers_become_facts_and_what_is_none_a_problem(tmp_path: Path):
    facts = collected(tmp_path, {"waivers.toml": WAIVER + "\n[[waiver]]\n"})
    assert [type(fact) for fact in facts] == [Inventory, WaiverFile, Waiver, WaiverProblem, Inventory]


def test_without_a_file_of_waivers_there_is_nothing_to_judge(tmp_path: Path):
    assert collected(tmp_path, {}) == [Inventory(of="WaiverFile", count=0), UNCONFIGURED]


def test_a_file_of_waivers_that_cannot_be_read_is_a_gap(tmp_path: Path):
    inventory, missing, _ = collected(tmp_path, {"waivers.toml": b"#" * (MAX_FILE_BYTES + 1)})
    assert inventory == Inventory(of="WaiverFile", count=1)
    assert isinstance(missing, Gap)
    assert missing.reason == f"larger than {MAX_FILE_BYTES} bytes (bound: file size)"


def test_a_waiver_for_more_than_half_of_the_subject_is_a_problem(tmp_path: Path):
    source = {f"src/m{number}.py": "" for number in range(9)}
    text = WAIVER.replace('fingerprint = "5c1f"', 'paths = "src/*"\ncount = 9')
    facts = collected(tmp_path / "many", {**source, "waivers.toml": text})  # and a.py
    [problem] = [fact.problem for fact in facts if isinstance(fact, WaiverProblem)]
    assert problem == "paths 'src/*' cover 9 of the 11 files: name the folder or the files"
    few = dict(list(source.items())[:5])
    facts = collected(tmp_path / "few", {**few, "waivers.toml": text})
    assert [type(fact) for fact in facts if isinstance(fact, (Waiver, WaiverProblem))] == [Waiver]


# How long a waiver lasts.


def lasting(days: int) -> str:
    last = datetime.datetime.now(datetime.UTC).date() + datetime.timedelta(days=days)
    return WAIVER.replace("2027-01-31", last.isoformat()).replace(
        'fingerprint = "5c1f"', 'paths = "worker.py"\ncount = 1'
    )


@pytest.mark.parametrize(
    ("days", "configuration", "outcomes"),
    [
        (80, "", ("waived", "proven")),
        (100, "", ("failed", "failed")),
        (100, "waiver_days = 120", ("waived", "proven")),
        (20, "waiver_days = 10", ("failed", "failed")),
        (-1, "", ("failed", "failed")),
    ],
)
def test_a_waiver_lasts_no_longer_than_the_configuration_allows(
    tmp_path: Path, days: int, configuration: str, outcomes: tuple[str, str]
):
    files = {"worker.py": READING, "waivers.toml": lasting(days), "strictreal.toml": configuration}
    only = ("--check", "code.env-access", "--check", "gate.waivers")
    run = audit(lay(tmp_path / "subject", files), *only, output=tmp_path / "evidence")
    assert (run.outcomes["code.env-access"], run.outcomes["gate.waivers"]) == outcomes
    if days > 90 and not configuration:
        [told] = [each["message"] for each in run.document["findings"] if each["check"] == "gate.waivers"]
        assert "which is too long" in told
