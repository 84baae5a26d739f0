"""Argument parsing and exit codes only; everything else is called from here."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console

from strictreal import __version__
from strictreal.errors import ConfigurationError, StrictRealError

app = typer.Typer(
    name="strictreal",
    help="Prove that what a repository claims is real.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
policy = typer.Typer(help="Test, mutate and compare Rego policies.", no_args_is_help=True)
evidence = typer.Typer(help="Read, verify and recompute evidence bundles.", no_args_is_help=True)
sprint = typer.Typer(help="What the evidence says of a roadmap's sprints.", no_args_is_help=True)
waiver = typer.Typer(help="Exceptions to findings, and how long they last.", no_args_is_help=True)
for group, name in ((policy, "policy"), (evidence, "evidence"), (sprint, "sprint"), (waiver, "waiver")):
    app.add_typer(group, name=name, rich_help_panel=None)


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


def _version(wanted: bool) -> None:  # noqa: FBT001  (typer's callback)
    if wanted:
        typer.echo(f"strictreal {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None: ...


@app.command()
def audit(
    path: Annotated[Path, typer.Argument(help="The repository to audit.")] = Path(),
    *,
    lane: Annotated[Lane, typer.Option(help="Where facts come from.")] = Lane.EMBEDDED,
    strict: Annotated[bool, typer.Option("--strict", help="Fail on anything that is not proven.")] = False,
    sprint: Annotated[str, typer.Option(metavar="ID", help="Demand and report a sprint's criteria.")] = "",
    since: Annotated[str, typer.Option(metavar="REV", help="Fail only on what changed since this revision.")] = "",
    output: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where bundles go [evidence/ of the subject].")
    ] = None,
    format: Annotated[Format, typer.Option(help="What to print on standard output.")] = Format.TEXT,
    check: Annotated[list[str] | None, typer.Option(metavar="ID", help="Run this check only; repeatable.")] = None,
    jobs: Annotated[
        int | None, typer.Option(metavar="N", min=1, max=256, help="Worker processes [one a core].")
    ] = None,
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Collect every fact anew.")] = False,
) -> None:
    """Audit a repository: collect facts, judge them, leave a signed evidence bundle."""
    from strictreal import config, run

    settings = config.settings()
    request = run.Request(
        path=path,
        lane=lane.value,
        strict=strict or settings.strict,
        since=since,
        sprint=sprint,
        output=output,
        only=tuple(check or ()),
        jobs=jobs or 0,
        cached=not no_cache,
    )
    record = run.audit(request, settings=settings, watch=_watch(settings.ci))
    if format is Format.TEXT:
        from strictreal.report import terminal

        terminal.render(record, Console(highlight=False, force_terminal=False if settings.ci else None))
    else:
        _print_machine(format, record)
    raise typer.Exit(record.exit_code)


def _print_machine(format: Format, record: Any) -> None:
    from strictreal.report import document, github, sarif

    if format is Format.JSON:
        _json(document.document(record))
    elif format is Format.SARIF:
        _json(sarif.sarif(record, _checks()))
    else:
        for line in github.commands(record):
            typer.echo(line)


def _json(value: Any) -> None:
    sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n")


def _watch(quiet: bool) -> Any:  # noqa: FBT001
    """Progress bars on standard error, for a person at a terminal only."""
    console = Console(stderr=True)
    if quiet or not console.is_terminal:
        return None
    from rich.progress import Progress

    @contextmanager
    def watch(title: str, items: Sequence[Any]) -> Iterator[Any]:
        with Progress(console=console, transient=True) as progress:
            task = progress.add_task(title, total=len(items))
            yield lambda done: progress.advance(task, done)

    return watch


def _checks() -> Any:
    from strictreal import suite
    from strictreal.check import load

    return load(suite.root() / "checks")


@app.command()
def checks(*, json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """List every check, with the sentence that it proves."""
    known = _checks()
    if json:
        _json([{"id": c.id, "proves": c.proves, "remedy": c.remedy, "severity": c.severity} for c in known.values()])
        return
    width = max(map(len, known), default=0)
    for found in known.values():
        typer.echo(f"{found.id:<{width}}  {found.proves}")


@app.command()
def explain(id: Annotated[str, typer.Argument(metavar="ID", help="A check id, such as code.env-access.")]) -> None:
    """Print a check's page: what it proves, bad, good, why, and how to fix."""
    import difflib

    from rich.markdown import Markdown

    from strictreal import suite

    known = _checks()
    if id not in known:
        near = difflib.get_close_matches(id, known, 1)
        raise ConfigurationError(f"there is no check {id!r}" + (f"; did you mean {near[0]!r}?" if near else ""))
    page = suite.docs() / f"{id}.md"
    text = page.read_text() if page.is_file() else f"# {id}\n\n{known[id].proves}\n\nFix: {known[id].remedy}\n"
    console = Console(highlight=False)
    console.print(Markdown(text)) if console.is_terminal else typer.echo(text)


def main() -> None:
    """Entry point: errors made on purpose end in one line and their exit code, never a traceback."""
    try:
        app(standalone_mode=True)
    except StrictRealError as error:
        from strictreal.report import visible

        lines = [visible(line) for line in str(error).split("\n")]
        typer.echo("strictreal: " + "\n".join(lines), err=True)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        typer.echo("strictreal: interrupted; nothing was recorded", err=True)
        sys.exit(2)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)
    except Exception:
        import traceback

        typer.echo(f"strictreal {__version__}: internal error; please report it:\n{traceback.format_exc()}", err=True)
        sys.exit(3)
