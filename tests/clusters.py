"""The cluster that kind/ makes, for tests: what is asked of it, and an audit of the charts that run there."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sfm.client import Client, Tls

from kind import cluster, settings, state
from kind.faults import written
from kind.forwarding import Forward
from kind.programs import succeeds
from kind.tokens import long_lived
from strictreal import config
from strictreal.collect import cluster as collector
from strictreal.collect import subject as subject_collector
from strictreal.gather import Request
from strictreal.model import Finding, Outcome, Record, Result
from strictreal.run import audit

ROOT = Path(__file__).resolve().parent.parent
KUBECONFIG = settings.kubeconfig()
STATE = state.file()
CACHE = settings.cache_dir().parent
"""Before tests get an empty home."""
MARKS = [
    pytest.mark.skipif(
        not KUBECONFIG.is_file()
        or not succeeds("kubectl", f"--kubeconfig={KUBECONFIG}", "get", "--raw=/readyz", timeout=10),
        reason="no cluster runs: make kind-up",
    ),
    pytest.mark.xdist_group("kind"),
]


@pytest.fixture(scope="module", autouse=True)
def _the_users_own_cluster() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(CACHE))
        yield


@pytest.fixture(scope="module")
def charts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A subject with the charts that run in the cluster, and nothing else."""
    root = tmp_path_factory.mktemp("subject")
    for name in ("sfm", "soma-infra"):
        shutil.copytree(ROOT / "charts" / name, root / "charts" / name)
    return root


def environment(home: Path, **more: str) -> dict[str, str]:
    """What an audit of the cluster is started with."""
    return {"HOME": str(home), "STRICTREAL_KUBECONFIG": str(KUBECONFIG), "STRICTREAL_IMAGES": str(STATE), **more}


def audited(subject: Path, *checks: str, parts: tuple[str, ...] = (), **more: str) -> Record:
    """An audit of some checks in the lane `kind`, from a cluster to a bundle.

    Args:
        parts: the names of the collector's parts that are needed; all when there is none.
    """
    chosen = tuple(part for part in collector.PARTS if not parts or part[1] in parts)
    home = subject.parent / "home"
    request = Request(path=subject, lane="kind", only=checks, output=home / "evidence", jobs=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(collector, "PARTS", chosen)
        return audit(
            request, settings=config.settings(environment(home, **more)), registry=(subject_collector, collector)
        )


def findings(subject: Path, check: str, *parts: str) -> list[Finding]:
    """What one check finds."""
    [result] = audited(subject, check, parts=parts).results
    assert result.outcome in (Outcome.FAILED, Outcome.PROVEN), result.reason
    return list(result.findings)


def messages(subject: Path, check: str, *parts: str) -> list[str]:
    """What the findings of one check say."""
    return [finding.message for finding in findings(subject, check, *parts)]


def outcomes(record: Record) -> dict[str, str]:
    """The outcomes by check, with the reason of those that are not proven."""
    return {result.check: _said(result) for result in record.results}


def _said(result: Result) -> str:
    told = "; ".join(finding.message for finding in result.findings)
    return result.outcome.value + (f": {told or result.reason}" if result.outcome is not Outcome.PROVEN else "")


def kubectl(*words: str, stdin: str | None = None) -> str:
    """kubectl on the cluster."""
    return cluster.kubectl(*words, stdin=stdin, timeout=180)


def got(namespace: str, kind: str, name: str) -> Any:
    """An object of the cluster."""
    return json.loads(kubectl("-n", namespace, "get", kind, name, "-o", "json"))


def patched(namespace: str, kind: str, name: str, patch: object, *, form: str = "merge") -> None:
    """Change an object by hand."""
    kubectl("-n", namespace, "patch", kind, name, f"--type={form}", "--patch-file=/dev/stdin", stdin=json.dumps(patch))


@contextmanager
def applied(*objects: dict[str, Any]) -> Iterator[None]:
    """Objects that are there for a while."""
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)})
    kubectl("create", "--filename=-", stdin=text)
    try:
        yield
    finally:
        kubectl("delete", "--filename=-", "--wait=true", stdin=text)


@contextmanager
def served(tenant: str, token: str = "") -> Iterator[Client]:
    """A client of the service, with a token for one tenant; one that lasts an hour where none is given."""
    roots = got(settings.CLIENTS, "configmap", "sfm-ca")["data"]["ca.crt"]
    with written(roots) as file, Forward(settings.SERVICE, "pod/sfm-0", settings.MEMORY_PORT) as forward:
        held = token or long_lived(tenant, hours=1)
        with Client(f"{settings.LOOPBACK_NAME}:{forward.port}", token=held, tls=Tls(roots=file)) as client:
            yield client


def rolled_out(namespace: str, workload: str) -> None:
    """Wait until a workload's pods are all new and ready."""
    kubectl("-n", namespace, "rollout", "status", workload, "--timeout=170s")
