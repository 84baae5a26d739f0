"""The collector of clusters without a cluster: what is absent, lost, read from what Helm keeps, redacted and bounded."""

from __future__ import annotations

import base64
import gzip
import http.server
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strictreal.collect import cluster
from strictreal.collect.kube import admission, exposure, images, objects, pods, probes, releases, rights, volumes
from strictreal.collect.kube.access import ClusterError, connect
from strictreal.config import ClusterAccess, Config, settings
from strictreal.errors import BoundExceeded
from strictreal.facts.cluster import BuiltImage
from strictreal.facts.drift import differences
from strictreal.gather import session
from strictreal.model import Absence, Gap, Inventory, Observation
from strictreal.subject import open_tree
from tests.subjects import lay

CHART = {
    "chart/Chart.yaml": "apiVersion: v2\nname: web\nversion: 1.0.0\n",
    "chart/templates/config.yaml": "kind: ConfigMap\napiVersion: v1\nmetadata: {name: web}\ndata: {a: {{ .Values.a | quote }}}\n",
}


def collected(root: Path, *, lane: str = "kind", **environment: str) -> list[Observation]:
    with session(settings({"HOME": str(root.parent), **environment}), cached=False, lane=lane) as shared:
        return list(cluster.collect(open_tree(root), Config(), shared))


def facts(observations: list[Observation], kind: type) -> list[Any]:
    return [fact for seen in observations for fact in seen.facts if isinstance(fact, kind)]


# What there is no cluster for.


@pytest.mark.parametrize("lane", ["embedded", "local"])
def test_another_lane_has_no_cluster_and_says_so(tmp_path: Path, lane: str):
    found = facts(collected(lay(tmp_path / "subject", CHART), lane=lane), Absence)
    assert {absence.of for absence in found} == set(cluster.UNITS)
    assert {absence.reason for absence in found} == {f"the lane {lane} has no cluster"}


def test_a_subject_without_charts_has_nothing_that_a_cluster_could_run(tmp_path: Path):
    found = facts(collected(lay(tmp_path / "subject", {"a.md": "text"})), Absence)
    assert {absence.of for absence in found} == set(cluster.UNITS)


def test_without_a_kubeconfig_everything_is_lost(tmp_path: Path):
    observations = collected(lay(tmp_path / "subject", CHART))
    assert {(gap.of, gap.reason) for gap in facts(observations, Gap)} == {
        (unit, f"no kubeconfig: {tmp_path}/.kube/config is not there") for unit in cluster.UNITS
    }
    assert {(count.of, count.count) for count in facts(observations, Inventory)} == {(u, 1) for u in cluster.UNITS}


def test_a_kubeconfig_of_the_subject_is_not_used(tmp_path: Path):
    subject = lay(tmp_path / "subject", CHART | {"kubeconfig": kubeconfig("https://127.0.0.1:1")})
    (tmp_path / "link").symlink_to(subject / "kubeconfig")
    for named in (subject / "kubeconfig", tmp_path / "link"):
        found = facts(collected(subject, STRICTREAL_KUBECONFIG=str(named)), Gap)
        assert "lies in the audited repository" in found[0].reason


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("clusters: 3", "the kubeconfig cannot be used: "),
        ("{", "the kubeconfig cannot be used: "),
        (None, "Connection refused"),
    ],
)
def test_a_cluster_that_cannot_be_reached_is_a_gap_with_the_reason(tmp_path: Path, text: str | None, reason: str):
    lay(tmp_path, {"config": text or kubeconfig("https://127.0.0.1:1")})
    subject = lay(tmp_path / "subject", CHART)
    found = facts(collected(subject, STRICTREAL_KUBECONFIG=str(tmp_path / "config")), Gap)
    assert {gap.of for gap in found} == set(cluster.UNITS)
    assert reason in found[0].reason


def kubeconfig(server: str) -> str:
    named = [{"name": "x", "context": {"cluster": "x", "user": "x"}}]
    users = [{"name": "x", "user": {"token": "none"}}]
    known = [{"name": "x", "cluster": {"server": server, "insecure-skip-tls-verify": True}}]
    return json.dumps({"current-context": "x", "contexts": named, "users": users, "clusters": known})


# A server that answers as it likes.


