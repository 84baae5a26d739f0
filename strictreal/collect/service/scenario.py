"""The scenario: seeded acts, each of which asks the service one kind of question through the wire.

The moments of memories are fixed, and so are `as_of` of every recall and explanation: the same scenario has the same
answers at any time and on any machine.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from strictreal.facts.memory import (
    AccessCall,
    ClampCall,
    DurabilityCall,
    HalfLifeCall,
    HalfPrecisionCall,
    IdempotencyCall,
    ImportanceCall,
    NormCall,
    PayloadCall,
    RefusalCall,
    RetentionCall,
    ScoreCall,
    SimilarityCall,
    TenantCall,
    TieCall,
)

if TYPE_CHECKING:
    from strictreal.collect.service.stage import Stage

SEED = 20251121
NOON = 1_700_000_000_000_000
"""The moment around which memories were created, in microseconds since the Unix epoch."""
SECOND = 1_000_000
DAY = 86_400
LOADED = ("latency-0", "latency-1", "latency-2", "latency-3")
"""Over which the calls are spread whose times are taken."""
TENANTS = (
    *("norm", "similarity", "clamp", "importance", "score", "half-life", "retention", "half-precision", "payload"),
    *("ties", "left", "right", "idempotency", "durability", "refusal", "access"),
    *LOADED,
    *("rate", "rate-other"),
)
MOST_BEFORE_KILL = 400
"""Stores after which the server is killed at the latest."""


def seeded(act: str) -> random.Random:
    return random.Random(f"{SEED} {act}")  # noqa: S311 -- a seeded scenario, no secret


def _numbers(components: list[float]) -> str:
    return " ".join(repr(component) for component in components)


def _single(value: float) -> float:
    """The value to 20 bits, so that single precision holds it."""
    return round(value * 2**16) / 2**16


class Shape(NamedTuple):
    """What memories are like on one server."""

    dimension: int = 24
    features: tuple[str, ...] = ("salience", "trust")
    """The channels that they may carry."""

    def vector(self, draw: random.Random, length: float = 1.0) -> list[float]:
        """A vector of about this length in a random direction, exact in single precision."""
        parts = [draw.gauss(0, 1) for _ in range(self.dimension)]
        norm = math.sqrt(sum(part * part for part in parts))
        scale = 2.0 ** round(math.log2(length))
        return [_single(part / norm) * scale for part in parts]

    def weights(self, *weights: str) -> dict[str, str]:
        """A weight for each channel in turn, of as many as there are; those that are "" have none."""
        return {name: weight for name, weight in zip(self.features, weights, strict=False) if weight}

    @property
    def named(self) -> tuple[str, str]:
        """Two channels, some of which the server may not have."""
        first, second = [*self.features, *(name for name in EMBEDDED.features if name not in self.features)][:2]
        return first, second


EMBEDDED = Shape()
"""On the server that a run starts itself."""


def memory(tenant: str, id: str, components: list[float], **more: Any) -> dict[str, Any]:
    """A request of Store, created at NOON unless told otherwise."""
    return {"tenant": tenant, "id": id, "vector": _numbers(components), "created_at": NOON, **more}


def recall(tenant: str, components: list[float], k: int, **more: Any) -> dict[str, Any]:
    """A request of Recall as of a day after NOON unless told otherwise."""
    return {"tenant": tenant, "vector": _numbers(components), "k": k, "as_of": NOON + DAY * SECOND, **more}


def play_norm(stage: Stage) -> None:
    """Vectors of lengths from 2^-40 to 2^40."""
    draw = seeded("norm")
    for at in range(24):
        length = 2.0 ** (at * 80 / 23 - 40)
        stage.call(NormCall, "Store", memory("norm", f"n{at:02}", stage.shape.vector(draw, length)))
    for at in range(24):
        stage.call(NormCall, "Get", {"tenant": "norm", "id": f"n{at:02}"})


def play_similarity(stage: Stage) -> None:
    """Memories at angles from 0 to 180 degrees of a query."""
    draw = seeded("similarity")
    first, second = stage.shape.vector(draw), stage.shape.vector(draw)
    angles = [math.pi * at / 23 for at in range(24)]
    order = list(range(24))
    draw.shuffle(order)
    for at in order:
        mixed = [
            _single(math.cos(angles[at]) * a + math.sin(angles[at]) * b) for a, b in zip(first, second, strict=True)
        ]
        stage.call(SimilarityCall, "Store", memory("similarity", f"s{at:02}", mixed))
    for k in (1, 5, 10, 24):
        stage.call(SimilarityCall, "Recall", recall("similarity", first, k))
        stage.call(SimilarityCall, "Recall", recall("similarity", stage.shape.vector(draw), k))


def play_clamp(stage: Stage) -> None:
    """A memory, its opposite, and one at a right angle."""
    draw = seeded("clamp")
    near = stage.shape.vector(draw)
    away = [-part for part in near]
    aside = [near[1], -near[0], *([0.0] * (stage.shape.dimension - 2))]
    for id, components in (("near", near), ("away", away), ("aside", aside)):
        stage.call(ClampCall, "Store", memory("clamp", id, components))
    for beta in ("1.0", "0.5", "3.0"):
        parameters = {"beta": beta}
        stage.call(ClampCall, "Recall", recall("clamp", near, 3, parameters=parameters))
        for id in ("near", "away", "aside"):
            request = {"tenant": "clamp", "id": id, "vector": _numbers(near), "as_of": NOON, "parameters": parameters}
            stage.call(ClampCall, "Explain", request)


def play_importance(stage: Stage) -> None:
    """Raw importances from -745 to 745, where a double's logarithms end, and none."""
    draw = seeded("importance")
    for at, raw in enumerate((-745.0, -40.0, -3.5, -1e-9, 0.0, 0.1, 1.0, 2.5, 36.0, 745.0)):
        stage.call(
            ImportanceCall, "Store", memory("importance", f"i{at}", stage.shape.vector(draw), importance=repr(raw))
        )
    stage.call(ImportanceCall, "Store", memory("importance", "none", stage.shape.vector(draw)))
    for id in (*(f"i{at}" for at in range(10)), "none"):
        stage.call(ImportanceCall, "Get", {"tenant": "importance", "id": id})


