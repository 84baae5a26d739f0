import os
import subprocess


def test_worker(monkeypatch):
    monkeypatch.delenv("SOMABRAIN_STRICT_REAL", raising=False)
    os.environ.setdefault("SOMABRAIN_STRICT_REAL", "0")
    assert subprocess.run(["worker"], env={**os.environ, "SOMABRAIN_STRICT_REAL": ""}, check=True)
