"""The memory system over its real database: what it promises of stores, keys, deletes, tenants and accesses."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from common.utils.cache import Look
from memory_model import FUTURE, D, Model, build, image, new, running, same
from sfm.domain import Query, ScoreParameters
from sfm.errors import IdempotencyConflict, InvalidField, MemoryNotFound, NotReady, Unconfigured


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(work)


def test_a_stored_memory_is_read_as_it_was_given(tmp_path: Path) -> None:
    async def work() -> None:
        async with running(tmp_path) as system:
            stored = await system.store(new("a", 1))
            assert (stored.id, stored.replaced, stored.sequence) == ("a", False, 1)
            assert same(await system.get("t", "a"), new("a", 1))
            again = await system.store(new("a", 2))
            assert (again.replaced, again.sequence) == (True, 2)
            assert same(await system.get("t", "a"), new("a", 2))

    run(work())


def test_a_memory_outlives_the_process(tmp_path: Path) -> None:
    async def work() -> None:
        async with running(tmp_path) as system:
            await system.store(new("a", 1))
            crashed = image(tmp_path, tmp_path / "crashed")
        for folder in (tmp_path, crashed):
            async with running(folder) as system:
                assert same(await system.get("t", "a"), new("a", 1))

    run(work())


def test_the_same_key_and_request_give_the_first_answer(tmp_path: Path) -> None:
    async def work() -> None:
        once = new("a", 1, idempotency_key="k")
        async with running(tmp_path) as system:
            first = await system.store(once)
            await system.store(new("a", 2))
            assert await system.store(once) == first
            assert same(await system.get("t", "a"), new("a", 2))
            together = await asyncio.gather(*(system.store(new("b", 1, idempotency_key="b")) for _ in range(20)))
            assert len(set(together)) == 1
        async with running(tmp_path) as system:
            assert await system.store(once) == first
        (tmp_path / "snapshot").unlink()
        async with running(tmp_path) as system:
            assert await system.store(once) == first
            assert await system.store(replace(once, created=5)) == first
            other_tenant = await system.store(new("a", 1, tenant="u", idempotency_key="k"))
            assert (other_tenant.sequence, other_tenant.replaced) == (1, False)

    run(work())


def test_a_key_with_another_request_is_a_conflict_that_changes_nothing(tmp_path: Path) -> None:
    async def work() -> None:
        async with running(tmp_path) as system:
            requests = [new("a", 1, idempotency_key="k"), new("a", 2, idempotency_key="k"), new("b", 1)]
            answers = await asyncio.gather(*map(system.store, requests), return_exceptions=True)
            assert isinstance(answers[1], IdempotencyConflict)
            assert same(await system.get("t", "a"), new("a", 1))
            assert [answers[0].sequence, answers[2].sequence] == [1, 2]  # type: ignore[union-attr]
            with pytest.raises(IdempotencyConflict):
                await system.store(replace(requests[0], created=7, created_given=True))

    run(work())


def test_a_bad_change_of_a_group_fails_alone(tmp_path: Path) -> None:
    async def work() -> None:
        async with running(tmp_path) as system:
            await system.store(new("first", 1))
            with sqlite3.connect(tmp_path / "memories.db") as other:
                other.execute(
                    "CREATE TRIGGER refuse BEFORE INSERT ON memories WHEN new.id = 'bad' "
                    "BEGIN SELECT RAISE(ABORT, 'not this one'); END"
                )
            requests = [new("bad" if n == 7 else f"m{n}", 1) for n in range(20)]
            answers = await asyncio.gather(*map(system.store, requests), return_exceptions=True)
            assert [n for n, answer in enumerate(answers) if isinstance(answer, Exception)] == [7]
            assert isinstance(answers[7], InvalidField)
            assert sorted(a.sequence for a in answers if not isinstance(a, BaseException)) == list(range(2, 21))
            with pytest.raises(MemoryNotFound):
                await system.get("t", "bad")
            assert system.ready
        with sqlite3.connect(tmp_path / "memories.db") as other:
            other.execute("DROP TRIGGER refuse")
        model = Model()
        for request in [new("first", 1), *requests]:
            if request.id != "bad":
                model.put(request)
        async with running(tmp_path) as system:
            assert await model.differences(system, {"bad"}) == []

    run(work())


def test_deleting_says_whether_there_was_one(tmp_path: Path) -> None:
    async def work() -> None:
        async with running(tmp_path) as system:
            assert not await system.delete("nobody", "a")
            await system.store(new("a", 1))
            answers = await asyncio.gather(*(system.delete("t", "a") for _ in range(3)))
            assert sorted(answers) == [False, False, True]
            with pytest.raises(MemoryNotFound):
                await system.get("t", "a")
            assert (await system.store(new("a", 2))).replaced is False

    run(work())


def test_deletes_are_kept_over_a_start_from_an_older_snapshot(tmp_path: Path) -> None:
    async def work() -> None:
        async with running(tmp_path) as system:
            for n in range(5):
                await system.store(new(f"m{n}", 1))
        async with running(tmp_path) as system:
            await system.delete("t", "m1")
            await system.store(new("m2", 2))
            crashed = image(tmp_path, tmp_path / "crashed")
        async with running(crashed) as system:
            with pytest.raises(MemoryNotFound):
                await system.get("t", "m1")
            assert same(await system.get("t", "m2"), new("m2", 2))
            assert (await system.store(new("m9", 1))).sequence == 8

    run(work())


def test_reads_of_an_unknown_tenant_name_the_field(tmp_path: Path) -> None:
    async def work() -> None:
        async with running(tmp_path) as system:
            asked = Query(tenant="x", vector=np.ones(D, np.float32), k=1, parameters=ScoreParameters(), as_of=FUTURE)
            for call in (
                system.get("x", "a"),
                system.recall(asked),
                system.explain("x", "a", asked.vector, asked.parameters, FUTURE),
                system.stats("x"),
            ):
                with pytest.raises(InvalidField) as caught:
                    await call
                assert caught.value.field == "tenant"
            await system.store(new("a", 1, tenant="x"))
            await system.delete("x", "a")
            with pytest.raises(MemoryNotFound):
                await system.get("x", "a")
            assert await system.recall(asked) == ([], False)

    run(work())


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("vector", {"vector": np.zeros(D, np.float32)}),
        ("vector", {"vector": np.full(D, np.nan, np.float32)}),
        ("vector", {"vector": np.ones(D + 1, np.float32)}),
        ("importance", {"raw_importance": float("inf")}),
        ("created_at", {"created": 1 << 70}),
        ("id", {"id": ""}),
        ("id", {"id": "a\0b"}),
        ("id", {"id": "\ud800"}),
        ("tenant", {"tenant": "x" * 129}),
        ("features.zeal", {"features": {"zeal": 0.5}}),
        ("metadata.a", {"metadata": {"a": float("nan")}}),
        ("metadata.a", {"metadata": {"a": object()}}),
    ],
)
def test_bad_input_names_its_field_and_changes_nothing(tmp_path: Path, field: str, change: dict[str, Any]) -> None:
    async def work() -> None:
        async with running(tmp_path) as system:
            await system.store(new("a", 1))
            with pytest.raises(InvalidField) as caught:
                await system.store(replace(new("a", 2), **change))
            assert caught.value.field == field
            assert same(await system.get("t", "a"), new("a", 1))
            assert (await system.stats("")).total_vectors == 1

    run(work())


def test_accesses_are_counted_and_survive_restarts_and_payloads_stay(tmp_path: Path) -> None:
    async def work() -> None:
        async with running(tmp_path) as system:
            for n in range(4):
                await system.store(new(f"m{n}", 1))
            for _ in range(3):
                await system.get("t", "m1")
            asked = Query(tenant="t", vector=new("m2", 1).vector, k=1, parameters=ScoreParameters(), as_of=FUTURE)
            assert (await system.recall(asked))[0][0].memory.id == "m2"
        for unlink in (False, True):
            if unlink:
                (tmp_path / "snapshot").unlink()
            async with running(tmp_path) as system:
                counts = [(await system.get("t", f"m{n}")).access_count for n in range(4)]
                assert counts == ([1, 5, 2, 1] if unlink else [0, 3, 1, 0])
                assert same(await system.get("t", "m1"), new("m1", 1))

    run(work())


def test_a_replaced_memory_begins_with_no_accesses(tmp_path: Path) -> None:
    async def work() -> None:
        async with running(tmp_path) as system:
            await system.store(new("a", 1))
            await system.get("t", "a")
        async with running(tmp_path) as system:
            await system.store(new("a", 2))
            assert (await system.get("t", "a")).access_count == 0
            crashed = image(tmp_path, tmp_path / "crashed")
        async with running(crashed) as system:
            assert (await system.get("t", "a")).access_count == 0

    run(work())


def test_recalls_see_one_moment_while_everything_is_replaced(tmp_path: Path) -> None:
    """All memories move together from one version to the next; each hit's payload, metadata and score are of one version."""

    async def work() -> None:
        async with running(tmp_path) as system:
            ids = [f"m{n}" for n in range(20)]
            await asyncio.gather(*(system.store(new(id, 0)) for id in ids))
            stop = asyncio.Event()

            async def replacing() -> None:
                version = 0
                while not stop.is_set():
                    version += 1
                    await asyncio.gather(*(system.store(new(id, version)) for id in ids))

            task = asyncio.create_task(replacing())
            query = np.random.default_rng(3).standard_normal(D).astype(np.float32)
            for n in range(40):
                asked = Query(
                    tenant="t",
                    vector=query,
                    k=5,
                    parameters=ScoreParameters(),
                    as_of=FUTURE,
                    with_payloads=n % 2 == 0,
                    with_vectors=n % 2 == 0,
                )
                for hit in (await system.recall(asked))[0]:
                    version = int(hit.memory.metadata["version"])
                    expected = new(hit.memory.id, version)
                    cosine = float(expected.vector @ query / np.linalg.norm(expected.vector) / np.linalg.norm(query))
                    assert abs(hit.score - cosine * hit.memory.importance) < 1e-5
                    if n % 2 == 0:
                        assert same(hit.memory, expected)
            stop.set()
            await task

    run(work())


