"""Tampering with files: whatever is done to those of an evidence folder is detected, with a message that names it."""

from __future__ import annotations

import itertools
import os
import random
import shutil
from pathlib import Path

import pytest
from tampering import assert_detected, bundles_of, restored

from strictreal.evidence import ledger

FLIPS = 2400
"""Single-byte changes over all files of an evidence folder with two bundles."""


def files_of(output: Path) -> list[Path]:
    return sorted(path for path in output.rglob("*") if path.is_file() and path.name != ledger.LOCK)


def bundle_of(path: Path) -> Path:
    return path.parents[path.parts[::-1].index("runs") - 2]


def test_every_flipped_byte_is_detected_and_its_file_named(two):
    files = files_of(two.output)
    chance = random.Random(20261121)
    done = 0
    share = -(-FLIPS // len(files))
    for path in files:
        size = path.stat().st_size
        positions = range(size) if size <= share else chance.sample(range(size), share)
        handle = os.open(path, os.O_RDWR)
        for position in positions:
            [byte] = os.pread(handle, 1, position)
            os.pwrite(handle, bytes([byte ^ chance.randint(1, 255)]), position)
            report = two.verify()
            assert report.problems, f"{path}: byte {position} changed unnoticed"
            assert any(path.name in problem for problem in report.problems), (path, position, report.problems)
            os.pwrite(handle, bytes([byte]), position)
            done += 1
        os.close(handle)
    assert done >= 2000
    assert two.verify().problems == ()


def test_every_removed_emptied_shortened_or_lengthened_file_is_detected(two):
    for path in files_of(two.output):
        data = path.read_bytes()
        for change in (b"", data[:-1], data + b"\n", data + data):
            path.write_bytes(change)
            assert_detected(two.verify(), path.name)
        path.unlink()
        assert two.verify().problems, f"{path} removed unnoticed"
        if path.name != ledger.LEDGER:
            assert_detected(two.verify(bundle_of(path)), path.name)
        path.write_bytes(data)
    assert two.verify().problems == ()


def test_every_renamed_file_is_detected(two):
    for path in files_of(two.output):
        for name in (path.name + "x", "." + path.name, path.name.upper()):
            other = path.with_name(name)
            path.rename(other)
            assert two.verify().problems, f"{path} renamed to {name} unnoticed"
            other.rename(path)
    assert two.verify().problems == ()


def test_every_two_swapped_files_are_detected(two):
    for one, other in itertools.combinations(files_of(two.output), 2):
        a, b = one.read_bytes(), other.read_bytes()
        if a == b:
            continue
        one.write_bytes(b)
        other.write_bytes(a)
        assert two.verify().problems, f"{one} and {other} swapped unnoticed"
        one.write_bytes(a)
        other.write_bytes(b)


@pytest.mark.parametrize(
    "name", ["extra.json", ".hidden", "blobs/extra", "facts.jsonl.orig", "empty/folder/", "runs/nested/manifest.json"]
)
def test_every_added_file_or_folder_is_detected_and_named(two, name):
    for bundle in bundles_of(two.output):
        with restored(two.output):
            path = bundle / name
            if name.endswith("/"):
                path.mkdir(parents=True)
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text("{}\n")
            assert_detected(two.verify(), name.split("/")[0])
            assert_detected(two.verify(bundle), name.split("/")[0])


def test_a_file_beside_the_bundles_is_detected(two):
    for name in ("notes.txt", "runs/notes.txt", "runs/20260101T000000Z-00000000/manifest.json"):
        with restored(two.output):
            path = two.output / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("{}\n")
            assert_detected(two.verify(), "not in ledger.jsonl")


def _link(path: Path) -> None:
    copy = path.parents[3] / "elsewhere"
    shutil.copyfile(path, copy)
    path.unlink()
    path.symlink_to(copy)


def _pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize(
    ("change", "word"),
    [(_link, "symbolic link"), (_pipe, "named pipe"), (_folder, "folder")],
    ids=["link", "pipe", "folder"],
)
def test_a_file_that_became_a_link_a_pipe_or_a_folder_is_refused_without_being_read(two, change, word):
    for path in [p for p in files_of(two.output) if p.name != ledger.LEDGER]:
        with restored(two.output):
            change(path)
            assert_detected(two.verify(), path.name, word)


def test_a_bundle_that_became_a_link_to_an_equal_folder_is_detected(two):
    bundle = bundles_of(two.output)[0]
    aside = two.root / "aside"
    bundle.rename(aside)
    bundle.symlink_to(aside)
    assert_detected(two.verify(), bundle.name, "missing")


def test_a_vast_file_is_refused_by_its_size_alone(two):
    path = bundles_of(two.output)[0] / "facts.jsonl"
    os.truncate(path, 1 << 40)  # sparse: reading it would take long
    assert_detected(two.verify(), "facts.jsonl: changed: 1099511627776 bytes")
    path = two.output / ledger.LEDGER
    os.truncate(path, 1 << 40)
    assert_detected(two.verify(), "bound")


def test_two_bundles_swapped_whole_are_detected(two):
    one, other = bundles_of(two.output)
    aside = two.root / "aside"
    one.rename(aside)
    other.rename(one)
    aside.rename(other)
    assert_detected(two.verify(), "renamed or swapped", one.name)
    assert_detected(two.verify(one), "renamed or swapped")


def test_a_renamed_bundle_is_detected_even_when_the_ledger_follows(two):
    other = bundles_of(two.output)[1]
    new = other.with_name("20260101T000000Z-00000000")
    other.rename(new)
    assert_detected(two.verify(), other.name, new.name)
    path = two.output / ledger.LEDGER
    path.write_text(path.read_text().replace(other.name + '"', new.name + '"'))
    assert_detected(two.verify(), "renamed or swapped")


def test_a_missing_bundle_is_detected(two):
    bundle = bundles_of(two.output)[0]
    shutil.rmtree(bundle)
    assert_detected(two.verify(), bundle.name, "missing")
