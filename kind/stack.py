"""The Soma stack in the cluster: namespaces under the restricted Pod Security Standard, Secrets, and two releases."""

from __future__ import annotations

import base64
import datetime
import ipaddress
import json
import secrets
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from kind import state
from kind.cluster import kubectl, wait_for_pods
from kind.programs import Failure, run, say, step
from kind.settings import CLIENTS, INFRA, LOOPBACK, LOOPBACK_NAME, ROOT, SERVICE, STRANGERS, kubeconfig

RESTRICTED = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "audit", "warn")}
NAMESPACES = {
    INFRA: {},
    SERVICE: {"soma.io/infra-client": "true"},
    CLIENTS: {"soma.io/memory-client": "true", "soma.io/infra-client": "true"},
    STRANGERS: {},
}
"""Strangers may call nobody: what the network's policies cut is tried from there."""
RELEASES = (("sharedinfra", "soma-infra", INFRA), ("sfm", "sfm", SERVICE))
KEYCLOAK = (
    "KC_BOOTSTRAP_ADMIN_PASSWORD",
    "SOMA_ADMIN_SECRET",
    "SOMA_OPERATOR_SECRET",
    "SOMA_READER_SECRET",
    "SOMA_WRITER_SECRET",
)
DAYS = 30
"""That certificates are good for."""


def install() -> None:
    """Everything, or what is missing of it, until all of it is ready."""
    with step("namespaces and secrets"):
        kubectl("apply", "--filename=-", stdin=listed(namespace(n, labels) for n, labels in NAMESPACES.items()))
        make_secrets()
    for release, chart, where in RELEASES:
        unlock(release, where)
        with step(f"release {release}"):
            try:
                deploy(release, chart, where)
            except Failure as failed:
                raise Failure(f"{failed}\n{trouble(where)}") from failed
    renew()
    with step("wait for the stack's pods"):
        wait_for_pods(INFRA, SERVICE)


def deploy(release: str, chart: str, where: str, *more: str) -> None:
    """One release as the overlay for tests says, and as `more` words for helm say beside it, until it is ready."""
    folder = ROOT / "charts" / chart
    helm(
        "upgrade",
        "--install",
        release,
        str(folder),
        "--namespace",
        where,
        "--values",
        str(folder / "values-test.yaml"),
        "--set",
        "global.pullPolicy=Never" if chart == "soma-infra" else "pullPolicy=Never",
        *more,
        "--wait",
        "--timeout",
        "5m",
    )


def renew() -> None:
    """Let the pods be made anew that run what an image of their name was before; Helm sees no change in them."""
    built = state.read().get("digests", {})
    for namespace in (INFRA, SERVICE):
        for pod in json.loads(kubectl("-n", namespace, "get", "pods", "--output=json"))["items"]:
            name = pod["metadata"]["name"]
            if outdated(pod, built):
                say(f"  {name} runs an older image: it is made anew")
                kubectl("-n", namespace, "delete", "pod", name)
                owner = pod["metadata"]["ownerReferences"][0]
                if owner["kind"] == "StatefulSet":
                    kubectl("-n", namespace, "rollout", "status", f"statefulset/{owner['name']}", "--timeout=300s")


def outdated(pod: dict[str, Any], built: dict[str, list[str]]) -> bool:
    """Whether a container of a pod runs another image than the one that was built under its name."""
    asked = {c["name"]: c["image"] for c in (*pod["spec"].get("initContainers", ()), *pod["spec"]["containers"])}
    status = pod["status"]
    for container in (*status.get("initContainerStatuses", ()), *status.get("containerStatuses", ())):
        known = built.get(asked[container["name"]])
        running = container["imageID"].rpartition("@")[2]
        if known and running and running not in known:
            return True
    return False


def helm(*words: str) -> str:
    """helm on this cluster."""
    return run("helm", f"--kubeconfig={kubeconfig()}", *words)


def unlock(release: str, where: str) -> None:
    """Take away what a helm that was killed has left: a release that is said to be pending for ever."""
    for entry in json.loads(helm("list", "--namespace", where, "--all", "--output", "json")):
        if entry["name"] == release and str(entry["status"]).startswith("pending-"):
            say(f"  {release} was interrupted while {entry['status']}")
            kubectl(
                "-n", where, "delete", "secret", "--selector", f"owner=helm,name={release},version={entry['revision']}"
            )


def trouble(where: str) -> str:
    """What the pods of a namespace and its last warnings say."""
    warnings = kubectl(
        "-n", where, "get", "events", "--field-selector=type=Warning", "--sort-by=.lastTimestamp"
    ).splitlines()
    return "\n".join((kubectl("-n", where, "get", "pods", "-o", "wide"), *warnings[-12:]))


def namespace(name: str, labels: dict[str, str]) -> dict[str, object]:
    """A namespace, under the restricted standard."""
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": {**RESTRICTED, **labels}}}


def listed(objects: object) -> str:
    """What kubectl applies at once."""
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)})  # type: ignore[call-overload]


