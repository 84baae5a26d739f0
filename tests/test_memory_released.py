"""The memory service of a release, without a cluster: what is found, read, refused, sent and told."""

from __future__ import annotations

import base64
import http.server
import json
import threading
import time
import urllib.parse
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import yaml
from common.config.settings import SMFSettings
from google.protobuf import message_factory
from hypothesis import given
from hypothesis import strategies as st

from strictreal.collect import memory
from strictreal.collect.kube.access import Cluster, ClusterError, connect
from strictreal.collect.kube.forward import forwarded
from strictreal.collect.kube.releases import Release
from strictreal.collect.service import clustered, inside, keycloak, released, scenario
from strictreal.collect.service.keycloak import MADE, Caller, Keycloak
from strictreal.collect.service.stage import Stage
from strictreal.collect.service.wire import Wire, compile_proto
from strictreal.config import ClusterAccess, Config, settings
from strictreal.errors import StrictRealError
from strictreal.facts.memory import NormCall
from strictreal.gather import session
from strictreal.model import Gap, Location
from strictreal.subject import open_tree
from tests.subjects import lay
from tests.test_collect_cluster import CHART, kubeconfig
from tests.test_collect_memory import PROTO, ROOT, subject

RELEASE = Release("web", "shop", "web", "1.0.0", 1, "deployed", {})
NOTES = {"meta.helm.sh/release-namespace": "shop", "meta.helm.sh/release-name": "web"}
SERVICES = "/api/v1/namespaces/shop/services"
PODS = "/api/v1/namespaces/shop/pods"


class Server(http.server.BaseHTTPRequestHandler):
    """Answers a path by what `pages` has for it, and keeps what it was asked."""

    pages: dict[str, Any]
    asked: list[tuple[str, str, bytes]]

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.asked.append((self.command, self.path, body))
        found = self.pages.get(
            f"{self.command} {self.path.partition('?')[0]}", self.pages.get(self.path.partition("?")[0])
        )
        data = json.dumps({} if found is None else found).encode()
        self.send_response(404 if found is None else 200)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Location", f"{self.path}/made-{len(self.asked)}")
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_DELETE = _answer  # noqa: N815 -- http.server's names

    def log_message(self, format: str, *arguments: object) -> None:
        """Nothing."""


@pytest.fixture
def server() -> Iterator[tuple[str, dict[str, Any], list[tuple[str, str, bytes]]]]:
    handler = type("Handler", (Server,), {"pages": {}, "asked": []})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        threading.Thread(target=running.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}", handler.pages, handler.asked  # type: ignore[attr-defined]
        running.shutdown()


@pytest.fixture
def cluster(server: tuple[str, dict[str, Any], list[Any]], tmp_path: Path) -> Iterator[Cluster]:
    lay(tmp_path, {"config": kubeconfig(server[0])})
    made = connect(ClusterAccess(kubeconfig=(tmp_path / "config",), seconds=5), tmp_path / "subject")
    yield made
    made.close()


@pytest.fixture(scope="module")
def wire() -> Wire:
    return Wire(compile_proto(PROTO.read_bytes()), memory.SERVICE)


def service(name: str, *ports: dict[str, Any], notes: dict[str, str] = NOTES) -> dict[str, Any]:
    about = {"name": name, "namespace": "shop", "annotations": notes}
    return {"metadata": about, "spec": {"selector": {"app": name}, "ports": list(ports)}}


GRPC = {"name": "grpc", "port": 50053, "targetPort": "grpc"}
SPOKEN = {"name": "main", "port": 80, "targetPort": 8080, "appProtocol": "grpc"}
METRICS = {"name": "metrics", "port": 9053}


# Which Service.


@pytest.mark.parametrize("port", [GRPC, SPOKEN, GRPC | {"name": "grpc-memory"}])
def test_the_service_is_the_one_of_the_release_with_a_port_for_grpc(
    server: Any, cluster: Cluster, port: dict[str, Any]
):
    server[1][SERVICES] = {
        "items": [service("web", METRICS, port), service("other", GRPC, notes={}), service("x", METRICS)]
    }
    found = released.endpoint(cluster, [RELEASE], "")
    assert (found.name, found.port, found.target) == ("web", port["port"], port["targetPort"])
    assert found.host == "web.shop.svc.cluster.local"


