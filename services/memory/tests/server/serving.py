"""The real server as a process of its own on loopback ports, certificates, and raw calls."""

from __future__ import annotations

import functools
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import grpc
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from sfm.client import Client, Tls
from sfm.memory.v1.memory_pb2_grpc import MemoryServiceStub

DIMENSION = 4
TOKEN = "test-token"
SETTINGS = {
    "SOMA_HOST": "127.0.0.1",
    "SOMA_PORT": "0",
    "SOMA_SIDE_PORT": "0",
    "SOMA_DIMENSION": str(DIMENSION),
    "SOMA_FEATURE_NAMES": "trust,heat",
    "SOMA_AUTH_DEV_TOKEN": TOKEN,
    "SOMA_READINESS_SECONDS": "0.02",
}
START_SECONDS = 60.0


@dataclass
class Server:
    """A running server.

    Attributes:
        ready: the first line of its standard output.
        log: file that has its standard error.
    """

    process: subprocess.Popen[str]
    ready: Mapping[str, Any]
    log: Path
    token: str = TOKEN
    channels: list[grpc.Channel] = field(default_factory=list)

    @property
    def target(self) -> str:
        """host:port of gRPC."""
        return str(self.ready["grpc"])

    def client(self, token: str | None = None, **options: Any) -> Client:
        """A client of ours; the caller closes it."""
        return Client(self.target, token=self.token if token is None else token, **options)

    def channel(self, **options: Any) -> grpc.Channel:
        """A plain channel, closed with the server."""
        made = grpc.insecure_channel(self.target, list(options.items()))
        self.channels.append(made)
        return made

    def stub(self) -> Any:
        """The generated stub, for requests that our client would not make."""
        return MemoryServiceStub(self.channel())  # type: ignore[no-untyped-call]

    @functools.cached_property
    def shared(self) -> Any:
        """One stub for many requests."""
        return self.stub()

    @functools.cached_property
    def plain(self) -> grpc.Channel:
        """One channel for many raw requests."""
        return self.channel()

    @property
    def bearer(self) -> tuple[tuple[str, str], ...]:
        """Metadata with the token."""
        return (("authorization", f"Bearer {self.token}"),)

    def get(self, path: str) -> tuple[int, str]:
        """Status and body of a page of the side port."""
        try:
            with urllib.request.urlopen(f"http://{self.ready['http']}{path}", timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def lines(self) -> list[dict[str, Any]]:
        """What it has logged."""
        return [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]

    def rss(self) -> int:
        """Resident bytes."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    def stop(self, seconds: float = 30.0) -> int:
        """SIGTERM, and the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(seconds)


def environment(folder: Path, settings: Mapping[str, str | None]) -> dict[str, str]:
    """The environment of a server: where programs are, our settings, and the test's; None takes one out."""
    found = {"PATH": os.pathsep.join(os.get_exec_path()), "HOME": str(folder)}
    found |= SETTINGS | {"SOMA_DATA_DIR": str(folder / "data")}
    for name, value in settings.items():
        found.pop(name, None)
        if value is not None:
            found[name] = value
    return found


@contextmanager
def serving(folder: Path, *, tls: Tls | None = None, wait: bool = True, **settings: str | None) -> Iterator[Server]:
    """A server with its data in a folder, ready unless it is not waited for; killed at the end if it still runs."""
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "log"
    with log.open("a") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "sfm", "serve"],
            stdout=subprocess.PIPE,
            stderr=errors,
            env=environment(folder, settings),
            text=True,
        )
    assert process.stdout
    try:
        line = process.stdout.readline()
        assert line, f"the server ended with {process.wait(10)}:\n{log.read_text()[-4000:]}"
        server = Server(process, json.loads(line), log)
        if wait:
            with server.client(tls=tls) as client:
                client.wait_until_serving(START_SECONDS)
        yield server
        for channel in server.channels:
            channel.close()
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        process.wait(30)
        process.stdout.close()


def until(condition: Any, seconds: float = 20.0) -> Any:
    """Wait for what a condition gives when it is true."""
    end = time.monotonic() + seconds
    while True:
        found = condition()
        if found:
            return found
        assert time.monotonic() < end, "it did not come true"
        time.sleep(0.02)


@dataclass(frozen=True)
class Authority:
    """A certificate authority made for one test."""

    folder: Path
    name: str

    def __post_init__(self) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        object.__setattr__(self, "_key", key)
        object.__setattr__(self, "_subject", _named(self.name))
        own = self._certificate(_named(self.name), key.public_key(), authority=True)
        self.roots.write_bytes(own.public_bytes(serialization.Encoding.PEM))

    @property
    def roots(self) -> Path:
        """PEM of the authority itself."""
        return self.folder / f"{self.name}.pem"

    def issue(self, name: str) -> tuple[Path, Path]:
        """PEM files of a certificate for 127.0.0.1 and of its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = self._certificate(_named(name), key.public_key(), authority=False)
        paths = self.folder / f"{self.name}-{name}.pem", self.folder / f"{self.name}-{name}.key"
        paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        paths[1].write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return paths

    def _certificate(self, subject: x509.Name, public: Any, *, authority: bool) -> x509.Certificate:
        now = datetime.now(UTC)
        made = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._subject)  # type: ignore[attr-defined]
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + timedelta(hours=1))
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        )
        if not authority:
            names = [x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))]
            made = made.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return made.sign(self._key, hashes.SHA256())  # type: ignore[attr-defined]


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
