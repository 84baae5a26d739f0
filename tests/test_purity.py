"""A check that reaches beyond its facts is an error that names what it reached for."""

# ruff: noqa: SIM115 (files are opened to see that they cannot be)

from __future__ import annotations

import contextlib
import gc
import io
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from strictreal.check import check
from strictreal.facts.code import Module
from strictreal.judge import Case, FactSet, judge
from strictreal.model import Facts, Finding, Inventory, Location, Observation, Outcome, Result
from strictreal.purity import ImpureCheckError, pure

ABSENT_MODULE = "antigravity"


def judged(reach: Callable[[], object]) -> Result:
    """The result of a check that does `reach` before it finds what its bad specimen has."""

    @check("demo.reaching", proves="Nothing.", remedy="None.")
    def finds_long_modules(modules: Facts[Module]) -> Iterator[Finding]:
        reach()
        for module in modules:
            if module.lines > 100:
                yield module.finding("is long")

    def seen(lines: int) -> FactSet:
        facts = (Inventory(of="Module", count=1), Module(where=Location("a.py"), lines=lines))
        return FactSet([Observation(collector="test", source="", digest="", facts=facts)])

    made = finds_long_modules.__check__  # type: ignore[attr-defined]
    specimens = {(made.id, "bad"): seen(1000), (made.id, "good"): seen(1)}
    return judge(made, Case(subject=seen(1), specimens=specimens), {made.id: made})


def swallowing(reach: Callable[[], object], caught: type[BaseException]) -> Callable[[], None]:
    def quietly() -> None:
        with contextlib.suppress(caught):
            reach()

    return quietly


def in_a_finaliser(reach: Callable[[], object]) -> Callable[[], None]:
    class Last:
        def __del__(self) -> None:
            with contextlib.suppress(BaseException):
                reach()

    return lambda: Last() and None


def in_a_thread(reach: Callable[[], object]) -> None:
    thread = threading.Thread(target=swallowing(reach, BaseException))
    thread.start()
    thread.join()


REACHES: dict[str, tuple[Callable[[], object], str]] = {
    "opens a file": (lambda: open("/etc/hostname"), "open"),
    "opens a file by pathlib": (lambda: Path("/etc/hostname").read_bytes(), "open"),
    "opens a file by number": (lambda: os.open("/etc/hostname", os.O_RDONLY), "open"),
    "opens a file by io": (lambda: io.FileIO("/etc/hostname"), "open"),
    "lists a folder": (lambda: os.listdir("/"), "os.listdir"),
    "removes a file": (lambda: os.remove("/nowhere"), "os.remove"),
    "removes a tree": (lambda: shutil.rmtree("/nowhere"), "shutil.rmtree"),
    "makes a temporary file": (tempfile.mkdtemp, "tempfile.mkdtemp"),
    "starts a process": (lambda: subprocess.run(["true"], check=True), "subprocess.Popen"),
    "starts a shell": (lambda: os.system("true"), "os.system"),  # noqa: S605
    "forks": (os.fork, "os.fork"),
    "opens a socket": (socket.socket, "socket.__new__"),
    "looks up a host": (lambda: socket.gethostbyname(b"localhost"), "socket.gethostbyname"),
    "imports a module": (lambda: __import__(ABSENT_MODULE), "import"),
    "runs code": (lambda: exec("x = 1"), "exec"),  # noqa: S102
    "opens a file in a thread": (lambda: in_a_thread(lambda: open(__file__)), "open"),
}


@pytest.mark.parametrize("reach", REACHES)
def test_a_check_that_reaches_out_is_an_error_that_names_the_access(reach: str):
    sys.modules.pop(ABSENT_MODULE, None)
    attempt, event = REACHES[reach]
    result = judged(attempt)
    assert result.outcome is Outcome.ERROR
    assert f"demo.reaching is not pure: it tried {event}" in result.reason


@pytest.mark.parametrize("caught", [Exception, BaseException])
@pytest.mark.parametrize("reach", ["opens a file", "starts a process", "forks", "opens a socket"])
def test_the_refusal_cannot_be_swallowed(reach: str, caught: type[BaseException]):
    attempt, event = REACHES[reach]
    result = judged(swallowing(attempt, caught))
    assert result.outcome is Outcome.ERROR
    assert event in result.reason


def test_the_refusal_reaches_finalisers_too():
    attempt, event = REACHES["opens a file"]
    result = judged(in_a_finaliser(attempt))
    assert (result.outcome, event in result.reason) == (Outcome.ERROR, True)


def test_what_was_refused_was_not_done(tmp_path: Path):
    target = tmp_path / "made"
    judged(swallowing(lambda: target.write_text("x"), BaseException))
    assert not target.exists()


def test_a_check_that_only_computes_is_not_disturbed():
    result = judged(lambda: sorted(str(number) for number in range(1000)))
    assert (result.outcome, result.reason) == (Outcome.PROVEN, "")


def test_the_ban_ends_with_the_check():
    judged(lambda: open("/etc/hostname"))
    assert Path(__file__).read_text()


def test_an_inner_check_does_not_end_the_ban_of_the_outer_one():
    def nested() -> None:
        with pure("outer"):
            with pure("inner"):
                pass
            open(__file__)

    with pytest.raises(RuntimeError, match="outer is not pure: it tried open"):
        nested()


def test_a_check_that_leaves_a_thread_behind_is_an_error():
    end = threading.Event()
    result = judged(lambda: threading.Thread(target=end.wait).start())
    end.set()
    assert "demo.reaching is not pure: it left a thread running" in result.reason


def test_other_threads_are_not_in_the_check():
    read: list[str] = []
    go, done = threading.Event(), threading.Event()

    def reading() -> None:
        go.wait(30)
        read.append(Path(__file__).read_text())
        done.set()

    thread = threading.Thread(target=reading)
    thread.start()
    with pure("demo.patient"):
        go.set()
        done.wait(30)
    thread.join()
    assert read


def test_garbage_of_others_is_not_collected_at_the_expense_of_a_check(tmp_path: Path):
    class Folder:
        """Part of a cycle, so that only the garbage collector ends it."""

        def __init__(self) -> None:
            self.me = self

        def __del__(self) -> None:
            (tmp_path / "cleaned").write_text("")

    Folder()
    result = judged(lambda: [[[] for _ in range(100)] for _ in range(1000)])
    assert result.outcome is Outcome.PROVEN
    gc.collect()
    assert (tmp_path / "cleaned").exists()


def test_the_refusal_is_no_ordinary_exception():
    assert not issubclass(ImpureCheckError, Exception)
