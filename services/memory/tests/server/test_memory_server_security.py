"""Who gets in: tokens, policies, certificates and rates, against real servers."""

from __future__ import annotations

import asyncio
import os
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import grpc
import issuing
import numpy as np
import pytest
from issuing import BAD, AuthService, token
from serving import TOKEN, Authority, Server, environment, serving
from sfm.client import Tls
from sfm.domain import NewMemory
from sfm.errors import NotReady
from sfm.memory.v1 import memory_pb2 as pb
from sfm.replies import CallFailed
from test_memory_server_policy import OPA, opa_server

GOOD = [1.0, 0.0, 0.0, 0.0]
STRICT = {"SOMA_STRICT_REAL": "1", "SOMA_AUTH_DEV_TOKEN": None}


def code_of(call: Callable[[], object]) -> grpc.StatusCode:
    with pytest.raises(CallFailed) as caught:
        call()
    return caught.value.code


def refused(call: Callable[[], object], code: grpc.StatusCode) -> None:
    assert code_of(call) is code


@contextmanager
def auth_service() -> Iterator[AuthService]:
    """The key set, served by an event loop in a thread of its own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    def run(work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, loop).result(20)

    service = AuthService()
    run(service.__aenter__())
    try:
        yield service
    finally:
        run(service.__aexit__())
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@pytest.fixture(scope="module")
def issued(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that believes the auth service alone."""
    with auth_service() as service:
        settings = {
            "SOMA_AUTH_JWKS_URL": service.url,
            "SOMA_AUTH_ISSUER": issuing.ISSUER,
            "SOMA_AUTH_DEV_TOKEN": None,
            "SOMA_AUTH_JWKS_COOLDOWN_SECONDS": "0.1",
        }
        with serving(tmp_path_factory.mktemp("issued"), **settings) as server:
            yield server


@pytest.mark.parametrize("algorithm", list(issuing.PRIVATE))
def test_a_token_of_the_auth_service_opens_its_own_tenants(issued: Server, algorithm: str) -> None:
    with issued.client(token(algorithm)) as client:
        client.store("acme", algorithm, GOOD)
        refused(lambda: client.store("other", "a", GOOD), grpc.StatusCode.PERMISSION_DENIED)
        refused(lambda: client.recall("other", GOOD), grpc.StatusCode.PERMISSION_DENIED)
        refused(client.gates, grpc.StatusCode.PERMISSION_DENIED)


def test_roles_say_what_a_token_may_do(issued: Server) -> None:
    with issued.client(token()) as client:
        client.store("acme", "a", GOOD)
    with issued.client(token(roles="reader")) as client:
        assert client.recall("acme", GOOD).hits
        refused(lambda: client.store("acme", "b", GOOD), grpc.StatusCode.PERMISSION_DENIED)
        refused(lambda: client.delete("acme", "a"), grpc.StatusCode.PERMISSION_DENIED)
    with issued.client(token(roles=["operator"])) as client:
        assert len(client.gates()) == 6
        refused(lambda: client.get("acme", "a"), grpc.StatusCode.PERMISSION_DENIED)
    with issued.client(token(roles=None)) as client:
        refused(lambda: client.get("acme", "a"), grpc.StatusCode.PERMISSION_DENIED)


def test_a_batch_stores_nothing_in_a_foreign_tenant(issued: Server) -> None:
    with issued.client(token()) as client:
        result = client.store_batch(
            NewMemory(tenant=tenant, id=f"batch-{n}", vector=np.float32(GOOD), raw_importance=0.0, created=0)
            for n, tenant in enumerate(["acme", "other", "acme"])
        )
    assert result.stored == 2
    [refusal] = result.refusals
    assert refusal.index == 1
    assert isinstance(refusal.error, CallFailed)
    assert refusal.error.code is grpc.StatusCode.PERMISSION_DENIED


@pytest.mark.parametrize("case", BAD)
def test_a_bad_token_is_unauthenticated(issued: Server, case: str) -> None:
    make, _ = BAD[case]
    with issued.client(make()) as client:
        refused(lambda: client.get("acme", "a"), grpc.StatusCode.UNAUTHENTICATED)


