"""The suite holds together: one id names the check, its specimens and its page."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from strictreal import suite
from strictreal.check import load
from strictreal.errors import SuiteError
from strictreal.subject import open_tree

CHECKS = suite.root() / "checks"
KNOWN = load(CHECKS)
HEADINGS = ["What it proves", "Bad", "Good", "Why", "How to fix", "Configuration"]
ID = re.compile(r"[a-z]+\.[a-z]+(-[a-z]+)*")


@pytest.mark.parametrize("id", KNOWN)
def test_an_id_is_an_area_and_a_name(id: str):
    assert ID.fullmatch(id)


@pytest.mark.parametrize("id", KNOWN)
def test_a_check_says_what_it_proves_and_what_to_do(id: str):
    check = KNOWN[id]
    assert check.proves.endswith(".")
    assert check.remedy.endswith(".")
    assert check.parameters
    assert check.judge.__name__.startswith("test_")


@pytest.mark.parametrize("kind", ["bad", "good"])
@pytest.mark.parametrize("id", KNOWN)
def test_a_check_has_a_specimen_that_git_keeps(id: str, kind: str):
    folder = CHECKS / "specimens" / id / kind
    assert list(open_tree(folder))


def test_no_specimen_is_without_a_check():
    assert {folder.name for folder in (CHECKS / "specimens").iterdir()} == set(KNOWN)


@pytest.mark.parametrize("id", KNOWN)
def test_a_check_has_a_page_with_the_agreed_headings(id: str):
    lines = (suite.docs() / f"{id}.md").read_text().splitlines()
    assert lines[0] == f"# {id}"
    assert lines[2].strip()
    assert [line.removeprefix("## ") for line in lines if line.startswith("## ")] == HEADINGS


def test_no_page_is_without_a_check():
    pages = {path.stem for path in suite.docs().glob("*.md") if ID.fullmatch(path.stem)}
    assert pages == set(KNOWN)


def test_a_file_that_does_not_import_is_named(tmp_path: Path):
    (tmp_path / "test_broken.py").write_text("import nowhere\n")
    with pytest.raises(SuiteError, match=r"test_broken\.py: does not import: ModuleNotFoundError"):
        load(tmp_path)


def test_two_checks_cannot_share_an_id(tmp_path: Path):
    for name in ("one", "two"):
        text = CHECK.replace("NAME", name)
        (tmp_path / f"test_{name}.py").write_text(text)
    with pytest.raises(SuiteError, match=r"test_two\.py: two checks are called demo\.modules"):
        load(tmp_path)


def test_a_parameter_that_is_no_fact_is_refused(tmp_path: Path):
    (tmp_path / "test_odd.py").write_text(CHECK.replace("Facts[Module]", "int"))
    with pytest.raises(SuiteError, match=r"demo\.modules: parameter 'modules' must be Facts\[…\], a Fact or Annotated"):
        _ = load(tmp_path)["demo.modules"].parameters


CHECK = """
from strictreal.check import check
from strictreal.facts.code import Module
from strictreal.model import Facts


@check("demo.modules", proves="NAME.", remedy="None.")
def test_modules(modules: Facts[Module]):
    for module in modules:
        if module.lines > 100:
            yield module.finding("is long")
"""


def test_the_digest_covers_every_file_of_the_suite_and_no_byproduct(tmp_path: Path):
    def digest() -> str:
        return suite._digest_below(tmp_path, ("checks", "rules"))

    (tmp_path / "checks" / "specimens").mkdir(parents=True)
    (tmp_path / "rules").mkdir()
    seen = {digest()}
    for path, text in [
        ("checks/test_a.py", "a"),
        ("checks/test_a.py", "b"),
        ("checks/specimens/x.py", "a"),
        ("rules/x.py", "a"),
        ("rules/.hidden", "a"),
    ]:
        (tmp_path / path).write_text(text)
        assert digest() not in seen
        seen.add(digest())
    before = digest()
    (tmp_path / "checks" / "__pycache__").mkdir()
    (tmp_path / "checks" / "__pycache__" / "test_a.cpython-311.pyc").write_bytes(b"x")
    assert digest() == before


def test_the_digests_are_those_of_this_suite_and_engine():
    assert re.fullmatch("[0-9a-f]{64}", suite.suite_digest())
    assert re.fullmatch("[0-9a-f]{64}", suite.engine_digest())
    assert suite.suite_digest() != suite.engine_digest()
