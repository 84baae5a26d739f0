"""Every method, over the wire against a real server."""

from __future__ import annotations

import json
import math
import time
import uuid
from typing import Any

import grpc
import numpy as np
import pytest
from grpc_health.v1 import health_pb2
from grpc_health.v1.health_pb2_grpc import HealthStub
from grpc_reflection.v1alpha import reflection_pb2
from grpc_reflection.v1alpha.reflection_pb2_grpc import ServerReflectionStub
from serving import Server
from sfm.client import Client
from sfm.domain import NewMemory
from sfm.errors import IdempotencyConflict, InvalidField, MemoryNotFound
from sfm.memory.v1 import memory_pb2 as pb

METADATA: dict[str, Any] = {"a": None, "b": True, "c": [1.5, {"d": "é"}], "e": {}, "f": -0.0, "g": "\u0000"}


@pytest.fixture
def tenant() -> str:
    return f"t-{uuid.uuid4().hex}"


def test_what_is_stored_comes_back_whole(client: Client, tenant: str) -> None:
    before = time.time_ns() // 1000
    stored = client.store(
        tenant,
        "a",
        [3.0, 0.0, 4.0, 0.0],
        importance=2.0,
        created=-1_000_001,
        payload=b"\x00\xff raw",
        metadata=METADATA,
        features={"trust": 0.25},
    )
    assert (stored.id, stored.replaced, stored.sequence) == ("a", False, 1)
    assert stored.importance == pytest.approx(1 / (1 + math.exp(-2)), rel=1e-15)
    found = client.get(tenant, "a")
    np.testing.assert_array_equal(found.vector, np.float32([0.6, 0.0, 0.8, 0.0]))
    assert (found.id, found.raw_importance, found.created, found.payload) == ("a", 2.0, -1_000_001, b"\x00\xff raw")
    assert (found.metadata, found.features, found.sequence) == (METADATA, {"trust": 0.25}, 1)
    assert found.importance == stored.importance
    assert (found.accessed, found.access_count) == (-1_000_001, 0)
    again = client.get(tenant, "a")
    assert again.accessed >= before
    assert again.access_count == 1


def test_a_second_store_of_an_id_replaces_the_first(client: Client, tenant: str) -> None:
    client.store(tenant, "a", [1, 0, 0, 0], payload=b"one")
    again = client.store(tenant, "a", [0, 1, 0, 0], payload=b"two")
    assert (again.replaced, again.sequence) == (True, 2)
    assert client.get(tenant, "a").payload == b"two"


def test_a_repeated_key_has_the_effect_and_answer_of_the_first_request(client: Client, tenant: str) -> None:
    first = client.store(tenant, "a", [1, 0, 0, 0], idempotency_key="k")
    assert client.store(tenant, "a", [1, 0, 0, 0], idempotency_key="k") == first
    with pytest.raises(IdempotencyConflict):
        client.store(tenant, "a", [0, 1, 0, 0], idempotency_key="k")
    assert client.get(tenant, "a").sequence == 1


def test_what_was_deleted_is_gone_and_deleting_again_says_so(client: Client, tenant: str) -> None:
    client.store(tenant, "a", [1, 0, 0, 0])
    assert client.delete(tenant, "a") is True
    assert client.delete(tenant, "a") is False
    with pytest.raises(MemoryNotFound):
        client.get(tenant, "a")


def test_recall_gives_the_best_first_with_the_parts_that_were_asked_for(client: Client, tenant: str) -> None:
    client.store(tenant, "near", [1, 0.1, 0, 0], payload=b"n", metadata={"kind": "x"})
    client.store(tenant, "far", [0.1, 1, 0, 0], payload=b"f", metadata={"kind": "x"})
    client.store(tenant, "other", [1, 0, 0, 0], metadata={"kind": "y"})
    found = client.recall(tenant, [1, 0, 0, 0], k=5, filter={"kind": "x"})
    assert [hit.memory.id for hit in found.hits] == ["near", "far"]
    assert found.hits[0].memory.payload == b""
    assert found.hits[0].memory.vector.shape == (0,)
    whole = client.recall(tenant, [1, 0, 0, 0], k=1, with_vectors=True, with_payloads=True, filter={"kind": "x"})
    assert whole.hits[0].memory.payload == b"n"
    assert np.linalg.norm(whole.hits[0].memory.vector) == pytest.approx(1.0, abs=1e-6)
    assert len(client.recall(tenant, [1, 0, 0, 0], k=5, min_score=0.3).hits) == 2


