"""What collectors see of a running cluster. No value of a Secret is in any of these facts.

Resources are called `namespace/Kind/name`, those of no namespace `Kind/name`.
"""

from __future__ import annotations

import datetime
from typing import Any

from strictreal.model import Fact, Located, Natural


class ClusterRelease(Located, frozen=True, kw_only=True):
    """A Helm release of one of the subject's charts, as the cluster records it."""

    unit = "ClusterObject"
    name: str
    namespace: str
    chart: str
    """The name in its Chart.yaml."""
    version: str
    revision: Natural
    status: str
    """`deployed`, `failed`, `pending-upgrade`, …"""


class ClusterVersion(Fact, frozen=True, kw_only=True):
    """What the cluster is made of."""

    server: str
    """The Kubernetes version of its API server."""
    nodes: dict[str, str]
    """By node: its kubelet's version, container runtime and system."""


class KubeRequest(Fact, frozen=True, kw_only=True):
    """What was asked of the API server, and how it answered; equal requests are counted."""

    verb: str
    path: str
    status: Natural
    """HTTP status; 0 where none came."""
    count: Natural


class ClusterEvent(Located, frozen=True, kw_only=True):
    """A warning among the events of a release's namespace, redacted."""

    reason: str
    message: str
    count: Natural


class ClusterObject(Located, frozen=True, kw_only=True):
    """One object that a release's chart renders to, and the one that runs; at its template.

    Both are redacted. Where a redacted value of the live object is not the rendered one, its mark says so.
    """

    release: str
    namespace: str
    kind: str
    name: str
    expected: str
    """Canonical JSON of the object as rendered, with the defaults of this API server; "" for one that is not rendered."""
    live: str
    """Canonical JSON of the object as it runs; "" where it does not."""
    reached_by: str = ""
    """The rendered Service that leads to a pod which no rendered workload has made."""


class BuiltImage(Located, frozen=True, kw_only=True):
    """An image on record: what was built, or fetched, to be run."""

    reference: str
    digests: tuple[str, ...]
    """By which it can be known: of its configuration, of its manifest. `sha256:…`."""
    bill: str = ""
    """SHA-256 of its bill of materials; "" where none is on record."""


class RunningImage(Located, frozen=True, kw_only=True):
    """The image of one container that was started."""

    release: str
    reference: str
    """As the chart renders it; "" for a container that it does not render."""
    live: str
    """As the pod asks for it."""
    digest: str
    """As the node has it, `sha256:…`; "" while it is not started."""


class AdmissionTry(Located, frozen=True, kw_only=True):
    """A pod that was offered to a namespace without being made (a server-side dry run)."""

    namespace: str
    level: str
    """What the namespace says that it enforces: `restricted`, `baseline`, `privileged`; "" when it says nothing."""
    violation: str
    """What the pod does; "" for the one that violates nothing."""
    forbidden_by: str
    """The least strict level that forbids it: `baseline` or `restricted`."""
    admitted: bool
    answer: str
    """Why it was refused."""


class FlowTry(Located, frozen=True, kw_only=True):
    """A connection that was tried from a pod to a port of another."""

    source: dict[str, Any]
    """Of the pod that called: `namespace`, `labels`, `namespace_labels`, and `release` where it is a release's own."""
    target: dict[str, Any]
    """Of the pod that was called: `namespace`, `labels`, `namespace_labels`, `ports` by name, `address`."""
    port: Natural
    protocol: str = "TCP"
    answer: str
    """`open`, `refused` (let through, nobody listens) or `cut`."""


class NetworkRules(Located, frozen=True, kw_only=True):
    """A NetworkPolicy as its chart renders it."""

    unit = "FlowTry"
    namespace: str
    spec: dict[str, Any]


class AccountRights(Located, frozen=True, kw_only=True):
    """What a service account may do, as the API server answers it, and what the charts say that it may."""

    account: str
    """`namespace:name`."""
    asked: str
    """The namespace in which it was asked."""
    held: tuple[dict[str, tuple[str, ...]], ...]
    """Rules with `verbs`, `apiGroups`, `resources`, `resourceNames`, `nonResourceURLs`."""
    declared: tuple[dict[str, tuple[str, ...]], ...]
    """The rules that rendered Roles and ClusterRoles give it in that namespace."""
    complete: bool = True
    """False where an authorizer could not list what it allows."""


