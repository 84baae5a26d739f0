""".helmignore means what it means to Helm: compared with Helm loading the same folder."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strictreal.cache import Cache
from strictreal.collect.chart import ignore
from strictreal.engines import helm
from strictreal.session import Session

FILES = (
    *(
        "README.md",
        "notes.orig",
        "drafts/a.txt",
        "drafts/deep/b.txt",
        "a.txt",
        "b[1].txt",
        "docs/a.txt",
        "docs/drafts/c.txt",
    ),
    *(
        "templates/.hidden.yaml",
        "templates/kept.yaml",
        "templates/notes.orig",
        "files/x.json",
        "files/.y",
        "-z",
        "!bang",
    ),
)
LISTING = "{{ range $path, $_ := .Files }}{{ $path }}\n{{ end }}"


def _by_helm(rules: str) -> list[str] | None:
    """The files that Helm loads from a folder; None when it refuses it."""
    import helm_python

    with tempfile.TemporaryDirectory() as folder, helm.quiet():
        for path, text in _files(rules).items():
            place = Path(folder) / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(text)
        try:
            with helm_python.Chart.load(folder) as chart:
                return _seen(chart.render(name="r", namespace="n"), {file["name"] for file in chart.files})
        except helm_python.HelmError:
            return None


def _files(rules: str) -> dict[str, bytes]:
    chart = {"Chart.yaml": b"apiVersion: v2\nname: app\nversion: 0.1.0\n", ".helmignore": rules.encode()}
    return chart | dict.fromkeys(FILES, b"x: 1\n")


def _seen(rendered: dict[str, str], others: set[str]) -> list[str]:
    return sorted({name.removeprefix("app/") for name in rendered} | (others - {".helmignore"}))


def ours(rules: str) -> list[str] | None:
    try:
        kept = set(ignore.kept(_files(rules)))
    except helm.HelmFailure:
        return None
    return sorted(kept - {"Chart.yaml", ".helmignore"}) if "Chart.yaml" in kept else None


@pytest.fixture(scope="module")
def session() -> Iterator[Session]:
    with Session(Cache(None), jobs=1) as session:
        yield session


def by_helm(session: Session, rules: str) -> list[str] | None:
    [answer] = session.bounded(_by_helm, [rules])
    assert not isinstance(answer, str), answer
    return answer


@pytest.mark.parametrize(
    "rules",
    [
        "",
        "# a comment\n\n*.orig\n",
        "drafts/",
        "drafts",
        "/drafts",
        "/a.txt",
        "docs/*.txt",
        "docs/a.txt\nfiles/",
        "*.txt\n",
        "b[[]1].txt",
        "b\\[1\\].txt",
        "?.txt",
        "[ab].txt",
        "[^a]*.md",
        "files/.*",
        "**/x",
        "[",
        "a[",
        "templates/",
        "  *.md  ",
        "!*.md",
        "!templates/\n",
    ],
)
def test_a_rule_leaves_out_what_helm_leaves_out(rules: str, session: Session) -> None:
    assert ours(rules) == by_helm(session, rules)


@given(characters=st.lists(st.tuples(st.sampled_from("a-b^]\\"), st.booleans()), min_size=1, max_size=5))
def test_any_class_of_characters_is_what_it_is_to_helm(characters: list[tuple[str, bool]], session: Session) -> None:
    rule = "[" + "".join("\\" + letter if escaped else letter for letter, escaped in characters) + "]*"
    assert ours(rule) == by_helm(session, rule)


@given(lines=st.lists(st.text("ad.*?/!tx#- ", min_size=1, max_size=8), max_size=3))
def test_any_rules_leave_out_what_helm_leaves_out(lines: list[str], session: Session) -> None:
    rules = "\n".join(lines)
    assert ours(rules) == by_helm(session, rules)
