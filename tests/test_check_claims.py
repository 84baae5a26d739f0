"""Each claim is judged by what contradicts it, where it reaches, and by nothing else."""

from __future__ import annotations

import pytest

from strictreal import suite
from strictreal.check import load
from strictreal.facts.claims import CodeClaim, DocumentClaim, Mention, Pipeline, StatusClaim, StrictClaim
from strictreal.facts.code import Module
from strictreal.model import Fact, Facts, Finding, Findings, Location

V = "SOMABRAIN_STRICT_REAL"


def against(check: str, path: str, line: int = 1, message: str = "", waived: str = "") -> Finding:
    return Finding(check=check, where=Location(path, line), message=message, waived=waived)


def judged(id: str, facts: list[Fact], *found: Finding) -> list[str]:
    check = load(suite.root() / "checks")[id]
    arguments = {
        p.name: Findings(found) if p.findings_of else Facts([f for f in facts if type(f) is p.facts], len(facts))
        for p in check.parameters
    }
    return [finding.message for finding in check.judge(**arguments)]


def status(text: str, *mentions: Mention, state: str = "done", open_lines: tuple[int, ...] = ()) -> StatusClaim:
    where = Location("ROADMAP.md", 1)
    return StatusClaim(where=where, status=state, form="task", text=text, mentions=mentions, open_lines=open_lines)


def name(text: str, role: str, *found: str, kind: str = "file", exact: bool = False) -> Mention:
    return Mention(text=text, kind=kind, role=role, found=found, exact=exact)


def test_a_done_item_is_judged_by_what_it_names():
    cache = against("code.stub", "pkg/cache.py", 7, "Cache.get has an empty body")
    for role in ("made", "within", "touched"):
        assert judged("claims.done", [status("x", name("a.py", role))]) == [
            "marked as done, but a.py is not in the repository"
        ]
        assert judged("claims.done", [status("x", name("a.py", role, "a.py"))]) == []
    for role in ("left", "aside"):
        assert judged("claims.done", [status("x", name("a.py", role))]) == []
    assert judged("claims.done", [status("x", name("a.py", "removed", "a.py", exact=True))])
    assert judged("claims.done", [status("x", name("a.py", "removed", "pkg/a.py"))]) == []
    assert judged("claims.done", [status("x", name("a.py", "made"), state="todo")]) == []
    assert judged("claims.done", [status("x", open_lines=(4, 9))]) == [
        "marked as done, but 2 items below it are still open, the first in line 4"
    ]
    [message] = judged("claims.done", [status("x", name("cache.py", "made", "pkg/cache.py"))], cache)
    assert "cache.py is not what it seems: code.stub at pkg/cache.py:7" in message
    assert judged("claims.done", [status("x", name("cache.py", "touched", "pkg/cache.py"))], cache) == []
    assert judged("claims.done", [status("x", name("cache.py", "made", "pkg/cache.py", "b/cache.py"))], cache) == []


def test_an_item_about_one_function_is_not_judged_by_another():
    cache = against("code.stub", "pkg/cache.py", 7, "Cache.get has an empty body")
    inside = name("cache.py", "within", "pkg/cache.py")
    assert judged("claims.done", [status("x", name("put", "made", kind="symbol"), inside)], cache) == []
    assert judged("claims.done", [status("x", name("Cache.get", "made", kind="symbol"), inside)], cache)
    assert judged("claims.done", [status("x", inside)], cache)


STUB = against("code.stub", "pkg/a.py", 5, "f has an empty body")
MODULES: list[Fact] = [
    Module(where=Location("pkg/a.py"), lines=9),
    Module(where=Location("tests/integration/test_a.py"), lines=9, role="test"),
]


@pytest.mark.parametrize(
    ("says", "contradicting"),
    [
        ("no-stubs", {"code.stub"}),
        ("no-mocks", {"code.fake"}),
        ("no-fake-data", {"code.fake"}),
        ("no-fallbacks", {"code.fallback"}),
        ("real", {"code.stub", "code.fake", "code.fallback"}),
        ("complete", {"code.stub"}),
        ("production-ready", {"code.stub", "code.fake"}),
    ],
)
def test_each_claim_is_contradicted_by_its_own_findings(says, contradicting):
    claim = CodeClaim(where=Location("pkg/a.py", 1), says=(says,), sentence="s", covers="pkg/a.py")
    checks = ("code.stub", "code.fake", "code.fallback")
    assert {id for id in checks if judged("claims.contradicted", [claim], against(id, "pkg/a.py"))} == contradicting


@pytest.mark.parametrize(
    ("covers", "lines", "contradicted"),
    [
        ("pkg/a.py", (0, 0), True),
        ("pkg/a.py", (5, 6), True),
        ("pkg/a.py", (6, 9), False),
        ("pkg/b.py", (0, 0), False),
        ("pkg/", (0, 0), True),
        ("/", (0, 0), True),
        ("pk/", (0, 0), False),
    ],
)
def test_code_is_judged_where_its_claim_reaches(covers, lines, contradicted):
    where = Location("pkg/a.py", 1)
    first, last = lines
    claim = CodeClaim(where=where, says=("no-stubs",), sentence="s", covers=covers, first_line=first, last_line=last)
    assert bool(judged("claims.contradicted", [claim, *MODULES], STUB)) is contradicted


@pytest.mark.parametrize(
    ("says", "covers", "within", "found", "contradicted"),
    [
        ("no-stubs", ("/",), "", STUB, True),
        ("no-stubs", ("pkg/a.py",), "", STUB, True),
        ("no-stubs", ("docs/",), "", STUB, False),
        ("no-stubs", (), "", STUB, False),
        ("no-stubs", ("/",), "tests", STUB, False),
        ("no-mocks", ("/",), "", against("code.fake", "tests/integration/test_a.py"), True),
        ("no-mocks", ("/",), "tests", against("code.fake", "tests/integration/test_a.py"), True),
        ("no-mocks", ("/",), "integration", against("code.fake", "tests/integration/test_a.py"), True),
        ("no-mocks", ("/",), "unit", against("code.fake", "tests/integration/test_a.py"), False),
        ("real", ("/",), "", against("code.fake", "tests/integration/test_a.py"), False),
        ("no-stubs", ("/",), "", against("code.stub", "pkg/a.py", waived="approved"), False),
    ],
)
def test_a_document_is_judged_by_the_files_it_speaks_of(says, covers, within, found, contradicted):
    where = Location("README.md", 1)
    claim = DocumentClaim(where=where, says=(says,), sentence="s", covers=covers, within=within)
    assert bool(judged("claims.contradicted", [claim, *MODULES], found)) is contradicted


def test_strict_mode_that_is_evaded_anywhere_contradicts_the_workflow():
    pipeline = Pipeline(where=Location("ci.yml"), jobs=1)
    claim = StrictClaim(where=Location("ci.yml", 3), variable=V)
    evasion = against("strict.evaded", "tests/conftest.py", 4, "is set to '0'")
    assert judged("claims.strict", [pipeline, claim], evasion) == [
        f"claims strict mode by {V}, evaded by strict.evaded at tests/conftest.py:4: is set to '0'"
    ]
    assert judged("claims.strict", [pipeline, claim]) == []
    assert judged("claims.strict", [pipeline], evasion) == []
