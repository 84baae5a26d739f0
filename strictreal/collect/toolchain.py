"""What this machine has: the engines in this installation, and the real binaries that lanes and strict mode ask for."""

from __future__ import annotations

import platform
import re
import subprocess

import msgspec

from strictreal import programs

_PACKAGES = {
    "semgrep": "patterns in every language but Python",
    "helm-python-sdk": "renders charts in process",
    "kubernetes-validate": "the JSON schemas of Kubernetes",
    "jsonschema-rs": "judges manifests by them",
    "kubernetes": "reads a cluster",
    "gordon-to-regorus": "evaluates Rego in process",
    "cryptography": "signs bundles",
    "pytest": "runs the checks",
}
_BINARIES = {
    "git": (("git", "--version"), "embedded", "names the revision; without it a folder is walked"),
    "opa": (("opa", "version"), "strict", "judges policies where the embedded engine is not authoritative; parity"),
    "helm": (("helm", "version", "--short"), "kind", "renders for a configured Kubernetes version; installs charts"),
    "kubectl": (("kubectl", "version", "--client"), "kind", "talks to the cluster"),
    "kind": (("kind", "version"), "kind", "makes the cluster"),
    "docker": (("docker", "--version"), "kind", "runs the cluster's nodes"),
    "trivy": (("trivy", "--version"), "kind", "finds known vulnerabilities"),
}
PROBE_SECONDS = 10


class Tool(msgspec.Struct, frozen=True, kw_only=True):
    """One tool: its version, or "" where it is absent."""

    name: str
    version: str
    needed_by: str
    """The lane that needs it, or `strict`; `embedded` tools come with the installation."""
    serves: str


def packages() -> dict[str, str]:
    """Versions of the engines that took part in an audit, by package name; absent ones are left out."""
    found = {"python": platform.python_version()}
    for name in _PACKAGES:
        if version := programs.package_version(name):
            found[name] = version
    return found


def tools() -> list[Tool]:
    """Every tool that strictreal can use, present or not. Starts each binary once to ask for its version."""
    found = [Tool(name="python", version=platform.python_version(), needed_by="embedded", serves="runs strictreal")]
    for name, serves in _PACKAGES.items():
        found.append(Tool(name=name, version=programs.package_version(name), needed_by="embedded", serves=serves))
    for name, (command, lane, serves) in _BINARIES.items():
        found.append(Tool(name=name, version=_binary(command), needed_by=lane, serves=serves))
    return found


def _binary(command: tuple[str, ...]) -> str:
    path = programs.find(command[0])
    if not path:
        return ""
    try:
        done = subprocess.run((path, *command[1:]), capture_output=True, timeout=PROBE_SECONDS, check=False, text=True)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"does not run: {error}"[:100]
    version = re.search(r"\d{1,6}\.\d{1,6}(?:\.\d{1,6})?[\w.+-]{0,40}", done.stdout + done.stderr)
    return version[0] if version else "unknown"
