"""The plugin: checks are pytest tests, and `pytest checks/` says what `strictreal audit` says."""

from __future__ import annotations

import ast
import json
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import msgspec
import pytest
from subjects import Run, audit, lay

from strictreal import config, gather, suite
from strictreal.cache import Cache
from strictreal.check import load
from strictreal.errors import SuiteError
from strictreal.evidence import factfiles
from strictreal.model import Gap, Observation, Outcome, Result
from strictreal.plugin import judge_folder
from strictreal.session import Session

CHECKS = suite.root() / "checks"
KNOWN = load(CHECKS)
FILES: dict[str, str | bytes] = {
    "worker.py": 'import os\n\nBROKER = os.getenv("BROKER")\n',
    "clean.py": "def double(number):\n    return 2 * number\n",
    "waivers.toml": '[[waiver]]\ncheck = "code.env-access"\n',
}
"""Two checks fail on it: a variable is read outside the settings, and a waiver is not well formed."""

RECORDING = """
import json, sys
import msgspec, pytest
from strictreal.plugin import Recorder
recorder = Recorder()
code = pytest.main(sys.argv[1:], plugins=[recorder])
print("RESULTS", json.dumps([int(code), msgspec.to_builtins(list(recorder.results.values())), recorder.broken]))
"""


@pytest.fixture(scope="module")
def subject(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return lay(tmp_path_factory.mktemp("subject"), FILES)


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory, subject: Path) -> Path:
    """The fact files of the subject and of all specimens."""
    folder = tmp_path_factory.mktemp("facts")
    settings = config.settings({"HOME": str(tmp_path_factory.mktemp("home"))})
    request = gather.Request(path=subject)
    gather.collect(request, gather.open_subject(request), folder, settings=settings)
    return folder


def pytested(*arguments: str | Path, checks: Path = CHECKS, cwd: Path) -> tuple[int, dict[str, dict[str, Any]], str]:
    """What `pytest checks/` records: its exit code, results by check id, and what it printed."""
    command = [sys.executable, "-c", RECORDING, checks, "-o", f"cache_dir={cwd / 'cache'}", *arguments]
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    printed, _, recorded = done.stdout.rpartition("RESULTS ")
    code, results, _ = json.loads(recorded)
    return code, {result["check"]: result for result in results}, printed + done.stderr


def told(results: dict[str, dict[str, Any]]) -> dict[str, tuple[str, int, str]]:
    return {id: (found["outcome"], found["examined"], found.get("reason", "")) for id, found in results.items()}


def test_pytest_and_audit_give_the_same_outcomes(subject: Path, tmp_path: Path):
    run: Run = audit(subject, output=tmp_path / "evidence")
    code, results, _ = pytested("--subject", subject, cwd=tmp_path)
    audited = {each["check"]: (each["outcome"], each["examined"], each["reason"]) for each in run.document["outcomes"]}
    assert told(results) == audited
    assert (run.code, code) == (1, 1)
    assert audited["code.env-access"] == ("failed", 2, "1 finding")
    assert audited["gate.waivers"][0] == "failed"


def test_workers_of_xdist_give_the_same_outcomes(facts: Path, tmp_path: Path):
    alone = pytested("--facts", facts, cwd=tmp_path)
    together = pytested("--facts", facts, "-n", "2", cwd=tmp_path)
    assert (alone[0], alone[1]) == (together[0], together[1])
    assert set(alone[1]) == set(KNOWN)


def test_workers_of_xdist_share_what_one_of_them_collected(subject: Path, tmp_path: Path):
    chosen = "code.env-access or code.stub or gate.waivers"
    _, alone, _ = pytested("--subject", subject, "-k", chosen, cwd=tmp_path)
    _, results, printed = pytested("--subject", subject, "-n", "3", "-k", chosen, cwd=tmp_path)
    assert told(results)["code.env-access"] == ("failed", 2, "1 finding")
    assert told(results) == told(alone)
    assert "worker.py:3:10: os.getenv" in printed


