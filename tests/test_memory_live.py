"""The scenario on the cluster that kind/ makes: the checks hold, the bundle is judged again without it, nothing stays."""

from __future__ import annotations

import json
import re
from pathlib import Path

import msgspec
import pytest

from kind import settings, stack
from strictreal import config, suite
from strictreal.check import load
from strictreal.collect import memory
from strictreal.collect import subject as subject_collector
from strictreal.collect.kube.access import connect
from strictreal.collect.kube.probes import RUN
from strictreal.collect.service import scenario
from strictreal.evidence.recheck import recheck
from strictreal.gather import Request
from strictreal.model import Record
from strictreal.plugin import results_of
from strictreal.run import audit
from tests.clusters import MARKS, ROOT, _the_users_own_cluster, environment, got, kubectl, outcomes, served

__all__ = ["_the_users_own_cluster"]
pytestmark = MARKS
CHECKS = tuple(id for id in load(suite.root() / "checks") if id.startswith("memory."))


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> Record:
    home = tmp_path_factory.mktemp("home")
    told = config.settings(environment(home, STRICTREAL_CLUSTER_FAULTS="1"))
    request = Request(path=ROOT, lane="kind", strict=True, only=CHECKS, output=home / "evidence", jobs=1)
    return audit(request, settings=told, registry=(subject_collector, memory))


def facts(record: Record) -> list[dict[str, object]]:
    lines = (Path(record.bundle).resolve() / "facts.jsonl").read_bytes().splitlines()
    return [fact for line in lines for fact in msgspec.json.decode(line)["facts"]]


def test_the_release_keeps_what_the_checks_ask_and_its_bundle_says_so_without_a_cluster(record: Record):
    assert outcomes(record) == dict.fromkeys(CHECKS, "proven")
    again = recheck(Path(record.bundle).resolve(), results_of)
    assert again.problems == ()
    assert again.identical


def test_it_was_the_release_that_was_asked_and_its_pod_that_was_deleted_in_the_middle(record: Record):
    seen = facts(record)
    [service] = [fact for fact in seen if fact["type"] == "MemoryService"]
    assert str(service["program"]).startswith(f"release {settings.SERVICE}/sfm: soma/memory:")
    calls = [fact for fact in seen if fact["type"] == "DurabilityCall"]
    stores = [fact for fact in calls if fact["method"] == "Store"]
    assert len(stores) > 1
    assert {fact["incarnation"] for fact in calls if fact["method"] != "Store"} == {1}
    asked = [fact for fact in seen if fact["type"] == "KubeRequest"]
    pod = f"/api/v1/namespaces/{settings.SERVICE}/pods/sfm-0?gracePeriodSeconds=0"
    assert [fact["path"] for fact in asked if fact["verb"] == "DELETE" and "strictreal-" not in str(fact["path"])] == [
        pod
    ]


def test_nothing_of_the_run_stays(record: Record, tmp_path: Path):
    run = next(str(fact["run"]) for fact in facts(record) if fact["type"] == "MemoryService")
    cluster = connect(config.settings(environment(tmp_path)).cluster, tmp_path)
    left = cluster.listed("/api/v1/namespaces", labelSelector=f"{RUN}={run.removeprefix('-')}")
    cluster.close()
    assert all(namespace["metadata"].get("deletionTimestamp") for namespace in left)
    assert "strictreal" not in json.dumps(got(settings.SERVICE, "configmap", "sfm"))
    for tenant in ("durability", "score", "latency-0", "rate"):
        with served(f"{tenant}{run}") as client:
            assert client.stats(f"{tenant}{run}").total_vectors == 0


def test_no_secret_of_the_cluster_and_no_token_is_in_the_bundle(record: Record):
    written = b"".join(path.read_bytes() for path in Path(record.bundle).resolve().rglob("*") if path.is_file())
    assert re.search(rb"eyJ[\w-]{20,}\.eyJ", written) is None
    for namespace in (settings.INFRA, settings.SERVICE):
        for secret in json.loads(kubectl("-n", namespace, "get", "secrets", "-o", "json"))["items"]:
            for key in secret["data"]:
                if key not in ("tls.crt", "ca.crt"):
                    assert stack.held(namespace, secret["metadata"]["name"], key)[:64].encode() not in written


def test_a_pod_is_not_deleted_where_the_user_does_not_say_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(scenario, "ACTS", (scenario.play_norm,))
    before = got(settings.SERVICE, "pod", "sfm-0")["metadata"]["uid"]
    request = Request(path=ROOT, lane="kind", only=("memory.durability",), output=tmp_path / "evidence", jobs=1)
    found = audit(request, settings=config.settings(environment(tmp_path)), registry=(subject_collector, memory))
    [result] = found.results
    assert "STRICTREAL_CLUSTER_FAULTS" in result.reason
    assert got(settings.SERVICE, "pod", "sfm-0")["metadata"]["uid"] == before
