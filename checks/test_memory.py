"""The memory service's mathematics, the roadmap's, judged by the transcript of what it answered.

Reference values have 50 digits (strictreal/facts/scoring.py). A service computes in doubles over unit vectors in single
precision; TOLERANCE covers the rounding of that, relative to 1, and nothing more.
"""

import itertools
import math
from collections.abc import Iterator
from decimal import Decimal

from strictreal.check import check
from strictreal.facts import scoring
from strictreal.facts.memory import (
    ClampCall,
    HalfLifeCall,
    HalfPrecisionCall,
    ImportanceCall,
    MemoryService,
    NormCall,
    PayloadCall,
    RetentionCall,
    ScoreCall,
    SimilarityCall,
    TieCall,
)
from strictreal.facts.transcript import (
    SINGLE_PRECISION,
    answers,
    direction,
    double,
    log_score,
    misfactored,
    misranked,
    needed,
    ranking,
    same_direction,
    stored,
    stored_before,
)
from strictreal.model import Facts, Finding

TOLERANCE = Decimal("1e-12")
"""Of a double computed from a few hundred components: some hundred times 2^-53."""
LOG_TOLERANCE = Decimal("1e-9")
"""Of sums of a few logarithms, relative to the larger of 1 and the sum."""
SMALLEST = Decimal("4.95e-324")
"""The spacing of the smallest doubles."""
HALF_PRECISION_RECALL = Decimal("0.99")


@check(
    "memory.unit-norm",
    proves="Every stored vector is the unit vector of what was given.",
    remedy="Normalise on insert, in double precision, and keep the result.",
)
def test_norm_invariant(calls: Facts[NormCall]) -> Iterator[Finding]:
    given = stored(calls)
    for call in answers(calls, "Get"):
        memory = call.response["memory"]
        vector = scoring.numbers(memory["vector"])
        length = scoring.norm(vector)
        if abs(length - 1) > SINGLE_PRECISION:
            yield call.finding(f"the vector of {memory['id']} has norm {float(length)!r}")
        elif not same_direction(given[memory["id"]]["vector"], memory["vector"]):
            yield call.finding(f"the vector of {memory['id']} points elsewhere than the one that was stored")


@check(
    "memory.similarity",
    proves="Of memories equal in all else, the more similar is recalled first.",
    remedy="Score by the inner product of unit vectors.",
)
def test_similarity_monotonicity(calls: Facts[SimilarityCall]) -> Iterator[Finding]:
    given = stored(calls)
    for call in answers(calls, "Recall"):
        query = scoring.numbers(call.request["vector"])
        near = {id: scoring.dot(query, direction(store["vector"])) for id, store in given.items()}
        ids = [hit["memory"]["id"] for hit in call.response["hits"]]
        for before, after in itertools.pairwise(ids):
            if near[before] < near[after] - SINGLE_PRECISION:
                yield call.finding(f"{before} stands before {after}, which is more similar")
        left = [id for id, value in near.items() if id not in ids and value > SINGLE_PRECISION]
        if left and len(ids) < call.request["k"]:
            yield call.finding(f"{left[0]} is similar and was not recalled, though there was room")
        worst = min((near[id] for id in ids), default=Decimal(0))
        for id in left:
            if near[id] > worst + SINGLE_PRECISION:
                yield call.finding(f"{id} was not recalled, and is more similar than one that was")


@check(
    "memory.zero-clamp",
    proves="A memory on the far side of the query scores 0, never less.",
    remedy="Clamp the similarity: max(0, q·v).",
)
def test_zero_similarity_clamp(calls: Facts[ClampCall]) -> Iterator[Finding]:
    away = [call for call in answers(calls, "Explain") if float(call.response["dot"]) < 0]
    needed(away, "an explanation of a memory on the far side", calls)
    for call in away:
        if float(call.response["similarity"]) != 0 or float(call.response["score"]) != 0:
            yield call.finding(f"similarity {call.response['similarity']} and score {call.response['score']}, not 0")
    far = {call.request["id"] for call in away}
    for call in answers(calls, "Recall"):
        for hit in call.response["hits"]:
            if float(hit["score"]) < 0 or (hit["memory"]["id"] in far and float(hit["score"]) > 0):
                yield call.finding(f"{hit['memory']['id']} is recalled with score {hit['score']}")


