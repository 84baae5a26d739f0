"""Tampering with the ledger: cut, reordered, forked, rolled back or replaced, it is detected by its chain or a witness."""

from __future__ import annotations

import itertools
import shutil

import msgspec
import pytest
from tampering import assert_detected, bundles_of, chained, few_specimens, restored, write_lines

from strictreal.evidence import ledger, sign
from strictreal.evidence.bundle import Audit

# The ledger


def lines_of(place) -> list[bytes]:
    return (place.output / ledger.LEDGER).read_bytes().splitlines(keepends=True)


def later(place) -> Audit:
    """The account of a run that took place at another time."""
    return msgspec.structs.replace(place.account, time="2031-01-31T09:15:00Z")


@pytest.fixture
def five(place):
    for _ in range(5):
        place.record(edit=few_specimens)
    assert place.verify(witnessed=True).problems == ()
    return place


def test_a_truncated_ledger_is_detected(five):
    lines = lines_of(five)
    for count in range(5):
        write_lines(five, lines[:count])
        assert_detected(five.verify(), bundles_of(five.output)[-1].name, "not in ledger.jsonl")
        assert_detected(five.verify(witnessed=True), "rolled back" if count else "replaced")


def test_a_ledger_cut_inside_a_line_is_detected(five):
    data = b"".join(lines_of(five))
    for size in range(1, len(data), 37):
        (five.output / ledger.LEDGER).write_bytes(data[:size])
        assert five.verify().problems


def test_a_line_taken_out_doubled_or_moved_is_detected(five):
    lines = lines_of(five)
    for order in itertools.permutations(range(5)):
        if order != (0, 1, 2, 3, 4):
            write_lines(five, [lines[i] for i in order])
            assert_detected(five.verify(), ledger.LEDGER)
    for i in range(5):
        write_lines(five, lines[:i] + lines[i + 1 :])
        assert five.verify().problems
        write_lines(five, lines[: i + 1] + lines[i:])
        assert_detected(five.verify(), ledger.LEDGER)


def test_a_reordered_ledger_with_a_fresh_chain_is_detected(five):
    entries = [(line.bundle, line.statement) for line in ledger.read(five.output).lines]
    for i, j in itertools.combinations(range(5), 2):
        order = list(entries)
        order[i], order[j] = order[j], order[i]
        write_lines(five, chained(order))
        assert_detected(five.verify(), "listed at")


def test_a_fork_is_detected(five):
    """Two histories from one point: the second does not hold the head that the first had."""
    known = ledger.read(five.output).head
    with restored(five.output):
        for bundle in bundles_of(five.output)[3:]:
            shutil.rmtree(bundle)
        write_lines(five, lines_of(five)[:3])
        five.record(account=later(five))
        five.record(account=later(five))
        assert five.verify().problems == (), "the other history is perfect in itself"
        assert_detected(five.verify(witnessed=True), "forked")
        assert_detected(five.verify(head=known), known)
        other = {path.name: path.read_bytes() for path in [five.output / ledger.LEDGER]}
    (five.output / ledger.LEDGER).write_bytes(other[ledger.LEDGER])
    assert five.verify().problems, "the ledger of one history does not go with the bundles of the other"


def test_a_rollback_of_ledger_and_bundles_together_is_detected_by_whoever_saw_the_head(five):
    known = ledger.read(five.output).head
    shutil.rmtree(bundles_of(five.output)[-1])
    write_lines(five, lines_of(five)[:4])
    blind = five.verify()
    assert blind.problems == ()
    assert any("no witness" in note for note in blind.notes), "what cannot be known is said"
    assert_detected(five.verify(witnessed=True), "rolled back")
    assert_detected(five.verify(head=known), known)
    receipt = five.record(account=later(five))
    assert any("rolled back" in note for note in receipt.notes), "the audit says so and goes on"
    assert_detected(five.verify(witnessed=True), "forked")


def test_a_rolled_back_folder_that_was_also_moved_is_detected(five):
    shutil.rmtree(bundles_of(five.output)[-1])
    write_lines(five, lines_of(five)[:4])
    moved = five.root / "moved"
    five.output.rename(moved)
    assert_detected(five.verify(moved, witnessed=True), "rolled back")


def test_a_ledger_replaced_by_another_perfect_one_is_detected(five, unrecorded):
    unrecorded.record()
    shutil.rmtree(five.output)
    shutil.copytree(unrecorded.output, five.output)
    keys = sign.trusted(unrecorded.settings)
    assert five.verify(keys=keys).problems == ()
    assert_detected(five.verify(keys=keys, witnessed=True), "replaced")


def test_a_deleted_evidence_folder_is_not_silently_a_new_one(five):
    shutil.rmtree(five.output)
    receipt = five.record(account=later(five))
    assert any("replaced" in note for note in receipt.notes)
    assert_detected(five.verify(witnessed=True), "replaced")
