"""A tree's policies, read and linked: what the collector and the `policy` commands both begin with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from strictreal.engines import opa, rego
from strictreal.errors import StrictRealError
from strictreal.facts.policies import Negation, PolicyData, PolicyModule, PolicyRule, RegoFile, Unportable
from strictreal.model import Fact, Gap, Observation
from strictreal.policy import default_open, link, read
from strictreal.policy.loaded import Loaded
from strictreal.session import Session
from strictreal.subject import Entry, Tree

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
    policies: list[Loaded | Refused] = field(default_factory=list)
    """Each module with rules that may permit, and what it needs; no tests among it."""
    barred: dict[str, Unportable] = field(default_factory=dict)
    """By the path of a module, its first use of what the embedded engine lacks or must not evaluate."""
    stuck: dict[str, str] = field(default_factory=dict)
    """By the path of its tests, why the embedded engine did not come to the end of a suite; set by who ran them."""

    def is_policy_rule(self, rule: PolicyRule) -> bool:
        """Whether a rule is a policy's: not a test, nor a helper in a file of tests."""
        return not rule.test and not self.modules[rule.path].tests

    def deciding(self) -> dict[str, list[PolicyRule]]:
        """The rules that may permit, each once, by the path of the module that defines them first."""
        found: dict[tuple[str, str], PolicyRule] = {}
        functions = {(rule.package, rule.name) for rule in self.rules if rule.kind == "function"}
        elsewhere = {path for module in self.modules.values() if not module.tests for path in module.refers}
        for rule in self.rules:
            asked = default_open.may_open(rule.name, entrypoint=rule.entrypoint)
            key = (rule.package, rule.name)
            if asked and rule.kind != "set" and key not in functions and self.is_policy_rule(rule):
                known = found.setdefault(key, rule)
                outside = known.entrypoint or rule.entrypoint
                inside = known.used or rule.used or any(p in elsewhere for p in link.beginnings(".".join(key)))
                found[key] = msgspec.structs.replace(known, entrypoint=outside, used=inside)
        by_path: dict[str, list[PolicyRule]] = {}
        for rule in found.values():
            by_path.setdefault(rule.path, []).append(rule)
        return by_path

    def kept_out(self) -> dict[str, str]:
        """By the path of each module that a suite leads to which is not run, why not."""
        found = {use.path: _why(use.path, use) for use in self.barred.values() if use.kind == "impure"}
        for refused in self.refused:
            found |= {path: f"{refused.test}: {refused.reason}" for path in refused.reaches if path not in found}
        return found

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
    doubts: dict[str, str] = {}
    for fact in facts:
        if isinstance(fact, Unportable) and fact.kind in ("impure", "unsupported"):
            loading.barred.setdefault(fact.path, fact)
        if isinstance(fact, Unportable | Negation):
            named = fact.name if isinstance(fact, Unportable) else "not"
            doubts.setdefault(fact.path, f"{fact.path}:{fact.where.line} uses {named}")
    for suite in link.link(units, top, tests):
        found = _settled(tree, suite, loading, tests[suite.test], doubts)
        (loading.suites if isinstance(found, Loaded) else loading.refused).append(found)  # type: ignore[arg-type]
    for suite in link.link(units, top, loading.deciding()):
        loading.policies.append(_settled(tree, suite, loading, (), doubts))


def _settled(
    tree: Tree, suite: link.Suite, loading: Loading, tests: Sequence[PolicyRule], doubts: Mapping[str, str]
) -> Loaded | Refused:
    """A linked suite with what it needs, or why it is not to be run."""
    if suite.problem:
        return Refused(suite.test, suite.problem, suite.modules)
    uses = [loading.barred[path] for path in suite.modules if path in loading.barred]
    worst = min(uses, key=lambda use: (use.kind != "impure", use.path), default=None)
    reason = _why(suite.test, worst) if worst else ""
    if worst is not None and (worst.kind == "impure" or opa.version() == "absent"):
        return Refused(suite.test, reason, suite.modules)
    doubt = next((doubts[path] for path in suite.modules if path in doubts), "")
    try:
        return _loaded(tree, suite, loading, tests, reason, doubt)
    except ValueError as error:
        return Refused(suite.test, str(error), suite.modules)


def _why(test: str, use: Unportable) -> str:
    """Why the embedded engine does not run what leads to a use."""
    way = f"it needs {use.path}, where line {use.where.line}" if use.path != test else f"line {use.where.line}"
    words = "the embedded engine does not have" if use.kind == "unsupported" else use.reason
    return f"not run: {way} calls {use.name}, which {words}"


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
