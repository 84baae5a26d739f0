"""A tree's policies, read and linked: what the collector and the `policy` commands both begin with."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

from strictreal.engines import opa, rego
from strictreal.errors import StrictRealError
from strictreal.facts.policies import Negation, PolicyData, PolicyModule, PolicyRule, RegoFile, Unportable
from strictreal.model import Fact, Gap, Observation
from strictreal.policy import link, read
from strictreal.policy.test import Loaded
from strictreal.subject import Entry, Tree

if TYPE_CHECKING:
    from strictreal.collect.session import Session

COLLECTOR = "policies"


@dataclass(frozen=True)
class Refused:
    """A suite that is not run, and why."""

    test: str
    reason: str
    reaches: tuple[str, ...] = ()


@dataclass
class Loading:
    """What was read of a tree."""

    observations: list[Observation]
    modules: dict[str, PolicyModule] = field(default_factory=dict)
    unread: list[str] = field(default_factory=list)
    """Paths of Rego files that could not be parsed."""
    rules: list[PolicyRule] = field(default_factory=list)
    suites: list[Loaded] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    stuck: dict[str, str] = field(default_factory=dict)
    """By the path of its tests, why the embedded engine did not come to the end of a suite; set by who ran them."""

    def is_policy_rule(self, rule: PolicyRule) -> bool:
        """Whether a rule is a policy's: not a test, nor a helper in a file of tests."""
        return not rule.test and not self.modules[rule.path].tests

    def missing(self) -> list[tuple[str, str]]:
        """(path, reason) of everything that could not be read or run."""
        gaps = [f for o in self.observations for f in o.facts if isinstance(f, Gap) and f.of != "RegoFile"]
        return [(g.where.path, g.reason) for g in gaps] + [(r.test, r.reason) for r in self.refused]


def tools() -> dict[str, str]:
    """Name and version of each engine that takes part."""
    return {"regorus": rego.version(), "opa": opa.version()}


def is_policy(path: str) -> bool:
    return path.endswith(".rego")


def load(tree: Tree, entries: Iterable[Entry], session: Session) -> Loading:
    """Read every Rego file among `entries`, and the data documents beside them, and link the tests."""
    listed = list(entries)
    files = [entry for entry in listed if is_policy(entry.path)]
    folders = {parent for entry in files for parent in _parents(entry.path)}
    documents = [e for e in listed if e.path.rsplit("/", 1)[-1] in link.DATA_FILES and _folder(e.path) in folders]
    observations = session.per_file(COLLECTOR, "PolicyModule", tree, files, read.facts_of, tools())
    observations = [_accounted(observation) for observation in observations]
    observations += session.per_file(COLLECTOR, "PolicyData", tree, documents, read.data_of)
    loading = Loading(observations)
    facts: list[Fact] = [fact for observation in observations for fact in observation.facts]
    loading.modules = {fact.path: fact for fact in facts if isinstance(fact, PolicyModule)}
    loading.unread = [entry.path for entry in files if entry.path not in loading.modules]
    loading.rules = [fact for fact in facts if isinstance(fact, PolicyRule)]
    _link(tree, loading, facts)
    return loading


def _accounted(observation: Observation) -> Observation:
    """A file whose worker ended is missing as a file and as a module."""
    facts = observation.facts
    if any(isinstance(f, RegoFile) or (isinstance(f, Gap) and f.of == "RegoFile") for f in facts):
        return observation
    lost = tuple(msgspec.structs.replace(f, of="RegoFile") for f in facts if isinstance(f, Gap))
    return msgspec.structs.replace(observation, facts=(*lost, *facts))


def _parents(path: str) -> list[str]:
    parts = path.split("/")[:-1]
    return ["/".join(parts[:length]) for length in range(len(parts) + 1)]


def _folder(path: str) -> str:
    return path.rpartition("/")[0]


def _questions(suite: link.Suite, loading: Loading) -> tuple[str, ...]:
    """What can be asked of a suite's policies: every rule that is no function."""
    loaded = [r for r in loading.rules if r.path in suite.modules and loading.is_policy_rule(r)]
    functions = {f"{rule.package}.{rule.name}" for rule in loaded if rule.kind == "function"}
    return tuple(sorted({f"{rule.package}.{rule.name}" for rule in loaded} - functions))


def _package(tree: Tree, path: str) -> str:
    """The package that an unparsed file declares, so that what needs it is known."""
    try:
        return rego.package_of(rego.decode(tree.read(path)))
    except StrictRealError:
        return ""


def _link(tree: Tree, loading: Loading, facts: Sequence[Fact]) -> None:
    units = [link.Unit(m.path, m.package, m.refers, m.tests) for m in loading.modules.values()]
    units += [link.Unit(p, _package(tree, p), (), tests=False, problem="it was not read") for p in loading.unread]
    top = [
        link.Document(d.path, tuple(key for key in d.keys if "." not in key))
        for d in facts
        if isinstance(d, PolicyData)
    ]
    tests: dict[str, list[PolicyRule]] = {}
    for rule in loading.rules:
        if rule.test:
            tests.setdefault(rule.path, []).append(rule)
    barred: dict[str, Unportable] = {}
    for fact in facts:
        if isinstance(fact, Unportable) and fact.kind in ("impure", "unsupported"):
            barred.setdefault(fact.path, fact)
    doubts: dict[str, str] = {}
    for fact in facts:
        if isinstance(fact, Unportable | Negation):
            named = fact.name if isinstance(fact, Unportable) else "not"
            doubts.setdefault(fact.path, f"{fact.path}:{fact.where.line} uses {named}")
    for suite in link.link(units, top, tests):
        found = [barred[path] for path in suite.modules if path in barred]
        worst = min(found, key=lambda use: (use.kind != "impure", use.path), default=None)
        reason = f"{worst.path}:{worst.where.line} calls {worst.name}: {worst.reason}" if worst else ""
        if suite.problem:
            loading.refused.append(Refused(suite.test, suite.problem, suite.modules))
            continue
        if worst is not None and (worst.kind == "impure" or opa.version() == "absent"):
            loading.refused.append(Refused(suite.test, reason, suite.modules))
            continue
        try:
            loading.suites.append(
                _loaded(
                    tree,
                    suite,
                    loading,
                    tests[suite.test],
                    reason,
                    next((doubts[path] for path in suite.modules if path in doubts), ""),
                )
            )
        except ValueError as error:
            loading.refused.append(Refused(suite.test, str(error), suite.modules))


def _loaded(
    tree: Tree, suite: link.Suite, loading: Loading, tests: Sequence[PolicyRule], barred: str, doubt: str
) -> Loaded:
    parts = [(at, read.document(path, tree.read(path))) for path, at in suite.data]
    names = {(rule.package, rule.name): rule.where.line for rule in reversed(tests)}
    return Loaded(
        test=suite.test,
        root=suite.root,
        sources=tuple((p, rego.decode(tree.read(p)), loading.modules[p].language) for p in suite.modules),
        data=link.merge(parts),
        rules=tuple((package, name, line) for (package, name), line in sorted(names.items(), key=lambda i: i[1])),
        barred=barred,
        missing=suite.missing,
        questions=_questions(suite, loading),
        doubt=doubt,
    )
