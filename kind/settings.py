"""What kind/ takes from its surroundings: versions, places, and the environment, which is read here alone."""

from __future__ import annotations

import os
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
CLUSTER = "strictreal"
INFRA, SERVICE, CLIENTS, STRANGERS = "soma-infra", "soma", "soma-clients", "soma-strangers"
LOOPBACK, LOOPBACK_NAME = "127.0.0.1", "localhost"
MEMORY_PORT, ISSUER_PORT = 50053, 8080
"""Of the Services sfm and auth."""
SOCKET = Path("/run/strictreal-kind/docker.sock")
"""Of the engine that the offline way starts where none answers."""


@cache
def versions() -> dict[str, dict[str, Any]]:
    """versions.toml."""
    return tomllib.loads((HERE / "versions.toml").read_text("utf-8"))


def pin(table: str, name: str) -> str:
    """One version; KeyError when the file lacks it."""
    return str(versions()[table][name])


def cache_dir() -> Path:
    """Where what is built is kept, by the digest of what it is built from."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "strictreal-kind"


def kubeconfig() -> Path:
    """The cluster's own; the user's is not touched."""
    return cache_dir() / "kubeconfig"


def environment(**extra: str) -> dict[str, str]:
    """What a program is started with: the user's environment, our cluster, and `extra`."""
    own = {"KUBECONFIG": str(kubeconfig()), "LC_ALL": "C.UTF-8"}
    if SOCKET.exists():
        own["DOCKER_HOST"] = f"unix://{SOCKET}"
    return {**os.environ, **own, **extra}


def way() -> str:
    """KIND_WAY: published, offline, or "" for whichever the machine allows."""
    return os.environ.get("KIND_WAY", "")


def accepted_engine() -> str:
    """KIND_ACCEPT_ENGINE: the version of an older engine that the user takes upon themselves."""
    return os.environ.get("KIND_ACCEPT_ENGINE", "")
