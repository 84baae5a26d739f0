"""A hostile configuration, and a hostile machine: each is a clear error or a bounded refusal, and the rest is audited."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from subjects import READING, STRICTREAL, Run, audit, commit, examined, git, lay, strictreal

from strictreal.model import LeftOut
from strictreal.subject import MAX_FILE_BYTES


def eventually(moments: int = 600) -> Iterator[None]:
    """Moments, a tenth of a second apart, in which something may come true."""
    for _ in range(moments):
        yield
        time.sleep(0.1)


# Configuration and waivers.


@pytest.mark.parametrize("name", ["strictreal.toml", "pyproject.toml"])
@pytest.mark.parametrize(
    "text",
    ["a = " + "[" * 200_000, "a = 1\na = 2", "a = " + "{b=" * 50_000, "\0", "x" * (MAX_FILE_BYTES + 1)],
    ids=["deep arrays", "a key twice", "deep tables", "a zero byte", "too large"],
)
def test_a_configuration_that_cannot_be_read_is_refused_in_one_line(tmp_path: Path, name: str, text: str):
    run = audit(lay(tmp_path / "subject", {name: text, "worker.py": READING}), output=tmp_path / "evidence")
    assert run.code in {3, 4}
    [line] = run.errors.splitlines()
    assert line.startswith(f"strictreal: {name}: ")


@pytest.mark.parametrize(
    "text",
    ["a = " + "[" * 200_000, "[[waiver]]\n[[waiver]]\na = 1\na = 2", "\0", "[[waiver]]\n" * 5000],
    ids=["deep arrays", "a key twice", "a zero byte", "too many"],
)
def test_a_file_of_waivers_that_cannot_be_read_fails_the_gate_and_the_rest_is_audited(tmp_path: Path, text: str):
    run = audit(lay(tmp_path / "subject", {"waivers.toml": text, "worker.py": READING}), output=tmp_path / "evidence")
    assert (run.outcomes["gate.waivers"], run.outcomes["code.env-access"]) == ("failed", "failed")


def test_a_file_of_waivers_that_is_too_large_is_not_proven(tmp_path: Path):
    text = "#" * (MAX_FILE_BYTES + 1)
    run = audit(lay(tmp_path / "subject", {"waivers.toml": text, "worker.py": READING}), output=tmp_path / "evidence")
    assert (run.outcomes["gate.waivers"], run.outcomes["code.env-access"]) == ("not-proven", "failed")


SECRETS = {
    "ghp_" + "Zq7" * 12: 'token = "{}"',
    "AKIA" + "Z7QW" * 4: 'key = os.getenv("KEY", "{}")',
    "hunter2-hunter2": 'os.getenv("DB_PASSWORD", "{}")',
    "pa55-word-in-url": 'BROKER = os.getenv("BROKER", "amqp://guest:{}@localhost:5672/")',
    "sk_live_" + "Zq7" * 10: 'mock = MagicMock(api_key="{}")',
    "correct-horse-battery": 'raise NotImplementedError("password={}")',
}


def test_no_secret_of_the_subject_reaches_the_bundle_or_the_output(tmp_path: Path):
    lines = [form.replace("{}", secret) for secret, form in SECRETS.items()]
    text = "import os\nfrom unittest.mock import MagicMock\n\n" + "\n".join(lines) + "\n"
    run = audit(lay(tmp_path / "subject", {"worker.py": text}), output=tmp_path / "evidence")
    kept = b"".join(path.read_bytes() for path in (tmp_path / "evidence").rglob("*") if path.is_file())
    assert b"worker.py" in kept
    for secret in SECRETS:
        assert secret.encode() not in kept
        assert secret not in run.output


# The machine around it.


def test_a_shallow_clone_says_that_the_base_is_beyond_its_depth(tmp_path: Path):
    first = commit(tmp_path / "whole", {"worker.py": READING})
    commit(tmp_path / "whole", {"worker.py": READING + "\n"})
    git(tmp_path, "clone", "--quiet", "--depth=1", f"file://{tmp_path}/whole", "shallow")
    run = audit(tmp_path / "shallow", "--since", first, output=tmp_path / "evidence")
    assert run.code == 4
    assert run.errors.startswith(f"strictreal: there is no revision '{first}' here; fetch more of its history")
    assert audit(tmp_path / "shallow", output=tmp_path / "evidence").code == 1


@pytest.mark.parametrize("pipe", [".gitignore", "sub/.gitignore", ".git/info/exclude"])
def test_an_ignore_file_on_which_git_would_wait_for_ever_is_named(tmp_path: Path, pipe: str):
    commit(tmp_path / "subject", {"worker.py": READING, "sub/b.py": "x = 1\n"})
    (tmp_path / "subject" / pipe).unlink(missing_ok=True)
    os.mkfifo(tmp_path / "subject" / pipe)
    run = audit(tmp_path / "subject", output=tmp_path / "evidence", seconds=60)
    assert examined(run) == {"worker.py", "sub/b.py"}
    left = {fact.where.path: fact.reason for fact in run.all(LeftOut)}
    assert left[".git"] == f"every file was listed, because git cannot: {pipe} is not a regular file"


def test_a_bare_repository_is_refused_in_one_line(tmp_path: Path):
    git(tmp_path, "init", "--quiet", "--bare", "bare")
    run = audit(tmp_path / "bare", output=tmp_path / "evidence")
    assert run.code == 4
    assert run.errors.endswith("bare: a bare repository has no files; name a working tree of it\n")


def test_an_empty_repository_has_nothing_to_check(tmp_path: Path):
    git(tmp_path, "init", "--quiet", "empty")
    run = audit(tmp_path / "empty", output=tmp_path / "evidence")
    assert (run.code, run.document["subject"]["commit"]) == (5, "")


def test_worktrees_and_submodules_are_audited(tmp_path: Path):
    head = commit(tmp_path / "main", {"worker.py": READING})
    git(tmp_path / "main", "worktree", "add", "--quiet", str(tmp_path / "worktree"))
    commit(tmp_path / "outer", {"a.py": "x = 1\n"})
    git(tmp_path / "outer", "-c", "protocol.file.allow=always", "submodule", "add", str(tmp_path / "main"), "inner")
    for place in (tmp_path / "worktree", tmp_path / "outer" / "inner"):
        run = audit(place, "--since", head, output=tmp_path / "evidence")
        assert (run.document["subject"]["commit"], examined(run)) == (head, {"worker.py"})
        assert [finding["known"] for finding in run.document["findings"]] == [True]


def test_without_git_on_the_path_every_file_is_audited_and_it_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    commit(tmp_path / "subject", {"worker.py": READING})
    monkeypatch.setenv("PATH", str(tmp_path))
    run = audit(tmp_path / "subject", output=tmp_path / "evidence")
    assert (run.document["subject"]["commit"], examined(run)) == ("", {"worker.py"})
    left = {fact.where.path: fact.reason for fact in run.all(LeftOut)}
    assert left[".git"].startswith("every file was listed, because git cannot: git cannot be started")


@pytest.mark.parametrize("home", [None, "/proc/nowhere", "a file"])
def test_without_a_usable_home_the_audit_is_done_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, home: str | None
):
    if home is None:
        monkeypatch.delenv("HOME")
        monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))  # so that no key is left in the home of whoever tests
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
        monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    else:
        monkeypatch.setenv("HOME", str(lay(tmp_path, {"file": ""}) / "file") if home == "a file" else home)
    run = audit(lay(tmp_path / "subject", {"worker.py": READING}), output=tmp_path / "evidence")
    assert (run.code, run.outcomes["code.env-access"]) == (1, "failed")
    assert "Traceback" not in run.errors


def read_only(subject: Path) -> list[str]:
    """The words before a command that finds `subject` mounted read-only; root is stopped by no mode bits."""
    mount = f'mount --bind "{subject}" "{subject}" && mount -o remount,ro,bind "{subject}" && exec "$@"'
    return ["unshare", "--mount", "--propagation", "private", "sh", "-c", mount, "sh"]


def test_a_read_only_tree_is_audited_and_the_missing_bundle_is_said(tmp_path: Path):
    subject = tmp_path / "subject"
    commit(subject, {"worker.py": READING})
    if subprocess.run([*read_only(subject), "true"], capture_output=True, check=False).returncode:
        subject.chmod(0o555)
        front: list[str] = []
    else:
        front = read_only(subject)
    done = subprocess.run([*front, STRICTREAL, "audit", subject], capture_output=True, text=True, check=False)
    assert "FAILED  code.env-access  worker.py:3:10" in done.stdout
    assert "no bundle: " in done.stdout
    assert (done.returncode, done.stderr) == (1, "")
    assert not (subject / "evidence").exists()


def test_two_audits_at_once_share_subject_cache_and_ledger(tmp_path: Path):
    files = {f"package/module{number}.py": READING + f"x = {number}\n" for number in range(150)}
    subject = tmp_path / "subject"
    commit(subject, dict(files))
    command = [STRICTREAL, "audit", subject, "--output", tmp_path / "evidence", "--format", "json"]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(2)]
    ends = [process.communicate(timeout=300) for process in both]
    runs = [Run(process.returncode, *(part.decode() for part in end)) for process, end in zip(both, ends, strict=True)]
    assert [(run.code, run.errors) for run in runs] == [(1, ""), (1, "")]
    assert runs[0].document["findings"] == runs[1].document["findings"]
    assert len(runs[0].document["findings"]) >= 150
    assert len({run.document["bundle"] for run in runs}) == 2
    verified = strictreal("evidence", "verify", tmp_path / "evidence")
    assert verified.code == 0, verified


def in_session(leader: int) -> list[int]:
    """The processes that belong to a session and are not yet dead."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                state, *_, session = (entry / "stat").read_text().rpartition(")")[2].split()[:4]
                if int(session) == leader and state != "Z":
                    found.append(int(entry.name))
    return found


@pytest.mark.parametrize("signals", [1, 2])
def test_ctrl_c_while_collecting_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, signals: int):
    body = "".join(f"def f{number}(a, b):\n    return a + b * {number}\n" for number in range(12_000))
    subject = lay(tmp_path / "subject", {f"m{number}.py": f"x = {number}\n" + body for number in range(60)})
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    command = [STRICTREAL, "audit", subject, "--output", tmp_path / "evidence", "--no-cache"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        for _ in eventually():
            if len(in_session(process.pid)) > 1:
                break
        time.sleep(0.5)
        for _ in range(signals):
            os.killpg(process.pid, signal.SIGINT)
        try:
            output, errors = process.communicate(timeout=120)
        except subprocess.TimeoutExpired:  # leaving the block would wait for ever
            os.killpg(process.pid, signal.SIGKILL)
            raise
    assert (process.returncode, output) == (2, "")
    assert errors == "strictreal: interrupted; nothing was recorded\n"
    for _ in eventually(100):
        if not in_session(process.pid):
            break
    assert in_session(process.pid) == []
    assert list((tmp_path / "tmp").iterdir()) == []
    assert not list((tmp_path / "evidence").rglob("*.jsonl"))
