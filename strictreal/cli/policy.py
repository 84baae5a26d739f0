"""`strictreal policy`: test, mutate, parity."""

from __future__ import annotations

import typer

app = typer.Typer(help="Test, mutate and compare Rego policies.", no_args_is_help=True)
app.callback()(lambda: None)
