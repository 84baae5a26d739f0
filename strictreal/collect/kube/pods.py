"""The pods of the releases: whether their containers are ready, what their probes are answered, of which revision they are."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from strictreal.collect.kube.objects import called
from strictreal.collect.kube.rendering import Rendered
from strictreal.collect.kube.scene import Placed, Scene, at, containers, template
from strictreal.errors import StrictRealError
from strictreal.facts.cluster import ClusterEvent, ContainerState, MetricsPage, PodRevision
from strictreal.model import Fact, Gap, Location
from strictreal.redact import redact

MAX_PAGE = 8 * 1024 * 1024
MAX_NAMES = 2_000
MAX_EVENT = 300
"""Characters of an event."""
_STAMP = re.compile(r"(?i)(?:^|[/._-])checksum(?:[/._-]|$)|(?:config|secret|values).{0,20}(?:hash|sha|checksum|digest)")
"""A label or annotation that says what configuration a pod was started with: `checksum/config`, `soma.io/configHash`."""
_FAMILY = re.compile(r"^# TYPE ([a-zA-Z_:][a-zA-Z0-9_:]{0,200}) ", re.MULTILINE)
_WRONG = re.compile(r"(?i)\b(?:panic|fatal|critical|error|exception)\b")
CONTROLLER_REVISION, TEMPLATE_HASH = "controller-revision-hash", "pod-template-hash"


def containers_of_pods(scene: Scene) -> Iterator[Fact]:
    """The state of every container that is meant to go on running.

    Raises:
        ClusterError, BoundExceeded: the pods cannot be read.
    """
    for placed in scene.releases:
        for pod, _, workload in scene.pods(placed):
            if workload.value["kind"] in ("Job", "CronJob"):
                continue
            states = {each["name"]: each for each in (pod.get("status") or {}).get("containerStatuses") or ()}
            for prepares, container in containers(pod):
                if not prepares:
                    yield _state(scene, placed, pod, workload, container, states.get(container["name"], {}))


def _state(
    scene: Scene,
    placed: Placed,
    pod: dict[str, Any],
    workload: Rendered,
    container: dict[str, Any],
    said: dict[str, Any],
) -> ContainerState:
    waiting = (said.get("state") or {}).get("waiting") or {}
    probe = container.get("readinessProbe") or {}
    name = pod["metadata"]["name"]
    return ContainerState(
        where=at(workload, f"{called(placed.release.namespace, 'Pod', name)}/{container['name']}"),
        release=placed.key,
        ready=bool(said.get("ready")),
        restarts=int(said.get("restartCount", 0)),
        waiting=str(waiting.get("reason", "")),
        ended=_last_words(said),
        serves=tuple(sorted({int(port["containerPort"]) for port in container.get("ports") or ()})),
        probe=_words(probe),
        answer=_asked(scene, placed.release.namespace, name, container, probe.get("httpGet") or {}),
    )


def _last_words(said: dict[str, Any]) -> str:
    """The last line with an error of what a container said when it failed, or the last line of all."""
    state = (said.get("state") or {}).get("terminated") or (said.get("lastState") or {}).get("terminated") or {}
    if not state.get("exitCode"):
        return ""
    lines = [line.strip() for line in str(state.get("message", "")).splitlines() if line.strip()]
    wrong = [line for line in lines if _WRONG.search(line)]
    return redact((wrong or lines or [""])[-1], MAX_EVENT)


def _words(probe: dict[str, Any]) -> str:
    """A probe as a reader says it."""
    if found := probe.get("httpGet"):
        return f"GET {found.get('path', '/')} on {found.get('port')}"
    return next((f"{kind}" for kind in ("grpc", "tcpSocket", "exec") if kind in probe), "")


def _asked(scene: Scene, namespace: str, pod: str, container: dict[str, Any], get: dict[str, Any]) -> int:
    """The HTTP status that a probe's address answers now, through the API server; 0 where it does not answer."""
    port = _number(container, get.get("port"))
    if not port or get.get("host"):
        return 0
    scheme = "https:" if get.get("scheme") == "HTTPS" else ""
    path = f"/api/v1/namespaces/{namespace}/pods/{scheme}{pod}:{port}/proxy/{str(get.get('path', '/')).lstrip('/')}"
    try:
        return scene.cluster.raw("GET", path, most=MAX_PAGE)[0]
    except StrictRealError:
        return 0


