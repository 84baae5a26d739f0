"""A packaged chart is opened in memory, and refused when it holds what no package may hold."""

from __future__ import annotations

import gzip
import io
import tarfile

import pytest

from strictreal.collect.chart import archive
from strictreal.errors import BoundExceeded

CHART = b"apiVersion: v2\nname: app\nversion: 0.1.0\n"


def packed(*members: tuple[tarfile.TarInfo | str, bytes]) -> bytes:
    """A .tgz of these members, links and devices as they come."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as tar:
        for member, data in members:
            info = tarfile.TarInfo(member) if isinstance(member, str) else member
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return stream.getvalue()


def special(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


MANIFEST = ("app/Chart.yaml", CHART)


def test_a_package_is_opened_below_its_top_folder() -> None:
    data = packed(MANIFEST, (special("app/templates", tarfile.DIRTYPE), b""), ("app/templates/a.yaml", b"a: 1"))
    assert archive.unpack(data) == {"Chart.yaml": CHART, "templates/a.yaml": b"a: 1"}


@pytest.mark.parametrize(
    ("member", "named"),
    [
        ("../../outside", "leaves the chart"),
        ("app/../../outside", "leaves the chart"),
        ("/etc/cron.d/x", "leaves the chart"),
        ("app\\..\\x", "leaves the chart"),
        ("C:/x", "leaves the chart"),
        ("loose", "outside its top folder"),
        (special("app/link", tarfile.SYMTYPE, "/etc/passwd"), "a link"),
        (special("app/hard", tarfile.LNKTYPE, "../../etc/passwd"), "a link"),
        (special("app/tty", tarfile.CHRTYPE), "a device, pipe or other special file"),
        (special("app/pipe", tarfile.FIFOTYPE), "a device, pipe or other special file"),
    ],
)
def test_a_member_that_no_package_may_hold_is_named(member: tarfile.TarInfo | str, named: str) -> None:
    for data in (packed(MANIFEST, (member, b"")), packed((member, b""), MANIFEST)):
        assert named in archive.look_into(data).fault
        with pytest.raises(archive.UnsafeArchive, match=named):
            archive.unpack(data)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"not a gzip",
        gzip.compress(b"not a tar" * 100),
        packed(("src/main.py", b"")),
        packed(("Chart.yaml", CHART)),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,  # bytes hold the time
)
def test_what_holds_no_chart_is_no_package(data: bytes) -> None:
    assert archive.look_into(data) == archive.Package({})


def test_a_package_that_breaks_off_is_refused() -> None:
    whole = gzip.decompress(packed(MANIFEST, ("app/values.yaml", b"x" * 4000)))
    assert "sound archive" in archive.look_into(gzip.compress(whole[:3000])).fault


def test_a_package_that_swells_is_refused_by_its_bound() -> None:
    bomb = packed(MANIFEST, ("app/big", bytes(archive.MAX_ARCHIVE_BYTES)))
    assert len(bomb) < 1_000_000
    with pytest.raises(BoundExceeded, match="bound: archive size"):
        archive.unpack(bomb)


def test_a_package_of_too_many_members_is_refused_by_its_bound() -> None:
    members = [(f"app/{number}", b"") for number in range(archive.MAX_MEMBERS)]
    with pytest.raises(BoundExceeded, match="bound: archive members"):
        archive.unpack(packed(MANIFEST, *members))


def test_packages_in_a_package_are_laid_open() -> None:
    inner = packed(("sub/Chart.yaml", CHART), ("sub/values.yaml", b"a: 1"))
    outer = packed(("mid/Chart.yaml", CHART), ("mid/charts/sub-1.tgz", inner))
    files, packages = archive.expand({"Chart.yaml": CHART, "charts/mid-1.tgz": outer, "docs/x.tgz": b"left alone"})
    assert set(files) == {
        *("Chart.yaml", "docs/x.tgz", "charts/mid-1.tgz.d/Chart.yaml"),
        *("charts/mid-1.tgz.d/charts/sub-1.tgz.d/Chart.yaml", "charts/mid-1.tgz.d/charts/sub-1.tgz.d/values.yaml"),
    }
    assert packages == {
        "charts/mid-1.tgz.d": "charts/mid-1.tgz",
        "charts/mid-1.tgz.d/charts/sub-1.tgz.d": "charts/mid-1.tgz",
    }


def test_packages_nested_without_end_are_refused_by_their_bound() -> None:
    data = packed(MANIFEST)
    for _ in range(archive.MAX_NESTING + 2):
        data = packed(MANIFEST, ("app/charts/inner.tgz", data))
    with pytest.raises(BoundExceeded, match="bound: archive nesting"):
        archive.expand({"charts/outer.tgz": data})


def test_a_bad_package_in_a_chart_is_named() -> None:
    with pytest.raises(archive.UnsafeArchive, match=r"charts/bad\.tgz holds '\.\./x'"):
        archive.expand({"charts/bad.tgz": packed(MANIFEST, ("../x", b""))})
