"""Files of the evidence folder: whole or not at all, links never followed, locks that end with their process."""

from __future__ import annotations

import errno
import os
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strictreal.errors import BoundExceeded, EvidenceError, EvidenceNotWritten
from strictreal.evidence import disk


def test_a_regular_file_is_read_up_to_its_bound(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"12345")
    assert disk.read(path, "file", 5) == b"12345"
    with pytest.raises(BoundExceeded, match=r"file: larger than 4 bytes \(bound: evidence file\)"):
        disk.read(path, "file", 4)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: path.symlink_to("/etc/hostname"), "a symbolic link, not a regular file"),
        (lambda path: path.mkdir(), "a folder, not a regular file"),
        (os.mkfifo, "a named pipe, not a regular file"),
        (lambda path: path.unlink(missing_ok=True), "missing"),
    ],
    ids=["link", "folder", "pipe", "nothing"],
)
def test_what_is_no_regular_file_is_refused_by_kind(tmp_path, make, message):
    path = tmp_path / "file"
    make(path)
    with pytest.raises(EvidenceError, match=f"file: {message}"):
        disk.read(path, "file", 10)


def test_replace_leaves_either_the_old_or_the_new_file_and_nothing_beside(tmp_path):
    path = tmp_path / "file"
    disk.replace(path, b"old")
    disk.replace(path, b"new")
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


def test_replace_does_not_write_through_a_planted_link(tmp_path):
    victim = tmp_path / "victim"
    victim.write_bytes(b"keep")
    (tmp_path / ".file.new").symlink_to(victim)
    (tmp_path / "file").symlink_to(victim)
    disk.replace(tmp_path / "file", b"new")
    assert victim.read_bytes() == b"keep"
    assert (tmp_path / "file").read_bytes() == b"new"


def test_create_refuses_what_exists(tmp_path):
    (tmp_path / "file").write_bytes(b"old")
    with pytest.raises(FileExistsError):
        disk.create(tmp_path / "file", b"new")
    assert (tmp_path / "file").read_bytes() == b"old"


@pytest.mark.parametrize(
    ("number", "advice"),
    [
        (errno.ENOSPC, "free some space and audit again"),
        (errno.EROFS, "name a folder that can be written with --output"),
        (errno.EIO, "nothing of this run was recorded"),
    ],
)
def test_a_refusal_of_the_operating_system_says_file_reason_and_remedy(number, advice):
    with pytest.raises(EvidenceNotWritten) as caught, disk.unwritten("the bundle"):
        raise OSError(number, os.strerror(number), "/some/file")
    message = str(caught.value)
    assert message == f"the bundle cannot be written (/some/file): {os.strerror(number)}; {advice}"


def test_a_lock_is_held_by_one_and_waited_for_within_a_bound(tmp_path):
    path = tmp_path / ".lock"
    with disk.locked(path):
        assert disk.try_lock(path) is None
        with pytest.raises(BoundExceeded, match=r"held by another run for 0.05 s"), disk.locked(path, seconds=0.05):
            pass
        with pytest.raises(BoundExceeded, match="held by another run"), disk.locked_to_read(path, seconds=0.05):
            pass
    with disk.locked(path, seconds=0):
        pass


def test_readers_share_and_keep_writers_waiting(tmp_path):
    path = tmp_path / ".lock"
    path.touch()
    order = []
    with disk.locked_to_read(path), disk.locked_to_read(path):

        def write() -> None:
            with disk.locked(path):
                order.append("written")

        writer = threading.Thread(target=write)
        writer.start()
        order.append("read")
    writer.join()
    assert order == ["read", "written"]


def test_reading_needs_no_lock_file(tmp_path):
    with disk.locked_to_read(tmp_path / "absent"):
        pass
    assert list(tmp_path.iterdir()) == []


@given(st.binary(max_size=300), st.binary(min_size=1, max_size=20), st.integers(1, 8))
def test_a_needle_is_found_exactly_when_the_file_contains_it_wherever_the_pieces_are_cut(
    tmp_path_factory, hay, needle, chunk
):
    path = tmp_path_factory.mktemp("hay") / "file"
    path.write_bytes(hay)
    found = disk.first_of(path, "file", {"it": needle}, chunk=chunk)
    assert found == ("it" if needle in hay else "")


def test_a_folder_behind_a_link_is_not_a_real_folder(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "a")
    assert disk.real_folder(tmp_path, "a/b")
    assert not disk.real_folder(tmp_path, "link/b")
    assert not disk.real_folder(tmp_path, "a/c")