@pytest.mark.parametrize(
    "metadata",
    [
        (),
        (("authorization", ""),),
        (("authorization", TOKEN),),
        (("authorization", f"Basic {TOKEN}"),),
        (("authorization", f"Bearer {TOKEN}x"),),
        (("authorization", f"Bearer {TOKEN[:-1]}"),),
        (("authorization", f"Bearer {TOKEN}"), ("authorization", f"Bearer {TOKEN}")),
        (("authorization", "Bearer "),),
        (("authorization-bin", b"Bearer " + TOKEN.encode()),),
    ],
)
def test_a_call_without_exactly_one_good_header_is_unauthenticated(server: Server, metadata: Any) -> None:
    for method, request in (("GateReport", pb.GateReportRequest()), ("StoreBatch", iter([pb.StoreRequest()]))):
        with pytest.raises(grpc.RpcError) as caught:
            getattr(server.shared, method)(request, metadata=metadata)
        assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED


def test_without_any_auth_a_token_is_made_that_its_owner_alone_can_read(tmp_path: Path) -> None:
    with serving(tmp_path, SOMA_AUTH_DEV_TOKEN=None) as server:
        path = Path(server.ready["token_file"])
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert path.stat().st_uid == os.getuid()
        assert list(server.ready["unprotected"]) == ["auth", "tls", "policy"]
        with server.client(path.read_text()) as client:
            client.store("acme", "a", GOOD)
        with server.client("") as client:
            refused(lambda: client.get("acme", "a"), grpc.StatusCode.UNAUTHENTICATED)
        assert path.read_text() not in server.log.read_text()
        assert any("not for production" in line["message"] for line in server.lines())


def test_without_the_auth_service_nothing_is_believed(tmp_path: Path) -> None:
    settings = {"SOMA_AUTH_JWKS_URL": "http://127.0.0.1:1/keys", "SOMA_AUTH_ISSUER": "x", "SOMA_AUTH_DEV_TOKEN": None}
    with (
        serving(tmp_path, **settings) as server,
        server.client(token(), timeout_seconds=0.5) as client,
        pytest.raises(NotReady, match="key set"),
    ):
        client.get("acme", "a")


def test_strict_mode_refuses_to_start_and_names_every_lack(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "sfm", "serve"]
    bare = subprocess.run(
        command, env=environment(tmp_path, STRICT), capture_output=True, text=True, timeout=60, check=False
    )
    assert (bare.returncode, bare.stdout) == (4, "")
    for name in ("auth_jwks_url", "tls_cert and tls_key", "opa_url or policy_dir"):
        assert name in bare.stderr
    token_too = environment(tmp_path, STRICT | {"SOMA_AUTH_DEV_TOKEN": "secret"})
    told = subprocess.run(command, env=token_too, capture_output=True, text=True, timeout=60, check=False)
    assert told.returncode == 4
    assert "auth_dev_token" in told.stderr
    assert "secret" not in told.stderr
    assert not (tmp_path / "data").exists()


def test_strict_mode_starts_with_all_of_it(tmp_path: Path) -> None:
    authority = Authority(tmp_path, "root")
    certificate, key = authority.issue("server")
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "p.rego").write_text(
        'package sb.policy\n\ndefault allow := false\n\nallow if endswith(input.method, "/Store")\n'
    )
    tls = Tls(roots=authority.roots)
    with auth_service() as service:
        settings = STRICT | {
            "SOMA_AUTH_JWKS_URL": service.url,
            "SOMA_AUTH_ISSUER": issuing.ISSUER,
            "SOMA_TLS_CERT": str(certificate),
            "SOMA_TLS_KEY": str(key),
            "SOMA_POLICY_DIR": str(tmp_path / "policies"),
        }
        strict = serving(tmp_path, tls=tls, **settings)
        with strict as server, server.client(token(), tls=tls) as client:
            assert (server.ready["tls"], server.ready["unprotected"]) == (True, [])
            client.store("any", "a", GOOD)
            refused(lambda: client.get("any", "a"), grpc.StatusCode.PERMISSION_DENIED)


def test_tls_refuses_clear_text_and_foreign_authorities(tmp_path: Path) -> None:
    ours, foreign = Authority(tmp_path, "ours"), Authority(tmp_path, "foreign")
    certificate, key = ours.issue("server")
    good = Tls(roots=ours.roots)
    settings = {"SOMA_TLS_CERT": str(certificate), "SOMA_TLS_KEY": str(key)}
    with serving(tmp_path, tls=good, **settings) as server:
        assert store(server, good)
        assert not store(server, Tls(roots=foreign.roots))
        assert not store(server, None)


