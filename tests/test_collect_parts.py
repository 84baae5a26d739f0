"""What is not open to reading: each part of a subject that may hold code is a gap by name, or is seen to hold none."""

from __future__ import annotations

import gzip
import io
import os
import tarfile
import zipfile
from pathlib import Path

import pytest
from subjects import commit, git, lay

from strictreal.cache import Cache
from strictreal.collect import archives, parts
from strictreal.collect.code import collect as collect_code
from strictreal.config import Config, Exclude
from strictreal.model import Gap, Inventory, LeftOut
from strictreal.session import Session
from strictreal.subject import open_tree


def gaps(root: Path, config: Config | None = None) -> dict[str, str]:
    """The reasons of the gaps by path, without the advice; that they are counted is seen to."""
    with Session(Cache(None)) as session:
        facts = [f for o in parts.collect(open_tree(root), config or Config(), session) for f in o.facts]
    found = {f.where.path: f.reason.partition(";")[0] for f in facts if isinstance(f, Gap) and f.of == "UnreadPart"}
    assert Inventory(of="UnreadPart", count=len(found)) in facts
    return found


def excluding(path: str) -> Config:
    return Config(exclude=(Exclude(path=path, reason="not ours"),), source="strictreal.toml")


def zipped(**members: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name.replace("__", "/").replace("_", "."), content)
    return file.getvalue()


def tarred(*members: str, content: bytes = b"", mode: str = "w:gz") -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode=mode) as archive:  # type: ignore[call-overload]
        for name in members:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return file.getvalue()


@pytest.mark.parametrize("name", ["a.zip", "a.egg", "a-1.0-py3-none-any.whl", "a.pyz", "a.jar", "A.ZIP"])
def test_an_archive_with_code_is_a_gap(tmp_path: Path, name: str):
    lay(tmp_path, {name: zipped(a__b_py="x = 1\n", c_txt="")})
    assert gaps(tmp_path) == {name: "is an archive with code in it, which is not unpacked and read: a/b.py"}
    assert gaps(tmp_path, excluding(name)) == {}


@pytest.mark.parametrize(
    ("name", "data", "shown"),
    [
        ("a.tar", tarred("a.py", "b.go", mode="w:"), "a.py and 1 more files"),
        ("a.tgz", tarred("chart/files/run.sh"), "chart/files/run.sh"),
        ("a.tar.xz", tarred("x/y.ipynb", mode="w:xz"), "x/y.ipynb"),
        ("a.tar.bz2", tarred("lib.so", mode="w:bz2"), "lib.so"),
        ("a.tgz", tarred("bin/tool", content=b"#!/usr/bin/env python3\n"), "bin/tool"),
        ("a.tgz", tarred("inner.zip"), "inner.zip"),
        ("a.zip", zipped(tool="#!/bin/sh\n"), "tool"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,  # bytes hold the time
)
def test_code_is_known_by_name_or_first_line(tmp_path: Path, name: str, data: bytes, shown: str):
    lay(tmp_path, {name: data})
    assert gaps(tmp_path)[name].rpartition(": ")[2] == shown


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("web-1.0.0.tgz", tarred("web/Chart.yaml", "web/templates/_helpers.tpl", "web/values.yaml", "web/README.md")),
        ("data.zip", zipped(a_csv="1,2\n", LICENSE="MIT")),
        ("table.csv.gz", b"\x1f\x8b"),
        ("empty.zip", zipped()),
    ],
)
def test_an_archive_without_code_is_none_and_is_not_counted(tmp_path: Path, name: str, data: bytes):
    assert gaps(lay(tmp_path, {name: data})) == {}


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("a.zip", b"PK\x03\x04 broken", "cannot be listed"),
        ("a.tgz", b"", "cannot be listed"),
        ("a.7z", b"7z", "not opened"),
        ("a.tar.zst", b"", "not opened"),
        ("tool.py.gz", b"\x1f\x8b", "is packed python"),
    ],
)
def test_an_archive_that_cannot_be_listed_is_a_gap(tmp_path: Path, name: str, data: bytes, reason: str):
    assert reason in gaps(lay(tmp_path, {name: data}))[name]


