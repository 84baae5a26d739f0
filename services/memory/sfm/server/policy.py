"""Whether a call is permitted, by Open Policy Agent over HTTP or by Rego judged in process. No clear yes is a no.

Both answer the document at /v1/data/sb/policy, which permits if its `allow` is true, for this input:

    {"method": "/sfm.memory.v1.MemoryService/Store", "tenant": "acme",
     "principal": {"subject": "…", "tenants": ["acme"], "roles": ["writer"]}, "bytes": 1234}
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any, Protocol

import aiohttp
import regorus
from common.config.settings import SettingsError, SMFSettings
from common.utils.auth_client import Principal
from common.utils.logger import fields
from common.utils.trace import headers

from sfm.server.refusals import Denied

DECISION = "sb/policy"
NO_ANSWER = "the policy gave no answer"
RULE = "data.sb.policy.allow"
SHIPPED = Path(__file__).resolve().parents[1] / "policy"
MAX_ANSWER_BYTES = 1 << 16
_log = logging.getLogger(__name__)
Question = Mapping[str, Any]


class Judge(Protocol):
    """Decides calls."""

    async def allows(self, question: Question) -> bool:
        """Whether the policy says yes, and nothing but yes. Never raises for want of an answer: that is a no."""
        ...


class RegoJudge:
    """Judges in process. The engine stays in the thread that made it, which must be that of the event loop.

    Args:
        folder: its .rego files, tests left out, and data.json are loaded.

    Raises:
        SettingsError: the folder holds no policy for the decision, or one that does not parse.
    """

    def __init__(self, folder: Path) -> None:
        self._engine = regorus.Engine()
        try:
            for path in sorted(folder.rglob("*.rego")):
                if not path.name.endswith("_test.rego"):
                    self._engine.add_policy(str(path), path.read_text())
            data = folder / "data.json"
            if data.exists():
                self._engine.add_data_json(data.read_text())
            self._engine.set_input_json("{}")
            self._engine.eval_rule(RULE)
        except (RuntimeError, OSError, UnicodeDecodeError) as error:
            raise SettingsError(f"policy_dir: {folder} has no usable {RULE}: {str(error).splitlines()[0]}") from None

    async def allows(self, question: Question) -> bool:
        """Ask the engine; takes microseconds.

        Raises:
            Denied: the policy cannot be evaluated.
        """
        try:
            self._engine.set_input_json(json.dumps(question))
            answer = self._engine.eval_rule(RULE)
        except RuntimeError as error:
            _log.warning("the policy gave no answer", extra=fields(reason=str(error).splitlines()[0]))
            raise Denied(NO_ANSWER) from error
        return answer is True


class OpaJudge:
    """Asks a server of Open Policy Agent.

    Args:
        url: http://host:port
        timeout_seconds: for one answer.
        session: makes the requests; stays open.
    """

    def __init__(self, url: str, timeout_seconds: float, session: aiohttp.ClientSession) -> None:
        self._url = f"{url.rstrip('/')}/v1/data/{DECISION}"
        self._timeout = aiohttp.ClientTimeout(total=timeout_seconds)
        self._session = session

    async def allows(self, question: Question) -> bool:
        """Ask the server. Any answer but true is a no.

        Raises:
            Denied: there is none: a timeout or an error, which stands in the log.
        """
        try:
            answer = await self._ask(question)
        except (aiohttp.ClientError, TimeoutError, ValueError, OSError) as error:
            _log.warning("the policy gave no answer", extra=fields(reason=type(error).__name__))
            raise Denied(NO_ANSWER) from error
        return isinstance(answer, dict) and answer.get("allow") is True

    async def _ask(self, question: Question) -> object:
        sent = self._session.post(
            self._url, json={"input": question}, headers=headers(), timeout=self._timeout, allow_redirects=False
        )
        async with sent as answer:
            if answer.status != HTTPStatus.OK:
                raise ValueError(f"status {answer.status}")
            body = bytearray()
            async for chunk in answer.content.iter_any():
                body += chunk
                if len(body) > MAX_ANSWER_BYTES:
                    raise ValueError("the answer is too large")
        found = json.loads(body)
        return found.get("result") if isinstance(found, dict) else None


def judge(settings: SMFSettings, session: aiohttp.ClientSession) -> Judge:
    """The judge that the settings name: OPA, a folder of policies, or else (not in strict mode) the shipped policy.

    Raises:
        SettingsError: the folder's policy is not usable.
    """
    if settings.opa_url:
        return OpaJudge(settings.opa_url, settings.policy_timeout_seconds, session)
    return RegoJudge(settings.policy_dir or SHIPPED)


async def admit(judge: Judge, method: str, tenant: str, principal: Principal, size: int) -> None:
    """Let a call pass that the policy permits.

    Args:
        size: bytes of the request.

    Raises:
        Denied: the policy did not say yes.
    """
    who = {"subject": principal.subject, "tenants": sorted(principal.tenants), "roles": sorted(principal.roles)}
    if not await judge.allows({"method": method, "tenant": tenant, "principal": who, "bytes": size}):
        _log.warning("denied", extra=fields(method=method, tenant=tenant, subject=principal.subject))
        raise Denied("the policy does not permit this call")
