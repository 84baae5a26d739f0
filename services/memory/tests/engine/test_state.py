"""A space behaves like a dictionary of memories, through any sequence of writes, merges and compactions."""

from __future__ import annotations

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from sfm.engine import merging
from sfm.engine.scoring import Parameters
from sfm.engine.space import Space

from .reference import by_one

D = 5
POOL = np.random.default_rng(5).standard_normal((40, D))
ids = st.integers(0, 30).map(str)


class SpaceModel(RuleBasedStateMachine):
    """Every rule is done to the space and to a dict; then both are asked."""

    @initialize(tau=st.sampled_from([np.inf, 50.0]))
    def start(self, tau):
        self.space = Space(D, Parameters(tau=tau))
        self.model: dict[str, tuple[np.ndarray, float, float]] = {}
        self.bulk = 0

    @rule(batch=st.lists(st.tuples(ids, st.integers(0, 39), st.floats(0.0, 1.0), st.floats(0.0, 100.0)), max_size=12))
    def put(self, batch):
        if not batch:
            return
        names, at, importance, created = zip(*batch, strict=True)
        self.space.put(names, POOL[list(at)], np.array(importance), np.array(created))
        for name, row, i, t in batch:
            self.model[name] = (POOL[row], i, t)

    @rule(n=st.integers(4, 40))
    def put_many_that_go_again(self, n):
        """Fills the tail, so that segments come and go; the bulk rows die at once and must not be seen."""
        names = [f"bulk{at}" for at in range(n)]
        self.space.put(names, POOL[np.arange(n) % 40], np.ones(n), np.zeros(n))
        for name in names:
            assert self.space.delete(name)

    @rule(id=ids)
    def delete(self, id):
        assert self.space.delete(id) == (self.model.pop(id, None) is not None)

    @rule()
    def maintain(self):
        self.space.maintain()

    @rule(tau=st.sampled_from([np.inf, 7.0, 50.0]))
    def compact(self, tau):
        self.space.compact(Parameters(tau=tau))
        assert self.space.snapshot.rows - self.space.snapshot.tail_start <= 8
        assert self.space.snapshot.dead <= 8  # only rows of the tail

    @invariant()
    def the_same_memories_are_there(self):
        assert len(self.space) == len(self.model)
        for id, (vector, i, created) in self.model.items():
            memory = self.space.get(id)
            assert memory is not None
            assert (memory.importance, memory.created) == (i, created)
            np.testing.assert_allclose(memory.vector, vector / np.linalg.norm(vector), atol=1e-6)

    @invariant()
    def a_search_agrees(self):
        query = POOL[7]
        expected = by_one(self.space, sorted(self.model), query, 8, self.space.p, 60.0)
        assert self.space.search(query, 8, now=60.0) == expected


SpaceModel.TestCase.settings = settings(max_examples=25, stateful_step_count=15, deadline=None)
TestSpaceModel = SpaceModel.TestCase


def test_a_row_is_merged_a_logarithmic_number_of_times():
    sizes: list[int] = []
    moved = 0
    for _ in range(1000):
        sizes.append(1)
        while (start := merging.due(sizes)) is not None:
            moved += sum(sizes[start:])
            sizes[start:] = [sum(sizes[start:])]
        assert len(sizes) <= 11
    assert moved <= 1000 * 10
