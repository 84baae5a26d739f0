"""The cluster broken on purpose, one fault at a time, and put right again: the audit names each fault and its object."""

from __future__ import annotations

import base64
import datetime
import io
import json
import subprocess
import tarfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from kind import settings, state
from kind.cluster import NODE, digests_in_node
from kind.programs import find, run
from strictreal.collect.kube import admission
from tests.clusters import MARKS, _the_users_own_cluster, applied, charts, got, kubectl, messages, patched, rolled_out

__all__ = ["_the_users_own_cluster", "charts"]
pytestmark = MARKS
INFRA, SERVICE = settings.INFRA, settings.SERVICE


def test_a_configmap_that_was_changed_by_hand_is_named_with_both_values(charts: Path):
    before = got(SERVICE, "configmap", "sfm")["data"]["SOMA_LOG_LEVEL"]
    patched(SERVICE, "configmap", "sfm", {"data": {"SOMA_LOG_LEVEL": "DEBUG"}})
    try:
        said = messages(charts, "cluster.drift", "objects")
    finally:
        patched(SERVICE, "configmap", "sfm", {"data": {"SOMA_LOG_LEVEL": before}})
    assert said == [f'soma/ConfigMap/sfm /data/SOMA_LOG_LEVEL: rendered "{before}", runs "DEBUG"']


def test_a_key_that_was_added_by_hand_is_named(charts: Path):
    patched(SERVICE, "configmap", "sfm", {"data": {"SOMA_ADDED": "by hand"}})
    try:
        said = messages(charts, "cluster.drift", "objects")
    finally:
        patched(SERVICE, "configmap", "sfm", {"data": {"SOMA_ADDED": None}})
    assert said == ['soma/ConfigMap/sfm /data/SOMA_ADDED: rendered nothing, runs "by hand"']


def test_a_security_context_that_was_taken_away_is_named(charts: Path):
    place = "/spec/template/spec/containers/0/securityContext/readOnlyRootFilesystem"
    patched(INFRA, "deployment", "opa", [{"op": "remove", "path": place}], form="json")
    try:
        said = messages(charts, "cluster.drift", "objects")
    finally:
        patched(INFRA, "deployment", "opa", [{"op": "add", "path": place, "value": True}], form="json")
        rolled_out(INFRA, "deployment/opa")
    field = "/spec/template/spec/containers/opa/securityContext/readOnlyRootFilesystem"
    assert said == [f"soma-infra/Deployment/opa {field}: rendered true, runs nothing"]


def test_a_pod_that_takes_a_services_traffic_is_named_with_the_service(charts: Path):
    selector = got(INFRA, "service", "redis")["spec"]["selector"]
    offered = admission.pod(got(INFRA, "deployment", "redis")["spec"]["template"]["spec"]["containers"][0]["image"])
    offered["metadata"] = {"name": "impostor", "namespace": INFRA, "labels": selector}
    offered["spec"]["schedulingGates"] = [{"name": "example.com/never"}]  # it is there, and takes nothing
    with applied(offered):
        said = messages(charts, "cluster.drift", "objects")
    told = "is reached by soma-infra/Service/redis, and no rendered workload has made it"
    assert said == [f"soma-infra/Pod/impostor {told}"]


def test_a_networkpolicy_that_was_deleted_is_named_as_an_object_and_by_what_it_let_through(charts: Path):
    policy = got(SERVICE, "networkpolicy", "sfm-from-clients")
    kubectl("-n", SERVICE, "delete", "networkpolicy", "sfm-from-clients")
    try:
        drift = messages(charts, "cluster.drift", "objects")
        tried = messages(charts, "cluster.network", "flows")
    finally:
        kubectl("create", "--filename=-", stdin=json.dumps(restorable(policy)))
    assert drift == ["soma/NetworkPolicy/sfm-from-clients is rendered and does not run"]
    caller = "a pod labelled soma.io/memory-client=true"
    target = "port 50053 of soma/Pod/sfm-0, which the rendered NetworkPolicies allow"
    assert tried == [f"{caller} is cut from {target}"]


def test_a_networkpolicy_that_opens_more_is_named_by_what_gets_through(charts: Path):
    spec = {"podSelector": {}, "policyTypes": ["Ingress"], "ingress": [{}]}
    with applied(made("NetworkPolicy", "open-to-all", SERVICE, "networking.k8s.io/v1", spec=spec)):
        said = messages(charts, "cluster.network", "flows")
    assert "a stranger's pod reaches port 50053 of soma/Pod/sfm-0, which no rendered NetworkPolicy allows" in said
    assert all("of soma/Pod/sfm-0" in message for message in said)