class SearchedText(Located, frozen=True, kw_only=True):
    """A place that was searched for the values of Secrets: a variable, arguments, a ConfigMap's key, a log."""

    kind: str
    """`env`, `args`, `config` or `log`."""
    holds: tuple[str, ...] = ()
    """The Secrets, as `namespace/name:key`, whose value stands there."""
    refers: str = ""
    """The Secret that a variable takes its value from."""


class ContainerState(Located, frozen=True, kw_only=True):
    """One container of a release's pods, and what its readiness probe is answered."""

    release: str
    ready: bool
    restarts: Natural
    waiting: str = ""
    """Why it does not run: `CrashLoopBackOff`, `ImagePullBackOff`, …"""
    ended: str = ""
    """What it said when it last ended with a failure, redacted; "" where it did not, or said nothing."""
    serves: tuple[int, ...] = ()
    """Ports that it says it listens on."""
    probe: str = ""
    """Its readiness probe: `GET /ready on metrics`; "" when it has none."""
    answer: Natural = 0
    """The HTTP status that the probe's address answered when it was asked for the audit; 0 when it was not asked."""


class PodRevision(Located, frozen=True, kw_only=True):
    """One pod of a release's workload: whether it is of the newest revision, and what configuration it was started with."""

    release: str
    workload: str
    """`StatefulSet/web`."""
    current: bool
    """Whether it is of the revision that its workload has reached."""
    settled: bool
    """Whether the workload has no older pods, and its controller has seen the last change."""
    stamps: dict[str, tuple[str, str, str]]
    """By label or annotation that says what configuration the pod was started with: as rendered, of the pod, and of the
    live ConfigMap or Secret that bears the same one ("" where none does)."""


class MetricsPage(Located, frozen=True, kw_only=True):
    """What one pod's metrics address answers."""

    release: str
    status: Natural
    names: tuple[str, ...]
    wanted: tuple[str, ...] = ()
    """The names that the configuration demands of it."""


class TlsCertificate(Located, frozen=True, kw_only=True):
    """The first certificate under a key of a Secret; its private key is not in the fact."""

    names: tuple[str, ...]
    """Its subject's alternative names."""
    begins: str
    """UTC, ISO 8601 with seconds."""
    ends: str
    fits: bool | None = None
    """Whether the Secret's private key is its own; None where the Secret has none."""
    mounted: bool = False
    """Whether a pod of the release mounts the Secret."""

    def lasts(self, now: str, days: int) -> bool:
        """Whether it is still good so many days after a moment, ISO 8601."""
        moment = datetime.datetime.fromisoformat(now) + datetime.timedelta(days=days)
        return moment < datetime.datetime.fromisoformat(self.ends)


class VolumeRoom(Located, frozen=True, kw_only=True):
    """One volume that a release's pod claims: whether it is there, and how much room its file system has."""

    release: str
    phase: str
    """Of the claim: `Bound`, `Pending`, `Lost`; `absent` where there is no such claim."""
    capacity: Natural = 0
    """Bytes."""
    available: Natural = 0
    """Bytes that the pod's own user may still write."""


UNITS: tuple[type[Fact], ...] = (
    *(ClusterObject, RunningImage, BuiltImage, AdmissionTry, FlowTry, AccountRights, SearchedText, ContainerState),
    *(PodRevision, MetricsPage, TlsCertificate, VolumeRoom),
)
"""What is counted: each is examined, or a gap says why not."""
FACTS: tuple[type[Fact], ...] = (
    *UNITS,
    *(ClusterRelease, ClusterVersion, KubeRequest, ClusterEvent, NetworkRules),
)


def plain_reference(reference: str) -> str:
    """An image's reference with the tag `latest` where it has neither tag nor digest."""
    name, at, digest = reference.partition("@")
    tagged = ":" in name.rpartition("/")[2]
    return name + at + digest if tagged or digest else f"{name}:latest"


def is_called(live: str, rendered: str) -> bool:
    """Whether a runtime's name of an image means the rendered one.

    A reference without a host means the runtime's own registry, and without a folder that registry's library: the
    runtime names both.
    """
    live, rendered = plain_reference(live), plain_reference(rendered)
    if not _host(rendered):
        live = live.removeprefix(f"{_host(live)}/").removeprefix("" if "/" in rendered else "library/")
    return live == rendered


def _host(reference: str) -> str:
    """The registry that a reference names; "" where it names none."""
    first, slash, _ = reference.partition("/")
    return first if slash and (first == "localhost" or set(first) & set(".:")) else ""
