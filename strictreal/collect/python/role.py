"""What a module is there for, by the folder and file names that Python projects agree on."""

from __future__ import annotations

import re

_TEST_FOLDERS = {"test", "tests", "testing", "testdata", "fixtures", "e2e", "integration_tests", "unit_tests", "t"}
_TEST_FILE = re.compile(r"(?:test_.*|.*_tests?|tests?|conftest|testing)\.pyw?i?$")
_EXAMPLE_FOLDERS = {"example", "examples", "demo", "demos", "sample", "samples", "tutorial", "tutorials"}
_EXAMPLE_FOLDERS |= {"doc", "docs", "docsrc", "benchmark", "benchmarks", "cookbook", "notebooks", "playground"}


def role(path: str) -> str:
    """`test` for test code and what it leans on, `example` for what shows or measures, else `product`.

    Follows the file names of pytest and unittest (`test_*.py`, `*_test.py`, `tests.py`, `conftest.py`) and the usual
    folders.
    """
    *folders, name = path.split("/")
    lowered = {folder.lower() for folder in folders}
    if lowered & _TEST_FOLDERS or _TEST_FILE.match(name):
        return "test"
    if lowered & _EXAMPLE_FOLDERS or any(f.startswith(("examples_", "example_")) for f in lowered):
        return "example"
    return "product"


_SETTINGS = {"settings", "config", "conf", "configuration", "envs", "environment"}


def is_settings(path: str) -> bool:
    """Whether a module is, by its name, where a project keeps its settings.

    `settings.py`, `config.py`, `conf.py`, `configuration.py`, `envs.py` and `environment.py`, also with leading
    underscores; `app_settings.py` and `settings_local.py`; and the modules of a `settings`, `config`, `conf` or
    `configuration` package. Test modules never are, but a test suite's own `settings.py` is.
    """
    *folders, name = path.split("/")
    stem = name.rpartition(".")[0].lower().strip("_")
    if stem.startswith("test_") or stem.endswith(("_test", "_tests")) or name == "conftest.py":
        return False
    if stem in _SETTINGS or stem.endswith("_settings") or stem.startswith("settings_"):
        return True
    return (
        bool(folders) and folders[-1].lower().strip("_") in _SETTINGS - {"envs", "environment"} and role(path) != "test"
    )