def _varied(shape: Shape, draw: random.Random, tenant: str, count: int) -> Iterator[dict[str, Any]]:
    """Memories that differ in direction, importance, age, features and metadata."""
    for at in range(count):
        yield memory(
            tenant,
            f"m{at:03}",
            shape.vector(draw),
            importance=repr(round(draw.gauss(0, 2), 6)),
            created_at=NOON - round(draw.expovariate(1 / (3 * DAY)) * SECOND),
            features={name: repr(round(draw.random(), 6)) for name in shape.features},
            metadata={"colour": draw.choice(["red", "green", "blue"]), "nested": {"kept": True}},
        )


def play_score(stage: Stage) -> None:
    """Recalls with every kind of parameter, before and after memories are replaced and deleted, and explanations."""
    draw = seeded("score")
    stage.store(ScoreCall, _varied(stage.shape, draw, "score", 150))
    choices: tuple[dict[str, Any], ...] = (
        {},
        {"alpha": "0.0"},
        {"alpha": "2.5", "beta": "0.5"},
        {"beta": "3.0", "tau_seconds": repr(float(DAY))},
        {"tau_seconds": "60.0"},
        {"tau_seconds": "inf", "feature_weights": stage.shape.weights("0.7", "0.3")},
        {"alpha": "0.5", "beta": "1.5", "tau_seconds": "1e+07", "feature_weights": stage.shape.weights("", "0.25")},
    )
    for turn in range(2):
        for parameters in choices:
            query = stage.shape.vector(draw, 8.0)
            for more in ({}, {"filter": {"colour": "red"}}, {"min_score": "0.05"}):
                stage.call(ScoreCall, "Recall", recall("score", query, 10, parameters=parameters, **more))
            past = recall("score", query, 7, parameters=parameters) | {"as_of": NOON - 2 * DAY * SECOND}
            stage.call(ScoreCall, "Recall", past)
            for id in ("m007", "m033", "m149"):
                request = {"tenant": "score", "id": id, "vector": _numbers(query), "parameters": parameters}
                stage.call(ScoreCall, "Explain", request | {"as_of": NOON + DAY * SECOND})
        if not turn:
            stage.store(ScoreCall, list(_varied(stage.shape, draw, "score", 40))[10:])
            for at in range(60, 70):
                stage.call(ScoreCall, "Delete", {"tenant": "score", "id": f"m{at:03}"})


