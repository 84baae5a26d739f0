"""Argument parsing and exit codes only; everything else is called from here."""

from __future__ import annotations

import signal
import sys
from typing import Annotated

import typer

from strictreal import __version__, scratch
from strictreal.cli import audit, evidence, inform, policy
from strictreal.errors import StrictRealError

_INTERRUPTED = 130
_COLLECTING = {"audit", "policy"}
"""Commands that start tools, which want temporary folders."""
app = typer.Typer(
    name="strictreal",
    help="Prove that what a repository claims is real.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command()(audit.audit)
app.command()(inform.checks)
app.command()(inform.explain)
app.add_typer(policy.app, name="policy")
app.add_typer(evidence.app, name="evidence")
app.add_typer(inform.sprint, name="sprint")
app.add_typer(inform.waiver, name="waiver")
app.command()(inform.doctor)


def _version(wanted: bool) -> None:  # noqa: FBT001  (typer's callback)
    if wanted:
        typer.echo(f"strictreal {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    context: typer.Context,
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    if context.invoked_subcommand in _COLLECTING:
        context.with_resource(scratch.folder())


def run() -> None:
    """Parse, call, exit: errors made on purpose end in a message and their exit code, never a traceback."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # what a CI job is cancelled with cleans up as well
    try:
        code = app(standalone_mode=False)  # what `typer.Exit` says comes back as a value, and so does an interruption
        if code == _INTERRUPTED:
            raise KeyboardInterrupt
        sys.stdout.flush()
        sys.exit(code if isinstance(code, int) else 0)
    except StrictRealError as error:
        from strictreal.report import visible

        typer.echo("strictreal: " + "\n".join(visible(line) for line in str(error).split("\n")), err=True)
        sys.exit(error.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        typer.echo("strictreal: interrupted; nothing was recorded", err=True)
        sys.exit(2)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)
    except OSError as error:
        typer.echo(f"strictreal: {error}", err=True)
        sys.exit(3)
    except Exception as error:
        if hasattr(error, "exit_code") and hasattr(error, "show"):  # typer's own usage errors
            error.show()
            sys.exit(4)
        import traceback

        typer.echo(f"strictreal {__version__}: internal error; please report it:\n{traceback.format_exc()}", err=True)
        sys.exit(3)