@check(
    "memory.importance",
    proves="Every memory carries the logistic importance of what was given, between 0 and 1.",
    remedy="Set i = 1/(1 + exp(-k(r - c))) on insert.",
)
def test_importance_present(calls: Facts[ImportanceCall], service: MemoryService) -> Iterator[Finding]:
    slope, centre = (Decimal(float(service.settings[name])) for name in ("importance_slope", "importance_centre"))
    given = stored(calls)
    for call in calls:
        if not call.answered or call.method not in {"Store", "Get"}:
            continue
        said = call.response if call.method == "Store" else call.response["memory"]
        raw = Decimal(float(given[said["id"]].get("importance", "0")))
        wanted, found = scoring.importance(raw, slope, centre), Decimal(float(said["importance"]))
        if abs(found - wanted) > TOLERANCE * wanted + SMALLEST or not 0 <= found <= 1:
            yield call.finding(f"importance {said['importance']} of raw {raw:g}, not {float(wanted)!r}")


@check(
    "memory.score-range",
    proves="Every score lies between 0 and 1, and hits come in order of score.",
    remedy="Bound every factor of the score by 1.",
)
def test_score_range(calls: Facts[ScoreCall]) -> Iterator[Finding]:
    for call in answers(calls, "Recall"):
        scores = [float(hit["score"]) for hit in call.response["hits"]]
        if any(not 0 <= score <= 1 for score in scores):
            yield call.finding(f"a score outside [0, 1]: {max(scores, key=abs)!r}")
        if scores != sorted(scores, reverse=True):
            yield call.finding("a larger score stands behind a smaller one")
    for call in answers(calls, "Explain"):
        if not 0 <= float(call.response["score"]) <= 1:
            yield call.finding(f"score {call.response['score']} outside [0, 1]")


@check(
    "memory.factorisation",
    proves="An explanation's factors are the formula's, and multiply to its score.",
    remedy="Compute each factor in double precision, and the score as their product.",
)
def test_factorisation(calls: Facts[ScoreCall]) -> Iterator[Finding]:
    for call in answers(calls, "Explain"):
        said = call.response
        names = ("similarity_factor", "importance_factor", "decay_factor")
        factors = [*(float(said[name]) for name in names), *(float(f["factor"]) for f in said["features"])]
        exact = scoring.product([Decimal(factor) for factor in factors])
        score = float(said["score"])
        if abs(Decimal(score) - exact) > 2 * Decimal(math.ulp(float(exact))):
            yield call.finding(f"the factors multiply to {float(exact)!r}, the score is {score!r}")
        for message in misfactored(said, TOLERANCE):
            yield call.finding(message)
        wanted = log_score(said)
        if wanted is not None and abs(double(said, "log_score") - wanted) > LOG_TOLERANCE * max(1, abs(wanted)):
            yield call.finding(f"log score {said['log_score']}, not {float(wanted)!r}")


@check(
    "memory.exact-recall",
    proves="A recall gives the k memories of largest score, in order, as scoring every memory would.",
    remedy="Stop a search early only where a bound proves that nothing further can enter.",
)
def test_recall_is_exact(calls: Facts[ScoreCall], service: MemoryService) -> Iterator[Finding]:
    for call in needed(answers(calls, "Recall"), "a recall", calls):
        wanted = ranking(call, stored_before(calls, call), service)
        if message := misranked(call.response["hits"], wanted, call.request["k"], SINGLE_PRECISION):
            yield call.finding(message)


@check(
    "memory.half-life",
    proves="A score halves with every half-life, and an infinite one leaves it as it is.",
    remedy="Multiply by 2^(-age/tau).",
)
def test_half_life_halving(calls: Facts[HalfLifeCall]) -> Iterator[Finding]:
    for call in needed(answers(calls, "Explain"), "an explanation", calls):
        tau, age = double(call.response["parameters"], "tau_seconds"), double(call.response, "age_seconds")
        created = next(c.request["created_at"] for c in calls if c.method == "Store")
        if abs(age - Decimal(call.request["as_of"] - created) / 1_000_000) > Decimal("1e-6"):
            yield call.finding(f"age {age:g} s is not the time since creation")
        halved, found = scoring.decay(age, tau), double(call.response, "decay_factor")
        if abs(found - halved) > 4 * Decimal(math.ulp(float(halved))):
            yield call.finding(f"after {float(age)!r} s of half-life {float(tau)!r} s the factor is {float(found)!r}")


