"""Faults in the cluster under continuous writes, and what is there afterwards. As a command:

    python -m kind.faults FAULTS [SEED]

Several writers store through a forwarded port, each repeating a store under its key until it is acknowledged. Meanwhile
pods are deleted with no time to end, the service's container is killed, PostgreSQL's pod is deleted, the node is drained
and its container restarted, in an order that the seed decides. At the end every acknowledged memory must be there, exact,
once; no store may have taken effect twice. The tenant is the run's own, and is emptied at the end.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import random
import secrets
import sys
import tempfile
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import numpy as np
from sfm.client import AsyncClient, Tls
from sfm.errors import IdempotencyConflict, MemoryServiceError

from kind.cluster import NODE, kubectl
from kind.forwarding import Forward
from kind.programs import Failure, run, say, succeeds, wait
from kind.settings import CLIENTS, INFRA, LOOPBACK_NAME, MEMORY_PORT, SERVICE
from kind.tokens import long_lived

POD, CONTAINER, DATABASE = "sfm-0", "sfm", "postgres-0"
D = 256
WRITERS = 6
PAUSE_SECONDS = (0.05, 0.3)
"""Between two stores of a writer."""
CALL_SECONDS = 10.0
MOST_RESTARTS = 2
"""Of one pod's container: the kubelet waits twice as long before each."""
REWRITTEN = 0.2
"""The share of stores that replace an earlier memory of the same writer."""
RECOVERY_SECONDS = 420
QUIET_SECONDS = (0.5, 3.0)
"""Between a recovery and the next fault."""
READERS = 16
EXACT = 1e-7
"""Largest difference of a component of a unit vector in single precision."""


def delete_pod() -> None:
    """The service's pod goes without time to end."""
    kubectl("-n", SERVICE, "delete", "pod", POD, "--grace-period=0", "--force", "--wait=false")


def kill_container() -> None:
    """SIGKILL to the service's process, by the node's runtime; a pod that waits longer each time is made anew before."""
    status = own_status()
    if status["restartCount"] >= MOST_RESTARTS:
        kubectl("-n", SERVICE, "delete", "pod", POD)
        wait("the service", lambda: ready(SERVICE, POD), RECOVERY_SECONDS, pause=1)
        status = own_status()
    id = status["containerID"].rpartition("/")[2]
    run("docker", "exec", NODE, "ctr", "--namespace", "k8s.io", "tasks", "kill", "--signal", "SIGKILL", id)


def own_status() -> dict[str, Any]:
    """What the API says of the service's container."""
    found = json.loads(kubectl("-n", SERVICE, "get", "pod", POD, "--output=json"))["status"]["containerStatuses"]
    return next(dict(each) for each in found if each["name"] == CONTAINER)


def delete_database() -> None:
    """PostgreSQL's pod goes without time to end."""
    kubectl("-n", INFRA, "delete", "pod", DATABASE, "--grace-period=0", "--force", "--wait=false")


def drain_node() -> None:
    """The node is emptied of the service and its database, and taken into use again."""
    chosen = "--pod-selector=app.kubernetes.io/name in (sfm,postgres)"
    try:
        kubectl("drain", NODE, "--ignore-daemonsets", "--delete-emptydir-data", chosen, "--timeout=120s")
    finally:
        kubectl("uncordon", NODE)


def restart_node() -> None:
    """The node's container is killed and started again, with everything in it."""
    run("docker", "kill", NODE)
    run("docker", "start", NODE)
    wait("the API", lambda: succeeds("kubectl", "get", "--raw=/readyz", timeout=10), RECOVERY_SECONDS, pause=2)


FAULTS: dict[str, tuple[Callable[[], None], int]] = {
    "pod delete": (delete_pod, 32),
    "container kill -9": (kill_container, 36),
    "database pod delete": (delete_database, 20),
    "drain and uncordon": (drain_node, 8),
    "node restart": (restart_node, 4),
}
"""Each fault, and how often of a hundred it is chosen."""


