import unittest

import pytest


def test_runs(queue):
    queue.put(1)


def test_is_true():
    assert True


def test_message_is_a_tuple(queue):
    assert (queue.empty(), "the queue is empty")


def test_swallows(queue):
    try:
        assert queue.get() == 1
    except Exception:
        pass


def test_loops_over_nothing(queue):
    for item in []:
        assert item in queue


def test_defines_a_check_and_forgets_it(queue):
    def check():
        assert queue.empty()


@pytest.mark.skip(reason="flaky")
def test_skipped(queue):
    assert queue.empty()


@pytest.mark.xfail
def test_expected_to_fail(queue):
    assert queue.empty()


class QueueTest(unittest.TestCase):
    def test_same(self):
        size = len("queue")
        self.assertEqual(size, size)
