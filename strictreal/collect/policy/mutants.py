"""Small wrong versions of the subject's policies, and which of them pass every test."""

from __future__ import annotations

from collections.abc import Iterator

from strictreal.collect.policy import work
from strictreal.facts.policies import MutatedPolicy, Survivor
from strictreal.model import Fact, Observation, canonical, digest
from strictreal.policy import mutate
from strictreal.policy.load import Loading
from strictreal.policy.mutate import MutantResult
from strictreal.redact import redact
from strictreal.session import Session
from strictreal.subject import Tree

SECONDS = 30
"""Wall time for all mutants of one module."""
UNIT = "MutatedPolicy"


def collect(tree: Tree, loading: Loading, session: Session) -> Iterator[Observation]:
    """One observation for each policy."""
    tasks, untried = mutate.tasks(loading)
    for path, reason in untried:
        yield work.observation(tree, "mutants", path, [work.gap(UNIT, path, reason)])
    items = [(digest(canonical(task)), task) for task in tasks]
    results = work.run(session, mutate.run_task, items, list[MutantResult], seconds=SECONDS)
    for task, (result, cached) in zip(tasks, results, strict=True):
        facts: list[Fact] = [work.gap(UNIT, task.path, result)] if isinstance(result, str) else []
        if not isinstance(result, str):
            facts = [MutatedPolicy(where=work.at(tree, task.path, 1), mutants=len(result))]
            facts += [
                Survivor(
                    where=work.at(tree, one.path, one.line, one.column),
                    rule=one.rule,
                    operator=one.operator,
                    change=redact(one.change, 400),
                )
                for one in result
                if one.outcome == "survived"
            ]
        yield work.observation(tree, "mutants", task.path, facts, cached=cached)
