"""kind/: what its gates decide on what the tools really print, its versions, and what it would build from."""

from __future__ import annotations

import json
import re
import subprocess
import tarfile
import tomllib
from pathlib import Path

import pytest
import yaml
from cryptography import x509
from cryptography.x509.verification import PolicyBuilder, Store

from kind import archive, bill, cluster, components, debian, engine, gates, golang, settings, stack, state
from kind.programs import Failure, digest, find, run

ROOT = Path(__file__).resolve().parent.parent

KUBECTL = json.dumps(
    {
        "clientVersion": {"major": "1", "minor": "34", "gitVersion": "v1.34.4", "platform": "linux/amd64"},
        "kustomizeVersion": "v5.7.1",
    }
)
KUBECTL_OF_A_CLOUD = json.dumps({"clientVersion": {"gitVersion": "v1.32.4-dispatcher"}, "kustomizeVersion": "v5.5.0"})
DPKG = """\
Package: redis
Status: install ok installed
Architecture: amd64
Version: 5:7.0.15-1

Package: gone
Status: deinstall ok config-files
Architecture: amd64
Version: 1
"""
DOCKER = '{"Client":{"Version":"28.2.2","ApiVersion":"1.41"},"Server":{"Version":"20.10.24+dfsg1","ApiVersion":"1.41"}}'
DOCKER_NEW = '{"Client":{"Version":"20.10.24"},"Server":{"Version":"28.2.2"}}'
DOCKER_AWAY = '{"Client":{"Version":"28.2.2","ApiVersion":"1.50"},"Server":null}'


@pytest.mark.parametrize(
    ("tool", "printed", "oldest", "found", "passes"),
    [
        ("kubectl", KUBECTL, "1.28", "1.34.4", True),
        ("kubectl", KUBECTL_OF_A_CLOUD, "1.28", "1.32.4-dispatcher", True),
        ("kubectl", KUBECTL.replace("1.34.4", "1.27.16"), "1.28", "1.27.16", False),
        ("kubectl", KUBECTL.replace("1.34.4", "1.9.0"), "1.28", "1.9.0", False),
        ("kubectl", "error: unknown flag: --output", "1.28", "", False),
        ("helm", "v3.22.0+gabcdef0\n", "3.13", "3.22.0+gabcdef0", True),
        ("helm", "v3.9.4+gdbc6d8e", "3.13", "3.9.4+gdbc6d8e", False),
        ("helm", "v3.13.0-rc.1", "3.13", "3.13.0-rc.1", True),
        ("helm", "", "3.13", "", False),
        ("kind", "kind v0.30.0 go1.26.8 linux/amd64\n", "0.22", "0.30.0", True),
        ("kind", "kind v0.9.0 go1.15.2 linux/amd64", "0.22", "0.9.0", False),
        ("kind", "kind: command not found", "0.22", "", False),
        ("docker", DOCKER_NEW, "24", "28.2.2", True),
        ("docker", DOCKER, "24", "20.10.24+dfsg1", False),
        ("docker", DOCKER_AWAY, "24", "", False),
        ("docker", "[]", "24", "", False),
    ],
)
def test_a_gate_judges_what_a_tool_printed(tool: str, printed: str, oldest: str, found: str, passes: bool) -> None:
    decision = gates.decide(tool, oldest, printed)
    assert (decision.found, decision.passes) == (found, passes)
    assert (decision.remedy in str(decision)) is not passes
    assert passes or oldest in str(decision)


def test_an_older_engine_passes_only_by_its_own_version_and_says_why() -> None:
    accepted = gates.decide("docker", "24", DOCKER, {"20.10.24": "tried"})
    assert accepted.passes
    assert str(accepted) == "docker 20.10.24+dfsg1, older than 24: tried"
    assert not gates.decide("docker", "24", DOCKER, {"20.10.23": "tried"}).passes
    assert not gates.decide("docker", "24", DOCKER_AWAY, {"": "tried", "0.0.0": "tried"}).passes


def test_every_gate_has_a_question_an_oldest_version_and_a_remedy() -> None:
    assert set(gates.ASK) == set(gates.READ) == set(gates.REMEDY) == set(settings.versions()["oldest"])


def test_every_version_is_whole() -> None:
    for table in ("cluster", "tools", "images"):
        for name, version in settings.versions()[table].items():
            assert re.fullmatch(r"\d+\.\d+(\.\d+)?", version), f"{table}.{name}"
    for module in golang.modules().values():
        assert re.fullmatch(r"v\d+\.\d+\.\d+", module.version), module.name
    assert golang.modules().keys() >= {
        "kubernetes",
        "etcd",
        "coredns",
        "local-path-provisioner",
        "cilium",
        "kind",
        "helm",
        "opa",
    }
    assert settings.versions()["published"].keys() == settings.versions()["images"].keys() - {"memory"} | {
        "memory-base"
    }


