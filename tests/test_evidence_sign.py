"""Keys and signatures: who signs, who is trusted, and what a wrong key file says."""

from __future__ import annotations

import multiprocessing
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from hypothesis import given
from hypothesis import strategies as st
from securesystemslib.dsse import Envelope as ReferenceEnvelope
from securesystemslib.signer import SSlibKey

from strictreal import config
from strictreal.config import Settings
from strictreal.errors import ConfigurationError
from strictreal.evidence import sign
from strictreal.evidence.statement import ENVELOPE
from strictreal.programs import search_path

PLAIN = serialization.NoEncryption()
_processes = multiprocessing.get_context("forkserver")
_processes.set_forkserver_preload(
    ["pytest", "strictreal.evidence.sign", "cryptography.hazmat.primitives.serialization"]
)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return config.settings({"HOME": str(tmp_path)})


def key_file(path: Path, key, encryption=PLAIN, mode: int = 0o600) -> Path:
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)
    path.write_bytes(pem)
    path.chmod(mode)
    return path


def public_file(path: Path, key) -> Path:
    pem = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    path.write_bytes(pem)
    return path


def with_key(settings: Settings, path: Path) -> Settings:
    return msgspec.structs.replace(settings, signing_key=path)


def test_the_development_key_is_made_once_and_only_its_owner_may_read_it(settings):
    first = sign.signer(settings)
    second = sign.signer(settings)
    assert (first.kind, first.key_id) == ("development", second.key_id)
    home = settings.config_home
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert stat.S_IMODE((home / sign.DEVELOPMENT_KEY).stat().st_mode) == 0o600
    assert sorted(path.name for path in home.iterdir()) == [".lock", "development.pem", "development.pub.pem"]


def test_the_public_half_beside_the_development_key_is_the_one_that_verifies(settings):
    signer = sign.signer(settings)
    elsewhere = config.settings({"HOME": str(settings.config_home / "reviewer")})
    [key] = sign.trusted(elsewhere, [settings.config_home / sign.DEVELOPMENT_PUBLIC_KEY])
    assert (key.id, key.development) == (signer.key_id, False)
    assert key.verifies(signer.sign("text/plain", b"x"), "text/plain", b"x")


def make_key(settings: Settings, answers) -> None:
    answers.send(sign.signer(settings).key_id)


def test_processes_that_need_the_development_key_at_once_all_get_the_same(settings):
    answers, writer = _processes.Pipe(duplex=False)
    processes = [_processes.Process(target=make_key, args=(settings, writer)) for _ in range(8)]
    for process in processes:
        process.start()
    writer.close()  # so that a process that dies is not waited for
    ids = {answers.recv() for _ in processes}
    for process in processes:
        process.join()
    assert len(ids) == 1