def test_a_role_that_was_widened_is_named_by_the_right_that_it_gives(charts: Path):
    rules = [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get", "list"]}]
    group = "rbac.authorization.k8s.io"
    subject = {"kind": "ServiceAccount", "name": "sfm", "namespace": SERVICE}
    reference = {"apiGroup": group, "kind": "Role", "name": "sfm-more"}
    with applied(
        made("Role", "sfm-more", SERVICE, f"{group}/v1", rules=rules),
        made("RoleBinding", "sfm-more", SERVICE, f"{group}/v1", subjects=[subject], roleRef=reference),
    ):
        said = messages(charts, "cluster.rights", "rights")
    assert said == [f"soma:sfm may {verb} secrets in soma, which no chart declares" for verb in ("get", "list")]


def test_a_certificate_that_has_expired_is_named_with_its_day(charts: Path):
    kept = got(SERVICE, "secret", "sfm-tls")["data"]["tls.crt"]
    patched(SERVICE, "secret", "sfm-tls", {"data": {"tls.crt": base64.b64encode(expired()).decode()}})
    try:
        said = messages(charts, "cluster.certificates", "certificates")
    finally:
        patched(SERVICE, "secret", "sfm-tls", {"data": {"tls.crt": kept}})
    assert said == [
        "soma/Secret/sfm-tls:tls.crt expired on 2025-02-01T00:00:00Z",
        "soma/Secret/sfm-tls:tls.crt: the private key beside it is another's",
    ]


def test_a_password_that_was_copied_into_a_configmap_is_named_by_its_secret_and_not_shown(charts: Path):
    password = base64.b64decode(got(INFRA, "secret", "postgres")["data"]["sfm-password"]).decode()
    with applied(
        made("ConfigMap", "notes", SERVICE, "v1", data={"how-to": f"psql postgresql://sfm:{password}@postgres"})
    ):
        said = messages(charts, "cluster.secrets", "exposure")
    assert "soma/ConfigMap/notes how-to holds the value of Secret soma-infra/postgres:sfm-password" in said
    assert not any(password in message for message in said)


def test_a_namespace_that_enforces_nothing_is_named_by_the_pods_that_it_admits(charts: Path):
    label = "pod-security.kubernetes.io/enforce"
    kubectl("label", "namespace", SERVICE, f"{label}-")
    try:
        said = messages(charts, "cluster.admission", "admission")
    finally:
        kubectl("label", "namespace", SERVICE, f"{label}=restricted")
    assert "soma enforces no Pod Security Standard, and a pod that is privileged is admitted" in said
    assert all(message.startswith("soma enforces no") for message in said)


def test_a_configuration_that_the_pods_were_not_started_with_is_named(charts: Path):
    label = "soma.io/configHash"
    before = got(SERVICE, "configmap", "sfm")["metadata"]["labels"][label]
    patched(SERVICE, "configmap", "sfm", {"metadata": {"labels": {label: "0" * 32}}})
    try:
        said = messages(charts, "cluster.rollout", "revisions")
    finally:
        patched(SERVICE, "configmap", "sfm", {"metadata": {"labels": {label: before}}})
    assert said == [f"soma/Pod/sfm-0 {label}: started with {before}, its configuration is {'0' * 32}"]


def test_a_database_that_was_stopped_shows_in_the_readiness_of_what_needs_it(charts: Path):
    kubectl("-n", INFRA, "scale", "statefulset/postgres", "--replicas=0")
    try:
        until = time.monotonic() + 90
        while got(SERVICE, "pod", "sfm-0")["status"]["containerStatuses"][1]["ready"] and time.monotonic() < until:
            time.sleep(0.5)
        said = messages(charts, "cluster.readiness", "containers")
        drift = messages(charts, "cluster.drift", "objects")
    finally:
        kubectl("-n", INFRA, "scale", "statefulset/postgres", "--replicas=1")
        rolled_out(INFRA, "statefulset/postgres")
        kubectl("-n", SERVICE, "wait", "--for=condition=Ready", "pod/sfm-0", "--timeout=170s")
    assert "soma/Pod/sfm-0/sfm is not ready: GET /ready on metrics answers 503" in said
    assert drift == ["soma-infra/StatefulSet/postgres /spec/replicas: rendered 1, runs 0"]
    assert messages(charts, "cluster.readiness", "containers") == []


def test_an_image_of_the_same_name_and_another_digest_is_named_with_both(charts: Path):
    reference = next(name for name in state.read()["images"] if name.startswith("soma/opa:"))
    with retagged(name_in_node(reference)) as digests:
        rolled_out(INFRA, "deployment/opa")
        said = messages(charts, "cluster.images", "images")
    assert len(said) == 1
    assert said[0].startswith("soma-infra/Pod/opa-")
    assert any(f"runs {digest} as {reference}, which was built as sha256:" in said[0] for digest in digests)
    rolled_out(INFRA, "deployment/opa")
    assert messages(charts, "cluster.images", "images") == []


def made(kind: str, name: str, namespace: str, version: str, **fields: Any) -> dict[str, Any]:
    """A small object."""
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name, "namespace": namespace}, **fields}