def test_the_charts_name_the_images_that_are_built() -> None:
    named = set()
    for file in (ROOT / "charts").rglob("values.yaml"):
        for image in images_of(yaml.safe_load(file.read_text("utf-8"))):
            tag = image["tag"] or yaml.safe_load(file.with_name("Chart.yaml").read_text("utf-8"))["appVersion"]
            named.add(f"{image['repository']}:{tag}")
    assert named == {components.reference(name) for name in settings.versions()["images"]}


def images_of(value: object) -> list[dict[str, str]]:
    if not isinstance(value, dict):
        return []
    here = [value] if {"repository", "tag"} <= value.keys() else []
    return here + [image for inner in value.values() for image in images_of(inner)]


def test_no_file_of_kind_names_a_registry() -> None:
    for file in (p for p in (ROOT / "kind").rglob("*") if p.is_file() and "__pycache__" not in p.parts):
        text = file.read_text("utf-8")
        assert not re.search(r"https?://(?!\S*(\{INFRA\}|\{LOOPBACK\}|127\.0\.0\.1))|\bregistry\.\w", text), file
        for host in re.findall(r"[\"'=\s]([\w.-]+)/[\w./-]+:v?\d", text):
            assert "." not in host, f"{file}: {host}"
    for name, image in settings.versions()["published"].items():
        assert "." not in image.partition(":")[0], name


