"""Verification of what is sound, and what its report says; adversarial/test_tampering*.py has what is not."""

from __future__ import annotations

import contextlib
import re
import shutil
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from strictreal import config
from strictreal.errors import NotEvidence
from strictreal.evidence import ledger, sign
from strictreal.evidence.statement import ENVELOPE
from strictreal.evidence.verify import MAX_PROBLEMS, Demands, verify
from strictreal.evidence.witness import UNWITNESSED

DEVELOPMENT_NOTE = "signed with a development key, which anyone who runs an audit has"


def test_a_sound_bundle_verifies_and_the_report_says_who_signed_and_what(place):
    receipt = place.record()
    report = place.verify(receipt.bundle, witnessed=True)
    assert report.verified
    assert (report.problems, report.notes) == ((), (DEVELOPMENT_NOTE,))
    assert report.key == receipt.key_id
    assert report.key_origin == str(place.settings.config_home / sign.DEVELOPMENT_KEY)
    assert report.head == receipt.head
    assert report.predicate.run == receipt.run
    assert report.bundles == 1


def test_an_evidence_folder_is_verified_bundle_by_bundle(place):
    receipts = [place.record() for _ in range(3)]
    report = place.verify(witnessed=True)
    assert (report.problems, report.bundles, report.head) == ((), 3, receipts[-1].head)


def test_nobody_is_trusted_who_is_not_named(place, unrecorded):
    receipt = place.record()
    report = place.verify(receipt.bundle, keys=())
    assert report.problems == (
        (
            f"{ENVELOPE}: no trusted key verifies this bundle (none is named; name one with --key FILE; key id"
            f" {receipt.key_id} is not evidence)"
        ),
    )
    sign.signer(unrecorded.settings)
    assert not place.verify(receipt.bundle, keys=sign.trusted(unrecorded.settings)).verified
    named = sign.trusted(unrecorded.settings, [place.settings.config_home / sign.DEVELOPMENT_PUBLIC_KEY])
    assert place.verify(receipt.bundle, keys=named).verified


def test_bundles_of_several_signers_share_a_ledger(place, unrecorded):
    """Verifying one bundle needs its own signer's key; verifying all of them needs everybody's."""
    mine = place.record()
    other = place.record(signer=sign.signer(unrecorded.settings))
    assert place.verify(mine.bundle).verified
    assert not place.verify(other.bundle).verified
    assert not place.verify().verified
    keys = (*sign.trusted(place.settings), *sign.trusted(unrecorded.settings))
    assert place.verify(keys=keys).verified


def test_a_fresh_clone_has_no_witness_and_the_report_says_so(place):
    receipt = place.record(witness=None)
    assert UNWITNESSED in place.verify(receipt.bundle, witnessed=True).notes
    assert UNWITNESSED not in place.verify(receipt.bundle, witnessed=True).notes, "now this user has seen it"
    assert UNWITNESSED in place.verify(receipt.bundle).notes
    assert UNWITNESSED not in place.verify(receipt.bundle, head=receipt.head).notes


def test_a_head_that_was_noted_earlier_may_have_grown_since(place):
    heads = [place.record().head for _ in range(3)]
    assert all(place.verify(head=head).verified for head in heads)
    assert not place.verify(head="0" * 64).verified


def test_a_bundle_can_be_verified_away_from_its_ledger_only_when_that_is_asked_for(place, tmp_path):
    receipt = place.record()
    alone = tmp_path / "handed over"
    shutil.copytree(receipt.bundle, alone)
    assert place.verify(alone).problems == (f"{ledger.LEDGER}: missing: no evidence folder holds this bundle",)
    report = place.verify(alone, alone=True)
    assert report.verified
    assert any("the ledger was not asked for" in note for note in report.notes)


def test_files_that_people_and_git_keep_beside_bundles_are_no_problem(place):
    place.record()
    for name in ("README.md", ".gitignore", ".gitattributes", ".gitkeep"):
        (place.output / name).write_text("* -text\n")
    (place.output / "compliance" / "sprint-1").mkdir(parents=True)
    assert place.verify().problems == ()