def restorable(value: dict[str, Any]) -> dict[str, Any]:
    """An object as it can be made again."""
    kept = {key: value["metadata"][key] for key in ("name", "namespace", "labels", "annotations")}
    return {"apiVersion": value["apiVersion"], "kind": value["kind"], "metadata": kept, "spec": value["spec"]}


def expired() -> bytes:
    """A certificate that was good in January 2025."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sfm")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    begins, ends = (datetime.datetime(2025, month, 1, tzinfo=datetime.UTC) for month in (1, 2))
    made = builder.not_valid_before(begins).not_valid_after(ends).sign(key, hashes.SHA256())
    return made.public_bytes(Encoding.PEM)


@contextmanager
def retagged(reference: str) -> Iterator[list[str]]:
    """Another image under a name that the node knows, which differs from it by a label; its digests."""
    kept = f"{reference}-kept"
    ctr("images", "tag", "--force", reference, kept)
    try:
        exported = subprocess.run(
            [find("docker"), "exec", NODE, "ctr", "-n", "k8s.io", "images", "export", "-", reference],
            check=True,
            capture_output=True,
            env=settings.environment(),
        ).stdout
        subprocess.run(
            [find("docker"), "exec", "-i", NODE, "ctr", "-n", "k8s.io", "images", "import", "-"],
            input=labelled(exported),
            check=True,
            capture_output=True,
            env=settings.environment(),
        )
        kubectl("-n", INFRA, "delete", "pod", "--selector=app.kubernetes.io/name=opa")
        yield digests_in_node(reference)
    finally:
        ctr("images", "tag", "--force", kept, reference)
        ctr("images", "rm", kept)
        kubectl("-n", INFRA, "delete", "pod", "--selector=app.kubernetes.io/name=opa")


def name_in_node(reference: str) -> str:
    """What the node's runtime calls an image."""
    [name] = [name for name in ctr("images", "ls", "--quiet").split() if name.endswith(f"/{reference}")]
    return name


def ctr(*words: str) -> str:
    return run("docker", "exec", NODE, "ctr", "-n", "k8s.io", *words)


def labelled(archive: bytes) -> bytes:
    """An image's archive (OCI layout) with one label more."""
    files: dict[str, bytes] = {}
    with tarfile.open(fileobj=io.BytesIO(archive)) as read:
        for member in read:
            if (file := read.extractfile(member)) is not None:
                files[member.name] = file.read()
    index = json.loads(files["index.json"])
    for entry in index["manifests"]:
        manifest = json.loads(files[blob(entry["digest"])])
        image = json.loads(files[blob(manifest["config"]["digest"])])
        image.setdefault("config", {}).setdefault("Labels", {})["other"] = "yes"
        put(files, manifest["config"], image)
        put(files, entry, manifest)
    files["index.json"] = json.dumps(index).encode()
    files.pop("manifest.json", None)
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as written:
        for name, data in files.items():
            about = tarfile.TarInfo(name)
            about.size = len(data)
            written.addfile(about, io.BytesIO(data))
    return made.getvalue()


def blob(digest: str) -> str:
    return f"blobs/{digest.replace(':', '/')}"


def put(files: dict[str, bytes], descriptor: dict[str, Any], value: object) -> None:
    """Store a blob and let its descriptor say so."""
    data = json.dumps(value).encode()
    descriptor |= {"digest": f"sha256:{sha256(data).hexdigest()}", "size": len(data)}
    files[blob(descriptor["digest"])] = data
