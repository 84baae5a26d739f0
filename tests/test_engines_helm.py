"""Helm in process renders what the helm program renders, and its templates reach nothing outside the chart."""

from __future__ import annotations

import faulthandler
import io
import os
import socket
import tarfile
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strictreal import kubeyaml
from strictreal.cache import Cache
from strictreal.collect.chart import manifest
from strictreal.engines import helm
from strictreal.model import canonical
from strictreal.session import Session

CHARTS = Path(__file__).parent / "charts"
NAMES = sorted(path.parent.name for path in CHARTS.glob("*/Chart.yaml"))
CHART = "apiVersion: v2\nname: app\nversion: 0.1.0\n"
Asked = tuple[dict[str, bytes], str]
"""A chart's files, and the values on top of its own."""


def _render(asked: Asked) -> dict[str, str] | tuple[str, str, int]:
    """What the SDK writes, or message, template and line of its refusal. In a worker: it loads a Go runtime."""
    try:
        return helm.LoadedChart(asked[0]).render(asked[1], "release", "default")
    except helm.HelmFailure as error:
        return str(error), error.template, error.line


def _engine(_: object) -> helm.Engine:
    return helm.embedded()


@pytest.fixture(scope="module")
def session() -> Iterator[Session]:
    with Session(Cache(None), jobs=1) as session:
        yield session


def rendered(session: Session, files: dict[str, bytes], values: str = "") -> dict[str, str]:
    [answer] = session.bounded(_render, [(files, values)])
    assert isinstance(answer, dict), answer
    return answer


def refused(session: Session, files: dict[str, bytes], values: str = "") -> tuple[str, str, int]:
    [answer] = session.bounded(_render, [(files, values)])
    assert isinstance(answer, tuple), answer
    return answer


