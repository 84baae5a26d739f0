"""The same store over a real PostgreSQL server, which is stopped hard while changes are written."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import schema
from memory_model import FUTURE, Model, build, new, running, same
from postgres_server import Server, binaries
from sfm.domain import Query, ScoreParameters, Stored
from sfm.errors import IdempotencyConflict, NotReady
from sqlalchemy import Connection, inspect, text
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

PROGRAMS = binaries()
pytestmark = pytest.mark.skipif(PROGRAMS is None, reason="no PostgreSQL server is installed (no `postgres` binary)")


@pytest.fixture
def server() -> Iterator[Server]:
    """Not under tmp_path, whose parents only their owner may enter: PostgreSQL runs as nobody."""
    assert PROGRAMS is not None
    folder = Path(tempfile.mkdtemp(prefix="sfm-postgres-"))
    running_server = Server(PROGRAMS, folder)
    running_server.start()
    yield running_server
    running_server.kill()
    shutil.rmtree(folder)


def test_stores_keys_deletes_and_restarts_agree_with_the_model(server: Server, tmp_path: Path) -> None:
    async def work() -> None:
        model = Model()
        async with running(tmp_path, database_url=server.url) as system:
            requests = [new(f"m{n}", 1, "tu"[n % 2], idempotency_key=f"k{n}") for n in range(40)]
            first = await asyncio.gather(*map(system.store, requests))
            for request in requests:
                model.put(request)
            assert await asyncio.gather(*map(system.store, requests)) == first
            with pytest.raises(IdempotencyConflict):
                await system.store(new("m0", 2, idempotency_key="k0"))
            assert await system.delete("t", "m2")
            del model.memories["t"]["m2"]
            for _ in range(2):
                await system.get("t", "m4")
        for unlink in (False, True):
            if unlink:
                (tmp_path / "snapshot").unlink()
            async with running(tmp_path, database_url=server.url) as system:
                assert (await system.get("t", "m4")).access_count >= 2
                assert await model.differences(system, {"m2"}) == []
                assert await system.store(requests[0]) == first[0]

    asyncio.run(work())


def test_nothing_acknowledged_is_lost_when_the_server_goes_away_and_comes_back(server: Server, tmp_path: Path) -> None:
    async def work() -> None:
        model, acknowledged = Model(), 0
        async with running(tmp_path, database_url=server.url, retry_longest_seconds=0.2, commit_batch=8) as system:
            stop = asyncio.Event()

            async def writer(number: int) -> None:
                nonlocal acknowledged
                version = 0
                while not stop.is_set():
                    version += 1
                    memory = new(f"m{number}", version, idempotency_key=f"{number}:{version}")
                    answer = await system.store(memory)
                    assert isinstance(answer, Stored)
                    model.put(memory)
                    acknowledged += 1

            writers = [asyncio.create_task(writer(number)) for number in range(8)]
            for _ in range(3):
                await asyncio.sleep(0.7)
                await asyncio.to_thread(server.kill)
                await asyncio.sleep(0.3)
                assert not system.ready
                before = acknowledged
                assert "away" in system.why_not_ready or system.why_not_ready
                asked = Query(tenant="t", vector=new("m1", 1).vector, k=3, parameters=ScoreParameters(), as_of=FUTURE)
                assert (await system.recall(asked))[0], "recall from memory goes on"
                await asyncio.to_thread(server.start)
                while acknowledged < before + 20:
                    failed = [writer.exception() for writer in writers if writer.done()]
                    assert not failed, failed
                    await asyncio.sleep(0.05)
                assert system.ready
            stop.set()
            await asyncio.gather(*writers)
            assert await model.differences(system, set()) == []
            sequences = [(await system.get("t", f"m{number}")).sequence for number in range(8)]
            assert max(sequences) == acknowledged, "each acknowledged store happened once"
        (tmp_path / "snapshot").unlink()
        async with running(tmp_path, database_url=server.url) as system:
            assert await model.differences(system, set()) == []

    asyncio.run(work())


async def blocked(connection: AsyncConnection) -> list[tuple[int, str]]:
    """Process and statement of each connection that waits for a lock."""
    query = "SELECT pid, query FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
    async with asyncio.timeout(60):
        while not (found := (await connection.execute(text(query))).all()):
            await asyncio.sleep(0.05)
            await connection.execute(text("SELECT pg_stat_clear_snapshot()"))
    return [(row[0], row[1]) for row in found]


def test_a_connection_lost_while_a_key_is_looked_up_is_made_again_and_the_store_happens_once(
    server: Server, tmp_path: Path
) -> None:
    async def work() -> None:
        engine = create_async_engine(server.url)
        async with (
            running(tmp_path, database_url=server.url, retry_longest_seconds=0.2) as system,
            engine.connect() as c,
        ):
            first = await system.store(new("a", 1, idempotency_key="k"))
            await c.execute(text("LOCK TABLE idempotency IN ACCESS EXCLUSIVE MODE"))
            calls = [
                asyncio.create_task(system.store(new(id, 1, idempotency_key=key)))
                for id, key in (("a", "k"), ("b", "l"), ("gave up", "m"))
            ]
            ((process, statement),) = await blocked(c)
            assert statement.startswith("SELECT")
            calls[2].cancel()
            await c.execute(text("SELECT pg_terminate_backend(:process)"), {"process": process})
            async with asyncio.timeout(60):
                while system.ready:
                    await asyncio.sleep(0.01)
            await c.rollback()
            assert await calls[0] == first
            assert (await calls[1]).sequence == 2
            assert (await system.store(new("b", 1, idempotency_key="l"))).sequence == 2
            assert (await system.store(new("c", 1))).sequence == 3, "what was given up was not done"
            assert (await c.execute(text("SELECT count(*) FROM idempotency"))).scalar() == 2
        await engine.dispose()

    asyncio.run(work())


def test_a_database_of_the_earlier_version_keeps_its_keys(server: Server, tmp_path: Path) -> None:
    def indexes(connection: Connection) -> set[str]:
        return {str(one["name"]) for one in inspect(connection).get_indexes("idempotency")}

    async def work() -> None:
        async with running(tmp_path, database_url=server.url) as system:
            requests = [new(f"m{n}", 1, idempotency_key=f"k{n}") for n in range(40)]
            first = await asyncio.gather(*map(system.store, requests))
        engine = create_async_engine(server.url)
        async with engine.connect() as connection:
            await connection.run_sync(schema.down, "0002")
            await connection.commit()
            assert await connection.run_sync(indexes) == {"ix_idempotency_position"}
        async with running(tmp_path, database_url=server.url) as system:
            assert await asyncio.gather(*map(system.store, requests)) == first
        async with engine.connect() as connection:
            assert await connection.run_sync(indexes) == {"ix_idempotency_created"}
        await engine.dispose()

    asyncio.run(work())


def test_a_call_is_told_that_storage_is_away_and_what_it_asked_for_is_not_done_later(
    server: Server, tmp_path: Path
) -> None:
    async def work() -> None:
        async with running(
            tmp_path, database_url=server.url, default_timeout_seconds=1.0, retry_longest_seconds=0.2
        ) as system:
            await system.store(new("a", 1))
            await asyncio.to_thread(server.kill)
            answers = await asyncio.gather(*(system.store(new("a", n)) for n in (2, 3)), return_exceptions=True)
            assert [type(answer) for answer in answers] == [NotReady, NotReady]
            with pytest.raises(NotReady):
                await system.get("t", "a")
            assert not system.ready
            await asyncio.to_thread(server.start)
            async with asyncio.timeout(60):
                while not system.ready:
                    await asyncio.sleep(0.05)
            assert same(await system.get("t", "a"), new("a", 1))
            assert (await system.store(new("a", 4))).sequence == 2

    asyncio.run(work())


def test_a_start_waits_for_a_database_that_is_away(server: Server, tmp_path: Path) -> None:
    async def work() -> None:
        server.kill()
        system = build(tmp_path, database_url=server.url)
        starting = asyncio.create_task(system.start())
        await asyncio.sleep(0.5)
        assert not system.ready
        assert "away" in system.why_not_ready
        await asyncio.to_thread(server.start)
        await asyncio.wait_for(starting, 30)
        assert system.ready
        await system.store(new("a", 1))
        await system.drain(5)

    asyncio.run(work())


def test_a_second_process_does_not_get_the_database(server: Server, tmp_path: Path) -> None:
    async def work() -> None:
        async with running(tmp_path / "one", database_url=server.url):
            second = build(tmp_path / "two", database_url=server.url)
            starting = asyncio.create_task(second.start())
            await asyncio.sleep(0.5)
            assert "another process" in second.why_not_ready
            starting.cancel()
            await asyncio.wait([starting])

    asyncio.run(work())
