import os


def test_worker(monkeypatch, settings):
    monkeypatch.setenv("SOMABRAIN_STRICT_REAL", "1")
    strict = os.environ.get("SOMABRAIN_STRICT_REAL", "0")
    assert strict == "1", "SOMABRAIN_STRICT_REAL=0 is not allowed"
