"""Searches beside a writer and maintenance: each sees one state, whole, and no memory ever goes missing."""

from __future__ import annotations

import threading

import numpy as np
from sfm.engine.scoring import Parameters
from sfm.engine.search import Question, search
from sfm.engine.space import Space
from sfm.engine.vectors import unit_query

D = 6


def test_searches_beside_writes_merges_and_compactions_see_whole_states():
    space = Space(D, Parameters(tau=50.0))
    rng = np.random.default_rng(1)
    pinned = np.eye(D)[0]
    space.put(["pinned"], pinned[None], np.ones(1), np.zeros(1))
    stop = threading.Event()
    failures: list[BaseException] = []

    def guarded(work):
        def run():
            try:
                while not stop.is_set():
                    work()
            except BaseException as error:
                failures.append(error)
                stop.set()

        return threading.Thread(target=run)

    def write():
        n = int(rng.integers(1, 20))
        ids = [str(x) for x in rng.integers(0, 80, n)]
        space.put(ids, rng.standard_normal((n, D)), rng.random(n) * 0.5, rng.uniform(0, 40, n))
        space.put(["pinned"], pinned[None], np.ones(1), np.zeros(1))
        space.delete(str(rng.integers(0, 80)))

    def maintain():
        space.maintain()
        if rng.random() < 0.05:
            space.compact()

    def touch():
        assert space.touch(["pinned"], 1.0) == 1
        assert space.get("pinned").importance == 1.0

    threads = [guarded(work) for work in (write, maintain, touch)]
    for thread in threads:
        thread.start()
    query = unit_query(np.array([1.0, *[0.01] * (D - 1)]), D)
    try:
        for _ in range(400):
            assert "pinned" in {hit.id for hit in space.search(query, 200, now=50.0)}
            state = space.snapshot
            rows = state.live_rows()
            scores = state.score(rows, query, space.p, 50.0, None)
            ids = [state.ids[row] for row in rows.tolist()]
            assert len(set(ids)) == len(ids)
            every = sorted((-score, id) for score, id in zip(scores.tolist(), ids, strict=True) if score > 0.0)
            assert search([Question(state, query, 15, space.p, 50.0)])[0] == [(id, -score) for score, id in every[:15]]
            if failures:
                break
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert not failures, failures[0]
