"""`python -m sfm` is `sfm`."""

from sfm.cli import main

main()
