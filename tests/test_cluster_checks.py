"""The checks of clusters on their recorded states: every finding of every specimen, word for word."""

from __future__ import annotations

from pathlib import Path

import pytest

from strictreal import suite
from strictreal.collect import cluster
from strictreal.config import Config, settings
from strictreal.facts.cluster import FACTS, UNITS
from strictreal.gather import SPECIMEN_TIME, clock, session
from strictreal.judge import FactSet
from strictreal.subject import open_tree
from tests.judging import checks

SPECIMENS = suite.root() / "checks" / "specimens"
KNOWN = checks("test_cluster")


def told(id: str, kind: str, home: Path) -> list[str]:
    """What a check says of a specimen."""
    with session(settings({"HOME": str(home)}), cached=False) as shared:
        seen = list(cluster.collect(open_tree(SPECIMENS / id / kind), Config(), shared))
    facts = FactSet([clock(SPECIMEN_TIME), *seen])
    given = {p.name: facts.facts(p.facts) if p.facts else facts.all(p.only)[0] for p in KNOWN[id].parameters}
    return [finding.message for finding in KNOWN[id].judge(**given)]


@pytest.mark.parametrize("id", KNOWN)
def test_the_good_specimen_has_no_finding(id: str, tmp_path: Path):
    assert told(id, "good", tmp_path) == []


CONTEXT = "shop/Deployment/web /spec/template/spec/containers/web/securityContext"
A, B = "sha256:" + "a1" * 32, "sha256:" + "b2" * 32
BAD = {
    "cluster.drift": [
        "release shop/web is pending-upgrade, and not deployed",
        f'{CONTEXT}: rendered {{"readOnlyRootFilesystem":true}}, runs nothing',
        'shop/ConfigMap/web /data/LOG_LEVEL: rendered "INFO", runs "DEBUG"',
        "shop/NetworkPolicy/web-deny is rendered and does not run",
        "shop/Role/web-debug says that it is of release shop/web, which does not render it",
        "shop/Pod/web-copy is reached by shop/Service/web, and no rendered workload has made it",
    ],
    "cluster.images": [
        f"shop/Pod/web-0/web runs {B} as shop/web:1.4.0, which was built as {A}",
        "shop/Pod/web-0/debug runs busybox, and its chart renders no such container",
        "shop/Pod/web-0/cache runs shop/cache:2, which is not among the images on record",
        "shop/Pod/web-0/proxy: rendered shop/web:1.4.0, runs shop/web:1.3.9",
    ],
    "cluster.admission": [
        "shop enforces no Pod Security Standard, and a pod that is privileged is admitted",
        "jobs enforces restricted, and a pod that runs as root is admitted",
        "tools enforces privileged, which allows a pod that is privileged",
        "full refuses a pod that violates nothing: quota",
    ],
    "cluster.network": [
        "a stranger's pod reaches port 8080 of shop/Pod/web-0, which no rendered NetworkPolicy allows",
        "a pod labelled role=client is cut from port 8080 of shop/Pod/web-0, which the rendered NetworkPolicies allow",
        "a pod labelled role=client reaches port 9090 of shop/Pod/web-0, which no rendered NetworkPolicy allows",
        "shop/Pod/web-0 reaches port 6443 of the API server, which no rendered NetworkPolicy allows",
        "nobody answers shop/Pod/web-0 on port 5432 of data/Pod/db-0, which it declares",
    ],
    "cluster.rights": [
        *(f"shop:web may {verb} configmaps in shop, which no chart declares" for verb in ("get", "list", "watch")),
        "shop:web may do everything with everything in every group in kube-system, which no chart declares",
        "shop:web may create pods/exec in shop, which no chart declares",
        "shop:web may get /metrics in shop, which no chart declares",
    ],
    "cluster.secrets": [
        "shop/Pod/web-0/web env/DATABASE_URL holds the value of Secret shop/db:password",
        "shop/Pod/web-0/web args holds the value of Secret shop/api:token",
        "shop/ConfigMap/web settings.yaml holds the value of Secret shop/db:password",
        "shop/Pod/web-0/web log holds the value of Secret shop/db:password",
        "shop/Pod/web-0/web env/API_TOKEN takes its value from Secret shop/api:token: it is in the environment",
    ],
    "cluster.readiness": [
        "shop/Pod/web-0/web is not ready: GET /ready on http answers 503",
        (
            "shop/Pod/web-0/worker does not run: CrashLoopBackOff after 7 restarts; "
            "it ended with: FATAL: could not write a file: No space left on device"
        ),
        "shop/Pod/web-0/cache serves on 6379 and has no readiness probe: it is called ready unasked",
        "shop/Pod/web-0/proxy is said to be ready, but GET /ready on http answers 500",
    ],
    "cluster.rollout": [
        "shop/Pod/web-0 is of an older revision of StatefulSet/web",
        "shop/Pod/web-1: the rollout of StatefulSet/web is not complete",
        "shop/Pod/web-2 checksum/config: rendered bb, runs aa",
        "shop/Pod/web-3 shop/configHash: started with aa, its configuration is bb",
    ],
    "cluster.metrics": [
        "shop/Pod/web-0: its metrics are answered 404 with 0 metrics",
        "shop/Pod/web-0 does not export orders",
        "shop/Pod/web-0 does not export baskets",
    ],
    "cluster.volumes": [
        "shop/PersistentVolumeClaim/data-db-0 is full: 31457279 of 1048576000 bytes are free",
        "shop/PersistentVolumeClaim/data-db-1 is not bound: Pending",
    ],
    "cluster.certificates": [
        "shop/Secret/web-tls:tls.crt expired on 2025-12-31T00:00:00Z",
        "shop/Secret/web-tls:next.crt is not good before 2026-06-01T00:00:00Z",
        "shop/Secret/web-tls:other.crt: the private key beside it is another's",
        "shop/Secret/web-tls:soon.crt expires on 2026-01-03T00:00:00Z",
    ],
}


@pytest.mark.parametrize("id", KNOWN)
def test_every_fault_of_the_bad_specimen_is_named_with_its_object(id: str, tmp_path: Path):
    assert told(id, "bad", tmp_path) == BAD[id]


def test_every_unit_has_a_place_and_is_counted_by_a_part():
    counted = [unit for units, _, _ in cluster.PARTS for unit in units]
    assert sorted(counted) == sorted(unit.__name__ for unit in UNITS)
    assert all("where" in unit.__struct_fields__ for unit in UNITS)
    assert {kind.__name__ for kind in FACTS} >= set(cluster.UNITS)