@check(
    "memory.retention",
    proves="Eviction would take memories in ascending order of retention score.",
    remedy="Order by R = g1 i + g2 2^(-idle/tau) + g3 log(1+c)/log(1+C) - g4 cost.",
)
def test_retention_ordering(calls: Facts[RetentionCall], service: MemoryService) -> Iterator[Finding]:
    gammas = scoring.numbers(service.settings["retention_gammas"].replace(",", " "))
    tau = Decimal(float(service.settings["retention_tau_seconds"]))
    for call in needed([c for c in answers(calls, "Stats") if c.response["retention"]], "an order of eviction", calls):
        entries = call.response["retention"]
        scores = [
            scoring.retention(
                gammas,
                double(e, "importance"),
                double(e, "idle_seconds"),
                tau,
                e["access_count"],
                e["access_count_max"],
            )
            for e in entries
        ]
        for entry, wanted in zip(entries, scores, strict=True):
            if abs(double(entry, "score") - wanted) > LOG_TOLERANCE:
                yield call.finding(f"retention of {entry['id']} is {entry['score']}, not {float(wanted)!r}")
        for at in range(1, len(scores)):
            if scores[at - 1] > scores[at] + LOG_TOLERANCE:
                early, late = entries[at - 1]["id"], entries[at]["id"]
                yield call.finding(f"{early} would be evicted before {late}, which deserves it more")


@check(
    "memory.half-precision",
    proves="In half precision a recall still finds 99 of 100 memories that exact arithmetic finds.",
    remedy="Keep single precision, or score what is found again from it.",
)
def test_float16_recall(calls: Facts[HalfPrecisionCall], service: MemoryService) -> Iterator[Finding]:
    recalls = needed(answers(calls, "Recall"), "a recall", calls)
    found = total = 0
    for call in recalls:
        wanted = {ranked.id for ranked in ranking(call, stored_before(calls, call), service)[: call.request["k"]]}
        found += len(wanted & {hit["memory"]["id"] for hit in call.response["hits"]})
        total += len(wanted)
    if Decimal(found) < HALF_PRECISION_RECALL * total:
        yield recalls[0].finding(f"{found} of {total} memories were recalled")


@check(
    "memory.payload",
    proves="Ageing and recalling change nothing of a memory but when, and how often, it was read.",
    remedy="Let age lower the score, never the memory.",
)
def test_decay_is_not_destructive(calls: Facts[PayloadCall]) -> Iterator[Finding]:
    first: dict[str, dict[str, object]] = {}
    given = stored(calls)
    for call in answers(calls, "Get"):
        memory = {k: v for k, v in call.response["memory"].items() if k not in {"accessed_at", "access_count"}}
        before = first.setdefault(memory["id"], memory)
        for name in (name for name in memory if memory[name] != before.get(name)):
            yield call.finding(f"{name} of {memory['id']} has changed")
        for name in ("payload", "metadata", "created_at"):
            if name in given[memory["id"]] and memory[name] != given[memory["id"]][name]:
                yield call.finding(f"{name} of {memory['id']} is not what was stored")


@check(
    "memory.ties",
    proves="Equal scores come in order of their ids, whatever the order of arrival.",
    remedy="Break ties by id, inside the search and at its cut.",
)
def test_ties_are_ordered_by_id(calls: Facts[TieCall]) -> Iterator[Finding]:
    ids = sorted(stored(calls))
    for call in needed(answers(calls, "Recall"), "a recall", calls):
        hits = [(hit["score"], hit["memory"]["id"]) for hit in call.response["hits"]]
        if len({score for score, _ in hits}) > 1:
            yield call.finding("memories that nothing tells apart score differently")
        elif [id for _, id in hits] != ids[: call.request["k"]]:
            yield call.finding(f"recalled {', '.join(id for _, id in hits)}")
