"""The scenario against the release in a cluster: through its Service's pods, with tokens of the issuer that it trusts.

Every tenant bears the run's name, and what was stored is deleted at the end. Somewhere among the stores of the act of
durability the pod is deleted with no time to end; what was acknowledged is read from its successor.
"""

from __future__ import annotations

import contextlib
import random
import secrets
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from strictreal.collect.kube.access import Cluster
from strictreal.collect.kube.forward import forwarded
from strictreal.collect.kube.releases import Release
from strictreal.collect.service import inside, keycloak, load, rate, released, scenario
from strictreal.collect.service.stage import Stage
from strictreal.collect.service.wire import Wire
from strictreal.errors import StrictRealError
from strictreal.facts.memory import AccessCall, DurabilityCall, MemoryCall, MemoryLatency, MemoryService
from strictreal.model import Fact, Gap, Location

DELETE_SECONDS = (0.2, 1.0)
"""After how long the pod is deleted while memories are stored."""
UNTOUCHED = "no pod may be deleted: set STRICTREAL_CLUSTER_FAULTS=1 where that does no harm"
DELETERS = 8
"""Calls at once by which the run's memories are deleted."""


class Running(NamedTuple):
    """A service in a cluster, and what it runs with."""

    service: released.Endpoint
    pod: released.Pod
    settings: dict[str, str]
    root: bytes | None


def look(cluster: Cluster, releases: Iterable[Release], wished: str) -> Running:
    """The service of the subject's releases.

    Raises:
        StrictRealError: it cannot be told which, or what it runs with.
    """
    service = released.endpoint(cluster, releases, wished)
    pod = released.ready_pod(cluster, service)
    said = released.settings(cluster, service.namespace, pod)
    return Running(service, pod, said, released.root(cluster, service.namespace, pod, said))


def play(
    cluster: Cluster, running: Running, wire: Wire, proto: str, advance: Callable[[int], None], *, faults: bool
) -> Iterator[Fact]:
    """Every act but that of half precision, each as soon as it was played to its end.

    Args:
        faults: whether the pod may be deleted; the act of durability is a gap otherwise.

    Raises:
        StrictRealError: the acts that are left cannot be played.
    """
    run = secrets.token_hex(4)
    service, pod, said, root = running
    with keycloak.tokens(cluster, said, f"-{run}") as tokens:
        shape = released.shape(said)
        name = service.host if root else ""
        stage = Stage(wire, proto, tokens.by_caller, root, shape=shape, run=f"-{run}", name=name)
        yield MemoryService(
            where=Location(proto),
            program=f"release {service.release}: {pod.container['image']}@{pod.image.rpartition('@')[2]}",
            settings=parameters(said),
            run=stage.run,
        )
        left: set[tuple[str, str]] = set()
        try:
            with forwarded(cluster, service.namespace, pod.name, pod.port) as address:
                stage.connect(address)
                for act in scenario.ACTS:
                    if act is scenario.play_access:
                        time.sleep(max(0.0, tokens.expired_at - time.time()))
                    yield from _played(stage, act)
                    advance(1)
                yield from _measured(cluster, stage, running, run, left)
                advance(1)
                left |= {(tenant, rate.ID) for tenant in (rate.TENANT, rate.OTHER)}
                yield rate.play(stage, address, said)
                advance(1)
                if faults:
                    _delete_soon(cluster, service.namespace, pod.name)
                    scenario.play_durability(stage, lambda: None)
                stage.close()
            yield from (
                _outlived(cluster, stage, running)
                if faults
                else [Gap(of=DurabilityCall.__name__, where=Location(proto), reason=UNTOUCHED)]
            )
            advance(1)
        finally:
            stage.close()
            with contextlib.suppress(StrictRealError):
                _forget(cluster, service, stage, left)


def parameters(said: dict[str, str]) -> dict[str, str]:
    """Of the settings, those that the checks compute with."""
    kept = ("dimension", "feature_names", "importance_slope", "importance_centre", "alpha", "beta", "tau_seconds")
    return {name: said[name] for name in (*kept, "retention_gammas", "retention_tau_seconds")}


def _played(stage: Stage, act: Callable[[Stage], None]) -> Iterator[MemoryCall]:
    """The calls of one act."""
    before = len(stage.calls)
    act(stage)
    yield from stage.calls[before:]


def _outlived(cluster: Cluster, stage: Stage, running: Running) -> Iterator[MemoryCall]:
    """The calls of the act of durability, when what was acknowledged has been read from the pod's successor."""
    service = running.service
    successor = released.ready_pod(cluster, service, other_than=running.pod.uid)
    with forwarded(cluster, service.namespace, successor.name, successor.port) as address:
        stage.connect(address, incarnation=1)
        scenario.play_after_kill(stage)
        stage.close()
    yield from (call for call in stage.calls if isinstance(call, DurabilityCall))


def _measured(cluster: Cluster, stage: Stage, running: Running, run: str, left: set[tuple[str, str]]) -> Iterator[Fact]:
    """The histograms of a pod in the cluster; a gap where there are none, and the other acts go on.

    Args:
        left: where tenants and ids are added that such a pod may have left.
    """
    try:
        yield from inside.measure(cluster, stage, running.service, running.pod, run)
    except StrictRealError as error:
        left |= {(load.tenant(at), id) for at, id in enumerate(inside.IDS)}
        yield Gap(of=MemoryLatency.__name__, where=Location(stage.proto), reason=str(error))


def _delete_soon(cluster: Cluster, namespace: str, pod: str) -> None:
    """Delete a pod, with no time to end, in a moment that nobody knows."""

    def wait_and_delete() -> None:
        time.sleep(random.uniform(*DELETE_SECONDS))  # noqa: S311 -- chance, no secret
        path = f"/api/v1/namespaces/{namespace}/pods/{pod}"
        with contextlib.suppress(StrictRealError):  # the same pod is then ready still, and the act is a gap
            cluster.call("DELETE", path, query={"gracePeriodSeconds": 0})

    threading.Thread(target=wait_and_delete, daemon=True).start()


def _forget(cluster: Cluster, service: released.Endpoint, stage: Stage, left: set[tuple[str, str]]) -> None:
    """Delete what the run has stored, whichever act it was."""
    sent = {
        (str(call.request["tenant"]), str(call.request["id"]))
        for call in stage.calls
        if call.method == "Store" and (call.answered or isinstance(call, (AccessCall, DurabilityCall)))
    }
    requests = [stage.encode("Delete", {"tenant": tenant, "id": id}) for tenant, id in sorted(sent | left)]
    pod = released.ready_pod(cluster, service)
    with forwarded(cluster, service.namespace, pod.name, pod.port) as address:
        load.drive(stage, address, "Delete", requests, DELETERS)
