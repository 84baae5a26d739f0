"""Every bad field is named in an INVALID_ARGUMENT, and nothing changes."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import grpc
import pytest
from google.protobuf.struct_pb2 import ListValue, Struct, Value
from google.protobuf.timestamp_pb2 import Timestamp
from google.rpc import error_details_pb2, status_pb2
from serving import Server
from sfm.client import Client
from sfm.memory.v1 import memory_pb2 as pb

TENANT = "invalid"
GOOD = [1.0, 0.0, 0.0, 0.0]
NAN, INFINITY = math.nan, math.inf


def deep(levels: int) -> Struct:
    """Objects inside each other."""
    found = Struct()
    for _ in range(levels - 1):
        found = Struct(fields={"a": Value(struct_value=found)})
    return found


def deep_list(levels: int) -> Value:
    """Lists inside each other."""
    found = Value(list_value=ListValue())
    for _ in range(levels - 1):
        found = Value(list_value=ListValue(values=[found]))
    return found


def store(**changed: Any) -> pb.StoreRequest:
    vector = changed.pop("vector", GOOD)
    given: dict[str, Any] = {"tenant": TENANT, "id": "new"} | changed
    if vector is not None:
        given["vector"] = pb.Vector(values=vector)
    return pb.StoreRequest(**given)


def recall(**changed: Any) -> pb.RecallRequest:
    vector = changed.pop("vector", GOOD)
    given: dict[str, Any] = {"tenant": TENANT, "k": 3} | changed
    if vector is not None:
        given["vector"] = pb.Vector(values=vector)
    return pb.RecallRequest(**given)


def explain(**changed: Any) -> pb.ExplainRequest:
    vector = changed.pop("vector", GOOD)
    given: dict[str, Any] = {"tenant": TENANT, "id": "old"} | changed
    if vector is not None:
        given["vector"] = pb.Vector(values=vector)
    return pb.ExplainRequest(**given)


def scored(**parameters: Any) -> dict[str, Any]:
    return {"parameters": pb.Parameters(**parameters)}


VECTORS = {
    "NaN in the vector": ([0.0, NAN, 0.0, 1.0], "vector.values[1]"),
    "infinity in the vector": ([0.0, 0.0, -INFINITY, 1.0], "vector.values[2]"),
    "zero norm": ([0.0, 0.0, -0.0, 0.0], "vector.values"),
    "too few components": ([1.0, 0.0, 0.0], "vector.values"),
    "too many components": ([1.0] * 5, "vector.values"),
    "no components": ([], "vector.values"),
}
TENANTS = {
    "empty tenant": "",
    "long tenant": "t" * 129,
    "tenant with a slash": "a/b",
    "tenant with a space": "a b",
    "tenant with a newline": "a\n",
    "tenant with foreign digits": "a٣",
    "tenant with a NUL": "a\0",
}
IDS = {"empty id": "", "long id": "i" * 257, "id with a control character": "a\x07", "id with a NUL": "a\0b"}
SCORING: dict[str, tuple[dict[str, Any], str]] = {
    "alpha below its range": ({"alpha": -0.1}, "parameters.alpha"),
    "alpha above its range": ({"alpha": 16.1}, "parameters.alpha"),
    "alpha NaN": ({"alpha": NAN}, "parameters.alpha"),
    "alpha infinite": ({"alpha": INFINITY}, "parameters.alpha"),
    "beta zero": ({"beta": 0.0}, "parameters.beta"),
    "beta negative": ({"beta": -1.0}, "parameters.beta"),
    "beta above its range": ({"beta": 17.0}, "parameters.beta"),
    "beta NaN": ({"beta": NAN}, "parameters.beta"),
    "tau zero": ({"tau_seconds": 0.0}, "parameters.tau_seconds"),
    "tau negative": ({"tau_seconds": -1.0}, "parameters.tau_seconds"),
    "tau minus infinity": ({"tau_seconds": -INFINITY}, "parameters.tau_seconds"),
    "tau NaN": ({"tau_seconds": NAN}, "parameters.tau_seconds"),
    "unknown channel": ({"feature_weights": {"luck": 0.1}}, "parameters.feature_weights['luck']"),
    "negative weight": ({"feature_weights": {"trust": -0.1}}, "parameters.feature_weights['trust']"),
    "weight NaN": ({"feature_weights": {"trust": NAN}}, "parameters.feature_weights['trust']"),
    "weights above 1 together": ({"feature_weights": {"trust": 0.6, "heat": 0.6}}, "parameters.feature_weights"),
}
TIMES = {
    "before the year 1": (Timestamp(seconds=-62_135_596_801), "seconds"),
    "after the year 9999": (Timestamp(seconds=253_402_300_800), "seconds"),
    "absurd seconds": (Timestamp(seconds=2**63 - 1), "seconds"),
    "negative nanoseconds": (Timestamp(nanos=-1), "nanos"),
    "too many nanoseconds": (Timestamp(nanos=1_000_000_000), "nanos"),
}
STRUCTS: dict[str, tuple[Struct, str]] = {
    "number NaN": (Struct(fields={"a": Value(number_value=NAN)}), "['a']"),
    "number infinite in a list": (
        Struct(fields={"a": Value(list_value=ListValue(values=[Value(), Value(number_value=INFINITY)]))}),
        "['a'][0]",
    ),
    "entry without a value": (Struct(fields={"a\n": Value()}), "['a\\n']"),
    "too large": (Struct(fields={"a": Value(string_value="x" * 70_000)}), ""),
    "objects too deep": (deep(17), "['a']" * 16),
    "lists too deep": (Struct(fields={"a": deep_list(16)}), "['a']" + "[0]" * 15),
    "number infinite under a long name": (
        Struct(fields={"n" * 100: Value(number_value=INFINITY)}),
        "['" + "n" * 64 + "\\u2026']",
    ),
}
Case = tuple[str, Any, str]
CASES: dict[str, Case] = {}
for name, (values, path) in VECTORS.items():
    for method, make in (("Store", store), ("Recall", recall), ("Explain", explain)):
        CASES[f"{method}, {name}"] = (method, make(vector=values), path)
for method, made in (("Store", store), ("Recall", recall), ("Explain", explain)):
    group = "content" if method == "Store" else "query"
    CASES[f"{method}, neither vector nor text"] = (method, made(vector=None), group)
    CASES[f"{method}, blank text"] = (method, made(vector=None, text=" \n"), "text")
    CASES[f"{method}, long text"] = (method, made(vector=None, text="é" * 40_000), "text")
for name, tenant in TENANTS.items():
    for method, request in {
        "Store": store(tenant=tenant),
        "Recall": recall(tenant=tenant),
        "Explain": explain(tenant=tenant),
        "Get": pb.GetRequest(tenant=tenant, id="old"),
        "Delete": pb.DeleteRequest(tenant=tenant, id="old"),
        "Stats": pb.StatsRequest(tenant=tenant),
    }.items():
        CASES[f"{method}, {name}"] = (method, request, "tenant")
for name, id_ in IDS.items():
    for method, request in {
        "Store": store(id=id_),
        "Explain": explain(id=id_),
        "Get": pb.GetRequest(tenant=TENANT, id=id_),
        "Delete": pb.DeleteRequest(tenant=TENANT, id=id_),
    }.items():
        CASES[f"{method}, {name}"] = (method, request, "id")
for name, (parameters, path) in SCORING.items():
    CASES[f"Recall, {name}"] = ("Recall", recall(**scored(**parameters)), path)
    CASES[f"Explain, {name}"] = ("Explain", explain(**scored(**parameters)), path)
for name, (moment, part) in TIMES.items():
    CASES[f"Store, created {name}"] = ("Store", store(created_at=moment), f"created_at.{part}")
    CASES[f"Recall, as of {name}"] = ("Recall", recall(as_of=moment), f"as_of.{part}")
    CASES[f"Explain, as of {name}"] = ("Explain", explain(as_of=moment), f"as_of.{part}")
for name, (value, path) in STRUCTS.items():
    CASES[f"Store, metadata with {name}"] = ("Store", store(metadata=value), f"metadata{path}")
    CASES[f"Recall, filter with {name}"] = ("Recall", recall(filter=value), f"filter{path}")
for name, raw in {"NaN": NAN, "infinite": INFINITY, "minus infinity": -INFINITY}.items():
    CASES[f"Store, importance {name}"] = ("Store", store(importance=raw), "importance")
for name, k in {"zero": 0, "negative": -1, "most negative": -(2**31), "too large": 1001, "absurd": 2**31 - 1}.items():
    CASES[f"Recall, k {name}"] = ("Recall", recall(k=k), "k")
for name, least in {"negative": -0.1, "above 1": 1.1, "NaN": NAN}.items():
    CASES[f"Recall, min_score {name}"] = ("Recall", recall(min_score=least), "min_score")
for name, features in {"above 1": {"trust": 1.1}, "negative": {"trust": -0.1}, "NaN": {"trust": NAN}}.items():
    CASES[f"Store, feature {name}"] = ("Store", store(features=features), "features['trust']")
CASES |= {
    "Store, unknown feature": ("Store", store(features={"luck": 0.5}), "features['luck']"),
    "Store, large payload": ("Store", store(payload=b"x" * (1024 * 1024 + 1)), "payload"),
    "Store, long key": ("Store", store(idempotency_key="k" * 129), "idempotency_key"),
    "Store, key with a control character": ("Store", store(idempotency_key="k\x01"), "idempotency_key"),
    "Recall, unknown tenant": ("Recall", recall(tenant="nobody"), "tenant"),
    "Explain, unknown tenant": ("Explain", explain(tenant="nobody"), "tenant"),
    "Get, unknown tenant": ("Get", pb.GetRequest(tenant="nobody", id="old"), "tenant"),
    "Stats, unknown tenant": ("Stats", pb.StatsRequest(tenant="nobody"), "tenant"),
}
MALFORMED = {
    "cut short": store().SerializeToString()[:-3],
    "no UTF-8 in the id": b"\x0a\x01t\x12\x02\xff\xfe",
    "unknown wire type": b"\x0f\x00",
    "length beyond the end": b"\x0a\xff\xff\xff\xff\x0f",
    "endless varint": b"\x08" + b"\xff" * 20,
    "deeper than the parser goes": deep(3).SerializeToString() * 0 + b"\x42" + b"\xff\x7f" * 4,
}


@pytest.fixture(scope="module")
def unchanged(server: Server, client: Client) -> Iterator[Callable[[], Any]]:
    """What the tenant holds, which must be the same after each refusal."""
    client.store(TENANT, "old", GOOD, payload=b"kept")

    def state() -> Any:
        found = client.recall(TENANT, GOOD, k=10, with_payloads=True, with_vectors=True)
        memories = [(hit.memory.id, hit.memory.payload, hit.memory.sequence, hit.score) for hit in found.hits]
        return memories, client.stats(TENANT).total_vectors

    yield state
    sequence = client.store(TENANT, "last", GOOD).sequence
    assert sequence == 2, "a refused store took a sequence number"


def refused(call: Callable[[], Any]) -> grpc.RpcError:
    with pytest.raises(grpc.RpcError) as caught:
        call()
    return caught.value


@pytest.mark.parametrize("case", CASES)
def test_a_bad_field_is_named_and_nothing_changes(case: str, server: Server, unchanged: Callable[[], Any]) -> None:
    method, request, path = CASES[case]
    before = unchanged()
    error: Any = refused(lambda: getattr(server.shared, method)(request, metadata=server.bearer))
    assert (error.code(), error.details().partition(": ")[0]) == (grpc.StatusCode.INVALID_ARGUMENT, path)
    status = status_pb2.Status.FromString(dict(error.trailing_metadata())["grpc-status-details-bin"])
    detail = error_details_pb2.BadRequest()
    assert status.details[0].Unpack(detail)
    [violation] = detail.field_violations
    assert (violation.field, f"{violation.field}: {violation.description}") == (path, error.details())
    assert unchanged() == before


@pytest.mark.parametrize("case", MALFORMED)
@pytest.mark.parametrize("method", ["Store", "StoreBatch", "Recall", "Get"])
def test_bytes_that_are_no_message_are_a_bad_request(
    method: str, case: str, server: Server, unchanged: Callable[[], Any]
) -> None:
    before = unchanged()
    path = f"/sfm.memory.v1.MemoryService/{method}"
    if method == "StoreBatch":
        call = server.plain.stream_unary(path)
        error: Any = refused(lambda: call(iter([MALFORMED[case]]), metadata=server.bearer))
    else:
        one = server.plain.unary_unary(path)
        error = refused(lambda: one(MALFORMED[case], metadata=server.bearer))
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert unchanged() == before


def test_a_message_beyond_the_size_limit_is_refused(server: Server, unchanged: Callable[[], Any]) -> None:
    before = unchanged()
    error: Any = refused(lambda: server.shared.Store(store(payload=b"x" * (5 << 20)), metadata=server.bearer))
    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert unchanged() == before


def test_the_edges_of_every_range_are_accepted(client: Client) -> None:
    tenant = "A-z.0_9" + "t" * 121
    features = {"trust": 0.0, "heat": 1.0}
    client.store(
        tenant, "é" * 256, [1e-45, 0, 0, 0], importance=1e308, created=-62_135_596_800_000_000, features=features
    )
    client.store(
        tenant, "b", [3e38] * 4, importance=-1e308, created=253_402_300_799_999_999, payload=b"x" * 1024 * 1024
    )
    for alpha, beta, tau in ((0.0, 1e-3, 1e-6), (16.0, 16.0, 1e308), (1.0, 1.0, math.inf)):
        client.recall(
            tenant,
            [-1.0, 0, 0, 0],
            k=1000,
            alpha=alpha,
            beta=beta,
            tau_seconds=tau,
            feature_weights={"trust": 0.5, "heat": 0.5},
            as_of=253_402_300_799_999_999,
            min_score=0.0,
        )
    client.store(tenant, "deep", GOOD, metadata=_plain(16))
    assert client.stats(tenant).total_vectors == 3


def _plain(levels: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for _ in range(levels - 1):
        found = {"a": found}
    return found
