"""Changes are told at least once and in order, whoever fails in between; none is told that was not made."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import struct
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from common.config.settings import load
from memory_model import D, image, new, running, same
from sfm.domain import Changed
from sfm.errors import Damaged
from sfm.publishing import Publish
from sfm.store import canonical
from sfm.store.plan import Published
from sfm.store.rows import MODULUS, total
from sfm.system import MemorySystem, MemorySystemBuilder
from sqlalchemy import create_engine


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(work)


def telling(folder: Path, publish: Publish, **settings: object) -> MemorySystem:
    quick = {"events_note_seconds": 0.01, "kafka_retry_first_seconds": 0.01, "kafka_retry_longest_seconds": 0.05}
    made = load(data_dir=folder, dimension=D, **(quick | settings))
    return MemorySystemBuilder(made).with_events(publish).build()


@asynccontextmanager
async def told(folder: Path, publish: Publish, **settings: object) -> AsyncIterator[MemorySystem]:
    system = telling(folder, publish, **settings)
    await system.start()
    try:
        yield system
    finally:
        await system.drain(5)


class Heard:
    """Takes what is published, and fails now and then if it is told to."""

    def __init__(self) -> None:
        self.changes: list[Changed] = []
        self.failures = 0
        """How often to fail from now on; each time half of what was given is taken all the same."""

    async def publish(self, changes: Sequence[Changed]) -> None:
        await asyncio.sleep(0)
        if self.failures:
            self.failures -= 1
            self.changes += changes[: len(changes) // 2]
            raise ConnectionError("away")
        self.changes += changes

    def once(self) -> list[tuple[int, str, bool]]:
        """Sequence, id and deletion of each change of tenant t, where it came first."""
        found = {(one.sequence, one.id, one.deleted): None for one in self.changes if one.tenant == "t"}
        return list(found)


async def refusing(changes: Sequence[Changed]) -> None:
    raise ConnectionError(f"{len(changes)} are not taken")


async def until(condition: Any) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.01)


def rows(folder: Path) -> int:
    connection = sqlite3.connect(folder / "memories.db")
    try:
        return int(connection.execute("SELECT count(*) FROM outbox").fetchone()[0])
    finally:
        connection.close()


def test_every_change_is_told_also_those_that_another_of_the_same_commit_replaces(tmp_path: Path) -> None:
    async def work() -> None:
        heard = Heard()
        async with told(tmp_path, heard.publish) as system:
            stored = await asyncio.gather(*(system.store(new(f"m{n % 3}", n)) for n in range(9)))
            await system.delete("t", "m1")
            assert await system.delete("t", "m1") is False
            await system.store(new("other", 1, tenant="u"))
        assert heard.once() == [
            *((one.sequence, one.id, False) for one in stored),
            (10, "m1", True),
        ]
        assert [one.sequence for one in heard.changes] == [*range(1, 11), 1]
        assert len(heard.changes) == 11
        assert len({one.lineage for one in heard.changes}) == 1
        assert rows(tmp_path) == 0

    run(work())


def test_the_digest_is_that_of_the_content_and_of_nothing_else(tmp_path: Path) -> None:
    async def work() -> None:
        heard = Heard()
        async with told(tmp_path, heard.publish) as system:
            for memory in (new("a", 1), new("a", 2), new("a", 1), new("a", 1, tenant="u")):
                await system.store(memory)
            found = await system.get("t", "a")
            await system.delete("t", "a")
        one, two, again, other, deleted = (change.digest for change in heard.changes)
        assert one == again == other != two
        assert deleted == b""
        assert one == canonical.digest(
            found.vector.astype("<f4").tobytes(),
            struct.pack("<d", found.raw_importance),
            str(found.created).encode(),
            found.payload,
            canonical.text(found.metadata, "metadata").encode(),
            b"{}",
        )

    run(work())


def test_what_was_not_taken_is_told_again_and_nothing_else_waits_for_it(tmp_path: Path) -> None:
    async def work() -> None:
        heard = Heard()
        heard.failures = 5
        async with told(tmp_path, heard.publish, kafka_batch=7) as system:
            for n in range(40):
                await system.store(new(f"m{n % 4}", n))
                assert system.ready
            await until(lambda: not system.event_backlog)
            assert not system.away
        assert heard.failures == 0
        assert heard.once() == [(n + 1, f"m{n % 4}", False) for n in range(40)]
        assert rows(tmp_path) == 0

    run(work())


def test_while_nobody_takes_them_changes_wait_and_the_service_is_ready(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def work() -> None:
        with caplog.at_level(logging.WARNING, logger="sfm.publishing"):
            async with told(tmp_path, refusing) as system:
                for n in range(20):
                    await system.store(new(f"m{n}", 1))
                await until(lambda: system.away == {"kafka": "20 are not taken"})
                assert (system.ready, system.event_backlog) == (True, 20)
        assert "20 changes are not published yet" in caplog.text
        assert rows(tmp_path) == 20
        heard = Heard()
        async with told(tmp_path, heard.publish):
            await until(lambda: len(heard.changes) == 20)
        assert rows(tmp_path) == 0

    run(work())


def test_a_crash_between_commit_and_publication_loses_nothing(tmp_path: Path) -> None:
    async def work() -> None:
        heard, crashed = Heard(), tmp_path / "crashed"
        async with told(tmp_path / "whole", refusing) as system:
            await asyncio.gather(*(system.store(new(f"m{n}", 1)) for n in range(10)))
            await system.delete("t", "m3")
            image(tmp_path / "whole", crashed)
        async with told(crashed, heard.publish) as system:
            await system.store(new("later", 1))
            await until(lambda: len(heard.changes) == 12)
        assert sorted(one.id for one in heard.changes[:10]) == sorted(f"m{n}" for n in range(10))
        assert [(one.position, one.id, one.deleted) for one in heard.changes[10:]] == [
            (11, "m3", True),
            (12, "later", False),
        ]

    run(work())


def test_a_crash_after_publication_tells_again_and_not_what_was_taken_out(tmp_path: Path) -> None:
    async def work() -> None:
        heard, again, crashed = Heard(), Heard(), tmp_path / "crashed"
        async with told(tmp_path / "whole", heard.publish) as system:
            await system.store(new("a", 1))
            await until(lambda: rows(tmp_path / "whole") == 0)
        async with told(tmp_path / "whole", heard.publish, events_note_seconds=3600.0) as system:
            await system.store(new("b", 1))
            await until(lambda: len(heard.changes) == 2)
            image(tmp_path / "whole", crashed)
        async with told(crashed, again.publish):
            await until(lambda: again.changes)
        assert [one.id for one in again.changes] == ["b"]
        assert again.changes == heard.changes[1:]

    run(work())


def test_nothing_is_noted_where_nobody_is_to_be_told_and_what_waits_stays(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def work() -> None:
        async with told(tmp_path, refusing) as system:
            await system.store(new("a", 1))
        with caplog.at_level(logging.WARNING, logger="sfm.system"):
            async with running(tmp_path) as system:
                await system.store(new("b", 1))
                assert system.event_backlog == 0
        assert "1 changes wait to be published, and no brokers are configured" in caplog.text
        assert rows(tmp_path) == 1

    run(work())


def test_what_was_published_is_taken_out_once_however_often_that_is_asked_for(tmp_path: Path) -> None:
    async def work() -> None:
        async with told(tmp_path, refusing) as system:
            await asyncio.gather(*(system.store(new(f"m{n}", 1)) for n in range(6)))
            waiting = await system._store.events(0, 4)
            done = Published(waiting[-1].position, len(waiting), total(row.checksum for row in waiting) % MODULUS)
            together = await asyncio.gather(*(system._store.submit(done) for _ in range(3)))
            assert [*together, await system._store.submit(done)] == [True, False, False, False]
            assert system.event_backlog == 2
        assert rows(tmp_path) == 2
        heard = Heard()
        async with told(tmp_path, heard.publish):
            await until(lambda: len(heard.changes) == 2)

    run(work())


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM outbox WHERE position = 2",
        "DELETE FROM outbox",
        "UPDATE outbox SET id = 'x' WHERE position = 2",
        "UPDATE outbox SET deleted = 1 WHERE position = 2",
        "UPDATE head SET outbox_sum = zeroblob(16)",
    ],
)
def test_an_outbox_that_is_not_what_was_written_is_noticed(tmp_path: Path, statement: str) -> None:
    async def work() -> None:
        async with told(tmp_path, refusing) as system:
            for n in range(3):
                await system.store(new(f"m{n}", 1))
        connection = sqlite3.connect(tmp_path / "memories.db")
        connection.execute(statement)
        connection.commit()
        connection.close()
        with pytest.raises(Damaged, match=r"outbox|head"):
            await telling(tmp_path, refusing).start()

    run(work())


def test_a_database_from_before_the_outbox_is_brought_up_to_date(tmp_path: Path) -> None:
    async def work() -> None:
        async with running(tmp_path) as system:
            await system.store(new("a", 1))
        engine = create_engine(f"sqlite:///{tmp_path / 'memories.db'}")
        with engine.connect() as connection:
            config = Config()
            config.set_main_option("script_location", "sfm:migrations")
            config.set_main_option("path_separator", "os")
            config.attributes["connection"] = connection
            command.downgrade(config, "0001")
            connection.commit()
            assert "outbox_sum" not in connection.exec_driver_sql("SELECT * FROM head").keys()  # noqa: SIM118
        engine.dispose()
        heard = Heard()
        async with told(tmp_path, heard.publish) as system:
            assert same(await system.get("t", "a"), new("a", 1))
            await system.store(new("b", 1))
        assert heard.once() == [(2, "b", False)]
        async with running(tmp_path) as system:
            assert same(await system.get("t", "b"), new("b", 1))

    run(work())
