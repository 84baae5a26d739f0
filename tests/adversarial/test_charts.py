"""Hostile charts: each meets a bound that is named, or an error that says where, and the rest is still audited."""

from __future__ import annotations

import io
import os
import socket
import tarfile
import tempfile
from pathlib import Path
from typing import Any

import pytest
from subjects import lay

from strictreal.cache import Cache
from strictreal.collect import charts
from strictreal.collect.chart import archive, manifest, work
from strictreal.config import Config
from strictreal.engines import helm
from strictreal.facts.charts import Manifest, Render, SchemaError, ValuesError
from strictreal.model import Fact, Gap
from strictreal.session import MAX_FACT_BYTES, Session
from strictreal.subject import MAX_FILE_BYTES, open_tree

CHART = "apiVersion: v2\nname: hostile\nversion: 0.1.0\n"
GOOD = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: good}\n"


def audited(root: Path, seconds: float = 20) -> list[Fact]:
    """The facts of a hostile chart beside a good one, which must have been examined in any case."""
    lay(root, {"good/Chart.yaml": CHART.replace("hostile", "good"), "good/templates/a.yaml": GOOD})
    with Session(Cache(None), jobs=2) as session:
        tree = open_tree(root)
        charts.prepare([(tree, Config())], session, seconds=seconds)
        found = [fact for seen in charts.collect(tree, Config(), session) for fact in seen.facts]
    assert [
        fact.where.resource for fact in found if isinstance(fact, Manifest) and fact.chart == "good/Chart.yaml"
    ] == ["ConfigMap/good"]
    return found


def hostile(root: Path, template: str = "", values: str = "", **more: str | bytes) -> Path:
    files: dict[str, str | bytes] = {"Chart.yaml": CHART, "values.yaml": values, "templates/a.yaml": template, **more}
    return lay(root, {f"hostile/{path}": content for path, content in files.items()})


def missed(facts: list[Fact], unit: str = "Render") -> str:
    """Why the hostile chart could not be examined."""
    [reason] = {fact.reason for fact in facts if isinstance(fact, Gap) and fact.of == unit}
    return reason


def refused(facts: list[Fact]) -> Any:
    """The error of the hostile chart."""
    [render] = [fact for fact in facts if isinstance(fact, Render) and fact.error]
    return render


def test_a_template_that_loops_without_end_is_stopped(tmp_path: Path) -> None:
    loop = "{{ range $a := until 100000 }}{{ range $b := until 100000 }}{{ end }}{{ end }}"
    assert missed(audited(hostile(tmp_path, loop), seconds=3)) == "took more than 3 s (bound: unit time)"


@pytest.mark.parametrize(
    "template",
    [
        "{{ range until 1000000000 }}{{ end }}",
        '{{ repeat 10000000000 "a" | len }}',
        '{{ $x := repeat 1000000 "aaaaaaaaaaaaaaaa" }}{{ range until 1000 }}{{ $x }}{{ end }}',
    ],
)
def test_a_template_that_allocates_without_end_is_stopped(tmp_path: Path, template: str) -> None:
    assert "bound: unit memory" in missed(audited(hostile(tmp_path, template)))


def test_a_string_that_evaluates_itself_is_stopped(tmp_path: Path) -> None:
    values = "x: '{{ tpl .Values.x . }}'\n"
    assert "bound: unit" in missed(audited(hostile(tmp_path, "{{ tpl .Values.x . }}", values)))


@pytest.mark.parametrize("call", ['include "x" .', 'template "x" .'])
def test_a_template_that_calls_itself_is_refused(tmp_path: Path, call: str) -> None:
    template = f'{{{{ define "x" }}}}{{{{ {call} }}}}{{{{ end }}}}{{{{ {call} }}}}'
    render = refused(audited(hostile(tmp_path, template)))
    assert len(render.error) <= 710
    assert render.where.path == "hostile/templates/a.yaml"


def test_a_render_that_is_too_large_is_stopped(tmp_path: Path) -> None:
    template = f'x: {{{{ repeat {helm.MAX_RENDER_BYTES + 1} "a" }}}}'
    assert "bound: render size" in missed(audited(hostile(tmp_path, template)))


def test_a_manifest_that_no_cluster_could_keep_is_missed_by_itself(tmp_path: Path) -> None:
    data = f'data: {{x: {{{{ repeat {manifest.MAX_DOCUMENT_BYTES} "a" }}}}}}'
    facts = audited(hostile(tmp_path, f"{GOOD}---\n{GOOD.replace('good', 'big')}{data}\n"))
    assert "ConfigMap/big is larger than" in missed(facts, "Manifest")
    assert "bound: manifest size" in missed(facts, "Validation")
    assert "ConfigMap/good" in {f.where.resource for f in facts if isinstance(f, Manifest) and "hostile" in f.chart}


def test_more_manifests_than_the_bound_are_stopped(tmp_path: Path) -> None:
    template = f"{{{{ range until {manifest.MAX_DOCUMENTS + 1} }}}}\n---\nkind: X\n{{{{ end }}}}"
    assert "bound: manifests" in missed(audited(hostile(tmp_path, template)))


