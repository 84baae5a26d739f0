"""The memory service as it runs in a cluster: the Service of a release, the pods behind it, and what these were told.

A Service is taken that a release of the subject's charts made and that has a port for gRPC; where there are several, the
one that the subject's configuration names. What it runs with is read from its pod: the ConfigMaps and plain values of its
environment, over the defaults that the service documents. Of Secrets, the certificate of the TLS authority is read.
"""

from __future__ import annotations

import base64
import binascii
import math
import posixpath
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from strictreal.collect.kube.access import Cluster, ClusterError
from strictreal.collect.kube.releases import Release
from strictreal.collect.service.scenario import Shape

PREFIX = "SOMA_"
DEFAULTS = {
    "dimension": "256",
    "feature_names": "",
    "importance_slope": "1.0",
    "importance_centre": "0.0",
    "alpha": "1.0",
    "beta": "1.0",
    "tau_seconds": "inf",
    "retention_gammas": "0.5,0.3,0.2,0.0",
    "retention_tau_seconds": "604800.0",
    "rate_per_second": "10000.0",
    "rate_burst": "20000",
    "auth_issuer": "",
    "auth_audience": "soma",
    "auth_tenants_claim": "tenants",
    "auth_roles_claim": "roles",
    "auth_leeway_seconds": "30.0",
    "tls_cert": "",
    "tls_client_ca": "",
}
"""What the service documents for the settings that a run needs, where its pod sets none; a test holds both equal."""
MADE_BY = ("meta.helm.sh/release-namespace", "meta.helm.sh/release-name")
MOST_LEEWAY_SECONDS = 300
READY_SECONDS = 180
"""That a pod may take to come back."""


class Endpoint(NamedTuple):
    """A Service, and the port by which it is called."""

    namespace: str
    name: str
    port: int
    target: str | int
    """The port of its pods, by name or number."""
    selector: dict[str, str]
    release: str = ""

    @property
    def host(self) -> str:
        """Its name inside the cluster, which its certificate must bear."""
        return f"{self.name}.{self.namespace}.svc.cluster.local"


class Pod(NamedTuple):
    """One ready pod behind a Service."""

    name: str
    uid: str
    port: int
    container: dict[str, Any]
    spec: dict[str, Any]
    image: str
    """By its digest, as the node's runtime tells it."""


def endpoint(cluster: Cluster, releases: Iterable[Release], wished: str) -> Endpoint:
    """The Service for gRPC of the subject's releases.

    Args:
        wished: `namespace/name` of the one that is meant, where there are several.

    Raises:
        ClusterError: there is none, or it is not clear which.
    """
    found: list[Endpoint] = []
    for release in releases:
        for service in cluster.listed(f"/api/v1/namespaces/{release.namespace}/services"):
            notes = service["metadata"].get("annotations") or {}
            if tuple(notes.get(name) for name in MADE_BY) == (release.namespace, release.name):
                found += _spoken(service, f"{release.namespace}/{release.name}")
    if wished:
        found = [each for each in found if f"{each.namespace}/{each.name}" == wished]
    if len(found) != 1:
        seen = ", ".join(sorted(f"{each.namespace}/{each.name}" for each in found)) or "none"
        raise ClusterError(f"no one Service of the releases has a port for gRPC ({seen}): name it as cluster.memory")
    return found[0]


def _spoken(service: Mapping[str, Any], release: str) -> Iterator[Endpoint]:
    """The ports of a Service at which gRPC is spoken."""
    about, spec = service["metadata"], service.get("spec") or {}
    for port in spec.get("ports") or ():
        if "grpc" in {str(port.get("name", "")).partition("-")[0], port.get("appProtocol")}:
            target = port.get("targetPort", port["port"])
            selector = dict(spec.get("selector") or {})
            yield Endpoint(about["namespace"], about["name"], int(port["port"]), target, selector, release)


def named(cluster: Cluster, namespace: str, name: str, port: int) -> Endpoint:
    """A Service by its name.

    Raises:
        ClusterError: there is none with this port.
    """
    service = cluster.call("GET", f"/api/v1/namespaces/{namespace}/services/{name}")
    spec = service.get("spec") or {}
    for each in spec.get("ports") or ():
        if each["port"] == port:
            return Endpoint(namespace, name, port, each.get("targetPort", port), dict(spec.get("selector") or {}))
    raise ClusterError(f"the Service {namespace}/{name} has no port {port}")


def ready_pod(cluster: Cluster, service: Endpoint, *, other_than: str = "", seconds: float = READY_SECONDS) -> Pod:
    """A pod behind a Service that is ready, as soon as there is one.

    Args:
        other_than: uid of one that is not meant.

    Raises:
        ClusterError: there is none in time.
    """
    until = time.monotonic() + seconds
    while True:
        for value in _pods(cluster, service):
            status, about = value.get("status") or {}, value["metadata"]
            conditions = {each["type"]: each["status"] for each in status.get("conditions") or ()}
            if conditions.get("Ready") == "True" and not about.get("deletionTimestamp") and about["uid"] != other_than:
                return _opened(value, service)
        if time.monotonic() > until:
            raise ClusterError(f"no pod behind {service.namespace}/{service.name} is ready after {seconds:g} s")
        time.sleep(0.5)


