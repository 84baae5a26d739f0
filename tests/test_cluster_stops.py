"""Parts of the stack that stop serving: the audit names each, what needs it refuses, and nothing acknowledged is lost."""

from __future__ import annotations

import contextlib
import json
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from sfm.client import Client
from sfm.errors import MemoryServiceError

from kind import forwarding, settings, stack, tokens
from kind.cluster import NODE
from kind.programs import run, wait
from strictreal import config
from strictreal.collect import memory
from strictreal.collect import subject as subject_collector
from strictreal.gather import Request
from strictreal.run import audit
from tests.clusters import (
    MARKS,
    ROOT,
    _the_users_own_cluster,
    charts,
    environment,
    got,
    kubectl,
    messages,
    outcomes,
    rolled_out,
    served,
)

__all__ = ["_the_users_own_cluster", "charts"]
pytestmark = MARKS
INFRA, SERVICE = settings.INFRA, settings.SERVICE
SPARE_MEBIBYTES = 24
"""Of the small volume, when the database has come up on it."""
PAYLOAD = bytes(50_000)


def test_a_policy_sidecar_that_was_stopped_denies_everything_and_is_named(charts: Path):
    with served("sidecar") as client:
        client.store("sidecar", "before", unit(0))
        with frozen("opa"):
            assert refused(lambda: client.store("sidecar", "meanwhile", unit(1)))
            assert refused(lambda: client.get("sidecar", "before"))
            wait("the sidecar to be called unready", lambda: not ready("opa"), 60, pause=0.5)
            said = messages(charts, "cluster.readiness", "containers")
        wait("the sidecar", lambda: ready("opa"), 120, pause=0.5)
        assert "soma/Pod/sfm-0/opa is not ready" in said
        assert client.get("sidecar", "before").vector == pytest.approx(unit(0))
        assert client.stats("sidecar").total_vectors == 1
        client.delete("sidecar", "before")
    assert messages(charts, "cluster.readiness", "containers") == []


def test_a_volume_that_is_full_is_named_and_nothing_acknowledged_is_lost(charts: Path):
    stored: list[str] = []
    with served("full") as client:
        with small_volume() as fill:
            store(client, "first", stored)
            fill()
            for number in range(2000):
                if refused(lambda: store(client, f"m{number}", stored)):  # noqa: B023 - called at once
                    break
            else:
                pytest.fail("every store was acknowledged")
            said = messages(charts, "cluster.volumes", "volumes")
        assert len(said) == 1
        assert said[0].startswith("soma-infra/PersistentVolumeClaim/data-postgres-0 is full: 0 of ")
        assert {client.get("full", id).payload for id in stored} == {PAYLOAD}
        assert len(stored) <= client.stats("full").total_vectors <= len(stored) + 1
        for number in range(-1, len(stored)):
            client.delete("full", f"m{number}" if number >= 0 else "first")
    assert messages(charts, "cluster.volumes", "volumes") == []


def test_a_signing_key_that_was_revoked_signs_nothing_that_is_taken_and_the_next_one_does(tmp_path: Path):
    old = tokens.long_lived("revoked", hours=1)
    with served("revoked", old) as client:
        client.store("revoked", "before", unit(0))
        with realm() as ask, revoked(ask):
            new = tokens.long_lived("revoked", hours=1)
            with served("revoked", new) as other:
                wait("the new key to be taken", lambda: not refused(lambda: other.stats("revoked")), 30, pause=1)
                assert other.get("revoked", "before").vector == pytest.approx(unit(0))
                assert refused(lambda: client.get("revoked", "before"))
                assert refused(lambda: client.store("revoked", "after", unit(1)))
                assert other.stats("revoked").total_vectors == 1
                other.delete("revoked", "before")
                request = Request(path=ROOT, lane="kind", only=("memory.access",), output=tmp_path / "evidence", jobs=1)
                told = config.settings(environment(tmp_path))
                record = audit(request, settings=told, registry=(subject_collector, memory))
    assert outcomes(record) == {"memory.access": "proven"}


