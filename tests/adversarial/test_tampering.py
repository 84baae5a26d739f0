"""Tampering: whatever is done to a bundle or to the ledger is detected, with a message that names it."""

from __future__ import annotations

import itertools
import json
import os
import random
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from strictreal.evidence import ledger, sign
from strictreal.evidence.bundle import Audit
from strictreal.evidence.factfiles import SPECIMENS
from strictreal.evidence.recheck import recheck
from strictreal.evidence.statement import (
    BLOBS,
    ENVELOPE,
    MANIFEST,
    PAYLOAD_TYPE,
    Envelope,
    Signature,
    Statement,
    base64_decode,
    base64_encode,
    decode,
    statement_of,
)
from strictreal.evidence.verify import Report
from strictreal.model import canonical, digest
from strictreal.plugin import results_of

FLIPS = 2400
"""Single-byte changes over all files of an evidence folder with two bundles."""


def few_specimens(folder: Path) -> None:
    """Keep bundles small, so that thousands of verifications are quick however large the suite grows."""
    path = folder / SPECIMENS
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:20]))


def with_blob(folder: Path) -> None:
    few_specimens(folder)
    data = b"kind: Service\n"
    (folder / BLOBS).mkdir()
    (folder / BLOBS / digest(data)).write_bytes(data)


@pytest.fixture
def two(place):
    """An evidence folder with two bundles, one with a blob."""
    place.record(edit=few_specimens)
    place.record(edit=with_blob)
    assert place.verify().problems == ()
    return place


def files_of(output: Path) -> list[Path]:
    return sorted(path for path in output.rglob("*") if path.is_file() and path.name != ledger.LOCK)


def bundles_of(output: Path) -> list[Path]:
    return sorted(path.parent for path in output.rglob(ENVELOPE))


def bundle_of(path: Path) -> Path:
    return path.parents[path.parts[::-1].index("runs") - 2]


def later(place) -> Audit:
    """The account of a run that took place at another time."""
    return msgspec.structs.replace(place.account, time="2031-01-31T09:15:00Z")


@contextmanager
def restored(output: Path) -> Iterator[None]:
    """Put the evidence folder back as it was."""
    copy = output.with_name("copy")
    shutil.copytree(output, copy, symlinks=True)
    try:
        yield
    finally:
        shutil.rmtree(output)
        copy.rename(output)


def assert_detected(report: Report, *names: str) -> None:
    assert report.problems, "nothing was noticed"
    told = "\n".join(report.problems)
    assert all(name in told for name in names), f"{names} not named in: {told}"


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


# The ledger


def lines_of(place) -> list[bytes]:
    return (place.output / ledger.LEDGER).read_bytes().splitlines(keepends=True)


def write_lines(place, lines: list[bytes]) -> None:
    (place.output / ledger.LEDGER).write_bytes(b"".join(lines))


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


def chained(entries: list[tuple[str, str]]) -> list[bytes]:
    """A chain in itself perfect, over any bundles: what a forger writes."""
    data = b""
    for bundle, statement in entries:
        data = ledger.extended(data, bundle, statement)
    return data.splitlines(keepends=True)


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


# The forger who has no trusted key


def unchanged(payload: dict) -> None:
    """Leave the statement as it is."""


def resigned(place, signer: sign.Signer, change: Callable[[dict], None]) -> None:
    """Rewrite the last bundle's statement, sign it anew and make the ledger match: a perfect forgery but the key."""
    bundle = bundles_of(place.output)[-1]
    envelope = decode((bundle / ENVELOPE).read_bytes(), Envelope, ENVELOPE)
    payload = json.loads(base64_decode(envelope.payload, ENVELOPE))
    change(payload)
    forged = canonical(payload)
    decode(forged, Statement, "the forgery itself")
    mark = signer.sign(PAYLOAD_TYPE, forged)
    signatures = (Signature(keyid=signer.key_id, sig=base64_encode(mark)),) if mark else ()
    data = canonical(Envelope(payload=base64_encode(forged), signatures=signatures))
    (bundle / ENVELOPE).write_bytes(data)
    entries = [(line.bundle, line.statement) for line in ledger.read(place.output).lines]
    write_lines(place, chained([*entries[:-1], (entries[-1][0], digest(data))]))


