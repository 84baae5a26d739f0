"""The roadmap's invariants over the wire and in process: equal answers to the last bit, and near to 50-digit arithmetic.

Every store goes to a real server and to a memory system in this process; `Both` gives an answer only if they agree.
"""

from __future__ import annotations

import asyncio
import itertools
import math
import threading
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import mpmath
import numpy as np
import pytest
from common.config.settings import load
from hypothesis import HealthCheck, assume, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from serving import DIMENSION, SETTINGS, Server, serving
from sfm.client import Client
from sfm.domain import Explanation, Memory, NewMemory, Query, ScoreParameters
from sfm.memory.v1 import memory_pb2 as pb
from sfm.system import MemorySystem, MemorySystemBuilder

EXAMPLES = hypothesis_settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
SECOND = 1_000_000
K_MOST = 50
Answer = TypeVar("Answer")
Row = Sequence[float]
rows = st.lists(st.floats(-100, 100, width=32), min_size=DIMENSION, max_size=DIMENSION).filter(
    lambda row: max(map(abs, row)) > 1e-3
)
raws = st.floats(-20, 20)


class Both:
    """A server and a memory system of this process that are told and asked the same."""

    def __init__(self, server: Server, client: Client, system: MemorySystem, loop: asyncio.AbstractEventLoop) -> None:
        self._server, self._client, self._system, self._loop = server, client, system, loop
        self._tenants = itertools.count()

    def fill(self, memories: Sequence[tuple[Row, float, int]]) -> str:
        """Store vector, raw importance and time of memories m0, m1 …; a tenant of their own."""
        tenant = f"t{next(self._tenants)}"
        for number, (row, raw, created) in enumerate(memories):
            over = self._client.store(tenant, f"m{number}", row, importance=raw, created=created)
            new = NewMemory(
                tenant=tenant,
                id=f"m{number}",
                vector=np.float32(row),
                raw_importance=raw,
                created=created,
                created_given=True,
            )
            assert over == self._run(self._system.store(new))
        return tenant

    def get(self, tenant: str, id: str) -> Memory:
        """A memory."""
        over, within = self._client.get(tenant, id), self._run(self._system.get(tenant, id))
        np.testing.assert_array_equal(over.vector, within.vector)
        assert (over.importance, over.raw_importance, over.created) == (
            within.importance,
            within.raw_importance,
            within.created,
        )
        return over

    def recall(self, tenant: str, query: Row, *, as_of: int = 0, **parameters: float) -> list[tuple[str, float]]:
        """Ids and scores, best first."""
        given = {"tau_seconds" if name == "tau" else name: value for name, value in parameters.items()}
        over = self._client.recall(tenant, query, k=K_MOST, as_of=as_of, **given)  # type: ignore[arg-type]
        asked = Query(
            tenant=tenant,
            vector=np.float32(query),
            k=K_MOST,
            parameters=ScoreParameters(**parameters),
            as_of=as_of,  # type: ignore[arg-type]
        )
        within, _ = self._run(self._system.recall(asked))
        found = [(hit.memory.id, hit.score) for hit in over.hits]
        assert found == [(hit.memory.id, hit.score) for hit in within]
        return found

    def explain(self, tenant: str, id: str, query: Row, *, as_of: int = 0, tau: float = math.inf) -> Explanation:
        """The factors of one score."""
        over = self._client.explain(tenant, id, query, as_of=as_of, tau_seconds=tau)
        within = self._run(self._system.explain(tenant, id, np.float32(query), ScoreParameters(tau=tau), as_of))
        assert over == within
        return over

    def retained(self, tenant: str, count: int) -> list[str]:
        """The memories that eviction would take first."""
        reply = self._server.shared.Stats(pb.StatsRequest(tenant=tenant, retention=count), metadata=self._server.bearer)
        found = [one.id for one in reply.retention]
        assert found == [one.id for one in self._run(self._system.retained(tenant, count))]
        return found

    def _run(self, work: Coroutine[Any, Any, Answer]) -> Answer:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)