def test_of_several_services_the_configured_one_is_taken_and_none_by_chance(server: Any, cluster: Cluster):
    server[1][SERVICES] = {"items": [service("one", GRPC), service("two", GRPC)]}
    with pytest.raises(ClusterError, match=r"shop/one, shop/two.*cluster\.memory"):
        released.endpoint(cluster, [RELEASE], "")
    assert released.endpoint(cluster, [RELEASE], "shop/two").name == "two"
    with pytest.raises(ClusterError, match="none"):
        released.endpoint(cluster, [RELEASE], "shop/three")


# What it runs with.


def pod(**container: Any) -> released.Pod:
    spec = {"volumes": [{"name": "tls", "secret": {"secretName": "web-tls"}}, {"name": "tmp", "emptyDir": {}}]}
    return released.Pod("web-0", "u1", 50053, container, spec, "")


def test_the_documented_defaults_are_the_services_own():
    fields = SMFSettings.model_fields
    for name, text in released.DEFAULTS.items():
        default = fields[name].default
        if isinstance(default, tuple):
            assert tuple(map(type(default[0]) if default else str, filter(None, text.split(",")))) == default
        else:
            assert (type(default)(text) if default is not None else text or None) == default, name


def test_settings_come_from_config_maps_and_plain_values_and_never_from_secrets(server: Any, cluster: Cluster):
    maps = "/api/v1/namespaces/shop/configmaps"
    server[1].update(
        {
            f"{maps}/web": {"data": {"SOMA_DIMENSION": "64", "SOMA_ALPHA": "2.0", "OTHER": "x"}},
            f"{maps}/keys": {"data": {"tau": "60.0"}},
        }
    )
    reference = {"configMapKeyRef": {"name": "keys", "key": "tau"}}
    found = released.settings(
        cluster,
        "shop",
        pod(
            envFrom=[{"configMapRef": {"name": "web"}}, {"secretRef": {"name": "hidden"}}],
            env=[
                {"name": "SOMA_ALPHA", "value": "0.5"},
                {"name": "SOMA_TAU_SECONDS", "valueFrom": reference},
                {"name": "SOMA_BETA", "valueFrom": {"secretKeyRef": {"name": "hidden", "key": "b"}}},
            ],
        ),
    )
    assert found == released.DEFAULTS | {"dimension": "64", "alpha": "0.5", "tau_seconds": "60.0"}
    assert not [path for _, path, _ in server[2] if "secrets" in path]


@pytest.mark.parametrize("dimension", ["1", "4097", "-3", "9" * 9, "many"])
def test_a_dimension_outside_the_bound_is_named(dimension: str):
    with pytest.raises(ClusterError, match="bound: 2 to 4096"):
        released.shape({"dimension": dimension, "feature_names": ""})


@pytest.mark.parametrize("leeway", ["-1", "301", "inf", "nan", "long"])
def test_a_leeway_that_nobody_waits_for_is_named(leeway: str):
    with pytest.raises(ClusterError, match="bound: 300 s"):
        released.leeway({"auth_leeway_seconds": leeway})


