"""`strictreal audit`."""

from __future__ import annotations

import fnmatch
import re
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from strictreal import isolation, suite
from strictreal.check import load
from strictreal.cli import console
from strictreal.errors import ConfigurationError
from strictreal.model import Record


class Format(StrEnum):
    """What `audit` prints."""

    TEXT = "text"
    JSON = "json"
    SARIF = "sarif"
    GITHUB = "github"


class Lane(StrEnum):
    """Where facts come from."""

    EMBEDDED = "embedded"
    LOCAL = "local"
    KIND = "kind"


def audit(
    path: Annotated[Path, typer.Argument(help="The repository to audit.")] = Path(),
    *,
    lane: Annotated[Lane, typer.Option(help="Where facts come from.")] = Lane.EMBEDDED,
    strict: Annotated[bool, typer.Option("--strict", help="Fail on anything that is not proven.")] = False,
    sprint: Annotated[str, typer.Option(metavar="ID", help="Demand and report a sprint's criteria.")] = "",
    since: Annotated[str, typer.Option(metavar="REV", help="Fail only on what changed since this revision.")] = "",
    output: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where bundles go [the subject's evidence/].")
    ] = None,
    format: Annotated[Format, typer.Option(help="What to print on standard output.")] = Format.TEXT,
    check: Annotated[
        list[str] | None,
        typer.Option(metavar="ID", help="Run this check only, or those of a glob; repeatable, or a comma list."),
    ] = None,
    jobs: Annotated[
        int | None, typer.Option(metavar="N", min=1, max=256, help="Worker processes [one a core].")
    ] = None,
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Collect every fact anew.")] = False,
) -> None:
    """Audit a repository: collect facts, judge them, leave a signed evidence bundle."""
    isolation.leave_out(path)
    from strictreal import config, run
    from strictreal.gather import Request

    settings = config.settings()
    request = Request(
        path=path,
        lane=lane.value,
        strict=strict or settings.strict,
        since=since,
        sprint=sprint,
        output=output,
        only=tuple(dict.fromkeys(id for wishes in check or () for wish in _listed(wishes) for id in _meant(wish))),
        jobs=jobs or 0,
        cached=not no_cache,
    )
    record = run.audit(request, settings=settings, watch=console.watch(quiet=settings.ci))
    _print(format, record, ci=settings.ci)
    raise typer.Exit(record.exit_code)


def _listed(wishes: str) -> list[str]:
    """The ids and globs of a list; a comma in the brackets of a glob parts nothing."""
    parts = [part.strip() for part in re.split(r",(?![^\[\],]*\])", wishes)]
    if not all(parts):
        raise ConfigurationError(f"--check {wishes!r} names an empty check; write --check code.stub,code.fake")
    return parts


def _meant(wish: str) -> list[str]:
    """The checks that a glob stands for; what stands for none is left as it is, for the audit to refuse."""
    return fnmatch.filter(load(suite.root() / "checks"), wish) or [wish]


def _print(format: Format, record: Record, *, ci: bool) -> None:
    from strictreal.report import document, github, sarif, terminal

    if format is Format.TEXT:
        terminal.render(record, console.console(ci=ci))
    elif format is Format.JSON:
        console.json(document.document(record))
    elif format is Format.SARIF:
        console.json(sarif.sarif(record, load(suite.root() / "checks")))
    else:
        for line in github.commands(record):
            typer.echo(line)