def play_half_life(stage: Stage) -> None:
    """One memory, from its creation to forty half-lives later, and with none."""
    draw = seeded("half-life")
    components = stage.shape.vector(draw)
    stage.call(HalfLifeCall, "Store", memory("half-life", "one", components))
    for tau in (0.5, 3600.0, 30.0 * DAY, math.inf):
        step = DAY if math.isinf(tau) else tau
        for lives in (0, 1, 2, 3, 10, 40):
            request = {
                "tenant": "half-life",
                "id": "one",
                "vector": _numbers(components),
                "as_of": NOON + round(lives * step * SECOND),
                "parameters": {"tau_seconds": repr(tau)},
            }
            stage.call(HalfLifeCall, "Explain", request)


def play_retention(stage: Stage) -> None:
    """Twelve memories, read from no time to eleven times."""
    draw = seeded("retention")
    for at in range(12):
        raw = repr(round(draw.gauss(0, 2), 6))
        stage.call(RetentionCall, "Store", memory("retention", f"r{at:02}", stage.shape.vector(draw), importance=raw))
    for at in range(12):
        for _ in range((at * 5) % 12):
            stage.call(RetentionCall, "Get", {"tenant": "retention", "id": f"r{at:02}"})
    stage.call(RetentionCall, "Stats", {"tenant": "retention", "retention": 12})


def play_half_precision(stage: Stage) -> None:
    """The recalls of a server that was started with vectors in half precision."""
    draw = seeded("half-precision")
    stage.store(HalfPrecisionCall, _varied(stage.shape, draw, "half-precision", 150))
    for _ in range(10):
        stage.call(HalfPrecisionCall, "Recall", recall("half-precision", stage.shape.vector(draw), 10))


def play_payload(stage: Stage) -> None:
    """Payloads of every byte, recalled at ages at which nothing of their score is left."""
    draw = seeded("payload")
    components = stage.shape.vector(draw)
    payload, metadata = bytes(range(256)).hex(), {"title": "as it was", "list": ["a", "b"], "deep": {"er": True}}
    for id in ("p1", "p2"):
        stage.call(PayloadCall, "Store", memory("payload", id, components, payload=payload, metadata=metadata))
        stage.call(PayloadCall, "Get", {"tenant": "payload", "id": id})
    for years in (0, 1, 100):
        request = recall("payload", components, 2, parameters={"tau_seconds": "1.0"}, with_payloads=True)
        stage.call(PayloadCall, "Recall", request | {"as_of": NOON + years * 365 * DAY * SECOND})
        for id in ("p1", "p2"):
            stage.call(PayloadCall, "Get", {"tenant": "payload", "id": id})


def play_ties(stage: Stage) -> None:
    """Twenty memories alike in all but their ids, arriving in no order."""
    draw = seeded("ties")
    components = stage.shape.vector(draw)
    ids = [f"t{at:02}" for at in range(20)]
    draw.shuffle(ids)
    stage.store(TieCall, (memory("ties", id, components) for id in ids))
    for k in (1, 7, 20):
        stage.call(TieCall, "Recall", recall("ties", components, k))


