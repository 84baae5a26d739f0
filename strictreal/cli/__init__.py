"""The command line. Its entry point comes before every import that the current folder could answer."""

from __future__ import annotations

import os

from strictreal import isolation


def main() -> None:
    """Entry point of `strictreal` and of `python -m strictreal`."""
    isolation.leave_out(os.curdir)
    from strictreal.cli.app import run

    run()