def test_a_read_only_evidence_folder_without_a_lock_file_can_be_verified(place):
    receipt = place.record()
    (place.output / ledger.LOCK).unlink()
    assert place.verify(receipt.bundle).verified
    assert not (place.output / ledger.LOCK).exists()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: path, "not a folder"),
        (lambda path: path.write_text("x"), "not a folder"),
        (lambda path: path.mkdir(), "neither a bundle (statement.dsse.json) nor an evidence folder (ledger.jsonl)"),
    ],
    ids=["nothing", "file", "empty"],
)
def test_what_is_no_evidence_does_not_verify(place, tmp_path, make, message):
    make(tmp_path / "x")
    with pytest.raises(NotEvidence, match=re.escape(f"{tmp_path / 'x'}: {message}")) as caught:
        place.verify(tmp_path / "x")
    assert caught.value.exit_code == 4


def test_an_evidence_folder_that_was_emptied_fails_to_verify(place):
    place.record()
    for path in sorted(place.output.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    assert "no evidence folder" not in place.verify(witnessed=True).problems[0]
    assert not place.verify(witnessed=True).verified


def test_an_empty_ledger_proves_nothing(place):
    place.output.mkdir()
    (place.output / ledger.LEDGER).touch()
    assert place.verify().problems == ("ledger.jsonl: lists no bundle, so that nothing was verified",)


def test_a_dirty_tree_is_noted(place):
    subject = msgspec.structs.replace(place.account.subject, dirty=3)
    receipt = place.record(account=msgspec.structs.replace(place.account, subject=subject))
    assert "the tree had 3 uncommitted paths" in place.verify(receipt.bundle).notes


def given_key(folder):
    """A key as CI is given one, and its public half beside it."""
    private = Ed25519PrivateKey.generate()
    key, public = folder / "ci.pem", folder / "ci.pub.pem"
    key.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    key.chmod(0o600)
    public.write_bytes(private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    return key, public


def test_a_configured_key_is_not_called_a_development_key(place, tmp_path):
    key, public = given_key(tmp_path)
    receipt = place.record(signer=sign.signer(msgspec.structs.replace(place.settings, signing_key=key)))
    assert receipt.key == "configured"
    keys = sign.trusted(config.settings({"HOME": "/nowhere"}), [public])
    report = verify(receipt.bundle, Demands(keys=keys))
    assert (report.problems, report.notes) == ((), (UNWITNESSED,))


def test_a_development_key_of_another_home_is_not_called_a_configured_key(place, unrecorded):
    sign.signer(unrecorded.settings)
    key = unrecorded.settings.config_home / sign.DEVELOPMENT_KEY
    receipt = place.record(signer=sign.signer(msgspec.structs.replace(place.settings, signing_key=key)))
    assert receipt.key == "development"
    keys = sign.trusted(config.settings({"HOME": "/nowhere"}), [key.with_name(sign.DEVELOPMENT_PUBLIC_KEY)])
    assert "signed with a development key" in " ".join(verify(receipt.bundle, Demands(keys=keys)).notes)


def test_a_long_list_of_problems_is_cut_and_says_so(place):
    receipt = place.record()
    for index in range(MAX_PROBLEMS * 3):
        (receipt.bundle / f"{index}.txt").touch()
    problems = place.verify(receipt.bundle).problems
    assert len(problems) == MAX_PROBLEMS + 1
    assert problems[-1] == f"and {MAX_PROBLEMS * 2} more"


def test_a_name_that_is_not_text_can_be_told(place):
    receipt = place.record()
    (receipt.bundle / "caf\udce9").touch()
    report = place.verify(receipt.bundle)
    assert report.problems == ("caf\\xe9: a file that the manifest does not name",)
    "".join(report.problems).encode()


def test_a_relative_path_names_the_bundle_in_the_current_folder(place):
    receipt = place.record()
    with contextlib.chdir(receipt.bundle):
        assert place.verify(Path()).verified
    with contextlib.chdir(place.output):
        assert place.verify(Path()).verified
