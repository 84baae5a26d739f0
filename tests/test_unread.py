"""What nobody read keeps "nowhere in the code" from being proven, until the configuration accepts it with a reason."""

from __future__ import annotations

from pathlib import Path

import pytest
from subjects import audit, commit, git, lay

CODE = ("code.env-access", "code.stub", "code.fake", "code.fallback", "code.hard-coded")
ASKED = [option for check in (*CODE, "tests.vacuous", "strict.evaded") for option in ("--check", check)]
MODULE = {"worker.py": "def double(x):\n    return 2 * x\n", ".env": "SOMABRAIN_STRICT_REAL=1\n"}
MODULE |= {"test_worker.py": "from worker import double\n\n\ndef test_it_doubles():\n    assert double(2) == 4\n"}


def not_proven(root: Path, output: Path) -> set[str]:
    """The checks that are not proven; all others are."""
    outcomes = audit(root, *ASKED, output=output).outcomes
    assert set(outcomes.values()) <= {"proven", "not-proven"}
    return {check for check, outcome in outcomes.items() if outcome == "not-proven"}


@pytest.mark.parametrize(
    ("files", "missed"),
    [
        ({}, set()),
        ({"run.sh": "echo\n"}, {"code.stub", "code.fake", "code.fallback"}),
        ({"core.c": "int x;\n"}, {"code.env-access", "code.stub", "code.fake", "code.fallback"}),
        ({"run.sh": "", "strictreal.toml": 'unread = [{ language = "shell", reason = "glue" }]\n'}, set()),
        ({"core.pyc": b"\0", "strictreal.toml": 'exclude = [{ path = "core.pyc", reason = "?" }]\n'}, set()),
        ({"core.pyc": b"\0"}, {*CODE, "tests.vacuous", "strict.evaded"}),
        ({"t/run.bats": ""}, {"code.stub", "code.fake", "code.fallback", "tests.vacuous"}),
    ],
)
def test_a_check_is_not_proven_where_what_it_looks_for_could_hide(
    tmp_path: Path, files: dict[str, str | bytes], missed: set[str]
):
    root = lay(tmp_path / "subject", MODULE | files)
    assert not_proven(root, tmp_path / "evidence") == missed


def test_accepting_a_language_is_a_change_of_the_gate_and_taking_that_back_is_none(tmp_path: Path):
    root, line = tmp_path / "subject", 'unread = [{ language = "shell", reason = "glue" }]\n'
    first = commit(root, MODULE | {"run.sh": "echo\n", "strictreal.toml": ""})
    second = commit(root, {"strictreal.toml": line})
    options = ("--check", "gate.loosened", "--since")
    [finding] = audit(root, *options, first, output=tmp_path / "evidence").document["findings"]
    assert "unread" in finding["message"]
    git(root, "checkout", "--quiet", first)
    assert audit(root, *options, second, output=tmp_path / "evidence").document["findings"] == []
