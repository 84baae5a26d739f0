"""Every rendered line is traced to the template line that wrote it, and the markers that tell leave no trace."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strictreal.cache import Cache
from strictreal.collect.chart import trace
from strictreal.engines import helm
from strictreal.session import Session

Rendered = tuple[str, str] | str
"""What a template and its marked copy write, or why Helm refuses it."""


def _both(template: str) -> Rendered:
    chart = {
        "Chart.yaml": b"apiVersion: v2\nname: app\nversion: 0.1.0\n",
        "values.yaml": b"list: [1, 2]\nmap: {a: {b: c}}\n",
    }
    chart["templates/_named.tpl"] = b'{{ define "two" }}one\ntwo{{ end }}{{ define "yes" }}yes{{ end }}'
    marked = trace.mark(template)
    if marked is None:
        return "cannot be marked"
    try:
        texts = [
            next(iter(helm.LoadedChart({**chart, "templates/a.yaml": text.encode()}).render("", "r", "n").values()), "")
            for text in (template, marked)
        ]
    except helm.HelmFailure as error:
        return str(error)
    return texts[0], texts[1]


@pytest.fixture(scope="module")
def session() -> Iterator[Session]:
    with Session(Cache(None), jobs=1) as session:
        yield session


def both(session: Session, template: str) -> Rendered:
    [answer] = session.bounded(_both, [template])
    return answer


TEMPLATE = """\
{{- /* a comment
over lines }} */ -}}
first: 1
{{- if .Values.list }}
second: {{ "}}" | quote }}   # after
{{- end }}
{{ range .Values.list -}}
- item: {{ . }}
{{ end }}
third: {{ include "two" . | nindent 2 }}
   {{- with .Values.map }}
fourth:
  {{- toYaml . | nindent 2 }}
   {{- end }}
{{ $x := "fifth" -}}
{{ $x }}: {{ if eq (include "yes" .) "yes" }}5{{ else }}6{{ end }}
raw: {{ `a
b` | quote }}
{{ define "own" }}never
counted{{ end }}
sixth: {{ include "own" . | upper | quote }}
"""
LINES = [
    ("first: 1", 3),
    ('second: "}}"   # after', 5),
    ("- item: 1", 8),
    ("- item: 2", 8),
    ("third: ", 10),
    ("  one", 10),
    ("  two", 10),
    ("fourth:", 12),
    ("  a:", 13),
    ("    b: c", 13),
    ("fifth: 5", 16),
    ('raw: "a\\nb"', 17),
]


def test_each_line_is_traced_to_the_line_that_wrote_it(session: Session) -> None:
    answer = both(session, TEMPLATE)
    assert not isinstance(answer, str), answer
    plain, marked = answer
    assert trace.strip(marked) == plain
    numbers = trace.lines(plain, marked)
    found = [(line, number) for line, number in zip(plain.split("\n"), numbers, strict=True) if line.strip()]
    assert found[: len(LINES)] == LINES
    assert found[-2:] == [('sixth: "NEVER', 21), ('COUNTED"', 21)] or found[-1] == ('sixth: "NEVER\\nCOUNTED"', 21)


_PIECES = st.sampled_from(
    [
        *("a: 1", "  b", "\n", "\n\n", "\n  ", " ", "{", "}", "# x", "é: ü", "\t"),
        *(
            "{{ 1 }}",
            "{{- 2 }}",
            "{{ 3 -}}",
            "{{- 4 -}}",
            '{{ "}}" }}',
            "{{ `{{` }}",
            "{{/* c */}}",
            "{{- /* c\nd */ -}}",
        ),
        *("{{ if true }}", "{{- if false }}", "{{ else }}", "{{ end }}", "{{- end -}}", "{{ range .Values.list }}"),
        *("{{ with .Values.map -}}", '{{ define "x" }}', '{{ include "two" . }}', '{{ template "two" . }}'),
        *(
            "{{ $v := 1 }}",
            "{{- $v = 2 -}}",
            '{{ include\n"two" . | indent 2 }}',
            "{{ .Values.map | toYaml }}",
            "{{ 'c' }}",
        ),
    ]
)


@settings(max_examples=300)
@given(pieces=st.lists(_PIECES, max_size=14))
def test_markers_never_change_what_is_written(pieces: list[str], session: Session) -> None:
    answer = both(session, "".join(pieces))
    if isinstance(answer, str):
        return  # not a template
    plain, marked = answer
    assert trace.strip(marked) == plain
    numbers = trace.lines(plain, marked)
    assert len(numbers) == plain.count("\n") + 1
    assert max(numbers, default=0) <= "".join(pieces).count("\n") + 1


@pytest.mark.parametrize("template", ["a: {{ 1", 'a: {{ "x }}', "a: {{ `x }}", "{{/* x }}", "a\x01b", "{{ 'x }}"])
def test_what_cannot_be_marked_is_left_alone(template: str) -> None:
    assert trace.mark(template) is None


def test_lines_that_do_not_agree_are_not_traced() -> None:
    assert trace.lines("a\nb", "\x011\x02a") == ()


@pytest.mark.parametrize(
    ("line", "prefix", "keys"),
    [
        ("replicas: {{ .Values.replicas }}", "", ("replicas",)),
        ("a: {{ .Values.image.name }}:{{ $.Values.image.tag }}", "", ("image.name", "image.tag")),
        ("a: {{ .Values.size }}{{ .Values.global.zone }}", "store.", ("store.size", "global.zone")),
        ("a: {{ .Values }} {{ .MyValues.x }} {{ .Chart.Name }}", "", ()),
        ("a: {{ .Values.a }}{{ .Values.a }}", "", ("a",)),
    ],
)
def test_the_values_that_a_line_names_are_those_of_the_whole_chart(
    line: str, prefix: str, keys: tuple[str, ...]
) -> None:
    assert trace.values_keys(line, prefix) == keys


def test_a_long_hostile_template_is_marked_in_linear_time() -> None:
    for template in ("{{ " * 200_000, "{" * 500_000, " \n" * 500_000, '{{ "' + "\\" * 500_000, "{{ $" + "a" * 500_000):
        marked = trace.mark(template)  # what is quadratic does not end here
        assert marked is None or len(marked) >= len(template)
