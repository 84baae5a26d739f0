"""The cluster itself: made, recovered, loaded with images, and removed."""

from __future__ import annotations

import json
import re
from functools import partial
from pathlib import Path
from typing import Any

from kind import archive, components, engine, gates, golang, node, state
from kind.archive import Made
from kind.programs import Failure, run, say, step, succeeds, wait
from kind.settings import CLUSTER, HERE, accepted_engine, kubeconfig, pin, versions
from kind.settings import way as chosen

SECONDS = len("2026-11-21T17:00:00")
NODE = f"{CLUSTER}-control-plane"
SYSTEM = (
    ("kube-system", "deployment/coredns"),
    ("kube-system", "daemonset/kube-proxy"),
    ("local-path-storage", "deployment/local-path-provisioner"),
)


def way() -> str:
    """Published or offline: as the user says, or published where an engine answers that was not started here.

    Raises:
        Failure: KIND_WAY is neither.
    """
    found = chosen() or ("published" if engine.running() is None and engine.answers() else "offline")
    if found not in {"published", "offline"}:
        raise Failure(f"KIND_WAY={found}: published or offline")
    return found


def prepare() -> str:
    """Engine and tools, each through its gate; returns the way."""
    archive.sweep()
    found = way()
    if found == "offline":
        engine.start()
        golang.tools()
    decisions = [judge(tool, found) for tool in gates.ASK]
    for decision in decisions:
        say(f"  {decision}")
    state.record(
        way=found,
        tools={d.tool: d.found for d in decisions},
        overrides={d.tool: f"{d.found}: {d.override}" for d in decisions if d.override},
    )
    if closed := [str(d) for d in decisions if not d.passes]:
        raise Failure("\n".join(closed))
    return found


def judge(tool: str, found_way: str) -> gates.Decision:
    """One gate."""
    accepted = {}
    if tool == "docker" and found_way == "offline":
        accepted[pin("engine", "accepted")] = pin("engine", "reason")
    if tool == "docker" and accepted_engine():
        accepted[accepted_engine()] = "taken by KIND_ACCEPT_ENGINE"
    try:
        printed = run(*gates.ASK[tool], timeout=30)
    except Failure:
        printed = ""
    return gates.decide(tool, str(versions()["oldest"][tool]), printed, accepted)


def create(found_way: str) -> None:
    """A cluster that answers: the one that is there, started again if need be, or a new one in its place."""
    image = node.image() if found_way == "offline" else None
    if healthy(image):
        return
    if exists() and revive(image):
        return
    remove()
    words: list[str | Path] = [
        "--name",
        CLUSTER,
        "--config",
        HERE / "cluster.yaml",
        "--kubeconfig",
        kubeconfig(),
        "--wait",
        "180s",
    ]
    if image is not None:
        components.engine_has(image)
        words += ["--image", image.reference]
    with step("create the cluster"):
        run("kind", "create", "cluster", *words, timeout=600)
    if found_way == "offline":
        answer_at_once()
    state.record(node=image.id if image else "published")


def settle() -> None:
    """Wait for the system's own pods."""
    with step("wait for the system's pods"):
        network = [("kube-system", "daemonset/cilium")] if kubectl_has("kube-system", "daemonset/cilium") else []
        for namespace, workload in (*network, *SYSTEM):
            wait(workload, partial(kubectl_has, namespace, workload), 120)
            kubectl("-n", namespace, "rollout", "status", workload, "--timeout=300s")
        kubectl("wait", "--for=condition=Ready", "node", "--all", "--timeout=120s")
        wait_for_pods(*{namespace for namespace, _ in SYSTEM})


def wait_for_pods(*namespaces: str) -> None:
    """Wait until every container is ready that the node has started since it was started itself.

    For some seconds after a start the API still tells what was before, and everything seems ready.
    """
    begin = run("docker", "inspect", "--format", "{{.State.StartedAt}}", NODE)[:SECONDS]

    def up() -> bool:
        pods = [p for n in namespaces for p in json.loads(kubectl("-n", n, "get", "pods", "--output=json"))["items"]]
        return all(serves(pod, begin) for pod in pods)

    wait(f"the pods of {', '.join(sorted(namespaces))}", up, 300, pause=1)


def serves(pod: dict[str, Any], begin: str) -> bool:
    """Whether a pod's containers are all ready and were started at or after a time, or the pod came to its end."""
    if pod["status"]["phase"] in {"Succeeded", "Failed"}:
        return True
    containers = pod["status"].get("containerStatuses") or ()
    started = [c["state"].get("running", {}).get("startedAt", "") >= begin and c["ready"] for c in containers]
    return len(started) == len(pod["spec"]["containers"]) and all(started)