@dataclass
class Told:
    """What was acknowledged.

    Attributes:
        versions: the last version of each id.
        sequences: the position that the store of the last version was answered with.
        answers: acknowledged stores.
        repeats: calls that failed and were repeated, by why.
        wrong: what no answer may be.
    """

    versions: dict[str, int] = field(default_factory=dict)
    sequences: dict[str, int] = field(default_factory=dict)
    answers: int = 0
    repeats: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)


def content(id: str, version: int) -> dict[str, Any]:
    """Vector, importance, creation and payload of a memory, which follow from id and version."""
    number = zlib.crc32(f"{id}:{version}".encode())
    return {
        "content": np.sin(number * np.sqrt(np.arange(2, D + 2))).astype(np.float32),
        "importance": math.sin(number),
        "created": 1_700_000_000_000_000 + version,
        "payload": f"{id}:{version};".encode() * (1 + number % 19),
    }


async def writer(client: AsyncClient, tenant: str, number: int, told: Told, over: asyncio.Event) -> None:
    """Store until it is over, each store until it is acknowledged."""
    rng, own = random.Random(f"{tenant} {number}"), 0  # noqa: S311 -- chance, no secret
    while not over.is_set():
        if own and rng.random() < REWRITTEN:
            id = f"{number}.{rng.randrange(own)}"
        else:
            id, own = f"{number}.{own}", own + 1
        version = told.versions.get(id, 0) + 1
        while True:
            try:
                stored = await client.store(tenant, id, **content(id, version), idempotency_key=f"{id}:{version}")
            except IdempotencyConflict as error:  # it never is another request
                told.wrong.append(f"{id}: version {version} is refused when it is repeated: {error}")
                return
            except (MemoryServiceError, grpc.RpcError) as error:
                told.repeats[f"{type(error).__name__}: {str(error)[:60]}"] += 1
                await asyncio.sleep(0.5)
            else:
                break
        if stored.replaced != (version > 1):
            told.wrong.append(f"{id}: version {version} took effect twice")
        told.versions[id], told.sequences[id] = version, stored.sequence
        told.answers += 1
        await asyncio.sleep(rng.uniform(*PAUSE_SECONDS))


async def judge(client: AsyncClient, tenant: str, told: Told) -> list[str]:
    """What is lost, doubled or not as it was stored."""
    wrong, waiting = [*told.wrong], iter(told.versions.items())
    places: Counter[int] = Counter()

    async def reader() -> None:
        for id, version in waiting:
            try:
                found = await client.get(tenant, id)
            except MemoryServiceError as error:
                wrong.append(f"{id}: version {version} was acknowledged and is lost: {error}")
                continue
            wanted = content(id, version)
            unit = wanted["content"].astype(np.float64)
            unit /= np.linalg.norm(unit)
            places[found.sequence] += 1
            same = found.payload == wanted["payload"] and found.raw_importance == wanted["importance"]
            if not same or found.created != wanted["created"] or np.abs(found.vector - unit).max() > EXACT:
                wrong.append(f"{id}: version {version} is not as it was stored")
            if found.sequence != told.sequences[id]:
                wrong.append(f"{id}: stands at {found.sequence}, and {told.sequences[id]} was answered")

    await asyncio.gather(*(reader() for _ in range(READERS)))
    wrong += [f"position {place} is that of {count} memories" for place, count in places.items() if count > 1]
    if max(places, default=0) != told.answers:  # positions count a tenant's changes from 1
        wrong.append(f"{max(places, default=0)} changes, where {told.answers} stores were acknowledged")
    total = (await client.stats(tenant)).total_vectors
    if total != len(told.versions):
        wrong.append(f"{total} memories, where {len(told.versions)} were stored")
    return wrong


async def emptied(client: AsyncClient, tenant: str, told: Told) -> None:
    """Forget the run's memories."""
    waiting = iter(list(told.versions))

    async def forgetter() -> None:
        for id in waiting:
            await client.delete(tenant, id)

    await asyncio.gather(*(forgetter() for _ in range(READERS)))


