"""Real tokens of a Keycloak realm in the cluster: clients of the run's own, made with the claims of each caller.

The realm is the one that the service trusts, by the issuer in its settings. Who administers it is read as the pods behind
the issuer's Service have it: KC_BOOTSTRAP_ADMIN_PASSWORD of a Secret that they mount, which the user's kubeconfig may or
may not read. Clients bear the run's name and are removed at its end; what a run that was killed has left is removed by
one that comes an hour later.
"""

from __future__ import annotations

import contextlib
import json
import re
import secrets
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from strictreal.collect.kube.access import Cluster, ClusterError
from strictreal.collect.kube.forward import forwarded
from strictreal.collect.service import released
from strictreal.collect.service.scenario import TENANTS
from strictreal.errors import StrictRealError

ADMIN_PASSWORD, ADMIN_NAME = "KC_BOOTSTRAP_ADMIN_PASSWORD", "KC_BOOTSTRAP_ADMIN_USERNAME"
MASTER, COMMAND_LINE = "master", "admin-cli"
MADE = "strictreal.made"
"""The attribute of a client that tells when it was made, in seconds since the Unix epoch."""
STALE_SECONDS = 3600
LIFETIME_SECONDS, SHORT_SECONDS = 3600, 1
ANSWER_SECONDS = 30
MAX_ANSWER = 4 * 1024 * 1024
_ADDRESS = re.compile(r"(?P<service>[a-z0-9-]+)\.(?P<namespace>[a-z0-9-]+)(?:\.svc(?:\.[a-z0-9.-]+)?)?")
_REALM = re.compile(r"/realms/(?P<realm>[A-Za-z0-9_-]+)/?")


class Caller(NamedTuple):
    """Whose token is asked for."""

    name: str
    tenants: list[str]
    roles: list[str]
    audience: str
    lasts: int = LIFETIME_SECONDS
    """Seconds."""


class Tokens(NamedTuple):
    """Bearer tokens by caller, and the moment, by time.time(), from which the expired one is refused."""

    by_caller: dict[str, str]
    expired_at: float


def callers(run: str, audience: str) -> list[Caller]:
    """Those of the scenario, but for nobody and the forger."""
    everywhere = [f"{tenant}{run}" for tenant in TENANTS]
    return [
        Caller("operator", everywhere, ["writer"], audience),
        Caller("reader", everywhere, ["reader"], audience),
        Caller("stranger", ["elsewhere"], ["writer"], audience),
        Caller("expired", everywhere, ["writer"], audience, SHORT_SECONDS),
        Caller("other audience", everywhere, ["writer"], "another"),
    ]


@contextlib.contextmanager
def tokens(cluster: Cluster, said: Mapping[str, str], run: str) -> Iterator[Tokens]:
    """A token of each caller; the clients that they were issued to are gone afterwards.

    Args:
        said: the service's settings.
        run: what the run's tenants and clients are told by.

    Raises:
        ClusterError: the issuer is no Keycloak in the cluster, or its administrator is not to be had.
        StrictRealError: it does not answer as it should.
    """
    service, realm = _issuer(cluster, said["auth_issuer"])
    leeway = released.leeway(said)
    pod = released.ready_pod(cluster, service, seconds=10)
    name, password = _administrator(cluster, service.namespace, pod)
    with forwarded(cluster, service.namespace, pod.name, pod.port) as address:
        keycloak = Keycloak(f"http://{address}", realm, name, password)
        keycloak.sweep()
        made: list[str] = []
        try:
            found = {}
            for caller in callers(run, said["auth_audience"]):
                client, secret = keycloak.make(caller, run, said)
                made.append(client)
                found[caller.name] = keycloak.token(f"strictreal{run}-{_slug(caller.name)}", secret)
            head, body, signature = found["operator"].split(".")
            found["forged"] = f"{head}.{body}.{signature[::-1]}"
            yield Tokens(found, time.time() + SHORT_SECONDS + leeway + 1)
        finally:
            for client in made:
                with contextlib.suppress(StrictRealError):  # the next run that comes an hour later sees to it
                    keycloak.remove(client)


def _issuer(cluster: Cluster, url: str) -> tuple[released.Endpoint, str]:
    """The Service and the realm of an issuer.

    Raises:
        ClusterError: it is none of a Keycloak that the cluster runs and that is reached in clear text.
    """
    parts = urllib.parse.urlsplit(url)
    place, path = _ADDRESS.fullmatch(parts.hostname or ""), _REALM.fullmatch(parts.path)
    if parts.scheme != "http" or not place or not path:
        raise ClusterError(
            f"the issuer {url[:200]} is no realm of a Keycloak inside the cluster: nobody can be a caller"
        )
    found = released.named(cluster, place["namespace"], place["service"], parts.port or 80)
    return found, path["realm"]


def _administrator(cluster: Cluster, namespace: str, pod: released.Pod) -> tuple[str, str]:
    """Name and password of who administers a Keycloak.

    Raises:
        ClusterError: no Secret that its pod mounts has them, or the user may not read it.
    """
    for volume in pod.spec.get("volumes") or ():
        if name := (volume.get("secret") or {}).get("secretName"):
            held = cluster.call("GET", f"/api/v1/namespaces/{namespace}/secrets/{name}").get("data") or {}
            if password := released.value(held, ADMIN_PASSWORD):
                return released.value(held, ADMIN_NAME).decode() or "admin", password.decode()
    raise ClusterError(f"no Secret of {namespace}/{pod.name} has {ADMIN_PASSWORD}: no client can be made for the run")