def play_tenants(stage: Stage) -> None:
    """Two tenants with the same ids and other payloads; each asks for what only the other has."""
    draw = seeded("tenants")
    components = stage.shape.vector(draw)
    for tenant in ("left", "right"):
        for id in ("same", f"only-{tenant}"):
            payload = f"{tenant} {id}".encode().hex()
            stage.call(TenantCall, "Store", memory(tenant, id, components, payload=payload))
    for tenant, other in (("left", "right"), ("right", "left")):
        stage.call(TenantCall, "Recall", recall(tenant, components, 10, with_payloads=True))
        for id in ("same", f"only-{tenant}", f"only-{other}"):
            stage.call(TenantCall, "Get", {"tenant": tenant, "id": id})
        stage.call(TenantCall, "Recall", recall(tenant, components, 10, with_payloads=True))
    stage.call(TenantCall, "Delete", {"tenant": "left", "id": "same"})
    for tenant in ("left", "right"):
        stage.call(TenantCall, "Get", {"tenant": tenant, "id": "same"})
        stage.call(TenantCall, "Recall", recall(tenant, components, 10, with_payloads=True))


def play_idempotency(stage: Stage) -> None:
    """A store, the same again, and another under the same key."""
    draw = seeded("idempotency")
    for at in range(3):
        request = memory("idempotency", f"d{at}", stage.shape.vector(draw), payload="00", idempotency_key=f"key-{at}")
        stage.call(IdempotencyCall, "Store", request)
        stage.call(IdempotencyCall, "Store", request)
        stage.call(IdempotencyCall, "Store", request | {"payload": "01"})
        stage.call(IdempotencyCall, "Store", request)
    stage.call(IdempotencyCall, "Stats", {"tenant": "idempotency"})


def play_durability(stage: Stage, kill: Callable[[], None]) -> None:
    """Stores, one after the other; somewhere in the middle, and unknown to the caller when, the server is killed."""
    draw = seeded("durability")
    kill()
    for at in range(MOST_BEFORE_KILL):
        request = memory("durability", f"k{at:03}", stage.shape.vector(draw), payload=f"{at:08x}")
        if not stage.call(DurabilityCall, "Store", request).answered:
            break


def play_after_kill(stage: Stage) -> None:
    """Everything that was acknowledged is read from the process that came after."""
    sent = [call for call in stage.calls if isinstance(call, DurabilityCall)]
    for call in sent:
        if call.answered:
            stage.call(DurabilityCall, "Get", {"tenant": "durability", "id": call.request["id"]})
    stage.call(DurabilityCall, "Stats", {"tenant": "durability"})


