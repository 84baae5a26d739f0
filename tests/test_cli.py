"""The command line: exit codes, one-line errors, and output that a pipe can read."""

from __future__ import annotations

import json
import pty
import shutil
import subprocess
import sys
from pathlib import Path

import jsonschema_rs
import pytest
from subjects import STRICTREAL, Run, audit, commit, lay, strictreal

from strictreal import __version__, suite
from strictreal.check import load
from strictreal.facts.code import EnvAccess

ROOT = Path(__file__).resolve().parent.parent
SCHEMA = json.loads((ROOT / "docs" / "schemas" / "audit-1.schema.json").read_text())
READING = 'import os\n\nBROKER = os.getenv("BROKER")\n'
CLEAN = "def double(number):\n    return 2 * number\n"


def one_line(run: Run) -> str:
    """The message of a run that was refused."""
    assert run.output == ""
    [line] = run.errors.splitlines()
    return line


# Exit codes: pytest's.


def test_0_when_all_that_applies_is_proven(tmp_path: Path):
    run = audit(lay(tmp_path / "subject", {"a.py": CLEAN}), output=tmp_path)
    assert "failed" not in run.outcomes.values()
    assert run.outcomes["code.env-access"] == "proven"
    assert (run.code, run.document["exit_code"]) == (0, 0)


def test_1_when_there_are_findings(tmp_path: Path):
    run = audit(lay(tmp_path / "subject", {"a.py": READING}), output=tmp_path)
    assert (run.code, run.outcomes["code.env-access"]) == (1, "failed")


def test_1_when_something_is_not_proven_in_strict_mode_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    makefile = "test:\n\tSOMABRAIN_STRICT_REAL=1 pytest\n"
    subject = lay(tmp_path / "subject", {"a.py": CLEAN, "odd.py": "def (", "Makefile": makefile})
    only = ("--check", "code.env-access", "--check", "strict.evaded")
    assert audit(subject, *only, output=tmp_path / "1").code == 0
    assert audit(subject, *only, "--strict", output=tmp_path / "2").code == 1
    monkeypatch.setenv("SOMABRAIN_STRICT_REAL", "1")
    strict = audit(subject, *only, output=tmp_path / "3")
    outcomes = {"code.env-access": "not-proven", "strict.evaded": "proven"}
    assert (strict.code, strict.document["strict"], strict.outcomes) == (1, True, outcomes)


def test_1_when_nothing_at_all_is_proven_strict_or_not(tmp_path: Path):
    subject = lay(tmp_path / "subject", {"odd.py": "def ("})
    run = audit(subject, "--check", "code.env-access", "--check", "charts.render", output=tmp_path)
    assert run.outcomes == {"code.env-access": "not-proven", "charts.render": "not applicable"}
    assert (run.code, run.document["exit_code"]) == (1, 1)


def test_3_when_a_check_breaks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for part in ("strictreal", "checks", "rules", "policies", "sprints"):
        if (ROOT / part).is_dir():
            shutil.copytree(ROOT / part, tmp_path / "copy" / part)
    lay(tmp_path / "copy", {"checks/test_impure.py": IMPURE})
    specimens = tmp_path / "copy" / "checks" / "specimens"
    shutil.copytree(specimens / "code.env-access", specimens / "demo.impure")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "copy"))
    subject = lay(tmp_path / "subject", {"a.py": CLEAN})
    run = audit(subject, "--check", "demo.impure", "--check", "code.env-access", output=tmp_path)
    assert run.outcomes == {"code.env-access": "proven", "demo.impure": "error"}
    assert run.code == 3
    [reason] = [each["reason"] for each in run.document["outcomes"] if each["outcome"] == "error"]
    assert reason == "RuntimeError: demo.impure is not pure: it tried open '/etc/hostname'"


