"""The chart of the memory service: its ConfigMap is a contract with the settings, and what would not run is refused."""

from __future__ import annotations

import asyncio
import itertools
import runpy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from charting import (
    CHARTS,
    OVERLAYS,
    Chart,
    containers,
    fault,
    merge,
    needs_helm,
    needs_kubeconform,
    pods,
    standalone_schemas,
)
from common.config.settings import SECRETS_DIR, SettingsError, SMFSettings, load
from sfm.server import policy

from strictreal.cache import Cache
from strictreal.session import Session

SFM = CHARTS / "sfm"
PLAIN = "ci/plain-secret-values.yaml"
FILES = ("", *OVERLAYS, PLAIN)
CONTRACT = runpy.run_path(str(CHARTS / "contract.py"))
PASSWORD = "correct-horse-battery"
WITH_SECRET = {
    "database": "postgresql",
    "secrets": {"source": "chart", "values": {"database_url": f"postgresql+asyncpg://sfm:{PASSWORD}@db/sfm"}},
}


@pytest.fixture(scope="module")
def session() -> Iterator[Session]:
    with Session(Cache(None), jobs=1) as session:
        yield session


@pytest.fixture(scope="module")
def schema_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return standalone_schemas(tmp_path_factory.mktemp("schemas"))


@pytest.fixture(scope="module")
def sfm(session: Session) -> Chart:
    return Chart(SFM, session)


def environment(objects: dict[str, Any]) -> dict[str, str]:
    found: dict[str, str] = objects["ConfigMap/sfm"]["data"]
    return found


def settings(objects: dict[str, Any], folder: Path, monkeypatch: pytest.MonkeyPatch) -> SMFSettings:
    """What the service makes of its ConfigMap and its Secret."""
    for name, value in environment(objects).items():
        monkeypatch.setenv(name, value)
    for name, value in objects.get("Secret/sfm", {}).get("stringData", {}).items():
        (folder / name).write_text(value)
    monkeypatch.setenv(SECRETS_DIR, str(folder))
    return load()


def config_hash(objects: dict[str, Any]) -> str:
    [pod] = pods(objects)
    found: str = pod["metadata"]["labels"]["soma.io/configHash"]
    return found


def test_the_chart_is_up_to_date_with_the_service() -> None:
    stale = [path for path, text in CONTRACT["wanted"]().items() if path.read_text() != text]
    assert not stale, "run: python charts/contract.py"


