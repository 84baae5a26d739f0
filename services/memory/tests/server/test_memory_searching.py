"""Searches that wait for a thread are put to the engine together; each gets its own answer, or its own error."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest
from sfm.engine.scoring import Parameters
from sfm.engine.search import Question, search
from sfm.engine.snapshot import Snapshot
from sfm.engine.space import Space
from sfm.searching import MOST_TOGETHER, Searches

MANY = 3 * MOST_TOGETHER


@pytest.fixture(scope="module")
def snapshot() -> Snapshot:
    space = Space(8)
    rng = np.random.default_rng(5)
    space.put([str(n) for n in range(9000)], rng.standard_normal((9000, 8)), rng.random(9000), np.zeros(9000))
    return space.snapshot


def questions(snapshot: Snapshot) -> list[Question]:
    units = np.random.default_rng(6).standard_normal((MANY, 8))
    units /= np.linalg.norm(units, axis=1, keepdims=True)
    return [Question(snapshot, unit, 5, Parameters(), 1.0) for unit in units]


def broken(_: str) -> bool:
    raise LookupError("this question cannot be answered")


@pytest.mark.parametrize("threads", [1, 2])
def test_each_question_gets_its_own_answer_whatever_becomes_of_the_others(snapshot: Snapshot, threads: int):
    asked = questions(snapshot)
    expected = [search([question])[0] for question in asked]
    asked[2] = asked[2]._replace(keep=broken)

    async def put() -> list[object]:
        searches = Searches(threads)
        tasks = [
            asyncio.create_task(searches.search(f"tenant-{number % 3}", question))
            for number, question in enumerate(asked)
        ]
        await asyncio.sleep(0)
        tasks[MANY - 1].cancel()  # its caller does not wait any more, though others were to be answered with it
        found = await asyncio.gather(*tasks, return_exceptions=True)
        again = await searches.search("tenant-0", asked[0])
        searches.close()
        return [*found, again]

    found = asyncio.run(put())
    assert isinstance(found[2], LookupError)
    assert isinstance(found[MANY - 1], asyncio.CancelledError)
    for number in set(range(MANY)) - {2, MANY - 1}:
        assert found[number] == expected[number]
    assert found[-1] == expected[0]


def test_nothing_waits_for_threads_that_have_ended(snapshot: Snapshot):
    asked = questions(snapshot)

    async def put() -> list[object]:
        searches = Searches(1)
        tasks = [asyncio.create_task(searches.search("t", question)) for question in asked]
        await asyncio.sleep(0)
        searches.close()
        late = [asyncio.create_task(searches.search("t", asked[0])) for _ in range(3)]
        async with asyncio.timeout(30):
            return await asyncio.gather(*tasks, *late, return_exceptions=True)

    found = asyncio.run(put())
    assert found[0] == search(asked[:1])[0]  # it was under way
    assert {type(each) for each in found[1:MANY]} == {asyncio.CancelledError}
    assert {type(each) for each in found[MANY:]} == {RuntimeError}


def test_no_tenant_waits_for_all_of_anothers_questions(snapshot: Snapshot):
    asked = questions(snapshot)
    order: list[str] = []

    async def put() -> None:
        searches = Searches(1)

        async def one(tenant: str, question: Question) -> None:
            await searches.search(tenant, question)
            order.append(tenant)

        await asyncio.gather(*(one("many", question) for question in asked), one("one", asked[0]))
        searches.close()

    asyncio.run(put())
    assert order.index("one") <= 2 * MOST_TOGETHER