IMPURE = """
from strictreal.check import check
from strictreal.facts.code import EnvAccess
from strictreal.model import Facts


@check("demo.impure", proves="Nothing.", remedy="None.")
def test_impure(accesses: Facts[EnvAccess]):
    try:
        open("/etc/hostname")
    except Exception:
        pass
    for access in accesses:
        yield access.finding("is used")
"""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("audit", "nowhere"), "strictreal: nowhere: not a directory; name the repository to audit"),
        (("audit", "."), "strictreal: strictreal.toml: unknown key 'setings'; did you mean 'settings'?"),
        (
            ("audit", "good", "--check", "code.env-acess"),
            "strictreal: there is no check 'code.env-acess'; did you mean 'code.env-access'?",
        ),
        (("audit", "good", "--since", "main"), "strictreal: there is no revision 'main' here; "),
        (("explain", "code.env-acess"), "strictreal: there is no check 'code.env-acess'; did you mean "),
    ],
)
def test_4_when_the_request_or_the_configuration_is_wrong(tmp_path: Path, arguments: tuple[str, ...], message: str):
    lay(tmp_path, {"strictreal.toml": "setings = []\n", "good/a.py": CLEAN})
    run = strictreal(*arguments, cwd=tmp_path)
    assert run.code == 4
    assert one_line(run).startswith(message)


@pytest.mark.parametrize(
    "arguments", [("audit", "--no-such-option"), ("audit", "--lane", "moon"), ("audit", "--jobs", "0"), ("nonsense",)]
)
def test_4_when_the_command_line_is_wrong(tmp_path: Path, arguments: tuple[str, ...]):
    run = strictreal(*arguments, cwd=tmp_path)
    assert (run.code, run.output) == (4, "")
    assert "Error" in run.errors
    assert "Traceback" not in run.errors


def test_4_when_the_environment_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SOMABRAIN_STRICT_REAL", "ture")
    run = strictreal("audit", ".", cwd=tmp_path)
    assert run.code == 4
    assert one_line(run) == "strictreal: SOMABRAIN_STRICT_REAL='ture' is neither true nor false; set it to 1 or 0"


@pytest.mark.parametrize("command", ["list", "show", "verify", "recheck"])
@pytest.mark.parametrize(("path", "words"), [("nowhere", "not a"), ("a.py", "not a"), (".", " bundle")])
def test_4_when_there_is_no_evidence_at_the_path(tmp_path: Path, command: str, path: str, words: str):
    run = strictreal("evidence", command, path, cwd=lay(tmp_path, {"a.py": CLEAN}))
    assert run.code == 4
    assert words in one_line(run) or "no ledger.jsonl" in one_line(run)


def test_4_when_one_of_two_bundles_is_none_and_1_when_one_is_damaged(tmp_path: Path):
    run = audit(lay(tmp_path / "subject", {"a.py": CLEAN}), "--check", "code.stub", output=tmp_path / "evidence")
    bundle = Path(run.document["bundle"])
    assert strictreal("evidence", "diff", bundle, tmp_path).code == 4
    assert strictreal("evidence", "diff", bundle, bundle).code == 0
    (bundle / "statement.dsse.json").unlink()
    for command in (("diff", bundle, bundle), ("show", bundle), ("verify", bundle), ("recheck", bundle)):
        assert strictreal("evidence", *command).code == 1


def test_1_when_the_ledger_is_gone_and_its_bundles_are_not(tmp_path: Path):
    run = audit(lay(tmp_path / "subject", {"a.py": CLEAN}), "--check", "code.stub", output=tmp_path / "evidence")
    assert run.code == 0
    (tmp_path / "evidence" / "ledger.jsonl").unlink()
    for command in ("verify", "list"):
        assert strictreal("evidence", command, tmp_path / "evidence").code == 1


def test_5_when_there_is_nothing_to_check(tmp_path: Path):
    run = audit(lay(tmp_path / "subject", {"notes.txt": "nothing"}), output=tmp_path)
    assert run.code == 5
    assert set(run.outcomes.values()) == {"not applicable"}
    [note] = run.document["notes"]
    assert note.startswith("nothing to check: ")
    assert "has 1 file, and nothing that a check of the suite judges; name the folder of a repository" in note


