"""What a release's name or namespace decides in templates is tried, or is a gap at its line; names of objects decide nothing."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from subjects import lay

from strictreal.cache import Cache
from strictreal.collect import charts
from strictreal.collect.chart import deployed, named, naming
from strictreal.collect.chart.overlays import MAX_BYTES
from strictreal.config import Config
from strictreal.facts.charts import Chart, Manifest, Render
from strictreal.model import Gap
from strictreal.session import Session
from strictreal.subject import open_tree

FULLNAME = """\
{{- define "n" }}{{- $name := default .Chart.Name .Values.nameOverride }}
{{- if contains $name .Release.Name }}
{{- .Release.Name | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 63 | trimSuffix "-" }}
{{- end }}{{- end }}
"""
CLEANED = """\
{{- define "b" -}}{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- $releaseName := regexReplaceAll "(-?[^a-z\\\\d\\\\-])+-?" (lower .Release.Name) "-" -}}
{{- if contains $name $releaseName -}}
{{- $releaseName | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" $releaseName $name | trunc 63 | trimSuffix "-" -}}
{{- end -}}{{- end -}}
"""
COMPARED: dict[str, set[tuple[str, str]]] = {
    'a: {{ if eq .Release.Name "prod" }}1{{ end }}': {("Name", "prod")},
    'a: {{ if .Release.Name | eq "prod" }}1{{ end }}': {("Name", "prod")},
    '{{ $n := .Release.Name }}{{ if eq $n "prod" "live" }}a: 1{{ end }}': {("Name", "prod"), ("Name", "live")},
    '{{ $top := . }}{{ if eq $top.Release.Name "prod" }}a: 1{{ end }}': {("Name", "prod")},
    'a: {{ hasPrefix "prod" .Release.Name }}': {("Name", "prod")},
    'a: {{ ternary true false (hasSuffix "-prod" .Release.Namespace) }}': {("Namespace", "-prod")},
    'a: {{ has (lower .Release.Name) (list "a" "b") }}': {("Name", "a"), ("Name", "b")},
    '{{ if and .Values.a (eq .Release.Namespace "live") (ne .Release.Name "x") }}a: 1{{ end }}': {
        ("Namespace", "live"),
        ("Name", "x"),
    },
}
NOTHING = [
    FULLNAME,
    CLEANED,
    FULLNAME + 'a: {{ include "n" . }}\nb: {{ include "n" . | trunc 3 | quote }}',
    '{{ if (lookup "v1" "Secret" .Release.Namespace "x") }}a: 1{{ end }}',
    "{{ with (default .Release.Namespace .Values.ns) }}ns: {{ . }}{{ end }}",
    "{{ if .Release.IsUpgrade }}a: 1{{ end }}",
    "{{ if .Values.tls }}a: {{ .Release.Name }}{{ end }}",
    "ns: {{ .Values.namespace | default .Release.Namespace | quote }}",
    'a: {{ printf "%s.%s.svc" (include "n" .) .Release.Namespace }}',
    '{{ $full := printf "%s-x" .Release.Name }}{{ if .Values.x }}a: {{ $full | replace "+" "_" }}{{ end }}',
    '{{ define "x" }}{{ if hasKey . "who" }}a: {{ .who }}{{ end }}{{ end }}{{ include "x" (dict "who" .Release.Name) }}',
    '{{ define "x" }}{{ $a := index . 0 }}{{ if eq $a "b" }}a: 1{{ end }}{{ end }}{{ include "x" (list .Values.a .Release.Name) }}',
    '{{ $all := dict "app" .Release.Name }}{{ if not $all }}a: 1{{ end }}{{ range $k, $v := $all }}{{ $k }}: {{ $v }}{{ end }}',
    '{{ define "x" }}{{ $n := .Release.Name }}a: {{ $n }}{{ end }}{{ $n := .Values.n }}{{ if eq $n "b" }}a: 1{{ end }}',
    "{{ if contains .Chart.Name .Release.Name }}{{ .Release.Name }}{{ else }}{{ .Release.Name }}-{{ .Chart.Name }}{{ end }}",
    '{{/* 5" */}}a: "{{ .Release.Name }}"',
    "{{/* if eq (trunc 4 .Release.Name) x */}}a: 1",
    "{{ range $k, $v := .Values.x }}{{ $k }}: {{ $v }}-{{ $.Release.Name }}{{ end }}",
]
UNDECIDED = [
    '{{ if eq (trunc 4 .Release.Name) "prod" }}a: 1{{ end }}',
    'a: {{ eq (printf "%s-x" .Release.Name) "prod-x" }}',
    '{{ if regexMatch "^prod-" .Release.Name }}a: 1{{ end }}',
    "a: {{ index .Values.m .Release.Name }}",
    'a: {{ get (dict "prod" true) .Release.Name }}',
    "{{ if gt (len .Release.Name) 4 }}a: 1{{ end }}",
    "{{ if eq .Release.Name .Values.prod }}a: 1{{ end }}",
    "{{ if contains .Chart.Name .Release.Name }}{{ .Values.bad }}{{ else }}{{ .Release.Name }}{{ end }}",
    '{{ if contains .Values.q .Release.Name }}{{ printf "%.0s" .Release.Name }}{{ end }}',
    '{{ if regexReplaceAll "^prod.*" .Release.Name "" }}a: 1{{ end }}',
    'a: {{ default "x" (trimPrefix "prod" .Release.Name) }}',
    '{{ .Files.Get (printf "c/%s.yaml" .Release.Name) }}',
    '{{ tpl (printf "{{ .Values.%s }}" .Release.Name) . }}',
    '{{ include (printf "c.%s" .Release.Name) . }}',
    '{{ with .Release.Name }}{{ if eq . "prod" }}a: 1{{ end }}{{ end }}',
    '{{ with .Release }}{{ if eq .Name "prod" }}a: 1{{ end }}{{ end }}',
    '{{ $r := .Release }}{{ if eq $r.Name "prod" }}a: 1{{ end }}',
    'a: {{ eq (index . "Release" "Name") "prod" }}',
    '{{ define "x" }}{{ if eq . "prod" }}a: 1{{ end }}{{ end }}{{ include "x" .Release.Name }}',
    '{{ define "x" }}{{ if eq .who "prod" }}a: 1{{ end }}{{ end }}{{ include "x" (dict "who" .Release.Name) }}',
    '{{ define "x" }}{{ if eq (index . 1) "p" }}a: 1{{ end }}{{ end }}{{ include "x" (list .Values.a .Release.Name) }}',
    '{{ range $k, $v := dict "app" .Release.Name }}{{ if eq $v "prod" }}a: 1{{ end }}{{ end }}',
    "a: {{ if contains .Values.q .Release.Name }}{{ .Release.Name }}{{ end }}",
    "a: {{ if contains .Values.q .Release.Name }}{{ .Chart.Name }}{{ else }}{{ .Release.Name }}{{ end }}",
    "{{ if contains .Values.q .Release.Name }}{{ .Release.Name }}: x{{ else }}{{ .Release.Name }}{{ end }}",
    FULLNAME + '{{ if eq (include "n" .) "prod-web" }}a: 1{{ end }}',
    (
        '{{ define "y" }}{{ include "x" . }}{{ end }}{{ define "x" }}{{ .Release.Name }}{{ end }}'
        '{{ if eq (include "y" .) "z" }}a: 1{{ end }}'
    ),
    '{{ if contains "a" .Release.Name }}{{ else if contains .Values.q .Release.Name }}a: 1{{ end }}',
    f'a: {{{{ eq .Release.Name "{"x" * named.MAX_ACTION}" }}}}',
]


def read(text: str) -> tuple[set[tuple[str, str]], list[named.Undecided]]:
    compared, undecided = naming.read({"templates/a.yaml": text.encode(), "values.yaml": b"{{ .Release.Name }}"})
    return set(compared), undecided


@pytest.mark.parametrize(("text", "constants"), COMPARED.items())
def test_a_name_that_is_compared_with_constants_tells_what_to_try(text, constants):
    assert read(text) == (constants, [])


@pytest.mark.parametrize("text", NOTHING)
def test_a_name_that_is_only_written_decides_nothing(text):
    assert read(text) == (set(), [])


@pytest.mark.parametrize("text", UNDECIDED)
def test_what_a_name_decides_otherwise_is_told_with_its_line(text):
    _, undecided = read(f"# first\n{text}")
    lines = text.count("\n") + 2
    assert undecided
    assert all(place.path == "templates/a.yaml" and 2 <= place.line <= lines for place in undecided)


@given(st.text(st.sampled_from('{}()|"`\\$.\n ifelsdReaNm-:='), max_size=200))
def test_any_text_is_read_as_a_template(text):
    _, undecided = read(f"{{{{ .Release.Name {text}")
    assert all(place.path == "templates/a.yaml" for place in undecided)


HOSTILE = [
    "{{" * 400_000,
    '{{ "' * 200_000,
    "{{ if contains .Values.q .Release.Name }}" * 20_000,
    "{{ if contains .Chart.Name .Release.Name }}{{ .Release.Name }}" * 12_000 + "{{ end }}" * 12_000,
    "".join(f"{{{{ $v{number} := .Release.Name }}}}" for number in range(25_000)),
    "{{ .Release.Name " + "(" * 9_000 + " }}",
]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_template_costs_no_more_than_its_bound(text):
    began = time.process_time()
    read(text)
    assert time.process_time() - began < 20


BEGINNING = {"comments": "{{/* }}", "characters": "{{ ' }}", "blocks": "{{if.a}}", "texts": '{{ `{{ "'}
UNENDED = {name: part * (MAX_BYTES // len(part) - 10) for name, part in BEGINNING.items()}
UNENDED["a text"] = '{{ "' + '\\"' * (MAX_BYTES // 2 - 100)


@pytest.mark.parametrize("text", UNENDED.values(), ids=UNENDED)
def test_what_never_ends_is_looked_for_once(text):
    """Each of these would take minutes or hours if what begins were looked for to the end of the file every time."""
    assert read(f'{{{{ eq .Release.Name "prod" }}}}{text}') == ({("Name", "prod")}, [])


@pytest.mark.parametrize(
    "before",
    [
        '{{/* }} {{ " */}}',
        '{{-\t/* " */}}',
        '{{/*/}}{{ " */}}',
        '{{ `{{ "` }}',
        f'{{{{ "{"x" * 3_000}}}}}" }}}}',
        "{{ $q := '\"' }}",
        "{{ eq '\"' '\\'' }}",
        '{{ "\\"}}" }}',
        "{{ and '\"' true }}{{ if and '\"' (eq .Release.Name \"prod\") }}{{ end }}",
    ],
)
def test_what_stands_in_comments_and_texts_hides_nothing_behind_it(before):
    assert read(f'{before}{{{{ eq .Release.Name "prod" }}}}') == ({("Name", "prod")}, [])


def test_large_templates_are_read_and_too_large_ones_are_told():
    decides = '{{ eq .Release.Name "prod" }}'
    assert read(f"{'#' * 2 * MAX_BYTES}{decides}") == ({("Name", "prod")}, [])
    [undecided] = read(f"{'#' * naming.MAX_TEMPLATES}{decides}")[1]
    assert "bound: templates" in undecided.text


def test_constants_that_begin_or_end_a_name_are_filled_up_to_one():
    compared = dict.fromkeys([("Name", "prod-"), ("Namespace", "-live"), ("Name", "No_Name")])
    names = {(name, space) for _, name, space in naming.variants(compared, "release", "default")}
    assert {("prod-a", "default"), ("release", "a-live"), ("prod-a", "a-live"), ("another-name", "a-live")} <= names
    assert not any("_" in name for name, _ in names)


POD = "---\napiVersion: v1\nkind: Pod\nmetadata: {name: hidden}\n"
HIDDEN = f"apiVersion: v1\nkind: Pod\nmetadata: {{name: app}}\n{{{{- if CONDITION }}}}\n{POD}{{{{- end }}}}\n"


def facts(root: Path, condition: str, **files: str) -> list[Any]:
    lay(
        root,
        {
            "c/Chart.yaml": "apiVersion: v2\nname: app\nversion: 0.1.0\n",
            "c/values.yaml": "a: 1\n",
            "c/templates/p.yaml": HIDDEN.replace("CONDITION", condition),
            **{f"c/{path}": text for path, text in files.items()},
        },
    )
    with Session(Cache(None), jobs=1) as session:
        return [fact for seen in charts.collect(open_tree(root), Config(), session) for fact in seen.facts]


def hidden(found: list[Any]) -> set[str]:
    manifests = [fact for fact in found if isinstance(fact, Manifest)]
    return {o for m in manifests if json.loads(m.document)["metadata"]["name"] == "hidden" for o in m.overlays}


def test_a_name_and_a_namespace_together_are_tried_together(tmp_path):
    found = facts(tmp_path, 'and (eq .Release.Name "prod") (hasPrefix "live-" .Release.Namespace)')
    assert hidden(found) == {"with .Release.Name prod and Namespace live-a"}


def test_a_name_is_tried_with_each_values_file(tmp_path):
    condition = 'and .Values.live (eq .Release.Name "prod")'
    found = facts(tmp_path, condition, **{"values-live.yaml": "live: true\n"})
    assert hidden(found) == {"values-live.yaml with .Release.Name prod"}


def test_what_is_not_followed_is_a_gap_of_all_that_a_render_shows_at_its_line(tmp_path):
    found = facts(tmp_path, 'eq (trunc 4 .Release.Name) "prod"')
    gaps = [fact for fact in found if isinstance(fact, Gap)]
    assert {gap.of for gap in gaps} == set(deployed.UNITS)
    assert {(gap.where.path, gap.where.line) for gap in gaps} == {("c/templates/p.yaml", 4)}
    assert 'if eq (trunc 4 .Release.Name) "prod"' in gaps[0].reason


def test_a_deployment_under_a_name_is_rendered_under_it_where_names_decide(tmp_path):
    script = "helm upgrade --install prod-eu ./c -n live\n"
    found = facts(tmp_path, 'eq (trunc 4 .Release.Name) "prod"', **{"../deploy.sh": script})
    assert hidden(found) == {"values given at deploy.sh:1"}
    plain = facts(tmp_path / "plain", "true", **{"../deploy.sh": script})
    assert [fact.overlays for fact in plain if isinstance(fact, Chart)] == [()]


def test_more_names_than_are_tried_are_a_gap(tmp_path):
    condition = " ".join(f'"n{number}"' for number in range(30))
    found = facts(tmp_path, f"has .Release.Name (list {condition})")
    assert any("bound: renders by name" in fact.reason for fact in found if isinstance(fact, Gap))
    assert len([fact for fact in found if isinstance(fact, Render)]) <= 25
