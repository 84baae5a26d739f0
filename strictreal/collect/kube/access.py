"""The way to a cluster: the user's kubeconfig, bounded requests, and a record of each.

A kubeconfig may name programs that give credentials, and whose server it is. So it is the user's (STRICTREAL_KUBECONFIG,
KUBECONFIG, ~/.kube/config), never the audited repository's: neither named by its configuration nor lying inside it.
"""

from __future__ import annotations

import contextlib
import json
import threading
import urllib.parse
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from strictreal.config import ClusterAccess
from strictreal.errors import BoundExceeded, StrictRealError
from strictreal.facts.cluster import KubeRequest
from strictreal.model import shortened
from strictreal.redact import redact

if TYPE_CHECKING:
    from kubernetes.client import ApiClient

PAGE = 500
"""Objects of a list that are asked for at once."""
MAX_OBJECTS = 20_000
"""Of one kind in one namespace."""
MAX_ANSWER = 64 * 1024 * 1024
"""Bytes of one answer."""
AT_ONCE = 8
"""Requests that run side by side."""
MAX_REASON = 300
FORBIDDEN, ABSENT, CONFLICT = 403, 404, 409

T = TypeVar("T")
R = TypeVar("R")


class ClusterError(StrictRealError):
    """The cluster cannot be reached, or does not answer what is asked. `status` is HTTP's; 0 where there was none."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(redact(shortened(" ".join(message.split()), MAX_REASON)))
        self.status = status


class Cluster:
    """One cluster, as one user sees it. Requests may be made from several threads.

    Args:
        client: the kubernetes package's, with the address and the credentials.
        seconds: that a request may take.
    """

    def __init__(self, client: ApiClient, seconds: float) -> None:
        self._client = client
        self._seconds = seconds
        self._asked: Counter[tuple[str, str, int]] = Counter()
        self._lock = threading.Lock()
        self._kinds: dict[str, dict[str, tuple[str, bool]]] = {}

    def close(self) -> None:
        """Let go of the connections."""
        self._client.rest_client.pool_manager.clear()

    def raw(
        self,
        verb: str,
        path: str,
        *,
        query: Mapping[str, str | int] = {},
        body: Any = None,
        as_user: str = "",
        as_groups: Iterable[str] = (),
        seconds: float = 0,
        most: int = MAX_ANSWER,
    ) -> tuple[int, bytes]:
        """One request: status and answer, whatever the status.

        Raises:
            ClusterError: no answer came in time.
            BoundExceeded: it is larger than `most` bytes.
        """
        asked = [*query.items()]
        words = urllib.parse.urlencode(asked)
        headers = {"Accept": "application/json"}
        self._client.update_params_for_auth(headers, asked, ["BearerToken"], path, verb, None)
        if as_user:
            headers["Impersonate-User"] = as_user
        url = f"{self._client.configuration.host}{path}" + (f"?{words}" if words else "")
        shown = path + (f"?{_shown(query)}" if _shown(query) else "")
        if body is not None:
            headers["Content-Type"] = "application/json"
        import urllib3

        many = urllib3.HTTPHeaderDict(headers)
        for group in as_groups:
            many.add("Impersonate-Group", group)
        status = 0
        try:
            answer = self._client.rest_client.pool_manager.request(
                verb,
                url,
                body=None if body is None else json.dumps(body).encode(),
                headers=many,
                timeout=seconds or self._seconds,
                preload_content=False,
                retries=False,
                redirect=False,
            )
            try:
                status = int(answer.status)
                data = answer.read(most + 1)
            finally:
                answer.release_conn()
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise ClusterError(f"{verb} {path}: {_said(error)}") from None
        finally:
            with self._lock:
                self._asked[verb, shown, status] += 1
        if len(data) > most:
            raise BoundExceeded(f"{path} answers more than {most} bytes (bound: answer of the API server)")
        return status, bytes(data)

    def call(self, verb: str, path: str, **keywords: Any) -> dict[str, Any]:
        """One request that is answered with an object.

        Raises:
            ClusterError: it is refused, or is answered with something else.
        """
        status, data = self.raw(verb, path, **keywords)
        try:
            found = json.loads(data) if data else {}
        except (ValueError, RecursionError):
            found = None
        if status >= 300 or not isinstance(found, dict):
            said = found.get("message", "") if isinstance(found, dict) else ""
            raise ClusterError(f"{verb} {path} is answered {status}" + (f": {said}" if said else ""), status)
        return found

    def get(self, path: str) -> dict[str, Any] | None:
        """An object; None where there is none."""
        try:
            return self.call("GET", path)
        except ClusterError as error:
            if error.status == ABSENT:
                return None
            raise

    def listed(self, path: str, **query: str) -> list[dict[str, Any]]:
        """All objects of a list, page by page.

        Raises:
            ClusterError: it cannot be read.
            BoundExceeded: there are more than MAX_OBJECTS.
        """
        found: list[dict[str, Any]] = []
        more = ""
        while True:
            words: dict[str, str | int] = {"limit": PAGE, **query}
            if more:
                words["continue"] = more
            page = self.call("GET", path, query=words)
            items = page.get("items") or []
            found += [{"apiVersion": page.get("apiVersion"), **i} for i in items if isinstance(i, dict)]
            if len(found) > MAX_OBJECTS:
                raise BoundExceeded(f"{path} has more than {MAX_OBJECTS} objects (bound: objects of a kind)")
            more = (page.get("metadata") or {}).get("continue") or ""
            if not more:
                return found

    def kind(self, api_version: str, kind: str) -> tuple[str, bool]:
        """The plural by which a kind is asked for, and whether its objects are in namespaces.

        Raises:
            ClusterError: the cluster does not have it.
        """
        if api_version not in self._kinds:
            said = self.get(base(api_version)) or {}
            resources = [entry for entry in said.get("resources", ()) if "/" not in entry["name"]]
            self._kinds[api_version] = {entry["kind"]: (entry["name"], entry["namespaced"]) for entry in resources}
        try:
            return self._kinds[api_version][kind]
        except KeyError:
            raise ClusterError(f"the cluster does not have {api_version} {kind}", ABSENT) from None

    def path(self, api_version: str, kind: str, namespace: str = "", name: str = "") -> str:
        """Where a kind's objects, or one of them, are asked for.

        Raises:
            ClusterError: the cluster does not have the kind.
        """
        plural, namespaced = self.kind(api_version, kind)
        inside = f"/namespaces/{_quoted(namespace)}" if namespaced and namespace else ""
        return f"{base(api_version)}{inside}/{plural}" + (f"/{_quoted(name)}" if name else "")

    def together(self, function: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
        """`function` of each item, a few at once, in order."""
        with ThreadPoolExecutor(AT_ONCE) as pool:
            yield from pool.map(function, items)

    def execute(self, namespace: str, pod: str, container: str, words: list[str], *, seconds: float) -> bytes:
        """What a program in a container prints.

        Raises:
            ClusterError: it cannot be started, or does not end in time.
        """
        from kubernetes import stream
        from kubernetes.client import ApiClient, CoreV1Api

        status = 0
        try:
            channel = stream.stream(
                CoreV1Api(ApiClient(self._client.configuration)).connect_get_namespaced_pod_exec,
                pod,
                namespace,
                container=container,
                command=words,
                stderr=True,
                stdout=True,
                stdin=False,
                tty=False,
                _preload_content=False,
                _request_timeout=seconds,
            )
            try:
                channel.run_forever(timeout=seconds)
                ended = not channel.is_open()
                said = str(channel.read_stdout(timeout=0) or "")
            finally:
                channel.close()
                channel.sock.shutdown()  # closing says so to the other end, and leaves the socket open
            status = 101
        except Exception as error:
            raise ClusterError(f"a program in {namespace}/{pod} cannot be started: {_said(error)}") from None
        finally:
            with self._lock:
                self._asked["GET", f"/api/v1/namespaces/{namespace}/pods/{pod}/exec", status] += 1
        if not ended:
            raise ClusterError(f"a program in {namespace}/{pod} took more than {seconds:g} s (bound: time in a pod)")
        return said.encode()

    @contextlib.contextmanager
    def websocket(self, path: str, protocol: str, query: str) -> Iterator[Any]:
        """A WebSocket to the API server, until the block ends.

        Raises:
            ClusterError: it is refused.
        """
        from kubernetes.stream.ws_client import create_websocket

        headers = {"sec-websocket-protocol": protocol}
        self._client.update_params_for_auth(headers, [], ["BearerToken"], path, "GET", None)
        headers = {name.lower(): value for name, value in headers.items()}
        url = f"{self._client.configuration.host}{path}?{query}".replace("http", "ws", 1)
        status = 0
        try:
            channel = create_websocket(self._client.configuration, url, headers)  # type: ignore[no-untyped-call]
            status = 101
        except Exception as error:
            raise ClusterError(f"GET {path} is not led through: {_said(error)}") from None
        finally:
            with self._lock:
                self._asked["GET", path, status] += 1
        try:
            yield channel
        finally:
            channel.close()
            channel.shutdown()  # closing leaves the socket open where the other end was the first to close

    @property
    def requests(self) -> list[KubeRequest]:
        """What has been asked so far."""
        with self._lock:
            return [
                KubeRequest(verb=verb, path=path, status=status, count=count)
                for (verb, path, status), count in sorted(self._asked.items())
            ]


def base(api_version: str) -> str:
    """Where the API server answers for a group and version."""
    return f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"


def _quoted(name: str) -> str:
    return urllib.parse.quote(name, safe="")


def _shown(query: Mapping[str, str | int]) -> str:
    return urllib.parse.urlencode({key: value for key, value in query.items() if key != "continue"})


def _said(error: Exception) -> str:
    """What an exception of urllib3 or of the socket says, without its addresses in memory."""
    cause = getattr(error, "reason", None) or error
    text = str(cause).partition("object at 0x")[2].partition(": ")[2] or str(cause)
    return f"{type(cause).__name__}: {text}" if text else type(cause).__name__


def connect(access: ClusterAccess, subject: Path) -> Cluster:
    """The cluster that the user's kubeconfig leads to.

    Args:
        subject: the audited repository, from which no kubeconfig is taken.

    Raises:
        ClusterError: there is no kubeconfig, it is the subject's, or it cannot be used.
    """
    from kubernetes import config as kubeconfig

    named = [Path(name) for name in access.kubeconfig]
    files = [path for path in named if path.is_file()]
    if not files:
        raise ClusterError(f"no kubeconfig: {', '.join(map(str, named)) or 'none is named'} is not there")
    if own := next((path for path in files if path.resolve().is_relative_to(subject.resolve())), None):
        raise ClusterError(f"{own} lies in the audited repository: a kubeconfig is the user's")
    try:
        client = kubeconfig.new_client_from_config(  # type: ignore[no-untyped-call]
            ":".join(map(str, files)), context=access.context or None, persist_config=False
        )
    except Exception as error:
        raise ClusterError(f"the kubeconfig cannot be used: {type(error).__name__}: {error}") from None
    return Cluster(client, access.seconds)
