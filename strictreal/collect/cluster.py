"""A running cluster to facts, in the lane `kind`: what runs of the subject's charts, and what it does when it is tried.

The cluster is the one that the user's kubeconfig leads to. What is looked at are the Helm releases of charts that the
subject has, in all namespaces or in those that its configuration names. What is written is nothing that lasts: dry runs,
questions about rights, and pods in a namespace of the run's own, which is removed at its end.

In another lane the units are absent, with that reason. A cluster that cannot be reached is a gap of each. A base revision
runs nowhere. A specimen is a recorded state: cluster.json.
"""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path

import msgspec

from strictreal import suite
from strictreal.collect.chart.work import Work
from strictreal.collect.kube import (
    admission,
    certificates,
    exposure,
    flows,
    images,
    objects,
    pods,
    releases,
    rendering,
    rights,
    volumes,
)
from strictreal.collect.kube.access import Cluster, ClusterError, connect
from strictreal.collect.kube.scene import Placed, Scene
from strictreal.config import Config
from strictreal.errors import StrictRealError
from strictreal.facts import cluster as facts
from strictreal.facts.cluster import ClusterRelease, ClusterVersion
from strictreal.model import Absence, Fact, Gap, Inventory, Location, Observation
from strictreal.session import Session
from strictreal.subject import Tree

