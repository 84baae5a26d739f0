"""Both engines beside each other: over the subject's tests, and over the manifests of its charts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from strictreal.collect.policy import work
from strictreal.collect.policy.charts import Judgeable
from strictreal.engines import opa
from strictreal.facts.policies import ParityDifference, PolicyComparison
from strictreal.model import Fact, Location, Observation, canonical, digest
from strictreal.policy import manifests, parity
from strictreal.policy.load import Loading
from strictreal.policy.parity import Comparison, Difference, SuiteParity
from strictreal.redact import redact
from strictreal.session import Session
from strictreal.subject import Tree

SECONDS = 60
"""Wall time for one file of tests, or for one batch of manifests, in both engines."""
BATCH = 200
"""Manifests that OPA is asked about at once."""
UNIT = "PolicyComparison"
ABSENT = "no opa binary on the PATH"


def collect(tree: Tree, loading: Loading, charts: Sequence[Judgeable], session: Session) -> Iterator[Observation]:
    """One comparison for each file of tests and for each chart."""
    for refused in loading.refused:
        yield work.observation(tree, "parity", refused.test, [work.gap(UNIT, refused.test, refused.reason)])
    if opa.version() == "absent":
        for suite in loading.suites:
            yield work.observation(tree, "parity", suite.test, [work.gap(UNIT, suite.test, ABSENT)])
        for chart in (chart for chart in charts if chart.manifests):
            missing = work.gap(UNIT, chart.source, ABSENT)
            yield work.observation(tree, "parity", chart.source, [missing], digest=chart.digest)
        return
    yield from _suites(tree, loading, session)
    yield from _charts(tree, charts, session)


def _suites(tree: Tree, loading: Loading, session: Session) -> Iterator[Observation]:
    kept_out = loading.stuck | {suite.test: suite.barred for suite in loading.suites if suite.barred}
    for test, reason in kept_out.items():
        yield work.observation(tree, "parity", test, [work.gap(UNIT, test, reason)])
    asked = [suite for suite in loading.suites if suite.test not in kept_out]
    items = [(digest(canonical(suite)), suite) for suite in asked]
    results = work.run(session, parity.compare_suite, items, SuiteParity, seconds=SECONDS)
    for suite, (result, cached) in zip(asked, results, strict=True):
        refused = result if isinstance(result, str) else result.refused
        facts: list[Fact] = [work.gap(UNIT, suite.test, refused)] if refused else []
        if not isinstance(result, str) and not refused:
            facts = [PolicyComparison(where=work.at(tree, suite.test, 1), questions=result.questions)]
            facts += [_difference(work.at(tree, suite.test, 1), d) for d in result.differences]
        yield work.observation(tree, "parity", suite.test, facts, cached=cached)


def _charts(tree: Tree, charts: Sequence[Judgeable], session: Session) -> Iterator[Observation]:
    """The manifests of all charts in batches, since starting OPA costs more than asking it about many."""
    documents = list(dict.fromkeys(manifest.document for chart in charts for manifest in chart.manifests))
    batches = [tuple(documents[start : start + BATCH]) for start in range(0, len(documents), BATCH)]
    items = [(digest(canonical([manifests.policies_digest(), batch])), batch) for batch in batches]
    found: dict[str, list[Difference]] = {document: [] for document in documents}
    problems: dict[str, str] = {}
    cached: dict[str, bool] = {}
    results = work.run(session, manifests.compare, items, Comparison, seconds=SECONDS)
    for batch, (result, was_cached) in zip(batches, results, strict=True):
        cached |= dict.fromkeys(batch, was_cached)
        if isinstance(result, str):
            problems |= dict.fromkeys(batch, result)
        elif result.refusals:
            problems |= dict.fromkeys(batch, f"{result.refusals} answers are refused: {result.refusal}")
        else:
            for one in result.differences:
                found[batch[int(one.about)]].append(one)
    for chart in charts:
        own = [manifest.document for manifest in chart.manifests]
        problem = next((problems[document] for document in own if document in problems), "")
        facts: list[Fact] = [work.gap(UNIT, chart.source, problem)] if problem else []
        if own and not problem:
            facts = [PolicyComparison(where=chart.where, questions=len(own))]
            facts += [_difference(m.where, one) for m in chart.manifests for one in found[m.document]]
        known = all(cached[document] for document in own)
        if facts:
            yield work.observation(tree, "parity", chart.source, facts, digest=chart.digest, cached=known)


def _difference(where: Location, found: Difference) -> ParityDifference:
    question = found.question if found.about.isdigit() else f"{found.question} for {found.about}"
    if found.more and not found.about.isdigit():
        question += f" and {found.more} more"
    return ParityDifference(where=where, question=question, embedded=redact(found.embedded), opa=redact(found.opa))
