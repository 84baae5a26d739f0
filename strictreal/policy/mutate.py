"""Mutation of policies: a mutant that no test notices is a rule that nothing guards."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from strictreal.engines import rego
from strictreal.engines.rego import RegoError, Source
from strictreal.policy.expand import expand
from strictreal.policy.mutants import Mutant, equivalent, mutants
from strictreal.policy.parse import parse
from strictreal.policy.syntax import Module
from strictreal.policy.test import Loaded, answer
from strictreal.subject import open_tree

if TYPE_CHECKING:
    from strictreal.collect.session import Session

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
    bases = [(suite, rego.prepare(suite.embedded(without=task.path), suite.data)) for suite in task.suites]
    if failing := _first_failure(bases, source):
        raise RegoError(f"its tests fail as they are: {failing}")
    return [_result(module, mutant, _judge(bases, source, module, mutant)) for mutant in made]


def _judge(
    bases: Sequence[tuple[Loaded, rego.Engine]], source: Source, module: Module, mutant: Mutant
) -> tuple[str, str]:
    if reason := equivalent(module, mutant):
        return "equivalent", reason
    try:
        by = _first_failure(bases, Source(source.path, mutant.apply(module), source.language))
    except RegoError as error:
        return "invalid", str(error)
    return ("killed", by) if by else ("survived", "")


def _first_failure(bases: Sequence[tuple[Loaded, rego.Engine]], changed: Source) -> str:
    """The first test that does not pass with the module as `changed`; "" when all do."""
    for suite, base in bases:
        engine = rego.Engine()
        engine.native = base.native.clone()
        engine.add(expand(changed))
        for package, name, _ in suite.rules:
            if not name.startswith("todo_"):
                outcome, message = answer(engine, f"data.{package}.{name}")
                if _unsafe(message):
                    raise RegoError(message)
                if outcome != "passed":
                    return f"{package}.{name}"
    return ""


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


def run(folder: Path, session: Session) -> MutationReport:
    """Mutate every policy below a folder, and run the tests that reach it.

    Raises:
        SubjectError: `folder` is not a directory.
    """
    from strictreal.policy import load  # late: it needs what this module needs

    tree = open_tree(folder)
    loading = load.load(tree, tree, session)
    problems = loading.missing()
    suites = [suite for suite in loading.suites if not suite.barred]
    problems += [(suite.test, suite.barred) for suite in loading.suites if suite.barred]
    tasks = []
    for path in sorted({rule.path for rule in loading.rules if loading.is_policy_rule(rule)}):
        reaching = tuple(suite for suite in suites if any(source[0] == path for source in suite.sources))
        if reaching:
            tasks.append(Task(path=path, suites=reaching))
        else:
            problems.append((path, "no test reaches it"))
    results: list[MutantResult] = []
    for task, result in zip(tasks, session.bounded(run_task, tasks, seconds=MODULE_SECONDS), strict=True):
        if isinstance(result, str):
            problems.append((task.path, result))
        else:
            results += result
    return MutationReport(mutants=tuple(results), problems=tuple(problems))