def test_a_cache_never_gives_an_answer_of_before_a_change(tmp_path: Path) -> None:
    class Kept:
        def __init__(self) -> None:
            self.answers: dict[tuple[str, str], bytes] = {}

        async def look(self, tenant: str, key: str) -> Look:
            return Look(self.answers.get((tenant, key)), b"")

        async def put(self, tenant: str, key: str, value: bytes, generation: bytes | None) -> None:  # noqa: ARG002 - a seam
            self.answers[tenant, key] = value

        async def invalidate(self, tenant: str) -> None:
            """Nothing is dropped here: the keys alone must do."""

    async def work() -> None:
        system = type(build(tmp_path))(build(tmp_path)._settings, Kept(), None)
        await system.start()
        asked = Query(tenant="t", vector=new("a", 2).vector, k=1, parameters=ScoreParameters(), as_of=FUTURE)
        await system.store(new("a", 1))
        first, cached = await system.recall(asked)
        again, cached_again = await system.recall(replace(asked, as_of=FUTURE + 1))
        assert (cached, cached_again) == (False, True)
        assert [h.score for h in first] == [h.score for h in again]
        await system.store(new("a", 2))
        hits, cached = await system.recall(asked)
        assert not cached
        assert hits[0].memory.metadata["version"] == 2
        await system.drain(5)

    run(work())


