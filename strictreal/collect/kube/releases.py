"""Helm's releases, from the Secrets in which it keeps them, and the charts of the subject that they are of."""

from __future__ import annotations

import base64
import binascii
import json
import zlib
from collections.abc import Iterable
from typing import Any, NamedTuple

from strictreal.collect.kube.access import Cluster, ClusterError
from strictreal.errors import BoundExceeded

STORED = "helm.sh/release.v1"
"""The type of the Secrets that hold releases."""
MAX_RELEASE = 32 * 1024 * 1024
"""Bytes of a release, unpacked."""
GZIP = 31


class Release(NamedTuple):
    """The newest revision of one release. Its values may be secret: they are rendered with, and go no further."""

    name: str
    namespace: str
    chart: str
    version: str
    revision: int
    status: str
    values: dict[str, Any]


def unpacked(stored: str) -> Release:
    """What the `release` key of a Secret holds: base64 of the API, base64 of Helm, gzip, JSON.

    Raises:
        ClusterError: it is not a release.
        BoundExceeded: it unpacks to more than MAX_RELEASE bytes.
    """
    try:
        packed = base64.b64decode(base64.b64decode(stored, validate=True), validate=True)
        inflate = zlib.decompressobj(GZIP)
        data = inflate.decompress(packed, MAX_RELEASE)
        if inflate.unconsumed_tail:
            raise BoundExceeded(f"a release has more than {MAX_RELEASE} bytes (bound: release size)")
        said = json.loads(data)
        about = said["chart"]["metadata"]
        return Release(
            name=str(said["name"]),
            namespace=str(said["namespace"]),
            chart=str(about["name"]),
            version=str(about.get("version", "")),
            revision=int(said["version"]),
            status=str(said["info"]["status"]),
            values=dict(said.get("config") or {}),
        )
    except (binascii.Error, zlib.error, ValueError, KeyError, TypeError, RecursionError) as error:
        raise ClusterError(f"a release cannot be read: {type(error).__name__}") from None


def newest(cluster: Cluster, namespaces: Iterable[str]) -> list[Release]:
    """The newest revision of every release, by namespace and name; in all namespaces where none is named.

    Raises:
        ClusterError: Secrets cannot be read.
    """
    paths = [f"/api/v1/namespaces/{name}/secrets" for name in namespaces] or ["/api/v1/secrets"]
    stored = [
        entry
        for path in paths
        for entry in cluster.listed(path, fieldSelector=f"type={STORED}", labelSelector="owner=helm")
    ]
    last: dict[tuple[str, str], dict[str, Any]] = {}
    for entry in stored:
        about = entry["metadata"]
        key = (about["namespace"], about.get("labels", {}).get("name", about["name"]))
        if key not in last or _revision(entry) > _revision(last[key]):
            last[key] = entry
    return [unpacked((entry.get("data") or {}).get("release", "")) for _, entry in sorted(last.items())]


def _revision(entry: dict[str, Any]) -> int:
    said = entry["metadata"].get("labels", {}).get("version", "")
    return int(said) if said.isdecimal() else 0
