"""Version gates: what was found, whether it is new enough, and what to do when it is not."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

REMEDY = {
    "kubectl": "install a newer kubectl, or use the offline way, which builds one: KIND_WAY=offline",
    "helm": "install a newer helm 3, or use the offline way, which builds one: KIND_WAY=offline",
    "kind": "install a newer kind, or use the offline way, which builds one: KIND_WAY=offline",
    "docker": "install a newer engine, or take this one upon yourself: KIND_ACCEPT_ENGINE={found}",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What a gate found."""

    tool: str
    oldest: str
    found: str
    """The version, or "" when the tool is missing or says none."""
    override: str = ""
    """Why an older one passes; recorded in the cluster's state."""

    @property
    def passes(self) -> bool:
        """New enough, or taken on purpose."""
        return bool(self.found) and (order(self.found) >= order(self.oldest) or bool(self.override))

    def __str__(self) -> str:
        """What was found, and what to do."""
        if not self.found:
            return f"{self.tool}: none was found that says its version; {self.oldest} or later is needed: {self.remedy}"
        if not self.passes:
            return f"{self.tool} {self.found} is older than {self.oldest}: {self.remedy}"
        accepted = f", older than {self.oldest}: {self.override}" if order(self.found) < order(self.oldest) else ""
        return f"{self.tool} {self.found}{accepted}"

    @property
    def remedy(self) -> str:
        """What the user can do."""
        return REMEDY[self.tool].format(found=self.found or "VERSION")


def order(version: str) -> tuple[int, ...]:
    """A version's numbers, three of them: 20.10.24+dfsg1 is (20, 10, 24), 24 is (24, 0, 0)."""
    numbers = re.findall(r"\d+", re.split(r"[+~-]", version, maxsplit=1)[0])[:3]
    return tuple(int(n) for n in (*numbers, "0", "0", "0"))[:3]


def kubectl_version(text: str) -> str:
    """From `kubectl version --client --output json`."""
    return _json(text, "clientVersion", "gitVersion")


def helm_version(text: str) -> str:
    """From `helm version --short`: v3.13.1+g3547a4b."""
    return _first(text)


def kind_version(text: str) -> str:
    """From `kind version`: kind v0.30.0 go1.24.6 linux/amd64."""
    return _first(text)


def docker_version(text: str) -> str:
    """The engine's, from `docker version --format '{{json .}}'`: the client's says nothing about it."""
    return _json(text, "Server", "Version")


READ: Mapping[str, Callable[[str], str]] = {
    "kubectl": kubectl_version,
    "helm": helm_version,
    "kind": kind_version,
    "docker": docker_version,
}
ASK: Mapping[str, tuple[str, ...]] = {
    "kubectl": ("kubectl", "version", "--client", "--output", "json"),
    "helm": ("helm", "version", "--short"),
    "kind": ("kind", "version"),
    "docker": ("docker", "version", "--format", "{{json .}}"),
}


def decide(tool: str, oldest: str, printed: str, accepted: Mapping[str, str] | None = None) -> Decision:
    """Judge one tool.

    Args:
        tool: a key of ASK.
        oldest: the oldest version that passes.
        printed: what the tool printed; "" when it is missing.
        accepted: older versions that pass all the same, and why.
    """
    found = READ[tool](printed)
    override = (accepted or {}).get(".".join(map(str, order(found)))) if found else None
    return Decision(tool=tool, oldest=oldest, found=found, override=override or "")


def _first(text: str) -> str:
    match = re.search(r"\bv(\d+\.\d+[0-9A-Za-z.+-]*)", text)
    return match[1] if match else ""


def _json(text: str, *path: str) -> str:
    try:
        value = json.loads(text)
    except ValueError:
        return ""
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return str(value or "").removeprefix("v")
