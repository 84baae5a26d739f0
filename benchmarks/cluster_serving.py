"""The memory service through its cluster's Service, and the same program outside of the cluster: latencies and their ratio.

    python -m benchmarks.cluster_serving [--size N] [--seconds S] [--strict]

In the cluster that `make kind-up` made, a pod of the service's own image fills a tenant with N memories of the server's
dimension and then calls by 16 clients at once; the tenant is emptied at the end. Outside, the installed program serves on
loopback with TLS, tokens and a policy as well, and SQLite where the cluster has PostgreSQL; it is called by the same script.
Clients and servers share the machine's processors. The release's limits of calls are lifted for as long as the load lasts.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kind import settings, stack, state, tokens
from kind.cluster import kubectl
from kind.programs import Failure, wait
from strictreal.collect.service import identity, launch

CLIENTS, K, D = 16, 10, 256
BOUND_MS = 50
POD = "memory-benchmark"
UNLIMITED = ("--set", "config.rate_per_second=1000000", "--set", "config.rate_burst=1000000")
"""Calls of one tenant, which nobody reaches."""
SERVICE = f"sfm.{settings.SERVICE}.svc.cluster.local:{settings.MEMORY_PORT}"
SCRIPT = """
import asyncio, json, sys, time
from pathlib import Path
import numpy as np
from sfm.client import AsyncClient, Tls
from sfm.domain import NewMemory
target, folder, tenant = sys.argv[1], Path(sys.argv[2]), sys.argv[3]
size, dimension, clients, k, seconds, forgets = map(int, sys.argv[4:])
def rows(count, seed):
    return np.random.default_rng(seed).standard_normal((count, dimension), dtype=np.float32)
def memories():
    for at, row in enumerate(rows(size, 1)):
        yield NewMemory(tenant=tenant, id=f"m{at}", vector=row, raw_importance=float(np.sin(at)), created=at, payload=b"payload " * 5)
def quantiles(taken):
    found = np.quantile(np.array(taken) * 1e3, (0.5, 0.95, 0.99)) if taken else [float("inf")] * 3
    return {"calls": len(taken), **{name: round(float(v), 2) for name, v in zip(("p50_ms", "p95_ms", "p99_ms"), found)}}
async def timed(client, kind):
    taken, queries, end = [], rows(4096, 2 if kind == "store" else 3), time.perf_counter() + seconds
    async def caller(number):
        calls = 0
        while (before := time.perf_counter()) < end:
            row = queries[(number * 131 + calls) % len(queries)]
            if kind == "store":
                await client.store(tenant, f"s{number}-{calls}", row, payload=b"payload")
            else:
                await client.recall(tenant, row, k=k, as_of=2_000_000_000_000_000 + len(taken))
            taken.append(time.perf_counter() - before)
            calls += 1
        return calls
    each = await asyncio.gather(*(caller(number) for number in range(clients)))
    return taken, each
async def main():
    token = (folder / "token").read_text()
    async with AsyncClient(target, token=token, tls=Tls(roots=folder / "ca.crt"), timeout_seconds=900) as client:
        await client.wait_until_serving(60)
        begin = time.perf_counter()
        told = await client.store_batch(memories())
        assert told.stored == size, told.refusals[:3]
        filled = time.perf_counter() - begin
        recalls, _ = await timed(client, "recall")
        stores, each = await timed(client, "store")
        ids = iter([*(f"m{at}" for at in range(size)), *(f"s{n}-{c}" for n, many in enumerate(each) for c in range(many))])
        async def forgetter():
            for id in ids:
                await client.delete(tenant, id)
        print(json.dumps({"fill_seconds": round(filled, 1), "recall": quantiles(recalls), "store": quantiles(stores)}), flush=True)
        if forgets:
            await asyncio.gather(*(forgetter() for _ in range(64)))
asyncio.run(main())
"""


def words(target: str, folder: str, tenant: str, size: int, seconds: int, *, forgets: bool) -> list[str]:
    """The script's arguments; `forgets` says whether the tenant is emptied at the end."""
    return [target, folder, tenant, *map(str, (size, D, CLIENTS, K, seconds, int(forgets)))]


@contextlib.contextmanager
def unlimited() -> Iterator[None]:
    """The release without a limit that one tenant would meet, and afterwards as it was."""
    stack.deploy("sfm", "sfm", settings.SERVICE, *UNLIMITED)
    try:
        yield
    finally:
        stack.deploy("sfm", "sfm", settings.SERVICE)


