"""Every object of a release beside the one that runs: as rendered, with the API server's own defaults, and as it is.

The defaults come from the API server itself: it is asked to make the rendered object under another name, and not to
keep it (a dry run). So a field that somebody added is told from one that every object has.
"""

from __future__ import annotations

import base64
import copy
from collections.abc import Iterator
from functools import partial
from typing import Any

import msgspec

from strictreal.collect.chart import secrets
from strictreal.collect.kube.access import ClusterError
from strictreal.collect.kube.rendering import Rendered
from strictreal.collect.kube.scene import Placed, Scene, at
from strictreal.errors import StrictRealError
from strictreal.facts.cluster import ClusterObject
from strictreal.facts.drift import METADATA, differences, put
from strictreal.model import Fact, Gap, Location, canonical
from strictreal.redact import MARK

PLAIN = {"ConfigMap", "Secret", "ServiceAccount"}
"""Kinds to which the API server adds nothing: what is rendered is what is kept."""
LEFT = (
    *(("v1", kind) for kind in ("ConfigMap", "Secret", "Service", "ServiceAccount", "PersistentVolumeClaim", "Pod")),
    *(("apps/v1", kind) for kind in ("Deployment", "StatefulSet", "DaemonSet")),
    *(("batch/v1", kind) for kind in ("Job", "CronJob")),
    *(("networking.k8s.io/v1", kind) for kind in ("NetworkPolicy", "Ingress")),
    *(("rbac.authorization.k8s.io/v1", kind) for kind in ("Role", "RoleBinding")),
    ("policy/v1", "PodDisruptionBudget"),
    ("autoscaling/v2", "HorizontalPodAutoscaler"),
)
"""Where objects are looked for that say they are of a release which does not render them."""
OTHER = f"{MARK}, but another"
"""In place of a live value that is secret, and is not the rendered one."""
JOB_LABELS = tuple(
    f"{prefix}{name}" for prefix in ("batch.kubernetes.io/", "") for name in ("controller-uid", "job-name")
)
RELEASE, RELEASE_NAMESPACE = "meta.helm.sh/release-name", "meta.helm.sh/release-namespace"


def observe(scene: Scene) -> Iterator[Fact]:
    """Every object of every release, and those that say they are of one and are not rendered.

    Raises:
        ClusterError, BoundExceeded: the live objects cannot be read.
    """
    held = _held(scene)
    for placed in scene.releases:
        yield from scene.cluster.together(partial(_one, scene, placed, held), placed.rendered)
        yield from _leftovers(scene, placed, held)
        yield from _strays(scene, placed, held)


def _one(scene: Scene, placed: Placed, held: frozenset[str], each: Rendered) -> Fact:
    kind, name = each.value["kind"], each.value["metadata"].get("name", "")
    try:
        _, namespaced = scene.cluster.kind(each.value["apiVersion"], kind)
        namespace = (each.value["metadata"].get("namespace") or placed.release.namespace) if namespaced else ""
        where = at(each, called(namespace, kind, name))
        if each.changing:
            return Gap(of="ClusterObject", where=where, reason="it renders to something else each time")
        live = scene.live(placed, each)
        expected = _defaulted(scene, _labelled(each.value, placed, namespace), namespace)
    except (StrictRealError, KeyError) as error:
        return Gap(of="ClusterObject", where=at(each, f"{kind}/{name}"), reason=str(error))
    shown = pair(expected, live, held)
    return ClusterObject(
        where=where, release=placed.key, namespace=namespace, kind=kind, name=name, expected=shown[0], live=shown[1]
    )


def called(namespace: str, kind: str, name: str) -> str:
    """How facts call an object."""
    return f"{namespace}/{kind}/{name}" if namespace else f"{kind}/{name}"


def _held(scene: Scene) -> frozenset[str]:
    """The values of the Secrets of the releases and of their namespaces."""
    documents = [each.value for placed in scene.releases for each in placed.of_kind("Secret")]
    for namespace in scene.namespaces:
        documents += scene.objects("v1", "Secret", namespace)
    return frozenset(value for document in documents for value in secrets.known(document))


def _labelled(value: dict[str, Any], placed: Placed, namespace: str) -> dict[str, Any]:
    """The object as Helm sends it: with its own label and annotations, and the release's namespace."""
    made = copy.deepcopy(value)
    about = made["metadata"]
    if namespace:
        about["namespace"] = namespace
    about["labels"] = {**(about.get("labels") or {}), "app.kubernetes.io/managed-by": "Helm"}
    about["annotations"] = {
        **(about.get("annotations") or {}),
        RELEASE: placed.release.name,
        RELEASE_NAMESPACE: placed.release.namespace,
    }
    if made["kind"] == "Secret":
        plain = made.pop("stringData", None) or {}
        encoded = {key: base64.b64encode(str(text).encode()).decode() for key, text in plain.items()}
        made["data"] = {**(made.get("data") or {}), **encoded}
        made.setdefault("type", "Opaque")
    return made