@pytest.mark.parametrize("overlay", FILES)
def test_every_key_of_the_configmap_is_a_setting_and_its_value_is_taken(
    sfm: Chart, overlay: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    objects = sfm.objects(overlay)
    names = {f"SOMA_{name.upper()}" for name in SMFSettings.model_fields}
    assert set(environment(objects)) <= names
    found = settings(objects, tmp_path, monkeypatch)
    values = merge(
        yaml.safe_load((SFM / "values.yaml").read_text()),
        yaml.safe_load((SFM / (overlay or "values.yaml")).read_text()),
    )
    for name, value in values["config"].items():
        assert getattr(found, name) == (tuple(value) if isinstance(value, list) else value), name
    assert found.missing_in_strict_mode() == [] or not found.strict_real


def test_every_setting_can_be_chosen_and_arrives_as_it_was(
    sfm: Chart, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = SMFSettings().model_dump(mode="json", exclude_none=True)
    chosen = {name: plain[name] for name in CONTRACT["settings_schema"]()["properties"] if name in plain}
    chosen |= {"max_message_bytes": 8_388_608, "gate_memory_bytes": 2**33, "log_epsilon": 1e-9, "tau_seconds": 86_400.5}
    chosen |= {"feature_names": ["trust", "surprise"], "strict_real": False, "retention_gammas": [0.4, 0.3, 0.2, 0.1]}
    found = settings(sfm.objects("", {"config": chosen}), tmp_path, monkeypatch)
    assert found.model_dump(mode="json", include=set(chosen)) == chosen


def test_a_secret_of_the_chart_reaches_the_settings(
    sfm: Chart, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert settings(sfm.objects("", WITH_SECRET), tmp_path, monkeypatch).database.endswith(f"{PASSWORD}@db/sfm")


def test_a_secret_stands_in_its_secret_and_nowhere_else(sfm: Chart) -> None:
    objects = sfm.objects("", WITH_SECRET)
    assert PASSWORD in yaml.safe_dump(objects.pop("Secret/sfm"))
    assert PASSWORD not in yaml.safe_dump(objects)


@pytest.mark.parametrize("overlay", FILES)
def test_no_secret_setting_is_in_the_environment_or_the_arguments(sfm: Chart, overlay: str) -> None:
    objects = sfm.objects(overlay)
    secret = {f"SOMA_{name.upper()}" for name in CONTRACT["SECRETS"]}
    assert not secret & set(environment(objects))
    for container in containers(objects):
        assert {entry["name"] for entry in container.get("env", ())} <= {SECRETS_DIR}
        assert not [word for word in (*container.get("command", ()), *container.get("args", ())) if "://" in word]


CHANGES: list[tuple[str, dict[str, Any], bool]] = [
    ("a setting", {"config": {"dimension": 128}}, True),
    ("a switch that makes a setting", {"opa": {"enabled": False}}, True),
    ("a secret of the chart", WITH_SECRET, True),
    ("the same setting", {"config": {"log_level": "INFO"}}, False),
    ("an image", {"image": {"tag": "0.2.0"}}, False),
    ("resources", {"resources": {"limits": {"memory": "3Gi"}}}, False),
    ("who may call", {"networkPolicy": {"clients": []}}, False),
]


@pytest.mark.parametrize(("values", "changes"), [case[1:] for case in CHANGES], ids=[case[0] for case in CHANGES])
def test_the_hash_changes_if_and_only_if_the_configuration_does(
    sfm: Chart, values: dict[str, Any], *, changes: bool
) -> None:
    assert (config_hash(sfm.objects("", values)) != config_hash(sfm.objects())) == changes


def test_the_hash_changes_with_the_policy(sfm: Chart, session: Session, tmp_path: Path) -> None:
    for path in SFM.rglob("*"):
        if path.is_file():
            copy = tmp_path / path.relative_to(SFM)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(path.read_bytes())
    rego = tmp_path / "files" / "memory.rego"
    rego.write_text(rego.read_text() + "\n# another\n")
    assert config_hash(Chart(tmp_path, session).objects()) != config_hash(sfm.objects())


def test_configurations_that_differ_have_hashes_that_differ(sfm: Chart) -> None:
    hashes = [config_hash(sfm.objects(overlay)) for overlay in FILES]
    assert all(one != other for one, other in itertools.combinations(hashes, 2))


def test_what_carries_the_hash_carries_one(sfm: Chart) -> None:
    objects = sfm.objects("", WITH_SECRET)
    hashed = ("ConfigMap/sfm", "ConfigMap/sfm-policy", "Secret/sfm", "StatefulSet/sfm")
    assert {objects[name]["metadata"]["labels"]["soma.io/configHash"] for name in hashed} == {config_hash(objects)}


def test_the_hash_is_no_part_of_a_selector(sfm: Chart) -> None:
    for name, each in sfm.objects("values-prod.yaml").items():
        spec = each.get("spec", {})
        assert "soma.io/configHash" not in yaml.safe_dump([spec.get("selector"), spec.get("podSelector")]), name
        assert "soma.io/configHash" not in yaml.safe_dump(spec.get("volumeClaimTemplates")), name


REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("an unknown value", {"replica": 1}, "replica"),
    ("an unknown setting", {"config": {"dimensoin": 3}}, "dimensoin"),
    ("an unknown value deep inside", {"opa": {"image": {"tga": "1"}}}, "tga"),
    ("a setting of another type", {"config": {"dimension": "many"}}, "dimension"),
    ("a secret among the settings", {"config": {"database_url": "x"}}, "database_url"),
    ("a setting that other values make", {"config": {"opa_url": "x"}}, "opa_url"),
    ("two replicas on SQLite", {"replicas": 2}, "replicas"),
    ("two replicas on PostgreSQL", merge(WITH_SECRET, {"replicas": 2}), "replicas"),
    ("an autoscaler", {"autoscaling": {"enabled": True}}, "autoscaling"),
    ("SQLite without a volume", {"persistence": {"enabled": False}}, "persistence"),
    ("SQLite with an address of PostgreSQL", merge(WITH_SECRET, {"database": "sqlite"}), "secrets"),
    ("PostgreSQL without its address", {"database": "postgresql"}, "secrets"),
    ("Redis without its address", merge(WITH_SECRET, {"cache": "redis"}), "redis_url"),
    ("a secret that is no setting", {"secrets": {"source": "chart", "values": {"password": "x"}}}, "password"),
    ("strict mode without TLS", {"config": {"strict_real": True}}, "tls/enabled"),
    ("keys without an issuer", {"config": {"auth_jwks_url": "http://auth/certs"}}, "auth_issuer"),
    ("a container without limits", {"resources": {"limits": {"memory": None}}}, "memory"),
    ("a moving image by digest's half", {"image": {"digest": "sha256:12"}}, "digest"),
]


@pytest.mark.parametrize(("values", "named"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED])
def test_what_would_not_run_is_refused_by_name(sfm: Chart, values: dict[str, Any], named: str) -> None:
    assert named in sfm.refusal("", values)


@pytest.mark.parametrize("overlay", FILES)
def test_every_container_reads_the_policy_that_the_service_ships(sfm: Chart, overlay: str) -> None:
    objects = sfm.objects(overlay)
    shipped = (policy.SHIPPED / "memory.rego").read_text()
    assert objects["ConfigMap/sfm-policy"]["data"] == {"memory.rego": shipped}
    for container in containers(objects):
        assert "policy" in {mount["name"] for mount in container["volumeMounts"]}, container["name"]


@pytest.mark.parametrize("overlay", FILES)
def test_the_pod_is_migrated_before_it_serves_by_the_same_image(sfm: Chart, overlay: str) -> None:
    [pod] = pods(sfm.objects(overlay))
    [migrate] = pod["spec"]["initContainers"]
    serve = pod["spec"]["containers"][0]
    assert (migrate["command"], serve["command"]) == (["sfm", "migrate"], ["sfm", "serve"])
    for same in ("image", "envFrom", "env", "volumeMounts", "securityContext"):
        assert migrate.get(same) == serve.get(same), same


@pytest.mark.parametrize("overlay", FILES)
def test_traffic_is_denied_but_for_named_flows(sfm: Chart, overlay: str) -> None:
    objects = sfm.objects(overlay)
    policies = {name: each["spec"] for name, each in objects.items() if each["kind"] == "NetworkPolicy"}
    [pod] = pods(objects)
    for name, spec in policies.items():
        assert spec["podSelector"]["matchLabels"].items() <= pod["metadata"]["labels"].items(), name
        for rule in (*spec.get("ingress", ()), *spec.get("egress", ())):
            assert rule.get("ports"), name
            assert rule.get("from") or rule.get("to"), name
    deny = policies["NetworkPolicy/sfm-deny"]
    assert deny["policyTypes"] == ["Ingress", "Egress"]
    assert not {"ingress", "egress"} & set(deny)
    used = environment(objects)
    text = (SFM / (overlay or "values.yaml")).read_text()
    flows = {"dns"}
    flows |= {"auth"} if "SOMA_AUTH_JWKS_URL" in used else set()
    flows |= {"otlp"} if "SOMA_OTLP_ENDPOINT" in used else set()
    flows |= {"postgres"} if "database: postgresql" in text else set()
    flows |= {"redis"} if "cache: redis" in text else set()
    flows |= {"vault"} if "source: vault" in text else set()
    assert {name for name in policies if "-to-" in name} == {f"NetworkPolicy/sfm-to-{flow}" for flow in flows}


def test_a_flow_of_the_users_own_is_allowed(sfm: Chart) -> None:
    embedder = {"to": {"cidr": "192.0.2.7/32"}, "ports": [8443]}
    objects = sfm.objects("", {"networkPolicy": {"egress": {"embedder": embedder}}})
    [rule] = objects["NetworkPolicy/sfm-to-embedder"]["spec"]["egress"]
    assert rule == {"to": [{"ipBlock": {"cidr": "192.0.2.7/32"}}], "ports": [{"port": 8443, "protocol": "TCP"}]}


@pytest.mark.parametrize("overlay", FILES)
def test_nothing_of_the_cluster_becomes_a_setting_and_no_token_is_mounted(sfm: Chart, overlay: str) -> None:
    objects = sfm.objects(overlay)
    [pod] = pods(objects)
    assert pod["spec"]["enableServiceLinks"] is False
    assert pod["spec"]["automountServiceAccountToken"] is False
    assert objects["ServiceAccount/sfm"]["automountServiceAccountToken"] is False


@pytest.mark.parametrize("overlay", FILES)
def test_every_volume_is_mounted_and_every_mount_has_a_volume(sfm: Chart, overlay: str) -> None:
    objects = sfm.objects(overlay)
    [pod] = pods(objects)
    claims = objects["StatefulSet/sfm"]["spec"].get("volumeClaimTemplates", ())
    volumes = {volume["name"] for volume in pod["spec"]["volumes"]} | {claim["metadata"]["name"] for claim in claims}
    mounted = {mount["name"] for container in containers(objects) for mount in container["volumeMounts"]}
    assert volumes - {"vault-token"} == mounted


def test_images_come_from_one_registry_and_none_is_pulled_when_that_is_said(sfm: Chart) -> None:
    objects = sfm.objects("", {"global": {"imageRegistry": "mirror.example:5000"}, "pullPolicy": "Never"})
    for container in containers(objects):
        assert container["image"].startswith("mirror.example:5000/soma/")
        assert container["imagePullPolicy"] == "Never"


def test_a_mounted_policy_is_the_judge_of_the_process(sfm: Chart, tmp_path: Path) -> None:
    (tmp_path / "memory.rego").write_text(sfm.objects(PLAIN)["ConfigMap/sfm-policy"]["data"]["memory.rego"])
    judge = policy.RegoJudge(tmp_path)
    nobody = {"subject": "nobody", "tenants": [], "roles": []}
    question = {"method": "/sfm.memory.v1.MemoryService/Store", "tenant": "acme", "principal": nobody, "bytes": 1}
    assert asyncio.run(judge.allows(question)) is False
    assert (
        asyncio.run(judge.allows(question | {"principal": nobody | {"tenants": ["acme"], "roles": ["writer"]}})) is True
    )


def test_strict_mode_of_an_overlay_would_refuse_without_its_parts(
    sfm: Chart, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    strict = environment(sfm.objects("values-prod.yaml"))
    for name, value in strict.items():
        if "TLS" not in name:
            monkeypatch.setenv(name, value)
    assert [lack.split(":")[0] for lack in load().missing_in_strict_mode()] == ["tls_cert and tls_key"]
    monkeypatch.setenv("SOMA_DIMENSION", "0")
    with pytest.raises(SettingsError, match="dimension"):
        load()


@needs_helm
@needs_kubeconform
@pytest.mark.parametrize("overlay", FILES)
def test_helm_and_kubeconform_find_no_fault(overlay: str, schema_folder: Path) -> None:
    assert fault(SFM, overlay, schema_folder) == ""


def test_the_readme_names_every_value() -> None:
    table = (SFM / "README.md").read_text()
    values = yaml.safe_load((SFM / "values.yaml").read_text())
    named = {name for name in values if f"{name}" not in table}
    inner = {
        f"{name}.{part}"
        for name in values
        if isinstance(values[name], dict)
        for part in values[name]
        if part not in table
    }
    assert (named, inner) == (set(), set())
