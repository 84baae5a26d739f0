"""The images that run, by digest, beside those on record as built."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

import msgspec

from strictreal.collect.kube.access import ClusterError
from strictreal.collect.kube.objects import called
from strictreal.collect.kube.scene import Scene, at, containers, template
from strictreal.facts.cluster import BuiltImage, RunningImage
from strictreal.model import Fact, Gap, Location

MAX_RECORD = 4 * 1024 * 1024
MAX_BILL = 256 * 1024 * 1024
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}$")


class Record(msgspec.Struct, frozen=True):
    """What was built, as `kind status` prints it among other things: each by its reference."""

    images: dict[str, str]
    """Ids: the digests of their configurations."""
    digests: dict[str, list[str]] = {}
    """Every digest by which an image may be known, that of its manifest among them."""
    bills: dict[str, str] = {}
    """Files with their bills of materials (CycloneDX)."""


def observe(scene: Scene) -> Iterator[Fact]:
    """The image of every container of the releases' pods, and every image on record.

    Raises:
        ClusterError, BoundExceeded: the pods cannot be read.
    """
    yield from built(scene.access.images)
    for placed in scene.releases:
        for pod, _, workload in scene.pods(placed):
            rendered = {c["name"]: str(c.get("image", "")) for _, c in containers(template(workload.value))}
            status = pod.get("status") or {}
            states = [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]
            have = {state["name"]: str(state.get("imageID", "")) for state in states}
            name = called(placed.release.namespace, "Pod", pod["metadata"]["name"])
            for _, container in containers(pod):
                digest = _DIGEST.search(have.get(container["name"], ""))
                yield RunningImage(
                    where=at(workload, f"{name}/{container['name']}"),
                    release=placed.key,
                    reference=rendered.get(container["name"], ""),
                    live=str(container.get("image", "")),
                    digest=digest.group() if digest else "",
                )


def built(record: Path | None) -> Iterator[Fact]:
    """The images on record; a gap where there is no record."""
    try:
        said = recorded(record)
        for reference, id in sorted(said.images.items()):
            yield BuiltImage(
                where=Location("", resource=reference),
                reference=reference,
                digests=tuple(sorted({id, *said.digests.get(reference, ())})),
                bill=_hashed(said.bills.get(reference, "")),
            )
    except (OSError, msgspec.DecodeError, ClusterError) as error:
        yield Gap(of="BuiltImage", where=Location(""), reason=str(error))


def recorded(record: Path | None) -> Record:
    """The record of images.

    Raises:
        ClusterError: there is none, or it is larger than MAX_RECORD bytes.
        OSError, msgspec.DecodeError: it cannot be read.
    """
    if record is None:
        raise ClusterError("there is no record of the images that were built: name it in STRICTREAL_IMAGES")
    if record.stat().st_size > MAX_RECORD:
        raise ClusterError(f"the record of images is larger than {MAX_RECORD} bytes (bound: record of images)")
    return msgspec.json.decode(record.read_bytes(), type=Record)


def _hashed(name: str) -> str:
    """SHA-256 of a bill of materials; "" where there is none.

    Raises:
        ClusterError: it is larger than MAX_BILL bytes.
    """
    path = Path(name)
    if not name or not path.is_file():
        return ""
    if path.stat().st_size > MAX_BILL:
        raise ClusterError(f"{path.name} is larger than {MAX_BILL} bytes (bound: bill of materials)")
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
