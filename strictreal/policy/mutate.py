"""Mutation of policies: a mutant that no test notices is a rule that nothing guards."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from strictreal.engines import rego
from strictreal.engines.rego import RegoError, Source
from strictreal.errors import StrictRealError
from strictreal.policy import load
from strictreal.policy.expand import Edit, edits, expand
from strictreal.policy.load import Loading
from strictreal.policy.loaded import Loaded
from strictreal.policy.mutants import Mutant, equivalent, mutants
from strictreal.policy.parse import parse
from strictreal.policy.syntax import Module
from strictreal.policy.test import answer
from strictreal.session import Session
from strictreal.subject import open_tree

MAX_MUTANTS = 2_000
"""Mutants of one module; more is a bound hit, named in the report."""


MODULE_SECONDS = 300
"""Wall time for all mutants of one module."""


class MutantResult(msgspec.Struct, frozen=True, kw_only=True):
    """One mutant. `outcome` is killed, survived, equivalent (an annotation says why) or invalid (it does not load)."""

    path: str
    line: int
    column: int
    rule: str
    operator: str
    change: str
    outcome: str
    by: str = ""
    """The test that failed, or the reason of an equivalent mutant."""


class MutationReport(msgspec.Struct, frozen=True, kw_only=True):
    """What `policy mutate` prints."""

    mutants: tuple[MutantResult, ...]
    problems: tuple[tuple[str, str], ...] = ()
    """(path, reason) of modules that could not be mutated: no test reaches them, their tests fail as they are, …"""

    @property
    def survivors(self) -> tuple[MutantResult, ...]:
        return tuple(m for m in self.mutants if m.outcome == "survived")

    @property
    def ok(self) -> bool:
        """There were mutants, none survived, and nothing was left out."""
        return bool(self.mutants) and not self.survivors and not self.problems


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """One module to mutate, and the suites that reach it."""

    path: str
    suites: tuple[Loaded, ...]


def run_task(task: Task) -> list[MutantResult]:
    """mutating policies"""
    source = next(s for s in task.suites[0].modules() if s.path == task.path)
    module = parse(source.path, source.text.encode())
    made = list(mutants(module))
    if len(made) > MAX_MUTANTS:
        raise RegoError(f"has more than {MAX_MUTANTS} mutants (bound: mutants)")
    # The smallest suite is the module's own, and notices most: the others are asked about what it lets pass.
    suites = [_Suite(suite, source) for suite in sorted(task.suites, key=lambda suite: len(suite.sources))]
    written_out = edits(module)
    return [_result(module, mutant, _judge(suites, module, mutant, written_out)) for mutant in made]


class _Suite:
    """A suite whose tests pass, with one of its modules to be changed; made ready when it is first asked."""

    def __init__(self, suite: Loaded, source: Source) -> None:
        self._suite = suite
        self._source = source
        self._base: rego.Engine | None = None

    def failure(self, text: str) -> str:
        """The first test that does not pass with this text of the module; "" when all do.

        Raises:
            RegoError: the text does not load.
            UnusableTests: they do not pass with the module as it is.
        """
        if self._base is None:
            self._base = self._ready()
        return self._ask(self._base, Source(self._source.path, text, self._source.language))

    def _ready(self) -> rego.Engine:
        try:
            base = rego.prepare(self._suite.embedded(without=self._source.path), self._suite.data)
            failing = self._ask(base, expand(self._source))
        except RegoError as error:
            raise UnusableTests(f"its tests cannot be run: {error}") from None
        if failing:
            raise UnusableTests(f"its tests fail as they are: {failing}")
        return base

    def _ask(self, base: rego.Engine, module: Source) -> str:
        engine = base.copy()
        engine.add(module)
        for package, name, _ in self._suite.rules:
            if not name.startswith("todo_"):
                outcome, message = answer(engine, f"data.{package}.{name}")
                if _unsafe(message):
                    raise RegoError(message)
                if outcome != "passed":
                    return f"{package}.{name}"
        return ""


class UnusableTests(StrictRealError):
    """Tests that cannot tell a mutant from the original."""


def _judge(suites: Sequence[_Suite], module: Module, mutant: Mutant, written_out: Sequence[Edit]) -> tuple[str, str]:
    if reason := equivalent(module, mutant):
        return "equivalent", reason
    text = mutant.apply(module, written_out)
    try:
        by = next((failing for suite in suites if (failing := suite.failure(text))), "")
    except RegoError as error:
        return "invalid", str(error)
    return ("killed", by) if by else ("survived", "")


def _unsafe(message: str) -> bool:
    """Whether the engine says that the changed module could never run, as OPA says when it compiles."""
    return "use of undefined variable" in message or "unsafe" in message


def _result(module: Module, mutant: Mutant, judged: tuple[str, str]) -> MutantResult:
    line, column = module.place(mutant.start)
    outcome, by = judged
    return MutantResult(
        path=module.path,
        line=line,
        column=column,
        rule=mutant.rule.name,
        operator=mutant.operator,
        change=mutant.change,
        outcome=outcome,
        by=by,
    )


def tasks(loading: Loading) -> tuple[list[Task], list[tuple[str, str]]]:
    """Every policy with the suites that reach it; and the path of each that none reaches, with the reason."""
    ready = [suite for suite in loading.suites if not suite.barred and suite.test not in loading.stuck]
    kept_out = loading.kept_out()
    for suite in loading.suites:
        if reason := suite.barred or loading.stuck.get(suite.test, ""):
            kept_out |= {path: f"{suite.test}: {reason}" for path, _, _ in suite.sources}
    found, untried = [], []
    for path in sorted({rule.path for rule in loading.rules if loading.is_policy_rule(rule)}):
        reaching = tuple(suite for suite in ready if any(source[0] == path for source in suite.sources))
        if reaching:
            found.append(Task(path=path, suites=reaching))
        else:
            untried.append((path, kept_out.get(path, "no test reaches it")))
    return found, untried


def run(folder: Path, session: Session) -> MutationReport:
    """Mutate every policy below a folder, and run the tests that reach it.

    Raises:
        SubjectError: `folder` is not a directory.
    """
    tree = open_tree(folder)
    loading = load.load(tree, tree, session)
    found, untried = tasks(loading)
    problems = [*loading.missing(), *untried]
    results: list[MutantResult] = []
    for task, result in zip(found, session.bounded(run_task, found, seconds=MODULE_SECONDS), strict=True):
        if isinstance(result, str):
            problems.append((task.path, result))
        else:
            results += result
    return MutationReport(mutants=tuple(results), problems=tuple(problems))
