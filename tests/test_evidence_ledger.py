"""The chain: what `extended` writes `parse` accepts, and nothing else."""

from __future__ import annotations

import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strictreal.errors import EvidenceError
from strictreal.evidence import ledger
from strictreal.evidence.statement import NO_PREVIOUS, Position
from strictreal.model import digest


def chain_of(count: int) -> bytes:
    data = b""
    for index in range(count):
        data = ledger.extended(data, f"runs/{index}", digest(b"%d" % index))
    return data


@given(st.integers(0, 30))
def test_a_ledger_lists_its_bundles_in_order(count):
    chain = ledger.parse(chain_of(count))
    assert [line.bundle for line in chain.lines] == [f"runs/{index}" for index in range(count)]
    assert [line.index for line in chain.lines] == list(range(count))
    assert chain.next == Position(index=count, previous=chain.head)


def test_digests_are_those_that_sha256sum_prints_for_a_line():
    data = chain_of(3)
    chain = ledger.parse(data)
    lines = data.splitlines(keepends=True)
    assert chain.digests == tuple(hashlib.sha256(line).hexdigest() for line in lines)
    assert chain.id == chain.digests[0]
    assert chain.head == chain.digests[2]
    assert [json.loads(line)["previous"] for line in lines] == [NO_PREVIOUS, *chain.digests[:2]]


def test_an_empty_ledger_has_no_identity_and_zeros_for_a_head():
    assert (ledger.Chain().id, ledger.Chain().head) == ("", NO_PREVIOUS)


@given(st.data())
def test_a_changed_byte_before_the_last_line_breaks_the_chain(data):
    """The last line is vouched for by its bundle's statement and by whoever noted the head."""
    original = chain_of(6)
    position = data.draw(st.integers(0, original.rindex(b"\n", 0, -1)))
    change = data.draw(st.integers(1, 255))
    forged = bytearray(original)
    forged[position] ^= change
    with pytest.raises(EvidenceError, match=r"^ledger\.jsonl:\d+: "):
        ledger.parse(bytes(forged))


@given(st.permutations(range(5)))
def test_only_one_order_of_the_lines_is_a_chain(order):
    lines = chain_of(5).splitlines(keepends=True)
    data = b"".join(lines[index] for index in order)
    if order == [0, 1, 2, 3, 4]:
        assert len(ledger.parse(data)) == 5
    else:
        with pytest.raises(EvidenceError, match="lines are missing or moved"):
            ledger.parse(data)


@pytest.mark.parametrize(
    ("bundle", "good"),
    [
        ("runs/20261121T091500Z-3fa9c2e1", True),
        ("compliance/sprint-1/20261121T091500Z-3fa9c2e1", True),
        ("runs", False),
        ("../runs/x", False),
        ("runs/../../x", False),
        ("/etc/x", False),
        ("runs//x", False),
        ("runs/x/", False),
        ("./runs/x", False),
        ("runs/.hidden", False),
        ("runs/a b", False),
        ("runs/\u00e9", False),
        ("runs/x\n", False),
        ("a/b/c/d/e", False),
        ("runs/" + "x" * 129, False),
        ("", False),
    ],
)
def test_a_bundle_stands_below_the_evidence_folder_under_a_plain_name(bundle, good):
    assert ledger.safe_path(bundle) is good
    line = ledger.extended(b"", bundle, digest(b""))
    if good:
        assert ledger.parse(line).lines[0].bundle == bundle
    else:
        with pytest.raises(EvidenceError, match=r"ledger\.jsonl:1: .* is not a folder inside the evidence folder"):
            ledger.parse(line)


def test_a_bundle_cannot_be_listed_twice():
    data = ledger.extended(chain_of(2), "runs/2", digest(b"2"))
    twice = data.replace(b"runs/2", b"runs/1")
    with pytest.raises(EvidenceError, match=r"ledger\.jsonl:3: runs/1 is listed a second time, first in line 2"):
        ledger.parse(twice)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (chain_of(1)[:-1], "ledger.jsonl:1: the last line was cut"),
        (chain_of(2)[:-9], "ledger.jsonl:2: the last line was cut"),
        (b"\n", "ledger.jsonl:1: not a valid line"),
        (b"[]\n", "ledger.jsonl:1: not a valid line"),
        (chain_of(1) + b"\n", "ledger.jsonl:2: not a valid line"),
        (chain_of(1).replace(b":0,", b": 0,"), "ledger.jsonl:1: not canonical JSON"),
        (chain_of(1).replace(b'"index":0', b'"index":-1'), "ledger.jsonl:1: not a valid line"),
        (chain_of(1).replace(b"}", b',"x":1}'), "ledger.jsonl:1: not a valid line"),
        (chain_of(1).replace(b'"statement":"5', b'"statement":"G'), "ledger.jsonl:1: statement is not a SHA-256"),
        (chain_of(1).replace(b'"previous":"0', b'"previous":"1'), "ledger.jsonl:1: the first line must have 64 zeros"),
    ],
)
def test_what_is_no_chain_is_refused_and_the_line_named(data, message):
    with pytest.raises(EvidenceError) as caught:
        ledger.parse(data)
    assert str(caught.value).startswith(message)


def test_a_folder_without_a_ledger_has_an_empty_chain(tmp_path):
    assert ledger.read(tmp_path) == ledger.Chain()


def test_a_dangling_link_is_not_an_absent_ledger(tmp_path):
    (tmp_path / ledger.LEDGER).symlink_to("nowhere")
    with pytest.raises(EvidenceError, match=r"ledger\.jsonl: a symbolic link"):
        ledger.read(tmp_path)