def test_a_bundle_signed_by_an_unknown_key_fails_whatever_key_id_it_carries(two, unrecorded):
    forger = sign.signer(unrecorded.settings)
    resigned(two, forger, unchanged)
    assert_detected(two.verify(), "no trusted key verifies this bundle", f"key id {forger.key_id} is not evidence")
    honest = sign.signer(two.settings)
    claims = sign.Signer(kind=honest.kind, key_id=honest.key_id, private=forger.private)
    resigned(two, claims, unchanged)
    assert_detected(two.verify(), "no trusted key verifies this bundle", f"key id {honest.key_id} is not evidence")


def test_a_signature_with_the_id_of_another_key_fails(two, unrecorded):
    honest, other = sign.signer(two.settings), sign.signer(unrecorded.settings)
    resigned(two, sign.Signer(kind="development", key_id=other.key_id, private=honest.private), unchanged)
    assert_detected(two.verify(), f"carries key id {other.key_id}")


def test_a_bundle_whose_signature_was_taken_away_fails(two):
    resigned(two, sign.unsigned(""), unchanged)
    assert_detected(two.verify(), "its signature is missing", "unsigned")
    resigned(two, sign.unsigned(""), lambda payload: payload["predicate"].update(key={"kind": "none", "id": ""}))
    assert_detected(two.verify(), "unsigned: nobody vouches for this bundle")
    assert two.verify(allow_unsigned=True).problems == ()
    assert any("unsigned" in note for note in two.verify(allow_unsigned=True).notes)


def test_a_development_key_cannot_pass_for_a_configured_one(two):
    resigned(
        two,
        sign.signer(two.settings),
        lambda payload: payload["predicate"]["key"].update(kind="configured"),
    )
    assert_detected(two.verify(), "kind 'configured'")


def test_several_signatures_are_refused(two, unrecorded):
    bundle = bundles_of(two.output)[-1]
    envelope = decode((bundle / ENVELOPE).read_bytes(), Envelope, ENVELOPE)
    payload = base64_decode(envelope.payload, ENVELOPE)
    other = sign.signer(unrecorded.settings)
    second = Signature(keyid=other.key_id, sig=base64_encode(other.sign(PAYLOAD_TYPE, payload)))
    data = canonical(Envelope(payload=envelope.payload, signatures=(*envelope.signatures, second)))
    (bundle / ENVELOPE).write_bytes(data)
    assert_detected(two.verify(bundle, alone=True), "2 signatures where one belongs")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (b'"payloadType":"application/vnd.in-toto+json"', b'"payloadType":"text/plain"', "payloadType"),
        (b'{"payload"', b'{ "payload"', "not canonical JSON"),
        (b'"signatures":', b'"signatures":[],"signatures":', "not canonical JSON"),
        (b'"signatures":', b'"note":"","signatures":', "unknown field"),
        (b'=="', b'"', "base64"),
    ],
)
def test_the_same_envelope_in_other_bytes_is_refused(two, old, new, message):
    bundle = bundles_of(two.output)[-1]
    data = (bundle / ENVELOPE).read_bytes()
    assert old in data
    (bundle / ENVELOPE).write_bytes(data.replace(old, new, 1))
    assert_detected(two.verify(bundle, alone=True), message)


@pytest.mark.parametrize(
    "content", [b"", b"\0" * 10, b"[" * 100_000, b'{"files":' * 5000, b"\xff\xfe{}", b"null", b"1e999"]
)
@pytest.mark.parametrize("name", [ENVELOPE, MANIFEST, ledger.LEDGER])
def test_hostile_json_is_a_clear_problem(two, name, content):
    path = (two.output if name == ledger.LEDGER else bundles_of(two.output)[0]) / name
    path.write_bytes(content)
    assert two.verify().problems