def inside(size: int, seconds: int) -> dict[str, Any]:
    """What a pod among the service's clients measures."""
    tenant = f"benchmark-{secrets.token_hex(4)}"
    image = next(name for name in state.read()["images"] if name.startswith("soma/memory:"))
    held = {"token": tokens.long_lived(tenant, hours=1)}
    mount = {"mountPath": "/held", "readOnly": True}
    spec = {
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": 0,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": {"runAsNonRoot": True, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}},
        "volumes": [
            {"name": "held", "projected": {"sources": [{"secret": {"name": POD}}, {"configMap": {"name": "sfm-ca"}}]}}
        ],
        "containers": [
            {
                "name": "load",
                "image": image,
                "imagePullPolicy": "IfNotPresent",
                "command": ["python3", "-c", SCRIPT, *words(SERVICE, "/held", tenant, size, seconds, forgets=True)],
                "resources": {
                    "requests": {"cpu": "100m", "memory": "512Mi"},
                    "limits": {"cpu": "2", "memory": "1Gi"},
                },
                "securityContext": {
                    "allowPrivilegeEscalation": False,
                    "readOnlyRootFilesystem": True,
                    "capabilities": {"drop": ["ALL"]},
                },
                "volumeMounts": [{"name": "held", **mount}],
            }
        ],
    }
    about = {"name": POD, "namespace": settings.CLIENTS}
    objects = [
        {"apiVersion": "v1", "kind": "Secret", "metadata": about, "stringData": held},
        {"apiVersion": "v1", "kind": "Pod", "metadata": about, "spec": spec},
    ]
    with unlimited():
        return _loaded(objects)


def _loaded(objects: list[dict[str, Any]]) -> dict[str, Any]:
    """What the load prints, whose pod and Secret are made and gone afterwards."""
    client = ("-n", settings.CLIENTS)
    try:
        kubectl("create", "--filename=-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}))
        wait("the load's end", lambda: _phase() in {"Succeeded", "Failed"}, 1800, pause=3)
        said = kubectl(*client, "logs", POD)
        if _phase() != "Succeeded":
            raise Failure(f"the load failed:\n{said[-2000:]}")
        return dict(json.loads(said.splitlines()[0]))
    finally:
        kubectl(*client, "delete", "pod,secret", POD, "--ignore-not-found", "--wait=false")


def _phase() -> str:
    return str(
        json.loads(kubectl("-n", settings.CLIENTS, "get", "pod", POD, "--output=json"))["status"].get("phase", "")
    )


def outside(size: int, seconds: int) -> dict[str, Any]:
    """What the same script measures of the installed program, served on loopback."""
    with tempfile.TemporaryDirectory(prefix="sfm-benchmark-") as name:
        folder = Path(name)
        certificate, issuer = identity.Certificate(folder), identity.Issuer()
        environment = {
            "SOMABRAIN_STRICT_REAL": "1",
            "SOMA_HOST": issuer.host,
            "SOMA_PORT": "0",
            "SOMA_SIDE_PORT": "0",
            "SOMA_DATA_DIR": str(folder / "data"),
            "SOMA_DIMENSION": str(D),
            "SOMA_AUTH_JWKS_URL": issuer.jwks_url,
            "SOMA_AUTH_ISSUER": issuer.url,
            "SOMA_AUTH_AUDIENCE": issuer.audience,
            "SOMA_TLS_CERT": str(certificate.path),
            "SOMA_TLS_KEY": str(certificate.key_path),
            "SOMA_POLICY_DIR": str(settings.ROOT / "services/memory/sfm/policy"),
        }
        (folder / "token").write_text(issuer.token("benchmark", ["benchmark"], ["writer"]))
        (folder / "ca.crt").write_bytes(certificate.pem)
        try:
            with launch.serve("sfm", environment, folder) as server:
                command = (
                    sys.executable,
                    "-c",
                    SCRIPT,
                    *words(server.address, name, "benchmark", size, seconds, forgets=False),
                )
                said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        finally:
            issuer.close()
    return dict(json.loads(said.splitlines()[0]))


def main() -> int:
    """Print each figure beside its target; 1 when --strict and one was missed."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--size", type=int, default=100_000)
    parser.add_argument("--seconds", type=int, default=15, help="of each part")
    parser.add_argument("--strict", action="store_true", help="a missed target is an error")
    options = parser.parse_args()
    begin = time.monotonic()
    here, there = (measure(options.size, options.seconds) for measure in (outside, inside))
    missed = 0
    print(f"N = {options.size:,}, D = {D}, k = {K}, {CLIENTS} clients; {time.monotonic() - begin:.0f} s")
    for method in ("store", "recall"):
        p95, own = there[method]["p95_ms"], here[method]["p95_ms"]
        missed += p95 >= BOUND_MS
        print(f"  {method} p95 through the Service (< {BOUND_MS} ms) {p95} ms{' MISSED' if p95 >= BOUND_MS else ''}; "
              f"outside {own} ms; ratio {p95 / own:.2f}")  # fmt: skip
    print(json.dumps({"inside": there, "outside": here}, indent=1))
    return int(bool(missed) and options.strict)


if __name__ == "__main__":
    sys.exit(main())
