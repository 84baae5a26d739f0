"""The claims of code, documents and workflows become facts, each with its place and what it covers."""

from __future__ import annotations

from pathlib import Path

import pytest

from strictreal.cache import Cache
from strictreal.collect import claims, pipelines
from strictreal.collect.python import claims as code_claims
from strictreal.collect.python.module import parse
from strictreal.config import Config
from strictreal.facts.claims import DocumentClaim, StatusClaim
from strictreal.model import Fact, Gap, Inventory
from strictreal.session import Session
from strictreal.subject import open_tree

# -- code --------------------------------------------------------------------------------------------------------------


def in_code(source: str, path: str = "pkg/mod.py") -> list[tuple[int, str, str, int, int]]:
    found = code_claims.facts(parse(path, source.encode()))
    return [(c.where.line, c.says[0], c.covers, c.first_line, c.last_line) for c in found]


def test_a_module_speaks_of_itself_and_a_package_of_its_folder():
    source = '"""Mail.\n\nThis module has\nno stubs.\n"""\n'
    assert in_code(source) == [(4, "no-stubs", "pkg/mod.py", 0, 0)]
    assert in_code(source, "pkg/__init__.py") == [(4, "no-stubs", "pkg/", 0, 0)]


def test_a_docstring_and_a_comment_speak_of_the_definition_around_them():
    source = (
        "import x\n\n\n@x.y\ndef f():\n    '''Fully implemented.'''\n    # no mocks\n    return 1\n\n\n"
        "# no fake data\ndef g():\n    return 2\n\n\n# no stubs\n\nA = 1  # no fakes\n"
    )
    assert in_code(source) == [
        (6, "complete", "pkg/mod.py", 4, 8),
        (7, "no-mocks", "pkg/mod.py", 4, 8),
        (11, "no-fake-data", "pkg/mod.py", 12, 13),
        (16, "no-stubs", "pkg/mod.py", 0, 0),
        (18, "no-mocks", "pkg/mod.py", 18, 18),
    ]


@pytest.mark.parametrize(
    "text", ["fully\n# implemented", "no mocks,\n# fakes or stubs", "production\n# ready", "doesn't use\n# mocks"]
)
def test_a_claim_is_not_lost_between_two_lines(text):
    assert in_code(f"# This module is {text}.\n\nA = 1\n" if "use" not in text else f"# It {text}.\n\nA = 1\n")


def test_a_comment_that_goes_over_several_lines_is_one_text():
    assert in_code("# This module holds no\n# stubs at all.\n\nA = 1\n") == [(1, "no-stubs", "pkg/mod.py", 0, 0)]


@pytest.mark.parametrize(
    "source",
    [
        "TEXT = 'this module has no stubs'\n",
        "def f():\n    return '''\n    # no stubs\n    '''\n",
        '"""Example::\n\n    # no stubs\n\n>>> # no stubs\n"""\n',
        "# TODO: no stubs\nA = 1\n",
        "# if no mocks are given, ask the server\nA = 1\n",
    ],
)
def test_strings_examples_and_tasks_in_code_are_no_claims(source):
    assert in_code(source) == []


# -- the collector -----------------------------------------------------------------------------------------------------


def collected(folder: Path, files: dict[str, str | bytes], cache: Cache | None = None) -> list[Fact]:
    for path, content in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content.encode() if isinstance(content, str) else content)
    with Session(cache or Cache(None), jobs=1) as session:
        found = list(claims.collect(open_tree(folder), Config(), session))
    return [fact for observation in found for fact in observation.facts]


def test_every_document_is_counted_and_either_read_or_a_gap(tmp_path):
    facts = collected(
        tmp_path,
        {
            "README.md": "Hello.\n",
            "docs/a.rst": "Hello.\n",
            "README": "Hello.\n",
            "big.md": b"a" * (claims.MAX_BYTES + 1),
            "latin.md": b"caf\xe9\n",
            "notes.txt": "Not read.\n",
            ".github/workflows/ci.yml": "jobs: {a: {}}\n",
            ".github/workflows/bad.yml": "jobs: [\n",
        },
    )
    counts = {fact.of: fact.count for fact in facts if isinstance(fact, Inventory)}
    gaps = {fact.where.path: fact.reason for fact in facts if isinstance(fact, Gap)}
    assert counts == {"Document": 5, "Pipeline": 2}
    assert sum(type(fact).__name__ == "Document" for fact in facts) == 3
    assert f"larger than {claims.MAX_BYTES} bytes (bound: document size)" in gaps["big.md"]
    assert "not valid UTF-8: byte 3" in gaps["latin.md"]
    assert "not valid YAML" in gaps[".github/workflows/bad.yml"]
    assert len(gaps) == 3


