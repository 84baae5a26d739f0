def test_worker_traces(monkeypatch, worker):
    monkeypatch.setenv("TRACE", "1")
    assert worker.traces()
