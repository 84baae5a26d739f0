"""The pool of worker processes, with workers that really die, at the worst of moments too."""

from __future__ import annotations

import gc
import os
import signal
import threading
import time

from pebble.pool.channel import WorkerChannel

from strictreal.workers import ATTEMPTS, Workers


def double(number: int) -> int:
    return 2 * number


def die_in_the_middle(number: int) -> int:
    """Every third worker dies with the lock in its hands that all workers need to get work."""
    if number % 3 == 1:
        channel = next(each for each in gc.get_objects() if isinstance(each, WorkerChannel) and each.mutex.reader_mutex)
        channel.mutex.acquire()
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def die_later(number: int) -> int:
    """The worker dies when it has answered, while it waits for work."""
    threading.Timer(0.3, os._exit, [3]).start()
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


def test_workers_that_die_with_the_lock_in_their_hands_cost_their_own_units_alone():
    workers = Workers(2, patience=2)
    found = list(workers.results(die_in_the_middle, range(5), 1))
    workers.close()
    lost = f"was lost by its worker {ATTEMPTS} times"
    assert [each if isinstance(each, int) else "" for each in found] == [0, "", 2, 3, ""]
    assert all(isinstance(each, int) or each == lost or "ended its worker" in each for each in found)


def test_workers_that_die_while_they_wait_break_nothing():
    workers = Workers(2)
    for _ in range(4):
        assert list(workers.results(die_later, range(4), 30)) == [0, 1, 2, 3]
        time.sleep(0.8)
    workers.close()