def both(folder: Path, settings: Mapping[str, Any]) -> Iterator[Both]:
    """A server with some settings, and a system with the same."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    environment = {f"SOMA_{name.upper()}": str(value).lower() for name, value in settings.items()}
    names = tuple(SETTINGS["SOMA_FEATURE_NAMES"].split(","))
    own = load(data_dir=folder / "own", dimension=DIMENSION, feature_names=names, **settings)
    try:
        with serving(folder / "served", **environment) as server, server.client() as client:
            system = MemorySystemBuilder(own).build()
            asyncio.run_coroutine_threadsafe(system.start(), loop).result(60)
            yield Both(server, client, system, loop)
            asyncio.run_coroutine_threadsafe(system.drain(10), loop).result(60)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    yield from both(tmp_path_factory.mktemp("full"), {})


@pytest.fixture(scope="module")
def half(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    yield from both(tmp_path_factory.mktemp("half"), {"float16": True})


def unit(row: Sequence[float]) -> list[Any]:
    """Of the float32 numbers that were sent, to 50 digits."""
    with mpmath.workdps(50):
        exact = [mpmath.mpf(float(np.float32(x))) for x in row]
        norm = mpmath.sqrt(mpmath.fsum(x * x for x in exact))
        return [x / norm for x in exact]


def cosine(row: Sequence[float], query: Sequence[float]) -> float:
    return float(mpmath.fdot(zip(unit(row), unit(query), strict=True)))


def logistic(raw: float) -> float:
    with mpmath.workdps(50):
        return float(1 / (1 + mpmath.exp(-mpmath.mpf(raw))))


@given(rows)
@EXAMPLES
def test_norm_invariant(full: Both, row: Row) -> None:
    found = full.get(full.fill([(row, 0.0, 0)]), "m0").vector
    assert float(mpmath.sqrt(mpmath.fsum(mpmath.mpf(float(x)) ** 2 for x in found))) == pytest.approx(1.0, abs=2.0**-23)
    assert found.tolist() == pytest.approx([float(x) for x in unit(row)], abs=2.0**-24 * 2)


@given(st.lists(rows, min_size=2, max_size=8), rows)
@EXAMPLES
def test_similarity_monotonicity(full: Both, memories: list[Row], query: Row) -> None:
    found = full.recall(full.fill([(row, 0.0, 0) for row in memories]), query)
    exact = {f"m{number}": cosine(row, query) for number, row in enumerate(memories)}
    assert [score for _, score in found] == sorted((score for _, score in found), reverse=True)
    for id, score in found:
        assert score == pytest.approx(0.5 * exact[id], abs=2e-7)
    assert {id for id, similarity in exact.items() if similarity > 1e-6} <= {id for id, _ in found}


@given(rows, rows)
@EXAMPLES
def test_zero_similarity_clamp(full: Both, row: Row, query: Row) -> None:
    if cosine(row, query) > 0:
        row = [-x for x in row]
    assume(cosine(row, query) < -1e-6)
    tenant = full.fill([(row, 3.0, 0)])
    assert full.recall(tenant, query) == []
    found = full.explain(tenant, "m0", query)
    assert (found.similarity, found.score) == (0.0, 0.0)


@given(raws)
@EXAMPLES
def test_importance_present(full: Both, raw: float) -> None:
    found = full.get(full.fill([([1, 0, 0, 0], raw, 0)]), "m0")
    assert found.raw_importance == raw
    assert found.importance == pytest.approx(logistic(raw), rel=1e-14)


@given(rows, raws, st.integers(1, 10**9), st.integers(0, 40))
@EXAMPLES
def test_half_life_halving(full: Both, row: Row, raw: float, tau: int, lives: int) -> None:
    tenant = full.fill([(row, raw, 0)])
    at = [full.explain(tenant, "m0", row, as_of=n * tau * SECOND, tau=tau) for n in (lives, lives + 1)]
    assert [one.decay_factor for one in at] == [2.0**-lives, 2.0 ** -(lives + 1)]
    assert at[1].score == pytest.approx(at[0].score / 2, rel=2.0**-51)
    [(_, score)] = full.recall(tenant, row, as_of=lives * tau * SECOND, tau=float(tau))
    assert score == at[0].score
    assert score == pytest.approx(logistic(raw) * 2.0**-lives, rel=1e-6)


@given(st.lists(raws, min_size=2, max_size=8, unique=True))
@EXAMPLES
def test_retention_ordering(full: Both, importances: list[float]) -> None:
    gaps = np.diff(sorted(map(logistic, importances)))
    assume(gaps.min() > 1e-6)  # below that the moment of the question decides
    tenant = full.fill([([1, 0, 0, 0], raw, 0) for raw in importances])
    expected = sorted(range(len(importances)), key=lambda number: importances[number])
    assert full.retained(tenant, len(importances)) == [f"m{number}" for number in expected]


@given(st.lists(rows, min_size=20, max_size=40), rows)
@hypothesis_settings(EXAMPLES, max_examples=8)
def test_float16_recall(half: Both, memories: list[Row], query: Row) -> None:
    found = dict(half.recall(half.fill([(row, 0.0, 0) for row in memories]), query))
    exact = {f"m{number}": 0.5 * cosine(row, query) for number, row in enumerate(memories)}
    for id, score in found.items():
        assert score == pytest.approx(exact[id], abs=2.0**-10)
    assert {id for id, score in exact.items() if score > 2.0**-10} <= set(found)
