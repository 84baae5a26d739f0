"""`strictreal policy`: test, mutate, parity."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated, Any

import typer

from strictreal.cli import console
from strictreal.errors import NothingToJudge
from strictreal.report import visible

app = typer.Typer(help="Test, mutate and compare Rego policies.", no_args_is_help=True)
Folder = Annotated[Path, typer.Argument(help="A folder with policies and their tests.")]


def _session() -> Any:
    from strictreal import config, gather

    settings = config.settings()
    return gather.session(settings, watch=console.watch(quiet=settings.ci))


@app.command("test")
def run_tests(folder: Folder = Path("policies")) -> None:
    """Run the tests of every policy, with coverage; no policy, no test, or a line that no test reaches, fails."""
    from strictreal.policy import test

    _require_policies(folder, "tested")
    with _session() as session:
        report = test.run(folder, session)
    total = failed = 0
    for suite in report.suites:
        total += len(suite.results)
        for result in suite.results:
            if result.outcome != "passed":
                failed += 1
                typer.echo(
                    visible(f"FAILED  {result.path}:{result.line}  {result.name}: {result.outcome} {result.message}")
                )
    for rule in report.rules:
        if rule.missed or not rule.reached:
            lines = ", ".join(map(str, rule.missed)) or "all"
            typer.echo(visible(f"UNCOVERED  {rule.path}:{rule.line}  {rule.name}: lines {lines}"))
    _problems(report.problems)
    typer.echo(f"{total} tests, {failed} failed, {len(report.rules)} rules · {' · '.join(report.engines)}")
    raise typer.Exit(int(not report.ok))


@app.command()
def mutate(folder: Folder = Path("policies")) -> None:
    """Change every rule in small ways; no policy, or a change that no test notices, fails."""
    from strictreal.policy import mutate

    _require_policies(folder, "mutated")
    with _session() as session:
        report = mutate.run(folder, session)
    for mutant in report.survivors:
        place = f"{mutant.path}:{mutant.line}:{mutant.column}"
        typer.echo(visible(f"SURVIVED  {place}  {mutant.rule}: {mutant.operator}: {mutant.change}"))
    _problems(report.problems)
    counts = Counter(mutant.outcome for mutant in report.mutants)
    typer.echo(f"{len(report.mutants)} mutants: " + " · ".join(f"{counts[o]} {o}" for o in sorted(counts)))
    raise typer.Exit(int(not report.ok))


@app.command()
def parity(folder: Folder = Path("policies")) -> None:
    """Ask the embedded engine and the real OPA the same questions; no policy, or a different answer, fails."""
    from strictreal.policy import parity

    _require_policies(folder, "compared")
    with _session() as session:
        report = parity.run(folder, session)
    for suite in report.suites:
        if suite.refused:
            typer.echo(visible(f"NOT COMPARED  {suite.test}: {suite.refused}"))
        for difference in suite.differences:
            answers = f"embedded {difference.embedded}, OPA {difference.opa}"
            typer.echo(visible(f"DIFFERENT  {difference.path}  {difference.question} {difference.about}: {answers}"))
    _problems(report.problems)
    questions = sum(suite.questions for suite in report.suites)
    typer.echo(
        f"{questions} questions, {sum(len(s.differences) for s in report.suites)} differences · {report.engines}"
    )
    raise typer.Exit(int(not report.proven))


def _require_policies(folder: Path, done: str) -> None:
    """Refuse a folder without a policy: what nothing was asked of has not passed."""
    from strictreal.policy.load import is_policy
    from strictreal.subject import open_tree

    if not any(map(is_policy, open_tree(folder).paths)):
        raise NothingToJudge(
            f"{folder}: there is no policy (*.rego) in this folder or below, so nothing was {done}; "
            "name the folder that holds the policies"
        )


def _problems(problems: tuple[tuple[str, str], ...]) -> None:
    for path, reason in problems:
        typer.echo(visible(f"NOT PROVEN  {path}: {reason}"))
