"""The suite's own policies over every manifest that the subject's charts render to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import msgspec

from strictreal.collect import charts
from strictreal.collect.policy import work
from strictreal.config import Config
from strictreal.facts.charts import Chart, Manifest, Render
from strictreal.facts.policies import JudgedManifest, PolicyViolation
from strictreal.model import Fact, Gap, Location, Observation, canonical, digest
from strictreal.policy import manifests
from strictreal.policy.manifests import Verdict
from strictreal.session import Session
from strictreal.subject import Tree

BATCH = 64
"""Manifests that one worker is given at once."""
SECONDS = 30
"""Wall time for one batch, of which most take 50 ms."""


@dataclass(frozen=True)
class Judgeable:
    """What one chart renders to, and what it does not."""

    source: str
    digest: str
    where: Location
    manifests: tuple[Manifest, ...]
    missing: tuple[Gap, ...]


def find(tree: Tree, config: Config, session: Session) -> list[Judgeable]:
    """Every chart of the tree, with its manifests."""
    found = []
    for observation in charts.collect(tree, config, session):
        own = tuple(fact for fact in observation.facts if isinstance(fact, Manifest))
        missing = tuple(_missing(observation.facts))
        if own or missing:
            where = next((f.where for f in observation.facts if isinstance(f, Chart)), Location(observation.source))
            found.append(Judgeable(observation.source, observation.digest, where, own, missing))
    return found


def _missing(facts: Sequence[Fact]) -> Iterator[Gap]:
    """What of a chart there is nothing to judge of: it could not be read, or it does not render."""
    for fact in facts:
        if isinstance(fact, Render) and fact.error:
            yield Gap(
                of="JudgedManifest", where=fact.where, reason=f"does not render {fact.values}: {fact.error}"[:300]
            )
        elif isinstance(fact, Gap) and fact.of in ("Chart", "Manifest", "Render"):
            yield Gap(of="JudgedManifest", where=fact.where, reason=fact.reason)


def collect(tree: Tree, found: Sequence[Judgeable], session: Session) -> Iterator[Observation]:
    """One observation a chart."""
    documents = list(dict.fromkeys(manifest.document for chart in found for manifest in chart.manifests))
    batches = [tuple(documents[start : start + BATCH]) for start in range(0, len(documents), BATCH)]
    items = [(digest(canonical([manifests.policies_digest(), batch])), batch) for batch in batches]
    verdicts: dict[str, Verdict] = {}
    cached: dict[str, bool] = {}
    results = work.run(session, manifests.judge, items, list[Verdict], seconds=SECONDS)
    for batch, (result, was_cached) in zip(batches, results, strict=True):
        for number, document in enumerate(batch):
            verdicts[document] = Verdict(problem=result) if isinstance(result, str) else result[number]
            cached[document] = was_cached
    for chart in found:
        facts: list[Fact] = list(dict.fromkeys(chart.missing))
        for manifest in chart.manifests:
            facts += _facts(manifest, verdicts[manifest.document])
        facts = list(_joined(facts))
        known = all(cached[manifest.document] for manifest in chart.manifests)
        yield work.observation(tree, "charts", chart.source, facts, digest=chart.digest, cached=known)


def _facts(manifest: Manifest, verdict: Verdict) -> Iterator[Fact]:
    if verdict.problem:
        yield Gap(of="JudgedManifest", where=manifest.where, reason=verdict.problem)
        return
    known = manifests.rules()
    yield JudgedManifest(where=manifest.where, chart=manifest.chart, rules=len(known))
    for violation in verdict.violations:
        info = known.get(violation.rule)
        yield PolicyViolation(
            where=manifest.where,
            rule=violation.rule,
            message=violation.message,
            severity=info.severity if info else "",
            remedy=info.remedy if info else "",
            field=violation.path,
            overlays=manifest.overlays,
        )


def _joined(found: list[Fact]) -> Iterator[Fact]:
    """What is said alike of the manifests that several values give, once, with all of these values."""
    overlays: dict[PolicyViolation, list[str]] = {}
    for fact in found:
        if isinstance(fact, PolicyViolation):
            overlays.setdefault(msgspec.structs.replace(fact, overlays=()), []).extend(fact.overlays)
        else:
            yield fact
    for violation, names in overlays.items():
        yield msgspec.structs.replace(violation, overlays=tuple(dict.fromkeys(names)))
