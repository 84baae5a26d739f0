"""What the services share on a cluster: parts that can be switched off, as strict as the service, and that really start."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from charting import CHARTS, OVERLAYS, Chart, containers, fault, needs_helm, needs_kubeconform, pods, standalone_schemas
from common.config.settings import SMFSettings

from strictreal.cache import Cache
from strictreal.session import Session

INFRA = CHARTS / "soma-infra"
PLAIN = "ci/plain-secrets-values.yaml"
FILES = ("", *OVERLAYS, PLAIN)
PARTS = ("auth", "opa", "postgres", "redis")
INITDB = next(iter(sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))), None)
REDIS = shutil.which("redis-server")
NOBODY = 65534
PASSWORD = "s3'cr\"et$x `id`"


@pytest.fixture(scope="module")
def session() -> Iterator[Session]:
    with Session(Cache(None), jobs=1) as session:
        yield session


@pytest.fixture(scope="module")
def infra(session: Session) -> Chart:
    return Chart(INFRA, session)


@pytest.fixture(scope="module")
def schema_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return standalone_schemas(tmp_path_factory.mktemp("schemas"))


@pytest.mark.parametrize("part", PARTS)
def test_a_part_that_is_switched_off_leaves_nothing(infra: Chart, part: str) -> None:
    with_it, without = infra.objects(), infra.objects("", {part: {"enabled": False}})
    assert {name for name in with_it if name.endswith(f"/{part}")} == set(with_it) - set(without)


@pytest.mark.parametrize("part", PARTS)
def test_an_unknown_value_of_a_part_is_refused_by_name(infra: Chart, part: str) -> None:
    assert "imagge" in infra.refusal("", {part: {"imagge": {}}})
    assert "parts" in infra.refusal("", {"parts": {}})


@pytest.mark.parametrize("overlay", FILES)
def test_every_pod_has_a_fence_an_account_without_token_and_no_links(infra: Chart, overlay: str) -> None:
    objects = infra.objects(overlay)
    fences = [each["spec"] for each in objects.values() if each["kind"] == "NetworkPolicy"]
    for pod in pods(objects):
        labels = pod["metadata"]["labels"]
        [fence] = [f for f in fences if f["podSelector"]["matchLabels"].items() <= labels.items()]
        assert fence["policyTypes"] == ["Ingress", "Egress"]
        assert pod["spec"]["enableServiceLinks"] is False
        account = objects[f"ServiceAccount/{pod['spec']['serviceAccountName']}"]
        assert (account["automountServiceAccountToken"], pod["spec"]["automountServiceAccountToken"]) == (False, False)


def test_a_port_that_a_service_offers_is_one_that_its_pod_has(infra: Chart) -> None:
    objects = infra.objects("values-prod.yaml")
    for part in PARTS:
        [pod] = [p for p in pods(objects) if p["metadata"]["labels"]["app.kubernetes.io/name"] == part]
        numbers = {port["name"]: port["containerPort"] for port in pod["spec"]["containers"][0]["ports"]}
        for port in objects[f"Service/{part}"]["spec"]["ports"]:
            assert numbers[port["targetPort"]] == port["port"], part


def test_secrets_stand_in_secrets_alone(infra: Chart) -> None:
    objects = infra.objects(PLAIN)
    kept = {name: objects.pop(name) for name in list(objects) if name.startswith("Secret/")}
    assert set(kept) == {"Secret/auth", "Secret/postgres", "Secret/redis"}
    assert "change-me" in yaml.safe_dump(kept)
    assert "change-me" not in yaml.safe_dump(objects)
    for container in containers(objects):
        assert not [entry for entry in container.get("env", ()) if "valueFrom" in entry], container["name"]


@pytest.mark.parametrize(
    ("values", "part"),
    [
        ({"postgres": {"databases": ["sfm"]}}, "postgres"),
        ({"redis": {"config": {"maxmemory": "1gb"}}}, "redis"),
        ({"opa": {"policies": {"more.rego": "package more\n"}}}, "opa"),
        ({"auth": {"hostname": "https://login.example"}}, "auth"),
        ({"auth": {"secretValues": {"KC_DB_PASSWORD": "new"}}}, "auth"),
    ],
)
def test_a_changed_configuration_rolls_its_part_and_no_other(infra: Chart, values: dict[str, Any], part: str) -> None:
    def templates(values: dict[str, Any]) -> dict[str, Any]:
        return {pod["metadata"]["labels"]["app.kubernetes.io/name"]: pod for pod in pods(infra.objects("", values))}

    before, after = templates({}), templates(values)
    assert {name for name in PARTS if before[name] != after[name]} == {part}


def test_the_realm_holds_no_secret_and_gives_the_claims_that_the_service_reads(infra: Chart) -> None:
    realm = json.loads(infra.objects()["ConfigMap/auth"]["data"]["soma-realm.json"])
    settings = SMFSettings()
    roles = {role["name"] for role in realm["roles"]["realm"]}
    assert {client["clientId"] for client in realm["clients"]} == {f"soma-{role}" for role in roles}
    for client in realm["clients"]:
        role = client["clientId"].removeprefix("soma-")
        assert client["secret"] == f"${{SOMA_{role.upper()}_SECRET}}"
        assert client["serviceAccountsEnabled"]
        assert not client["publicClient"]
        assert not client["standardFlowEnabled"]
        assert not client["directAccessGrantsEnabled"]
        mappers = {mapper["name"]: mapper["config"] for mapper in client["protocolMappers"]}
        assert mappers["audience"]["included.custom.audience"] == settings.auth_audience
        assert mappers["roles"]["claim.name"] == settings.auth_roles_claim
        assert mappers["tenants"]["claim.name"] == settings.auth_tenants_claim
    accounts = {user["serviceAccountClientId"]: user["realmRoles"] for user in realm["users"]}
    assert accounts == {f"soma-{role}": [role] for role in roles}


def test_the_address_in_the_services_overlay_is_the_issuer_of_this_chart(session: Session) -> None:
    for overlay in ("values-test.yaml", "values-staging.yaml", "values-prod.yaml"):
        sfm = Chart(CHARTS / "sfm", session).objects(overlay)["ConfigMap/sfm"]["data"]
        conf = Chart(INFRA, session).objects(overlay)["ConfigMap/auth"]["data"]["keycloak.conf"]
        [hostname] = [line.partition("=")[2] for line in conf.splitlines() if line.startswith("hostname=")]
        issuer = f"{hostname.replace('.soma.svc', '.soma-infra.svc')}/realms/soma"
        assert sfm["SOMA_AUTH_ISSUER"] == issuer
        assert sfm["SOMA_AUTH_JWKS_URL"] == f"{issuer}/protocol/openid-connect/certs"


@needs_helm
@needs_kubeconform
@pytest.mark.parametrize("overlay", FILES)
def test_helm_and_kubeconform_find_no_fault(overlay: str, schema_folder: Path) -> None:
    assert fault(INFRA, overlay, schema_folder) == ""


class Cluster:
    """A PostgreSQL cluster that the chart's script prepares, as an unprivileged user."""

    def __init__(self, root: Path) -> None:
        assert INITDB
        self.root, self.bin, self.data = root, INITDB.parent, root / "data" / "cluster"
        for name in ("data", "sockets", "secrets"):
            (root / name).mkdir()
        for name in ("sfm", "keycloak"):
            self.password(name, PASSWORD)
        self.give(root, *root.rglob("*"))

    def give(self, *paths: Path) -> None:
        """To the user who runs PostgreSQL, which refuses to be run by root."""
        for path in paths if os.getuid() == 0 else ():
            os.chown(path, NOBODY, NOBODY)

    def password(self, name: str, text: str) -> None:
        (self.root / "secrets" / f"{name}-password").write_text(text)

    def command(self, *command: str | Path) -> list[str]:
        folders = [f"PGDATA={self.data}", f"SOCKETS={self.root}/sockets", f"SECRETS={self.root}/secrets"]
        user = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"] if os.getuid() == 0 else []
        path = f"PATH={self.bin}:/usr/bin:/bin"
        return [*user, "env", "-i", path, "DATABASES=sfm keycloak", *folders, *map(str, command)]

    def prepare(self) -> subprocess.CompletedProcess[str]:
        script = self.root / "prepare.sh"
        script.write_text((INFRA / "charts" / "postgres" / "files" / "prepare.sh").read_text())
        done = subprocess.run(self.command("sh", script), capture_output=True, text=True, check=False, cwd="/")
        assert PASSWORD not in done.stdout + done.stderr
        return done

    def ask(self, user: str, database: str, password: str, question: str = "select current_user") -> str:
        """The answer of a server of this cluster to a client by TCP, or its refusal."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = str(free.getsockname()[1])
        options = f"-c listen_addresses=127.0.0.1 -c port={port} -c unix_socket_directories={self.root}/sockets"
        control = (self.bin / "pg_ctl", "--pgdata", self.data, "--wait", "--silent")
        subprocess.run(
            self.command(*control, "start", "--log", self.root / "data" / "log", "--options", options),
            check=True,
            cwd="/",
        )
        try:
            client = (
                "psql",
                "--no-psqlrc",
                "--tuples-only",
                "-h",
                "127.0.0.1",
                "-p",
                port,
                "-U",
                user,
                "-c",
                question,
                database,
            )
            asked = subprocess.run(
                client, env={"PGPASSWORD": password, "PATH": os.defpath}, capture_output=True, text=True, check=False
            )
            return (asked.stdout or asked.stderr).strip()
        finally:
            subprocess.run(self.command(*control, "stop", "--mode=fast"), check=True, cwd="/")


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    if INITDB is None:
        pytest.skip("PostgreSQL's initdb is not installed below /usr/lib/postgresql")
    root = Path(tempfile.mkdtemp(prefix="strictreal-pg-", dir="/tmp"))  # pytest's own folder is closed to others
    yield Cluster(root)
    shutil.rmtree(root)


def test_the_script_gives_each_database_a_user_who_alone_may_enter(cluster: Cluster) -> None:
    assert cluster.prepare().returncode == 0
    assert cluster.ask("sfm", "sfm", PASSWORD) == "sfm"
    assert "permission denied" in cluster.ask("sfm", "keycloak", PASSWORD)
    assert "authentication failed" in cluster.ask("sfm", "sfm", "wrong")
    assert "rejects connection" in cluster.ask("postgres", "postgres", PASSWORD)


def test_the_script_keeps_what_there_is_and_takes_a_new_password(cluster: Cluster) -> None:
    assert cluster.prepare().returncode == 0
    cluster.ask("sfm", "sfm", PASSWORD, "create table kept as select 7 as number")
    cluster.password("sfm", "another")
    assert cluster.prepare().returncode == 0
    assert cluster.ask("sfm", "sfm", "another", "select number from kept") == "7"
    assert "authentication failed" in cluster.ask("sfm", "sfm", PASSWORD)


def test_the_script_begins_anew_after_it_was_cut_short_and_never_over_a_cluster(cluster: Cluster) -> None:
    left = cluster.data.with_name("cluster.new")
    left.mkdir()
    (left / "PG_VERSION").write_text("15\n")
    cluster.give(left, left / "PG_VERSION")
    assert cluster.prepare().returncode == 0
    assert not left.exists()
    (cluster.data / "PG_VERSION").unlink()
    before = sorted(path.name for path in cluster.data.iterdir())
    assert cluster.prepare().returncode != 0
    assert sorted(path.name for path in cluster.data.iterdir()) == before


@pytest.mark.parametrize("text", [None, ""])
def test_the_script_refuses_a_secret_that_is_missing_or_empty(cluster: Cluster, text: str | None) -> None:
    place = cluster.root / "secrets" / "keycloak-password"
    place.unlink() if text is None else place.write_text(text)
    done = cluster.prepare()
    assert (done.returncode, "keycloak-password is missing or empty" in done.stderr) == (1, True)
    assert not cluster.data.exists()


@pytest.mark.skipif(
    REDIS is None or shutil.which("redis-cli") is None, reason="no redis-server or no redis-cli on the PATH"
)
def test_redis_starts_by_its_configuration_and_lets_the_default_user_ping_alone(infra: Chart, tmp_path: Path) -> None:
    objects = infra.objects(PLAIN)
    (tmp_path / "users.acl").write_text(objects["Secret/redis"]["stringData"]["users.acl"])
    conf = objects["ConfigMap/redis"]["data"]["redis.conf"]
    here = conf.replace("/run/secrets/redis", str(tmp_path)).replace("dir /data", f"dir {tmp_path}")
    (tmp_path / "redis.conf").write_text(here.replace("port 6379", f"port 0\nunixsocket {tmp_path}/s"))
    server = subprocess.Popen([str(REDIS), str(tmp_path / "redis.conf")], stdout=subprocess.DEVNULL)

    def ask(*words: str) -> str:
        said = subprocess.run(
            ["redis-cli", "-e", "-s", f"{tmp_path}/s", *words], capture_output=True, text=True, check=False
        )
        return (said.stdout + said.stderr).strip()

    try:
        while not (tmp_path / "s").exists():
            assert server.poll() is None
            time.sleep(0.05)
        assert ask("ping") == "PONG"
        assert "NOPERM" in ask("get", "a")
        user = ("--no-auth-warning", "--user", "sfm", "--pass", "change-me-3")
        assert ask(*user, "set", "a", "1") == "OK"
        assert "NOPERM" in ask(*user, "flushall")
    finally:
        server.terminate()
        server.wait(60)
