"""What a memory service keeps safe, judged by the transcript of what it answered, by its latencies and by its limits."""

from collections.abc import Iterator

from strictreal.check import check
from strictreal.facts.memory import (
    REFUSED,
    SERVED,
    AccessCall,
    DurabilityCall,
    IdempotencyCall,
    MemoryCall,
    MemoryLatency,
    RateBurst,
    RefusalCall,
    TenantCall,
)
from strictreal.facts.transcript import answers, needed, quantile_us, same_direction
from strictreal.model import Facts, Finding

P95_US = 50_000
"""The roadmap's service level: the 95th percentile of Store and Recall."""


@check(
    "memory.tenants",
    proves="Nothing of one tenant is seen or changed by another.",
    remedy="Keep each tenant's memories apart from the id map to the cache.",
)
def test_tenants_are_isolated(calls: Facts[TenantCall]) -> Iterator[Finding]:
    payloads: dict[tuple[str, str], str] = {}
    for call in calls:
        tenant = call.request.get("tenant", "")
        if call.method == "Store" and call.answered:
            payloads[tenant, call.request["id"]] = call.request["payload"]
        elif call.method == "Delete" and call.answered and call.response["deleted"]:
            payloads.pop((tenant, call.request["id"]), None)
        elif call.method == "Get":
            wanted = payloads.get((tenant, call.request["id"]))
            if (wanted is None) == call.answered:
                yield call.finding(f"{call.code} for {call.request['id']} of {tenant}")
            elif call.answered and call.response["memory"]["payload"] != wanted:
                yield call.finding(f"{call.request['id']} of {tenant} has the payload of another tenant")
        elif call.method == "Recall" and call.answered:
            for hit in call.response["hits"]:
                id, payload = hit["memory"]["id"], hit["memory"]["payload"]
                if payloads.get((tenant, id)) != payload:
                    yield call.finding(f"{id} is recalled for {tenant}, which has no such memory")


@check(
    "memory.idempotency",
    proves="A store that is repeated with its key takes effect once, and the key serves nothing else.",
    remedy="Keep the key with the digest of its request and the first answer, in the same transaction.",
)
def test_a_repeated_store_takes_effect_once(calls: Facts[IdempotencyCall]) -> Iterator[Finding]:
    first: dict[tuple[str, str], MemoryCall] = {}
    for call in calls:
        if call.method != "Store":
            continue
        original = first.setdefault((call.request["tenant"], call.request["idempotency_key"]), call)
        if original is call or call.request == original.request:
            if call.code != original.code or call.response != original.response:
                yield call.finding("the repeated store was answered otherwise than the first")
        elif call.answered:
            yield call.finding("the key was accepted for another request")
    totals = {call.response["total_vectors"] for call in answers(calls, "Stats")}
    needed(totals, "a count of memories", calls)
    most = max(totals, default=0)
    if most > len(first):
        yield calls[-1].finding(f"{most} memories after {len(first)} distinct stores")


@check(
    "memory.durability",
    proves="Every acknowledged memory outlives a kill of the process, unchanged and once.",
    remedy="Answer a store when its commit is on disk, not before.",
)
def test_acknowledged_memories_outlive_a_kill(calls: Facts[DurabilityCall]) -> Iterator[Finding]:
    acknowledged = {c.request["id"]: c for c in calls if c.method == "Store" and c.answered and not c.incarnation}
    sent = {c.request["id"] for c in calls if c.method == "Store" and not c.incarnation}
    after = {c.request["id"]: c for c in calls if c.method == "Get" and c.incarnation}
    needed(acknowledged, "an acknowledged store before the kill", calls)
    for id, store in acknowledged.items():
        read = after.get(id)
        if read is None or not read.answered:
            yield store.finding(f"{id} was acknowledged, and after the kill: {read.code if read else 'not asked for'}")
        elif read.response["memory"]["payload"] != store.request["payload"]:
            yield read.finding(f"the payload of {id} is not what was stored")
        elif not same_direction(store.request["vector"], read.response["memory"]["vector"]):
            yield read.finding(f"the vector of {id} is not what was stored")
    for call in (c for c in answers(calls, "Stats") if c.incarnation):
        if not len(acknowledged) <= call.response["total_vectors"] <= len(sent):
            counted = f"{len(acknowledged)} were acknowledged and {len(sent)} sent"
            yield call.finding(f"{call.response['total_vectors']} memories after the kill; {counted}")