def _number(container: dict[str, Any], port: Any) -> int:
    """A port of a container by its number or its name; 0 where it has none."""
    if isinstance(port, int):
        return port
    named = {entry.get("name"): int(entry["containerPort"]) for entry in container.get("ports") or ()}
    return named.get(port, 0)


def events(scene: Scene) -> Iterator[Fact]:
    """The warnings of the releases' namespaces, redacted: evidence for readers, which no check judges.

    Raises:
        ClusterError, BoundExceeded: they cannot be read.
    """
    charts = {placed.release.namespace: placed.chart for placed in reversed(scene.releases)}
    for namespace, chart in sorted(charts.items()):
        for event in scene.cluster.listed(f"/api/v1/namespaces/{namespace}/events", fieldSelector="type=Warning"):
            about = event.get("involvedObject") or {}
            yield ClusterEvent(
                where=Location(
                    chart, resource=called(namespace, str(about.get("kind", "")), str(about.get("name", "")))
                ),
                reason=str(event.get("reason", ""))[:MAX_EVENT],
                message=redact(str(event.get("message", "")), MAX_EVENT),
                count=int(event.get("count") or 1),
            )


def revisions(scene: Scene) -> Iterator[Fact]:
    """Of which revision every pod is, and with what configuration it was started.

    Raises:
        ClusterError, BoundExceeded: the pods cannot be read.
    """
    for placed in scene.releases:
        for pod, live, workload in scene.pods(placed):
            if live["kind"] not in ("Deployment", "StatefulSet", "DaemonSet"):
                continue
            yield PodRevision(
                where=at(workload, called(placed.release.namespace, "Pod", pod["metadata"]["name"])),
                release=placed.key,
                workload=f"{live['kind']}/{live['metadata']['name']}",
                current=_current(scene, placed.release.namespace, pod, live),
                settled=_settled(live),
                stamps=_stamps(scene, placed, pod, workload),
            )


def _current(scene: Scene, namespace: str, pod: dict[str, Any], live: dict[str, Any]) -> bool:
    """Whether a pod is of its workload's newest revision."""
    labels = pod["metadata"].get("labels") or {}
    if live["kind"] == "Deployment":
        number = (live["metadata"].get("annotations") or {}).get("deployment.kubernetes.io/revision")
        sets = scene.objects("apps/v1", "ReplicaSet", namespace)
        own = [s for s in sets if _owned(s, live) and _revision(s) == number]
        return any(s["metadata"]["labels"].get(TEMPLATE_HASH) == labels.get(TEMPLATE_HASH) for s in own)
    if live["kind"] == "StatefulSet":
        return labels.get(CONTROLLER_REVISION) == (live.get("status") or {}).get("updateRevision")
    newest: dict[str, Any] = max(
        (r for r in scene.objects("apps/v1", "ControllerRevision", namespace) if _owned(r, live)),
        key=lambda revision: int(revision.get("revision", 0)),
        default={"metadata": {}},
    )
    return labels.get(CONTROLLER_REVISION) == (newest["metadata"].get("labels") or {}).get(CONTROLLER_REVISION)


def _owned(value: dict[str, Any], owner: dict[str, Any]) -> bool:
    return any(o["uid"] == owner["metadata"]["uid"] for o in value["metadata"].get("ownerReferences") or ())


def _revision(value: dict[str, Any]) -> Any:
    return (value["metadata"].get("annotations") or {}).get("deployment.kubernetes.io/revision")