def test_5_with_a_sentence_in_an_empty_folder_and_where_the_checks_asked_for_judge_nothing(tmp_path: Path):
    (tmp_path / "empty").mkdir()
    run = strictreal("audit", tmp_path / "empty", "--output", tmp_path / "1")
    assert run.code == 5
    assert "empty holds no file that is read; name the folder of a repository" in run.output
    subject = lay(tmp_path / "subject", {"a.py": CLEAN})
    asked = strictreal("audit", subject, "--output", tmp_path / "2", "--check", "charts.render")
    assert asked.code == 5
    assert "nothing that the checks that were asked for judges; ask for others with --check, or for all" in asked.output


@pytest.mark.parametrize(("command", "done"), [("test", "tested"), ("mutate", "mutated"), ("parity", "compared")])
def test_5_when_a_folder_of_policies_has_none(tmp_path: Path, command: str, done: str):
    run = strictreal("policy", command, lay(tmp_path, {"readme.md": "no policy"}))
    assert run.code == 5
    assert f"there is no policy (*.rego) in this folder or below, so nothing was {done}; name" in one_line(run)


def test_a_glob_stands_for_the_checks_that_it_names(tmp_path: Path):
    run = audit(
        lay(tmp_path / "subject", {"a.py": CLEAN}), "--check", "code.*", "--check", "supply.images", output=tmp_path
    )
    assert {id.partition(".")[0] for id in run.outcomes} == {"code", "supply"}
    assert sum(id.startswith("supply.") for id in run.outcomes) == 1


def test_checks_may_be_listed_with_commas(tmp_path: Path):
    subject = lay(tmp_path / "subject", {"a.py": CLEAN})
    run = audit(subject, "--check", "code.stub, code.fake,supply.i[a,m]*", output=tmp_path / "1")
    assert set(run.outcomes) == {"code.stub", "code.fake", "supply.images"}
    empty = strictreal("audit", subject, "--check", "code.stub,", "--output", tmp_path / "2")
    assert (empty.code, "names an empty check" in one_line(empty)) == (4, True)


def test_every_check_of_the_suite_is_the_whole_audit_however_it_was_asked_for(tmp_path: Path):
    run = audit(lay(tmp_path / "subject", {"a.py": CLEAN}), "--check", "*", output=tmp_path)
    assert run.document["only"] == []
    assert not [note for note in run.document["notes"] if "not a whole audit" in note]
    most = audit(lay(tmp_path / "other", {"a.py": CLEAN}), "--check", "[!t]*", output=tmp_path)
    assert len(most.document["only"]) == len(most.outcomes) < len(run.outcomes)


# Output.


def test_a_repository_without_configuration_is_audited(tmp_path: Path):
    head = commit(
        tmp_path / "subject", {"package/a.py": READING, "tests/test_a.py": "def test_a():\n    assert 1 + 1 == 2\n"}
    )
    run = audit(tmp_path / "subject", output=tmp_path)
    assert run.document["subject"]["commit"] == head
    assert (run.document["subject"]["dirty"], run.document["subject"]["name"]) == (0, "subject")
    assert set(run.outcomes) == set(load(suite.root() / "checks"))
    [access] = run.all(EnvAccess)
    assert (access.where.path, access.where.line, access.form) == ("package/a.py", 3, "os.getenv")


def test_json_is_one_object_of_the_published_shape(tmp_path: Path):
    run = audit(lay(tmp_path / "subject", {"a.py": READING, "odd.py": "def ("}), output=tmp_path)
    assert [error.message for error in jsonschema_rs.Draft202012Validator(SCHEMA).iter_errors(run.document)] == []
    assert run.errors == ""


@pytest.mark.parametrize(("form", "mark"), [("sarif", '"version": "2.1.0"'), ("github", "::error file=a.py,line=3")])
def test_every_format_is_printed_on_standard_output(tmp_path: Path, form: str, mark: str):
    run = strictreal("audit", lay(tmp_path / "subject", {"a.py": READING}), "--output", tmp_path, "--format", form)
    assert mark in run.output
    assert (run.code, run.errors) == (1, "")


