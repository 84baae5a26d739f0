import sys
import unittest

import numpy as np
import pytest

from worker.testing import check_order


def is_drained(queue):
    assert queue.empty()


def test_drains(queue):
    is_drained(queue)


def test_order(queue):
    check_order(queue)


def test_refuses_none(queue):
    with pytest.raises(ValueError):
        queue.put(None)


def test_reports_errors(queue):
    try:
        queue.get(timeout=0)
    except Exception as error:
        pytest.fail(f"get raised {error}")


def test_calls_the_listener(queue, listener):
    queue.put(1)
    listener.assert_called_once_with(1)


def test_weights(queue):
    np.testing.assert_allclose(queue.weights(), [0.5, 0.5])


@pytest.mark.skipif(sys.platform == "win32", reason="needs fork")
def test_forks(queue):
    assert queue.fork().empty()


class QueueTest(unittest.TestCase):
    def test_size(self):
        self.assert_size(0)

    def assert_size(self, expected):
        self.assertEqual(len(self.queue), expected)
