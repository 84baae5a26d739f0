"""What the subject's policies answer on empty inputs, and on inputs of their tests that lack a field."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from strictreal.collect.policy import work
from strictreal.facts.policies import AskedPolicy, PolicyAnswer, PolicyRule
from strictreal.model import Fact, Observation, canonical, digest
from strictreal.policy import decisions
from strictreal.policy.decisions import Decided, Decider, Task
from strictreal.policy.load import Loading, Refused
from strictreal.policy.loaded import Loaded
from strictreal.redact import redact
from strictreal.session import Session
from strictreal.subject import Tree

SECONDS = 30
"""Wall time for the rules of one module."""
UNIT = "AskedPolicy"


def collect(tree: Tree, loading: Loading, session: Session) -> Iterator[Observation]:
    """One observation for each module with rules that may permit."""
    tasks = []
    deciding = loading.deciding()
    for policy in loading.policies:
        if isinstance(policy, Refused):
            yield work.observation(tree, "decisions", policy.test, [work.gap(UNIT, policy.test, policy.reason)])
        else:
            tasks.append(_task(loading, policy, deciding[policy.test]))
    items = [(digest(canonical(task)), task) for task in tasks]
    results = work.run(session, decisions.decide, items, Decided, seconds=SECONDS)
    for task, (result, cached) in zip(tasks, results, strict=True):
        path = task.policy.test
        problem = result if isinstance(result, str) else result.problem
        facts: list[Fact] = [work.gap(UNIT, path, problem)] if problem else []
        if not isinstance(result, str):
            facts += [] if problem else [AskedPolicy(where=work.at(tree, path, 1), documents=result.documents)]
            facts += [
                PolicyAnswer(
                    where=work.at(tree, path, answer.rule.line, answer.rule.column),
                    rule=answer.rule.name,
                    given=answer.given,
                    engine=result.engine,
                    value=redact(answer.value),
                    opens=answer.opens,
                    whole=answer.whole,
                )
                for answer in result.answers
            ]
        yield work.observation(tree, "decisions", path, facts, cached=cached)


def _task(loading: Loading, policy: Loaded, deciding: Sequence[PolicyRule]) -> Task:
    rules = tuple(
        Decider(
            path=f"{rule.package}.{rule.name}",
            name=rule.name,
            line=rule.where.line,
            column=rule.where.column,
            entrypoint=rule.entrypoint,
            used=rule.used,
        )
        for rule in deciding
    )
    ready = (suite for suite in loading.suites if not suite.barred and suite.test not in loading.stuck)
    suites = tuple(suite for suite in ready if any(path == policy.test for path, _, _ in suite.sources))
    return Task(policy=policy, rules=rules, suites=suites)