def test_piped_output_has_no_colours_and_no_progress(tmp_path: Path):
    run = strictreal("audit", lay(tmp_path / "subject", {"a.py": READING}), "--output", tmp_path)
    assert "\x1b" not in run.output + run.errors
    assert run.errors == ""
    assert "FAILED  code.env-access  a.py:3:10" in run.output


@pytest.mark.parametrize("ci", [False, True])
def test_a_terminal_has_colours_but_not_in_ci(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ci: bool):
    subject = lay(tmp_path / "subject", {"a.py": READING})
    monkeypatch.setenv("TERM", "xterm-256color")
    if ci:
        monkeypatch.setenv("CI", "true")
    controller, terminal = pty.openpty()
    command = [STRICTREAL, "audit", subject, "--output", tmp_path, "--check", "code.env-access"]
    with subprocess.Popen(command, stdout=terminal, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL) as process:
        with open(terminal, "wb"):
            process.wait(120)
        with open(controller, "rb", buffering=0) as screen:
            shown = screen.read(65536)
    assert b"FAILED" in shown
    assert (b"\x1b[" in shown) is not ci


def test_a_reader_that_leaves_early_is_no_error(tmp_path: Path):
    many = "".join(f'os.getenv("A{number}")\n' for number in range(3000))
    subject = lay(tmp_path / "subject", {"a.py": "import os\n" + many})
    command = f'"{STRICTREAL}" audit "{subject}" --output "{tmp_path}" --format json | head -c 100'
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert len(done.stdout) == 100
    assert "Traceback" not in done.stderr
    assert "Exception" not in done.stderr


def test_the_current_folder_is_the_subject_when_none_is_named(tmp_path: Path):
    subject = lay(tmp_path / "subject", {"a.py": READING})
    run = strictreal("audit", "--output", tmp_path, "--format", "json", cwd=subject)
    assert run.document["subject"]["name"] == "subject"


# Other commands.


def test_the_version_is_printed():
    assert strictreal("--version").output == f"strictreal {__version__}\n"


def test_without_a_command_help_is_printed():
    run = strictreal()
    assert "Prove that what a repository claims is real." in run.output + run.errors


def test_checks_are_listed_with_what_they_prove():
    known = load(suite.root() / "checks")
    run = strictreal("checks")
    assert (run.code, "\x1b" in run.output) == (0, False)
    for check in known.values():
        assert any(check.id in line and check.proves in line for line in run.output.splitlines())


@pytest.mark.parametrize("id", load(suite.root() / "checks"))
def test_every_check_is_explained(id: str):
    run = strictreal("explain", id)
    assert run.code == 0
    assert run.output.startswith(f"# {id}\n")


def test_the_module_runs_like_the_command():
    done = subprocess.run(
        [sys.executable, "-m", "strictreal", "--version"], capture_output=True, text=True, check=False
    )
    assert done.stdout == strictreal("--version").output


def test_evidence_that_was_asked_for_and_cannot_be_written_fails_every_audit(tmp_path: Path):
    subject = lay(tmp_path / "subject", {"a.py": CLEAN})
    lay(tmp_path, {"file": ""})
    run = strictreal("audit", subject, "--check", "code.stub", "--output", tmp_path / "file" / "evidence")
    assert run.code == 4
    assert "1 proven" in run.output
    assert "no bundle: " in run.output


def test_views_of_evidence_say_that_they_verify_no_signature(tmp_path: Path):
    run = audit(lay(tmp_path / "subject", {"a.py": CLEAN}), "--check", "code.stub", output=tmp_path / "evidence")
    for view in (("list", tmp_path / "evidence"), ("show", run.document["bundle"])):
        shown = strictreal("evidence", *view)
        assert "signatures: not verified here: strictreal evidence verify " in shown.output
