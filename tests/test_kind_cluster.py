"""The cluster that kind/ makes, where one runs: who is answered, who is denied, what is cut, and what is refused."""

from __future__ import annotations

import json
import re
import subprocess
import time
import urllib.parse
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import numpy as np
import pytest
from sfm.client import Client, Tls
from sfm.replies import CallFailed

from kind import cluster, settings, stack, state
from kind.programs import Failure, find, succeeds

pytestmark = [
    pytest.mark.skipif(
        not settings.kubeconfig().is_file()
        or not succeeds("kubectl", f"--kubeconfig={settings.kubeconfig()}", "get", "--raw=/readyz", timeout=10),
        reason="no cluster runs: make kind-up",
    ),
    pytest.mark.xdist_group("kind"),
]
CACHE = settings.cache_dir().parent
"""Before tests get an empty home."""
SERVICE = f"sfm.{settings.SERVICE}.svc.cluster.local"
PROBE = """
import socket, sys
answers = []
for target in sys.argv[1:]:
    host, port = target.rsplit(":", 1)
    try:
        socket.create_connection((host, int(port)), timeout=3).close()
        answers.append("open")
    except ConnectionRefusedError:
        answers.append("refused")
    except TimeoutError:
        answers.append("cut")
print(*answers)
"""


@pytest.fixture(scope="module", autouse=True)
def _the_users_own_cluster() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(CACHE))
        yield


@contextmanager
def forwarded(namespace: str, service: str, port: int) -> Iterator[int]:
    """A port of the loopback that leads to a Service."""
    words = (
        find("kubectl"),
        f"--kubeconfig={settings.kubeconfig()}",
        "-n",
        namespace,
        "port-forward",
        f"service/{service}",
        f":{port}",
    )
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield int(re.search(r"127\.0\.0\.1:(\d+)", process.stdout.readline())[1])  # type: ignore[index]
        finally:
            process.terminate()


@pytest.fixture(scope="module")
def roots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = json.loads(cluster.kubectl("-n", settings.CLIENTS, "get", "configmap", "sfm-ca", "-o", "json"))["data"][
        "ca.crt"
    ]
    file = tmp_path_factory.mktemp("tls") / "ca.crt"
    file.write_text(found)
    return file


@pytest.fixture(scope="module")
def token() -> str:
    """The writer's, by client credentials."""
    form = {
        "grant_type": "client_credentials",
        "client_id": "soma-writer",
        "client_secret": stack.held(settings.INFRA, "auth", "SOMA_WRITER_SECRET"),
    }
    with forwarded(settings.INFRA, "auth", 8080) as port:
        url = f"http://127.0.0.1:{port}/realms/soma/protocol/openid-connect/token"
        with urllib.request.urlopen(url, urllib.parse.urlencode(form).encode(), timeout=20) as answer:
            return str(json.load(answer)["access_token"])


def unit(seed: int) -> np.ndarray:
    vector = np.random.default_rng(seed).standard_normal(256).astype(np.float32)
    return vector / np.linalg.norm(vector)


def test_every_pod_of_the_stack_is_ready() -> None:
    for namespace in (settings.INFRA, settings.SERVICE):
        pods = json.loads(cluster.kubectl("-n", namespace, "get", "pods", "-o", "json"))["items"]
        assert pods
        for pod in pods:
            assert all(c["ready"] for c in pod["status"]["containerStatuses"]), pod["metadata"]["name"]


def test_what_runs_is_what_was_built() -> None:
    for reference, identity in state.read()["images"].items():
        assert cluster.in_node(reference) == identity


def test_what_was_stored_is_recalled_with_a_token(token: str, roots: Path) -> None:
    with (
        forwarded(settings.SERVICE, "sfm", 50053) as port,
        Client(f"localhost:{port}", token=token, tls=Tls(roots=roots)) as client,
    ):
        vector, name = unit(time.time_ns() % 2**32), f"kind-{uuid.uuid4()}"
        client.store("demo", name, vector)
        found = client.recall("demo", vector, k=1)
        assert [name] == [hit.memory.id for hit in found.hits]