def test_the_memory_image_is_built_from_every_source_and_from_nothing_else(tmp_path: Path) -> None:
    services = ROOT / "services"
    components.stage(services, tmp_path)
    staged = {str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*") if p.is_file()}
    for file in (
        "memory/Dockerfile",
        "memory/sfm/cli.py",
        "memory/proto/sfm/memory/v1/memory.proto",
        "common/common/config/settings.py",
    ):
        assert file in staged
    tracked = set(
        run("git", "-C", ROOT, "ls-files", "--cached", "--others", "--exclude-standard", "services").splitlines()
    )
    assert {f"services/{file}" for file in staged} <= tracked


def test_a_digest_follows_content_and_place_but_not_time(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a/file").write_text("one")
    before = digest(tmp_path / "a", "x")
    (tmp_path / "a/file").touch()
    assert digest(tmp_path / "a", "x") == before
    (tmp_path / "a/file").write_text("two")
    changed = digest(tmp_path / "a", "x")
    (tmp_path / "a/file").rename(tmp_path / "a/other")
    assert len({before, changed, digest(tmp_path / "a", "x")}) == 3


def test_an_image_is_the_same_whenever_it_is_packed(tmp_path: Path) -> None:
    made = []
    for name in ("first", "second"):
        root, out = tmp_path / name / "root", tmp_path / name / "out"
        out.mkdir(parents=True)
        (root / "bin").mkdir(parents=True)
        for program in ("b", "a") if name == "first" else ("a", "b"):
            (root / "bin" / program).write_text(program)
        image = archive.Image(name="x", reference="soma/x:1", fill=print, inputs=(), entrypoint=("/bin/a",))
        archive.pack(root, out / "image.tar", image)
        made.append((out / "image.tar").read_bytes())
    assert made[0] == made[1]
    with tarfile.open(tmp_path / "first/out/image.tar") as tar:
        manifest = json.load(tar.extractfile("manifest.json"))  # type: ignore[arg-type]
        assert manifest[0]["RepoTags"] == ["soma/x:1"]
        assert manifest[0]["Config"].removesuffix(".json") == (
            tmp_path / "first/out/id"
        ).read_text().strip().removeprefix("sha256:")


def test_an_image_that_could_not_be_made_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    def fill(root: Path) -> None:
        (root / "file").write_text("half")
        raise Failure("the disk is full")

    image = archive.Image(name="x", reference="soma/x:1", fill=fill, inputs=())
    with pytest.raises(Failure, match="disk"):
        archive.make(image)
    assert not list((tmp_path / "strictreal-kind/images").iterdir())


def test_what_a_killed_command_left_half_made_is_swept_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    for name in ("images/.redis-abc/root/etc", "go/.etcd-abc", "images/redis-0123456789abcdef"):
        (tmp_path / "strictreal-kind" / name).mkdir(parents=True)
    archive.sweep()
    left = {str(path.relative_to(tmp_path / "strictreal-kind")) for path in tmp_path.glob("*/*/*")}
    assert left == {"images/redis-0123456789abcdef"}


def test_a_bill_lists_debian_python_and_java(tmp_path: Path) -> None:
    for path, text in (
        ("var/lib/dpkg/status", DPKG),
        ("opt/sfm/lib/python3.11/site-packages/numpy-2.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: NumPy\nVersion: 2.0\n"),
        ("opt/keycloak/lib/lib/main/org.keycloak.keycloak-core-26.5.6.jar", ""),
    ):  # fmt: skip
        (tmp_path / path).parent.mkdir(parents=True)
        (tmp_path / path).write_text(text)
    assert bill.of(tmp_path) == [
        "pkg:deb/debian/redis@5%3A7.0.15-1?arch=amd64",
        "pkg:maven/org.keycloak/keycloak-core@26.5.6",
        "pkg:pypi/numpy@2.0",
    ]
    written = json.loads(bill.write("soma/x:1", bill.of(tmp_path)))
    assert [c["name"] for c in written["components"]] == ["debian/redis", "org.keycloak/keycloak-core", "numpy"]


@pytest.mark.skipif(not find("go"), reason="no go, whose own programs are looked at")
def test_a_bill_lists_the_modules_of_a_program_of_go(tmp_path: Path) -> None:
    (tmp_path / "usr/bin").mkdir(parents=True)
    own = Path(run("go", "env", "GOROOT").strip(), "bin/gofmt")
    (tmp_path / "usr/bin/gofmt").write_bytes(own.read_bytes())
    (tmp_path / "usr/bin/script").write_text("#!/bin/sh\n")
    version = run("go", "env", "GOVERSION").strip().removeprefix("go")
    assert f"pkg:generic/go@{version}" in bill.of(tmp_path)


def test_a_user_of_an_image_has_the_number_that_charts_name(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/passwd").write_text("root:x:0:0::/:/bin/sh\npostgres:x:101:103::/:/bin/sh\n")
    debian.user(tmp_path, "postgres", 999)
    assert (tmp_path / "etc/passwd").read_text().splitlines() == [
        "root:x:0:0::/:/bin/sh",
        "postgres:x:999:999::/nonexistent:/usr/sbin/nologin",
    ]
    assert (tmp_path / "etc/group").read_text() == "postgres:x:999:\n"


def test_the_certificate_is_good_for_the_services_names_and_no_others() -> None:
    made = stack.certificate(["sfm.soma.svc", "localhost"])
    leaf, root = (x509.load_pem_x509_certificate(made[name].encode()) for name in ("tls.crt", "ca.crt"))
    for name, good in (("sfm.soma.svc", True), ("localhost", True), ("sfm.other.svc", False)):
        verifier = PolicyBuilder().store(Store([root])).build_server_verifier(x509.DNSName(name))
        if good:
            assert verifier.verify(leaf, [])
        else:
            with pytest.raises(x509.verification.VerificationError):
                verifier.verify(leaf, [])
    assert not stack.old(made["tls.crt"])


def test_every_namespace_is_under_the_restricted_standard() -> None:
    for name, labels in stack.NAMESPACES.items():
        assert stack.namespace(name, labels)["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"  # type: ignore[index]


@pytest.mark.parametrize(
    ("phase", "ready", "started", "serves"),
    [
        ("Running", True, "2026-11-21T17:00:00Z", True),
        ("Running", True, "2026-11-21T16:59:59Z", False),  # what the API remembers of before the node's start
        ("Running", False, "2026-11-21T17:00:09Z", False),
        ("Pending", False, "", False),
        ("Succeeded", False, "", True),
    ],
)
def test_a_pod_serves_when_its_containers_are_ready_and_no_older_than_the_node(
    phase: str, ready: bool, started: str, serves: bool
) -> None:
    state = {"running": {"startedAt": started}} if started else {"waiting": {}}
    pod = {
        "spec": {"containers": [{}]},
        "status": {"phase": phase, "containerStatuses": [{"ready": ready, "state": state}]},
    }
    assert cluster.serves(pod, "2026-11-21T17:00:00") is serves


def test_a_state_that_was_cut_short_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    state.record(node="sha256:1")
    state.record(way="offline")
    assert state.read() == {"node": "sha256:1", "way": "offline"}
    state.file().write_text('{"node": "sha')
    assert state.read() == {}


def test_two_commands_do_not_work_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with state.alone(), pytest.raises(Failure, match="another command"), state.alone():
        pytest.fail("both hold the lock")


def test_a_process_that_has_the_dead_engines_number_is_not_taken_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    engine.pid_file().parent.mkdir(parents=True)
    with subprocess.Popen(("sleep", "60")) as other:
        engine.pid_file().write_text(str(other.pid))
        assert engine.running() is None
        engine.stop()
        assert other.poll() is None
        other.kill()
    assert not engine.pid_file().exists()


def test_the_clusters_api_listens_on_the_loopback() -> None:
    assert yaml.safe_load((ROOT / "kind/cluster.yaml").read_text())["networking"]["apiServerAddress"] == "127.0.0.1"


def test_makes_targets_call_it() -> None:
    makefile = (ROOT / "Makefile").read_text()
    assert [command for command in ("up", "down", "status") if f"-m kind {command}" not in makefile] == []
    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["mypy"]["packages"].count("kind") == 1


@pytest.mark.parametrize(
    ("running", "old"),
    [
        ("registry.example/library/import@sha256:new", False),
        ("sha256:config", False),
        ("registry.example/library/import@sha256:old", True),
        ("", False),
    ],
)
def test_a_pod_is_outdated_when_it_runs_what_its_images_name_was_before(running: str, old: bool):
    container = {"name": "sfm", "image": "soma/memory:0.1.0"}
    pod = {"spec": {"containers": [container]}, "status": {"containerStatuses": [{"name": "sfm", "imageID": running}]}}
    assert stack.outdated(pod, {"soma/memory:0.1.0": ["sha256:config", "sha256:new"]}) is old
    assert not stack.outdated(pod, {})
