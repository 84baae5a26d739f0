import os


def test_worker_traces():
    os.environ["TRACE"] = "1"
    assert os.environ["TRACE"] == "1"
