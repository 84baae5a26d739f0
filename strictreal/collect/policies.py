"""Rego policies to facts: what they say, what their tests prove, and what the suite's own say of rendered charts.

Each file is read by itself. Then each file of tests is linked with what it refers to, run, and run again with every
field of its inputs removed, in both engines when OPA is there. Each policy is changed in small ways, and evaluated on
inputs that say nothing. Last, the manifests that the subject's charts render to
are judged by the policies of the suite. Nothing foreign is evaluated outside a bounded worker, or before its calls are
known.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from strictreal.collect.policy import charts, decisions, engines, mutants, tests
from strictreal.collect.subject import excluded
from strictreal.config import Config
from strictreal.model import Gap, Inventory, Observation
from strictreal.policy import load
from strictreal.session import Session
from strictreal.subject import Tree

UNITS = (
    *("RegoFile", "PolicyModule", "PolicyData", "PolicySuite", "PolicyComparison", "JudgedManifest"),
    *("MutatedPolicy", "AskedPolicy"),
)


def collect(tree: Tree, config: Config, session: Session) -> Iterator[Observation]:
    """Every Rego file of the tree that is not excluded, and every manifest that its charts render to."""
    entries = [entry for entry in tree if not excluded(config, entry.path)]
    loading = load.load(tree, entries, session)
    judgeable = charts.find(tree, config, session)
    seen = [
        *loading.observations,
        *tests.collect(tree, loading, session),
        *mutants.collect(tree, loading, session),
        *decisions.collect(tree, loading, session),
        *charts.collect(tree, judgeable, session),
        *engines.collect(tree, loading, judgeable, session),
    ]
    yield from seen
    have = Counter(fact.of if isinstance(fact, Gap) else type(fact).__name__ for o in seen for fact in o.facts)
    files = sum(load.is_policy(entry.path) for entry in entries)
    counts = {unit: have[unit] for unit in UNITS} | {"RegoFile": files, "PolicyModule": files}
    counts["PolicySuite"] = len(loading.suites) + len(loading.refused)
    counts["MutatedPolicy"] = len({rule.path for rule in loading.rules if loading.is_policy_rule(rule)})
    counts["AskedPolicy"] = len(loading.deciding())
    inventory = tuple(Inventory(of=unit, count=count) for unit, count in counts.items())
    if any(counts.values()):
        yield Observation(collector=load.COLLECTOR, source="", digest=tree.digest, facts=inventory)
