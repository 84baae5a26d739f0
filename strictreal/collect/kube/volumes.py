"""How much room the volumes have that pods claim: by the kubelet's figures, or by `df` in the container that writes there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from strictreal.collect.kube.access import Cluster, ClusterError
from strictreal.collect.kube.objects import called
from strictreal.collect.kube.scene import Scene, at, containers
from strictreal.errors import StrictRealError
from strictreal.facts.cluster import VolumeRoom
from strictreal.model import Absence, Fact, Gap

DF_SECONDS = 20
BLOCK = 1024
"""Bytes of a block in what POSIX's `df -k` prints."""
NONE = "no pod of the releases claims a volume"


class Room(NamedTuple):
    """Bytes of a file system."""

    capacity: int
    available: int


def observe(scene: Scene) -> Iterator[Fact]:
    """The room in each volume that a pod of the releases claims; its absence where there is no such pod.

    Raises:
        ClusterError, BoundExceeded: pods or claims cannot be read.
    """
    nodes: dict[str, dict[tuple[str, str], Room]] = {}
    seen: set[tuple[str, str]] = set()
    for placed in scene.releases:
        namespace = placed.release.namespace
        phases = {
            each["metadata"]["name"]: str((each.get("status") or {}).get("phase", ""))
            for each in scene.objects("v1", "PersistentVolumeClaim", namespace)
        }
        for pod, _, workload in scene.pods(placed):
            for volume, claim in _claims(pod):
                if (namespace, claim) in seen:
                    continue
                seen.add((namespace, claim))
                name = called(namespace, "PersistentVolumeClaim", claim)
                if (phase := phases.get(claim, "")) != "Bound":
                    yield VolumeRoom(where=at(workload, name), release=placed.key, phase=phase or "absent")
                    continue
                node = str(pod["spec"].get("nodeName", ""))
                if node not in nodes:
                    nodes[node] = _told_by_kubelet(scene.cluster, node)
                try:
                    room = nodes[node].get((namespace, claim)) or _told_by_df(scene.cluster, namespace, pod, volume)
                except StrictRealError as error:
                    reason = f"how much room {name} has cannot be told: {error}"
                    yield Gap(of=VolumeRoom.__name__, where=at(workload, name), reason=reason)
                else:
                    yield VolumeRoom(where=at(workload, name), release=placed.key, phase=phase, **room._asdict())
    if not seen:
        yield Absence(of=VolumeRoom.__name__, reason=NONE)


def _claims(pod: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """(volume, claim) of a pod."""
    for volume in pod["spec"].get("volumes") or ():
        if claim := (volume.get("persistentVolumeClaim") or {}).get("claimName"):
            yield str(volume["name"]), str(claim)


def _told_by_kubelet(cluster: Cluster, node: str) -> dict[tuple[str, str], Room]:
    """The room of claimed volumes on a node; nothing where we may not ask."""
    try:
        return figures(cluster.call("GET", f"/api/v1/nodes/{node}/proxy/stats/summary") if node else {})
    except ClusterError:
        return {}


def figures(summary: dict[str, Any]) -> dict[tuple[str, str], Room]:
    """By namespace and claim, what a kubelet's summary says of the kinds of volumes that it measures."""
    return {
        (str(reference["namespace"]), str(reference["name"])): Room(volume["capacityBytes"], volume["availableBytes"])
        for pod in summary.get("pods") or ()
        for volume in pod.get("volume") or ()
        if (reference := volume.get("pvcRef")) and "capacityBytes" in volume and "availableBytes" in volume
    }


def _told_by_df(cluster: Cluster, namespace: str, pod: dict[str, Any], volume: str) -> Room:
    """The room of a volume where a running container mounts it.

    Raises:
        StrictRealError: no container that runs mounts it, or there is no `df` in it.
    """
    running = {
        s["name"] for s in (pod.get("status") or {}).get("containerStatuses") or () if "running" in s.get("state", {})
    }
    for prepares, container in containers(pod):
        paths = [str(m["mountPath"]) for m in container.get("volumeMounts") or () if m["name"] == volume]
        if paths and not prepares and container["name"] in running:
            words = ["df", "-P", "-k", paths[0]]
            return read(
                cluster.execute(namespace, pod["metadata"]["name"], container["name"], words, seconds=DF_SECONDS)
            )
    raise ClusterError("no container that runs mounts it")


def read(said: bytes) -> Room:
    """What `df -P -k` of one path prints: a line of titles, and one of figures before which the file system may have blanks.

    Raises:
        ClusterError: it is something else.
    """
    words = said.decode(errors="replace").strip().rpartition("\n")[2].split()
    for place, word in enumerate(words[3:], 3):
        figures = words[place - 3 : place]
        if word.endswith("%") and all(each.isdecimal() for each in figures):
            return Room(int(figures[0]) * BLOCK, int(figures[2]) * BLOCK)
    raise ClusterError("df prints no figures of it")