def test_what_is_not_served_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Unconfigured):
        build(tmp_path, ann="usearch")


def test_a_drained_system_refuses_calls(tmp_path: Path) -> None:
    async def work() -> None:
        async with running(tmp_path) as system:
            await system.store(new("a", 1))
        assert not system.ready
        with pytest.raises(NotReady):
            await system.store(new("a", 2))
        with pytest.raises(NotReady):
            await system.get("t", "a")

    run(work())


def test_a_second_process_does_not_get_the_database(tmp_path: Path) -> None:
    async def work() -> None:
        async with running(tmp_path):
            second = build(tmp_path)
            starting = asyncio.create_task(second.start())
            await asyncio.sleep(0.3)
            assert not starting.done()
            assert "another process" in second.why_not_ready
            starting.cancel()
            await asyncio.wait([starting])

    run(work())


def test_explain_multiplies_to_the_recalled_score(tmp_path: Path) -> None:
    async def work() -> None:
        async with running(tmp_path, feature_names="zeal,trust") as system:
            await system.store(replace(new("a", 1), features={"zeal": 0.3}))
            parameters = ScoreParameters(alpha=2.0, beta=1.5, tau=3600.0, feature_weights={"zeal": 0.5, "trust": 0.25})
            vector = new("a", 1).vector + np.float32(0.1)
            at = new("a", 1).created + 1_000_000_000
            asked = Query(tenant="t", vector=vector, k=1, parameters=parameters, as_of=at)
            (hit,), _ = await system.recall(asked)
            found = await system.explain("t", "a", vector, parameters, at)
            assert found.score == hit.score
            factors = [
                found.similarity_factor,
                found.importance_factor,
                found.decay_factor,
                *(f.factor for f in found.features),
            ]
            assert abs(float(np.prod(factors)) - found.score) < 1e-15
            with pytest.raises(InvalidField):
                await system.explain("t", "a", vector, parameters, new("a", 1).created - 1)

    run(work())


def test_the_hot_tier_answers_payloads_of_the_present_version(tmp_path: Path) -> None:
    async def work() -> None:
        async with running(tmp_path, hot_tier_rows=3, upkeep_seconds=0.05) as system:
            await asyncio.gather(*(system.store(new(f"m{n}", 1)) for n in range(6)))
            await asyncio.sleep(0.3)
            asked = Query(
                tenant="t",
                vector=new("m1", 1).vector,
                k=6,
                parameters=ScoreParameters(),
                as_of=FUTURE,
                with_payloads=True,
            )
            hits, _ = await system.recall(asked)
            assert 0 < (await system.stats("t")).hot_tier_hit_ratio < 1
            await asyncio.gather(*(system.store(new(f"m{n}", 2)) for n in range(6)))
            hits, _ = await system.recall(asked)
            assert hits
            assert all(hit.memory.payload == new(hit.memory.id, 2).payload for hit in hits)

    run(work())