def play_refusals(stage: Stage) -> None:
    """One bad field in each of many requests that are otherwise good."""
    draw = seeded("refusal")
    good = memory("refusal", "good", stage.shape.vector(draw), importance="1.0")
    asked = recall("refusal", stage.shape.vector(draw), 3)
    stage.call(RefusalCall, "Store", good)
    stage.call(RefusalCall, "Stats", {"tenant": "refusal"})
    numbers = good["vector"].split()
    first, second = stage.shape.named
    bad: tuple[tuple[str, str, dict[str, Any]], ...] = (
        ("vector.values[2]", "Store", good | {"id": "x", "vector": " ".join([*numbers[:2], "nan", *numbers[3:]])}),
        ("vector.values[5]", "Store", good | {"id": "x", "vector": " ".join([*numbers[:5], "-inf", *numbers[6:]])}),
        ("vector", "Store", good | {"id": "x", "vector": " ".join(["0.0"] * stage.shape.dimension)}),
        ("vector", "Store", good | {"id": "x", "vector": " ".join(numbers[:-1])}),
        ("content", "Store", {k: v for k, v in good.items() if k != "vector"} | {"id": "x"}),
        ("importance", "Store", good | {"id": "x", "importance": "nan"}),
        ("importance", "Store", good | {"id": "x", "importance": "inf"}),
        ("id", "Store", good | {"id": ""}),
        ("id", "Store", good | {"id": "x" * 257}),
        ("tenant", "Store", good | {"id": "x", "tenant": ""}),
        ("features", "Store", good | {"id": "x", "features": {first: "1.5"}}),
        ("features", "Store", good | {"id": "x", "features": {"unheard-of": "0.5"}}),
        ("metadata", "Store", good | {"id": "x", "metadata": {"much": "m" * 100_000}}),
        ("created_at", "Store", good | {"id": "x", "created_at": 400_000_000_000 * SECOND}),
        ("k", "Recall", asked | {"k": 0}),
        ("k", "Recall", asked | {"k": -1}),
        ("k", "Recall", asked | {"k": 2_000_000_000}),
        ("parameters.tau_seconds", "Recall", asked | {"parameters": {"tau_seconds": "0.0"}}),
        ("parameters.tau_seconds", "Recall", asked | {"parameters": {"tau_seconds": "-5.0"}}),
        ("parameters.tau_seconds", "Recall", asked | {"parameters": {"tau_seconds": "nan"}}),
        ("parameters.alpha", "Recall", asked | {"parameters": {"alpha": "-1.0"}}),
        ("parameters.beta", "Recall", asked | {"parameters": {"beta": "0.0"}}),
        ("parameters.feature_weights", "Recall", asked | {"parameters": {"feature_weights": {first: "-0.5"}}}),
        (
            "parameters.feature_weights",
            "Recall",
            asked | {"parameters": {"feature_weights": {first: "0.6", second: "0.6"}}},
        ),
        ("min_score", "Recall", asked | {"min_score": "1.5"}),
        ("vector.values[0]", "Recall", asked | {"vector": " ".join(["inf", *numbers[1:]])}),
        ("vector", "Explain", {"tenant": "refusal", "id": "good", "vector": "1.0 2.0"}),
        ("tenant", "Recall", asked | {"tenant": "never/heard of"}),
    )
    for field, method, request in bad:
        stage.call(RefusalCall, method, request, field=field)
    stage.call(RefusalCall, "Stats", {"tenant": "refusal"})


def play_access(stage: Stage) -> None:
    """Callers without a token, with a bad one, without the tenant, and without the right to write."""
    draw = seeded("access")
    store = memory("access", "a", stage.shape.vector(draw))
    get = {"tenant": "access", "id": "a"}
    calls = (
        ("operator", "Store", store, "OK"),
        ("operator", "Get", get, "OK"),
        ("reader", "Get", get, "OK"),
        ("reader", "Store", store, "PERMISSION_DENIED"),
        ("reader", "Delete", get, "PERMISSION_DENIED"),
        ("stranger", "Get", get, "PERMISSION_DENIED"),
        ("stranger", "Recall", recall("access", stage.shape.vector(draw), 1), "PERMISSION_DENIED"),
        ("stranger", "Store", store, "PERMISSION_DENIED"),
        ("", "Get", get, "UNAUTHENTICATED"),
        ("", "Store", store, "UNAUTHENTICATED"),
        ("expired", "Get", get, "UNAUTHENTICATED"),
        ("other audience", "Get", get, "UNAUTHENTICATED"),
        ("forged", "Get", get, "UNAUTHENTICATED"),
        ("forged", "Store", store, "UNAUTHENTICATED"),
    )
    for caller, method, request, expected in calls:
        stage.call(AccessCall, method, request, caller=caller, expected=expected)


ACTS = (
    *(play_norm, play_similarity, play_clamp, play_importance, play_score, play_half_life, play_retention),
    *(play_payload, play_ties, play_tenants, play_idempotency, play_refusals, play_access),
)
"""The acts of the first server, in the order of playing; the kill and the second server follow."""
