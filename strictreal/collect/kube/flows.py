"""Connections that are tried: from probes with and without the labels that policies ask for, and from the releases' pods.

Every port that a container of a release declares is called by everybody. What should be answered is no matter here: the
rendered policies are facts as well.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from strictreal.collect.kube import probes
from strictreal.collect.kube.access import Cluster, ClusterError
from strictreal.collect.kube.objects import called
from strictreal.collect.kube.probes import Caller
from strictreal.collect.kube.rendering import Rendered
from strictreal.collect.kube.scene import Placed, Scene, at, containers, template
from strictreal.errors import BoundExceeded, StrictRealError
from strictreal.facts.cluster import FlowTry, NetworkRules
from strictreal.model import Fact, Gap, Location

MAX_CALLERS = 12
MAX_TARGETS = 200
STRANGER = Caller((), ())
EXEC_SECONDS = 60
PYTHON = ["python3", "-c", "print('answers [1]')"]
OWN_NAME = "kubernetes.io/metadata.name"


class Target(NamedTuple):
    """A port that is called."""

    end: dict[str, Any]
    port: int
    where: Location

    @property
    def address(self) -> str:
        host = self.end["address"]
        return f"[{host}]:{self.port}" if ":" in host else f"{host}:{self.port}"


class Own(NamedTuple):
    """A container of a release that can try connections itself."""

    end: dict[str, Any]
    pod: str
    container: str
    image: str


def observe(scene: Scene) -> Iterator[Fact]:
    """The rendered policies, and every connection that was tried.

    Raises:
        StrictRealError: pods cannot be read, or there are more callers or targets than the bounds.
    """
    policies = [(placed, each) for placed in scene.releases for each in placed.of_kind("NetworkPolicy")]
    for placed, each in policies:
        namespace = each.value["metadata"].get("namespace") or placed.release.namespace
        where = at(each, called(namespace, "NetworkPolicy", each.value["metadata"]["name"]))
        yield NetworkRules(where=where, namespace=namespace, spec=each.value.get("spec") or {})
    targets = _targets(scene)
    if not targets:
        return
    own = list(_own(scene))
    addresses = [target.address for target in targets]
    image = _image(scene, own)
    callers = _callers([each for _, each in policies])
    with probes.calling(scene.cluster, scene.run, image, callers, addresses) as made:
        for pod in own:
            try:
                said = _exec(scene.cluster, pod, probes.command(addresses))
            except StrictRealError as error:
                yield Gap(of="FlowTry", where=Location("", resource=pod.pod), reason=str(error))
            else:
                yield from _tries(pod.end, targets, probes.answers(said, len(addresses)))
        for probe in made:
            try:
                end, answers = probes.read(scene.cluster, probe, len(addresses))
            except StrictRealError as error:
                yield Gap(of="FlowTry", where=Location("", resource=probe.end["namespace"]), reason=str(error))
            else:
                yield from _tries(_lean(end), targets, answers)


def _tries(source: dict[str, Any], targets: list[Target], answers: list[str]) -> Iterator[FlowTry]:
    for target, answer in zip(targets, answers, strict=True):
        if source.get("address") != target.end["address"]:  # nobody is cut from itself
            yield FlowTry(where=target.where, source=source, target=target.end, port=target.port, answer=answer)


def _lean(end: dict[str, Any]) -> dict[str, Any]:
    """A probe as facts hold it: the same at every run, but for its address."""
    return {**end, "namespace": "strictreal-probe", "labels": _without(end["labels"])} | {
        "namespace_labels": _without(end["namespace_labels"])
    }


def _without(labels: dict[str, str]) -> dict[str, str]:
    return {key: value for key, value in labels.items() if key not in (probes.RUN, OWN_NAME)}


def _end(scene: Scene, placed: Placed, pod: dict[str, Any]) -> dict[str, Any]:
    """A pod of a release as one end of a connection."""
    namespace = placed.release.namespace
    about = scene.cluster.get(f"/api/v1/namespaces/{namespace}") or {"metadata": {}}
    ports = {
        p["name"]: int(p["containerPort"]) for _, c in containers(pod) for p in c.get("ports") or () if "name" in p
    }
    return {
        "namespace": namespace,
        "labels": dict(pod["metadata"].get("labels") or {}),
        "namespace_labels": dict(about["metadata"].get("labels") or {}),
        "address": (pod.get("status") or {}).get("podIP", ""),
        "ports": ports,
        "pod": pod["metadata"]["name"],
    }


def _targets(scene: Scene) -> list[Target]:
    """Every declared TCP port of every pod that runs, and the API server.

    Raises:
        BoundExceeded: there are more than MAX_TARGETS.
    """
    found: list[Target] = []
    for placed in scene.releases:
        for pod, _, workload in scene.pods(placed):
            status = pod.get("status") or {}
            if status.get("phase") != "Running" or not status.get("podIP") or pod["spec"].get("hostNetwork"):
                continue
            end = _end(scene, placed, pod)
            where = at(workload, called(placed.release.namespace, "Pod", pod["metadata"]["name"]))
            declared = [
                p for _, c in containers(pod) for p in c.get("ports") or () if p.get("protocol", "TCP") == "TCP"
            ]
            found += (Target(end, int(p["containerPort"]), where) for p in declared)
    if len(found) > MAX_TARGETS:
        raise BoundExceeded(f"the releases have more than {MAX_TARGETS} ports (bound: ports)")
    return found + ([_api(scene)] if found else [])


def _api(scene: Scene) -> Target:
    """The API server, which is no pod to policies."""
    said = scene.cluster.call("GET", "/api/v1/namespaces/default/endpoints/kubernetes")["subsets"][0]
    end = {"namespace": "", "labels": {}, "namespace_labels": {}, "address": said["addresses"][0]["ip"], "ports": {}}
    chart = scene.releases[0].chart
    return Target(end, int(said["ports"][0]["port"]), Location(chart, resource="the API server"))


def _callers(policies: list[Rendered]) -> list[Caller]:
    """Who is to call: a stranger, and whoever bears the labels that an ingress rule asks for.

    A peer that is asked for by the name of its namespace cannot be played, nor one of the policy's own namespace.

    Raises:
        BoundExceeded: there are more than MAX_CALLERS.
    """
    found = [STRANGER]
    for policy in policies:
        for rule in (policy.value.get("spec") or {}).get("ingress") or ():
            for peer in rule.get("from") or ():
                wanted = (peer.get("namespaceSelector") or {}).get("matchLabels") or {}
                if wanted and OWN_NAME not in wanted:
                    own = (peer.get("podSelector") or {}).get("matchLabels") or {}
                    found.append(Caller(tuple(sorted(wanted.items())), tuple(sorted(own.items()))))
    callers = list(dict.fromkeys(found))
    if len(callers) > MAX_CALLERS:
        raise BoundExceeded(f"policies name more than {MAX_CALLERS} kinds of callers (bound: callers)")
    return callers


def _own(scene: Scene) -> Iterator[Own]:
    """One container with python3 of each pod that runs, where there is one."""
    for placed in scene.releases:
        for pod, _, _ in scene.pods(placed):
            for state in (pod.get("status") or {}).get("containerStatuses") or ():
                if "running" not in (state.get("state") or {}):
                    continue
                image = next(c["image"] for c in pod["spec"]["containers"] if c["name"] == state["name"])
                each = Own(_end(scene, placed, pod), pod["metadata"]["name"], state["name"], image)
                try:
                    probes.answers(_exec(scene.cluster, each, PYTHON), 1)
                except StrictRealError:
                    continue
                yield each
                break


def _image(scene: Scene, own: list[Own]) -> str:
    """The image that probes are made of: one that a release runs, so that nothing new comes into the cluster.

    Raises:
        ClusterError: there is none, or the one that the configuration names is no release's.
    """
    rendered = {
        str(container.get("image"))
        for placed in scene.releases
        for each in placed.rendered
        for _, container in containers(template(each.value))
    }
    if wanted := scene.wishes.probe_image:
        if wanted not in rendered:
            raise ClusterError(f"cluster.probe_image: no release runs {wanted}")
        return wanted
    if found := next((each.image for each in own if each.image in rendered), ""):
        return found
    raise ClusterError("no container of a release has python3 to try connections with: name cluster.probe_image")


def _exec(cluster: Cluster, own: Own, words: list[str]) -> bytes:
    return cluster.execute(own.end["namespace"], own.pod, own.container, words, seconds=EXEC_SECONDS)
