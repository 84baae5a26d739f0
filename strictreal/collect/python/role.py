"""What a module is there for, by the folder and file names that Python projects agree on."""

from __future__ import annotations

import re

_TEST_FOLDERS = {"test", "tests", "testing", "testdata", "fixtures", "e2e", "integration_tests", "unit_tests"}
_TEST_FILE = re.compile(r"(?:test_.*|.*_tests?|tests?|conftest|testing)\.pyw?i?$")
_EXAMPLE_FOLDERS = {"example", "examples", "demo", "demos", "sample", "samples", "tutorial", "tutorials"}
_EXAMPLE_FOLDERS |= {"doc", "docs", "docsrc", "benchmark", "benchmarks", "cookbook", "notebooks", "playground"}


def role(path: str) -> str:
    """`test` for test code and what it leans on, `example` for what shows or measures, else `product`.

    Follows pytest's and unittest's file names (`test_*.py`, `*_test.py`, `tests.py`, `conftest.py`) and the usual folders.
    """
    *folders, name = path.split("/")
    lowered = {folder.lower() for folder in folders}
    if lowered & _TEST_FOLDERS or _TEST_FILE.match(name):
        return "test"
    if lowered & _EXAMPLE_FOLDERS or any(f.startswith(("examples_", "example_")) for f in lowered):
        return "example"
    return "product"