class Keycloak:
    """The administration of one realm.

    Args:
        url: scheme, host and port.
    """

    def __init__(self, url: str, realm: str, name: str, password: str) -> None:
        self._url, self._realm = url, realm
        self._credentials = {
            "grant_type": "password",
            "client_id": COMMAND_LINE,
            "username": name,
            "password": password,
        }
        self._open = urllib.request.build_opener(urllib.request.ProxyHandler({})).open

    def make(self, caller: Caller, run: str, said: Mapping[str, str]) -> tuple[str, str]:
        """Make a client for a caller: its id at Keycloak, and its secret.

        Raises:
            StrictRealError: it is refused.
        """
        secret = secrets.token_urlsafe(32)
        body = {
            "clientId": f"strictreal{run}-{_slug(caller.name)}",
            "secret": secret,
            "protocol": "openid-connect",
            "publicClient": False,
            "standardFlowEnabled": False,
            "directAccessGrantsEnabled": False,
            "serviceAccountsEnabled": True,
            "fullScopeAllowed": False,
            "defaultClientScopes": ["basic"],
            "optionalClientScopes": [],
            "attributes": {"access.token.lifespan": str(caller.lasts), MADE: str(int(time.time()))},
            "protocolMappers": [
                _mapper("oidc-audience-mapper", "audience", {"included.custom.audience": caller.audience}),
                _claim(said["auth_tenants_claim"], caller.tenants),
                _claim(said["auth_roles_claim"], caller.roles),
            ],
        }
        _, headers = self._ask("POST", "clients", json.dumps(body).encode())
        return headers.get("Location", "").rpartition("/")[2], secret

    def token(self, client: str, secret: str) -> str:
        """The access token of a client, by its own credentials.

        Raises:
            StrictRealError: there is none.
        """
        form = {"grant_type": "client_credentials", "client_id": client, "client_secret": secret}
        return self._granted(self._realm, form)

    def remove(self, id: str) -> None:
        """Forget a client.

        Raises:
            StrictRealError: it is still there.
        """
        self._ask("DELETE", f"clients/{urllib.parse.quote(id, safe='')}")

    def sweep(self) -> None:
        """Forget the clients of runs that were killed.

        Raises:
            StrictRealError: the realm cannot be administered.
        """
        words = urllib.parse.urlencode({"clientId": "strictreal-", "search": "true", "max": 200})
        data, _ = self._ask("GET", f"clients?{words}")
        for client in _json(data):
            made = str((client.get("attributes") or {}).get(MADE, ""))
            if made.isdecimal() and int(made) < time.time() - STALE_SECONDS:
                self.remove(client["id"])

    def _granted(self, realm: str, form: Mapping[str, str]) -> str:
        path = f"/realms/{realm}/protocol/openid-connect/token"
        data, _ = self._send("POST", path, urllib.parse.urlencode(form).encode(), {})
        token = _json(data).get("access_token")
        if not isinstance(token, str):
            raise StrictRealError(f"{path} grants no token")
        return token

    def _ask(self, method: str, path: str, body: bytes | None = None) -> tuple[bytes, Mapping[str, str]]:
        """One request as the administrator, whose tokens last a minute."""
        headers = {
            "Authorization": f"Bearer {self._granted(MASTER, self._credentials)}",
            "Content-Type": "application/json",
        }
        return self._send(method, f"/admin/realms/{self._realm}/{path}", body, headers)

    def _send(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]
    ) -> tuple[bytes, Mapping[str, str]]:
        request = urllib.request.Request(f"{self._url}{path}", body, dict(headers), method=method)  # noqa: S310 -- http
        plain = path.partition("?")[0]
        try:
            with self._open(request, timeout=ANSWER_SECONDS) as answer:
                data = answer.read(MAX_ANSWER + 1)
                if len(data) > MAX_ANSWER:
                    raise StrictRealError(f"{plain} answers more than {MAX_ANSWER} bytes (bound: answer of the issuer)")
                return data, answer.headers
        except urllib.error.HTTPError as error:
            error.close()
            raise StrictRealError(f"{method} {plain} is answered {error.code}") from None
        except OSError as error:
            raise StrictRealError(f"{method} {plain}: {type(error).__name__}") from None


def _slug(name: str) -> str:
    return name.replace(" ", "-")


def _json(data: bytes) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        raise StrictRealError("the issuer answers with something that is no JSON") from None


def _claim(name: str, names: list[str]) -> dict[str, Any]:
    value = {"claim.name": name, "claim.value": json.dumps(names), "jsonType.label": "JSON"}
    return _mapper("oidc-hardcoded-claim-mapper", name, value)


def _mapper(kind: str, name: str, more: Mapping[str, str]) -> dict[str, Any]:
    config = {"access.token.claim": "true", "id.token.claim": "false", **more}
    return {"name": name, "protocol": "openid-connect", "protocolMapper": kind, "config": config}