def make_key_and_die_before(settings: Settings, operation: int) -> None:
    seen = 0

    def count(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal seen
        if event == "open" or event.startswith(("os.", "fcntl.")):
            seen += 1
            if seen == operation:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(count)
    sign.signer(settings)


def test_dying_while_the_development_key_is_made_never_leaves_half_a_key(tmp_path):
    for operation in range(1, 100):
        settings = config.settings({"HOME": str(tmp_path / str(operation))})
        process = _processes.Process(target=make_key_and_die_before, args=(settings, operation))
        process.start()
        process.join()
        signer = sign.signer(settings)
        assert (signer.kind, signer.reason) == ("development", "")
        [own] = sign.trusted(settings)
        [public] = sign.trusted(config.settings({"HOME": "/nowhere"}), [settings.config_home / "development.pub.pem"])
        assert own.id == public.id == signer.key_id
        if process.exitcode == 0:
            break
    assert operation > 5


def test_without_a_home_that_can_be_written_the_bundle_is_unsigned_and_says_why(tmp_path):
    (tmp_path / "file").write_text("")
    signer = sign.signer(config.settings({"HOME": str(tmp_path / "file")}))
    assert signer.kind == "none"
    assert signer.sign("text/plain", b"x") == b""
    assert signer.reason.startswith("no development key: ")


def test_a_configured_key_signs_and_is_called_configured(settings, tmp_path):
    private = ed25519.Ed25519PrivateKey.generate()
    signer = sign.signer(with_key(settings, key_file(tmp_path / "ci.pem", private)))
    assert signer.kind == "configured"
    assert not (settings.config_home / sign.DEVELOPMENT_KEY).exists()
    private.public_key().verify(signer.sign("text/plain", b"x"), b"DSSEv1 10 text/plain 1 x")


def test_the_development_key_stays_a_development_key_when_it_is_configured(settings):
    sign.signer(settings)
    again = sign.signer(with_key(settings, settings.config_home / sign.DEVELOPMENT_KEY))
    assert again.kind == "development"


def moved(settings: Settings, folder: Path) -> Path:
    """The development key's file under another name in another folder."""
    folder.mkdir()
    copy = folder / "ci.pem"
    copy.write_bytes((settings.config_home / sign.DEVELOPMENT_KEY).read_bytes())
    copy.chmod(0o600)
    return copy


def written_anew(settings: Settings, folder: Path) -> Path:
    """The same key as another program writes it."""
    folder.mkdir()
    own = serialization.load_pem_private_key((settings.config_home / sign.DEVELOPMENT_KEY).read_bytes(), None)
    return key_file(folder / "ci.pem", own)


def where_it_lies(settings: Settings, folder: Path) -> Path:
    return settings.config_home / sign.DEVELOPMENT_KEY


def by_a_link(settings: Settings, folder: Path) -> Path:
    folder.mkdir()
    (folder / "ci.pem").symlink_to(settings.config_home / sign.DEVELOPMENT_KEY)
    return folder / "ci.pem"


@pytest.mark.parametrize("way", [moved, written_anew, where_it_lies, by_a_link])
@pytest.mark.parametrize("variables", [{}, {"XDG_CONFIG_HOME": "/elsewhere"}, {"XDG_STATE_HOME": "/elsewhere"}])
def test_a_development_key_is_told_by_itself_wherever_it_lies_and_settings_point(settings, tmp_path, way, variables):
    sign.signer(settings)
    other = config.settings({"HOME": str(tmp_path / "other"), **variables})
    assert sign.signer(with_key(other, way(settings, tmp_path / "keys"))).kind == "development"


@pytest.mark.parametrize("way", [where_it_lies, by_a_link])
def test_a_development_key_made_before_seeds_told_is_told_by_its_file(settings, tmp_path, way):
    settings.config_home.mkdir(parents=True)
    key_file(settings.config_home / sign.DEVELOPMENT_KEY, ed25519.Ed25519PrivateKey.generate())
    other = config.settings({"HOME": str(tmp_path / "other")})
    assert sign.signer(with_key(other, way(settings, tmp_path / "keys"))).kind == "development"
    assert sign.signer(with_key(settings, moved(settings, tmp_path / "copy"))).kind == "development"


@given(st.binary(min_size=32, max_size=32))
def test_a_key_of_any_other_seed_is_no_development_key(tmp_path_factory, seed):
    folder = tmp_path_factory.mktemp("keys")
    key = key_file(folder / "ci.pem", ed25519.Ed25519PrivateKey.from_private_bytes(seed))
    assert sign.signer(with_key(config.settings({"HOME": str(folder)}), key)).kind == "configured"


def test_a_mounted_secret_may_be_a_link(settings, tmp_path):
    key_file(tmp_path / "real.pem", ed25519.Ed25519PrivateKey.generate())
    (tmp_path / "ci.pem").symlink_to("real.pem")
    assert sign.signer(with_key(settings, tmp_path / "ci.pem")).kind == "configured"


def _directory(path: Path) -> Path:
    path.mkdir()
    return path


def _text(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    path.chmod(0o600)
    return path


def _pipe(path: Path) -> Path:
    os.mkfifo(path, 0o600)
    return path


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: path, "there is no such key file"),
        (_directory, "cannot be read: Is a directory"),
        (_pipe, "a named pipe, not a key file"),
        (lambda path: _text(path, b""), r"not a private key in PEM \(PKCS #8\)"),
        (lambda path: _text(path, b"\0" * 20_000), r"larger than 16384 bytes \(bound: key file\)"),
        (
            lambda path: key_file(path, rsa.generate_private_key(65537, 2048)),
            "not an Ed25519 key; make one with openssl genpkey -algorithm ed25519",
        ),
        (lambda path: key_file(path, ec.generate_private_key(ec.SECP256R1())), "not an Ed25519 key"),
        (
            lambda path: key_file(
                path, ed25519.Ed25519PrivateKey.generate(), serialization.BestAvailableEncryption(b"passphrase")
            ),
            "encrypted, and nobody is there to type the passphrase",
        ),
        (
            lambda path: key_file(path, ed25519.Ed25519PrivateKey.generate(), mode=0o640),
            r"others may read this key \(mode 0640\); chmod 600",
        ),
        (
            lambda path: key_file(path, ed25519.Ed25519PrivateKey.generate(), mode=0o604),
            r"others may read this key \(mode 0604\); chmod 600",
        ),
    ],
    ids=["missing", "folder", "pipe", "empty", "vast", "rsa", "ecdsa", "encrypted", "group", "world"],
)
def test_a_configured_key_that_cannot_be_used_is_an_error_that_says_why(settings, tmp_path, make, message):
    path = make(tmp_path / "ci.pem")
    with pytest.raises(ConfigurationError, match=message) as caught:
        sign.signer(with_key(settings, path))
    assert str(caught.value).startswith(str(path))


