"""What runs against what was rendered, field by field. Pure.

What is rendered is given with the defaults of the API server that runs it, so that every difference is somebody's, but
for the fields that the cluster itself writes: those of the tables below.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

MISSING = object()
METADATA = frozenset("name namespace labels annotations finalizers ownerReferences".split())
"""What of an object's metadata somebody gives it; the rest is the API server's."""
ALLOCATED: Mapping[str, frozenset[tuple[str, ...]]] = {
    "Service": frozenset({("spec", "clusterIP"), ("spec", "clusterIPs"), ("spec", "healthCheckNodePort")}),
    "PersistentVolumeClaim": frozenset({("spec", "volumeName"), ("metadata", "finalizers")}),
    "PersistentVolume": frozenset({("spec", "claimRef"), ("metadata", "finalizers")}),
    "Namespace": frozenset({("spec", "finalizers"), ("metadata", "labels", "kubernetes.io/metadata.name")}),
    "ServiceAccount": frozenset({("secrets",)}),
    "Job": frozenset({("spec", "selector"), ("spec", "template", "metadata", "labels")}),
}
"""By kind, what the cluster allocates where the chart leaves it open."""
STAMPED = (
    "deployment.kubernetes.io/",
    "pv.kubernetes.io/",
    "volume.kubernetes.io/",
    "volume.beta.kubernetes.io/",
    "kubectl.kubernetes.io/last-applied-configuration",
    "kubectl.kubernetes.io/restartedAt",
)
"""Annotations of controllers and of kubectl, which say when and not what."""
KEYS: Mapping[str, tuple[str, ...]] = {
    "ports": ("containerPort", "port", "protocol"),
    "volumeMounts": ("mountPath",),
    "imagePullSecrets": ("name",),
    "hostAliases": ("ip",),
    "topologySpreadConstraints": ("topologyKey", "whenUnsatisfiable"),
}
"""By the name of a list, what tells its items apart; `name` elsewhere, where each has one of its own."""


class Difference(NamedTuple):
    """One field that differs. `MISSING` stands for a value that there is not."""

    path: tuple[str | int, ...]
    rendered: Any
    runs: Any

    @property
    def pointer(self) -> str:
        """JSON pointer into the object (RFC 6901); items of a list that have names are called by them."""
        return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in self.path)


def differences(expected: Mapping[str, Any], live: Mapping[str, Any]) -> Iterator[Difference]:
    """Every field in which an object is not what was rendered, in the order of its fields.

    Args:
        expected: the object as rendered, defaults filled in.
        live: the object as it runs.
    """
    kind = str(expected.get("kind", ""))
    left = ALLOCATED.get(kind, frozenset())
    for found in _compared(expected, live, ()):
        if found.path[0] in ("status", "apiVersion", "kind"):
            continue
        if found.path[0] == "metadata" and not _given(found):
            continue
        if found.rendered is MISSING and any(found.path[: len(path)] == path for path in left):
            continue
        if kind == "Service" and found.path[-1] == "nodePort" and found.rendered is MISSING:
            continue
        yield found


def put(document: Any, path: tuple[str | int, ...], value: Any) -> None:
    """Replace what stands at the path of a difference; nothing where the path ends before."""
    field = ""
    for number, part in enumerate(path):
        last = number == len(path) - 1
        if isinstance(document, list) and isinstance(part, str):
            document = (_keyed(document, field) or {}).get(part)
            continue
        known = range(len(document)) if isinstance(document, list) else document if isinstance(document, dict) else ()
        if part not in known:
            return
        if last:
            document[part] = value
        else:
            field, document = str(part), document[part]


def _given(found: Difference) -> bool:
    """Whether a difference in an object's metadata is of what somebody gives it, and no controller's stamp."""
    if len(found.path) < 2 or found.path[1] not in METADATA:
        return False
    stamp = found.path[1] == "annotations" and len(found.path) == 3 and str(found.path[2]).startswith(STAMPED)
    return not (stamp and found.rendered is MISSING)


def _compared(expected: Any, live: Any, path: tuple[str | int, ...]) -> Iterator[Difference]:
    if isinstance(expected, dict) and isinstance(live, dict):
        for key in (*expected, *(key for key in live if key not in expected)):
            one, other = expected.get(key, MISSING), live.get(key, MISSING)
            if one is MISSING and _stamp((*path, key)):
                continue
            yield from _pair(one, other, (*path, key))
    elif isinstance(expected, list) and isinstance(live, list):
        yield from _lists(expected, live, path)
    elif not _equal(expected, live):
        yield Difference(path, expected, live)


def _stamp(path: tuple[str | int, ...]) -> bool:
    """Whether it is a controller's annotation, of the object or of the pods that it makes."""
    return len(path) > 1 and path[-2] == "annotations" and str(path[-1]).startswith(STAMPED)


def _pair(one: Any, other: Any, path: tuple[str | int, ...]) -> Iterator[Difference]:
    if path[-1] in ("annotations", "labels") and dict in (type(one), type(other)):
        one, other = ({} if each is MISSING else each for each in (one, other))  # by key: some are the cluster's
    if one is MISSING or other is MISSING:
        if not (_empty(one) and _empty(other)):
            yield Difference(path, one, other)
        return
    yield from _compared(one, other, path)


def _lists(expected: list[Any], live: list[Any], path: tuple[str | int, ...]) -> Iterator[Difference]:
    field = next((part for part in reversed(path) if isinstance(part, str)), "")
    ours, theirs = _keyed(expected, field), _keyed(live, field)
    if ours is None or theirs is None:
        for index in range(max(len(expected), len(live))):
            one = expected[index] if index < len(expected) else MISSING
            other = live[index] if index < len(live) else MISSING
            yield from _pair(one, other, (*path, index))
        return
    for key in (*ours, *(key for key in theirs if key not in ours)):
        yield from _pair(ours.get(key, MISSING), theirs.get(key, MISSING), (*path, key))


def _keyed(items: list[Any], field: str) -> dict[str, Any] | None:
    """The items by what tells them apart; None where nothing does."""
    found: dict[str, Any] = {}
    for item in items:
        if not isinstance(item, dict):
            return None
        named = [str(item[key]) for key in KEYS.get(field, ("name",)) if key in item]
        key = " ".join(named)
        if not key or key in found:
            return None
        found[key] = item
    return found


def _empty(value: Any) -> bool:
    """Whether it is nothing, or holds nothing: the API server leaves such fields out."""
    return value is MISSING or value is None or value in ("", [], {})


def _equal(one: Any, other: Any) -> bool:
    return (type(one) is type(other) and bool(one == other)) or (_empty(one) and _empty(other))
