"""How long calls take inside the cluster: a pod of the run's own calls the service by its Service, and tells the times.

The pod is of the service's image, so that nothing new comes into the cluster, in a namespace that bears the labels of a
caller whom the live NetworkPolicies let in. Its calls are written here; it sends them as they are. Namespace, requests and
token are gone afterwards.
"""

from __future__ import annotations

import base64
import contextlib
import json
import time
from collections.abc import Iterator, Mapping
from typing import Any

from strictreal.collect.kube import admission, probes
from strictreal.collect.kube.access import Cluster, ClusterError
from strictreal.collect.service import scenario
from strictreal.collect.service.load import CALLS, CLIENTS, latency, tenant
from strictreal.collect.service.released import Endpoint, Pod
from strictreal.collect.service.stage import CALL_SECONDS, Stage
from strictreal.errors import StrictRealError
from strictreal.facts.memory import MemoryLatency

NAME = "load"
SECONDS = 300
"""That the pod may take for everything."""
MAX_BODIES = 64
"""Different vectors, as many of each tenant: the requests lie in a ConfigMap, which holds a mebibyte."""
MAX_BYTES = 700_000
IDS = tuple(f"l{at:05}" for at in range(CALLS))
"""Of what is stored."""
OWN_NAME = "kubernetes.io/metadata.name"
SCRIPT = """
import asyncio, base64, json, sys, time
from pathlib import Path
import grpc
work = json.loads(Path("/load/load.json").read_text())
metadata = (("authorization", "Bearer " + Path("/token/token").read_text()),)
root = Path("/load/root.pem")
async def play(channel, path, bodies, heads):
    took, failed, waiting = [], 0, iter(range(len(heads)))
    call = channel.unary_unary(path)
    async def client():
        nonlocal failed
        for at in waiting:
            start = time.perf_counter()
            try:
                await call(bodies[at % len(bodies)] + heads[at], timeout=work["seconds"], metadata=metadata)
                took.append(round((time.perf_counter() - start) * 1e6))
            except grpc.RpcError:
                failed += 1
    await asyncio.gather(*(client() for _ in range(work["clients"])))
    return [took, failed]
async def main():
    target = work["target"]
    if root.exists():
        channel = grpc.aio.secure_channel(target, grpc.ssl_channel_credentials(root.read_bytes()))
    else:
        channel = grpc.aio.insecure_channel(target)
    async with channel:
        await asyncio.wait_for(channel.channel_ready(), 60)
        told = []
        for part in work["parts"]:
            bodies, heads = ([base64.b64decode(each) for each in part[name]] for name in ("bodies", "heads"))
            told.append(await play(channel, part["path"], bodies, heads))
    print("took " + json.dumps(told), flush=True)
asyncio.run(main())
"""


def measure(cluster: Cluster, stage: Stage, service: Endpoint, pod: Pod, run: str) -> Iterator[MemoryLatency]:
    """Store, then recall, CALLS times each by CLIENTS clients, with a histogram of each; what was stored is deleted.

    Raises:
        StrictRealError: the pod does not come to its end, or cannot be made.
    """
    work = json.dumps(_work(stage, service))
    if len(work) > MAX_BYTES:
        raise ClusterError(f"requests of more than {MAX_BYTES} bytes (bound: requests of the load)")
    texts = {"load.json": work} | ({"root.pem": stage.root.decode()} if stage.root else {})
    with _namespace(cluster, run, _let_in(cluster, service, pod)) as (namespace, labels):
        inside = f"/api/v1/namespaces/{namespace}"
        cluster.call("POST", f"{inside}/configmaps", body=_object("ConfigMap", NAME, {"data": texts}))
        secret = {"stringData": {"token": stage.tokens["operator"]}}
        cluster.call("POST", f"{inside}/secrets", body=_object("Secret", NAME, secret))
        _make(cluster, f"{inside}/pods", _pod(str(pod.container["image"]), labels))
        (stores, store_failures), (recalls, recall_failures), _ = _told(cluster, f"{inside}/pods/{NAME}")
    yield latency(stage.proto, "Store", stores, store_failures)
    yield latency(stage.proto, "Recall", recalls, recall_failures)


def _work(stage: Stage, service: Endpoint) -> dict[str, Any]:
    """What the pod sends: each request is a body and a head, which protobuf reads as one message."""
    draw = scenario.seeded("latency")
    vectors = [(tenant(at), stage.shape.vector(draw)) for at in range(2 * MAX_BODIES)]
    stores = [stage.encode("Store", scenario.memory(whose, "", vector)) for whose, vector in vectors[:MAX_BODIES]]
    recalls = [stage.encode("Recall", scenario.recall(whose, vector, 10)) for whose, vector in vectors[MAX_BODIES:]]
    deletes = [stage.encode("Delete", {"tenant": whose}) for whose in scenario.LOADED]
    later = scenario.NOON + scenario.DAY * scenario.SECOND
    parts = (
        ("Store", stores, [stage.encode("Store", {"id": id}) for id in IDS]),
        ("Recall", recalls, [stage.encode("Recall", {"as_of": later + at * scenario.SECOND}) for at in range(CALLS)]),
        ("Delete", deletes, [stage.encode("Delete", {"id": id}) for id in IDS]),
    )
    return {
        "target": f"{service.host}:{service.port}",
        "clients": CLIENTS,
        "seconds": CALL_SECONDS,
        "parts": [
            {"path": stage.wire.path(method), "bodies": _coded(bodies), "heads": _coded(heads)}
            for method, bodies, heads in parts
        ],
    }


