"""Prose is read by meaning: what asserts, what has a status, what is named; what only looks like it is not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strictreal.collect.prose import documents, markdown, plain
from strictreal.collect.prose.assertions import assertions
from strictreal.collect.prose.hints import may_assert
from strictreal.collect.prose.mentions import mentions
from strictreal.collect.prose.resolve import Paths
from strictreal.collect.prose.sentences import sentences
from strictreal.collect.prose.statuses import statuses
from strictreal.facts.claims import Mention


def said(text: str, *, document: bool, done: bool = False) -> set[str]:
    return {a.says for sentence in sentences(text) for a in assertions(sentence, document=document, done=done)}


# -- sentences ---------------------------------------------------------------------------------------------------------

ASSERTED = {
    "This module contains no stubs.": {"no-stubs"},
    "No stubs, mocks or fake data.": {"no-stubs", "no-mocks", "no-fake-data"},
    "This module does not use mocks.": {"no-mocks"},
    "We don't rely on simulated data here.": {"no-fake-data"},
    "All tests use a real dispatcher (no mocks), following the pattern above.": {"no-mocks"},
    "Returns what the server said: no dummy values, no silent fallbacks.": {"no-fake-data", "no-fallbacks"},
    "There are no stubs in this repository.": {"no-stubs"},
    "A stub-free, non-mocked client.": {"no-stubs", "no-mocks"},
    "All stubs and mocks have been removed.": {"no-stubs", "no-mocks"},
    "Nothing here is mocked.": {"no-mocks"},
    "This is not a mock.": {"no-mocks"},
    "It opens a real socket, not a fake.": {"no-mocks"},
    "This is the real implementation of the memory client.": {"real"},
    "Real implementation using the syntax tree - no placeholders, no stubs.": {"real", "no-stubs"},
    "This class is fully implemented.": {"complete"},
    "A minimal but fully functional adapter.": {"complete"},
    "Every endpoint is tested, stable and production-ready.": {"production-ready"},
    "Production-ready gRPC server.": {"production-ready"},
    "The suite runs without mocks.": {"no-mocks"},
}


@pytest.mark.parametrize(("text", "expected"), ASSERTED.items(), ids=[text[:50] for text in ASSERTED])
def test_a_sentence_about_the_present_code_is_a_claim_wherever_it_stands(text, expected):
    assert said(text, document=False) == expected
    assert said(text, document=True) == expected


@pytest.mark.parametrize("text", ASSERTED)
def test_the_quick_look_passes_over_no_claim(text):
    assert may_assert(text)


NOT_ASSERTED = {
    "a rule": "Tests must not use mocks.",
    "a prohibition": "Do not use stubs; no mocks are allowed.",
    "a policy": "WARNING: this project does NOT allow mocking, mimicking, or fake data.",
    "a requirement": "Integration tests with no mocks are required before each merge.",
    "a plan": "The service will be fully implemented with no stubs.",
    "a wish": "We want a production-ready server without mocks.",
    "a condition": "If there are no stubs, return early.",
    "a question": "Does it have no stubs?",
    "a quotation": 'The document claims "no stubs" in three places.',
    "code": "Searches for \x02no stubs\x03 in the text.",
    "its opposite": "This is not fully implemented.",
    "its opposite, politely": "The dialect is not yet production-ready.",
    "nearly": "It is almost feature-complete.",
    "another thing": "In a real implementation, this would ask the server.",
    "a reference": "Delegates to the real implementation.",
    "a compound": "A real implementation bug produces a larger divergence.",
    "a capability": "Pure functions are testable with no mocks.",
    "a comparison": "Unlike a toy, which has no stubs.",
    "a verification": "Verifies that no mocks are used.",
    "a task": "TODO: no stubs here.",
    "type stubs": "There are no type stubs for this package, and no stub files.",
    "typing stubs for": "mypy finds no stubs for yaml.",
    "a template": "The string has no placeholders.",
    "a mock exam": "No mock exams are scheduled.",
    "a message": "No mocks available.",
    "need": "No stubs needed.",
}


@pytest.mark.parametrize("text", NOT_ASSERTED.values(), ids=NOT_ASSERTED)
def test_what_is_not_said_of_the_present_code_is_no_claim(text):
    assert said(text, document=False) == set()
    assert said(text, document=True) == set()


def test_an_imperative_instructs_in_a_document_and_describes_in_a_docstring():
    text = "Send the receipt through the real server, no mocks."
    assert said(text, document=False) == {"no-mocks"}
    assert said("Run the tests against the real server, no mocks.", document=True) == set()


def test_an_instruction_that_was_carried_out_is_a_claim():
    text = "Remove all stubs from the client."
    assert said(text, document=True, done=False) == set()
    assert said(text, document=True, done=True) == {"no-stubs"}


def test_no_mocking_is_a_rule_in_a_document_and_a_description_in_code():
    assert said("No mocking.", document=True) == set()
    assert said("No mocking.", document=False) == {"no-mocks"}


@given(st.text(max_size=400))
def test_any_text_is_read_without_an_error(text):
    for sentence in sentences(text):
        assertions(sentence, document=True)
        assertions(sentence, document=False)


@given(st.sampled_from(list(ASSERTED)), st.sampled_from(["“{}”", '"{}"', "\x02{}\x03", "«{}»"]))
def test_a_claim_that_is_quoted_is_none(text, quotes):
    assert said("It says " + quotes.format(text.replace('"', "")) + " somewhere", document=False) == set()


# -- documents ---------------------------------------------------------------------------------------------------------


def document_claims(text: str, path: str = "README.md") -> list[tuple[int, str, tuple[str, ...], str]]:
    blocks = markdown.blocks(text)
    found = documents.claims(path, blocks, statuses(path, blocks))
    return [(claim.where.line, claim.says[0], claim.covers, claim.within) for claim in found]


def test_a_readme_speaks_of_its_own_folder():
    assert document_claims("# A\n\nThis package\nhas no stubs.\n", "lib/README.md") == [(4, "no-stubs", ("lib/",), "")]
    assert document_claims("There are no mocks here.\n") == [(1, "no-mocks", ("/",), "")]


def test_an_item_that_names_files_speaks_of_them():
    text = "- **Orchestrator** in `src/orchestrator.py`:\n  - Fully implemented\n"
    assert document_claims(text, "docs/notes.md") == [(2, "complete", ("=src/orchestrator.py",), "")]


def test_a_claim_about_a_part_that_cannot_be_found_covers_nothing():
    assert document_claims("No mock data remains in the service workspace.\n") == [(1, "no-fake-data", (), "")]
    assert document_claims("All phase 1 components are fully implemented.\n") == [(1, "complete", (), "")]
    assert document_claims("RabbitMQ is feature-complete, stable and easy to install.\n") == [(1, "complete", (), "")]


def test_a_claim_about_tests_is_about_tests():
    assert document_claims("Integration tests use real servers (no mocks).\n") == [
        (1, "no-mocks", ("/",), "integration")
    ]


NORMATIVE = {
    "a heading of rules": "## House rules\n\n- Zero mocks.\n",
    "a heading of goals": "# Goals\n\nThe library is fully implemented.\n",
    "a label": "**Goal:** the service is production-ready.\n",
    "a rule beside it": "Every module must be tested. No stubs, no mocks.\n",
    "an instruction beside it": "- Use the real server. No stubs.\n",
    "a list of prohibitions": "- No globals\n- No stubs\n- Never push to main\n",
    "an open item": "- [ ] There are no stubs left\n",
    "a tagged item": "- [TODO] The service is fully implemented\n",
    "a fence": "```\nThis package has no stubs.\n```\n",
    "a quotation": "> This package has no stubs.\n",
    "a comment": "<!-- This package has no stubs. -->\n",
    "what is struck out": "~~This package has no stubs.~~\n",
    "front matter": "---\ntitle: This package has no stubs.\n---\n\nHello.\n",
}


@pytest.mark.parametrize("text", NORMATIVE.values(), ids=NORMATIVE)
def test_norms_plans_and_quotations_in_documents_are_no_claims(text):
    assert document_claims(text) == []


@pytest.mark.parametrize(
    "path", ["ROADMAP.md", "docs/adr/0001-no-mocks.md", "CONTRIBUTING.md", "AGENTS.md", "CHANGELOG.md"]
)
def test_documents_of_plans_rules_and_history_assert_nothing_but_their_done_items(path):
    assert document_claims("This package has no stubs.\n", path) == []
    if path == "ROADMAP.md":
        assert document_claims("- [x] The package has no stubs\n", path) == [(1, "no-stubs", ("/",), "")]


# -- status tags -------------------------------------------------------------------------------------------------------


def tagged(text: str, path: str = "ROADMAP.md") -> list[tuple[int, str, str]]:
    return [(c.where.line, c.status, c.form) for c in statuses(path, markdown.blocks(text))]


STATUSES = {
    "a task": ("- [x] Add it\n- [ ] Drop it\n", [(1, "done", "task"), (2, "todo", "task")]),
    "a capital": ("1. [X] Add it\n", [(1, "done", "task")]),
    "a tag in front": ("- [ACTIVE] Wire it\n", [(1, "active", "tag")]),
    "a tag in code": ("### Sprint 2 `[BLOCKED]`\n", [(1, "blocked", "tag")]),
    "a tag behind": ("The cache [DONE]\n", [(1, "done", "tag")]),
    "a task with a tag": ("- [x] [REVIEW] Wire it\n", [(1, "review", "tag")]),
    "a cell": ("| a | b |\n|---|---|\n| it | [TODO] |\n", [(3, "todo", "column")]),
    "a cell with words": ("| a | Status |\n|---|---|\n| it | ✅ Complete |\n", [(3, "done", "column")]),
    "a status line": ("- Status: [TODO] – waits\n", [(1, "todo", "line")]),
    "a status line in words": ("**Status:** ✅ Done\n", [(1, "done", "line")]),
    "a sign": ("- ✅ Added the cache\n", [(1, "done", "tag")]),
    "a nested task": ("- [ ] All\n  - [x] One\n", [(1, "todo", "task"), (2, "done", "task")]),
    "a second line": ("- [x] One\n  and more\n\n- [ ] Two\n", [(1, "done", "task"), (4, "todo", "task")]),
    "done with reservations": ("- [x] Add it (migration pending)\n", [(1, "active", "task")]),
}


@pytest.mark.parametrize(("text", "expected"), STATUSES.values(), ids=STATUSES)
def test_status_tags_are_read_in_every_form(text, expected):
    assert tagged(text) == expected


NO_STATUS = {
    "a legend": "Legend: `[TODO]`, `[ACTIVE]`, `[DONE]`.\n",
    "an instruction": "Mark each row with `[TODO]/[DONE]` as work advances.\n",
    "a tag in the midst": "Write [DONE] in front of what is finished.\n",
    "a fence": "```markdown\n- [x] Add it\n```\n",
    "a quote": "> - [x] Add it\n",
    "an example": "## Example\n\n- [x] Add it\n",
    "a comparison": "| Feature | Ours | Theirs |\n|---|---|---|\n| Speed | ✅ | ❌ |\n",
    "a link": "- [x](https://example.org) is a letter\n",
}


@pytest.mark.parametrize("text", NO_STATUS.values(), ids=NO_STATUS)
def test_what_only_looks_like_a_status_is_none(text):
    assert tagged(text) == []


def test_a_chronicle_and_a_form_have_no_status():
    assert tagged("- [x] Add it\n", "CHANGELOG.md") == []
    assert tagged("- [x] I have read it\n", ".github/pull_request_template.md") == []


def test_an_item_says_which_items_below_it_are_open():
    text = "## Sprint 1 [DONE]\n\n- [x] One\n  - [ ] Two\n- [ ] Three\n\n## Sprint 2\n\n- [ ] Four\n"
    claims_found = {c.where.line: c.open_lines for c in statuses("ROADMAP.md", markdown.blocks(text))}
    assert claims_found[1] == (4, 5)
    assert claims_found[3] == (4,)


def test_what_a_later_item_has_moved_or_removed_is_not_insisted_on():
    text = "- [x] Add `a.py`\n- [x] Update `b.py` and `c.py`\n- [x] Remove `a.py`\n- [x] Move `b.py` to `d.py`\n"
    found = {m.text: m.role for c in statuses("ROADMAP.md", markdown.blocks(text))[:2] for m in c.mentions}
    assert found == {"a.py": "aside", "b.py": "aside", "c.py": "touched"}


def test_a_heading_that_is_done_speaks_for_the_deeds_below_it():
    text = "## Sprint 1 [DONE]\n\n- Add `a.py`\n- It was fun\n\n## Sprint 2\n\n- Add `b.py`\n"
    assert tagged(text) == [(1, "done", "tag"), (3, "done", "section")]


# -- mentions ----------------------------------------------------------------------------------------------------------


def named(text: str) -> dict[str, str]:
    [block, *_] = markdown.blocks(text)
    return {mention.text: mention.role for mention in mentions(block.text, block.links)}


MENTIONS = {
    "Add `a/b.py`": {"a/b.py": "made"},
    "Add infra/kind/soma-kind.yaml": {"infra/kind/soma-kind.yaml": "made"},
    "`trace.py` – tracing": {"trace.py": "made"},
    "Update `a.py` and wire `b.py`": {"a.py": "touched", "b.py": "touched"},
    "Rename `a.sh` → `b.sh` and update `README.md`": {"a.sh": "left", "b.sh": "touched", "README.md": "touched"},
    "Replace `a.py` with `b.py`": {"a.py": "left", "b.py": "touched"},
    "Removed `a/` (superseded by `b/`)": {"a/": "removed", "b/": "touched"},
    "Drop `a.py` in favour of `b.py`": {"a.py": "removed", "b.py": "touched"},
    "Update `Dockerfile` if it names the variable": {"Dockerfile": "aside"},
    "Ensure `data/` is created when it does not exist": {"data/": "aside"},
    "Move `load()` from `a.py` to `b.py`": {"load": "left", "a.py": "left", "b.py": "touched"},
    "Implement `load(path, mode)` in `a.py`": {"load": "made", "a.py": "within"},
    "Add logging to `a.py`": {"a.py": "touched"},
    "Remove the old `a.py` and `b.py`": {"a.py": "removed", "b.py": "removed"},
    "`a.py` was deleted": {"a.py": "removed"},
    "Remove a call from `a.py`": {"a.py": "aside"},
    "Write the state to `state.json`": {"state.json": "aside"},
    "Reads `config.yaml` when there is one": {"config.yaml": "aside"},
    "Use `b.py` instead of `a.py`": {"b.py": "made", "a.py": "aside"},
    "Support `pyproject.toml`": {"pyproject.toml": "aside"},
    "Create `charts/sb/`": {"charts/sb/": "made"},
    "Add values-{dev,prod}.yaml as `values-{dev,prod}.yaml`": {"values-dev.yaml": "made", "values-prod.yaml": "made"},
    "Link the [guide](docs/guide.md#start)": {"docs/guide.md": "touched"},
    "Extend `a/b.py:12`, `tests/test_a.py::test_b`": {"a/b.py": "touched", "tests/test_a.py": "touched"},
    "Add `common.utils.trace`": {"common.utils.trace": "made"},
}
NOT_NAMED = (
    *("Serve `/healthz` and `/metrics`", "Pull `prom/prometheus:v2`", "Run `python scripts/a.py --fast`"),
    *("Add `deploy-<service>.yml`", "Use `np.sum` and `self.lock` through `x.c`", "Port to `node.js`"),
    *("See [it](https://example.org/a.md)", "See [`a.py`](https://example.org/a.py)", "Add `~/.config/a.toml`"),
    *("Add `path/to/file.py`", "Call `json()`", "Handles application/json"),
)


@pytest.mark.parametrize(("text", "expected"), MENTIONS.items())
def test_a_mention_has_the_role_that_the_sentence_gives_it(text, expected):
    assert named(text) == expected


@pytest.mark.parametrize("text", NOT_NAMED)
def test_what_is_no_file_of_the_repository_is_not_mentioned_as_one(text):
    [block, *_] = markdown.blocks(text)
    assert [m.text for m in mentions(block.text, block.links) if m.kind != "symbol"] == []


PATHS = (
    "README.md",
    "docs/guide.md",
    "src/app/auth.py",
    "src/app/__init__.py",
    "src/web/auth.py",
    "charts/sb/Chart.yaml",
)


@pytest.mark.parametrize(
    ("text", "kind", "document", "found", "exact"),
    [
        ("src/app/auth.py", "file", "ROADMAP.md", ("src/app/auth.py",), True),
        ("guide.md", "file", "docs/index.md", ("docs/guide.md",), True),
        ("../README.md", "file", "docs/guide.md", ("README.md",), True),
        ("readme.md", "file", "x.md", ("README.md",), True),
        ("auth.py", "file", "x.md", ("src/app/auth.py", "src/web/auth.py"), False),
        ("app/auth.py", "file", "x.md", ("src/app/auth.py",), False),
        ("thing/docs/guide.md", "file", "x.md", ("docs/guide.md",), True),
        ("charts/sb/", "folder", "x.md", ("charts/sb/",), True),
        ("sb/", "folder", "x.md", ("charts/sb/",), False),
        ("app.auth.Client", "symbol", "x.md", ("src/app/auth.py",), False),
        ("web.auth", "symbol", "x.md", ("src/web/auth.py",), False),
        ("h.py", "file", "x.md", (), False),
        ("../../etc/passwd.md", "file", "docs/guide.md", (), False),
    ],
)
def test_a_name_is_found_from_the_root_the_document_or_the_end_of_a_path(text, kind, document, found, exact):
    resolved = Paths(PATHS, "thing").resolve(Mention(text=text, kind=kind, role="made"), document)
    assert (resolved.found, resolved.exact) == (found, exact)


@given(st.lists(st.from_regex(r"([a-z]{1,3}/){0,3}[a-z]{1,3}\.py", fullmatch=True), min_size=1, unique=True))
def test_every_path_finds_itself(files):
    paths = Paths(files)
    for path in files:
        resolved = paths.resolve(Mention(text=path, kind="file", role="made"), "x.md")
        assert path in resolved.found
        assert resolved.exact


# -- text that is not Markdown -----------------------------------------------------------------------------------------


def test_restructured_text_has_titles_items_and_skips_what_is_quoted():
    text = (
        "Guide\n=====\n\nFirst ``code``\nline.\n\n- item\n  more\n\n  - nested\n\n.. note::\n   skipped\n\n"
        "So::\n\n   skipped\n\n>>> skipped\n"
    )
    blocks = plain.blocks(list(enumerate(text.split("\n"), 1)), quotes=True)
    shown = [(b.kind, b.line, b.text, b.titles) for b in blocks]
    assert shown == [
        ("heading", 1, "Guide", ()),
        ("paragraph", 4, "First \x02code\x03 line.", ("Guide",)),
        ("item", 7, "item more", ("Guide",)),
        ("item", 10, "nested", ("Guide",)),
        ("paragraph", 15, "So::", ("Guide",)),
    ]
    assert blocks[3].parent is blocks[2]
    assert [blocks[1].line_at(blocks[1].text.index(word)) for word in ("First", "line")] == [4, 5]


@given(st.text(alphabet="ab `*-=#.:>\n\t[x]|", max_size=300))
def test_every_block_stands_on_a_line_of_its_text(text):
    count = text.count("\n") + 1
    for blocks in (markdown.blocks(text), plain.blocks(list(enumerate(text.split("\n"), 1)), quotes=False)):
        for block in blocks:
            assert all(1 <= line <= count for _, line in block.lines)
            assert [start for start, _ in block.lines] == sorted(start for start, _ in block.lines)


def test_a_document_that_is_nested_too_deeply_is_refused_and_not_read_in_part():
    text = "".join("  " * depth + "- a\n" for depth in range(100))
    with pytest.raises(ValueError, match="bound: nesting"):
        markdown.blocks(text)
