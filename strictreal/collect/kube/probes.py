"""Pods of the run's own that try connections: in namespaces made for them, with the labels that a peer must bear.

Each namespace and pod bears the run's id. They are removed at the end, whatever happened; what a run that was killed
has left is removed by the next one that comes an hour later, and does nothing until then.
"""

from __future__ import annotations

import contextlib
import datetime
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from strictreal.collect.kube import admission
from strictreal.collect.kube.access import ABSENT, Cluster, ClusterError
from strictreal.errors import StrictRealError

RUN = "strictreal.io/run"
"""The label of what a run makes."""
READY_SECONDS = 90
"""That a pod may take to try everything and end."""
STALE = datetime.timedelta(hours=1)
ROUNDS, PAUSE_SECONDS, TIMEOUT_SECONDS = 3, 2, 1
"""Policies reach the nodes a moment after the pods do, so that the last of several tries counts; each has twice the time of
the one before, so that a busy machine is not taken for a policy."""
SCRIPT = """
import json, socket, sys, time
from concurrent.futures import ThreadPoolExecutor
rounds, pause, timeout = map(int, sys.argv[1:4])
def attempt(target, seconds):
    host, port = target.rsplit(":", 1)
    try:
        socket.create_connection((host.strip("[]"), int(port)), seconds).close()
        return "open"
    except ConnectionRefusedError:
        return "refused"
    except OSError:
        return "cut"
for number in range(rounds):
    time.sleep(pause)
    with ThreadPoolExecutor(32) as pool:
        answers = list(pool.map(attempt, sys.argv[4:], [timeout * 2**number] * len(sys.argv[4:])))
print("answers " + json.dumps(answers), flush=True)
"""


class Caller(NamedTuple):
    """Who calls: the labels of its namespace, and its own."""

    namespace_labels: tuple[tuple[str, str], ...]
    labels: tuple[tuple[str, str], ...]


class Probe(NamedTuple):
    """A pod that has been made: who it is to policies, and where its answers are read."""

    end: dict[str, Any]
    path: str


def command(targets: Sequence[str]) -> list[str]:
    """What tries `host:port` each, and prints the answers."""
    return ["python3", "-c", SCRIPT, *map(str, (ROUNDS, PAUSE_SECONDS, TIMEOUT_SECONDS)), *targets]


def answers(log: bytes, number: int) -> list[str]:
    """What a try printed.

    Raises:
        ClusterError: it did not come to its end.
    """
    for line in log.decode(errors="replace").splitlines():
        if line.startswith("answers "):
            with contextlib.suppress(ValueError):
                said = json.loads(line.removeprefix("answers "))
                if isinstance(said, list) and len(said) == number:
                    return [str(answer) for answer in said]
    raise ClusterError("a probe did not say what it was answered")


@contextlib.contextmanager
def calling(
    cluster: Cluster, run: str, image: str, callers: Sequence[Caller], targets: Sequence[str]
) -> Iterator[list[Probe]]:
    """A pod for each caller, which tries all targets; all of it is gone afterwards.

    Raises:
        ClusterError: a namespace or pod cannot be made.
    """
    sweep(cluster)
    made: list[str] = []
    try:
        probes = []
        for number, caller in enumerate(callers):
            namespace = f"strictreal-{run}-{number}"
            labels = {RUN: run, admission.ENFORCE: "restricted", **dict(caller.namespace_labels)}
            about = {"name": namespace, "labels": labels}
            cluster.call(
                "POST", "/api/v1/namespaces", body={"apiVersion": "v1", "kind": "Namespace", "metadata": about}
            )
            made.append(namespace)
            body = _pod(image, namespace, {RUN: run, **dict(caller.labels)}, command(targets))
            _made(cluster, f"/api/v1/namespaces/{namespace}/pods", body)
            end = {
                "namespace": namespace,
                "labels": body["metadata"]["labels"],
                "namespace_labels": {**labels, "kubernetes.io/metadata.name": namespace},
            }
            probes.append(Probe(end, f"/api/v1/namespaces/{namespace}/pods/probe"))
        yield probes
    finally:
        for namespace in made:
            with contextlib.suppress(StrictRealError):
                cluster.raw("DELETE", f"/api/v1/namespaces/{namespace}")


def _made(cluster: Cluster, path: str, body: Mapping[str, Any]) -> None:
    """Make a pod, as soon as its namespace has the service account that every pod needs."""
    until = time.monotonic() + READY_SECONDS / 3
    while True:
        try:
            cluster.call("POST", path, body=body)
        except ClusterError as error:
            if "serviceaccount" not in str(error) or time.monotonic() > until:
                raise
            time.sleep(0.2)
        else:
            return


def _pod(image: str, namespace: str, labels: dict[str, str], words: list[str]) -> dict[str, Any]:
    made = admission.pod(image)
    made["metadata"] = {"name": "probe", "namespace": namespace, "labels": labels}
    made["spec"] |= {
        "restartPolicy": "Never",
        "activeDeadlineSeconds": READY_SECONDS,
        "terminationGracePeriodSeconds": 0,
        "enableServiceLinks": False,
    }
    made["spec"]["containers"][0] |= {"name": "probe", "command": words, "imagePullPolicy": "IfNotPresent"}
    return made


def read(cluster: Cluster, probe: Probe, number: int) -> tuple[dict[str, Any], list[str]]:
    """The pod's end with its address, and what it was answered, when it has come to its end.

    Raises:
        ClusterError: it did not in time, or could not be started.
    """
    until = time.monotonic() + READY_SECONDS
    while True:
        status = (cluster.get(probe.path) or {}).get("status") or {}
        if status.get("phase") in ("Succeeded", "Failed"):
            _, log = cluster.raw("GET", f"{probe.path}/log")
            return {**probe.end, "address": status.get("podIP", "")}, answers(log, number)
        waiting = [(c.get("state") or {}).get("waiting") or {} for c in status.get("containerStatuses") or ()]
        reason = next((str(w.get("reason")) for w in waiting if "Err" in str(w.get("reason"))), "")
        if reason or time.monotonic() > until:
            raise ClusterError(f"a pod to try connections from does not start: {reason or 'it took too long'}")
        time.sleep(0.5)


def sweep(cluster: Cluster) -> None:
    """Remove what runs have left that were killed."""
    before = (datetime.datetime.now(datetime.UTC) - STALE).strftime("%Y-%m-%dT%H:%M:%SZ")
    for namespace in cluster.listed("/api/v1/namespaces", labelSelector=RUN):
        about = namespace["metadata"]
        if about.get("creationTimestamp", before) < before and not about.get("deletionTimestamp"):
            try:
                cluster.call("DELETE", f"/api/v1/namespaces/{about['name']}")
            except ClusterError as error:
                if error.status != ABSENT:
                    raise