def test_the_time_of_a_scenario_is_bounded(wire: Wire, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("strictreal.collect.service.stage.PLAY_SECONDS", -1)
    there = stage(wire)
    there.connect("127.0.0.1:1")
    with pytest.raises(StrictRealError, match="bound: time of the scenario"):
        there.call(NormCall, "Get", {"tenant": "norm", "id": "a"})
    there.close()


def test_features_are_those_of_the_settings():
    assert released.shape({"dimension": "8", "feature_names": " a , b,"}) == scenario.Shape(8, ("a", "b"))


def test_the_authority_is_that_of_the_secret_where_the_certificate_lies(server: Any, cluster: Cluster):
    held = {"ca.crt": base64.b64encode(b"the authority").decode(), "tls.key": base64.b64encode(b"secret").decode()}
    server[1]["/api/v1/namespaces/shop/secrets/web-tls"] = {"data": held}
    said = released.DEFAULTS | {"tls_cert": "/run/tls/tls.crt"}
    mounted = pod(volumeMounts=[{"name": "tls", "mountPath": "/run/tls"}])
    assert released.root(cluster, "shop", mounted, said) == b"the authority"
    assert released.root(cluster, "shop", mounted, released.DEFAULTS) is None
    with pytest.raises(ClusterError, match="clients' certificates"):
        released.root(cluster, "shop", mounted, said | {"tls_client_ca": "/run/tls/ca.crt"})
    for elsewhere in ([], [{"name": "tmp", "mountPath": "/run/tls"}]):
        with pytest.raises(ClusterError, match="no Secret is mounted at /run/tls"):
            released.root(cluster, "shop", pod(volumeMounts=elsewhere), said)


def running(uid: str, ready: str = "True", **about: str) -> dict[str, Any]:
    container = {"name": "web", "image": "shop/web:1", "ports": [{"name": "grpc", "containerPort": 50053}]}
    states = [{"name": "web", "imageID": "shop/web@sha256:ab"}]
    return {
        "metadata": {"name": "web-0", "uid": uid, **about},
        "spec": {"containers": [{"name": "side", "ports": [{"containerPort": 8181}]}, container]},
        "status": {"conditions": [{"type": "Ready", "status": ready}], "containerStatuses": states},
    }


ENDPOINT = released.Endpoint("shop", "web", 50053, "grpc", {"app": "web"})


def test_a_pod_is_taken_that_is_ready_and_stays_and_is_not_the_one_before(server: Any, cluster: Cluster):
    gone = running("u1", deletionTimestamp="2026-01-01T00:00:00Z")
    server[1][PODS] = {"items": [gone, running("u2", "False"), running("u3"), running("u4")]}
    assert released.ready_pod(cluster, ENDPOINT).uid == "u3"
    found = released.ready_pod(cluster, ENDPOINT, other_than="u3")
    assert (found.uid, found.port, found.container["name"], found.image) == ("u4", 50053, "web", "shop/web@sha256:ab")
    server[1][PODS] = {"items": [running("u3")]}
    with pytest.raises(ClusterError, match="no pod behind shop/web is ready"):
        released.ready_pod(cluster, ENDPOINT, other_than="u3", seconds=0.2)


def test_a_pod_that_cannot_be_reached_through_the_api_server_is_told(cluster: Cluster):
    with (
        pytest.raises(ClusterError, match=r"GET .*shop/pods/web-0/portforward is not led through"),
        forwarded(cluster, "shop", "web-0", 50053),
    ):
        pass


# Its tokens.


@pytest.mark.parametrize(
    "url",
    [
        "",
        "https://auth.shop.svc:8443/realms/soma",
        "http://auth.example.org/realms/soma",
        "http://auth.shop.svc:8080/",
        "http://127.0.0.1/realms/soma",
        "file:///realms/soma",
        "http://auth.shop.svc/realms/../admin",
    ],
)
def test_an_issuer_that_is_no_keycloak_of_the_cluster_gives_no_tokens(cluster: Cluster, url: str):
    with (
        pytest.raises(ClusterError, match=r"nobody can be a caller|answered 404"),
        keycloak.tokens(cluster, released.DEFAULTS | {"auth_issuer": url}, "-r"),
    ):
        pass


def test_without_the_administrators_secret_no_client_is_made(server: Any, cluster: Cluster):
    behind = service("auth", {"name": "http", "port": 8080, "targetPort": 50053})
    other = {"volumes": [{"name": "s", "secret": {"secretName": "auth"}}]}
    value = running("u1")
    server[1].update(
        {
            f"{SERVICES}/auth": behind,
            PODS: {"items": [value | {"spec": value["spec"] | other}]},
            "/api/v1/namespaces/shop/secrets/auth": {"data": {"other": "eA=="}},
        }
    )
    said = released.DEFAULTS | {"auth_issuer": "http://auth.shop.svc.cluster.local:8080/realms/soma"}
    with pytest.raises(ClusterError, match="has KC_BOOTSTRAP_ADMIN_PASSWORD"), keycloak.tokens(cluster, said, "-r"):
        pass


def test_a_client_is_made_with_the_claims_of_its_caller_and_forgotten_by_its_id(server: Any):
    url, pages, asked = server
    pages |= {
        "/realms/master/protocol/openid-connect/token": {"access_token": "admin"},
        "/realms/soma/protocol/openid-connect/token": {"access_token": "of the caller"},
        "POST /admin/realms/soma/clients": {},
    }
    realm = Keycloak(url, "soma", "admin", "password")
    id, secret = realm.make(Caller("other audience", ["a", "b"], ["writer"], "another", 7), "-run", released.DEFAULTS)
    assert realm.token("strictreal-run-other-audience", secret) == "of the caller"
    pages[f"DELETE /admin/realms/soma/clients/{id}"] = {}
    realm.remove(id)
    [made] = [json.loads(body) for verb, path, body in asked if path == "/admin/realms/soma/clients"]
    mappers = {each["name"]: each["config"] for each in made["protocolMappers"]}
    assert made["clientId"] == "strictreal-run-other-audience"
    assert made["attributes"]["access.token.lifespan"] == "7"
    assert mappers["audience"]["included.custom.audience"] == "another"
    assert [json.loads(mappers[name]["claim.value"]) for name in ("tenants", "roles")] == [["a", "b"], ["writer"]]
    form = dict(
        urllib.parse.parse_qsl(next(body.decode() for _, path, body in asked if path.startswith("/realms/soma")))
    )
    assert form == {"grant_type": "client_credentials", "client_id": made["clientId"], "client_secret": secret}


def test_only_what_killed_runs_have_left_is_swept(server: Any):
    url, pages, asked = server
    now = int(time.time())
    known = {"old": {MADE: str(now - 4000)}, "new": {MADE: str(now - 10)}, "foreign": {}, "odd": {MADE: "x"}}
    pages |= {
        "/realms/master/protocol/openid-connect/token": {"access_token": "admin"},
        "GET /admin/realms/soma/clients": [{"id": id, "attributes": attributes} for id, attributes in known.items()],
        "DELETE /admin/realms/soma/clients/old": {},
    }
    Keycloak(url, "soma", "admin", "password").sweep()
    assert [path for verb, path, _ in asked if verb == "DELETE"] == ["/admin/realms/soma/clients/old"]


def test_what_the_issuer_says_is_no_secret_in_an_error(server: Any):
    with pytest.raises(StrictRealError, match="answered 404") as failed:
        Keycloak(server[0], "soma", "admin", "hunter2hunter2").sweep()
    assert "hunter2" not in str(failed.value)


# What is sent.


def stage(wire: Wire, shape: scenario.Shape = scenario.EMBEDDED, run: str = "-run") -> Stage:
    return Stage(wire, "memory.proto", {}, None, shape=shape, run=run)


def test_a_tenant_bears_the_runs_name_on_the_wire_and_in_no_fact(wire: Wire):
    there = stage(wire)
    kind = message_factory.GetMessageClass(wire.methods["Get"].input_type)
    for tenant, sent in (("norm", "norm-run"), ("", "")):
        assert kind.FromString(there.encode("Get", {"tenant": tenant, "id": "a"})).tenant == sent
    there.connect("127.0.0.1:1")
    assert there.call(NormCall, "Get", {"tenant": "norm", "id": "a"}).request["tenant"] == "norm"
    there.close()


@hypothesis.settings(max_examples=20, deadline=None)
@given(
    dimension=st.integers(2, 40),
    features=st.lists(st.sampled_from(["salience", "trust", "a", "b", "c"]), max_size=4, unique=True),
)
def test_every_act_can_be_sent_to_a_server_of_any_shape(wire: Wire, dimension: int, features: list[str]):
    there = stage(wire, scenario.Shape(dimension, tuple(features)))
    there.connect("127.0.0.1:1")  # where nobody listens
    for act in (*scenario.ACTS, scenario.play_half_precision):
        act(there)
    there.close()
    assert {call.code for call in there.calls} == {"UNAVAILABLE"}
    good = [call.request for call in there.calls if call.request["tenant"] == "score" and "vector" in call.request]
    assert {len(request["vector"].split()) for request in good} == {dimension}
    weights = [name for request in good for name in request.get("parameters", {}).get("feature_weights", {})]
    channels = [name for request in good for name in request.get("features", {})]
    assert {*weights, *channels} <= {*features}


def test_a_body_and_a_head_are_one_request(wire: Wire):
    work = inside._work(stage(wire), ENDPOINT)
    assert work["target"] == "web.shop.svc.cluster.local:50053"
    for part, method, count in zip(work["parts"], ("Store", "Recall", "Delete"), (64, 64, 4), strict=True):
        assert (part["path"], len(part["bodies"]), len(part["heads"])) == (wire.path(method), count, inside.CALLS)
        first, other = (sent(wire, part, method, at) for at in (0, 64))
        assert first.tenant == other.tenant == "latency-0-run"
        assert first != other
        if method != "Delete":
            assert first.vector == other.vector
            assert len(first.vector.values) == 24


def test_the_load_is_spread_over_tenants_each_of_which_is_left_empty(wire: Wire):
    work = inside._work(stage(wire), ENDPOINT)
    stored, recalled, deleted = (
        [sent(wire, part, method, at) for at in range(inside.CALLS)]
        for part, method in zip(work["parts"], ("Store", "Recall", "Delete"), strict=True)
    )
    assert [(each.tenant, each.id) for each in stored] == [(each.tenant, each.id) for each in deleted]
    assert len({each.id for each in stored}) == inside.CALLS
    burst = yaml.safe_load((ROOT / "charts/sfm/values-test.yaml").read_text())["config"]["rate_burst"]
    made = Counter(each.tenant for each in (*stored, *recalled, *deleted))
    assert len(made) == len(scenario.LOADED)
    assert max(made.values()) < burst


def sent(wire: Wire, part: dict[str, Any], method: str, at: int) -> Any:
    """The request that the pod sends."""
    body, head = (base64.b64decode(part[name][at % len(part[name])]) for name in ("bodies", "heads"))
    return message_factory.GetMessageClass(wire.methods[method].input_type).FromString(body + head)


# What is told.


@pytest.mark.parametrize(
    "said",
    [
        "",
        "null",
        "[]",
        "[[[1], 0], [[2], 0]]",
        '[[["x"], 0], [[2], 0], [[3], 0]]',
        "[[[-1], 0], [[2], 0], [[3], 0]]",
        "[" * 5000,
    ],
)
def test_a_pod_that_tells_no_times_is_no_measure(said: str):
    with pytest.raises(ClusterError, match="tells no times"):
        inside.read(said)


def test_times_are_read_as_they_were_told():
    assert inside.read("[[[5, 7], 1], [[], 0], [[1], 2]]") == [([5, 7], 1), ([], 0), ([1], 2)]


def policy(*rules: dict[str, Any], **wanted: str) -> dict[str, Any]:
    return {"spec": {"podSelector": {"matchLabels": wanted}, "policyTypes": ["Ingress"], "ingress": list(rules)}}


LET_IN = {"namespaceSelector": {"matchLabels": {"client": "yes"}}, "podSelector": {"matchLabels": {"role": "caller"}}}
BY_NAME = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}


