"""The cache can only save time: whatever goes wrong with it, the answer is the same."""

from __future__ import annotations

import multiprocessing
import os
import resource
import sqlite3
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strictreal.cache import MAX_BYTES, Cache

ENTRIES = {Cache.key("collector", str(number)): b"facts of %d" % number for number in range(1200)}


@pytest.fixture
def filled(tmp_path: Path) -> Path:
    cache = Cache(tmp_path)
    cache.put_many(ENTRIES)
    cache.close()
    return tmp_path


def edit(folder: Path, statement: str, *values: object) -> None:
    with sqlite3.connect(folder / "facts.sqlite") as database:
        database.execute(statement, values)
    database.close()


def test_what_was_put_is_there_for_the_next_run(filled: Path):
    cache = Cache(filled)
    assert cache.get_many([*ENTRIES, "unknown"]) == ENTRIES
    assert cache.damaged == 0


def test_without_a_folder_nothing_is_remembered():
    cache = Cache(None)
    cache.put_many(ENTRIES)
    assert cache.get_many(ENTRIES) == {}


def test_a_closed_cache_forgets_and_does_not_fail(filled: Path):
    cache = Cache(filled)
    cache.close()
    cache.put_many({"a": b"b"})
    assert cache.get_many(ENTRIES) == {}


@given(st.lists(st.text()), st.lists(st.text()))
def test_different_parts_make_different_keys(one: list[str], other: list[str]):
    assert (Cache.key(*one) == Cache.key(*other)) == (one == other)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE fact SET blob = X'00' WHERE key = ?",
        "UPDATE fact SET sha256 = 'x' WHERE key = ?",
        "UPDATE fact SET sha256 = NULL WHERE key = ?",
        "UPDATE fact SET (blob, sha256) = (SELECT blob, sha256 FROM fact WHERE key <> ?1 LIMIT 1) WHERE key = ?1",
    ],
)
def test_an_entry_that_is_not_whole_is_dropped_and_counted(filled: Path, statement: str):
    victim = next(iter(ENTRIES))
    edit(filled, statement, victim)
    cache = Cache(filled)
    assert cache.get_many(ENTRIES) == {key: blob for key, blob in ENTRIES.items() if key != victim}
    assert cache.damaged == 1


@pytest.mark.parametrize("value", ["text", 3, None])
def test_an_entry_of_the_wrong_type_is_no_entry(filled: Path, value: object):
    victim = next(iter(ENTRIES))
    edit(filled, "UPDATE fact SET blob = ? WHERE key = ?", value, victim)
    cache = Cache(filled)
    assert victim not in cache.get_many([victim])
    assert cache.damaged == 1


def test_a_table_of_another_shape_is_replaced(filled: Path):
    edit(filled, "DROP TABLE fact")
    edit(filled, "CREATE TABLE fact (other TEXT)")
    cache = Cache(filled)
    assert cache.get_many(ENTRIES) == {}
    cache.close()


@pytest.mark.parametrize("content", [b"", b"not a database", bytes(4096), b"SQLite format 3\0" + b"\xff" * 8000])
def test_a_file_that_is_no_database_is_replaced(tmp_path: Path, content: bytes):
    (tmp_path / "facts.sqlite").write_bytes(content)
    cache = Cache(tmp_path)
    cache.put_many(ENTRIES)
    cache.close()
    assert Cache(tmp_path).get_many(ENTRIES) == ENTRIES


@given(data=st.data())
def test_a_database_with_damaged_bytes_gives_right_entries_or_none(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
):
    folder = tmp_path_factory.mktemp("cache")
    cache = Cache(folder)
    cache.put_many(ENTRIES)
    cache.close()
    path = folder / "facts.sqlite"
    whole = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 40))):
        whole[data.draw(st.integers(0, len(whole) - 1))] ^= data.draw(st.integers(1, 255))
    path.write_bytes(whole)
    damaged = Cache(folder)
    assert damaged.get_many(ENTRIES).items() <= ENTRIES.items()
    damaged.put_many(ENTRIES)
    damaged.close()


@pytest.mark.parametrize("place", range(4000, 4096, 6))
def test_a_schema_that_is_no_text_any_more_is_begun_anew(filled: Path, place: int):
    path = filled / "facts.sqlite"
    whole = bytearray(path.read_bytes())
    whole[place] ^= 0x80
    path.write_bytes(whole)
    cache = Cache(filled)
    assert cache.get_many(ENTRIES).items() <= ENTRIES.items()
    cache.put_many(ENTRIES)
    cache.close()


