"""Tampering with what is signed: by a forger without a trusted key, and by a signer who is trusted and wrong."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from tampering import assert_detected, bundles_of, chained, write_lines

from strictreal.evidence import ledger, sign
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
from strictreal.model import canonical, digest
from strictreal.plugin import results_of

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
