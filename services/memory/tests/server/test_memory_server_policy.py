"""The judges permit on a clear yes alone: the embedded one and a real OPA agree, and whatever else comes is a no."""

from __future__ import annotations

import asyncio
import gc
import json
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from common.config.settings import SettingsError, SMFSettings
from common.utils.auth_client import Principal
from sfm.server import policy
from sfm.server.policy import SHIPPED, OpaJudge, RegoJudge
from sfm.server.refusals import Denied

OPA = shutil.which("opa")
WRITER = Principal("ann", frozenset({"acme"}), frozenset({"writer"}))
STORE = "/sfm.memory.v1.MemoryService/Store"


@pytest.fixture(autouse=True)
def dropped() -> Iterator[None]:
    """Engines end in the thread that made them, which regorus insists on, and not in whichever collects garbage next."""
    yield
    gc.collect()


async def allowed(judge: Any, question: Any) -> bool:
    """Whether a judge says yes; no answer is a no."""
    try:
        return await judge.allows(question)
    except Denied:
        return False


def question(**changed: Any) -> dict[str, Any]:
    who = {"subject": "ann", "tenants": ["acme"], "roles": ["writer"]}
    return {"method": STORE, "tenant": "acme", "principal": who, "bytes": 1} | changed


QUESTIONS = [
    question(),
    question(tenant="other"),
    question(tenant=""),
    question(method="/sfm.memory.v1.MemoryService/GateReport", tenant=""),
    question(principal={"subject": "op", "tenants": [], "roles": ["operator"]}, tenant=""),
    question(principal={"subject": "bob", "tenants": ["*"], "roles": ["reader", "writer"]}),
    question(principal={"subject": "eve", "tenants": ["acme"], "roles": []}),
    question(principal=None),
    {},
]


@contextmanager
def opa_server(folder: Path) -> Iterator[str]:
    """A real OPA with the policies of a folder."""
    assert OPA
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    command = [OPA, "run", "--server", "--addr", address, "--log-level", "error", "--disable-telemetry", str(folder)]
    process = subprocess.Popen(command)
    try:
        host, port = address.split(":")
        until = time.monotonic() + 20
        while True:
            try:
                socket.create_connection((host, int(port)), 1).close()
                break
            except OSError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.02)
        yield f"http://{address}"
    finally:
        process.terminate()
        process.wait(10)


def asked(url: str, questions: list[dict[str, Any]], timeout_seconds: float = 5.0) -> list[bool]:
    async def main() -> list[bool]:
        async with aiohttp.ClientSession() as session:
            judge = OpaJudge(url, timeout_seconds, session)
            return [await allowed(judge, one) for one in questions]

    return asyncio.run(main())


def embedded(folder: Path, questions: list[dict[str, Any]]) -> list[bool]:
    async def main() -> list[bool]:
        judge = RegoJudge(folder)
        return [await allowed(judge, one) for one in questions]

    return asyncio.run(main())


def test_the_shipped_policy_permits_own_tenants_by_role_and_nothing_else() -> None:
    assert embedded(SHIPPED, QUESTIONS) == [True, False, False, False, False, True, False, False, False]


@pytest.mark.skipif(not OPA, reason="no opa binary on the PATH")
def test_a_real_opa_answers_as_the_embedded_engine_does_and_its_end_is_a_no() -> None:
    with opa_server(SHIPPED) as url:
        assert asked(url, QUESTIONS) == embedded(SHIPPED, QUESTIONS)
    assert asked(url, QUESTIONS[:1]) == [False]


NO_YES = {
    "a string": 'allow := "true"',
    "a number": "allow := 1",
    "an object": 'allow := {"allow": true}',
    "a list": "allow := [true]",
    "undefined": "allow if input.nothing",
    "an error": "allow if 1 / input.bytes.x == 1",
    "conflict": "allow := x if some x in [true, false]",
    "another rule": "permit := true",
}


@pytest.mark.parametrize("case", NO_YES)
def test_no_clear_yes_is_a_no(case: str, tmp_path: Path) -> None:
    (tmp_path / "p.rego").write_text(f"package sb.policy\n\n{NO_YES[case]}\n")
    if case == "another rule":
        with pytest.raises(SettingsError, match=r"has no usable data\.sb.policy.allow"):
            embedded(tmp_path, [question()])
    elif case == "conflict":
        with pytest.raises(SettingsError):
            embedded(tmp_path, [question()])
    else:
        assert embedded(tmp_path, [question()]) == [False]
    if OPA:
        with opa_server(tmp_path) as url:
            assert asked(url, [question()]) == [False]


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, b'{"result": {"allow": true}}'),
        (302, b'{"result": {"allow": true}}'),
        (200, b'{"result": true}'),
        (200, b'{"result": {"allow": "yes"}}'),
        (200, b'{"result": {"allow": 1}}'),
        (200, b"{}"),
        (200, b"[]"),
        (200, b"not json"),
        (200, b""),
        (200, b'{"result": {"allow": true}}' + b" " * 100_000),
    ],
)
def test_an_answer_of_another_form_is_a_no(status: int, body: bytes) -> None:
    assert served(status, body) == [False]


def test_the_same_server_can_say_yes() -> None:
    assert served(200, b'{"result": {"allow": true}}') == [True]


def test_a_late_answer_is_a_no() -> None:
    assert served(200, b'{"result": {"allow": true}}', late=2.0) == [False]


def served(status: int, body: bytes, late: float = 0.0) -> list[bool]:
    async def main() -> list[bool]:
        async def answer(request: web.Request) -> web.Response:
            assert (await request.json())["input"] == question()
            await asyncio.sleep(late)
            return web.Response(status=status, body=body, headers={"Location": "/elsewhere"})

        application = web.Application()
        application.router.add_post("/v1/data/sb/policy", answer)
        runner = web.AppRunner(application)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        async with aiohttp.ClientSession() as session:
            judge = OpaJudge(f"http://127.0.0.1:{runner.addresses[0][1]}/", 0.5, session)
            found = [await allowed(judge, question())]
        await runner.cleanup()
        return found

    return asyncio.run(main())


@pytest.mark.parametrize("text", ["package sb.policy\n\nallow if {", "package other\n\nallow := true\n", ""])
def test_a_folder_without_a_usable_policy_is_refused_at_the_start(text: str, tmp_path: Path) -> None:
    (tmp_path / "p.rego").write_text(text)
    with pytest.raises(SettingsError, match="policy_dir"):
        RegoJudge(tmp_path)


def test_data_beside_the_policies_is_loaded(tmp_path: Path) -> None:
    (tmp_path / "p.rego").write_text("package sb.policy\n\nallow if input.tenant in data.open\n")
    (tmp_path / "data.json").write_text(json.dumps({"open": ["acme"]}))
    assert embedded(tmp_path, [question(), question(tenant="other")]) == [True, False]


def test_admit_raises_denied_and_does_not_say_why() -> None:
    async def main() -> None:
        async with aiohttp.ClientSession() as session:
            judge = policy.judge(SMFSettings(), session)
            await policy.admit(judge, STORE, "acme", WRITER, 10)
            with pytest.raises(Denied, match=r"^the policy does not permit this call$"):
                await policy.admit(judge, STORE, "other", WRITER, 10)

    asyncio.run(main())
