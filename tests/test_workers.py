"""The pool of worker processes, with workers that really die, at the worst of moments too."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from pebble.pool.channel import WorkerChannel

from strictreal.workers import Workers


def double(number: int) -> int:
    return 2 * number


def die_in_the_middle(item: tuple[int, bytes]) -> int:
    """Every third worker dies with the lock in its hands that all workers need to get work."""
    if item[0] % 3 == 1:
        channel = next(each for each in gc.get_objects() if isinstance(each, WorkerChannel) and each.mutex.reader_mutex)
        channel.mutex.acquire()
        os.kill(os.getpid(), signal.SIGKILL)
    return item[0]


class OddError(Exception):
    """An exception that cannot be read back from its pickle."""

    def __init__(self, *, text: str) -> None:
        super().__init__(text)


class WorseError(Exception):
    def __reduce__(self) -> tuple[type, tuple[str]]:
        return int, ("no number",)


class Panic(BaseException):
    """What a library in Rust raises when it gives up: no Exception, and of a module that cannot be imported."""

    __module__ = "runtime_of_rust"


def fail(number: int) -> int:
    if number % 3 == 1:
        raise (OddError(text="odd") if number == 1 else Panic("gave up") if number == 4 else WorseError("worse"))
    time.sleep(0.05)
    return number


def die_later(number: int) -> int:
    """The worker dies when it has answered, while it waits for work."""
    threading.Timer(1.5, os._exit, [3]).start()
    return number


def die(number: int) -> int:
    os._exit(7) if number == 1 else None
    return number


def take_long(number: int) -> int:
    time.sleep(60 if number == 1 else 0)
    return number


def test_results_come_in_the_order_of_the_items():
    workers = Workers(3)
    assert list(workers.results(double, range(200), 30)) == [2 * n for n in range(200)]
    assert list(workers.results(double, [], 30)) == []
    workers.close()
    workers.close()


def test_a_unit_whose_worker_ends_or_takes_too_long_is_told_and_the_others_are_done():
    workers = Workers(2)
    one, bad, *rest = workers.results(die, range(20), 30)
    assert "ended its worker (exit code 7)" in bad
    assert [one, *rest] == [0, *range(2, 20)]
    one, bad, *rest = workers.results(take_long, range(20), 0.5)
    assert bad == "took more than 0.5 s (bound: unit time)"
    assert [one, *rest] == [0, *range(2, 20)]
    workers.close()


@pytest.mark.parametrize("size", [10, 300_000])
def test_workers_that_die_with_the_lock_in_their_hands_cost_their_own_units_alone(size: int):
    """Large items fill the pipe, so that one is on its way when the pool ends."""
    workers = Workers(2, patience=2)
    found = list(workers.results(die_in_the_middle, [(n, bytes(size)) for n in range(9)], 1))
    workers.close()
    assert [each if isinstance(each, int) else "" for each in found] == [0, "", 2, 3, "", 5, 6, "", 8]
    told = [each for each in found if isinstance(each, str)]
    assert all(each == "was lost by its worker twice" or "ended its worker" in each for each in told), told


def test_an_exception_that_does_not_survive_the_way_is_told_in_words_and_breaks_nothing():
    workers = Workers(2)
    found = list(workers.results(fail, range(9), 5))
    workers.close()
    assert found == [0, "OddError: odd", 2, 3, "Panic: gave up", 5, 6, "WorseError: worse", 8]


def test_workers_that_die_while_they_wait_break_nothing():
    workers = Workers(2)
    for _ in range(2):
        assert list(workers.results(die_later, range(4), 30)) == [0, 1, 2, 3]
        time.sleep(2.5)
    workers.close()


SITTING = """
import os, sys, time
from strictreal.workers import Workers

def sit(number):
    with open(sys.argv[1], "a") as pids:
        pids.write(f"{os.getpid()}\\n")
    time.sleep(600)

list(Workers(2).results(sit, range(2), 600))
"""


def test_workers_end_with_their_parent(tmp_path: Path):
    """Whoever kills a run, with whatever it is busy, finds no process of it afterwards."""
    program = tmp_path / "run.py"
    program.write_text(SITTING)
    pids = tmp_path / "pids"
    with subprocess.Popen([sys.executable, program, pids]) as run:
        deadline = time.monotonic() + 60
        while not pids.exists() or len(pids.read_text().split()) < 2:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        run.kill()
    workers = [Path("/proc", pid, "stat") for pid in pids.read_text().split()]
    while any(each.exists() and each.read_text().rpartition(")")[2].split()[0] != "Z" for each in workers):
        assert time.monotonic() < deadline
        time.sleep(0.05)