def kubectl(*words: str, stdin: str | None = None, timeout: float = 600) -> str:
    """kubectl on this cluster."""
    return run("kubectl", f"--kubeconfig={kubeconfig()}", *words, stdin=stdin, timeout=timeout)


def kubectl_has(namespace: str, name: str) -> bool:
    """Whether the cluster has an object."""
    return succeeds("kubectl", f"--kubeconfig={kubeconfig()}", "-n", namespace, "get", name)


def exists() -> bool:
    """Whether kind knows the cluster, whole or not."""
    return CLUSTER in run("kind", "get", "clusters").split()


def healthy(image: Made | None) -> bool:
    """Whether its API answers, its creation came to an end, and its node is of the image that is wanted."""
    recorded = state.read().get("node")
    wanted = image.id if image else "published"
    return (
        recorded == wanted
        and exists()
        and succeeds("kubectl", f"--kubeconfig={kubeconfig()}", "get", "--raw=/readyz", timeout=15)
    )


def revive(image: Made | None) -> bool:
    """Start the node's container again, which a killed engine has left behind; whether that was enough."""
    if state.read().get("node") != (image.id if image else "published"):
        return False
    try:
        with step("start the node again"):
            run("docker", "start", NODE)
            wait("the API", lambda: healthy(image), 120, pause=2)
    except Failure as late:
        say(f"  {late}; it is made anew")
        return False
    return True


def remove() -> None:
    """Delete the cluster, and what an interrupted kind has left of it."""
    state.record(node="")
    if exists():
        with step("delete the cluster"):
            run("kind", "delete", "cluster", "--name", CLUSTER, "--kubeconfig", kubeconfig())
    for left in run("docker", "ps", "--all", "--quiet", "--filter", f"label=io.x-k8s.kind.cluster={CLUSTER}").split():
        run("docker", "rm", "--force", "--volumes", left)


def answer_at_once() -> None:
    """Nothing outside answers: without its forwarder CoreDNS refuses foreign names at once, and callers need not wait."""
    found = json.loads(kubectl("-n", "kube-system", "get", "configmap", "coredns", "-o", "json"))["data"]["Corefile"]
    lean = re.sub(r"^ *forward [^{\n]*\{.*?^ *\}\n", "", found, flags=re.DOTALL | re.MULTILINE)
    kubectl(
        "-n",
        "kube-system",
        "patch",
        "configmap",
        "coredns",
        "--type=merge",
        "--patch-file=/dev/stdin",
        stdin=json.dumps({"data": {"Corefile": lean}}),
    )


def load(found_way: str) -> None:
    """Bring the components' images into the node; those that it has are left out."""
    if found_way == "published":
        with step("fetch images"):
            components.published()
        references = [components.reference(name) for name in versions()["images"]]
        images = {
            reference: run("docker", "image", "inspect", "--format", "{{.Id}}", reference).strip()
            for reference in references
        }
        archives: dict[str, Made] = {}
    else:
        made = components.offline()
        images = {image.reference: image.id for image in made}
        archives = {image.reference: image for image in made}
    for reference, identity in images.items():
        if in_node(reference) == identity:
            continue
        with step(f"load {reference}"):
            if reference in archives:
                run("kind", "load", "image-archive", archives[reference].archive, "--name", CLUSTER)
            else:
                run("kind", "load", "docker-image", reference, "--name", CLUSTER)
    state.record(
        images=images,
        digests={reference: digests_in_node(reference) for reference in images},
        bills={reference: str(image.bill) for reference, image in archives.items()},
    )


def in_node(reference: str) -> str:
    """The id of an image in the node, or "" when it has none of that name."""
    return str(_described(reference).get("id", ""))


def digests_in_node(reference: str) -> list[str]:
    """By what an image is known in the node: its id, and the digest of its manifest, which running pods tell."""
    found = _described(reference)
    return [found["id"], *(name.rpartition("@")[2] for name in found.get("repoDigests") or ())] if found else []


def _described(reference: str) -> dict[str, Any]:
    """What the node's runtime says of an image; nothing when it has none of that name."""
    try:
        said = run("docker", "exec", NODE, "crictl", "inspecti", "-o", "json", reference)
    except Failure:
        return {}
    return dict(json.loads(said)["status"])
