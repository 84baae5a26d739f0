"""Where the values of Secrets stand that should stand nowhere else: variables, arguments, ConfigMaps, logs.

Values are compared here and go no further: a fact says in which place which Secret's value was seen.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from functools import partial
from typing import Any, NamedTuple

from strictreal.collect.kube.objects import called
from strictreal.collect.kube.scene import Placed, Scene, at, containers
from strictreal.errors import StrictRealError
from strictreal.facts.cluster import SearchedText
from strictreal.model import Fact, Gap, Location
from strictreal.redact import is_random, names

MAX_LOG = 4 * 1024 * 1024
"""Bytes of one container's log; a longer one is a gap."""
SHORTEST = 8
"""Characters of a value that is looked for: a shorter one stands in many places by chance."""
OWN_TYPES = {"helm.sh/release.v1", "kubernetes.io/service-account-token", "bootstrap.kubernetes.io/token"}
_ADDRESS = re.compile(r"://[^/\s:@]{0,200}:([^/\s@]{1,500})@")
_PUBLIC = "-----BEGIN CERTIFICATE-----"


class Needle(NamedTuple):
    """A text that gives a Secret away, and which."""

    text: str
    secret: str


def observe(scene: Scene) -> Iterator[Fact]:
    """Every place of the releases' pods and namespaces that could hold a Secret's value.

    Raises:
        ClusterError, BoundExceeded: pods, Secrets or ConfigMaps cannot be read.
    """
    needles = [needle for namespace in scene.namespaces for needle in _needles(scene, namespace)]
    for placed in scene.releases:
        for pod, _, workload in scene.pods(placed):
            name = called(placed.release.namespace, "Pod", pod["metadata"]["name"])
            for _, container in containers(pod):
                where = at(workload, f"{name}/{container['name']}")
                yield from _container(container, where, needles, placed.release.namespace)
        yield from scene.cluster.together(partial(_log, scene, needles), list(_logs(scene, placed)))
    for namespace in scene.namespaces:
        yield from _configs(scene, namespace, needles)


def _needles(scene: Scene, namespace: str) -> Iterator[Needle]:
    """What the Secrets of a namespace hold that is secret, as it is and as the API writes it."""
    for secret in scene.objects("v1", "Secret", namespace):
        if secret.get("type") in OWN_TYPES:
            continue
        for key, encoded in (secret.get("data") or {}).items():
            try:
                value = base64.b64decode(encoded, validate=True).decode().strip()
            except (binascii.Error, UnicodeDecodeError):
                continue  # bytes that are no text stand in no text but encoded, which is the next case
            label = f"{namespace}/{secret['metadata']['name']}:{key}"
            for text in telling(key, value):
                yield Needle(text, label)
                yield Needle(base64.b64encode(text.encode()).decode(), label)


def telling(key: str, value: str) -> Iterator[str]:
    """The parts of a Secret's value that give it away wherever they stand.

    A certificate is public; a word such as a user's name is no secret, unless its key says so.
    """
    if value.startswith(_PUBLIC) and "PRIVATE KEY" not in value:
        return
    for password in _ADDRESS.findall(value):
        if len(password) >= SHORTEST:
            yield password
    if "PRIVATE KEY-----" in value:
        yield from (line for line in value.splitlines()[1:-1] if len(line) >= 40)
    elif len(value) >= SHORTEST and (names.is_secret(key) or is_random(value)) and not value.startswith(_PUBLIC):
        yield value


def seen(text: str, needles: list[Needle]) -> tuple[str, ...]:
    """The Secrets whose values stand in a text."""
    return tuple(sorted({needle.secret for needle in needles if needle.text in text}))


def _container(
    container: dict[str, Any], where: Location, needles: list[Needle], namespace: str
) -> Iterator[SearchedText]:
    for variable in container.get("env") or ():
        source = (variable.get("valueFrom") or {}).get("secretKeyRef") or {}
        place = _beside(where, f"env/{variable.get('name', '')}")
        refers = f"{namespace}/{source['name']}:{source.get('key', '')}" if source.get("name") else ""
        yield SearchedText(where=place, kind="env", holds=seen(str(variable.get("value", "")), needles), refers=refers)
    for source in container.get("envFrom") or ():
        if name := (source.get("secretRef") or {}).get("name"):
            yield SearchedText(where=_beside(where, "envFrom"), kind="env", refers=f"{namespace}/{name}")
    words = [*(container.get("command") or ()), *(container.get("args") or ())]
    yield SearchedText(where=_beside(where, "args"), kind="args", holds=seen("\n".join(map(str, words)), needles))


def _beside(where: Location, what: str) -> Location:
    return Location(where.path, where.line, text=where.text, resource=f"{where.resource} {what}")


class _Log(NamedTuple):
    """One log: of a container, or of the one that ran in its place before."""

    namespace: str
    pod: str
    container: str
    before: bool
    where: Location


def _logs(scene: Scene, placed: Placed) -> Iterator[_Log]:
    """The logs that there are."""
    for pod, _, workload in scene.pods(placed):
        status = pod.get("status") or {}
        namespace, name = placed.release.namespace, pod["metadata"]["name"]
        for state in (*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())):
            where = at(workload, f"{called(namespace, 'Pod', name)}/{state['name']}")
            if (state.get("state") or {}).keys() & {"running", "terminated"}:
                yield _Log(namespace, name, state["name"], before=False, where=_beside(where, "log"))
            if state.get("restartCount"):
                yield _Log(namespace, name, state["name"], before=True, where=_beside(where, "log before"))


def _log(scene: Scene, needles: list[Needle], log: _Log) -> Fact:
    query: dict[str, str | int] = {"container": log.container, "limitBytes": MAX_LOG + 1}
    if log.before:
        query["previous"] = "true"
    path = f"/api/v1/namespaces/{log.namespace}/pods/{log.pod}/log"
    try:
        status, data = scene.cluster.raw("GET", path, query=query, most=MAX_LOG + 1)
    except StrictRealError as error:
        return Gap(of="SearchedText", where=log.where, reason=str(error))
    if status >= 400 or len(data) > MAX_LOG:
        reason = (
            f"its log is answered {status}" if status >= 400 else f"its log has more than {MAX_LOG} bytes (bound: log)"
        )
        return Gap(of="SearchedText", where=log.where, reason=reason)
    return SearchedText(where=log.where, kind="log", holds=seen(data.decode(errors="replace"), needles))


def _configs(scene: Scene, namespace: str, needles: list[Needle]) -> Iterator[SearchedText]:
    """The ConfigMaps of a namespace, whoever made them."""
    places = {
        (each.value["metadata"].get("namespace") or placed.release.namespace, each.value["metadata"]["name"]): each
        for placed in scene.releases
        for each in placed.of_kind("ConfigMap")
    }
    chart = next(placed.chart for placed in scene.releases if placed.release.namespace == namespace)
    for config in scene.objects("v1", "ConfigMap", namespace):
        name = config["metadata"]["name"]
        rendered = places.get((namespace, name))
        resource = called(namespace, "ConfigMap", name)
        where = at(rendered, resource) if rendered else Location(chart, resource=resource)
        for key, text in {**(config.get("data") or {}), **(config.get("binaryData") or {})}.items():
            yield SearchedText(where=_beside(where, key), kind="config", holds=seen(text, needles))
