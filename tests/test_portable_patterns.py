"""Regular expressions that every supported Python reads alike.

CPython before 3.11.5 matches possessive quantifiers and atomic groups wrongly (gh-101955, gh-106052): a pattern of
redaction that misses a secret on one interpreter is a leak.
"""

from __future__ import annotations

import ast
import re
import warnings
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def unportable(pattern: str) -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            parsed = re._parser.parse(pattern, re.VERBOSE)  # type: ignore[attr-defined]
        except re.error:
            return False
    return any(name in repr(list(parsed)) for name in ("POSSESSIVE_REPEAT", "ATOMIC_GROUP"))


def patterns(file: Path) -> list[str]:
    """The string literals in calls of `re`, and in what is assigned to a name that such a call uses."""
    tree = ast.parse(file.read_text())
    calls = [n for n in ast.walk(tree) if isinstance(n, ast.Call) and ast.unparse(n.func).startswith("re.")]
    names = {n.id for call in calls for n in ast.walk(call) if isinstance(n, ast.Name)}
    assigned = [
        n for n in ast.walk(tree) if isinstance(n, ast.Assign) and any(ast.unparse(t) in names for t in n.targets)
    ]
    return [
        n.value
        for root in (*calls, *assigned)
        for n in ast.walk(root)
        if isinstance(n, ast.Constant) and type(n.value) is str
    ]


@pytest.mark.parametrize("folder", ["strictreal", "checks", "services"])
def test_no_pattern_needs_a_newer_interpreter(folder):
    files = [file for file in (ROOT / folder).rglob("*.py") if "re." in file.read_text()]
    assert files
    found = [(str(f.relative_to(ROOT)), p) for f in files for p in patterns(f) if len(p) < 4000 and unportable(p)]
    assert found == []


@pytest.mark.parametrize("pattern", ["a++", "[a-z]{3,}+x", "a?+", "(?>ab)c"])
def test_the_unportable_is_told(pattern):
    assert unportable(pattern)
