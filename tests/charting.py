"""The repository's own charts, rendered for tests with an overlay and values of the test's own."""

from __future__ import annotations

import runpy
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from strictreal.collect.chart import ignore
from strictreal.engines import helm, schemas
from strictreal.session import Session

CHARTS = Path(__file__).resolve().parents[1] / "charts"
OVERLAYS = ("values-dev.yaml", "values-test.yaml", "values-staging.yaml", "values-prod-lite.yaml", "values-prod.yaml")
HELM, KUBECONFORM = shutil.which("helm"), shutil.which("kubeconform")
needs_helm = pytest.mark.skipif(HELM is None, reason="no helm program on the PATH")
needs_kubeconform = pytest.mark.skipif(KUBECONFORM is None, reason="no kubeconform program on the PATH")
CUSTOM = ("ExternalSecret", "ServiceMonitor")
"""Kinds that operators bring; the audit judges them by charts/definitions."""
Values = Mapping[str, Any]
Object = dict[str, Any]


def _render(asked: tuple[dict[str, bytes], str]) -> dict[str, str] | str:
    """What the SDK writes, or why it refuses. In a worker: it loads a Go runtime."""
    try:
        return helm.LoadedChart(asked[0]).render(asked[1], "sfm", "soma")
    except helm.HelmFailure as error:
        return str(error)


@dataclass
class Chart:
    """One chart, and a session whose workers render it."""

    folder: Path
    session: Session

    def _answer(self, overlay: str, values: Values) -> dict[str, str] | str:
        text = (self.folder / overlay).read_text() if overlay else ""
        merged = merge(yaml.safe_load(text) or {}, values)
        files = {p.relative_to(self.folder).as_posix(): p.read_bytes() for p in self.folder.rglob("*") if p.is_file()}
        asked = ignore.kept(files), yaml.safe_dump(merged, allow_unicode=True)
        [answer] = self.session.bounded(_render, [asked])
        return answer

    def objects(self, overlay: str = "", values: Values | None = None) -> dict[str, Object]:
        """Every object by `Kind/name`."""
        answer = self._answer(overlay, values or {})
        assert isinstance(answer, dict), answer
        found = [each for text in answer.values() for each in yaml.safe_load_all(text) if each]
        named = {f"{each['kind']}/{each['metadata']['name']}": each for each in found}
        assert len(named) == len(found), "two objects have one name"
        return named

    def refusal(self, overlay: str = "", values: Values | None = None) -> str:
        """Why Helm does not take these values."""
        answer = self._answer(overlay, values or {})
        assert isinstance(answer, str), "Helm takes them"
        return answer


def merge(below: Any, above: Any) -> Any:
    """Values on top of others, as Helm puts them."""
    if not (isinstance(below, Mapping) and isinstance(above, Mapping)):
        return above
    return {**below, **{key: merge(below.get(key), value) for key, value in above.items()}}


def pods(objects: dict[str, Object]) -> Iterator[Object]:
    """The template of each workload's pod."""
    for each in objects.values():
        if "template" in each.get("spec", {}):
            yield each["spec"]["template"]


def containers(objects: dict[str, Object]) -> Iterator[Object]:
    """Every container of every pod."""
    for pod in pods(objects):
        yield from (*pod["spec"].get("initContainers", ()), *pod["spec"]["containers"])


def standalone_schemas(folder: Path) -> Path:
    """Kubernetes' schemas in a folder, as kubeconform wants them."""
    benchmark = runpy.run_path(str(CHARTS.parent / "benchmarks" / "charts.py"))
    benchmark["standalone_schemas"](schemas.DEFAULT_KUBERNETES, folder)
    return folder


def fault(chart: Path, overlay: str, standalone: Path) -> str:
    """What helm lint, helm template and kubeconform, all strict, say against a chart; "" when they are content."""
    options = (
        "--kube-version",
        f"{schemas.DEFAULT_KUBERNETES}.0",
        *(("--values", str(chart / overlay)) if overlay else ()),
    )
    linted = subprocess.run(
        (str(HELM), "lint", "--strict", str(chart), *options), capture_output=True, text=True, check=False
    )
    if linted.returncode:
        return linted.stdout + linted.stderr
    rendered = subprocess.run(
        (str(HELM), "template", "sfm", str(chart), *options), capture_output=True, text=True, check=False
    )
    if rendered.returncode:
        return rendered.stderr
    location = f"{standalone}/{{{{.ResourceKind}}}}{{{{.KindSuffix}}}}.json"
    command = (str(KUBECONFORM), "-strict", "-skip", ",".join(CUSTOM), "-schema-location", location)
    judged = subprocess.run(command, input=rendered.stdout, capture_output=True, text=True, check=False)
    return judged.stdout + judged.stderr if judged.returncode else ""
