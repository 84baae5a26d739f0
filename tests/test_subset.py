"""A run of some checks is never taken for an audit, whoever tells of it."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema_rs
import msgspec
import pytest
from subjects import Run, audit, lay, strictreal

from strictreal import sprint
from strictreal.evidence.recheck import recheck
from strictreal.facts.sprints import Criterion, Roadmap, Sprint
from strictreal.model import Gap, Location, Outcome, Result
from strictreal.plugin import results_of
from strictreal.sprint import State

ROOT = Path(__file__).resolve().parent.parent
SCHEMA = json.loads((ROOT / "docs" / "schemas" / "audit-1.schema.json").read_text())
ASKED = ("code.stub", "code.env-access")
NOT_WHOLE = "not a whole audit"
ROADMAP = """id: plan
title: A plan
source: Ada
sprints:
  - id: one
    title: One
    goal: The code is real.
    criteria:
      - id: real
        text: Nothing in the code is pretence.
        checks: ["code.*"]
"""


@pytest.fixture(scope="module")
def subject(tmp_path_factory: pytest.TempPathFactory) -> Path:
    files = {"worker.py": "def double(number):\n    return 2 * number\n", "sprints/plan.yaml": ROADMAP}
    return lay(tmp_path_factory.mktemp("subject"), files)


@pytest.fixture(scope="module")
def part(subject: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """One check asked for twice, and another."""
    options = [option for id in (*ASKED, ASKED[0]) for option in ("--check", id)]
    return audit(subject, "--sprint", "one", *options, output=tmp_path_factory.mktemp("evidence"))


def test_the_json_names_the_checks_that_were_asked_for(part: Run):
    assert part.document["only"] == list(ASKED)
    assert set(part.outcomes) == set(ASKED)
    assert [error.message for error in jsonschema_rs.Draft202012Validator(SCHEMA).iter_errors(part.document)] == []


def test_a_criterion_is_not_proven_by_some_of_its_checks(part: Run):
    assert set(part.outcomes.values()) == {"proven"}
    [criterion] = part.document["criteria"]
    assert criterion["status"] == "not proven"
    assert "code.fake did not run" in criterion["reason"]


@pytest.mark.parametrize(("form", "mark"), [("sarif", NOT_WHOLE), ("github", NOT_WHOLE), ("text", NOT_WHOLE)])
def test_every_report_says_that_it_is_of_a_part(subject: Path, tmp_path: Path, form: str, mark: str):
    run = strictreal("audit", subject, "--output", tmp_path, "--check", ASKED[0], "--format", form)
    assert f"{mark}: only {ASKED[0]}" in run.output
    if form == "sarif":
        [log] = run.document["runs"]
        assert log["properties"] == {"lane": "embedded", "strict": False, "only": [ASKED[0]]}


def test_the_statement_and_all_that_reads_it_say_so(part: Run):
    bundle = Path(part.document["bundle"])
    told = f"{NOT_WHOLE}, only {', '.join(ASKED)}: 2 proven"
    assert told in strictreal("evidence", "list", bundle.parents[2]).output
    verified = strictreal("evidence", "verify", bundle)
    assert verified.code == 0
    assert f"states: lane embedded, not strict, {told}" in verified.output
    shown = strictreal("evidence", "show", bundle)
    assert f"only {', '.join(ASKED)}: {NOT_WHOLE}" in shown.output
    assert strictreal("evidence", "show", bundle, "--json").document["statement"]["only"] == list(ASKED)
    whole = strictreal("evidence", "verify", bundle.parents[2])
    assert f"{NOT_WHOLE}: only {', '.join(ASKED)} ran" in whole.output


def test_a_sprint_is_not_shown_by_a_bundle_of_a_part(part: Run, subject: Path):
    shown = strictreal("sprint", "status", subject, "--output", Path(part.document["bundle"]).parents[2])
    assert "no bundle of a whole audit of this tree yet" in shown.output
    assert "not proven" in shown.output


def test_a_statement_that_asked_for_other_checks_than_it_tells_of_is_found_out(place):
    results = place.account.results[:2]
    only = (results[0].check,)
    receipt = place.record(account=msgspec.structs.replace(place.account, results=results, only=only))
    found = recheck(receipt.bundle, results_of)
    assert f"only {only[0]} were asked for, but the outcomes are of" in found.problems[0]


def test_a_check_of_the_suite_that_did_not_run_keeps_a_criterion_from_being_proven():
    criterion = Criterion(id="c", text="It holds.", checks=("a.*",))
    one = Sprint(id="s", title="S", goal="G", criteria=(criterion,))
    roadmap = Roadmap(where=Location("sprints/r.yaml"), id="r", title="R", source="X", sprints=(one,), sha256="")
    ran = [Result(check="a.one", outcome=Outcome.PROVEN, examined=1)]
    [found] = sprint.status([roadmap], ran, "embedded", ("a.one", "b.one"))
    assert found.state is State.PROVEN
    [found] = sprint.status([roadmap], ran, "embedded", ("a.one", "a.two"))
    assert (found.state, found.reason) == (State.NOT_PROVEN, "a.two did not run")


@pytest.mark.parametrize(("asked", "exercised"), [(("code.stub",), False), (("memory.ties",), True), ((), True)])
def test_a_system_is_run_only_for_checks_that_ask_for_it(asked, exercised, tmp_path):
    files = {"pyproject.toml": '[project]\nname = "elsewhere-memory"\n[project.scripts]\nsfm = "elsewhere:main"\n'}
    files["memory.proto"] = 'syntax = "proto3";\npackage sfm.memory.v1;\n'
    options = [option for id in asked for option in ("--check", id)]
    run = audit(lay(tmp_path / "subject", files), *options, output=tmp_path / "evidence")
    assert any("elsewhere-memory is not installed" in gap.reason for gap in run.all(Gap)) is exercised


def test_a_bundle_that_does_not_verify_proves_no_criterion(subject: Path, tmp_path: Path):
    run = audit(subject, "--sprint", "one", output=tmp_path)
    assert strictreal("sprint", "status", subject, "--output", tmp_path).code == 0
    results = Path(run.document["bundle"]) / "results.json"
    results.write_bytes(results.read_bytes().replace(b"proven", b"failed", 1))
    shown = strictreal("sprint", "status", subject, "--output", tmp_path)
    assert shown.code == 1
    assert "not verified, so it proves nothing" in shown.errors


def test_a_secret_in_a_reason_is_not_in_the_bundle(tmp_path: Path):
    token = "ghp_" + "16C7e42F292c6912E7710c838347Ae178B4b"
    config = f'[[exclude]]\npath = "vendor/*"\nreason = "audited upstream with token {token}"\n'
    lay(tmp_path / "subject", {"strictreal.toml": config, "vendor/a.py": "A = 1\n", "b.py": "B = 1\n"})
    run = audit(tmp_path / "subject", "--check", "code.stub", output=tmp_path / "evidence")
    files = [file for file in Path(run.document["bundle"]).rglob("*") if file.is_file()]
    assert files
    assert all(token.encode() not in file.read_bytes() for file in files)
