"""`sprint status` shows what is proven of this tree: no other tree's bundle, none that was put back, none of a base."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from subjects import Run, commit, strictreal

ROADMAP = """
id: demo
title: Demo
source: README.md
sprints:
  - id: s1
    title: One
    goal: No stubs.
    criteria:
      - id: no-stubs
        text: There are no stubs.
        checks: [code.stub]
"""
STUB = 'def pay(amount: int) -> None:\n    """Charge the card."""\n    raise NotImplementedError\n'
CLEAN = "def double(number: int) -> int:\n    return 2 * number\n"


@pytest.fixture
def subject(tmp_path: Path) -> Path:
    commit(tmp_path / "subject", {"a.py": CLEAN, "README.md": "demo", "sprints/demo.yaml": ROADMAP})
    return tmp_path / "subject"


def audited(subject: Path, *more: str) -> Run:
    return strictreal("audit", subject, *more)


def status(subject: Path, *more: object) -> Run:
    return strictreal("sprint", "status", subject, *more)


def test_a_bundle_of_this_tree_proves_its_criteria_and_one_of_an_earlier_tree_does_not(subject: Path):
    audited(subject)
    assert " proven " in status(subject).output
    (subject / "a.py").write_text(STUB)
    said = status(subject)
    assert "of another tree" in said.errors
    assert "not proven" in said.output


def test_a_stub_that_the_base_revision_has_too_is_not_proven_to_be_absent(subject: Path):
    commit(subject, {"a.py": STUB})
    assert audited(subject, "--since", "HEAD", "--check", "code.stub").code == 0
    audited(subject, "--since", "HEAD")
    said = status(subject)
    assert "waived" in said.output
    assert "1 known at the base revision" in said.output
    bundle = max((subject / "evidence/runs").iterdir())
    assert "only what changed since HEAD" in strictreal("evidence", "verify", bundle).output


def test_evidence_that_was_put_back_is_refused(subject: Path, tmp_path: Path):
    audited(subject)
    shutil.copytree(subject / "evidence", tmp_path / "kept")
    (subject / "a.py").write_text(STUB)
    audited(subject)
    shutil.rmtree(subject / "evidence")
    shutil.copytree(tmp_path / "kept", subject / "evidence")
    (subject / "a.py").write_text(CLEAN)
    said = status(subject)
    assert said.code != 0
    assert "rolled back" in said.errors


def test_a_tracked_file_that_is_missing_is_not_passed_over(subject: Path):
    (subject / "a.py").unlink()
    run = strictreal("audit", subject, "--strict", "--check", "code.stub")
    assert run.code == 1
    assert "missing here" in run.output


def test_facts_of_another_lane_contradict_the_statement(subject: Path):
    audited(subject)
    bundle = max((subject / "evidence/runs").iterdir())
    facts = bundle / "facts.jsonl"
    assert b'"lane":"embedded"' in facts.read_bytes()
    facts.write_bytes(facts.read_bytes().replace(b'"lane":"embedded"', b'"lane":"kind"', 1))
    said = strictreal("evidence", "recheck", bundle)
    assert said.code != 0