@pytest.mark.parametrize(
    ("tenant", "known", "code"),
    [("demo", False, grpc.StatusCode.UNAUTHENTICATED), ("another", True, grpc.StatusCode.PERMISSION_DENIED)],
)
def test_a_call_without_a_token_or_for_anothers_tenant_is_denied(
    tenant: str, known: bool, code: grpc.StatusCode, token: str, roots: Path
) -> None:
    shown = token if known else "none"
    with (
        forwarded(settings.SERVICE, "sfm", 50053) as port,
        Client(f"localhost:{port}", token=shown, tls=Tls(roots=roots)) as client,
    ):
        with pytest.raises(CallFailed) as denied:
            client.recall(tenant, unit(1), k=1)
        assert denied.value.code is code


def pod(name: str, namespace: str, **security: object) -> str:
    """A pod of the memory service's image, restricted but for `security`."""
    container = {
        "name": "probe",
        "image": next(i for i in state.read()["images"] if i.startswith("soma/memory:")),
        "imagePullPolicy": "Never",
        "command": ["sleep", "600"],
        "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"cpu": "1", "memory": "128Mi"}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
            **security,
        },
    }
    spec = {
        "terminationGracePeriodSeconds": 0,
        "automountServiceAccountToken": False,
        "securityContext": {"runAsNonRoot": True, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [container],
    }
    return json.dumps(
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": namespace}, "spec": spec}
    )


@contextmanager
def probe(namespace: str) -> Iterator[str]:
    """A pod that can be told to try connections."""
    name = f"probe-{uuid.uuid4().hex[:8]}"
    cluster.kubectl("create", "--filename=-", stdin=pod(name, namespace))
    try:
        cluster.kubectl("-n", namespace, "wait", "--for=condition=Ready", f"pod/{name}", "--timeout=60s")
        yield name
    finally:
        cluster.kubectl("-n", namespace, "delete", "pod", name, "--wait=false")


@pytest.mark.parametrize(
    ("namespace", "calls", "asks", "answers"),
    [
        (settings.CLIENTS, "open", "cut", "open"),
        (settings.STRANGERS, "cut", "cut", "cut"),
        (settings.SERVICE, "cut", "cut", "open"),
    ],
)
def test_the_network_lets_through_what_is_declared_and_cuts_the_rest(
    namespace: str, calls: str, asks: str, answers: str
) -> None:
    targets = (f"{SERVICE}:50053", f"{SERVICE}:9053", f"postgres.{settings.INFRA}.svc.cluster.local:5432")
    with probe(namespace) as name:
        said = cluster.kubectl("-n", namespace, "exec", name, "--", "python", "-c", PROBE, *targets)
    assert said.split() == [calls, asks, answers]


@pytest.mark.parametrize(
    "security",
    [
        {"privileged": True},
        {"allowPrivilegeEscalation": True},
        {"capabilities": {"add": ["NET_RAW"]}},
        {"runAsNonRoot": False},
        {"runAsUser": 0},
    ],
)
@pytest.mark.parametrize("namespace", stack.NAMESPACES)
def test_a_pod_that_may_more_is_refused(namespace: str, security: dict[str, object]) -> None:
    if security == {"privileged": True}:
        security = {"privileged": True, "allowPrivilegeEscalation": True}
    with pytest.raises(Failure, match="violates PodSecurity"):
        cluster.kubectl("create", "--dry-run=server", "--filename=-", stdin=pod("violating", namespace, **security))


@pytest.mark.parametrize("namespace", stack.NAMESPACES)
def test_a_pod_that_may_no_more_is_admitted(namespace: str) -> None:
    admitted = cluster.kubectl("create", "--dry-run=server", "--filename=-", stdin=pod("fitting", namespace))
    assert admitted.strip() == "pod/fitting created (server dry run)"