def test_names_are_resolved_after_the_cache(tmp_path):
    """The same document in a tree that has changed beside it must not keep its old answer."""
    subject, home = tmp_path / "subject", tmp_path / "cache"
    text = "- [x] Add `src/a.py`\n\nThe `src/a.py` module has no stubs.\n"
    before = collected(subject, {"docs/a.md": text}, Cache(home))
    after = collected(subject, {"src/a.py": "A = 1\n"}, Cache(home))

    def answers(facts: list[Fact]) -> list[object]:
        found: list[object] = [m.found for f in facts if isinstance(f, StatusClaim) for m in f.mentions]
        return found + [f.covers for f in facts if isinstance(f, DocumentClaim)]

    assert answers(before) == [(), ()]
    assert answers(after) == [("src/a.py",), ("src/a.py",)]


def test_what_lies_in_the_evidence_folder_cannot_be_missed(tmp_path):
    facts = collected(tmp_path, {"a.md": "- [x] Write `evidence/run/report.json`\n"})
    [claim] = [fact for fact in facts if isinstance(fact, StatusClaim)]
    assert [m.role for m in claim.mentions] == ["aside"]


# -- workflows ---------------------------------------------------------------------------------------------------------


def strict(text: str) -> list[tuple[int, str]]:
    facts = pipelines.facts_of((".github/workflows/ci.yml", text.encode()))
    return [(fact.where.line, fact.variable) for fact in facts if fact.__class__.__name__ == "StrictClaim"]


V = "SOMABRAIN_STRICT_REAL"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"env:\n  {V}: 1\n", [(2, V)]),
        (f"env:\n  {V}: 'true'\n", [(2, V)]),
        (f"env:\n  - name: {V}\n    value: '1'\n", [(2, V)]),
        (f"run: |\n  set -e\n  {V}=1 pytest\n", [(3, V)]),
        (f"run: export {V}=1\n", [(1, V)]),
        (f"args: ['-e', '{V}=1']\n", [(1, V)]),
        ("run: strictreal audit . --strict\n", [(1, "--strict")]),
        (f"env:\n  {V}: 0\n", []),
        (f"run: |\n  # {V}=1 pytest\n  pytest\n", []),
        (f"run: {V}=10 pytest\n", []),
        ("run: strictreal audit .\n", []),
        (f"a: &x\n  {V}: 1\nb: *x\nc: [*x, *x]\n", [(2, V)]),
        ("", []),
    ],
)
def test_a_workflow_claims_strict_mode_by_variable_or_option(text, expected):
    assert strict(text) == expected


def test_aliases_are_not_expanded():
    """A "billion laughs" of aliases is read in the time that its few nodes take."""
    layers = ["a0: &a0 [x, x]"] + [f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 60)]
    assert strict("\n".join([*layers, f"env: {{{V}: 1}}"])) == [(61, V)]


def test_a_workflow_that_is_nested_too_deeply_is_refused():
    with pytest.raises(ValueError, match="bound: nesting"):
        strict("[" * 50_000)


@pytest.mark.parametrize(
    ("path", "is_one"),
    [
        (".github/workflows/ci.yml", True),
        (".github/workflows/nested/ci.yml", False),
        (".github/actions/setup/action.yaml", True),
        (".gitlab-ci.yml", True),
        ("sub/.circleci/config.yml", True),
        ("docker-compose.yml", False),
        ("workflows/ci.yml", False),
    ],
)
def test_workflow_files_are_known_by_their_places(path, is_one):
    assert pipelines.is_pipeline(path) is is_one
