"""Notebooks: their code cells are one module, and nothing of them is passed over in silence."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from subjects import lay

from strictreal.cache import Cache
from strictreal.collect import code, strictness
from strictreal.collect.code import facts_of
from strictreal.collect.python import magics, notebook
from strictreal.config import Config
from strictreal.facts.code import EnvAccess, Module, StrictEvasion
from strictreal.model import Gap, Inventory
from strictreal.session import Session
from strictreal.subject import open_tree


def cell(source: str | list[str], kind: str = "code") -> dict[str, Any]:
    return {"cell_type": kind, "metadata": {}, "source": source}


def book(*cells: dict[str, Any], indent: int | None = 1, language: str = "python") -> bytes:
    document = {"cells": cells, "metadata": {"language_info": {"name": language}}, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(document, indent=indent, ensure_ascii=False).encode()


def lines_of(source: str) -> list[str]:
    return source.splitlines(keepends=True)


def test_code_is_found_at_its_line_of_the_file():
    data = book(cell(["# Title\n", "text"], "markdown"), cell(lines_of("import os\n\nprint(os.environ['A'])")))
    [access] = [fact for fact in facts_of(("a.ipynb", data)) if isinstance(fact, EnvAccess)]
    assert "os.environ['A']" in data.decode().split("\n")[access.where.line - 1]
    assert (access.where.text, access.where.resource) == ("print(os.environ['A'])", "")


@pytest.mark.parametrize("source", ["import os\nprint(os.environ['A'])", ["import os\n", "print(os.environ['A'])"]])
def test_code_that_shares_a_line_of_the_file_is_told_by_its_cell(source: str | list[str]):
    data = book(cell("words", "markdown"), cell(source), indent=None)
    [access] = [fact for fact in facts_of(("a.ipynb", data)) if isinstance(fact, EnvAccess)]
    assert (access.where.resource, access.where.line) == ("cell 2", 4)


def test_names_are_followed_from_cell_to_cell():
    data = book(cell(["from os import environ as e"]), cell(["e['A']"]))
    assert [type(fact) for fact in facts_of(("a.ipynb", data)) if isinstance(fact, EnvAccess)] == [EnvAccess]


def test_a_notebook_is_a_module(tmp_path: Path):
    lay(tmp_path, {"a.ipynb": book(cell(["x = 1"])), "b.ipynb": b"{}", "c.py": "x = 1\n"})
    with Session(Cache(None)) as session:
        facts = [f for o in code.collect(open_tree(tmp_path), Config(), session) for f in o.facts]
    assert sorted(f.path for f in facts if isinstance(f, Module)) == ["a.ipynb", "c.py"]
    assert [(f.path, f.of, f.reason) for f in facts if isinstance(f, Gap)] == [
        ("b.ipynb", "Module", "is not a notebook: it has no list of cells")
    ]
    assert Inventory(of="Module", count=3) in facts


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"{", "is not valid JSON: line 1"),
        (b"[]", "is not a notebook: no JSON object"),
        (b"\xff{}", "is not valid UTF-8"),
        (b'{"cells": [], "cells": []}', "has a key twice in one object"),
        (b'{"cells": [1]}', "is not a notebook: it has no list of cells"),
        (book(cell([1])), "is not a notebook: the source of a cell is no text"),  # type: ignore[list-item]
        (book(cell("x <- 1"), language="R"), "is a notebook in r, which no rule reads"),
        (book(*[cell("")] * (notebook.MAX_CELLS + 1)), "bound: cells"),
    ],
)
def test_what_cannot_be_read_as_a_notebook_says_why(data: bytes, reason: str):
    with pytest.raises(ValueError, match=reason):
        notebook.read(data)


def test_a_cell_that_cannot_be_read_is_a_gap_and_the_others_are_read():
    data = book(cell(["import os\n", "os.getenv('A')"]), cell(["def ("]), cell(["%%R\n", "x <- 1"]))
    module, *found = facts_of(("a.ipynb", data))
    assert isinstance(module, Gap)
    assert module.reason == "cell 2 is not valid Python here: line 1: invalid syntax (and 1 more)"
    assert any(isinstance(fact, EnvAccess) for fact in found)
    assert notebook.read(data).unread[1] == "cell 3 is for %%R, which no rule reads"


@pytest.mark.parametrize(
    ("line", "python"),
    [
        ("%matplotlib inline", "pass"),
        ("  !pip install x", "pass"),
        ("?len", "pass"),
        ("len??", "pass"),
        ("files = !ls *.py", "files = None"),
        ("t = %timeit -o f(1)", "t = f(1)"),
        ("%time f(1)", "f(1)"),
        ("%timeit -n 10 -r3 f(1)", "f(1)"),
        ("%env A=1", "__import__(\"os\").environ['A'] = '1'"),
        ("%env A", "__import__(\"os\").environ['A']"),
        ("%set_env A 1", "__import__(\"os\").environ['A'] = '1'"),
        ("%dotenv", '__import__("dotenv").load_dotenv()'),
        ("x = 5 % 3", "x = 5 % 3"),
    ],
)
def test_a_magic_becomes_python(line: str, python: str):
    assert magics.translate([line]).lines == [python]


@pytest.mark.parametrize(
    ("source", "python"),
    [
        ("x = (5\n% 3)\n!ls", "x = (5\n% 3)\npass"),
        ("s = '''\n!no\n'''\n!ls 'it\nx = 1", "s = '''\n!no\n'''\npass\nx = 1"),
        ("!docker run \\\n  image\nx = 1", "pass\n\nx = 1"),
        ("%%time\nf()", "\nf()"),
        ("%%bash\nexport A=1", "\n"),
        ("%%writefile app.py\nimport os", "\nimport os"),
        ("%%writefile notes.txt\nhello there", "\n"),
        ("  %cd x\n  f()", "pass\nf()"),
        ("x = 1  # (\n!ls", "x = 1  # (\npass"),
        ("x = 1 \\\n + 2\n!ls", "x = 1 \\\n + 2\npass"),
    ],
)
def test_a_cell_keeps_its_lines(source: str, python: str):
    assert magics.translate(source.split("\n")).lines == python.split("\n")


def test_a_cell_that_is_python_is_left_as_it_is():
    source = 'print("x= !y")'
    assert notebook.read(book(cell([source]))).text.strip() == source


STATEMENTS = ["x = 1", "if x:\n    y = 2", "s = '''\n%a\n'''", "z = (1,\n2)", "", "# é", 'print("%d" % 1)']


PLACES = st.lists(st.lists(st.sampled_from([*STATEMENTS, "!ls", "%pwd", "y?"]), max_size=4), max_size=5)


@given(PLACES, st.sampled_from([None, 1, 2]))
def test_every_statement_of_every_cell_is_in_the_module(cells: list[list[str]], indent: int | None):
    data = book(*(cell(lines_of("\n".join(statements))) for statements in cells), indent=indent)
    read = notebook.read(data)
    assert read.unread == []
    plain = "\n".join("pass" if s in {"!ls", "%pwd", "y?"} else s for statements in cells for s in statements)
    assert ast.dump(ast.parse(read.text)) == ast.dump(ast.parse(plain))
    if indent:
        file = data.decode().split("\n")
        assert read.cells == {}
        for number, line in enumerate(read.text.split("\n"), 1):
            if line and line != "pass":
                assert json.dumps(line, ensure_ascii=False)[1:-1] in file[number - 1]


@given(st.binary(max_size=200))
def test_hostile_bytes_are_refused_in_words(data: bytes):
    with pytest.raises(ValueError, match="is "):
        notebook.read(data)


@given(st.lists(st.text("!%?=\\'\"([{}])# \tax", max_size=12), max_size=6))
def test_a_cell_of_any_text_keeps_its_number_of_lines(lines: list[str]):
    lines = lines or [""]
    assert len(magics.translate(lines).lines) == len(lines)


@pytest.mark.parametrize(
    "source",
    [
        ["import os\n", "os.environ['SOMABRAIN_STRICT_REAL'] = '0'"],
        ["%env SOMABRAIN_STRICT_REAL=0"],
        ["!SOMABRAIN_STRICT_REAL=0 pytest"],
        ["%%bash\n", "export SOMABRAIN_STRICT_REAL=0"],
    ],
)
def test_a_notebook_that_turns_strict_mode_off_is_seen(tmp_path: Path, source: list[str]):
    lay(tmp_path, {"a.ipynb": book(cell(source))})
    with Session(Cache(None)) as session:
        facts = [f for o in strictness.collect(open_tree(tmp_path), Config(), session) for f in o.facts]
    [evasion] = [fact for fact in facts if isinstance(fact, StrictEvasion)]
    assert "SOMABRAIN_STRICT_REAL" in (tmp_path / "a.ipynb").read_text().split("\n")[evasion.where.line - 1]
