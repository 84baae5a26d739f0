"""Who may call, made for one run: a certificate for loopback, and an issuer of tokens whose keys it serves itself."""

from __future__ import annotations

import datetime
import http.server
import ipaddress
import json
import threading
from collections.abc import Sequence
from pathlib import Path

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

LOOPBACK = "127.0.0.1"
KEY_ID = "run"
HOUR = datetime.timedelta(hours=1)


class Certificate:
    """A certificate for 127.0.0.1 that signs itself, valid for an hour, written as PEM into a folder."""

    def __init__(self, folder: Path) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "strictreal")])
        now = datetime.datetime.now(datetime.UTC)
        certificate = (
            x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
            .not_valid_before(now - HOUR)
            .not_valid_after(now + HOUR)
            .add_extension(
                x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(LOOPBACK))]), critical=False
            )
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .sign(key, hashes.SHA256())
        )
        self.pem = certificate.public_bytes(serialization.Encoding.PEM)
        self.path, self.key_path = folder / "server.pem", folder / "server.key"
        self.path.write_bytes(self.pem)
        self.key_path.touch(mode=0o600)
        self.key_path.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )


class Issuer:
    """An issuer of bearer tokens: serves its key set on a loopback port until it is closed."""

    host = LOOPBACK
    audience = "soma"

    def __init__(self) -> None:
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        keys = json.dumps({"keys": [self._public()]}).encode()

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(keys)))
                self.end_headers()
                self.wfile.write(keys)

            def log_message(self, format: str, *arguments: object) -> None:
                """Requests are the business of the transcript."""

        self._server = http.server.ThreadingHTTPServer((LOOPBACK, 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        self.url = f"http://{LOOPBACK}:{self._server.server_address[1]}"

    def close(self) -> None:
        """Stop serving the key set."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def jwks_url(self) -> str:
        """Where the key set is."""
        return f"{self.url}/jwks.json"

    def token(
        self,
        subject: str,
        tenants: Sequence[str],
        roles: Sequence[str],
        *,
        lasts: datetime.timedelta = HOUR,
        audience: str = audience,
    ) -> str:
        """A signed token; with a negative `lasts` it has expired."""
        now = datetime.datetime.now(datetime.UTC)
        claims = {
            "iss": self.url,
            "aud": audience,
            "sub": subject,
            "iat": now - HOUR,
            "nbf": now - HOUR,
            "exp": now + lasts,
            "tenants": list(tenants),
            "roles": list(roles),
        }
        return jwt.encode(claims, self._key, algorithm="RS256", headers={"kid": KEY_ID})

    def _public(self) -> dict[str, str]:
        found: dict[str, str] = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self._key.public_key()))
        return found | {"kid": KEY_ID, "use": "sig", "alg": "RS256"}