@check(
    "memory.bad-input",
    proves="Bad input is refused with INVALID_ARGUMENT that names the field, and changes nothing.",
    remedy="Validate the whole request before anything else, and begin the message with the field's path.",
)
def test_bad_input_is_refused_by_field(calls: Facts[RefusalCall]) -> Iterator[Finding]:
    for call in needed([c for c in calls if c.field], "a bad request", calls):
        if call.code != "INVALID_ARGUMENT":
            yield call.finding(f"{call.code} for a bad {call.field}")
        elif not call.message.startswith(call.field):
            yield call.finding(f"the message does not begin with {call.field}: {call.message[:100]}")
    totals = [call.response["total_vectors"] for call in answers(calls, "Stats")]
    if len(set(totals)) > 1:
        yield calls[-1].finding(f"{totals[0]} memories before the bad requests, {totals[-1]} after")


@check(
    "memory.access",
    proves="Nobody is answered without a valid token and a policy that allows the call.",
    remedy="Deny by default: verify the token, then ask the policy, and take no answer for a no.",
)
def test_access_needs_a_token_and_a_policy(calls: Facts[AccessCall]) -> Iterator[Finding]:
    needed([c for c in calls if c.expected == "OK"], "a call that must be answered", calls)
    needed([c for c in calls if c.expected != "OK"], "a call that must be refused", calls)
    for call in calls:
        if call.code != call.expected:
            yield call.finding(f"{call.method} by {call.caller or 'nobody'}: {call.code}, not {call.expected}")


@check(
    "memory.latency",
    proves="Of 100 stores and of 100 recalls, 95 take less than 50 ms with several clients.",
    remedy="See which phase grows: commit, search or queue; `sfm bench` tells them apart.",
)
def test_latency_stays_below_the_service_level(latencies: Facts[MemoryLatency]) -> Iterator[Finding]:
    for latency in latencies:
        if latency.failed:
            yield latency.finding(f"{latency.failed} calls of {latency.method} failed")
        counted = quantile_us(latency, 95)
        if latency.p95_us > P95_US or counted > P95_US:
            p95 = max(latency.p95_us, counted) / 1000
            yield latency.finding(
                f"the 95th percentile of {latency.method} is {p95:g} ms with {latency.clients} clients"
            )
    absent = {"Store", "Recall"} - {latency.method for latency in latencies}
    needed(not absent, f"latencies of {', '.join(sorted(absent))}", latencies)


@check(
    "memory.rate-limit",
    proves="A tenant that calls too fast is refused at its limit, neither later nor sooner, and no other tenant is.",
    remedy="Count the calls of each tenant in a bucket of its own, and answer RESOURCE_EXHAUSTED when it is empty.",
)
def test_a_tenant_is_held_to_its_rate(bursts: Facts[RateBurst]) -> Iterator[Finding]:
    for seen in bursts:
        limit = f"{seen.rate} a second and {seen.burst} at once"
        said = f": {seen.message[:100]}" if seen.message else ""
        if seen.let_through > seen.most:
            took = f"{seen.elapsed_us / 1e6:.3f} s"
            yield seen.finding(f"{seen.let_through} calls of a tenant were let through in {took}, where {limit} may be")
        elif seen.refused and seen.let_through + seen.failed + 1 < seen.burst:
            yield seen.finding(f"a tenant was refused after {seen.let_through} calls, where {limit} may be{said}")
        for code in sorted({*seen.codes} - SERVED - {REFUSED}):
            yield seen.finding(f"{code} for {seen.codes[code]} calls of a tenant at its limit, not {REFUSED}{said}")
        if seen.refused:
            needed(seen.others, "a call of another tenant meanwhile", bursts)
        for code in sorted({*seen.others} - SERVED):
            yield seen.finding(f"{code} for {seen.others[code]} calls of another tenant, which is not at its limit")
