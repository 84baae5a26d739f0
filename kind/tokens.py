"""A token of the stack's Keycloak that lasts for hours, for one tenant: its client is gone before it is used."""

from __future__ import annotations

import json
import secrets
import urllib.parse
import urllib.request
from typing import Any

from kind import stack
from kind.forwarding import Forward
from kind.settings import INFRA, ISSUER_PORT, LOOPBACK

HOURS = 6
SECONDS = 60


def long_lived(tenant: str, role: str = "writer", hours: int = HOURS) -> str:
    """An access token for a tenant."""
    password = stack.held(INFRA, "auth", "KC_BOOTSTRAP_ADMIN_PASSWORD")
    secret = secrets.token_urlsafe(32)
    body = {
        "clientId": f"kind-{tenant}",
        "secret": secret,
        "publicClient": False,
        "standardFlowEnabled": False,
        "serviceAccountsEnabled": True,
        "defaultClientScopes": ["basic"],
        "attributes": {"access.token.lifespan": str(hours * 3600)},
        "protocolMappers": [
            mapper("oidc-audience-mapper", "audience", {"included.custom.audience": "soma"}),
            claim("tenants", [tenant]),
            claim("roles", [role]),
        ],
    }
    with Forward(INFRA, "service/auth", ISSUER_PORT) as forward:
        base = f"http://{LOOPBACK}:{forward.port}"
        admin = {"grant_type": "password", "client_id": "admin-cli", "username": "admin", "password": password}
        headers = {"Authorization": f"Bearer {granted(base, 'master', admin)}", "Content-Type": "application/json"}
        clients = f"{base}/admin/realms/soma/clients"
        made = asked("POST", clients, json.dumps(body).encode(), headers)["Location"]
        form = {"grant_type": "client_credentials", "client_id": body["clientId"], "client_secret": secret}
        try:
            return granted(base, "soma", form)
        finally:
            asked("DELETE", f"{clients}/{made.rpartition('/')[2]}", None, headers)


def granted(base: str, realm: str, form: dict[str, Any]) -> str:
    """The access token that a realm grants."""
    url = f"{base}/realms/{realm}/protocol/openid-connect/token"
    with urllib.request.urlopen(url, urllib.parse.urlencode(form).encode(), timeout=SECONDS) as answer:  # noqa: S310 -- http
        return str(json.load(answer)["access_token"])


def asked(method: str, url: str, body: bytes | None, headers: dict[str, str]) -> Any:
    """The headers of an answer."""
    request = urllib.request.Request(url, body, headers, method=method)  # noqa: S310 -- http
    with urllib.request.urlopen(request, timeout=SECONDS) as answer:  # noqa: S310 -- http
        return answer.headers


def claim(name: str, values: list[str]) -> dict[str, Any]:
    """A mapper that gives every token a list."""
    value = {"claim.name": name, "claim.value": json.dumps(values), "jsonType.label": "JSON"}
    return mapper("oidc-hardcoded-claim-mapper", name, value)


def mapper(kind: str, name: str, more: dict[str, str]) -> dict[str, Any]:
    """A protocol mapper, for access tokens alone."""
    config = {"access.token.claim": "true", "id.token.claim": "false", **more}
    return {"name": name, "protocol": "openid-connect", "protocolMapper": kind, "config": config}