def _coded(many: list[bytes]) -> list[str]:
    return [base64.b64encode(each).decode() for each in many]


def _let_in(cluster: Cluster, service: Endpoint, pod: Pod) -> tuple[dict[str, str], dict[str, str]]:
    """Labels of a namespace and of a pod in it whom the live policies let call the service; none where all may call.

    Raises:
        ClusterError: the policies let in nobody that can be played.
    """
    path = f"/apis/networking.k8s.io/v1/namespaces/{service.namespace}/networkpolicies"
    closed = False
    for policy in cluster.listed(path):
        spec = policy.get("spec") or {}
        wanted = (spec.get("podSelector") or {}).get("matchLabels") or {}
        if "Ingress" not in (spec.get("policyTypes") or ("Ingress",)) or not wanted.items() <= service.selector.items():
            continue
        closed = True
        for rule in spec.get("ingress") or ():
            ports = {each.get("port") for each in rule.get("ports") or ()}
            if ports and not ports & {service.target, pod.port}:
                continue
            peers: list[dict[str, Any]] = rule.get("from") or [{}]
            for peer in peers:
                labels = dict((peer.get("namespaceSelector") or {}).get("matchLabels") or {})
                if (labels or not peer) and OWN_NAME not in labels:
                    return labels, dict((peer.get("podSelector") or {}).get("matchLabels") or {})
    if closed:
        raise ClusterError("the live policies let in no caller that a namespace's labels could make")
    return {}, {}


@contextlib.contextmanager
def _namespace(
    cluster: Cluster, run: str, labels: tuple[dict[str, str], dict[str, str]]
) -> Iterator[tuple[str, dict[str, str]]]:
    """A namespace of the run's own, under the restricted standard, and the labels of its pods."""
    probes.sweep(cluster)
    name = f"strictreal-{run}-{NAME}"
    about = {"name": name, "labels": {probes.RUN: run, admission.ENFORCE: "restricted", **labels[0]}}
    cluster.call("POST", "/api/v1/namespaces", body={"apiVersion": "v1", "kind": "Namespace", "metadata": about})
    try:
        yield name, {probes.RUN: run, **labels[1]}
    finally:
        with contextlib.suppress(StrictRealError):
            cluster.raw("DELETE", f"/api/v1/namespaces/{name}")


def _object(kind: str, name: str, more: Mapping[str, Any]) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": name}, **more}


def _pod(image: str, labels: dict[str, str]) -> dict[str, Any]:
    made = admission.pod(image)
    made["metadata"] = {"name": NAME, "labels": labels}
    mode = {"defaultMode": 0o444}
    made["spec"] |= {
        "restartPolicy": "Never",
        "activeDeadlineSeconds": SECONDS,
        "terminationGracePeriodSeconds": 0,
        "enableServiceLinks": False,
        "volumes": [
            {"name": NAME, "configMap": {"name": NAME, **mode}},
            {"name": "token", "secret": {"secretName": NAME, **mode}},
        ],
    }
    made["spec"]["containers"][0] |= {
        "name": NAME,
        "command": ["python3", "-c", SCRIPT],
        "imagePullPolicy": "IfNotPresent",
        "resources": {
            "requests": {"cpu": "100m", "memory": "64Mi"},
            "limits": {"cpu": "1", "memory": "256Mi"},
        },
        "volumeMounts": [{"name": name, "mountPath": f"/{name}", "readOnly": True} for name in (NAME, "token")],
    }
    return made


def _make(cluster: Cluster, path: str, body: Mapping[str, Any]) -> None:
    """Make a pod, as soon as its namespace has the service account that every pod needs."""
    until = time.monotonic() + 30
    while True:
        try:
            cluster.call("POST", path, body=body)
        except ClusterError as error:
            if "serviceaccount" not in str(error) or time.monotonic() > until:
                raise
            time.sleep(0.2)
        else:
            return


def _told(cluster: Cluster, path: str) -> list[tuple[list[int], int]]:
    """What the pod printed when it had come to its end: microseconds and failures of each part.

    Raises:
        ClusterError: it did not, or said something else.
    """
    until = time.monotonic() + SECONDS
    while True:
        phase = str(((cluster.get(path) or {}).get("status") or {}).get("phase", ""))
        if phase in ("Succeeded", "Failed") or time.monotonic() > until:
            break
        time.sleep(0.5)
    _, log = cluster.raw("GET", f"{path}/log")
    for line in log.decode(errors="replace").splitlines():
        if line.startswith("took "):
            return read(line.removeprefix("took "))
    raise ClusterError(f"the pod that calls the service ended ({phase or 'it never began'}) without its times")


def read(said: str) -> list[tuple[list[int], int]]:
    """Three parts of times in microseconds and the number of failures.

    Raises:
        ClusterError: it says something else.
    """
    try:
        parts = [([int(each) for each in took], int(failed)) for took, failed in json.loads(said)]
    except (ValueError, TypeError, RecursionError):
        parts = []
    if len(parts) != 3 or any(each < 0 for took, failed in parts for each in (*took, failed)):
        raise ClusterError("the pod that calls the service tells no times")
    return parts