@pytest.mark.parametrize("workers", ["0", "2"])
def test_a_run_without_checks_collects_nothing(tmp_path: Path, workers: str):
    """The subject cannot be collected, and nobody notices until a check is judged."""
    (tmp_path / "test_own.py").write_text("def test_own():\n    assert 1 + 1 == 2\n")
    nowhere = ("--subject", tmp_path / "nowhere", "-n", workers)
    code, _, printed = pytested(*nowhere, checks=tmp_path / "test_own.py", cwd=tmp_path)
    assert (code, "1 passed" in printed) == (0, True)
    code, _, printed = pytested(*nowhere, "-k", "code.stub or code.fake or code.fallback", cwd=tmp_path)
    assert code == 1
    assert printed.count("nowhere: ") >= 3


def test_k_chooses_by_id_and_by_name(facts: Path, tmp_path: Path):
    _, by_id, _ = pytested("--facts", facts, "-k", "code.env-access", cwd=tmp_path)
    _, by_name, _ = pytested("--facts", facts, "-k", KNOWN["code.env-access"].judge.__name__, cwd=tmp_path)
    assert list(by_id) == list(by_name) == ["code.env-access"]


def test_x_stops_at_the_first_failure(facts: Path, tmp_path: Path):
    _, results, _ = pytested("--facts", facts, "-x", cwd=tmp_path)
    assert [found["outcome"] for found in results.values()].count("failed") == 1


def test_lf_runs_what_failed_last(facts: Path, tmp_path: Path):
    _, first, _ = pytested("--facts", facts, cwd=tmp_path)
    _, again, _ = pytested("--facts", facts, "--lf", cwd=tmp_path)
    assert set(again) == {id for id, found in first.items() if found["outcome"] in {"failed", "error"}}
    assert "code.env-access" in again


def test_junit_tells_failures_and_skips_with_their_reasons(facts: Path, tmp_path: Path):
    _, results, _ = pytested("--facts", facts, f"--junitxml={tmp_path / 'junit.xml'}", cwd=tmp_path)
    cases = {case.get("name"): case for case in ET.parse(tmp_path / "junit.xml").iter("testcase")}  # noqa: S314
    assert set(cases) == {KNOWN[id].judge.__name__ for id in results}
    for id, found in results.items():
        case = cases[KNOWN[id].judge.__name__]
        failure, skipped = case.find("failure"), case.find("skipped")
        assert (failure is not None) == (found["outcome"] in {"failed", "error"})
        assert (skipped is not None) == (found["outcome"] in {"not applicable", "not-proven"})
        if skipped is not None:
            assert found["reason"] in str(skipped.get("message"))


def test_what_is_not_proven_fails_in_strict_mode_and_is_skipped_otherwise(tmp_path: Path):
    lay(tmp_path, {"subject/odd.py": "def ("})
    arguments = ("--subject", tmp_path / "subject", "-k", "code.env-access")
    lenient, _, _ = pytested(*arguments, cwd=tmp_path)
    strict, results, _ = pytested(*arguments, "--strict-real", cwd=tmp_path)
    assert (lenient, strict) == (0, 1)
    assert results["code.env-access"]["outcome"] == "not-proven"


# The suite itself.


@pytest.mark.parametrize("kind", ["bad", "good"])
def test_a_check_without_a_specimen_is_a_collection_error(facts: Path, tmp_path: Path, kind: str):
    checks = Path(shutil.copytree(CHECKS, tmp_path / "checks"))
    shutil.rmtree(checks / "specimens" / "code.env-access" / kind)
    code, results, printed = pytested("--facts", facts, checks=checks, cwd=tmp_path)
    assert code == pytest.ExitCode.INTERRUPTED
    assert "code.env-access" not in results
    assert f"code.env-access has no {kind} specimen: put one into" in printed
    with pytest.raises(SuiteError, match=f"code.env-access has no {kind} specimen"):
        judge_folder(facts, checks=checks)


def returning_nothing(checks: Path, id: str) -> None:
    """Replace the body of a check's function by one that returns nothing."""
    check = KNOWN[id]
    path = checks / f"{check.judge.__module__.rpartition('.')[2]}.py"
    module = ast.parse(path.read_text())
    [function] = [
        node for node in module.body if isinstance(node, ast.FunctionDef) and node.name == check.judge.__name__
    ]
    function.body = [ast.Return(ast.Tuple([], ast.Load()))]
    path.write_text(ast.unparse(ast.fix_missing_locations(module)))