def test_a_manifest_that_leaves_the_bundle_reads_nothing_outside(two):
    """A signer who is trusted may still be mistaken: paths are looked up among the folder's own entries."""
    bundle = bundles_of(two.output)[-1]
    secret = two.root / "secret"
    secret.write_text("x")
    manifest = json.loads((bundle / MANIFEST).read_bytes())
    for path in ("../../../secret", str(secret), "a/../../secret", ""):
        files = sorted([*manifest["files"], {"path": path, "size": 1, "sha256": digest(b"x")}], key=lambda f: f["path"])
        data = canonical({"files": files})
        (bundle / MANIFEST).write_bytes(data)
        resigned(two, sign.signer(two.settings), lambda p, data=data: p["predicate"].update(manifest=digest(data)))
        assert_detected(two.verify(), f"{path}: missing")


def test_another_suite_than_the_one_insisted_on_is_a_problem(two):
    bundle = bundles_of(two.output)[-1]
    envelope = decode((bundle / ENVELOPE).read_bytes(), Envelope, ENVELOPE)
    suite = statement_of(envelope).predicate.suite
    assert two.verify(suite=suite).problems == ()
    assert_detected(two.verify(bundle, suite="0" * 64), f"judged by suite {suite}")


# The signer who is trusted, and wrong


def remade(place, change: Callable[[list[dict]], None]) -> None:
    """Rewrite the last bundle's manifest, and have it signed by its own signer."""
    bundle = bundles_of(place.output)[-1]
    files = json.loads((bundle / MANIFEST).read_bytes())["files"]
    change(files)
    data = canonical({"files": files})
    (bundle / MANIFEST).write_bytes(data)
    resigned(place, sign.signer(place.settings), lambda payload: payload["predicate"].update(manifest=digest(data)))


def test_a_manifest_that_is_out_of_order_or_names_a_file_twice_is_refused(two):
    remade(two, lambda files: files.reverse())
    assert_detected(two.verify(), "paths are not in order, or named twice")
    remade(two, lambda files: files.reverse())
    assert two.verify().problems == ()
    remade(two, lambda files: files.insert(0, files[0]))
    assert_detected(two.verify(), "paths are not in order, or named twice")


def test_a_blob_under_another_name_than_its_digest_is_refused(two):
    blobs = bundles_of(two.output)[-1] / BLOBS
    [blob] = blobs.iterdir()
    blob.rename(blobs / ("0" * 64))
    remade(two, lambda files: files[0].update(path=f"{BLOBS}/{'0' * 64}"))
    assert_detected(two.verify(), "a blob whose name is not its SHA-256")


@pytest.mark.parametrize(("field", "value"), [("_type", "https://example.org/x"), ("predicateType", "urn:other:v1")])
def test_a_statement_of_another_kind_is_refused(two, field, value):
    resigned(two, sign.signer(two.settings), lambda payload: payload.update({field: value}))
    assert_detected(two.verify(), value, "is not a statement of ours")


def test_a_statement_that_names_another_key_than_the_one_that_signed_is_refused(two):
    resigned(two, sign.signer(two.settings), lambda payload: payload["predicate"]["key"].update(id="0" * 64))
    assert_detected(two.verify(), f"states key {'0' * 64}")


def test_a_signature_spelled_with_stray_bits_is_refused(two):
    """Base64 has several spellings of 64 bytes: the last character before the padding holds four unused bits."""
    bundle = bundles_of(two.output)[-1]
    envelope = decode((bundle / ENVELOPE).read_bytes(), Envelope, ENVELOPE)
    [signature] = envelope.signatures
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    stray = signature.sig[:-3] + alphabet[alphabet.index(signature.sig[-3]) + 1] + "=="
    changed = Envelope(payload=envelope.payload, signatures=(Signature(keyid=signature.keyid, sig=stray),))
    (bundle / ENVELOPE).write_bytes(canonical(changed))
    assert_detected(two.verify(bundle, alone=True), "signature: not canonical base64")


def test_a_statement_whose_outcomes_are_not_those_of_its_results_is_found_out_by_recheck(place):
    place.record()

    def embellish(payload: dict) -> None:
        outcomes = payload["predicate"]["outcomes"]
        outcomes.update(dict.fromkeys(outcomes, "proven"))

    resigned(place, sign.signer(place.settings), embellish)
    assert place.verify().problems == (), "its own signer vouches for it"
    found = recheck(bundles_of(place.output)[-1], results_of)
    assert found.problems == ("the statement's outcomes are not those of results.json",)
