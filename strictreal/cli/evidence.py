"""`strictreal evidence`: list, show, verify, recheck, diff."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from strictreal.cli import console
from strictreal.errors import EvidenceError, NotEvidence
from strictreal.report import visible

if TYPE_CHECKING:
    from strictreal.evidence.diff import Difference

app = typer.Typer(help="Read, verify and recompute evidence bundles.", no_args_is_help=True)
Folder = Annotated[Path, typer.Argument(help="A bundle, or a whole evidence folder.")]
Bundle = Annotated[Path, typer.Argument(help="A bundle's folder.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("list")
def list_(
    folder: Annotated[Path, typer.Argument(help="An evidence folder.")] = Path("evidence"), *, json: AsJson = False
) -> None:
    """List the bundles of an evidence folder, oldest first."""
    from strictreal.evidence import contents, ledger, listing

    if not os.path.lexists(folder / ledger.LEDGER):
        if contents.holds_bundle(folder):
            raise EvidenceError(f"{folder}: {ledger.LEDGER} is missing, though bundles stand here")
        raise NotEvidence(f"{folder}: not an evidence folder: it has no {ledger.LEDGER}")
    runs = listing.runs(folder)
    if json:
        console.json(runs)
        return
    rows = []
    for run in runs:
        totals = run.problem or _subset(run.only) + _totals(run.totals)
        revision = run.commit[:12] + (f" +{run.dirty}" if run.dirty else "")
        mode = "strict" if run.strict else ""
        rows.append((run.index, run.bundle, run.time, revision, run.key, run.lane, mode, totals))
    console.table(("#", "bundle", "time", "commit", "key", "lane", "", "outcomes"), rows)
    typer.echo(_unverified(folder))


def _unverified(folder: Path) -> str:
    """That a view tells what bundles state of themselves, and how to find out whether it is so."""
    return visible(f"signatures: not verified here: strictreal evidence verify {folder}")


def _totals(totals: Mapping[str, int]) -> str:
    return " · ".join(f"{count} {outcome}" for outcome, count in totals.items())


def _subset(only: Sequence[str]) -> str:
    """That not the whole suite ran, where it did not."""
    return f"not a whole audit, only {', '.join(only)}: " if only else ""


@app.command()
def show(bundle: Bundle, *, json: AsJson = False) -> None:
    """Show what a bundle states. This trusts it: verify it first."""
    from strictreal.evidence import listing

    found = listing.load(bundle)
    if json:
        console.json({"statement": found.predicate, "results": found.results, "environment": found.environment})
        return
    stated = found.predicate
    commit = stated.subject.commit or "no commit"
    console.table(
        ("", ""),
        [
            ("run", f"{stated.run} at {stated.time}, lane {stated.lane}{', strict' if stated.strict else ''}"),
            ("subject", f"{commit}, {stated.subject.dirty} files differ from it, tree {stated.subject.tree}"),
            ("base", f"{stated.base.revision} ({stated.base.commit})" if stated.base else "none"),
            ("suite", stated.suite),
            ("checks", f"only {', '.join(stated.only)}: not a whole audit" if stated.only else "all of the suite"),
            ("key", f"{stated.key.kind} {stated.key.id}" + ("" if found.signed else " — unsigned")),
            ("ledger", f"#{stated.ledger.index} after {stated.ledger.previous[:16]}…"),
            ("files", f"{len(found.manifest.files)}, {sum(f.size for f in found.manifest.files):,} bytes"),
        ],
    )
    rows = [(r.check, r.outcome.value, r.examined, r.reason, len(r.findings) or "") for r in found.results.results]
    console.table(("check", "outcome", "examined", "", "findings"), rows)
    typer.echo(_unverified(bundle))


@app.command()
def verify(
    folder: Folder,
    *,
    key: Annotated[list[Path] | None, typer.Option(help="A public key (PEM) to trust; repeatable.")] = None,
    suite: Annotated[
        str, typer.Option(metavar="DIGEST", help="Insist on this suite of checks, rules and policies.")
    ] = "",
    head: Annotated[str, typer.Option(metavar="DIGEST", help="Insist that the ledger holds this line.")] = "",
    alone: Annotated[bool, typer.Option("--alone", help="The bundle was copied away from its ledger.")] = False,
    allow_unsigned: Annotated[bool, typer.Option("--allow-unsigned", help="Accept that nobody vouches.")] = False,
    accept: Annotated[
        bool, typer.Option("--accept", help="Forget later heads: the ledger was cut on purpose.")
    ] = False,
) -> None:
    """Verify a bundle and its ledger, or every bundle of a folder, offline."""
    from strictreal import config
    from strictreal.evidence import ledger, listing, sign
    from strictreal.evidence.verify import Demands
    from strictreal.evidence.verify import verify as check
    from strictreal.evidence.witness import Witness

    settings = config.settings()
    demands = Demands(
        keys=sign.trusted(settings, key or ()), suite=suite, head=head, alone=alone, allow_unsigned=allow_unsigned
    )
    witness = Witness(settings.state_home)
    if accept:
        witness.accept(folder, ledger.read(folder))
    report = check(folder, demands, witness=witness)
    for problem in report.problems:
        typer.echo(f"FAILED  {visible(problem)}")
    for note in report.notes:
        typer.echo(f"note: {visible(note)}")
    if report.verified:
        signer = f", signed by {report.key[:16]} ({report.key_origin})" if report.key else ""
        typer.echo(f"verified: {report.bundles} bundle{'s' * (report.bundles != 1)}{signer}")
        if said := report.predicate:
            how = f"lane {said.lane}, {'strict' if said.strict else 'not strict'}"
            typer.echo(visible(f"states: {how}, {_subset(said.only)}{_totals(listing.totals(said))}"))
        if report.head:
            typer.echo(f"ledger head: {report.head}")
    raise typer.Exit(int(not report.verified))


@app.command()
def recheck(
    bundle: Bundle,
    *,
    other_suite: Annotated[
        bool, typer.Option("--other-suite", help="Judge by the installed suite though it is another one.")
    ] = False,
) -> None:
    """Run the checks again from the bundle alone; they must reach the same outcomes bit for bit."""
    from strictreal.evidence.recheck import recheck as judge_again
    from strictreal.plugin import results_of

    found = judge_again(bundle, results_of, allow_other_suite=other_suite)
    for problem in found.problems:
        typer.echo(f"FAILED  {visible(problem)}")
    for note in found.notes:
        typer.echo(f"note: {visible(note)}")
    typer.echo("note: this recomputes; who signed the bundle is what `evidence verify` tells")
    _print_difference(found.difference)
    if found.differing:
        typer.echo(f"differing: {', '.join(map(visible, found.differing))}")
    if found.agrees and found.same_suite:
        typer.echo("the recorded facts give the recorded outcomes, bit for bit")
    elif found.agrees:
        same = "gives the recorded outcomes" if found.identical else "gives other outcomes"
        typer.echo(f"another suite judged: over the recorded facts it {same}; of the recorded suite that shows nothing")
    raise typer.Exit(int(not found.agrees))


@app.command()
def diff(a: Bundle, b: Bundle, *, json: AsJson = False) -> None:
    """Show what changed from bundle A to bundle B: outcomes, findings, checks that are gone or examined less."""
    from strictreal.evidence import contents, listing
    from strictreal.evidence.diff import diff as compare

    for bundle in (a, b):
        contents.require_bundle(bundle)
        if wrong := contents.verify(bundle.absolute()).problems:
            raise EvidenceError(f"{bundle}: not intact, so there is nothing to compare: {wrong[0]}")
    found = compare(listing.load(a), listing.load(b))
    if json:
        console.json(found)
    else:
        _print_difference(found)


def _print_difference(found: Difference) -> None:
    for change in found.about:
        typer.echo(visible(f"{change.what}: {change.before} → {change.after}"))
    for outcome in found.outcomes:
        before = outcome.before.value if outcome.before else "absent"
        after = outcome.after.value if outcome.after else "gone: it did not run"
        reason = f" ({outcome.reason_after})" if outcome.reason_after else ""
        typer.echo(visible(f"{outcome.check}: {before} → {after}{reason}"))
    for less in found.fewer:
        told = f"{less.examined_before:,} → {less.examined_after:,}"
        typer.echo(visible(f"{less.check}: examined less: {told}"))
    for sign, findings in (
        ("+", found.appeared),
        ("-", found.disappeared),
        ("~ waived", found.waived),
        ("~ no longer waived", found.unwaived),
    ):
        for finding in findings:
            where = finding.where
            typer.echo(visible(f"{sign} {finding.check}  {where.path}:{where.line}  {finding.message}"))