@pytest.fixture(scope="module")
def shown() -> dict[tuple[str, str], list[Observation]]:
    """The facts of all specimens, by check id and kind."""
    with Session(Cache(None)) as session:
        return gather.collect_specimens(CHECKS, session)


@pytest.mark.parametrize("id", KNOWN)
def test_a_check_fails_on_a_subject_like_its_specimen_and_returning_nothing_is_not_proven_there(
    shown: dict[tuple[str, str], list[Observation]], tmp_path: Path, id: str
):
    factfiles.write(tmp_path, shown[id, "bad"], shown)
    whole = judge_folder(tmp_path, only=(id,)).results[id]
    assert whole.outcome is Outcome.FAILED or (whole.outcome is Outcome.NOT_PROVEN and "no opa binary" in whole.reason)
    checks = Path(shutil.copytree(CHECKS, tmp_path / "checks"))
    returning_nothing(checks, id)
    broken = judge_folder(tmp_path, only=(id,), checks=checks).results[id]
    assert broken.outcome is Outcome.NOT_PROVEN
    unread = [
        fact.where.path for observation in shown[id, "bad"] for fact in observation.facts if isinstance(fact, Gap)
    ]
    nothing = unread and broken.reason.startswith(tuple(filter(None, unread)))
    wanted = "it found nothing on its bad specimen" if whole.outcome is Outcome.FAILED else whole.reason
    assert broken.reason == wanted or nothing


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("def test_plain():\n    assert True\n", "is not a check; declare it with @check"),
        ("def test_forgotten(accesses):\n    yield\n", "fixture 'accesses' not found|'yield' keyword"),
        ("import nowhere\n", "No module named 'nowhere'"),
        ("raise SystemExit\n", "SystemExit"),
    ],
)
def test_a_file_of_the_suite_that_holds_no_check_is_refused(facts: Path, tmp_path: Path, text: str, problem: str):
    checks = Path(shutil.copytree(CHECKS, tmp_path / "checks"))
    lay(checks, {"test_other.py": text})
    with pytest.raises(SuiteError, match=problem):
        judge_folder(facts, checks=checks)


def test_a_test_file_among_the_specimens_is_never_imported(facts: Path, tmp_path: Path):
    checks = Path(shutil.copytree(CHECKS, tmp_path / "checks"))
    marker = tmp_path / "executed"
    trap = f"open({str(marker)!r}, 'w')\n"
    specimen = checks / "specimens" / "code.env-access" / "bad"
    lay(specimen, {"test_trap.py": trap, "conftest.py": trap, "__init__.py": trap})
    judge_folder(facts, checks=checks, only=("code.env-access",))
    pytested("--facts", facts, checks=checks, cwd=tmp_path)
    assert not marker.exists()


def test_nothing_around_the_suite_is_picked_up(facts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    marker = tmp_path / "executed"
    trap = f"open({str(marker)!r}, 'w')\n"
    lay(tmp_path, {"conftest.py": trap, "pytest.ini": "[pytest]\naddopts = -k nothing\n", "trap.py": trap})
    checks = Path(shutil.copytree(CHECKS, tmp_path / "inner" / "checks"))
    lay(tmp_path / "inner", {"conftest.py": trap, "checks/conftest.py": trap, "tox.ini": "[pytest]\naddopts = -x\n"})
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTEST_ADDOPTS", "-k nothing --no-such-option")
    monkeypatch.setenv("PYTEST_PLUGINS", "trap")
    assert set(judge_folder(facts, checks=checks).results) == set(KNOWN)
    assert not marker.exists()


def test_facts_that_do_not_decode_are_an_error_and_not_a_pass(facts: Path, tmp_path: Path):
    damaged = Path(shutil.copytree(facts, tmp_path / "facts"))
    (damaged / factfiles.FACTS).write_bytes(b"{}\n")
    with pytest.raises(SuiteError, match=r"facts\.jsonl:1: not an observation"):
        judge_folder(damaged)


def test_only_the_checks_asked_for_are_run(facts: Path):
    assert list(judge_folder(facts, only=("gate.waivers",)).results) == ["gate.waivers"]


def test_results_keep_their_findings_across_processes(facts: Path, tmp_path: Path):
    here = judge_folder(facts).results
    _, there, _ = pytested("--facts", facts, "-n", "2", cwd=tmp_path)
    assert {id: msgspec.convert(found, Result) for id, found in there.items()} == here