def make_secrets() -> None:
    """Make the Secrets that are missing. Their values are random, and stand nowhere but in the cluster.

    Two hold the same password each for its own reader, so what is there already is kept and completed.
    """
    postgres = {name: held(INFRA, "postgres", name) or password() for name in ("sfm-password", "keycloak-password")}
    users = held(INFRA, "redis", "users.acl")
    redis = users.rpartition(">")[2].split()[0] if users else password()
    auth = {name: held(INFRA, "auth", name) or password() for name in KEYCLOAK} | {
        "KC_DB_PASSWORD": postgres["keycloak-password"]
    }
    service = {
        "database_url": f"postgresql+asyncpg://sfm:{postgres['sfm-password']}@postgres.{INFRA}.svc.cluster.local:5432/sfm",
        "redis_url": f"redis://sfm:{redis}@redis.{INFRA}.svc.cluster.local:6379/0",
    }
    acl = f"user default on nopass -@all +ping\nuser sfm on >{redis} ~* &* +@all -@admin -@dangerous\n"
    objects = [
        secret(INFRA, "postgres", postgres),
        secret(INFRA, "redis", {"users.acl": acl}),
        secret(INFRA, "auth", auth),
        secret(SERVICE, "sfm-secrets", service),
    ]
    tls = {name: held(SERVICE, "sfm-tls", name) for name in ("ca.crt", "tls.crt", "tls.key")}
    if not all(tls.values()) or old(tls["tls.crt"]):
        tls = certificate(
            [f"sfm.{SERVICE}.svc.cluster.local", f"sfm.{SERVICE}.svc", f"sfm.{SERVICE}", "sfm", LOOPBACK_NAME]
        )
    objects.append(secret(SERVICE, "sfm-tls", tls))
    authority = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "sfm-ca", "namespace": CLIENTS},
        "data": {"ca.crt": tls["ca.crt"]},
    }
    kubectl(
        "apply",
        "--server-side",
        "--force-conflicts",
        "--field-manager=kind",
        "--filename=-",
        stdin=listed([*objects, authority]),
    )


def secret(where: str, name: str, values: dict[str, str]) -> dict[str, object]:
    """A Secret. It is applied by the server, which leaves no copy of the values in an annotation."""
    encoded = {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": where},
        "type": "Opaque",
        "data": encoded,
    }


def held(where: str, name: str, key: str) -> str:
    """One value of a Secret that is there, or ""."""
    found = kubectl("-n", where, "get", "secret", name, "--ignore-not-found", "-o", "json")
    return base64.b64decode(json.loads(found)["data"].get(key, "")).decode() if found.strip() else ""


def password() -> str:
    """Random, of 192 bits, and safe in URLs, SQL and Redis' own format."""
    return secrets.token_hex(24)


def old(pem: str) -> bool:
    """Whether a certificate is good for less than a third of its time."""
    left = x509.load_pem_x509_certificate(pem.encode()).not_valid_after_utc - datetime.datetime.now(datetime.UTC)
    return left < datetime.timedelta(days=DAYS / 3)


def certificate(names: list[str]) -> dict[str, str]:
    """A server's key and certificate, and that of the authority which signed it and whose key is forgotten here."""
    now = datetime.datetime.now(datetime.UTC)

    def sign(
        subject: str,
        key: ec.EllipticCurvePrivateKey,
        issuer: str,
        by: ec.EllipticCurvePrivateKey,
        *more: tuple[x509.ExtensionType, bool],
    ) -> x509.Certificate:
        builder = x509.CertificateBuilder(
            subject_name=x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)]),
            issuer_name=x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]),
            public_key=key.public_key(),
            serial_number=x509.random_serial_number(),
            not_valid_before=now - datetime.timedelta(minutes=5),
            not_valid_after=now + datetime.timedelta(days=DAYS),
        )
        for extension, critical in (*more, (x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)):
            builder = builder.add_extension(extension, critical=critical)
        issued_by = x509.AuthorityKeyIdentifier.from_issuer_public_key(by.public_key())
        return builder.add_extension(issued_by, critical=False).sign(by, hashes.SHA256())

    authority, server = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    usage = x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=True,
        crl_sign=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
    root = sign(
        "strictreal-kind",
        authority,
        "strictreal-kind",
        authority,
        (x509.BasicConstraints(ca=True, path_length=0), True),
        (usage, True),
    )
    hosts = x509.SubjectAlternativeName([*map(x509.DNSName, names), x509.IPAddress(ipaddress.IPv4Address(LOOPBACK))])
    serving = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
    leaf = sign(
        names[0],
        server,
        "strictreal-kind",
        authority,
        (x509.BasicConstraints(ca=False, path_length=None), True),
        (hosts, False),
        (serving, False),
    )
    return {
        "ca.crt": root.public_bytes(Encoding.PEM).decode(),
        "tls.crt": leaf.public_bytes(Encoding.PEM).decode(),
        "tls.key": server.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
    }


def reset() -> None:
    """Take the releases, their namespaces and volumes away, whatever finalizers hold them, and install them anew."""
    with step("remove the stack"):
        kubectl("delete", "namespace", *NAMESPACES, "--ignore-not-found", "--wait=false")
        for name in NAMESPACES:
            try:
                kubectl("wait", "--for=delete", f"namespace/{name}", "--timeout=60s")
            except Failure:
                release_finalizers(name)
                kubectl("wait", "--for=delete", f"namespace/{name}", "--timeout=60s")
    install()


def release_finalizers(name: str) -> None:
    """Free what is left in a namespace of its finalizers, whose controllers are gone; then the namespace itself."""
    say(f"  namespace {name} is held by finalizers: they are taken away")
    kinds = kubectl("api-resources", "--namespaced", "--verbs=list,patch", "--output=name").split()
    for kind in kinds:
        for entry in json.loads(kubectl("-n", name, "get", kind, "--output=json"))["items"]:
            if finalizers := entry["metadata"].get("finalizers"):
                say(f"  {kind} {entry['metadata']['name']}: {', '.join(finalizers)}")
                kubectl(
                    "-n",
                    name,
                    "patch",
                    kind,
                    entry["metadata"]["name"],
                    "--type=merge",
                    '--patch={"metadata":{"finalizers":null}}',
                )
    found = kubectl("get", "namespace", name, "--ignore-not-found", "--output=json")
    if found.strip():
        body = json.loads(found)
        body["spec"]["finalizers"] = []
        kubectl("replace", "--raw", f"/api/v1/namespaces/{name}/finalize", "--filename=-", stdin=json.dumps(body))