def test_recall_as_of_a_moment_does_not_see_later_memories(client: Client, tenant: str) -> None:
    client.store(tenant, "old", [1, 0, 0, 0], created=1_000_000)
    client.store(tenant, "new", [1, 0, 0, 0], created=3_000_000)
    found = client.recall(tenant, [1, 0, 0, 0], as_of=2_000_000, tau_seconds=1.0, alpha=0.0)
    assert [(hit.memory.id, hit.score) for hit in found.hits] == [("old", 0.5)]
    assert found.as_of == 2_000_000


def test_explain_multiplies_to_the_score_that_recall_gives(client: Client, tenant: str) -> None:
    client.store(tenant, "a", [1, 2, 3, 4], importance=0.5, created=0, features={"trust": 0.5})
    asked: dict[str, Any] = {
        "alpha": 1.5,
        "beta": 2.0,
        "tau_seconds": 100.0,
        "feature_weights": {"trust": 0.5, "heat": 0.25},
        "as_of": 50_000_000,
    }
    told = client.explain(tenant, "a", [4, 3, 2, 1], **asked)
    factors = told.similarity_factor * told.importance_factor * told.decay_factor
    factors *= math.prod(one.factor for one in told.features)
    assert factors == pytest.approx(told.score, rel=1e-14)
    assert told.score == client.recall(tenant, [4, 3, 2, 1], **asked).hits[0].score
    assert (told.age_seconds, told.decay_factor, told.as_of) == (50.0, 2**-0.5, 50_000_000)
    assert {one.name: one.weight for one in told.features} == {"trust": 0.5, "heat": 0.25}
    assert (told.parameters.alpha, told.parameters.beta, told.parameters.tau) == (1.5, 2.0, 100.0)
    with pytest.raises(MemoryNotFound):
        client.explain(tenant, "b", [1, 0, 0, 0])


def test_stats_and_gates_are_given(client: Client, tenant: str) -> None:
    client.store(tenant, "a", [1, 0, 0, 0])
    stats = client.stats(tenant)
    assert (stats.total_vectors, stats.dimension) == (1, 4)
    assert stats.norm_error_max < 1e-6
    assert [gate.id for gate in client.gates()] == ["G1", "G2", "G3", "G4", "G5", "G6"]


def test_a_batch_stores_each_memory_or_says_why_not(client: Client, tenant: str) -> None:
    def one(index: int, **changed: Any) -> NewMemory:
        fields: dict[str, Any] = {
            "tenant": tenant,
            "id": f"m{index}",
            "vector": np.float32([1, index, 0, 0]),
            "raw_importance": 0.0,
            "created": index,
        }
        return NewMemory(**(fields | changed))

    bad = {3: {"raw_importance": math.nan}, 5: {"vector": np.float32([0, 0, 0, 0])}, 7: {"id": ""}}
    result = client.store_batch(one(index, **bad.get(index, {})) for index in range(500))
    assert result.stored == 497
    assert [(one.index, type(one.error), str(one.error).partition(":")[0]) for one in result.refusals] == [
        (3, InvalidField, "importance"),
        (5, InvalidField, "vector.values"),
        (7, InvalidField, "id"),
    ]
    assert client.stats(tenant).total_vectors == 497


def test_memories_of_one_id_in_a_batch_are_stored_in_their_order(client: Client, tenant: str) -> None:
    vector = np.float32([1, 0, 0, 0])
    client.store_batch(
        NewMemory(tenant=tenant, id="same", vector=vector, raw_importance=0.0, created=0, payload=b"%d" % index)
        for index in range(300)
    )
    found = client.get(tenant, "same")
    assert (found.payload, found.sequence) == (b"299", 300)


def test_a_batch_with_too_many_refusals_is_broken_off(client: Client, tenant: str) -> None:
    vector = np.float32([0, 0, 0, 0])
    with pytest.raises(Exception, match="more than 1000 memories were refused"):
        client.store_batch(
            NewMemory(tenant=tenant, id=f"{index}", vector=vector, raw_importance=0.0, created=0)
            for index in range(5000)
        )


def test_tenants_do_not_see_each_other(client: Client, tenant: str) -> None:
    client.store(tenant, "a", [1, 0, 0, 0], payload=b"mine")
    client.store(f"{tenant}-2", "a", [1, 0, 0, 0], payload=b"theirs")
    client.delete(f"{tenant}-2", "a")
    assert client.get(tenant, "a").payload == b"mine"
    assert client.recall(f"{tenant}-2", [1, 0, 0, 0]).hits == ()


