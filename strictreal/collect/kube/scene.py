"""What the parts of the collector share: the cluster, the releases with what they should be, and lists read once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from strictreal.collect.kube.access import Cluster
from strictreal.collect.kube.releases import Release
from strictreal.collect.kube.rendering import Rendered
from strictreal.config import Cluster as Wishes
from strictreal.config import ClusterAccess
from strictreal.model import Location

WORKLOADS = {"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job", "CronJob", "Pod"}


@dataclass(frozen=True)
class Placed:
    """A release, the path of the chart in the subject that it is of, and what that renders to."""

    release: Release
    chart: str
    rendered: tuple[Rendered, ...]

    @property
    def key(self) -> str:
        """How findings call it: `namespace/name`."""
        return f"{self.release.namespace}/{self.release.name}"

    def of_kind(self, *kinds: str) -> Iterator[Rendered]:
        """The rendered objects of some kinds."""
        return (each for each in self.rendered if each.value.get("kind") in kinds)


@dataclass
class Scene:
    """One cluster with the subject's releases in it.

    Attributes:
        run: tells this run's own objects in the cluster from all others.
    """

    cluster: Cluster
    access: ClusterAccess
    wishes: Wishes
    releases: tuple[Placed, ...]
    run: str
    _lists: dict[tuple[str, str, str], list[dict[str, Any]]] = field(default_factory=dict)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    @property
    def namespaces(self) -> list[str]:
        """Those that hold releases."""
        return sorted({placed.release.namespace for placed in self.releases})

    def objects(self, api_version: str, kind: str, namespace: str) -> list[dict[str, Any]]:
        """The live objects of a kind in a namespace, as they were when they were asked for first.

        Raises:
            ClusterError, BoundExceeded: they cannot be read.
        """
        key = (api_version, kind, namespace)
        with self._lock:
            if key not in self._lists:
                found = self.cluster.listed(self.cluster.path(api_version, kind, namespace))
                self._lists[key] = [{**each, "kind": kind, "apiVersion": api_version} for each in found]
            return self._lists[key]

    def pods(self, placed: Placed) -> list[tuple[dict[str, Any], dict[str, Any], Rendered]]:
        """The pods of a release: each with its live workload, and that as rendered.

        Raises:
            ClusterError, BoundExceeded: they cannot be read.
        """
        namespace = placed.release.namespace
        pods = [pod for pod in self.objects("v1", "Pod", namespace) if not pod["metadata"].get("deletionTimestamp")]
        between = self.objects("apps/v1", "ReplicaSet", namespace)
        if next(placed.of_kind("CronJob"), None):
            between = [*between, *self.objects("batch/v1", "Job", namespace)]
        makers = {each["metadata"]["uid"]: each for each in between}
        found = []
        for workload in placed.of_kind(*WORKLOADS):
            live = self.live(placed, workload)
            if live is None:
                continue
            uid = live["metadata"]["uid"]
            for pod in pods:
                owner = _owner(pod)
                if pod["metadata"]["uid"] == uid or owner == uid or _owner(makers.get(owner, {})) == uid:
                    found.append((pod, live, workload))
        return found

    def live(self, placed: Placed, rendered: Rendered) -> dict[str, Any] | None:
        """The live object of a rendered one; None where there is none."""
        value = rendered.value
        api_version, kind, name = value["apiVersion"], value["kind"], value["metadata"]["name"]
        _, namespaced = self.cluster.kind(api_version, kind)
        if not namespaced:
            return self.cluster.get(self.cluster.path(api_version, kind, "", name))
        namespace = value["metadata"].get("namespace") or placed.release.namespace
        return next((o for o in self.objects(api_version, kind, namespace) if o["metadata"]["name"] == name), None)


def _owner(value: dict[str, Any]) -> str:
    """The uid of the controller of an object; "" where it has none."""
    owners = value.get("metadata", {}).get("ownerReferences") or ()
    return next((owner["uid"] for owner in owners if owner.get("controller")), "")


def template(workload: dict[str, Any]) -> dict[str, Any]:
    """The pod template of a workload; of a Pod, itself."""
    spec = workload.get("spec") or {}
    if workload.get("kind") == "CronJob":
        spec = (spec.get("jobTemplate") or {}).get("spec") or {}
    return workload if workload.get("kind") == "Pod" else spec.get("template") or {}


def containers(pod: dict[str, Any]) -> Iterator[tuple[bool, dict[str, Any]]]:
    """The containers of a pod or pod template, and whether each only prepares it."""
    spec = pod.get("spec") or {}
    for field_name in ("initContainers", "containers"):
        for container in spec.get(field_name) or ():
            yield field_name == "initContainers", container


def at(rendered: Rendered, resource: str) -> Location:
    """The template of an object, and what runs because of it."""
    where = rendered.where
    return Location(where.path, where.line, text=where.text, resource=resource)