def test_an_archive_that_unpacks_without_end_is_a_gap_that_names_the_bound():
    member = tarfile.TarInfo("zeros")
    member.size = archives.MAX_UNPACKED + 1
    bomb = gzip.compress(member.tobuf() + bytes(1024))  # it ends early, and its header is believed
    with pytest.raises(ValueError, match="bound: archive size"):
        archives.facts_of(("a.tgz", bomb))


def test_an_archive_of_too_many_members_is_a_gap_that_names_the_bound():
    data = tarred(*(f"{n}.txt" for n in range(archives.MAX_MEMBERS + 1)))
    with pytest.raises(ValueError, match="bound: archive members"):
        archives.facts_of(("a.tgz", data))


@pytest.mark.parametrize("name", ["a.so", "lib.so.1.2", "a.pyc", "A.class", "a.dll", "tool"])
def test_compiled_code_is_a_gap(tmp_path: Path, name: str):
    lay(tmp_path, {name: b"\x7fELF\x02"})
    assert gaps(tmp_path) == {name: "compiled code, which nobody reads"}
    assert gaps(tmp_path, excluding(name)) == {}


def test_submodules_and_nested_repositories_are_gaps_also_when_they_are_empty_or_missing(tmp_path: Path):
    commit(tmp_path / "other", {"a.py": "x = 1\n"})
    root = tmp_path / "subject"
    commit(root, {"b.py": "x = 1\n"})
    for name in ("full", "empty", "missing"):
        git(root, "-c", "protocol.file.allow=always", "submodule", "add", str(tmp_path / "other"), name)
    commit(root)
    git(root, "submodule", "deinit", "--force", "empty", "missing")
    (root / "missing").rmdir()
    commit(root / "nested", {"c.py": "x = 1\n"})
    reason = "a git submodule or nested repository, which is an audit of its own"
    assert gaps(root) == dict.fromkeys(("empty", "full", "missing", "nested"), reason)
    assert gaps(root, excluding("full*")).keys() == {"empty", "missing", "nested"}
    assert gaps(root, excluding("nested/*")).keys() == {"empty", "full", "missing"}


def test_a_link_is_a_gap_where_what_it_leads_to_was_not_read(tmp_path: Path):
    lay(tmp_path / "outside", {"pkg/a.py": "", "notes.md": ""})
    root = tmp_path / "subject"
    lay(root, {"src/a.py": "", ".gitignore": "hidden/\n", "hidden/h.py": ""})
    for name, target in {
        "out": "../outside/pkg",
        "out.py": "../outside/pkg/a.py",
        "absent.py": "../nowhere/a.py",
        "notes.md": "../outside/notes.md",
        "in": "src",
        "in.py": "src/a.py",
        "up": ".",
        "self": "self",
        "gone.py": "src/gone.py",
        "ignored": "hidden",
        "device.py": "/dev/null",
    }.items():
        os.symlink(target, root / name)
    commit(root)
    out = "a link that leads out of the repository"
    expected = dict.fromkeys(("out", "out.py", "absent.py", "device.py"), out)
    assert gaps(root) == expected | {"ignored": "a link to hidden, which is not among what is audited"}
    assert gaps(root, excluding("o*")).keys() == {"absent.py", "device.py", "ignored"}


def test_what_is_no_evidence_in_the_folder_of_evidence_is_a_gap(tmp_path: Path):
    run = "20260131T091500Z-0123abcd"
    blob = "ab" * 32
    kept = [
        *("README.md", ".gitattributes", "ledger.jsonl", f"runs/{run}/facts.jsonl", f"runs/{run}-2/manifest.json"),
        *(f"compliance/sprint-1/{run}/blobs/{blob}", f"runs/{run}/statement.dsse.json", ".pending-ab12/facts.jsonl"),
    ]
    stray = ["tool.py", f"runs/{run}/facts.py", f"runs/{run}/blobs/run.py", "runs/other/facts.jsonl", "notes/README.md"]
    commit(tmp_path, {f"evidence/{name}": "x\n" for name in (*kept, *stray)})
    told = "no evidence of an audit, and yet in evidence/, which the audited digest leaves out"
    assert gaps(tmp_path) == {f"evidence/{name}": told for name in stray}
    assert gaps(tmp_path, excluding("evidence/*")) == {}


