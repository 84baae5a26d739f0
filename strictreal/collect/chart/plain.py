"""Manifests that lie in the repository as they are, outside of charts: read, and held against their schemas.

A YAML or JSON document is a manifest when it says apiVersion and kind, and either Kubernetes has that kind or the
object has a name: configurations of tools (kubeconfig, kind, kubeadm) have none. Compose files, workflows and values
say neither, and are not looked at further.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from strictreal.collect.chart import kustomize
from strictreal.collect.chart.discover import FoundChart, is_structural
from strictreal.collect.chart.judge import Judge, held
from strictreal.collect.chart.manifest import Object
from strictreal.collect.chart.source import Origin, Source
from strictreal.collect.subject import excluded
from strictreal.config import Config
from strictreal.engines import schemas
from strictreal.errors import StrictRealError
from strictreal.model import Fact, Gap, LeftOut, Location, Observation
from strictreal.session import Session
from strictreal.subject import Entry, Tree

UNSAID = "says no apiVersion and kind"
_ENDINGS = (".yaml", ".yml", ".json")
_API_VERSION = re.compile(rb"""^[ \t{,-]{0,40}["']?apiVersion["']?[ \t]*:""", re.MULTILINE)
_KIND = re.compile(rb"""^[ \t{,-]{0,40}["']?kind["']?[ \t]*:""", re.MULTILINE)
_TEMPLATE = re.compile(rb"\{\{|\{%|<%|\$\{\{|\[\[")
_TOOLS = frozenset(
    """
    kustomize.config.k8s.io kind.x-k8s.io kubeadm.k8s.io audit.k8s.io client.authentication.k8s.io backstage.io
    """.split()
)
"""Groups of files that are read by a tool on a desk, and not by a cluster."""


def entries(tree: Tree, config: Config, charts: Sequence[FoundChart]) -> list[Entry]:
    """The files that may hold manifests: none of a chart, which are its own."""
    roots = tuple(chart.folder for chart in charts if chart.folder and not chart.packaged)
    own = frozenset(
        path
        for chart in charts
        for path in chart.files
        if chart.folder or is_structural(path) or path in chart.overlays  # a chart at the root is not all there is
    )
    return [
        entry
        for entry in tree
        if entry.path.endswith(_ENDINGS)
        and entry.path not in own
        and not (roots and entry.path.startswith(roots))
        and entry.path.rpartition("/")[2] not in kustomize.NAMES
        and not excluded(config, entry.path)
    ]


def observe(
    tree: Tree, config: Config, charts: Sequence[FoundChart], session: Session, kubernetes: str
) -> Iterator[Observation]:
    """What there is of manifests outside of charts, file by file, and the kustomizations that nobody built."""
    built = []
    for entry in tree:
        if entry.path.rpartition("/")[2] in kustomize.NAMES and not excluded(config, entry.path):
            try:
                built.append(kustomize.read(entry.path, tree.read(entry.path), tree.paths))
            except StrictRealError as error:
                built.append(kustomize.Kustomization(entry.path, str(error)))
    parts = {part: one.path for one in built for part in one.parts}
    files = entries(tree, config, charts)
    whole = [entry for entry in files if entry.path not in parts]
    reader = Reader(kubernetes)
    seen = session.per_file("charts", "Manifest", tree, whole, reader, schemas.versions(), salt=kubernetes)
    yield from (observation for observation in seen if observation.facts)
    for one in built:
        facts: list[Fact] = [
            LeftOut(where=Location(part), reason=f"a part of {one.path}, and no whole manifest")
            for part in sorted(one.parts)
            if part.endswith(_ENDINGS)
        ]
        if one.builds:
            reason = f"{one.builds}, and there is no kustomize here: what comes out was not judged"
            facts.append(Gap(of="Manifest", where=Location(one.path), reason=reason))
        if facts:
            read = tree.digests[one.path]
            yield Observation(collector="charts", source=one.path, digest=read, facts=tuple(facts))


@cache
def _schemas(version: str) -> schemas.KubernetesSchemas:
    return schemas.KubernetesSchemas(version)


@dataclass(frozen=True)
class Reader:
    """reading manifests"""

    kubernetes: str

    def __call__(self, file: tuple[str, bytes]) -> list[Fact]:
        """The manifests of one file with what their schemas say; nothing for a file that holds none."""
        path, data = file
        if not (_API_VERSION.search(data) and _KIND.search(data)):
            return []
        text = data.decode("utf-8-sig", errors="replace")
        known = _schemas(self.kubernetes)
        judge = Judge(known, "", "", held([text]), passed_over=lambda each: _no_manifest(each, known))
        origin = Origin(Source({path: data}, {path: path}), path, text)
        found = list(judge.facts(origin))
        if not judge.fault:
            return found if any(getattr(fact, "reason", "") != UNSAID for fact in found) else []
        if _TEMPLATE.search(data):
            return [LeftOut(where=Location(path), reason="a template of a program that is not Helm")]
        raise ValueError(judge.fault.reason)


def _no_manifest(each: Object, known: schemas.KubernetesSchemas) -> str:
    """Why an object is not for a cluster; "" when it is."""
    signature = schemas.signature(each.value)
    if signature is None:
        return UNSAID
    group, _, kind = signature
    if group in _TOOLS or group.endswith(".config.k8s.io"):
        return f"{kind} of {group} is a tool's configuration"
    if known.validator(*signature) or each.name:
        return ""
    return f"{each.api_version} {kind} has no name: a tool's configuration"
