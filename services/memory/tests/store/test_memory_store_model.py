"""Any sequence of stores, deletes, reads, restarts, power losses and lost snapshots leaves what a plain dictionary says."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from memory_model import Model, build, image, new
from sfm.domain import Stored
from sfm.errors import IdempotencyConflict

TENANTS = st.sampled_from(["t", "u"])
IDS = st.sampled_from([f"m{n}" for n in range(12)])
VERSIONS = st.integers(0, 5)
KEYS = st.sampled_from(["", "", "k1", "k2", "k3"])
ALL_IDS = {f"m{n}" for n in range(12)}


class Machine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.root = Path(tempfile.mkdtemp(prefix="sfm-model-"))
        self.folder = self.root / "0"
        self.generation = 0
        self.model = Model()
        self.keys: dict[tuple[str, str], tuple[str, int, Stored]] = {}
        self.sequences: dict[str, int] = {}
        self.accesses: dict[tuple[str, str], int] = {}
        self.begin()

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.runner.run(work)

    def begin(self) -> None:
        self.system = build(self.folder, snapshot_every_changes=7, commit_batch=4)
        self.run(self.system.start())

    def expect_store(self, tenant: str, id: str, version: int, key: str, answer: Any) -> None:
        known = self.keys.get((tenant, key)) if key else None
        if known is not None:
            if known[:2] == (id, version):
                assert answer == known[2]
            else:
                assert isinstance(answer, IdempotencyConflict)
            return
        replaced = self.model.put(new(id, version, tenant))
        self.sequences[tenant] = self.sequences.get(tenant, 0) + 1
        assert isinstance(answer, Stored), answer
        assert (answer.id, answer.replaced, answer.sequence) == (id, replaced, self.sequences[tenant])
        if key:
            self.keys[tenant, key] = (id, version, answer)

    @rule(calls=st.lists(st.tuples(TENANTS, IDS, VERSIONS, KEYS), min_size=1, max_size=9))
    def store_together(self, calls: list[tuple[str, str, int, str]]) -> None:
        async def work() -> list[Any]:
            return await asyncio.gather(
                *(self.system.store(new(id, v, t, idempotency_key=key)) for t, id, v, key in calls),
                return_exceptions=True,
            )

        for call, answer in zip(calls, self.run(work()), strict=True):
            self.expect_store(*call, answer)

    @rule(tenant=TENANTS, id=IDS)
    def delete(self, tenant: str, id: str) -> None:
        there = self.model.memories.get(tenant, {}).pop(id, None) is not None
        assert self.run(self.system.delete(tenant, id)) is there
        self.sequences[tenant] = self.sequences.get(tenant, 0) + there

    @rule()
    def restart(self) -> None:
        self.run(self.system.drain(10))
        self.begin()

    @rule()
    def lose_the_snapshot(self) -> None:
        self.run(self.system.drain(10))
        (self.folder / "snapshot").unlink(missing_ok=True)
        self.begin()

    @rule()
    def lose_power(self) -> None:
        self.generation += 1
        after = image(self.folder, self.root / str(self.generation))
        self.run(self.system.drain(10))
        shutil.rmtree(self.folder)
        self.folder = after
        self.begin()

    @invariant()
    def answers_are_those_of_the_model(self) -> None:
        assert self.run(self.model.differences(self.system, ALL_IDS)) == []

    def teardown(self) -> None:
        self.run(self.system.drain(10))
        self.runner.close()
        shutil.rmtree(self.root)


@pytest.mark.parametrize("examples", [12])
def test_the_store_agrees_with_a_dictionary_over_restarts_and_power_losses(examples: int) -> None:
    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=20,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            print_blob=True,
        ),
    )
