"""The certificates that Secrets hold: until when they are good, for which names, and whether the key fits."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from typing import Any

from strictreal.collect.kube.objects import called
from strictreal.collect.kube.pods import names_read
from strictreal.collect.kube.scene import Scene, at
from strictreal.facts.cluster import TlsCertificate
from strictreal.model import Fact, Gap, Location

BEGIN = b"-----BEGIN CERTIFICATE-----"
KEYS = ("tls.key", "server.key", "key.pem", "private.key")


def observe(scene: Scene) -> Iterator[Fact]:
    """Every certificate in a Secret of a namespace that holds a release.

    Raises:
        ClusterError, BoundExceeded: Secrets or pods cannot be read.
    """
    readers: dict[tuple[str, str], Any] = {}
    charts: dict[str, str] = {}
    for placed in scene.releases:
        charts.setdefault(placed.release.namespace, placed.chart)
        for pod, _, workload in scene.pods(placed):
            readers |= {(placed.release.namespace, name): workload for name in names_read(pod, "Secret")}
    for namespace in scene.namespaces:
        for secret in scene.objects("v1", "Secret", namespace):
            name = secret["metadata"]["name"]
            reader = readers.get((namespace, name))
            resource = called(namespace, "Secret", name)
            for key, value in _decoded(secret).items():
                if BEGIN in value:
                    text = f"{resource}:{key}"
                    where = at(reader, text) if reader else Location(charts[namespace], resource=text)
                    yield _certificate(value, _decoded(secret), where, mounted=reader is not None)


def _decoded(secret: dict[str, Any]) -> dict[str, bytes]:
    found = {}
    for key, value in (secret.get("data") or {}).items():
        try:
            found[key] = base64.b64decode(value, validate=True)
        except binascii.Error:
            continue
    return found


def _certificate(pem: bytes, beside: dict[str, bytes], where: Location, *, mounted: bool) -> Fact:
    from cryptography import x509
    from cryptography.exceptions import UnsupportedAlgorithm

    try:
        found = x509.load_pem_x509_certificates(pem)[0]
        try:
            names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
            said = tuple(sorted(str(name.value) for name in names))
        except x509.ExtensionNotFound:
            said = ()
        own = where.resource.endswith((":tls.crt", ":server.crt", ":cert.pem"))
        return TlsCertificate(
            where=where,
            names=said,
            begins=found.not_valid_before_utc.strftime("%Y-%m-%dT%H:%M:%SZ"),
            ends=found.not_valid_after_utc.strftime("%Y-%m-%dT%H:%M:%SZ"),
            fits=_fits(found, next((beside[key] for key in KEYS if key in beside), b"")) if own else None,
            mounted=mounted,
        )
    except (ValueError, IndexError, UnsupportedAlgorithm) as error:
        return Gap(of="TlsCertificate", where=where, reason=f"it cannot be read: {type(error).__name__}")


def _fits(certificate: Any, key: bytes) -> bool | None:
    """Whether a private key is the certificate's; None where there is none."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

    if not key:
        return None
    form = Encoding.DER, PublicFormat.SubjectPublicKeyInfo
    try:
        own = load_pem_private_key(key, password=None).public_key().public_bytes(*form)
    except (ValueError, TypeError):
        return False
    return bool(own == certificate.public_key().public_bytes(*form))