BOMB = "\n".join(
    ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
)


@pytest.mark.parametrize("name", ["values.yaml", "values-more.yaml"])
def test_values_that_multiply_themselves_are_refused(tmp_path: Path, name: str) -> None:
    facts = audited(hostile(tmp_path, GOOD, **{name: BOMB}))
    assert "bound: YAML nodes" in missed(facts, "ValuesFile")
    assert "bound: YAML nodes" in missed(facts, "Render")


def test_a_chart_yaml_that_multiplies_itself_is_refused(tmp_path: Path) -> None:
    facts = audited(hostile(tmp_path, GOOD, **{"Chart.yaml": CHART + BOMB}))
    assert "bound: YAML nodes" in refused(facts).error


def test_a_rendered_bomb_is_stopped(tmp_path: Path) -> None:
    assert "bound: YAML nodes" in missed(audited(hostile(tmp_path, f"kind: X\n{BOMB}\n")))


def test_a_rendered_document_that_is_too_deep_is_stopped(tmp_path: Path) -> None:
    assert "bound: YAML depth" in missed(audited(hostile(tmp_path, 'x: {{ repeat 5000 "[" }}{{ repeat 5000 "]" }}')))


def test_duplicate_keys_are_found_in_values_and_manifests(tmp_path: Path) -> None:
    facts = audited(hostile(tmp_path, GOOD + "data: {a: '1', a: '2'}\n", "x: 1\nx: 2\n"))
    assert [(e.key, e.message) for e in facts if isinstance(e, ValuesError)] == [("x", "is given twice")]
    assert [e.message for e in facts if isinstance(e, SchemaError)] == ["key a is given twice"]


def test_values_that_are_too_large_are_missed_by_their_bound(tmp_path: Path) -> None:
    hostile(tmp_path, GOOD)
    with (tmp_path / "hostile/values.yaml").open("wb") as file:
        file.truncate(100 * 1024 * 1024)
    assert f"larger than {MAX_FILE_BYTES} bytes (bound: file size)" in missed(audited(tmp_path))