def _pods(cluster: Cluster, service: Endpoint) -> list[dict[str, Any]]:
    if not service.selector:
        raise ClusterError(f"the Service {service.namespace}/{service.name} selects no pods")
    labels = ",".join(f"{key}={value}" for key, value in sorted(service.selector.items()))
    return cluster.listed(f"/api/v1/namespaces/{service.namespace}/pods", labelSelector=labels)


def _opened(value: Mapping[str, Any], service: Endpoint) -> Pod:
    """The container of a pod that has the Service's port.

    Raises:
        ClusterError: none has.
    """
    about, spec = value["metadata"], value["spec"]
    for container in spec["containers"]:
        for port in container.get("ports") or ():
            if service.target in {port.get("name"), port["containerPort"]}:
                states = (value.get("status") or {}).get("containerStatuses") or ()
                image = next((str(s.get("imageID", "")) for s in states if s["name"] == container["name"]), "")
                return Pod(about["name"], about["uid"], int(port["containerPort"]), container, spec, image)
    raise ClusterError(f"no container of {service.namespace}/{about['name']} has the port {service.target}")


def settings(cluster: Cluster, namespace: str, pod: Pod) -> dict[str, str]:
    """What the service in a pod runs with, of the names in DEFAULTS; what comes from Secrets is not among it.

    Raises:
        ClusterError: a ConfigMap cannot be read.
    """
    given: dict[str, str] = {}
    for source in pod.container.get("envFrom") or ():
        if reference := source.get("configMapRef"):
            data = _config(cluster, namespace, reference["name"])
            given |= {f"{source.get('prefix', '')}{key}": value for key, value in data.items()}
    for variable in pod.container.get("env") or ():
        key = (variable.get("valueFrom") or {}).get("configMapKeyRef")
        if key:
            given[variable["name"]] = _config(cluster, namespace, key["name"]).get(key["key"], "")
        elif "value" in variable:
            given[variable["name"]] = variable["value"]
    return {name: given.get(f"{PREFIX}{name.upper()}", default) for name, default in DEFAULTS.items()}


def _config(cluster: Cluster, namespace: str, name: str) -> dict[str, str]:
    return dict(cluster.call("GET", f"/api/v1/namespaces/{namespace}/configmaps/{name}").get("data") or {})


def shape(said: Mapping[str, str]) -> Shape:
    """What memories are like on a server with these settings.

    Raises:
        ClusterError: its dimension is no number.
    """
    if not said["dimension"].isdecimal() or not 2 <= int(said["dimension"]) <= 4096:
        raise ClusterError(f"the scenario is not played in {said['dimension'][:20]!r} dimensions (bound: 2 to 4096)")
    return Shape(int(said["dimension"]), tuple(n.strip() for n in said["feature_names"].split(",") if n.strip()))


def leeway(said: Mapping[str, str]) -> float:
    """Seconds for which a token that has expired is still taken.

    Raises:
        ClusterError: they are no number, or more than one would wait for.
    """
    try:
        found = float(said["auth_leeway_seconds"])
    except ValueError:
        found = math.nan
    if not 0 <= found <= MOST_LEEWAY_SECONDS:
        named = said["auth_leeway_seconds"][:20]
        raise ClusterError(f"tokens are taken for {named!r} s after their end (bound: {MOST_LEEWAY_SECONDS} s)")
    return found


def root(cluster: Cluster, namespace: str, pod: Pod, said: Mapping[str, str]) -> bytes | None:
    """The PEM that vouches for the server; None where it speaks in clear text.

    It is ca.crt, or else tls.crt, of the Secret that the pod mounts where its certificate lies.

    Raises:
        ClusterError: it cannot be found, or the server asks for clients' certificates, which a run does not have.
    """
    if not said["tls_cert"]:
        return None
    if said["tls_client_ca"]:
        raise ClusterError("the service asks for clients' certificates, of which a run has none")
    folder = posixpath.dirname(said["tls_cert"])
    mounts = pod.container.get("volumeMounts") or ()
    volume = next((m["name"] for m in mounts if m["mountPath"].rstrip("/") == folder), "")
    volumes = {v["name"]: (v.get("secret") or {}).get("secretName", "") for v in pod.spec.get("volumes") or ()}
    if not volumes.get(volume):
        raise ClusterError(f"no Secret is mounted at {folder}, where the server's certificate should lie")
    held = cluster.call("GET", f"/api/v1/namespaces/{namespace}/secrets/{volumes[volume]}").get("data") or {}
    return value(held, "ca.crt") or value(held, "tls.crt")


def value(data: Mapping[str, str], key: str) -> bytes:
    """One value of a Secret; nothing where it has none of this name.

    Raises:
        ClusterError: it is not base64.
    """
    try:
        return base64.b64decode(data.get(key, ""), validate=True)
    except binascii.Error:
        raise ClusterError(f"{key} of a Secret is not base64") from None