def _settled(live: dict[str, Any]) -> bool:
    """Whether the controller has seen the workload's last change, and all its pods are of it."""
    status = live.get("status") or {}
    wanted = (live.get("spec") or {}).get("replicas", 1)
    if live["kind"] == "DaemonSet":
        wanted = status.get("desiredNumberScheduled", 0)
        updated = status.get("updatedNumberScheduled", 0)
    else:
        updated = status.get("updatedReplicas", 0)
    return bool(status.get("observedGeneration") == live["metadata"].get("generation") and updated == wanted)


def _stamps(scene: Scene, placed: Placed, pod: dict[str, Any], workload: Rendered) -> dict[str, tuple[str, str, str]]:
    """By what the pod says of its configuration: as rendered, as it is, and of the live object that bears the same."""
    rendered, live = _marks(template(workload.value)), _marks(pod)
    read: list[dict[str, str]] = []
    for kind in ("ConfigMap", "Secret"):
        own = {each.value["metadata"].get("name") for each in placed.of_kind(kind)} & names_read(pod, kind)
        objects = scene.objects("v1", kind, placed.release.namespace)
        read += (_marks(each) for each in objects if each["metadata"]["name"] in own)
    found = {}
    for name in sorted(rendered.keys() | live.keys()):
        borne = [marks[name] for marks in read if name in marks]
        other = next((mark for mark in borne if mark != live.get(name)), borne[0] if borne else "")
        found[name] = (rendered.get(name, ""), live.get(name, ""), other)
    return found


def _marks(value: dict[str, Any]) -> dict[str, str]:
    about = value.get("metadata") or {}
    both = {**(about.get("labels") or {}), **(about.get("annotations") or {})}
    return {name: str(text) for name, text in both.items() if _STAMP.search(name)}


def names_read(pod: dict[str, Any], kind: str) -> set[str]:
    """The names of the ConfigMaps or Secrets that a pod reads."""
    ref, volume, key = (
        ("configMapRef", "configMap", "configMapKeyRef")
        if kind == "ConfigMap"
        else ("secretRef", "secret", "secretKeyRef")
    )
    names = {
        v[volume].get("name") or v[volume].get("secretName") for v in pod["spec"].get("volumes") or () if volume in v
    }
    for _, container in containers(pod):
        names |= {each[ref].get("name") for each in container.get("envFrom") or () if ref in each}
        sources = [each.get("valueFrom") or {} for each in container.get("env") or ()]
        names |= {source[key].get("name") for source in sources if key in source}
    return {name for name in names if name}


def metrics(scene: Scene) -> Iterator[Fact]:
    """The metrics of every pod that says where they are: by the annotations of Prometheus, or a port called `metrics`.

    Raises:
        ClusterError, BoundExceeded: the pods cannot be read.
    """
    for placed in scene.releases:
        for pod, _, workload in scene.pods(placed):
            about = pod["metadata"].get("annotations") or {}
            ports = [entry for _, c in containers(pod) for entry in c.get("ports") or ()]
            named = next((str(p["containerPort"]) for p in ports if "metrics" in str(p.get("name", ""))), "")
            annotated = about.get("prometheus.io/port", "") if about.get("prometheus.io/scrape") == "true" else ""
            wanted = scene.wishes.metrics.get(workload.value["metadata"].get("name", ""), ())
            if not (annotated or named or wanted):
                continue
            where = at(workload, called(placed.release.namespace, "Pod", pod["metadata"]["name"]))
            path = (
                f"/api/v1/namespaces/{placed.release.namespace}/pods/{pod['metadata']['name']}:{annotated or named}"
                f"/proxy/{about.get('prometheus.io/path', '/metrics').lstrip('/')}"
            )
            try:
                status, page = scene.cluster.raw("GET", path, most=MAX_PAGE)
            except StrictRealError as error:
                yield Gap(of="MetricsPage", where=where, reason=str(error))
                continue
            names = sorted(set(_FAMILY.findall(page.decode(errors="replace"))))
            if len(names) > MAX_NAMES:
                reason = f"it exports more than {MAX_NAMES} metrics (bound: metrics)"
                yield Gap(of="MetricsPage", where=where, reason=reason)
                continue
            yield MetricsPage(where=where, release=placed.key, status=status, names=tuple(names), wanted=tuple(wanted))
