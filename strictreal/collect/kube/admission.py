"""Whether pods that may do too much are refused: they are offered to each namespace, and never made (a dry run).

The violations are those of the Pod Security Standards, one pod each, which differs in nothing else from one that the
restricted standard allows. So a refusal is that violation's.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

from strictreal.collect.kube.access import FORBIDDEN, ClusterError
from strictreal.collect.kube.scene import Scene
from strictreal.errors import StrictRealError
from strictreal.facts.cluster import AdmissionTry
from strictreal.model import Fact, Gap, Location, shortened
from strictreal.redact import redact

ENFORCE = "pod-security.kubernetes.io/enforce"
UNPRIVILEGED = 65532
"""A user, and a port, that ask for nothing."""
MAX_ANSWER = 300


class Violation(NamedTuple):
    """What a pod does that a level forbids."""

    name: str
    level: str
    change: Callable[[dict[str, Any], dict[str, Any]], None]
    """Makes the pod's spec, or its container, violate."""


def _container(**fields: Any) -> Callable[[dict[str, Any], dict[str, Any]], None]:
    return lambda _, container: container["securityContext"].update(fields)


def _pod(**fields: Any) -> Callable[[dict[str, Any], dict[str, Any]], None]:
    return lambda spec, _: spec.update(fields)


def _port(_: dict[str, Any], container: dict[str, Any]) -> None:
    container["ports"] = [{"containerPort": UNPRIVILEGED, "hostPort": UNPRIVILEGED}]


def _dropless(_: dict[str, Any], container: dict[str, Any]) -> None:
    del container["securityContext"]["capabilities"]


def _unconfined(spec: dict[str, Any], _: dict[str, Any]) -> None:
    spec["securityContext"]["seccompProfile"] = {"type": "Unconfined"}


def _no_profile(spec: dict[str, Any], _: dict[str, Any]) -> None:
    del spec["securityContext"]["seccompProfile"]


def _root(spec: dict[str, Any], _: dict[str, Any]) -> None:
    spec["securityContext"] |= {"runAsUser": 0, "runAsNonRoot": True}


def _perhaps_root(spec: dict[str, Any], _: dict[str, Any]) -> None:
    del spec["securityContext"]["runAsNonRoot"]


VIOLATIONS = (
    Violation("is privileged", "baseline", _container(privileged=True, allowPrivilegeEscalation=True)),
    Violation("shares the node's network", "baseline", _pod(hostNetwork=True)),
    Violation("shares the node's processes", "baseline", _pod(hostPID=True)),
    Violation("shares the node's memory", "baseline", _pod(hostIPC=True)),
    Violation("mounts a folder of the node", "baseline", _pod(volumes=[{"name": "host", "hostPath": {"path": "/"}}])),
    Violation("takes a port of the node", "baseline", _port),
    Violation("adds a capability", "baseline", _container(capabilities={"drop": ["ALL"], "add": ["SYS_ADMIN"]})),
    Violation("has no limit to its system calls", "baseline", _unconfined),
    Violation("may gain privileges", "restricted", _container(allowPrivilegeEscalation=True)),
    Violation("keeps its capabilities", "restricted", _dropless),
    Violation("names no limit to its system calls", "restricted", _no_profile),
    Violation("runs as root", "restricted", _root),
    Violation("may run as root", "restricted", _perhaps_root),
)
"""https://kubernetes.io/docs/concepts/security/pod-security-standards/"""


def pod(image: str) -> dict[str, Any]:
    """A pod that the restricted standard allows."""
    container = {
        "name": "offered",
        "image": image,
        "command": ["true"],
        "resources": {
            "requests": {"cpu": "10m", "memory": "16Mi"},
            "limits": {"cpu": "100m", "memory": "64Mi"},
        },
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
    }
    security = {"runAsNonRoot": True, "runAsUser": UNPRIVILEGED, "seccompProfile": {"type": "RuntimeDefault"}}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {},
        "spec": {"automountServiceAccountToken": False, "securityContext": security, "containers": [container]},
    }


def observe(scene: Scene) -> Iterator[Fact]:
    """A pod for each violation, and one without, offered to each namespace that holds a release.

    Raises:
        ClusterError: a namespace cannot be read.
    """
    charts: dict[str, str] = {}
    for placed in scene.releases:
        charts.setdefault(placed.release.namespace, placed.chart)
    for namespace in scene.namespaces:
        about = scene.cluster.call("GET", f"/api/v1/namespaces/{namespace}")["metadata"]
        level = str((about.get("labels") or {}).get(ENFORCE, ""))
        where = Location(charts[namespace], resource=f"Namespace/{namespace}")
        yield from scene.cluster.together(partial(_try, scene, namespace, level, where), (None, *VIOLATIONS))


def _try(scene: Scene, namespace: str, level: str, where: Location, violation: Violation | None) -> Fact:
    offered = copy.deepcopy(pod("offered:never-pulled"))
    offered["metadata"] = {"name": f"strictreal-{scene.run}", "namespace": namespace}
    if violation:
        violation.change(offered["spec"], offered["spec"]["containers"][0])
    answer = ""
    try:
        scene.cluster.call("POST", f"/api/v1/namespaces/{namespace}/pods", query={"dryRun": "All"}, body=offered)
    except ClusterError as error:
        answer = str(error)
        if error.status != FORBIDDEN:
            return Gap(of="AdmissionTry", where=where, reason=answer)
    except StrictRealError as error:
        return Gap(of="AdmissionTry", where=where, reason=str(error))
    return AdmissionTry(
        where=where,
        namespace=namespace,
        level=level,
        violation=violation.name if violation else "",
        forbidden_by=violation.level if violation else "",
        admitted=not answer,
        answer=redact(shortened(answer, MAX_ANSWER)),
    )