def test_mtls_lets_in_certificates_of_its_authority_alone(tmp_path: Path) -> None:
    ours, foreign = Authority(tmp_path, "ours"), Authority(tmp_path, "foreign")
    certificate, key = ours.issue("server")
    mine, my_key = ours.issue("client")
    other, other_key = foreign.issue("client")
    settings = {
        "SOMA_TLS_CERT": str(certificate),
        "SOMA_TLS_KEY": str(key),
        "SOMA_TLS_CLIENT_CA": str(ours.roots),
    }
    good = Tls(roots=ours.roots, certificate=mine, key=my_key)
    with serving(tmp_path, tls=good, **settings) as server:
        assert store(server, good)
        assert not store(server, Tls(roots=ours.roots))
        assert not store(server, Tls(roots=ours.roots, certificate=other, key=other_key))
        with server.client("wrong", tls=good) as client:
            refused(lambda: client.store("acme", "a", GOOD), grpc.StatusCode.UNAUTHENTICATED)


def store(server: Server, tls: Tls | None) -> bool:
    """Whether a store gets through. Where no connection comes about, the client tries for as long as its time lasts."""
    with server.client(tls=tls, timeout_seconds=1.5) as client:
        try:
            client.store("acme", "a", GOOD)
        except (NotReady, CallFailed):
            return False
        return True


@pytest.mark.skipif(not OPA, reason="no opa binary on the PATH")
def test_a_real_opa_decides_and_its_end_denies_everything(tmp_path: Path) -> None:
    policies = tmp_path / "policies"
    policies.mkdir()
    (policies / "p.rego").write_text(
        'package sb.policy\n\ndefault allow := false\n\nallow if {\n\tinput.tenant == "acme"\n\tinput.bytes < 100\n}\n'
    )
    with ExitStack() as running:
        opa = ExitStack()
        url = opa.enter_context(opa_server(policies))
        server = running.enter_context(serving(tmp_path / "server", SOMA_OPA_URL=url))
        client = running.enter_context(server.client())
        client.store("acme", "a", GOOD, idempotency_key="k")
        refused(lambda: client.store("other", "a", GOOD), grpc.StatusCode.PERMISSION_DENIED)
        refused(lambda: client.store("acme", "b", GOOD, payload=b"x" * 100), grpc.StatusCode.PERMISSION_DENIED)
        assert client.get("acme", "a").id == "a"
        opa.close()
        refused(lambda: client.get("acme", "a"), grpc.StatusCode.PERMISSION_DENIED)
        assert any(line["message"] == "the policy gave no answer" for line in server.lines())


def test_an_opa_that_is_away_denies(tmp_path: Path) -> None:
    with serving(tmp_path, SOMA_OPA_URL="http://127.0.0.1:1") as server, server.client() as client:
        refused(lambda: client.get("acme", "a"), grpc.StatusCode.PERMISSION_DENIED)


def test_an_unusable_policy_folder_ends_the_start(tmp_path: Path) -> None:
    (tmp_path / "p.rego").write_text("package other\n")
    environs = environment(tmp_path, {"SOMA_POLICY_DIR": str(tmp_path)})
    command = [sys.executable, "-m", "sfm", "serve"]
    ended = subprocess.run(command, env=environs, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 3
    assert "policy_dir" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_tenant_beyond_its_rate_is_told_when_to_come_again(tmp_path: Path) -> None:
    with serving(tmp_path, SOMA_RATE_PER_SECOND="2", SOMA_RATE_BURST="5") as server:
        with server.client() as client:
            client.store("acme", "a", GOOD)
            client.store("other", "a", GOOD)
        ask = pb.GetRequest(tenant="acme", id="a")
        calls = [server.shared.Get.future(ask, metadata=server.bearer) for _ in range(20)]
        codes = [call.code() for call in calls]
        assert codes.count(grpc.StatusCode.OK) in {4, 5, 6}
        assert set(codes) == {grpc.StatusCode.OK, grpc.StatusCode.RESOURCE_EXHAUSTED}
        [last] = [call for call in calls if call.code() is not grpc.StatusCode.OK][-1:]
        wait = float(dict(last.trailing_metadata())["retry-after-seconds"])
        assert 0 < wait <= 0.5
        server.shared.Get(pb.GetRequest(tenant="other", id="a"), metadata=server.bearer)
        with server.client() as client:
            began = time.monotonic()
            client.get("acme", "a")  # waits for as long as it was told
            assert time.monotonic() - began > 0.01