@pytest.mark.parametrize(
    ("policies", "labels"),
    [
        ([], ({}, {})),
        ([policy(app="another")], ({}, {})),
        ([policy({"from": [BY_NAME]}), policy({"from": [LET_IN], "ports": [{"port": "grpc"}]}, app="web")], ({"client": "yes"}, {"role": "caller"})),
        ([policy({"from": [LET_IN], "ports": [{"port": 50053}]})], ({"client": "yes"}, {"role": "caller"})),
        ([policy({"ports": [{"port": "grpc"}]})], ({}, {})),
        ([policy(app="web")], None),
        ([policy({"from": [BY_NAME]})], None),
        ([policy({"from": [LET_IN], "ports": [{"port": 9053}]})], None),
    ],
)  # fmt: skip
def test_the_caller_has_the_labels_that_a_live_policy_asks_for(
    server: Any, cluster: Cluster, policies: list[dict[str, Any]], labels: Any
):
    server[1]["/apis/networking.k8s.io/v1/namespaces/shop/networkpolicies"] = {"items": policies}
    if labels is None:
        with pytest.raises(ClusterError, match="let in no caller"):
            inside._let_in(cluster, ENDPOINT, pod())
    else:
        assert inside._let_in(cluster, ENDPOINT, pod()) == labels


def test_facts_have_of_the_settings_only_what_checks_compute_with():
    kept = clustered.parameters(released.DEFAULTS)
    assert set(memory.SETTINGS) == set(kept)
    assert not [name for name in kept if "auth" in name or "tls" in name]


# When there is nothing to play it on.


def test_in_the_lane_kind_nothing_is_played_elsewhere_and_every_act_is_a_gap(tmp_path: Path, server: Any):
    root = lay(subject(tmp_path), CHART)
    lay(tmp_path, {"config": kubeconfig(server[0])})
    server[1]["/api/v1/secrets"] = {"items": []}
    for environment, reason in (({}, "no kubeconfig"), ({"STRICTREAL_KUBECONFIG": str(tmp_path / "config")}, "(none)")):
        with session(settings({"HOME": str(tmp_path), **environment}), cached=False, lane="kind") as shared:
            found = [fact for seen in memory.collect(open_tree(root), Config(), shared) for fact in seen.facts]
        gaps = [fact for fact in found if isinstance(fact, Gap)]
        assert {gap.of for gap in gaps} == set(memory.UNITS)
        assert all(reason in gap.reason for gap in gaps)
        assert {gap.where for gap in gaps} == {Location("service/proto/memory.proto")}
