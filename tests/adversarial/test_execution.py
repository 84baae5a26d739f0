"""A subject that lays traps for whoever runs its code, or its git's: nothing of it is executed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from subjects import READING, audit, commit, examined, git, lay

PYTHON_TRAPS = [
    *("conftest.py", "setup.py", "sitecustomize.py", "usercustomize.py", "trap.py", "noxfile.py", "__init__.py"),
    *("checks/test_code.py", "checks/conftest.py", "tests/conftest.py", "tests/test_trap.py"),
    *("strictreal/__init__.py", "strictreal/cli/__init__.py", "strictreal/__main__.py", "strictreal/plugin.py"),
    *("msgspec.py", "pytest.py", "typer.py", "rich/__init__.py", "yaml/__init__.py", "pebble/__init__.py"),
    *("semgrep/__init__.py", "semgrep/__main__.py", "regorus.py", "helm.py", "jsonschema_rs.py", "cryptography.py"),
    *("multiprocessing/__init__.py", "json.py", "ast.py", "typing.py", "random.py", "queue.py", "secrets.py"),
]
OTHER_TRAPS = {
    "pytest.ini": "[pytest]\naddopts = -p trap\npython_files = *.py\n",
    "tox.ini": "[pytest]\naddopts = -p trap\n",
    "setup.cfg": "[tool:pytest]\naddopts = -p trap\n",
    "pyproject.toml": '[tool.pytest.ini_options]\naddopts = "-p trap"\n[build-system]\nbuild-backend = "trap"\n',
    ".semgrepignore": "*\n",
    ".semgrep.yml": "rules: []\n",
    "Makefile": "all:\n\ttouch {marker}\n$(shell touch {marker})\n",
    ".envrc": "touch {marker}\n",
    "Dockerfile": "FROM scratch\nRUN touch {marker}\n",
}
EXECUTABLE_TRAPS = ["git", "sh", "helm", "opa", "python", "python3", "conftest", "kubeconform", "node"]


@pytest.fixture
def marker(tmp_path: Path) -> Path:
    """A file that every trap makes when it is executed."""
    return tmp_path / "executed"


def set_traps(subject: Path, marker: Path) -> None:
    trap = f"open({str(marker)!r}, 'a').write(__file__ + '\\n')\n"
    lay(subject, dict.fromkeys(PYTHON_TRAPS, trap))
    lay(subject, {path: text.replace("{marker}", str(marker)) for path, text in OTHER_TRAPS.items()})
    for name in EXECUTABLE_TRAPS:
        lay(subject, {name: f"#!/bin/sh\necho {name} >> {marker}\n", f"node_modules/.bin/{name}": "#!/bin/sh\n"})
        (subject / name).chmod(0o755)


def test_no_file_of_the_subject_is_imported_or_run(tmp_path: Path, marker: Path, monkeypatch: pytest.MonkeyPatch):
    subject = tmp_path / "subject"
    set_traps(subject, marker)
    commit(subject)
    lay(subject, {"worker.py": READING})
    monkeypatch.setenv("PATH", ":".join(["", ".", *os.get_exec_path()]))
    run = audit(Path(), "--no-cache", output=tmp_path / "evidence", cwd=subject)
    assert not marker.exists(), marker.read_text()
    assert examined(run) >= {"worker.py", *PYTHON_TRAPS}
    assert run.outcomes["code.env-access"] == "failed"


def test_the_traps_are_real(tmp_path: Path, marker: Path):
    subject = tmp_path / "subject"
    set_traps(subject, marker)
    subprocess.run([sys.executable, "-c", "import trap"], cwd=subject, capture_output=True, check=False)
    assert marker.exists()


GIT_TRAPS = """
[core]
    fsmonitor = {run}
    hooksPath = {hooks}
    sshCommand = {run}
    pager = {run}
    editor = {run}
    askPass = {run}
    gitProxy = {run}
    alternateRefsCommand = {run}
    attributesFile = {attributes}
    excludesFile = {everything}
