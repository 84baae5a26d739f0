"""Temporary folders of a run: all in one place, gone with the run, and gone with the next run when it was killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from subjects import lay, strictreal

from strictreal import scratch

HOLDING = """
import sys, tempfile, time
from strictreal import scratch
with scratch.folder() as folder:
    tempfile.mkdtemp(prefix="strictreal-opa-")
    print(folder, flush=True)
    time.sleep(600)
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where temporary folders go, here and in what the test starts."""
    place = tmp_path / "tmp"
    place.mkdir()
    monkeypatch.setenv("TMPDIR", str(place))
    before, tempfile.tempdir = tempfile.tempdir, None
    yield place
    tempfile.tempdir = before


@pytest.fixture
def running(home: Path) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """Another run, in the middle of its work, and its folder."""
    with subprocess.Popen([sys.executable, "-c", HOLDING], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process, Path(process.stdout.readline().strip())
        process.kill()


def test_everything_temporary_stands_in_the_runs_folder_and_goes_with_it(home: Path):
    with scratch.folder() as folder:
        assert folder is not None
        assert folder.parent == home
        inner = Path(tempfile.mkdtemp())
        assert inner.parent == folder
        assert folder.stat().st_mode & 0o077 == 0
    assert list(home.iterdir()) == []
    assert Path(tempfile.gettempdir()) == home


def test_what_a_killed_run_left_goes_with_the_next_run(running: tuple[subprocess.Popen[str], Path], home: Path):
    process, left = running
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert any(left.iterdir())
    with scratch.folder():
        assert not left.exists()
    assert list(home.iterdir()) == []


def test_the_folder_of_a_run_that_goes_on_stays(running: tuple[subprocess.Popen[str], Path]):
    _, other = running
    with scratch.folder():
        assert any(path.name.startswith("strictreal-opa-") for path in other.iterdir())
    assert other.exists()


def test_what_is_not_surely_a_dead_runs_folder_stays(home: Path, tmp_path: Path):
    kept = lay(tmp_path / "kept", {scratch.CLAIM: "", "precious": "x"})
    (home / f"{scratch.PREFIX}link").symlink_to(kept)
    lay(home, {f"{scratch.PREFIX}file": "x", f"{scratch.PREFIX}unclaimed/x": "x", f"other-run/{scratch.CLAIM}": ""})
    (home / f"{scratch.PREFIX}odd").mkdir()
    os.mkfifo(home / f"{scratch.PREFIX}odd" / scratch.CLAIM)
    before = sorted(home.rglob("*"))
    scratch.sweep(home)
    assert sorted(home.rglob("*")) == before
    assert (kept / "precious").exists()


def test_a_home_that_cannot_be_written_stops_nothing(home: Path):
    home.rmdir()
    tempfile.tempdir = str(home)
    with scratch.folder() as folder:
        assert folder is None


def test_an_audit_leaves_nothing_and_sweeps(home: Path, tmp_path: Path):
    lay(home, {f"{scratch.PREFIX}dead/{scratch.CLAIM}": "", f"{scratch.PREFIX}dead/strictreal-opa-1/data.json": "{}"})
    subject = lay(
        tmp_path / "subject", {"worker.py": "ANSWER = 42\n", "chart/Chart.yaml": "name: chart\nversion: 1.0.0\n"}
    )
    run = strictreal("audit", subject, "--output", tmp_path / "evidence", "--check", "code.stub", "--no-cache")
    assert "code.stub" in run.output
    assert [path.name for path in home.iterdir() if path.name.startswith("strictreal")] == []
