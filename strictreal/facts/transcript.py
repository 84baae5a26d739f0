"""Reading a transcript of the memory service: what was answered, what was stored, what a recall should have given."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple, TypeVar

from strictreal.facts import scoring
from strictreal.facts.memory import MemoryCall, MemoryLatency, MemoryService
from strictreal.model import Fact

T = TypeVar("T")
C = TypeVar("C", bound=MemoryCall)
MICROSECONDS = 1_000_000
SINGLE_PRECISION = Decimal("1e-6")
"""Of a unit vector's length, and of a score, whose vector was rounded to single precision."""


def needed(items: T, what: str, seen: Sequence[Fact]) -> T:
    """The items, if there are any, or if nothing at all was seen, which is the judge's business.

    Raises:
        LookupError: there are none among what was seen, so that the transcript decides nothing.
    """
    if seen and not items:
        raise LookupError(f"the transcript lacks {what}")
    return items


def answers(calls: Iterable[C], method: str) -> list[C]:
    """The calls of one method, all of which should succeed.

    Raises:
        LookupError: one did not, so that the transcript lacks what was to be judged.
    """
    found = [call for call in calls if call.method == method]
    for call in found:
        if not call.answered:
            raise LookupError(f"{call.where.resource} was answered {call.code}: {call.message}")
    return found


def stored(calls: Iterable[MemoryCall]) -> dict[str, dict[str, Any]]:
    """The last acknowledged request of each id."""
    return {call.request["id"]: call.request for call in answers(calls, "Store")}


def stored_before(calls: Iterable[MemoryCall], moment: MemoryCall) -> dict[str, dict[str, Any]]:
    """What was stored before one call, and not deleted since."""
    held: dict[str, dict[str, Any]] = {}
    for call in sorted(calls, key=lambda call: call.order):
        if call.order >= moment.order or call.code != "OK" or call.request.get("tenant") != moment.request["tenant"]:
            continue
        if call.method == "Store":
            held[call.request["id"]] = call.request
        elif call.method == "Delete":
            held.pop(call.request["id"], None)
    return held


def double(message: Mapping[str, Any], name: str) -> Decimal:
    """A field of a message, exactly the double that was sent."""
    return Decimal(float(message[name]))


def direction(vector: str) -> tuple[Decimal, ...]:
    """The unit vector of one that was given, as 50 digits have it."""
    numbers = scoring.numbers(vector)
    length = scoring.norm(numbers)
    return tuple(x / length for x in numbers)


def same_direction(given: str, kept: str) -> bool:
    """Whether two vectors have one direction, but for the rounding of a unit vector to single precision."""
    return abs(scoring.dot(scoring.numbers(given), scoring.numbers(kept)) - 1) <= SINGLE_PRECISION


class Ranked(NamedTuple):
    """A memory and the score that it should have."""

    score: Decimal
    id: str


def ranking(call: MemoryCall, held: Mapping[str, Mapping[str, Any]], service: MemoryService) -> list[Ranked]:
    """Every memory that a recall could give, best first, by the roadmap's formula and nothing else.

    A score too small for a double is 0 on any wire, and is left out.
    """
    given = call.request.get("parameters", {})
    names = ("alpha", "beta", "tau_seconds")
    parameters = {name: Decimal(float(given.get(name, service.settings[name]))) for name in names}
    weights = given.get("feature_weights", {})
    slope, centre = (Decimal(float(service.settings[name])) for name in ("importance_slope", "importance_centre"))
    query, now = scoring.numbers(call.request["vector"]), call.request["as_of"]
    found = []
    for id, memory in held.items():
        if memory["created_at"] > now or not _matches(memory.get("metadata", {}), call.request.get("filter", {})):
            continue
        near = scoring.dot(query, direction(memory["vector"]))
        i = scoring.importance(Decimal(float(memory.get("importance", "0"))), slope, centre)
        age = Decimal(now - memory["created_at"]) / MICROSECONDS
        channels = memory.get("features", {})
        powers = [
            scoring.power(Decimal(float(channels.get(name, "1"))), Decimal(float(weight)))
            for name, weight in weights.items()
        ]
        score = scoring.score(near, i, age, parameters, powers)
        if float(score) > 0 and score >= Decimal(float(call.request.get("min_score", "0"))):
            found.append(Ranked(score, id))
    return sorted(found, key=lambda ranked: (-ranked.score, ranked.id))


