"""Commands that tell: `checks`, `explain`, `doctor`, `waiver list`, `sprint status`."""

from __future__ import annotations

import datetime
import difflib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from strictreal import suite
from strictreal.check import load
from strictreal.cli import console
from strictreal.errors import ConfigurationError, EvidenceError

if TYPE_CHECKING:  # the command line starts fast where it needs neither
    from strictreal.evidence.statement import Predicate
    from strictreal.subject import Tree

waiver = typer.Typer(help="Exceptions to findings, and how long they last.", no_args_is_help=True)
sprint = typer.Typer(help="What the evidence says of a roadmap's sprints.", no_args_is_help=True)


def checks(
    *,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print the index of docs/checks/.")] = False,
) -> None:
    """List every check, with the sentence that it proves."""
    known = load(suite.root() / "checks").values()
    if markdown:
        typer.echo("# Checks\n\nMade by `make docs`; `strictreal explain ID` prints a page.\n")
        typer.echo("| check | proves |\n|---|---|")
        for check in known:
            typer.echo(f"| [{check.id}]({check.id}.md) | {check.proves} |")
    elif json:
        console.json([{"id": c.id, "proves": c.proves, "remedy": c.remedy, "severity": c.severity} for c in known])
    else:
        console.table(("check", "proves"), [(c.id, c.proves) for c in known])


def explain(id: Annotated[str, typer.Argument(metavar="ID", help="A check id, such as code.env-access.")]) -> None:
    """Print a check's page: what it proves, bad, good, why, and how to fix."""
    from rich.markdown import Markdown

    known = load(suite.root() / "checks")
    if id not in known:
        near = difflib.get_close_matches(id, known, 1)
        raise ConfigurationError(f"there is no check {id!r}" + (f"; did you mean {near[0]!r}?" if near else ""))
    page = suite.docs() / f"{id}.md"
    text = page.read_text() if page.is_file() else f"# {id}\n\n{known[id].proves}\n\nFix: {known[id].remedy}\n"
    out = console.console()
    if out.is_terminal:
        out.print(Markdown(text))
    else:
        typer.echo(text)


def doctor() -> None:
    """Show the tools that this machine has, their versions, and what each lane needs."""
    from strictreal.collect import toolchain

    found = toolchain.tools()
    rows = [(tool.name, tool.version or "absent", tool.needed_by, tool.serves) for tool in found]
    console.table(("tool", "version", "needed by", "serves"), rows)
    if missing := [tool.name for tool in found if tool.needed_by == "embedded" and not tool.version]:
        typer.echo(f"the embedded lane lacks {', '.join(missing)}: what needs them is not-proven")


@waiver.command("list")
def waiver_list(path: Annotated[Path, typer.Argument(help="The repository.")] = Path()) -> None:
    """List the waivers of a repository, with the days that each has left."""
    from strictreal import config
    from strictreal import waiver as waivers
    from strictreal.subject import open_tree

    tree = open_tree(path)
    file = config.load(tree).waivers
    if file not in tree.paths:
        typer.echo(f"{file}: there is none, so nothing is waived")
        return
    today = datetime.datetime.now(datetime.UTC).date()
    rows = []
    for entry in waivers.parse(file, tree.read(file)):
        if isinstance(entry, tuple):
            rows.append((f"{entry[0].path}:{entry[0].line}", "", "unusable", entry[1], ""))
            continue
        left = (datetime.date.fromisoformat(entry.expires) - today).days
        state = f"{left} days left" if left >= 0 else f"expired {-left} days ago"
        target = entry.fingerprint or f"{entry.paths} ({entry.count} findings)"
        rows.append((entry.check, target, state, entry.reason, entry.approver))
    console.table(("check", "covers", "state", "reason", "approver"), rows)


@sprint.command("status")
def sprint_status(
    path: Annotated[Path, typer.Argument(help="The repository.")] = Path(),
    *,
    output: Annotated[Path | None, typer.Option(metavar="DIR", help="Where the bundles are.")] = None,
    key: Annotated[list[Path] | None, typer.Option(help="A public key (PEM) to trust; repeatable.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show each sprint's criteria as the newest bundle that ran every check proves them. It is verified first."""
    from strictreal import config
    from strictreal import sprint as sprints
    from strictreal.evidence import listing, sign
    from strictreal.evidence.verify import Demands, verify
    from strictreal.evidence.witness import Witness
    from strictreal.subject import open_tree

    tree = open_tree(path)
    settings = config.load(tree)
    known = load(suite.root() / "checks")
    roadmaps = sprints.load(tree, settings.sprints, known)
    folder = output or tree.root / settings.evidence
    whole = [run for run in listing.runs(folder) if not run.problem] if folder.is_dir() else []
    found = next((listing.load(folder / run.bundle) for run in reversed(whole) if not run.only), None)
    if found:
        trusted = sign.trusted(config.settings(), key or ())
        witness = Witness(config.settings().state_home)
        if problems := verify(found.folder, Demands(keys=trusted), witness=witness).problems:
            raise EvidenceError(f"{found.folder}: not verified, so it proves nothing: {problems[0]}")
        if other := _of_another(found.predicate, tree):
            typer.echo(f"{found.predicate.bundle} is {other}: it proves nothing here", err=True)
            found = None
    results = found.results.results if found else ()
    standings = sprints.status(roadmaps, results, found.predicate.lane if found else "embedded", known)
    if json:
        console.json(standings)
        return
    typer.echo(f"after {found.predicate.bundle}" if found else f"{folder}: no bundle of a whole audit of this tree yet")
    rows = [(f"{s.roadmap}/{s.sprint}", s.criterion, s.state.value, s.reason or s.text) for s in standings]
    console.table(("sprint", "criterion", "state", ""), rows)


def _of_another(said: Predicate, tree: Tree) -> str:
    """What else than this tree, judged by this suite, a bundle is of; "" when it is of them."""
    if said.subject.tree != tree.digest:
        return f"of another tree ({said.subject.tree[:12]}, this one is {tree.digest[:12]})"
    if said.suite != suite.suite_digest():
        return f"of another suite ({said.suite[:12]}, the installed one is {suite.suite_digest()[:12]})"
    return ""


waiver.callback()(lambda: None)
sprint.callback()(lambda: None)