def _defaulted(scene: Scene, value: dict[str, Any], namespace: str) -> dict[str, Any]:
    """The object with what the API server fills in.

    Raises:
        ClusterError: it does not take the object.
    """
    if value["kind"] in PLAIN:
        return value
    asked = copy.deepcopy(value)
    asked["metadata"]["name"] = f"{value['metadata']['name'][:40].rstrip('-.')}-{scene.run}"
    spec = asked.get("spec")
    kept: dict[str, Any] = {}
    if asked["kind"] == "Service" and isinstance(spec, dict):  # an address that is taken cannot be asked for again
        kept = {key: spec.pop(key) for key in ("clusterIP", "clusterIPs") if spec.get(key) not in (None, "None")}
        for port in spec.get("ports") or ():
            port.pop("nodePort", None)
    path = scene.cluster.path(value["apiVersion"], value["kind"], namespace)
    try:
        made = scene.cluster.call("POST", path, query={"dryRun": "All", "fieldValidation": "Ignore"}, body=asked)
    except ClusterError as error:
        raise ClusterError(f"the API server does not say what it makes of it: {error}", error.status) from None
    about = {key: made["metadata"][key] for key in METADATA if key in made["metadata"]}
    made["metadata"] = about | {"name": value["metadata"]["name"]}
    if made["kind"] == "Service":
        _restore(made["spec"], value.get("spec") or {}, kept)
    if made["kind"] == "Job":
        _unmarked(made["spec"])
    return made


def _unmarked(spec: dict[str, Any]) -> None:
    """A Job as rendered, without what its pods are found by: that is of the dry run's own."""
    labels = spec["template"]["metadata"].get("labels") or {}
    for found in (labels, spec.get("selector", {}).get("matchLabels") or {}):
        for key in JOB_LABELS:
            found.pop(key, None)


def _restore(made: dict[str, Any], rendered: dict[str, Any], kept: dict[str, Any]) -> None:
    """A Service as rendered: addresses and ports that the dry run chose are nobody's."""
    headless = made.get("clusterIP") == "None"
    for key in ("clusterIP", "clusterIPs", "healthCheckNodePort"):
        if not headless:
            made.pop(key, None)
    made |= kept
    for port, own in zip(made.get("ports") or (), rendered.get("ports") or (), strict=False):
        port.pop("nodePort", None)
        if "nodePort" in own:
            port["nodePort"] = own["nodePort"]


def _leftovers(scene: Scene, placed: Placed, held: frozenset[str]) -> Iterator[Fact]:
    """Live objects that bear the release's annotations, and that it does not render."""
    release = placed.release
    own = {(each.value["kind"], each.value["metadata"].get("name")) for each in placed.rendered}
    for api_version, kind in LEFT:
        for live in scene.objects(api_version, kind, release.namespace):
            about = live["metadata"]
            says = about.get("annotations") or {}
            mine = says.get(RELEASE) == release.name and says.get(RELEASE_NAMESPACE) == release.namespace
            if not mine or about.get("ownerReferences") or (kind, about["name"]) in own or "helm.sh/hook" in says:
                continue
            yield ClusterObject(
                where=Location(placed.chart, resource=called(release.namespace, kind, about["name"])),
                release=placed.key,
                namespace=release.namespace,
                kind=kind,
                name=about["name"],
                expected="",
                live=pair({}, live, held)[1],
            )


def _strays(scene: Scene, placed: Placed, held: frozenset[str]) -> Iterator[Fact]:
    """Pods that a Service of the release leads to, and that no workload of a release has made."""
    namespace = placed.release.namespace
    made = {pod["metadata"]["name"] for each in scene.releases for pod, _, _ in scene.pods(each)}
    services = [each for each in placed.of_kind("Service") if (each.value.get("spec") or {}).get("selector")]
    for pod in scene.objects("v1", "Pod", namespace):
        about = pod["metadata"]
        if about["name"] in made or about.get("deletionTimestamp"):
            continue
        labels = about.get("labels") or {}
        leading = (each for each in services if each.value["spec"]["selector"].items() <= labels.items())
        if service := next(leading, None):
            yield ClusterObject(
                where=at(service, called(namespace, "Pod", about["name"])),
                release=placed.key,
                namespace=namespace,
                kind="Pod",
                name=about["name"],
                expected="",
                live=pair({}, pod, held)[1],
                reached_by=called(namespace, "Service", service.value["metadata"]["name"]),
            )


def pair(expected: dict[str, Any], live: dict[str, Any] | None, held: frozenset[str]) -> tuple[str, str]:
    """Two objects as facts hold them: redacted, and no secret value equal to another that it is not equal to.

    Args:
        held: the values of Secrets, which are replaced wherever they stand.
    """
    shown = _shown(expected, held)
    if live is None:
        return canonical(shown).decode(), ""
    lean = {key: value for key, value in live.items() if key != "status"}
    lean["metadata"] = {key: value for key, value in live.get("metadata", {}).items() if key in METADATA}
    seen = _shown(lean, held)
    if expected:
        known = {found.path for found in differences(shown, seen)}
        for found in differences(expected, lean):
            if found.path not in known and not any(found.path[:n] in known for n in range(len(found.path))):
                put(seen, found.path, OTHER)
    return (canonical(shown).decode() if expected else ""), canonical(seen).decode()


def _shown(value: dict[str, Any], held: frozenset[str]) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.json.decode(secrets.redacted(value, canonical(value), held))
    return found