def test_a_chart_that_is_too_large_is_missed_by_its_bound(tmp_path: Path) -> None:
    hostile(tmp_path, GOOD)
    for number in range(work.MAX_CHART_BYTES // MAX_FILE_BYTES + 1):
        with (tmp_path / f"hostile/templates/{number}.bin").open("wb") as file:
            file.truncate(MAX_FILE_BYTES)
    assert "bound: chart size" in missed(audited(tmp_path))


def test_more_values_files_than_the_bound_are_missed(tmp_path: Path) -> None:
    more = {f"values-{number}.yaml": "" for number in range(work.MAX_OVERLAYS + 1)}
    assert "bound: values files" in missed(audited(hostile(tmp_path, GOOD, **more)))


@pytest.mark.parametrize("target", ["/etc/passwd", "../../../etc/passwd", "a.yaml", "."])
@pytest.mark.parametrize("place", ["templates/link.yaml", "charts/link", "values.schema.json"])
def test_a_link_is_never_followed(tmp_path: Path, place: str, target: str) -> None:
    hostile(tmp_path, GOOD)
    link = tmp_path / "hostile" / place
    link.parent.mkdir(exist_ok=True)
    link.symlink_to(target)
    assert f"hostile/{place} belongs to it and was left out" in missed(audited(tmp_path))


def package(*members: tuple[str, bytes, bytes, str]) -> bytes:
    """A .tgz of (name, content, type, link target)."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as tar:
        for name, content, kind, target in members:
            info = tarfile.TarInfo(name)
            info.type, info.linkname, info.size = kind, target, len(content)
            tar.addfile(info, io.BytesIO(content))
    return stream.getvalue()


FILE = tarfile.REGTYPE
HEAD = ("hostile/Chart.yaml", CHART.encode(), FILE, "")
EVIL = [
    ("../../escaped", b"x", FILE, ""),
    ("/srv/escaped", b"x", FILE, ""),
    ("hostile/templates/link.yaml", b"", tarfile.SYMTYPE, "/etc/passwd"),
    ("hostile/templates/hard.yaml", b"", tarfile.LNKTYPE, "/etc/passwd"),
    ("hostile/templates/device", b"", tarfile.CHRTYPE, ""),
]


@pytest.mark.parametrize("member", EVIL)
@pytest.mark.parametrize("inside", [False, True])
def test_a_package_that_would_leave_its_folder_is_refused(
    tmp_path: Path, member: tuple[str, bytes, bytes, str], inside: bool
) -> None:
    root = tmp_path / "subject" / "deep"
    if inside:
        hostile(root, GOOD, **{"charts/hostile-0.1.0.tgz": package(HEAD, member)})
    else:
        lay(root, {"hostile-0.1.0.tgz": package(HEAD, member)})
    before = sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*") if "good" not in path.parts)
    error = refused(audited(root)).error
    assert member[0] in error
    assert sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*") if "good" not in path.parts) == before
    assert not Path("/srv/escaped").exists()


def test_a_package_that_swells_is_missed_by_its_bound(tmp_path: Path) -> None:
    bomb = package(HEAD, ("hostile/big", bytes(archive.MAX_ARCHIVE_BYTES), FILE, ""))
    assert "bound: archive size" in missed(audited(lay(tmp_path, {"hostile-0.1.0.tgz": bomb})))
    assert "bound: archive size" in missed(audited(hostile(tmp_path / "b", GOOD, **{"charts/hostile-0.1.0.tgz": bomb})))


@pytest.mark.parametrize("repository", ["file:///etc", "file://../../..", "file://../good"])
def test_a_dependency_on_a_path_is_never_read(tmp_path: Path, repository: str) -> None:
    chart = f"{CHART}dependencies:\n  - {{name: good, version: 0.1.0, repository: '{repository}'}}\n"
    error = refused(audited(hostile(tmp_path, GOOD, **{"Chart.yaml": chart}))).error
    assert error == f"dependency good 0.1.0 of {repository} is not under charts/"


@pytest.mark.parametrize(
    "schema",
    [
        '{"$ref": "http://127.0.0.1:1/x.json"}',
        '{"$ref": "file:///etc/passwd"}',
        '{"$ref": "../../../../etc/passwd"}',
        "[" * 100_000,
        '{"allOf": [' * 2000 + "{}" + "]}" * 2000,
        '{"type": "string", "pattern": "' + "(a{1,1000}){1,1000}" * 10 + '"}',
    ],
)
def test_a_schema_that_reaches_out_or_blows_up_is_missed(tmp_path: Path, schema: str) -> None:
    facts = audited(hostile(tmp_path, GOOD, **{"values.schema.json": schema}))
    assert missed(facts, "ValuesFile")
    assert "passwd:" not in missed(facts, "ValuesFile")


def test_no_schema_makes_helm_dial_an_address(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        schema = f'{{"$ref": "http://127.0.0.1:{server.getsockname()[1]}/x.json"}}'
        packed = package(HEAD, ("hostile/values.schema.json", schema.encode(), FILE, ""))
        chart = CHART.replace("hostile", "outer")
        audited(hostile(tmp_path / "a", GOOD, **{"values.schema.json": schema}))
        audited(hostile(tmp_path / "b", GOOD, **{"Chart.yaml": chart, "charts/hostile-0.1.0.tgz": packed}))
        server.settimeout(0.2)
        with pytest.raises(TimeoutError):
            server.accept()


def test_what_met_a_bound_is_tried_again(tmp_path: Path) -> None:
    tree = open_tree(hostile(tmp_path / "subject", '{{ repeat 10000000000 "a" | len }}'))
    for _ in range(2):
        with Session(Cache(tmp_path / "cache")) as session:
            assert [seen.cached for seen in charts.collect(tree, Config(), session)] == [False, False]


def test_a_schema_that_refers_to_itself_ends(tmp_path: Path) -> None:
    facts = audited(hostile(tmp_path, GOOD, "a: {a: {a: 1}}", **{"values.schema.json": '{"$ref": "#"}'}))
    assert [fact for fact in facts if isinstance(fact, ValuesError)] == []


def test_bytes_that_are_no_text_are_an_error(tmp_path: Path) -> None:
    facts = audited(hostile(tmp_path, **{"templates/a.yaml": b"a: \xff\xfe\x00", "values.yaml": b"\x00\xff"}))
    assert [f for f in facts if isinstance(f, ValuesError)] or missed(facts, "ValuesFile")


@pytest.mark.parametrize("key", ["../../x", "a\x01b", "x" * 100_000, "é" * 300])
def test_names_from_a_manifest_are_bounded_and_never_paths(tmp_path: Path, key: str) -> None:
    key_text = "{{ .Values.k | quote }}"
    template = f"apiVersion: {key_text}\nkind: {key_text}\nmetadata: {{name: {key_text}}}\n"
    facts = audited(hostile(tmp_path, template, f"k: {key!r}\n" if "\x01" not in key else 'k: "a\\x01b"\n'))
    for fact in facts:
        assert len(getattr(fact, "where", Gap).resource) <= 700 if isinstance(fact, Manifest | SchemaError) else True


def test_nothing_is_left_behind(tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    before, tempfile.tempdir = tempfile.tempdir, os.fspath(scratch)
    try:
        audited(hostile(tmp_path / "subject", '{{ repeat 10000000000 "a" | len }}'))
    finally:
        tempfile.tempdir = before
    assert list(scratch.iterdir()) == []


def test_values_files_that_render_to_more_than_fits_are_missed(tmp_path: Path) -> None:
    template = GOOD + "data: {x: {{ repeat 1400000 .Values.x | quote }}}\n"
    more = {f"values-{letter}.yaml": f"x: '{letter}'\n" for letter in "abcdefghijklmnop"}
    facts = audited(hostile(tmp_path, template, "x: z\n", **more))
    [reason] = {fact.reason.partition(" with ")[0] for fact in facts if isinstance(fact, Gap) and fact.of == "Manifest"}
    assert "bound: unit facts" in reason
    assert sum(len(fact.document) for fact in facts if isinstance(fact, Manifest)) <= MAX_FACT_BYTES
