"""The subject's own policy tests, run; what they cover; and which rules fall silent when a field is missing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from strictreal.collect.policy import work
from strictreal.engines import opa
from strictreal.facts.policies import PolicySuite, PolicyTest, RuleCoverage, SilentRule
from strictreal.model import Fact, Observation, canonical, digest
from strictreal.policy import absent, test
from strictreal.policy.absent import Silence
from strictreal.policy.load import Loading
from strictreal.policy.loaded import Loaded
from strictreal.policy.test import SuiteResult
from strictreal.redact import redact
from strictreal.session import Session
from strictreal.subject import Tree

SECONDS = 20
"""Wall time for one file of tests in one engine."""

R = TypeVar("R")


def collect(tree: Tree, loading: Loading, session: Session) -> Iterator[Observation]:
    """Every file of tests; then, for every policy, what all of them together cover."""
    own = [suite for suite in loading.suites if not suite.barred]
    here = _run(session, test.run_suite, own, SuiteResult)
    loading.stuck = {test: result for test, (result, _) in here.items() if isinstance(result, str)}
    ending = [suite for suite in loading.suites if suite.test not in loading.stuck]
    silent = _run(session, absent.silences, [suite for suite in ending if not suite.barred], list[Silence])
    there = _run(session, test.run_suite_in_opa, ending if opa.version() != "absent" else [], SuiteResult)
    results: list[SuiteResult] = []
    unrun: set[str] = {path for refused in loading.refused for path in refused.reaches}
    for refused in loading.refused:
        yield work.observation(tree, "tests", refused.test, [work.gap("PolicySuite", refused.test, refused.reason)])
    for suite in loading.suites:
        runs = [run for run in (here.get(suite.test), there.get(suite.test), silent.get(suite.test)) if run]
        results += [result for result, _ in runs if isinstance(result, SuiteResult)]
        # OPA is the judge where it is there; the embedded engine then only says what is covered.
        judges = [run for run in (there.get(suite.test) or here.get(suite.test), silent.get(suite.test)) if run]
        problem = next((words for result, _ in judges if (words := _undecided(suite, result))), "")
        paths = tuple(path for path, _, _ in suite.sources)
        facts: list[Fact] = [work.gap("PolicySuite", suite.test, problem) if problem else _suite(tree, suite, paths)]
        if problem or (suite.barred and not all(isinstance(r, SuiteResult) and r.passed for r, _ in judges)):
            unrun |= set(paths)
        for result, _ in judges:
            if isinstance(result, list):
                facts += [_silent(tree, item) for item in result]
            elif isinstance(result, SuiteResult) and not problem:
                facts += _tests(tree, result)
        cached = all(was_cached for _, was_cached in runs)
        yield work.observation(tree, "tests", suite.test, facts, cached=cached)
    yield from _coverage(tree, loading, results, unrun)


def _run(
    session: Session, function: Callable[[Loaded], R], suites: Sequence[Loaded], kind: Any
) -> dict[str, tuple[R | str, bool]]:
    """The results of `function` by the path of the tests."""
    items = [(digest(canonical(suite)), suite) for suite in suites]
    found = work.run(session, function, items, kind, seconds=SECONDS)
    return dict(zip([suite.test for suite in suites], found, strict=True))


def _undecided(suite: Loaded, result: SuiteResult | list[Silence] | str) -> str:
    """Why a result says nothing of the policies; "" when it does."""
    if isinstance(result, SuiteResult):
        return result.undecided(suite)
    return result if isinstance(result, str) else ""


def _suite(tree: Tree, suite: Loaded, paths: tuple[str, ...]) -> PolicySuite:
    return PolicySuite(where=work.at(tree, suite.test, 1), modules=paths)


def _tests(tree: Tree, result: SuiteResult) -> Iterator[Fact]:
    for one in result.results:
        yield PolicyTest(
            where=work.at(tree, one.path, one.line),
            package=one.package,
            name=one.name,
            engine=result.engine,
            outcome=one.outcome,
            message=redact(one.message),
        )


def _silent(tree: Tree, silence: Silence) -> SilentRule:
    where = work.at(tree, silence.path, silence.line, silence.column)
    return SilentRule(where=where, rule=silence.rule, absent=silence.absent)


def _coverage(tree: Tree, loading: Loading, results: Sequence[SuiteResult], unrun: set[str]) -> Iterator[Observation]:
    """What the tests cover of each policy; nothing where a suite that might cover the rest did not run."""
    rules = [rule for rule in loading.rules if loading.is_policy_rule(rule)]
    spans = [(rule.path, rule.name, rule.where.line, rule.where.end_line) for rule in rules]
    reports = test.coverage(spans, results)
    reached = {report.path for report in reports if report.reached}
    by_path: dict[str, list[Fact]] = {}
    for rule, report in zip(rules, reports, strict=True):
        facts = by_path.setdefault(rule.path, [])
        if rule.path in unrun and (report.missed or not report.reached):
            continue
        facts.append(
            RuleCoverage(
                where=rule.where,
                rule=rule.name,
                reached=report.reached,
                module_reached=rule.path in reached,
                missed=report.missed,
            )
        )
    for path, facts in by_path.items():
        if facts:
            yield work.observation(tree, "coverage", path, facts)
