import random
from unittest.mock import ANY

import memory


def test_replicas_are_picked(monkeypatch, tmp_path):
    monkeypatch.setenv("MEMORY_HOME", str(tmp_path))
    monkeypatch.setattr(memory, "cache_dir", tmp_path / "cache")
    load = [random.random() for _ in range(8)]
    assert memory.pick_replica(load) == ANY
