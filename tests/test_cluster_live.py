"""The collector on the cluster that kind/ makes: the checks hold there, the bundle is judged again without it, nothing stays."""

from __future__ import annotations

import json
import os
import shutil
import time
from pathlib import Path

import msgspec

from kind import settings, stack
from strictreal.collect.kube.access import ClusterError, connect
from strictreal.collect.kube.probes import RUN, Caller, calling, read
from strictreal.collect.kube.releases import newest
from strictreal.config import settings as read_settings
from strictreal.evidence.recheck import recheck
from strictreal.model import Outcome
from strictreal.plugin import results_of
from tests.clusters import MARKS, ROOT, _the_users_own_cluster, audited, charts, environment, got, kubectl, outcomes

__all__ = ["_the_users_own_cluster", "charts"]
pytestmark = MARKS
CHECKS = (
    *("cluster.admission", "cluster.certificates", "cluster.drift", "cluster.images", "cluster.metrics"),
    *("cluster.network", "cluster.readiness", "cluster.rights", "cluster.rollout", "cluster.secrets"),
)


def test_the_stack_is_what_was_rendered_and_its_bundle_says_so_without_a_cluster(charts: Path):
    record = audited(charts, *CHECKS)
    assert outcomes(record) == dict.fromkeys(CHECKS, "proven")
    bundle = Path(record.bundle).resolve()
    again = recheck(bundle, results_of)
    assert again.problems == ()
    assert again.identical


def test_no_secret_of_the_cluster_is_in_the_bundle(charts: Path):
    record = audited(charts, *CHECKS)
    written = b"".join(path.read_bytes() for path in Path(record.bundle).resolve().rglob("*") if path.is_file())
    for namespace in (settings.INFRA, settings.SERVICE):
        for secret in json.loads(kubectl("-n", namespace, "get", "secrets", "-o", "json"))["items"]:
            for key, value in secret["data"].items():
                if key not in ("tls.crt", "ca.crt"):
                    assert value[:64].encode() not in written, f"{namespace}/{secret['metadata']['name']}:{key}"


def test_what_was_asked_is_in_the_bundle_and_nothing_was_written_that_lasts(charts: Path):
    record = audited(charts, "cluster.drift", parts=("objects",))
    lines = (Path(record.bundle).resolve() / "facts.jsonl").read_bytes().splitlines()
    seen = [fact for line in lines for fact in msgspec.json.decode(line)["facts"]]
    asked = [fact for fact in seen if fact["type"] == "KubeRequest"]
    assert {fact["verb"] for fact in asked} == {"GET", "POST"}
    assert all("dryRun=All" in fact["path"] for fact in asked if fact["verb"] == "POST")
    assert {fact["type"] for fact in seen} >= {"ClusterRelease", "ClusterVersion"}


def test_an_object_of_any_kind_has_not_drifted_when_it_was_just_installed(tmp_path: Path):
    namespace, subject = "strictreal-kinds", tmp_path / "subject"
    chart = shutil.copytree(ROOT / "tests/charts/kinds", subject / "kinds")
    stack.helm("install", "kinds", str(chart), "--namespace", namespace, "--create-namespace")
    try:
        wanted = audited(subject, "cluster.drift", parts=("objects",))
        kubectl("-n", namespace, "patch", "job", "kinds", "--type=merge", '--patch={"spec":{"parallelism":2}}')
        changed = audited(subject, "cluster.drift", parts=("objects",))
    finally:
        stack.helm("uninstall", "kinds", "--namespace", namespace)
        kubectl("delete", "namespace", namespace, "--wait=false")
    assert outcomes(wanted) == {"cluster.drift": "proven"}
    assert wanted.results[0].examined == 28
    told = "failed: strictreal-kinds/Job/kinds /spec/parallelism: rendered 1, runs 2"
    assert outcomes(changed) == {"cluster.drift": told}


def test_probes_are_gone_after_a_failure(tmp_path: Path):
    cluster = connect(read_settings(environment(tmp_path)).cluster, tmp_path)
    image = next(iter(got(settings.SERVICE, "pod", "sfm-0")["spec"]["initContainers"]))["image"]
    try:
        with calling(cluster, "0a0b0c0d", image, [Caller((), ())], ["127.0.0.1:1"]) as made:
            assert read(cluster, made[0], 1)[1] == ["refused"]
            read(cluster, made[0], 2)
    except ClusterError:
        until = time.monotonic() + 60
        while (
            left := cluster.listed("/api/v1/namespaces", labelSelector=f"{RUN}=0a0b0c0d")
        ) and time.monotonic() < until:
            assert all(namespace["metadata"].get("deletionTimestamp") for namespace in left)
            time.sleep(1)
        assert not left
    finally:
        cluster.close()


def test_a_release_is_read_as_helm_tells_it(tmp_path: Path):
    cluster = connect(read_settings(environment(tmp_path)).cluster, tmp_path)
    try:
        found = {(each.namespace, each.name): each for each in newest(cluster, ())}
        told = {(*key, each.chart, each.status) for key, each in found.items()}
        stack = {(settings.INFRA, "sharedinfra", "soma-infra"), (settings.SERVICE, "sfm", "sfm")}
        assert told >= {(*each, "deployed") for each in stack}
        assert [each.name for each in newest(cluster, (settings.SERVICE,))] == ["sfm"]
    finally:
        cluster.close()


def test_a_user_without_rights_proves_nothing(charts: Path, tmp_path: Path):
    config = json.loads(kubectl("config", "view", "--raw", "-o", "json"))
    config["users"] = [{"name": user["name"], "user": {}} for user in config["users"]]
    (tmp_path / "config").write_text(json.dumps(config))
    record = audited(charts, "cluster.drift", parts=("objects",), STRICTREAL_KUBECONFIG=str(tmp_path / "config"))
    [result] = record.results
    assert result.outcome is Outcome.NOT_PROVEN
    assert "is answered 403" in result.reason or "is answered 401" in result.reason


def test_releases_in_other_namespaces_than_the_configured_are_not_looked_at(charts: Path):
    (charts / "strictreal.toml").write_text('[cluster]\nnamespaces = ["default"]\n')
    try:
        [result] = audited(charts, "cluster.drift", parts=("objects",)).results
    finally:
        os.unlink(charts / "strictreal.toml")
    assert result.outcome is Outcome.NOT_PROVEN
    assert result.reason == "no release of sfm, soma-infra is in the cluster"