def _matches(metadata: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    return all(name in metadata and metadata[name] == value for name, value in wanted.items())


def misranked(hits: Sequence[Mapping[str, Any]], wanted: Sequence[Ranked], k: int, tolerance: Decimal) -> str:
    """How the hits of a recall differ from the ranking, "" if in nothing but what the tolerance covers.

    Stored vectors are rounded to single precision, so two scores nearer to each other than the tolerance may stand in
    either order, and either may be the last that enters.
    """
    scores = {ranked.id: ranked.score for ranked in wanted}
    if len(hits) != min(k, len(wanted)):
        return f"{len(hits)} hits, where {min(k, len(wanted))} have a score"
    for hit, should in zip(hits, wanted, strict=False):
        id = hit["memory"]["id"]
        if id not in scores:
            return f"{id} is recalled and should not be"
        if abs(scores[id] - should.score) > tolerance:
            return f"{id} is recalled where {should.id} belongs"
        if abs(double(hit, "score") - scores[id]) > tolerance:
            return f"{id} scores {hit['score']}, not {float(scores[id])!r}"
    if len({hit["memory"]["id"] for hit in hits}) != len(hits):
        return "a memory is recalled twice"
    return ""


def misfactored(said: Mapping[str, Any], tolerance: Decimal) -> Iterator[str]:
    """Factors of an explanation that are not what the formula makes of its own dot product, importance and age."""
    given = said["parameters"]
    dot = double(said, "dot")
    clamped = min(max(dot, Decimal(0)), Decimal(1))
    wanted = {
        "similarity": clamped,
        "similarity_factor": scoring.power(clamped, double(given, "beta")),
        "importance_factor": scoring.power(double(said, "importance"), double(given, "alpha")),
        "decay_factor": scoring.decay(double(said, "age_seconds"), double(given, "tau_seconds")),
    }
    for name, value in wanted.items():
        if abs(double(said, name) - value) > tolerance:
            yield f"{name} is {said[name]}, not {float(value)!r}"
    for feature in said["features"]:
        value = scoring.power(double(feature, "value"), double(feature, "weight"))
        if abs(double(feature, "factor") - value) > tolerance:
            yield f"the factor of {feature['name']} is {feature['factor']}, not {float(value)!r}"


def log_score(said: Mapping[str, Any]) -> Decimal | None:
    """The log form of an explanation; None where a factor is 0, which has no logarithm."""
    given = said["parameters"]
    terms = [
        double(given, "beta") * (double(said, "similarity") + double(said, "log_epsilon")).ln(),
        double(given, "alpha") * double(said, "importance").ln(),
        scoring.log_decay(double(said, "age_seconds"), double(given, "tau_seconds")),
        *(double(f, "weight") * double(f, "value").ln() for f in said["features"] if double(f, "weight")),
    ]
    return sum(terms, Decimal(0)) if all(term.is_finite() for term in terms) else None


def quantile_us(latency: MemoryLatency, percent: int) -> int:
    """The upper bound of the bucket in which a percentile lies, in microseconds; the last bound + 1 for the last."""
    wanted, seen = -(-sum(latency.counts) * percent // 100), 0
    for bound, count in zip((*latency.bounds_us, latency.bounds_us[-1] + 1), latency.counts, strict=True):
        seen += count
        if seen >= wanted:
            return bound
    return latency.bounds_us[-1] + 1
