"""Nothing of the subject is imported, wherever the command is started and whatever the environment asks for."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from subjects import STRICTREAL, lay

from strictreal import isolation

MODULES = ("rich.py", "yaml.py", "typer.py", "msgspec.py", "pytest.py", "conftest.py", "csv.py", "json.py", "trap.py")
INI = "[pytest]\naddopts = -p trap\npython_files = *.py\n"


@pytest.fixture
def marker(tmp_path: Path) -> Path:
    """A file that every module of the subject makes when it is imported."""
    return tmp_path / "imported"


@pytest.fixture
def subject(tmp_path: Path, marker: Path) -> Path:
    trap = f"open({str(marker)!r}, 'a').write(__file__ + '\\n')\n"
    files = dict.fromkeys((*MODULES, "sitecustomize.py", "usercustomize.py", "src/yaml.py", "src/rich.py"), trap)
    return lay(tmp_path / "subject", {**files, "pytest.ini": INI})


def started(command: list[str | Path], subject: Path, **environment: str) -> None:
    options = [
        "audit",
        ".",
        "--output",
        subject.parent / "evidence",
        "--check",
        "code.stub",
        "--check",
        "charts.render",
    ]
    inherited = {"PATH": os.pathsep.join(os.get_exec_path()), "HOME": str(subject.parent / "home")}
    done = subprocess.run(
        [*command, *options],
        cwd=subject,
        env={**inherited, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "code.stub" in done.stdout, done.stderr


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"PYTEST_ADDOPTS": "-p trap", "PYTEST_PLUGINS": "trap"},
        {"PYTHONPATH": "src"},
        {"PYTHONPATH": "src", "PYTEST_PLUGINS": "rich"},
    ],
    ids=str,
)
@pytest.mark.parametrize("command", [[sys.executable, "-m", "strictreal"], [STRICTREAL]], ids=["module", "command"])
def test_no_module_of_the_current_folder_is_imported(
    subject: Path, marker: Path, command: list[str | Path], environment: dict[str, str]
):
    started(command, subject, **environment)
    assert not marker.exists(), marker.read_text()


def test_the_traps_are_real(subject: Path, marker: Path):
    """What the guard is for: `-m` with the subject as the current folder imports from it."""
    subprocess.run([sys.executable, "-c", "import rich"], cwd=subject, check=True)
    assert "rich.py" in marker.read_text()


@pytest.fixture
def search_path() -> Iterator[list[str]]:
    before = sys.path[:]
    yield before
    sys.path[:] = before


def test_what_lies_in_the_folder_leaves_the_search_path(tmp_path: Path, search_path: list[str]):
    (tmp_path / "src").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "src")
    beside = str(tmp_path) + "-beside"
    strange = ["", ".", "src", str(tmp_path), str(tmp_path / "src"), str(tmp_path / "link"), f"{tmp_path}/src/../src"]
    sys.path[:] = [*strange, beside, *search_path]
    isolation.leave_out(tmp_path)
    assert sys.path == [beside, *(entry for entry in search_path if os.path.isabs(entry))]


def test_the_interpreters_own_folders_stay_even_inside(search_path: list[str]):
    own = [entry for entry in search_path if entry.startswith((sys.prefix, sys.base_prefix))]
    assert own
    sys.path[:] = own
    isolation.leave_out("/")
    assert sys.path == own
    isolation.leave_out(Path(sys.prefix))
    assert sys.path == own