[filter "trap"]
    clean = {run}
    smudge = {run}
    process = {run}
    required = true
[diff]
    external = {run}
[diff "trap"]
    textconv = {run}
    command = {run}
[merge "trap"]
    driver = {run}
[alias]
    ls-files = "!{run}"
    ls-tree = "!{run}"
    rev-parse = "!{run}"
    cat-file = "!{run}"
[pager]
    ls-files = {run}
    ls-tree = {run}
[credential]
    helper = "!{run}"
[gpg]
    program = {run}
[trace2]
    eventTarget = {marker}
[include]
    path = {included}
[includeIf "gitdir:**"]
    path = {included}
[protocol]
    allow = always
"""


def test_nothing_that_the_configuration_of_its_repository_names_is_run(tmp_path: Path, marker: Path):
    subject = tmp_path / "subject"
    first = commit(subject, {"worker.py": "x = 1\n", "b.py": "x = 1\n"})
    commit(subject, {"worker.py": READING, ".gitattributes": "*.py filter=trap diff=trap merge=trap\n"})
    run = lay(tmp_path, {"run": f"#!/bin/sh\necho $0 $@ >> {marker}\n"}) / "run"
    run.chmod(0o755)
    hooks = [subject / ".git" / "hooks", tmp_path / "hooks"]
    for folder in hooks:
        folder.mkdir(exist_ok=True)
        for hook in ("post-index-change", "post-checkout", "pre-commit", "reference-transaction", "fsmonitor-watchman"):
            (folder / hook).symlink_to(run)
    lay(tmp_path, {"attributes": "* filter=trap\n", "everything": "*\n", "included": f"[core]\n\tfsmonitor = {run}\n"})
    values = {name: str(tmp_path / name) for name in ("run", "hooks", "attributes", "everything", "included")}
    with open(subject / ".git" / "config", "a") as file:
        file.write(GIT_TRAPS.format(marker=marker, **values))
    (subject / "b.py").write_text("x = 2\n")
    lay(subject, {"new.py": READING})
    audited = audit(subject, "--since", first, "--no-cache", output=tmp_path / "evidence")
    assert not marker.exists(), marker.read_text()
    assert examined(audited) == {"worker.py", "b.py", "new.py"}
    assert audited.document["subject"]["dirty"] == 2
    subprocess.run(["git", "status"], cwd=subject, capture_output=True, check=False)
    assert marker.exists(), "the traps must be real"


def test_a_partial_clone_fetches_nothing(tmp_path: Path, marker: Path):
    subject = tmp_path / "subject"
    first = commit(subject, {"worker.py": READING, "old.py": READING + "# old\n"})
    commit(subject, {"worker.py": READING + READING})
    blob = git(subject, "rev-parse", f"{first}:worker.py")
    (subject / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
    run = lay(tmp_path, {"run": f"#!/bin/sh\necho $0 $@ >> {marker}\n"}) / "run"
    run.chmod(0o755)
    with open(subject / ".git" / "config", "a") as file:
        file.write(
            f'[remote "origin"]\n\turl = "ext::{run}"\n\tpromisor = true\n'
            "\tpartialclonefilter = blob:none\n\tfetch = +refs/heads/*:refs/remotes/origin/*\n"
            '[protocol "ext"]\n\tallow = always\n[extensions]\n\tpartialClone = origin\n'
            "[core]\n\trepositoryFormatVersion = 1\n"
        )
    audited = audit(subject, "--since", first, output=tmp_path / "evidence")
    assert not marker.exists()
    assert audited.outcomes["code.env-access"] == "failed"
    findings = audited.document["findings"]
    known = {finding["path"]: finding["known"] for finding in findings if finding["path"] == "old.py"}
    assert known == {"old.py": True}
    subprocess.run(["git", "cat-file", "-p", blob], cwd=subject, capture_output=True, check=False)
    assert marker.exists(), "the trap must be real"