COLLECTOR = "cluster"
UNITS = tuple(unit.__name__ for unit in facts.UNITS)
LANE = "kind"
UNINSTALLED = "uninstalled"
"""The status of a release of which nothing but its history is kept."""
UNEXPECTED = (AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""What reading an answer raises that has another shape than the API's."""
STATE = "cluster.json"
"""In a specimen: the facts of a cluster, as they were or as they should never be."""
Part = Callable[[Scene], Iterable[Fact]]
PARTS: tuple[tuple[tuple[str, ...], str, Part], ...] = (
    (("ClusterObject",), "objects", objects.observe),
    (("RunningImage", "BuiltImage"), "images", images.observe),
    (("AdmissionTry",), "admission", admission.observe),
    (("AccountRights",), "rights", rights.observe),
    (("FlowTry",), "flows", flows.observe),
    (("SearchedText",), "exposure", exposure.observe),
    (("ContainerState",), "containers", pods.containers_of_pods),
    (("PodRevision",), "revisions", pods.revisions),
    (("MetricsPage",), "metrics", pods.metrics),
    (("TlsCertificate",), "certificates", certificates.observe),
    (("VolumeRoom",), "volumes", volumes.observe),
    ((), "events", pods.events),
)
"""What is looked at, in this order: the units that a part counts, its name, and how."""


def collect(tree: Tree, config: Config, session: Session) -> Iterator[Observation]:
    """The state of the cluster, as far as it is the subject's."""
    if tree.root.is_relative_to(suite.root() / "checks" / "specimens"):
        yield from _recorded(tree)
    elif tree.origin == "revision":
        return
    elif session.lane != LANE:
        yield _absent(tree, f"the lane {session.lane} has no cluster")
    elif works := rendering.charts(tree, config):
        yield from _observed(tree, config, session, works)
    else:
        yield _absent(tree, "the subject has no chart that a cluster could run")


def _absent(tree: Tree, reason: str) -> Observation:
    absent = tuple(Absence(of=unit, reason=reason) for unit in UNITS)
    return Observation(collector=COLLECTOR, source="", digest=tree.digest, facts=absent)


def _observed(tree: Tree, config: Config, session: Session, works: dict[str, Work]) -> Iterator[Observation]:
    try:
        cluster = connect(session.cluster, tree.root)
    except ClusterError as error:
        yield _lost(tree, str(error))
        return
    try:
        yield from _examined(cluster, tree, config, session, works)
    finally:
        yield Observation(collector=COLLECTOR, source="requests", digest=tree.digest, facts=tuple(cluster.requests))
        cluster.close()


def _examined(
    cluster: Cluster, tree: Tree, config: Config, session: Session, works: dict[str, Work]
) -> Iterator[Observation]:
    """Every part, each a gap where it fails."""
    try:
        about = version(cluster)
        placed, gaps = _placed(cluster, config, session, works, about.server)
    except StrictRealError as error:
        yield _lost(tree, str(error))
        return
    if not placed and not gaps:
        yield _lost(tree, f"no release of {', '.join(sorted(works))} is in the cluster")
        return
    scene = Scene(
        cluster=cluster,
        access=session.cluster,
        wishes=config.cluster,
        releases=tuple(placed),
        run=secrets.token_hex(4),
    )
    known = [
        ClusterRelease(
            where=Location(each.chart, resource=each.key),
            name=each.release.name,
            namespace=each.release.namespace,
            chart=each.release.chart,
            version=each.release.version,
            revision=each.release.revision,
            status=each.release.status,
        )
        for each in placed
    ]
    yield Observation(collector=COLLECTOR, source="", digest=tree.digest, facts=(about, *known))
    with session.watch("Look at the cluster", PARTS) as advance:
        for units, name, part in PARTS:
            yield _accounted(tree, name, units, partial(part, scene), gaps)
            advance(1)


def _placed(
    cluster: Cluster, config: Config, session: Session, works: dict[str, Work], server: str
) -> tuple[list[Placed], list[tuple[str, str]]]:
    """The subject's releases with what they should be; and the charts of those that do not render, with the reason."""
    found, gaps = [], []
    with tempfile.TemporaryDirectory(prefix="strictreal-cluster-") as scratch:
        for release in releases.newest(cluster, config.cluster.namespaces):
            if release.chart not in works or release.status == UNINSTALLED:
                continue
            work = works[release.chart]
            try:
                rendered = rendering.expected(work, release, server, Path(scratch), session)
            except StrictRealError as error:
                gaps.append((work.source, str(error)))
            else:
                found.append(Placed(release, work.source, tuple(rendered)))
    return found, gaps


def version(cluster: Cluster) -> ClusterVersion:
    """What the cluster is made of.

    Raises:
        ClusterError: it does not answer.
    """
    said = cluster.call("GET", "/version")
    nodes = {}
    for node in cluster.listed("/api/v1/nodes"):
        info = node["status"]["nodeInfo"]
        words = (info["kubeletVersion"], info["containerRuntimeVersion"], info["osImage"])
        nodes[node["metadata"]["name"]] = ", ".join(words)
    return ClusterVersion(server=str(said["gitVersion"]), nodes=nodes)


def _accounted(
    tree: Tree, name: str, units: tuple[str, ...], part: Callable[[], Iterable[Fact]], gaps: list[tuple[str, str]]
) -> Observation:
    """What a part found, counted; where it fails, a gap for each of its units."""
    found: list[Fact] = [Gap(of=unit, where=Location(path), reason=reason) for path, reason in gaps for unit in units]
    try:
        found += part()
    except (StrictRealError, OSError, *UNEXPECTED) as error:
        reason = str(error) if isinstance(error, StrictRealError) else f"an answer is not as expected: {error!r}"
        found += [Gap(of=unit, where=Location(""), reason=reason) for unit in units]
    return Observation(collector=COLLECTOR, source=name, digest=tree.digest, facts=(*_counts(units, found), *found))


def _counts(units: Iterable[str], found: list[Fact]) -> Iterator[Inventory]:
    for unit in units:
        number = sum((fact.of if isinstance(fact, Gap) else type(fact).__name__) == unit for fact in found)
        if number:
            yield Inventory(of=unit, count=number)


def _lost(tree: Tree, reason: str) -> Observation:
    """That nothing of the cluster could be seen."""
    gaps = [Gap(of=unit, where=Location(""), reason=reason) for unit in UNITS]
    counts = [Inventory(of=unit, count=1) for unit in UNITS]
    return Observation(collector=COLLECTOR, source="", digest=tree.digest, facts=(*counts, *gaps))


def _recorded(tree: Tree) -> Iterator[Observation]:
    """The state that a specimen holds: a list of facts, each with its `type`; a place is given where one is left out."""
    if STATE not in tree.paths:
        return
    kinds = {kind.__name__: kind for kind in facts.FACTS}
    found: list[Fact] = []
    for record in msgspec.json.decode(tree.read(STATE), type=list[dict[str, object]]):
        kind = kinds[str(record["type"])]
        place = (
            {"where": {"path": STATE, "resource": record.pop("resource", "")}}
            if "where" in kind.__struct_fields__
            else {}
        )
        found.append(msgspec.convert({**place, **record}, kind))
    yield Observation(collector=COLLECTOR, source=STATE, digest=tree.digest, facts=(*_counts(UNITS, found), *found))