def read(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def app(template: str, values: str = "", **more: str) -> dict[str, bytes]:
    files = {"Chart.yaml": CHART, "values.yaml": values, "templates/a.yaml": template, **more}
    return {path: text.encode() for path, text in files.items()}


def objects(texts: dict[str, str]) -> Counter[bytes]:
    found: Counter[bytes] = Counter()
    for text in texts.values():
        for document in manifest.texts(text):
            found.update(canonical(each.value) for each in manifest.objects(kubeyaml.parse(document.text).value))
    return found


@pytest.mark.skipif(not helm.program(), reason="there is no helm program on PATH to compare with")
@pytest.mark.parametrize("name", NAMES)
def test_the_sdk_renders_what_the_program_renders(name: str, session: Session, tmp_path: Path) -> None:
    files = read(CHARTS / name)
    [engine] = session.bounded(_engine, [None])
    assert isinstance(engine, helm.Engine)
    for overlay in ("", *(path for path in files if path.startswith("values-"))):
        theirs = helm.render_with_program(
            helm.program(),
            CHARTS / name,
            CHARTS / name / overlay if overlay else None,
            release="release",
            namespace="default",
            kubernetes=engine.kubernetes,
            seconds=60,
        )
        ours = rendered(session, files, files[overlay].decode() if overlay else "")
        written = {template: text for template, text in ours.items() if text.strip()}
        assert objects(written) == objects(theirs)
        assert set(theirs) <= set(written)


def test_the_sdk_says_what_it_is(session: Session) -> None:
    [engine] = session.bounded(_engine, [None])
    assert isinstance(engine, helm.Engine)
    assert engine.name.startswith("helm-sdk v4.")
    assert engine.kubernetes.startswith("1.")


def test_values_on_top_replace_the_charts_own(session: Session) -> None:
    files = app("a: {{ .Values.a }}\nb: {{ .Values.b.c }}\n", "a: 1\nb: {c: 2}\n")
    assert rendered(session, files, "b: {c: 3}") == {"app/templates/a.yaml": "a: 1\nb: 3\n"}


def test_notes_are_no_manifest(session: Session) -> None:
    assert list(rendered(session, app("a: 1", **{"templates/NOTES.txt": "hello"}))) == ["app/templates/a.yaml"]


@pytest.mark.parametrize(
    ("template", "line", "message"),
    [
        ('a: 1\nb: {{ required "give b" .Values.b }}', 2, "give b"),
        ('a: 1\n\n{{ fail "no" }}', 3, "no"),
        ('{{ include "missing" . }}', 1, "missing"),
        ("a: 1\n{{ if }}", 2, "missing value for if"),
        ("{{ .Values.a.b.c }}", 1, "b"),
        ('{{ env "HOME" }}', 1, "not defined"),
    ],
)
def test_a_refusal_names_template_and_line(template: str, line: int, message: str, session: Session) -> None:
    said, where, number = refused(session, app(template, "a: 1"))
    assert (where, number) == ("app/templates/a.yaml", line)
    assert message in said


@pytest.mark.parametrize("chart", ["name: [", "{{ .x }}: 1", "name: app"])
def test_a_chart_that_cannot_be_loaded_is_a_refusal(chart: str, session: Session) -> None:
    assert refused(session, {**app("a: 1"), "Chart.yaml": chart.encode()})


def test_templates_reach_nothing_outside_the_chart(session: Session) -> None:
    template = (
        'host: "{{ getHostByName "localhost" }}"\nlookup: {{ lookup "v1" "Secret" "default" "x" | toJson }}\n'
        'passwd: "{{ .Files.Get "/etc/passwd" }}"\nabove: "{{ .Files.Get "../../etc/passwd" }}"\n'
    )
    [text] = rendered(session, app(template)).values()
    assert kubeyaml.parse(text).value == {"host": "", "lookup": {}, "passwd": "", "above": ""}


def test_no_name_is_looked_up_and_no_address_is_dialled(session: Session) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        port = server.getsockname()[1]
        files = app(f'a: {{{{ getHostByName "127.0.0.1:{port}" | quote }}}}')
        assert rendered(session, files) == {"app/templates/a.yaml": 'a: ""'}
        with pytest.raises(TimeoutError):
            server.accept()


def test_what_dies_does_so_without_a_word_on_the_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    watched = faulthandler.is_enabled()
    try:
        with helm.quiet():
            os.write(2, b"fatal error: out of memory")
            assert not faulthandler.is_enabled()
    finally:
        if watched:
            faulthandler.enable()
    os.write(2, b"afterwards")
    assert capfd.readouterr().err == "afterwards"


@given(
    files=st.dictionaries(
        st.text("abcé-_./", min_size=1, max_size=150).filter(
            lambda name: all(part not in ("", ".", "..") for part in name.split("/"))
        ),
        st.binary(max_size=1200),
        max_size=6,
    )
)
def test_a_packed_chart_holds_its_files_unchanged(files: dict[str, bytes]) -> None:
    stored = zlib.decompress(helm._packed(files), wbits=31)
    with tarfile.open(fileobj=io.BytesIO(stored)) as archive:
        members = [(member.name, archive.extractfile(member)) for member in archive]
        assert [(name, file and file.read()) for name, file in members] == [
            (f"chart/{name}", data) for name, data in files.items()
        ]


@pytest.mark.skipif(not helm.program(), reason="there is no helm program on PATH")
def test_the_program_sees_the_version_that_is_asked_for_and_nothing_of_the_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HELM_NAMESPACE", "elsewhere")
    chart = tmp_path / "chart"
    template = "v: {{ .Capabilities.KubeVersion.Minor | quote }}\nspace: {{ .Release.Namespace }}\n"
    for path, data in app(template).items():
        (chart / path).parent.mkdir(parents=True, exist_ok=True)
        (chart / path).write_bytes(data)
    texts = helm.render_with_program(
        helm.program(), chart, None, release="r", namespace="here", kubernetes="1.29", seconds=60
    )
    assert {name: kubeyaml.parse(text).value for name, text in texts.items()} == {
        "app/templates/a.yaml": {"v": "29", "space": "here"}
    }