class Answers(http.server.BaseHTTPRequestHandler):
    """A hostile API server: each path answers what `pages` says."""

    pages: dict[str, tuple[int, bytes]]

    def do_GET(self) -> None:
        status, body = self.pages.get(self.path.partition("?")[0], (404, b"{}"))
        self.send_response(status)
        self.send_header("Location", "http://127.0.0.1:1/")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        """Nothing."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[dict[str, tuple[int, bytes]], ClusterAccess]]:
    pages: dict[str, tuple[int, bytes]] = {}
    handler = type("Handler", (Answers,), {"pages": pages})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        lay(tmp_path, {"config": kubeconfig(f"http://127.0.0.1:{running.server_port}")})
        yield pages, ClusterAccess(kubeconfig=(tmp_path / "config",), seconds=5)
        running.shutdown()


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (200, b"no json", "is answered 200"),
        (200, b"[1]", "is answered 200"),
        (200, b"[" * 100_000, "is answered 200"),
        (302, b"{}", "is answered 302"),
        (403, b'{"message": "not you, password=hunter2hunter2"}', "is answered 403: not you"),
        (500, b"", "is answered 500"),
    ],
)
def test_an_answer_that_is_none_is_an_error_that_says_so(
    server: tuple[dict[str, tuple[int, bytes]], ClusterAccess], tmp_path: Path, status: int, body: bytes, reason: str
):
    pages, access = server
    pages["/version"] = status, body
    there = connect(access, tmp_path / "subject")
    try:
        with pytest.raises(ClusterError, match=reason) as told:
            there.call("GET", "/version")
        assert "hunter2" not in str(told.value)
        assert [(r.verb, r.path, r.status, r.count) for r in there.requests] == [("GET", "/version", status, 1)]
    finally:
        there.close()


def test_a_list_that_never_ends_is_bounded(
    server: tuple[dict[str, tuple[int, bytes]], ClusterAccess], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    pages, access = server
    page = {"items": [{"metadata": {"name": "a"}}] * 50, "metadata": {"continue": "more"}}
    pages["/api/v1/secrets"] = 200, json.dumps(page).encode()
    monkeypatch.setattr("strictreal.collect.kube.access.MAX_OBJECTS", 120)
    there = connect(access, tmp_path / "subject")
    try:
        with pytest.raises(BoundExceeded, match="objects of a kind"):
            there.listed("/api/v1/secrets")
        with pytest.raises(BoundExceeded, match="answer of the API server"):
            there.raw("GET", "/api/v1/secrets", most=10)
    finally:
        there.close()


def test_a_server_that_answers_nonsense_leaves_gaps_and_no_exception(
    server: tuple[dict[str, tuple[int, bytes]], ClusterAccess], tmp_path: Path
):
    pages, access = server
    pages["/version"] = 200, b'{"gitVersion": "v1.34.4"}'
    pages["/api/v1/nodes"] = 200, b'{"items": []}'
    pages["/api/v1/secrets"] = (
        200,
        json.dumps({"items": [{"metadata": {"name": "r", "namespace": "n"}, "data": {"release": "!"}}]}).encode(),
    )
    subject = lay(tmp_path / "subject", CHART)
    observations = collected(subject, STRICTREAL_KUBECONFIG=str(access.kubeconfig[0]))
    assert {gap.reason for gap in facts(observations, Gap)} == {"a release cannot be read: Error"}


# What Helm keeps.


def stored(**changes: Any) -> str:
    release = {
        "name": "web",
        "namespace": "shop",
        "version": 3,
        "info": {"status": "deployed"},
        "chart": {"metadata": {"name": "web", "version": "1.0.0"}},
        "config": {"password": "secret"},
    }
    packed = gzip.compress(json.dumps(release | changes).encode())
    return base64.b64encode(base64.b64encode(packed)).decode()


def test_a_release_is_read_as_helm_wrote_it():
    found = releases.unpacked(stored())
    assert found == releases.Release("web", "shop", "web", "1.0.0", 3, "deployed", {"password": "secret"})


@given(st.one_of(st.text(max_size=40), st.binary(max_size=40).map(lambda data: base64.b64encode(data).decode())))
def test_what_is_no_release_is_refused(text: str):
    with pytest.raises(ClusterError):
        releases.unpacked(text)


@pytest.mark.parametrize("changes", [{"chart": None}, {"version": "x"}, {"info": []}, {"config": [1]}])
def test_a_release_of_another_shape_is_refused(changes: dict[str, Any]):
    with pytest.raises(ClusterError, match="a release cannot be read"):
        releases.unpacked(stored(**changes))


def test_a_release_that_unpacks_to_too_much_is_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(releases, "MAX_RELEASE", 1_000)
    with pytest.raises(BoundExceeded, match="release size"):
        releases.unpacked(stored(config={"zeros": "0" * 10_000}))


# Secrets.


def secret(value: str) -> dict[str, Any]:
    data = {"password": base64.b64encode(value.encode()).decode()}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "db"}, "data": data}


def test_two_secrets_are_told_apart_without_their_values():
    ours, theirs = objects.pair(secret("correct-horse-1"), secret("battery-staple-2"), frozenset())
    assert [each.pointer for each in differences(json.loads(ours), json.loads(theirs))] == ["/data/password"]
    same = objects.pair(secret("correct-horse-1"), secret("correct-horse-1"), frozenset())
    assert list(differences(*map(json.loads, same))) == []
    for text in (ours, theirs, *same):
        assert "horse" not in text
        assert secret("correct-horse-1")["data"]["password"] not in text


def test_a_secret_value_in_another_object_is_told_apart_too():
    held = frozenset({"correct-horse-1", "battery-staple-2"})
    config = {"kind": "ConfigMap", "metadata": {"name": "web"}, "data": {"url": "db://u:correct-horse-1@db"}}
    other = {**config, "data": {"url": "db://u:battery-staple-2@db"}}
    ours, theirs = objects.pair(config, other, held)
    assert [each.pointer for each in differences(json.loads(ours), json.loads(theirs))] == ["/data/url"]
    assert "horse" not in ours + theirs
    assert "staple" not in ours + theirs


HELD = "correct-horse-1", "battery-staple-2"
TEXTS = st.sampled_from([*HELD, *(f"db://u:{value}@db" for value in HELD), "INFO", "", "a\nb"])
DOCUMENTS = st.dictionaries(
    st.sampled_from(["data", "spec", "password", "args", "name", "value"]),
    st.recursive(
        TEXTS,
        lambda inner: st.one_of(
            st.lists(inner, max_size=3), st.dictionaries(st.sampled_from("abc"), inner, max_size=3)
        ),
        max_leaves=8,
    ),
    max_size=3,
)


@given(DOCUMENTS, DOCUMENTS)
def test_no_held_value_is_shown_and_no_difference_is_hidden(one: dict[str, Any], other: dict[str, Any]):
    ours, theirs = ({"kind": "ConfigMap", "metadata": {"name": "web"}, **each} for each in (one, other))
    shown = objects.pair(ours, theirs, frozenset(HELD))
    assert not any(value in text for value in HELD for text in shown)
    differing = {each.pointer for each in differences(ours, theirs)}
    told = {each.pointer for each in differences(*map(json.loads, shown))}
    assert differing <= told | {pointer for pointer in differing if any(pointer.startswith(f"{top}/") for top in told)}


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("password", "correct-horse", ["correct-horse"]),
        ("username", "postgres-admin", []),
        ("database_url", "postgresql://sfm:c0rrect-horse@db/sfm", ["c0rrect-horse"]),
        ("password", "short", []),
        ("tls.crt", "-----BEGIN CERTIFICATE-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIB\n-----END CERTIFICATE-----", []),
        (
            "tls.key",
            f"-----BEGIN PRIVATE KEY-----\n{'specimen+of+a+key' * 3}\n-----END PRIVATE KEY-----",
            ["specimen+of+a+key" * 3],
        ),
        ("value", "kX9v2QmL7pRt4ZsW8bNc", ["kX9v2QmL7pRt4ZsW8bNc"]),
    ],
)
def test_what_gives_a_secret_away_is_what_is_secret_in_it(key: str, value: str, told: list[str]):
    found = [text for text in exposure.telling(key, value) if "://" not in text]
    assert found == told


def test_a_place_names_the_secret_that_it_holds_once():
    needles = [
        exposure.Needle("correct-horse", "shop/db:password"),
        exposure.Needle("Y29ycmVjdC1ob3JzZQ==", "shop/db:password"),
    ]
    assert exposure.seen("a correct-horse and Y29ycmVjdC1ob3JzZQ==", needles) == ("shop/db:password",)
    assert exposure.seen("nothing", needles) == ()


# Images on record.


def test_a_record_of_images_is_read_with_the_digest_of_each_bill(tmp_path: Path):
    lay(
        tmp_path,
        {
            "bill.json": "{}",
            "state.json": json.dumps(
                {
                    "images": {"a:1": "sha256:1", "b:1": "sha256:2"},
                    "digests": {"a:1": ["sha256:3"]},
                    "bills": {"a:1": str(tmp_path / "bill.json")},
                    "more": 1,
                }
            ),
        },
    )
    found = list(images.built(tmp_path / "state.json"))
    assert [(each.reference, each.digests, bool(each.bill)) for each in found if isinstance(each, BuiltImage)] == [
        ("a:1", ("sha256:1", "sha256:3"), True),
        ("b:1", ("sha256:2",), False),
    ]


@pytest.mark.parametrize("text", [None, "", "[]", '{"images": [1]}', '{"no": 1}'])
def test_a_record_that_is_none_is_a_gap(tmp_path: Path, text: str | None):
    if text is not None:
        lay(tmp_path, {"state.json": text})
    [gap] = images.built(tmp_path / "state.json")
    assert isinstance(gap, Gap)
    assert gap.of == "BuiltImage"
    [gap] = images.built(None)
    assert "STRICTREAL_IMAGES" in gap.reason


# Pods that are offered, and that try.


@pytest.mark.parametrize("violation", admission.VIOLATIONS, ids=lambda violation: violation.name)
def test_each_violation_changes_one_thing_of_the_pod_that_violates_nothing(violation: admission.Violation):
    plain, changed = admission.pod("x"), admission.pod("x")
    violation.change(changed["spec"], changed["spec"]["containers"][0])
    pointers = {each.pointer for each in differences({"kind": "Pod", **plain}, {"kind": "Pod", **changed})}
    assert 1 <= len(pointers) <= 2


def test_the_program_that_tries_connections_tells_open_from_refused():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers) as running, socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        targets = [f"127.0.0.1:{port}" for port in (running.server_port, closed.getsockname()[1])]
        words = [sys.executable, "-c", probes.SCRIPT, "1", "0", "2", *targets]
        said = subprocess.run(words, capture_output=True, check=True, timeout=20).stdout
    assert probes.answers(said, 2) == ["open", "refused"]


@pytest.mark.parametrize("said", [b"", b"answers", b"answers {}", b'answers ["open"]', b"\xff\xfe", b"answers [[[["])
def test_a_probe_that_says_something_else_decides_nothing(said: bytes):
    with pytest.raises(ClusterError, match="did not say"):
        probes.answers(said, 2)


def test_what_a_rule_has_is_kept_and_nothing_else():
    said = {"verbs": ["list", "get"], "apiGroups": [""], "resources": ["pods"], "resourceNames": [], "more": 1}
    assert rights.rule(said) == {"verbs": ("get", "list"), "apiGroups": ("",), "resources": ("pods",)}


# Room and last words.


@given(
    st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), max_size=9),
    st.integers(0, 2**50),
    st.integers(0, 2**50),
)
def test_the_figures_of_df_are_read_whatever_a_file_system_is_called(name: str, blocks: int, left: int):
    said = f"Filesystem 1024-blocks Used Available Capacity Mounted on\n{name} 50% x {blocks} 7 {left} 50% /data/a b\n"
    assert volumes.read(said.encode()) == volumes.Room(blocks * 1024, left * 1024)


def test_the_room_here_is_what_the_system_says(tmp_path: Path):
    room = volumes.read(subprocess.run(["df", "-P", "-k", tmp_path], capture_output=True, check=True).stdout)
    system = os.statvfs(tmp_path)
    assert room.capacity == system.f_blocks * system.f_frsize // 1024 * 1024


@pytest.mark.parametrize("said", [b"", b"df: not found", b"a\nb 1 2 50% /", b"a 1 2 x 50% /"])
def test_what_is_no_figure_of_df_is_refused(said: bytes):
    with pytest.raises(ClusterError, match="no figures"):
        volumes.read(said)


def test_a_kubelets_figures_are_those_of_claims():
    claimed = {"pvcRef": {"namespace": "shop", "name": "data"}, "capacityBytes": 10, "availableBytes": 4}
    pods_told = [{"volume": [claimed, {"name": "tmp", "capacityBytes": 1, "availableBytes": 1}]}, {}]
    assert volumes.figures({"pods": pods_told}) == {("shop", "data"): volumes.Room(10, 4)}


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ({}, ""),
        ({"lastState": {"terminated": {"exitCode": 0, "message": "an error"}}}, ""),
        ({"lastState": {"terminated": {"exitCode": 1}}}, ""),
        (
            {"lastState": {"terminated": {"exitCode": 1, "message": "began\nPANIC: no room\n\nshut down\n"}}},
            "PANIC: no room",
        ),
        ({"state": {"terminated": {"exitCode": 1, "message": "one\ntwo"}}}, "two"),
    ],
)
def test_what_a_container_said_last_is_its_last_error(state: dict[str, Any], words: str):
    assert pods._last_words(state) == words
