"""`python -m strictreal`."""

from strictreal.cli import main

main()
