"""Places of deployments are read in time that grows with their size alone: each text here would take hours otherwise."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strictreal.collect.deploy import manifests, places

LAST = 'CMD ["python", "-m", "app"]\n'


def images(steps: str) -> list[tuple[str, ...]]:
    return [started.words for started in places.started("Dockerfile", f"FROM a\n{steps}{LAST}") if started.words]


@pytest.mark.parametrize(
    "steps",
    [
        "RUN x <<A\n" * 150_000,
        "".join(f"COPY <<A{number} /x\n" for number in range(100_000)),
        "ENV " + "a" * 20_000 + "\n" + "ENV " + ("a" * 19_000 + "\\\n") * 150 + "\n",
        "RUN " + ("echo -" * 3_000 + "\\\n") * 150 + "\n",
    ],
    ids=["here documents of one name", "here documents of many names", "a name without a value", "options of echo"],
)
def test_an_image_of_steps_that_never_end_is_read_to_its_end(steps):
    assert images(steps) == [("python", "-m", "app")]


def test_what_only_looks_like_a_here_document_takes_nothing_out():
    assert images("RUN echo $((1 <<N))\nRUN cat <<<EOF\n") == [("python", "-m", "app")]
    text = f"FROM a\nRUN cat <<<EOF\n{LAST}RUN x \\\nEOF\n"
    assert [started.words for started in places.started("Dockerfile", text)] == [("python", "-m", "app")]


def test_here_documents_are_texts_at_their_lines_and_no_instructions():
    text = f"FROM a\nCOPY <<'A' /x\nCMD one\nA\nRUN <<-B\n  CMD two\n  B\nRUN <<A\nCMD three\n{LAST}"
    found = [(started.line, started.words or started.text) for started in places.started("Dockerfile", text)]
    assert found == [(3, "CMD one"), (6, "  CMD two"), (10, ("python", "-m", "app"))]


@pytest.mark.parametrize("line", ["{{" * 1_000_000, "{{}" * 700_000, "{{ a }} " * 200_000 + "{{" * 500_000])
def test_a_line_of_directives_that_never_end_is_read_once(line):
    assert places.filled(line, "X") == line.replace("{{ a }}", "X")
    assert list(manifests.started(f"a: b: {line}\ncommand: python -m app\n"))[-1].words == ("python", "-m", "app")


def test_escaped_quotes_of_a_platform_are_tried_once():
    line = '"' + '\\"' * 9_999 + "\n"
    assert [started.text for started in places.started("main.tf", line * 100 + 'command = "run"\n')][-2:] == ["run", ""]


@given(st.lists(st.text(st.sampled_from(" a}{")), max_size=6), st.text(st.sampled_from(" {")))
def test_every_directive_that_ends_is_filled_and_nothing_else(texts, rest):
    inner = [text.replace("}}", "").strip("{}") for text in texts]
    assert (
        places.filled("".join(f"-{{{{{text}}}}}" for text in inner) + f"-{rest}", "X") == "-X" * len(inner) + f"-{rest}"
    )


@pytest.mark.parametrize("line", ["{{- if .a }}", "  - {{ toYaml .a }}  ", "{{a}}{{b}} ", "-{{a}}"])
def test_a_line_of_directives_alone_is_no_line_of_a_manifest(line):
    [started] = manifests.started(f"working_dir: /srv\n{line}\ncommand: [python]\n")
    assert (started.words, started.folders) == (("python",), ("/srv",))
