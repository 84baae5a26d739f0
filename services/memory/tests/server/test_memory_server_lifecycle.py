"""Deadlines, cancellation, bounded concurrency, draining, logs and traces, against real servers."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from embedding import embedding
from grpc_health.v1 import health_pb2
from grpc_health.v1.health_pb2_grpc import HealthStub
from serving import TOKEN, Server, environment, serving, until
from sfm.errors import NotReady
from sfm.memory.v1 import memory_pb2 as pb

GOOD = [1.0, 0.0, 0.0, 0.0]
TRACE = "0af7651916cd43dd8448eb211c80319c"


@pytest.fixture(scope="module")
def embedder() -> Iterator[str]:
    with embedding() as url:
        yield url


@pytest.fixture
def slow(embedder: str, tmp_path: Path) -> Iterator[Server]:
    """A server whose calls take as long as their text says."""
    settings = {
        "SOMA_EMBEDDER_URL": f"{embedder}/v1/embeddings",
        "SOMA_EMBEDDER_MODEL": "m",
        "SOMA_MAX_CONCURRENT_CALLS": "4",
        "SOMA_DRAIN_SECONDS": "3",
        "SOMA_DEFAULT_TIMEOUT_SECONDS": "2",
        "SOMA_LOG_LEVEL": "DEBUG",
    }
    with serving(tmp_path, **settings) as server:
        yield server


def text(words: str, id_: str = "a") -> pb.StoreRequest:
    return pb.StoreRequest(tenant="acme", id=id_, text=words, payload=b"secret payload")


def status(call: Any) -> grpc.StatusCode:
    with pytest.raises(grpc.RpcError) as caught:
        call()
    code: grpc.StatusCode = caught.value.code()
    return code


def gone(embedder: str) -> int:
    with urllib.request.urlopen(f"{embedder}/gone", timeout=10) as answer:
        return int(json.load(answer))


def statuses(server: Server) -> list[str]:
    """How the Store calls ended, by the log."""
    return [line["status"] for line in server.lines() if str(line.get("method", "")).endswith("/Store")]


def test_a_text_is_embedded_by_the_configured_endpoint(slow: Server) -> None:
    with slow.client() as client:
        client.store("acme", "a", "some words")
        np.testing.assert_array_equal(client.get("acme", "a").vector, np.float32([0, 0, 0.6, 0.8]))
        assert client.recall("acme", "other words").hits[0].score == pytest.approx(0.5)


@pytest.mark.parametrize(
    "words",
    [
        "status 500",
        "body nonsense",
        'body {"data": []}',
        "vector [1, 2]",
        "vector [0, 0, 0, 0]",
        'vector ["a", 1, 1, 1]',
        "vector [1e999, 0, 0, 0]",
    ],
)
def test_an_embedder_without_a_usable_vector_is_unavailable(slow: Server, words: str) -> None:
    assert status(lambda: slow.shared.Store(text(words), metadata=slow.bearer)) is grpc.StatusCode.UNAVAILABLE
    with slow.client() as client, pytest.raises(Exception, match="tenant"):
        client.get("acme", "a")


def test_the_callers_deadline_ends_the_work(slow: Server, embedder: str) -> None:
    before = gone(embedder)
    call = lambda: slow.shared.Store(text("wait 30"), metadata=slow.bearer, timeout=0.4)  # noqa: E731
    assert status(call) is grpc.StatusCode.DEADLINE_EXCEEDED
    until(lambda: gone(embedder) == before + 1)
    until(lambda: statuses(slow)[-1:] in (["DEADLINE_EXCEEDED"], ["CANCELLED"]))


def test_a_call_without_a_deadline_gets_the_default_one(slow: Server, embedder: str) -> None:
    before = gone(embedder)
    began = time.monotonic()
    assert status(lambda: slow.shared.Store(text("wait 30"), metadata=slow.bearer)) is grpc.StatusCode.DEADLINE_EXCEEDED
    assert 1.5 < time.monotonic() - began < 10
    until(lambda: gone(embedder) == before + 1)


def test_cancelling_stops_the_work_and_stores_nothing(slow: Server, embedder: str) -> None:
    before = gone(embedder)
    call = slow.shared.Store.future(text("wait 1"), metadata=slow.bearer, timeout=20)
    time.sleep(0.4)
    call.cancel()
    until(lambda: gone(embedder) == before + 1)
    until(lambda: statuses(slow)[-1:] == ["CANCELLED"])
    time.sleep(1)
    with slow.client() as client, pytest.raises(Exception, match="tenant"):
        client.get("acme", "a")


def test_cancelling_a_batch_stops_what_is_in_flight(slow: Server, embedder: str) -> None:
    before = gone(embedder)

    def requests() -> Iterator[pb.StoreRequest]:
        yield text("wait 20", "a")
        yield text("wait 20", "b")
        time.sleep(0.5)

    call = slow.shared.StoreBatch.future(requests(), metadata=slow.bearer, timeout=30)
    time.sleep(0.4)
    call.cancel()
    until(lambda: gone(embedder) == before + 2)
    assert call.cancelled()


def test_calls_beyond_the_bound_are_refused_and_health_still_answers(slow: Server) -> None:
    calls = [slow.shared.Store.future(text("wait 1", f"{n}"), metadata=slow.bearer) for n in range(10)]
    time.sleep(0.3)
    assert HealthStub(slow.plain).Check(health_pb2.HealthCheckRequest()).status == 1
    codes = [call.code() for call in calls]
    assert codes.count(grpc.StatusCode.OK) == 4
    assert codes.count(grpc.StatusCode.RESOURCE_EXHAUSTED) == 6
    watches = [HealthStub(slow.plain).Watch(health_pb2.HealthCheckRequest()) for _ in range(5)]
    told = [next(watch).status for watch in watches[:4]]
    assert told == [1] * 4
    assert status(lambda: next(watches[4])) is grpc.StatusCode.RESOURCE_EXHAUSTED
    slow.shared.Store(text("words"), metadata=slow.bearer)


def test_a_drain_says_so_first_finishes_what_runs_and_ends_with_0(slow: Server) -> None:
    watch = HealthStub(slow.channel()).Watch(health_pb2.HealthCheckRequest())
    assert next(watch).status == health_pb2.HealthCheckResponse.SERVING
    call = slow.shared.Store.future(text("wait 1"), metadata=slow.bearer)
    time.sleep(0.3)
    slow.process.terminate()
    assert next(watch).status == health_pb2.HealthCheckResponse.NOT_SERVING
    assert list(watch) == []
    code, body = slow.get("/ready")
    assert (code, json.loads(body)["reason"]) == (503, "the server is draining")
    with slow.client(timeout_seconds=0.5) as late, pytest.raises(NotReady):
        late.get("acme", "a")
    assert not call.done()
    assert call.result().sequence == 1
    assert slow.process.wait(20) == 0
    assert "Traceback" not in slow.log.read_text()


def test_a_drain_ends_what_takes_longer_than_it_may(slow: Server) -> None:
    call = slow.shared.Store.future(text("wait 30"), metadata=slow.bearer, timeout=60)
    time.sleep(0.3)
    began = time.monotonic()
    slow.process.terminate()
    assert slow.process.wait(20) == 0
    assert 2 < time.monotonic() - began < 12
    assert call.code() in {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED}


def test_what_was_stored_is_there_after_a_restart(tmp_path: Path) -> None:
    for sequence in (1, 2):
        with serving(tmp_path) as server, server.client() as client:
            assert client.store("acme", "a", GOOD, payload=b"x").sequence == sequence
            assert server.stop() == 0


def test_a_taken_port_ends_the_start_with_a_reason(server: Server, tmp_path: Path) -> None:
    for variable, address in (("SOMA_PORT", server.ready["grpc"]), ("SOMA_SIDE_PORT", server.ready["http"])):
        settings = environment(tmp_path, {variable: address.split(":")[1]})
        command = [sys.executable, "-m", "sfm", "serve"]
        ended = subprocess.run(command, env=settings, capture_output=True, text=True, timeout=60, check=False)
        assert (ended.returncode, ended.stdout) == (5, "")
        assert f"cannot listen on {address}" in ended.stderr
        assert "Traceback" not in ended.stderr


def test_unusable_settings_are_named_without_their_values(tmp_path: Path) -> None:
    settings = environment(tmp_path, {"SOMA_DIMENSION": "none-of-your-business"})
    command = [sys.executable, "-m", "sfm", "serve"]
    ended = subprocess.run(command, env=settings, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 3
    assert "dimension" in ended.stderr
    assert "business" not in ended.stderr


def test_a_log_line_tells_of_each_call_and_never_what_it_carried(slow: Server) -> None:
    metadata = (*slow.bearer, ("traceparent", f"00-{TRACE}-b7ad6b7169203331-01"))
    slow.shared.Store(text("secret words"), metadata=metadata)
    status(lambda: slow.shared.Store(text("status 500"), metadata=slow.bearer))
    lines = until(lambda: [line for line in slow.lines() if line["message"] == "call" and "tenant" in line][:2])
    first = lines[0]
    assert first["trace_id"] == TRACE
    assert len(first["span_id"]) == 16
    method = "/sfm.memory.v1.MemoryService/Store"
    assert (first["method"], first["tenant"], first["status"]) == (method, "acme", "OK")
    assert 0 < first["seconds"] < 10
    said = [json.loads(line) for line in slow.log.read_text().splitlines()]
    whole = "\n".join(
        json.dumps({name: line[name] for name in line if name not in {"time", "seconds"}}) for line in said
    )
    for secret in (TOKEN, "secret payload", "secret words"):
        assert secret not in whole
    assert not re.search(r"(?<!\d)0\.6\d*\D{1,20}0\.8", whole), "numbers of the vector beside each other"
