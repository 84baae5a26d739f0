"""Ed25519 signatures over DSSE's pre-authentication encoding, and the keys that make and check them.

The id of a key is the SHA-256 of its public half (DER, SubjectPublicKeyInfo). It says which key to look for and never
decides trust: only keys that the verifier names are tried.

A development key tells what it is by itself, wherever its file lies and whatever names it: the second half of its seed
is made of the first, which no other key has by chance.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from strictreal.config import Settings
from strictreal.errors import ConfigurationError, StrictRealError
from strictreal.evidence import disk
from strictreal.model import digest

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

DEVELOPMENT_KEY, DEVELOPMENT_PUBLIC_KEY = "development.pem", "development.pub.pem"
MAX_KEY_BYTES = 16 * 1024
HALF_SEED = 16
"""Bytes of a development key's seed that are random: 128 bits, as strong as an Ed25519 signature is."""
DEVELOPMENT, CONFIGURED, NONE = "development", "configured", "none"


class Signer(msgspec.Struct, frozen=True, kw_only=True):
    """Who signs a bundle. Without a key, `kind` is `none` and `reason` says why."""

    kind: str
    key_id: str = ""
    reason: str = ""
    private: object = None

    def __repr__(self) -> str:
        return f"Signer({self.kind} {self.key_id[:16]})"

    def sign(self, payload_type: str, payload: bytes) -> bytes:
        """64 bytes; empty without a key."""
        if self.private is None:
            return b""
        key: Ed25519PrivateKey = self.private  # type: ignore[assignment]
        return key.sign(pae(payload_type, payload))


class TrustedKey(msgspec.Struct, frozen=True, kw_only=True):
    """A public key that the verifier trusts, and the file that says so."""

    id: str
    origin: str
    development: bool
    public: object

    def verifies(self, signature: bytes, payload_type: str, payload: bytes) -> bool:
        """Whether this key made the signature."""
        from cryptography.exceptions import InvalidSignature

        key: Ed25519PublicKey = self.public  # type: ignore[assignment]
        try:
            key.verify(signature, pae(payload_type, payload))
        except InvalidSignature:
            return False
        return True


def pae(payload_type: str, payload: bytes) -> bytes:
    """DSSE's pre-authentication encoding: type and payload with their lengths in bytes, so that neither can slide."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def unsigned(reason: str) -> Signer:
    """No key; the bundle says so in every view."""
    return Signer(kind=NONE, reason=reason)


def signer(settings: Settings) -> Signer:
    """The configured key, or else the development key, made on first use.

    A development key that cannot be made or read leaves the bundle unsigned; a configured one that cannot be used is an
    error, since whoever named it relies on it.

    Raises:
        ConfigurationError: the configured key is missing, unreadable, encrypted, not Ed25519, or readable by others.
    """
    if settings.signing_key is not None:
        private = _private_key(settings.signing_key)
        kind = DEVELOPMENT if _is_development(private, settings) else CONFIGURED
        return Signer(kind=kind, key_id=_key_id(private.public_key()), private=private)
    path = settings.config_home / DEVELOPMENT_KEY
    try:
        if not path.exists():
            _make_development_key(settings.config_home)
        private = _private_key(path)
    except (OSError, StrictRealError) as error:
        return unsigned(f"no development key: {error}")
    return Signer(kind=DEVELOPMENT, key_id=_key_id(private.public_key()), private=private)


def trusted(settings: Settings, extra: Iterable[Path] = ()) -> tuple[TrustedKey, ...]:
    """The keys that this verifier trusts: those named and those of the settings, or else its own development key.

    Raises:
        ConfigurationError: a key file is missing or is not an Ed25519 public key.
    """
    keys = [_trusted(path) for path in (*extra, *settings.trusted_keys)]
    own = settings.config_home / DEVELOPMENT_KEY
    if not keys and own.exists():
        public = _private_key(own).public_key()
        keys.append(TrustedKey(id=_key_id(public), origin=str(own), development=True, public=public))
    return tuple(keys)


def _trusted(path: Path) -> TrustedKey:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    data, _ = _read_key(path)
    if b"PRIVATE KEY" in data:
        raise ConfigurationError(f"{path}: a private key; name the public one (openssl pkey -in {path.name} -pubout)")
    try:
        public = load_pem_public_key(data)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise ConfigurationError(f"{path}: not a public key in PEM: {error}") from error
    if not isinstance(public, Ed25519PublicKey):
        raise ConfigurationError(f"{path}: not an Ed25519 key")
    return TrustedKey(id=_key_id(public), origin=str(path), development=False, public=public)


def _private_key(path: Path) -> Ed25519PrivateKey:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    data, mode = _read_key(path)
    if mode & 0o077:
        raise ConfigurationError(f"{path}: others may read this key (mode {mode & 0o777:04o}); chmod 600 {path}")
    try:
        private = load_pem_private_key(data, password=None)
    except TypeError as error:
        raise ConfigurationError(
            f"{path}: encrypted, and nobody is there to type the passphrase; decrypt it with openssl pkey"
        ) from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise ConfigurationError(f"{path}: not a private key in PEM (PKCS #8)") from error
    if not isinstance(private, Ed25519PrivateKey):
        raise ConfigurationError(f"{path}: not an Ed25519 key; make one with openssl genpkey -algorithm ed25519")
    return private


def _read_key(path: Path) -> tuple[bytes, int]:
    """Bytes and mode of a key file. A link is followed: mounted secrets are links."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            if odd := disk.kind(status.st_mode):
                raise ConfigurationError(f"{path}: {odd}, not a key file")
            data = file.read(MAX_KEY_BYTES + 1)
    except FileNotFoundError as error:
        raise ConfigurationError(f"{path}: there is no such key file") from error
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read: {error.strerror}") from error
    if len(data) > MAX_KEY_BYTES:
        raise ConfigurationError(f"{path}: larger than {MAX_KEY_BYTES} bytes (bound: key file)")
    return data, status.st_mode


def _key_id(public: Ed25519PublicKey) -> str:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return digest(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))


def _is_development(private: Ed25519PrivateKey, settings: Settings) -> bool:
    """Whether a key was made as a development key: by its seed, or, of one made before seeds told, by its file."""
    seed = private.private_bytes_raw()
    if seed == _development_seed(seed[:HALF_SEED]):
        return True
    homes = [settings.config_home]
    if settings.signing_key is not None:
        homes.append(Path(os.path.realpath(settings.signing_key)).parent)
    return _key_id(private.public_key()) in {_development_key_id(home) for home in homes}


def _development_seed(half: bytes) -> bytes:
    """The 32 bytes of a development key's seed whose first half is given."""
    return half + hashlib.sha256(b"strictreal development key" + half).digest()[:HALF_SEED]


def _development_key_id(home: Path) -> str:
    path = home / DEVELOPMENT_KEY
    with suppress(ConfigurationError, OSError):
        return _key_id(_private_key(path).public_key()) if path.exists() else ""
    return ""


def _make_development_key(home: Path) -> None:
    """A new key in `home`, whole or not at all; of two processes at once, the first one's key stays."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    private = Ed25519PrivateKey.from_private_bytes(_development_seed(os.urandom(HALF_SEED)))
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    public = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    with disk.locked(home / ".lock"):
        if (home / DEVELOPMENT_KEY).exists():
            return
        disk.replace(home / DEVELOPMENT_PUBLIC_KEY, public, mode=0o644)
        disk.replace(home / DEVELOPMENT_KEY, pem, mode=0o600)