def unit(axis: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    """A unit vector along an axis."""
    vector = np.zeros(256, np.float32)
    vector[axis] = 1
    return vector


def store(client: Client, id: str, stored: list[str]) -> None:
    """Store a memory with a payload, and write down that it was acknowledged."""
    client.store("full", id, unit(len(stored) % 256), payload=PAYLOAD)
    stored.append(id)


def refused(call: Callable[[], object]) -> str:
    """Why a call is not answered; "" when it is."""
    try:
        call()
    except (MemoryServiceError, grpc.RpcError) as error:
        return str(error) or type(error).__name__
    return ""


def ready(container: str) -> bool:
    """Whether a container of the service's pod is called ready."""
    states = got(SERVICE, "pod", "sfm-0")["status"]["containerStatuses"]
    return any(each["name"] == container and each["ready"] for each in states)


def in_node(script: str) -> str:
    """What a script says that runs in the node's container."""
    return run("docker", "exec", NODE, "sh", "-ec", script)


@contextmanager
def frozen(container: str) -> Iterator[None]:
    """A container of the service's pod whose process is stopped, as SIGSTOP does."""
    states = got(SERVICE, "pod", "sfm-0")["status"]["containerStatuses"]
    [id] = [each["containerID"].rpartition("/")[2] for each in states if each["name"] == container]
    task = f"ctr --namespace k8s.io tasks kill --signal {{}} {id}"
    in_node(task.format("SIGSTOP"))
    try:
        yield
    finally:
        with contextlib.suppress(Exception):  # the kubelet may have made another in its place
            in_node(task.format("SIGCONT"))


@contextmanager
def small_volume() -> Iterator[Callable[[], None]]:
    """The database on a volume that has little room; what is given fills it up."""
    name = got(INFRA, "persistentvolumeclaim", "data-postgres-0")["spec"]["volumeName"]
    path = json.loads(kubectl("get", "persistentvolume", name, "-o", "json"))["spec"]["hostPath"]["path"]
    small = "/var/small-volume"
    stopped()
    used = int(in_node(f"du --summarize --block-size=1M {path}").split()[0])
    in_node(
        f"mkdir -p {small} && mount -t tmpfs -o size={used + SPARE_MEBIBYTES}m tmpfs {small}"
        f" && cp --archive {path}/. {small}/ && chmod --reference={path} {small} && chown --reference={path} {small}"
        f" && mount --bind {small} {path}"
    )
    try:
        started()
        yield lambda: in_node(f"cat /dev/zero > {path}/ballast || true")
    finally:
        stopped()
        in_node(
            f"umount {path} && rm -f {small}/ballast && rm -rf {path}/cluster && cp --archive {small}/. {path}/"
            f" && umount {small} && rmdir {small}"
        )
        started()
        kubectl("-n", SERVICE, "wait", "--for=condition=Ready", "pod/sfm-0", "--timeout=170s")


def stopped() -> None:
    kubectl("-n", INFRA, "scale", "statefulset/postgres", "--replicas=0")
    kubectl("-n", INFRA, "wait", "--for=delete", "pod/postgres-0", "--timeout=120s")


def started() -> None:
    kubectl("-n", INFRA, "scale", "statefulset/postgres", "--replicas=1")
    rolled_out(INFRA, "statefulset/postgres")
    kubectl("-n", SERVICE, "wait", "--for=condition=Ready", "pod/sfm-0", "--timeout=170s")


Ask = Callable[..., Any]


@contextmanager
def realm() -> Iterator[Ask]:
    """The administration of the realm: `ask(method, path, body)` gives the answer."""
    password = stack.held(INFRA, "auth", "KC_BOOTSTRAP_ADMIN_PASSWORD")
    form = {"grant_type": "password", "client_id": "admin-cli", "username": "admin", "password": password}
    with forwarding.Forward(INFRA, "service/auth", settings.ISSUER_PORT) as forward:
        base = f"http://{settings.LOOPBACK}:{forward.port}"

        def ask(method: str, path: str, body: object = None) -> Any:
            headers = {"Authorization": f"Bearer {tokens.granted(base, 'master', form)}"}
            data = None if body is None else json.dumps(body).encode()
            request = urllib.request.Request(
                f"{base}/admin/realms/soma/{path}", data, {**headers, "Content-Type": "application/json"}, method=method
            )
            with urllib.request.urlopen(request, timeout=tokens.SECONDS) as answer:
                text = answer.read()
            return json.loads(text) if text else None

        yield ask


@contextmanager
def revoked(ask: Ask) -> Iterator[None]:
    """The realm without the keys that have signed until now; another signs."""
    kind = "org.keycloak.keys.KeyProvider"
    query = urllib.parse.urlencode({"type": kind})
    signing = [each for each in ask("GET", f"components?{query}") if each["providerId"].startswith("rsa-generated")]
    assert signing
    for each in signing:
        changed = {**each, "config": {**each["config"], "enabled": ["false"], "active": ["false"]}}
        ask("PUT", f"components/{each['id']}", changed)
    try:
        yield
    finally:
        for each in signing:
            ask("PUT", f"components/{each['id']}", each)
        known = {each["id"] for each in signing}
        for each in ask("GET", f"components?{query}"):
            if each["name"].startswith("fallback-RS256") and each["id"] not in known:
                ask("DELETE", f"components/{each['id']}")
        time.sleep(1)