def test_a_damaged_database_is_whole_again_at_the_run_after(filled: Path):
    path = filled / "facts.sqlite"
    whole = bytearray(path.read_bytes())
    whole[8192:] = b"\xff" * (len(whole) - 8192)
    path.write_bytes(whole)
    cache = Cache(filled)
    assert cache.get_many(ENTRIES).items() < ENTRIES.items()
    assert cache.damaged
    cache.put_many(ENTRIES)
    cache.close()
    after = Cache(filled)
    assert (after.get_many(ENTRIES), after.damaged) == (ENTRIES, 0)


def test_a_database_that_grew_too_large_begins_anew(filled: Path):
    os.truncate(filled / "facts.sqlite", MAX_BYTES + 1)
    assert Cache(filled).get_many(ENTRIES) == {}


def test_a_folder_in_place_of_the_database_means_no_cache(tmp_path: Path):
    (tmp_path / "facts.sqlite").mkdir()
    cache = Cache(tmp_path)
    cache.put_many(ENTRIES)
    assert cache.get_many(ENTRIES) == {}


def test_a_file_in_place_of_the_folder_means_no_cache(tmp_path: Path):
    (tmp_path / "strictreal").write_text("")
    cache = Cache(tmp_path / "strictreal")
    cache.put_many(ENTRIES)
    assert cache.get_many(ENTRIES) == {}


def _as_nobody(work: object, *arguments: object) -> None:
    if os.getuid() == 0:
        os.setgid(65534)
        os.setuid(65534)
    assert callable(work)
    work(*arguments)


def _in_another_process(work: object, *arguments: object) -> int | None:
    process = multiprocessing.get_context("fork").Process(target=work, args=arguments)
    process.start()
    process.join(60)
    return process.exitcode


def _read_only(folder: str) -> None:
    cache = Cache(Path(folder))
    cache.put_many({"new": b"entry"})
    assert cache.get_many(["new"]) == {}
    cache.close()


def test_a_folder_that_cannot_be_written_means_no_cache(filled: Path):
    for place in filled.parents:
        if place.stat().st_mode & stat.S_IXOTH:
            break
        place.chmod(0o755)
    (filled / "facts.sqlite").chmod(0o444)
    filled.chmod(0o555)
    assert _in_another_process(_as_nobody, _read_only, str(filled)) == 0
    assert Cache(filled).get_many(ENTRIES) == ENTRIES


def _write_on_a_full_disk(folder: str) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (16384, 16384))
    cache = Cache(Path(folder))
    cache.put_many(ENTRIES)
    assert cache.get_many(ENTRIES).items() <= ENTRIES.items()
    cache.close()


def test_a_full_disk_costs_time_and_nothing_else(tmp_path: Path):
    assert _in_another_process(_write_on_a_full_disk, str(tmp_path)) == 0
    cache = Cache(tmp_path)
    cache.put_many(ENTRIES)
    assert cache.get_many(ENTRIES) == ENTRIES


def _work_hard(folder: str, name: str) -> None:
    for round_ in range(30):
        cache = Cache(Path(folder))
        own = {Cache.key(name, str(round_), str(i)): f"{name} {i}".encode() for i in range(50)}
        cache.put_many(own)
        cache.put_many(ENTRIES)
        found = cache.get_many([*own, *ENTRIES])
        assert found.items() <= (own | ENTRIES).items()
        assert cache.damaged == 0
        cache.close()


def test_two_runs_at_once_share_one_cache(tmp_path: Path):
    context = multiprocessing.get_context("fork")
    runs = [context.Process(target=_work_hard, args=(str(tmp_path), name)) for name in ("one", "two")]
    for each in runs:
        each.start()
    for each in runs:
        each.join(120)
    assert [each.exitcode for each in runs] == [0, 0]
    assert Cache(tmp_path).get_many(ENTRIES) == ENTRIES


def test_a_cache_that_another_run_holds_locked_is_neither_waited_for_for_ever_nor_removed(filled: Path):
    holder = sqlite3.connect(filled / "facts.sqlite")
    holder.execute("BEGIN EXCLUSIVE")
    cache = Cache(filled)
    cache.put_many({"new": b"entry"})
    holder.rollback()
    holder.close()
    cache.close()
    assert Cache(filled).get_many(ENTRIES) == ENTRIES