@contextlib.contextmanager
def written(text: str) -> Iterator[Path]:
    """A file with this text, for as long as the block lasts."""
    with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:
        file.write(text)
        file.flush()
        yield Path(file.name)


def recovered(told: Told, before: int) -> bool:
    """Whether the service and its database are ready, and stores have been acknowledged since."""
    return told.answers >= before + WRITERS and ready(SERVICE, POD) and ready(INFRA, DATABASE)


def ready(namespace: str, name: str) -> bool:
    """Whether a pod is there and ready."""
    try:
        found = kubectl("-n", namespace, "get", "pod", name, "--ignore-not-found", "--output=json", timeout=15)
    except Failure:
        return False
    status = json.loads(found).get("status", {}) if found.strip() else {}
    return any(each["type"] == "Ready" and each["status"] == "True" for each in status.get("conditions", ()))


async def matrix(faults: int, seed: int, until: float) -> tuple[Counter[str], Told, list[str]]:
    """All faults, or as many as begin before a moment of time.monotonic(); what was done and told, and what is wrong."""
    rng, told, over, done = random.Random(seed), Told(), asyncio.Event(), Counter[str]()  # noqa: S311 -- no secret
    tenant = f"faults-{secrets.token_hex(4)}"
    token = await asyncio.to_thread(long_lived, tenant)
    roots = json.loads(kubectl("-n", CLIENTS, "get", "configmap", "sfm-ca", "--output=json"))["data"]["ca.crt"]
    with written(roots) as file, Forward(SERVICE, f"pod/{POD}", MEMORY_PORT) as forward:
        async with AsyncClient(
            f"{LOOPBACK_NAME}:{forward.port}", token=token, tls=Tls(roots=file), timeout_seconds=CALL_SECONDS
        ) as client:
            writers = [asyncio.create_task(writer(client, tenant, n, told, over)) for n in range(WRITERS)]
            try:
                for number in range(faults):
                    if time.monotonic() > until:
                        break
                    name = rng.choices(list(FAULTS), [share for _, share in FAULTS.values()])[0]
                    before, begin = told.answers, time.monotonic()
                    await asyncio.to_thread(FAULTS[name][0])
                    forward.renew()
                    before = told.answers
                    while not await asyncio.to_thread(recovered, told, before):
                        if time.monotonic() - begin > RECOVERY_SECONDS:
                            raise Failure(f"{name}: no recovery within {RECOVERY_SECONDS} s")
                        await asyncio.sleep(1)
                    done[name] += 1
                    say(f"  {number + 1}. {name}: {time.monotonic() - begin:.0f} s, {told.answers} acknowledged")
                    await asyncio.sleep(rng.uniform(*QUIET_SECONDS))
            finally:
                over.set()
                _, waiting = await asyncio.wait(writers, timeout=RECOVERY_SECONDS)
                for task in waiting:
                    task.cancel()
                    told.wrong.append("a store is never answered")
            wrong = await judge(client, tenant, told)
            if not wrong:
                await emptied(client, tenant, told)
    return done, told, wrong


def main(faults: int, seed: int, seconds: float) -> int:
    """Report; the exit status tells whether anything is wrong."""
    begin = time.monotonic()
    done, told, wrong = asyncio.run(matrix(faults, seed, begin + seconds))
    report = {
        "faults": dict(done),
        "acknowledged": told.answers,
        "memories": len(told.versions),
        "wrong": len(wrong),
        "repeated calls": dict(told.repeats.most_common(8)),
        "seed": seed,
        "seconds": round(time.monotonic() - begin),
    }
    print(json.dumps(report, indent=1))
    print("\n".join(wrong[:20]))
    return bool(wrong)


if __name__ == "__main__":
    given = [int(word) for word in sys.argv[1:4]]
    sys.exit(main(given[0], given[1] if len(given) > 1 else 1, given[2] if len(given) > 2 else 24 * 3600))
