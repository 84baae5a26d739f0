"""The witness: what was seen once is not forgotten because the folder says otherwise."""

from __future__ import annotations

import multiprocessing
from pathlib import Path

import pytest

from strictreal.errors import EvidenceError
from strictreal.evidence import ledger, witness
from strictreal.evidence.ledger import Chain
from strictreal.evidence.witness import Witness
from strictreal.model import digest

_processes = multiprocessing.get_context("forkserver")


def chain_of(*names: str) -> Chain:
    data = b""
    for name in names:
        data = ledger.extended(data, f"runs/{name}", digest(name.encode()))
    return ledger.parse(data)


@pytest.fixture
def seen(tmp_path: Path) -> Witness:
    """A witness that saw a ledger of three bundles at `tmp_path`/evidence."""
    (tmp_path / "evidence").mkdir()
    keeper = Witness(tmp_path / "state")
    keeper.record(tmp_path / "evidence", chain_of("a", "b", "c"))
    return keeper


@pytest.mark.parametrize(
    ("chain", "problem"),
    [
        (chain_of("a", "b", "c"), ""),
        (chain_of("a", "b", "c", "d"), ""),
        (chain_of("a", "b"), "rolled back: the ledger ends at index 1, but its head was seen at index 2"),
        (chain_of("a", "b", "x"), "forked: line 3 was seen as"),
        (chain_of("a", "x", "c", "d", "e"), "forked: line 3 was seen as"),
        (chain_of("x", "b", "c"), "replaced: the ledger last seen here began with"),
        (Chain(), "replaced: the ledger last seen here began with"),
    ],
)
def test_a_ledger_must_hold_the_head_that_was_seen(seen, tmp_path, chain, problem):
    found = seen.problem(tmp_path / "evidence", chain)
    assert found.startswith(problem) if problem else found == ""
    assert seen.knows(tmp_path / "evidence", chain)


def test_a_place_that_was_never_seen_has_no_witness(seen, tmp_path):
    (tmp_path / "clone").mkdir()
    assert seen.problem(tmp_path / "clone", chain_of("a", "b")) == ""
    assert not seen.knows(tmp_path / "clone", chain_of("a", "b"))


def test_two_clones_of_one_repository_may_grow_apart(seen, tmp_path):
    clone = tmp_path / "clone"
    clone.mkdir()
    seen.record(clone, chain_of("a", "b", "other"))
    assert seen.problem(clone, chain_of("a", "b", "other", "d")) == ""
    assert seen.problem(tmp_path / "evidence", chain_of("a", "b", "c", "d")) == ""


def test_a_folder_that_was_moved_is_known_again_by_its_ledger(seen, tmp_path):
    moved = tmp_path / "moved"
    (tmp_path / "evidence").rename(moved)
    assert seen.problem(moved, chain_of("a", "b", "c")) == ""
    assert seen.problem(moved, chain_of("a", "b")).startswith("rolled back")


def test_a_folder_is_the_same_through_a_link(seen, tmp_path):
    (tmp_path / "link").symlink_to("evidence")
    assert seen.problem(tmp_path / "link", chain_of("a")).startswith("rolled back")


def test_accepting_a_ledger_forgets_the_other_one(seen, tmp_path):
    seen.accept(tmp_path / "evidence", chain_of("x"))
    assert seen.problem(tmp_path / "evidence", chain_of("x")) == ""
    assert seen.problem(tmp_path / "evidence", chain_of("a", "b", "c")).startswith("replaced")
    seen.accept(tmp_path / "evidence", Chain())
    assert seen.problem(tmp_path / "evidence", chain_of("y")) == ""


@pytest.mark.parametrize("data", [b"", b"{}x", b'{"places":{"a":1}}', b"[" * 10_000])
def test_a_damaged_witness_is_a_problem_and_not_a_clean_slate(seen, tmp_path, data):
    seen.path.write_bytes(data)
    with pytest.raises(EvidenceError, match="the witness is damaged"):
        seen.problem(tmp_path / "evidence", chain_of("a"))
    seen.accept(tmp_path / "evidence", chain_of("a"))
    assert seen.problem(tmp_path / "evidence", chain_of("a")) == ""


def test_only_so_many_places_are_remembered_and_the_newest_stay(tmp_path):
    keeper = Witness(tmp_path)
    for index in range(witness.MAX_PLACES + 5):
        keeper.record(tmp_path / str(index), chain_of("a"))
    assert not keeper.knows(tmp_path / "0", Chain())
    assert keeper.knows(tmp_path / "5", Chain())
    assert keeper.knows(tmp_path / str(witness.MAX_PLACES + 4), Chain())


def record_many(state: Path, prefix: str) -> None:
    for index in range(20):
        Witness(state).record(state / f"{prefix}{index}", chain_of("a"))


def test_processes_that_record_at_once_lose_nothing(tmp_path):
    processes = [_processes.Process(target=record_many, args=(tmp_path, prefix)) for prefix in "abcd"]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * 4
    assert all(Witness(tmp_path).knows(tmp_path / f"{p}{i}", Chain()) for p in "abcd" for i in range(20))