def test_a_trusted_key_must_be_a_public_ed25519_key(settings, tmp_path):
    private = ed25519.Ed25519PrivateKey.generate()
    cases = {
        "a private key; name the public one": key_file(tmp_path / "a.pem", private),
        "not an Ed25519 key": public_file(tmp_path / "b.pem", ec.generate_private_key(ec.SECP256R1())),
        "not a public key in PEM": _text(tmp_path / "c.pem", b"hello"),
        "there is no such key file": tmp_path / "d.pem",
    }
    for message, path in cases.items():
        with pytest.raises(ConfigurationError, match=message):
            sign.trusted(settings, [path])
    assert sign.trusted(settings) == ()


def test_the_keys_that_are_named_are_trusted_and_the_own_one_only_where_none_is(settings, tmp_path):
    own = sign.signer(settings)
    keys = [ed25519.Ed25519PrivateKey.generate() for _ in range(2)]
    paths = [public_file(tmp_path / f"{index}.pem", key) for index, key in enumerate(keys)]
    named = msgspec.structs.replace(settings, trusted_keys=(paths[1],))
    found = sign.trusted(named, [paths[0]])
    assert [(key.origin, key.development) for key in found] == [(str(paths[0]), False), (str(paths[1]), False)]
    assert [(key.id, key.development) for key in sign.trusted(settings)] == [(own.key_id, True)]


@given(st.binary(), st.text(max_size=30), st.binary(), st.text(max_size=30))
def test_the_signed_encoding_is_the_reference_one_and_never_the_same_for_two_envelopes(a, a_type, b, b_type):
    assert sign.pae(a_type, a) == ReferenceEnvelope(a, a_type, {}).pae()
    assert (sign.pae(a_type, a) == sign.pae(b_type, b)) == ((a, a_type) == (b, b_type))


@given(st.binary(max_size=80))
def test_a_signature_of_other_bytes_or_another_length_does_not_verify(mark):
    private = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(32))
    key = sign.TrustedKey(id="", origin="", development=False, public=private.public_key())
    assert not key.verifies(mark, "text/plain", b"x")
    assert key.verifies(private.sign(sign.pae("text/plain", b"x")), "text/plain", b"x")


def test_an_independent_dsse_implementation_verifies_our_envelopes(place):
    receipt = place.record()
    key = SSlibKey.from_crypto(_public(place.settings), keyid=receipt.key_id)
    reference = ReferenceEnvelope.from_dict(msgspec.json.decode((receipt.bundle / ENVELOPE).read_bytes()))
    assert reference.verify([key], 1) == {receipt.key_id: key}


def _public(settings: Settings):
    return serialization.load_pem_public_key((settings.config_home / "development.pub.pem").read_bytes())


def test_the_commands_in_the_documentation_verify_a_bundle_by_hand(place):
    """docs/evidence.md tells a reviewer what to type; the block is run here as it stands there."""
    receipt = place.record()
    text = (Path(__file__).parents[1] / "docs" / "evidence.md").read_text()
    script = text.split("<!-- by hand -->\n```sh\n")[1].split("```")[0]
    variables = {
        "PATH": search_path(),
        "BUNDLE": str(receipt.bundle),
        "LEDGER": str(place.output / "ledger.jsonl"),
        "KEY": str(place.settings.config_home / "development.pub.pem"),
    }
    command = ["bash", "-euo", "pipefail", "-c", script]
    done = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Signature Verified Successfully" in done.stdout
    assert receipt.head in done.stdout
    facts = receipt.bundle / "facts.jsonl"
    facts.write_bytes(facts.read_bytes().replace(b"a", b"b", 1))
    done = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "facts.jsonl: FAILED" in done.stdout