def test_a_configuration_cannot_call_its_code_evidence(tmp_path: Path):
    commit(tmp_path, {"src/a.py": "x = 1\n", "src/b/c.py": "x = 1\n"})
    tree = open_tree(tmp_path, evidence="src")
    with Session(Cache(None)) as session:
        facts = [f for o in parts.collect(tree, Config(evidence="src"), session) for f in o.facts]
    assert [f.where.path for f in facts if isinstance(f, Gap)] == ["src/a.py", "src/b/c.py"]


IGNORED = {
    ".gitignore": "gen/\n*_pb2.py\nlocal.py\nsrc/app/made.py\n",
    "gen/client.py": "",
    "src/app/__init__.py": "",
    "src/app/made.py": "",
    "proto/thing_pb2.py": "",
    "scripts/local.py": "",
    "unused_pb2.py": "",
}


@pytest.mark.parametrize(
    ("path", "source", "found"),
    [
        ("a.py", "import gen.client\n", ["gen/client.py"]),
        ("a.py", "from gen import client\n", ["gen/client.py"]),
        ("a.py", "from gen.client import get\n", ["gen/client.py"]),
        ("tests/test_a.py", "x = 1\nfrom app.made import f\n", ["src/app/made.py"]),
        ("src/app/b.py", "from .made import f\n", ["src/app/made.py"]),
        ("src/app/b.py", "from . import made\n", ["src/app/made.py"]),
        ("src/app/c/d.py", "from ..made import *\n", ["src/app/made.py"]),
        ("proto/use.py", "def f():\n    import thing_pb2\n", ["proto/thing_pb2.py"]),
        ("a.py", "from proto import thing_pb2\n", ["proto/thing_pb2.py"]),
        ("scripts/run.py", "import local\n", ["scripts/local.py"]),
        ("a.py", "import local\nimport made\nimport gen\nimport os\n", []),
        ("other/app.py", "import local\nfrom .made import f\n", []),
    ],
)
def test_a_module_that_is_imported_and_ignored_is_a_gap(tmp_path: Path, path: str, source: str, found: list[str]):
    lay(tmp_path, IGNORED | {"proto/a.txt": "", "scripts/b.txt": ""})
    commit(tmp_path, {path: source})
    assert [reason.split()[1].rstrip(",") for _, _, reason in missed(tmp_path)] == found
    assert all((importer, line > 0) == (path, True) for importer, line, _ in missed(tmp_path))


def missed(root: Path, config: Config | None = None) -> list[tuple[str, int, str]]:
    with Session(Cache(None)) as session:
        facts = [f for o in collect_code(open_tree(root), config or Config(), session) for f in o.facts]
    found = [f for f in facts if isinstance(f, Gap)]
    assert Inventory(of="UnreadPart", count=len(found)) in facts
    assert {f.of for f in found} <= {"UnreadPart"}
    left = [f.where.path for f in facts if isinstance(f, LeftOut)]
    assert len(left) == len(set(left))
    return [(f.where.path, f.where.line, f.reason) for f in found]


def test_generated_modules_can_be_excluded_with_a_reason(tmp_path: Path):
    commit(tmp_path, IGNORED | {"a.py": "import gen.client\n"})
    assert missed(tmp_path, excluding("gen/*")) == []


def test_what_lies_in_the_folder_of_evidence_and_is_imported_is_a_gap(tmp_path: Path):
    kept = {".gitignore": "/evidence/*.py\n", "evidence/README.md": "", "evidence/hidden.py": ""}
    commit(tmp_path, kept | {"a.py": "import evidence.hidden\n"})
    assert [reason.split()[1] for _, _, reason in missed(tmp_path)] == ["evidence/hidden.py,"]
