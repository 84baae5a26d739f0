"""What judges the memories after faults, on a real service whose memories are tampered with; and faults on a cluster, where one runs."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from sfm.client import AsyncClient

from kind import faults
from kind.faults import Told, content, emptied, judge, writer
from strictreal.collect.service import launch
from tests.clusters import MARKS, _the_users_own_cluster

__all__ = ["_the_users_own_cluster"]
TOKEN = "a-token-of-this-test"
Tamper = Callable[[AsyncClient, str, Told], Awaitable[object]]


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("service")
    environment = {
        "SOMA_PORT": "0",
        "SOMA_SIDE_PORT": "0",
        "SOMA_DATA_DIR": str(folder / "data"),
        "SOMA_AUTH_DEV_TOKEN": TOKEN,
    }
    with launch.serve("sfm", environment, folder) as server:
        yield server.address


def judged(target: str, tamper: Tamper | None = None) -> list[str]:
    """What is wrong after some writers have stored and `tamper` has done its work."""

    tenant = f"faults-{uuid.uuid4()}"

    async def run() -> list[str]:
        told, over = Told(), asyncio.Event()
        async with AsyncClient(target, token=TOKEN) as client:
            writers = [asyncio.create_task(writer(client, tenant, number, told, over)) for number in range(3)]
            async with asyncio.timeout(120):
                while told.answers < 12:
                    await asyncio.sleep(0.05)
            over.set()
            await asyncio.gather(*writers)
            if tamper:
                await tamper(client, tenant, told)
            wrong = await judge(client, tenant, told)
            await emptied(client, tenant, told)
        return wrong

    return asyncio.run(run())


def test_what_was_acknowledged_and_is_there_is_right(target: str):
    assert judged(target) == []


async def lose(client: AsyncClient, tenant: str, told: Told) -> None:
    await client.delete(tenant, "0.0")


async def change(client: AsyncClient, tenant: str, told: Told) -> None:
    await client.store(tenant, "0.0", **{**content("0.0", told.versions["0.0"]), "payload": b"other"})


async def turn(client: AsyncClient, tenant: str, told: Told) -> None:
    await client.store(tenant, "0.0", **{**content("0.0", told.versions["0.0"]), "content": np.ones(faults.D)})


async def repeat(client: AsyncClient, tenant: str, told: Told) -> None:
    await client.store(tenant, "0.0", **content("0.0", told.versions["0.0"]))


async def double(client: AsyncClient, tenant: str, told: Told) -> None:
    await client.store(tenant, "another", **content("0.0", 1))


@pytest.mark.parametrize(
    ("tamper", "message"),
    [
        (lose, "was acknowledged and is lost"),
        (change, "is not as it was stored"),
        (turn, "is not as it was stored"),
        (repeat, "was answered"),
        (repeat, "changes, where"),
        (double, "memories, where"),
    ],
)
def test_what_is_lost_changed_or_doubled_is_named(target: str, tamper: Tamper, message: str):
    assert any(message in each for each in judged(target, tamper))


def test_a_store_that_takes_effect_before_its_writer_sends_it_is_named(target: str):
    tenant = f"faults-{uuid.uuid4()}"

    async def run() -> Told:
        told, over = Told(), asyncio.Event()
        async with AsyncClient(target, token=TOKEN) as client:
            await client.store(tenant, "7.0", **content("7.0", 1))
            task = asyncio.create_task(writer(client, tenant, 7, told, over))
            async with asyncio.timeout(120):
                while not told.answers:
                    await asyncio.sleep(0.05)
            over.set()
            await task
            await emptied(client, tenant, told)
        return told

    assert asyncio.run(run()).wrong == ["7.0: version 1 took effect twice"]


def test_a_memorys_content_follows_from_its_id_and_version(tmp_path: Path):
    first, again = content("1.2", 3), content("1.2", 3)
    assert np.array_equal(first.pop("content"), again.pop("content"))
    assert first == again
    assert len({content(id, version)["importance"] for id in ("1.2", "1.3") for version in (1, 2)}) == 4


@MARKS[0]
@MARKS[1]
def test_what_was_acknowledged_outlives_faults_in_the_cluster():
    done, told, wrong = asyncio.run(faults.matrix(3, 3, time.monotonic() + 300))
    assert wrong == []
    assert done.total() > 0
    assert told.answers > faults.WRITERS