def test_health_is_given_to_everybody_by_name_and_for_the_whole(server: Server) -> None:
    stub = HealthStub(server.channel())
    for service in ("", "sfm.memory.v1.MemoryService", "grpc.health.v1.Health"):
        reply = stub.Check(health_pb2.HealthCheckRequest(service=service))
        assert reply.status == health_pb2.HealthCheckResponse.SERVING
    with pytest.raises(grpc.RpcError) as caught:
        stub.Check(health_pb2.HealthCheckRequest(service="other"))
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND
    watch = stub.Watch(health_pb2.HealthCheckRequest(service="other"))
    assert next(watch).status == health_pb2.HealthCheckResponse.SERVICE_UNKNOWN
    watch.cancel()


def test_reflection_describes_the_service_to_those_who_may_know(server: Server) -> None:
    stub = ServerReflectionStub(server.channel())
    ask = reflection_pb2.ServerReflectionRequest(list_services="")
    [reply] = stub.ServerReflectionInfo(iter([ask]), metadata=server.bearer)
    names = {service.name for service in reply.list_services_response.service}
    assert {"sfm.memory.v1.MemoryService", "grpc.health.v1.Health"} <= names
    ask = reflection_pb2.ServerReflectionRequest(file_containing_symbol="sfm.memory.v1.MemoryService")
    [reply] = stub.ServerReflectionInfo(iter([ask]), metadata=server.bearer)
    assert reply.file_descriptor_response.file_descriptor_proto
    with pytest.raises(grpc.RpcError) as caught:
        list(stub.ServerReflectionInfo(iter([ask])))
    assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED


def test_an_unknown_method_is_unimplemented(server: Server) -> None:
    call = server.channel().unary_unary("/sfm.memory.v1.MemoryService/Drop")
    with pytest.raises(grpc.RpcError) as caught:
        call(b"", metadata=server.bearer)
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


def test_the_side_port_says_ready_and_gives_every_metric_of_the_roadmap(server: Server, client: Client) -> None:
    client.store("metrics", "a", [1, 0, 0, 0])
    client.recall("metrics", [1, 0, 0, 0])
    assert server.get("/healthz") == (200, '{"alive": true}')
    status, body = server.get("/ready")
    assert (status, json.loads(body)["ready"], json.loads(body)["reason"]) == (200, True, "")
    status, text = server.get("/metrics")
    assert status == 200
    values = {line.split(" ")[0]: float(line.split(" ")[1]) for line in text.splitlines() if not line.startswith("#")}
    assert values["sfm_total_vectors"] >= 1
    assert values["sfm_insert_qps"] > 0
    assert values["sfm_ready"] == 1
    assert values['sfm_unprotected{what="tls"}'] == 1
    method = "/sfm.memory.v1.MemoryService/Recall"
    assert values[f'sfm_latency_seconds_count{{method="{method}"}}'] >= 1
    assert values[f'sfm_calls_total{{code="OK",method="{method}"}}'] >= 1
    for name in (
        "norm_error_max",
        "decay_active_ratio",
        "hot_tier_hit_ratio",
        "eviction_count",
        "cache_hit_ratio",
        "query_qps",
        'importance_quantile{q="0.5"}',
        'gate_holds{gate="G1"}',
        'gate_enabled{gate="G6"}',
    ):
        assert f"sfm_{name}" in values, name
    assert "metrics" not in {line.split("tenant=")[-1] for line in text.splitlines() if "tenant=" in line}


def test_an_answer_that_is_too_large_is_refused_with_what_to_do(client: Client, tenant: str) -> None:
    for index in range(5):
        client.store(tenant, f"{index}", [1, 0, 0, 0], payload=b"x" * 1_000_000)
    assert len(client.recall(tenant, [1, 0, 0, 0], k=3, with_payloads=True).hits) == 3
    with pytest.raises(Exception, match=r"RESOURCE_EXHAUSTED: the answer has .* ask for fewer"):
        client.recall(tenant, [1, 0, 0, 0], k=5, with_payloads=True)


def test_a_text_without_an_embedder_names_the_setting(server: Server, tenant: str) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        server.stub().Store(pb.StoreRequest(tenant=tenant, id="a", text="hello"), metadata=server.bearer)
    assert caught.value.code() is grpc.StatusCode.FAILED_PRECONDITION
    assert "embedder_url" in (caught.value.details() or "")
