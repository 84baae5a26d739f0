"""Helm: the SDK in this process, and the `helm` program where a Kubernetes version is asked for.

The SDK is a Go library, and a Go runtime survives neither a fork nor a bound on memory: whatever loads it runs in a
bounded worker process, never in the parent. In a worker, templates reach nothing: `lookup` finds nothing,
`getHostByName` is empty, `env` does not exist, `.Files` stays inside the chart, and no post-renderer is run.
"""

from __future__ import annotations

import contextlib
import faulthandler
import importlib.metadata
import os
import re
import subprocess
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from strictreal import programs
from strictreal.errors import BoundExceeded

MAX_RENDER_BYTES = 32 * 1024 * 1024
MESSAGE_ENDS = 250, 400
"""Characters kept of the beginning and of the end of a long message."""
"""All that one chart renders to with one set of values."""
_PROBE = "{{ .Capabilities.KubeVersion.Version }} {{ .Capabilities.HelmVersion.Version }}"
_PLACE = re.compile(r"([\w.-]{1,100}(?:/[\w.@+-]{1,200}){1,20}):([0-9]{1,7})(?::[0-9]{1,7})?")
_LONGEST_NAME = 99
_SOURCE = re.compile(r"^---\n# Source: (.{1,1000})$", re.MULTILINE)


class HelmFailure(Exception):
    """Helm refuses the chart. `template` and `line` say where, as far as Helm does ("" and 0 otherwise)."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        places = _PLACE.findall(message)
        self.template: str = places[-1][0] if places else ""
        self.line = int(places[-1][1]) if places else 0


@dataclass(frozen=True)
class Engine:
    """What rendered: `helm-sdk v4.2.3`, and the Kubernetes version that templates saw."""

    name: str
    kubernetes: str


@cache
def package_version() -> str:
    """The installed version of helm-python-sdk, without loading it."""
    return importlib.metadata.version("helm-python-sdk")


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep what the Go runtime, or Python for it, writes when it dies off the user's terminal. Only in a worker."""
    faulthandler.disable()
    saved, null = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(null, 2)
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(null)


class LoadedChart:
    """A chart in the SDK, loaded from memory: nothing is written to a disk. Use only inside a bounded worker.

    Args:
        files: its files by path below its folder.

    Raises:
        HelmFailure: Helm cannot load it.
    """

    def __init__(self, files: Mapping[str, bytes]) -> None:
        import helm_python  # loads the Go runtime

        self._helm = helm_python
        self._chart = self._call(helm_python.Chart.load_archive, _packed(files))

    def _call(self, function: Any, *arguments: Any, **keywords: Any) -> Any:
        try:
            return function(*arguments, **keywords)
        except self._helm.HelmError as error:
            raise HelmFailure(_readable(str(error))) from None

    def render(self, overlay: str, release: str, namespace: str) -> dict[str, str]:
        """What each template writes, by its path from the chart's name on, without NOTES.txt.

        Args:
            overlay: YAML text of the values on top of the chart's own.

        Raises:
            HelmFailure: the values or a template are at fault.
            BoundExceeded: it writes more than MAX_RENDER_BYTES.
        """
        values = self._call(self._helm.values_from_yaml, overlay) if overlay.strip() else None
        texts: dict[str, str] = self._call(self._chart.render, values, name=release, namespace=namespace)
        _bound(texts)
        return {name: text for name, text in sorted(texts.items()) if not name.endswith("NOTES.txt")}


def parsed(kind: str, text: str) -> dict[str, Any]:
    """The values that Helm reads in a text. Only inside a bounded worker.

    Args:
        kind: `yaml` for a values file, else the option whose expression it is: `set`, `set-string`, `set-json`,
            `set-literal`.

    Raises:
        HelmFailure: Helm refuses it.
    """
    import helm_python

    readers = {
        "yaml": helm_python.values_from_yaml,
        "set": helm_python.parse_set_string,
        "set-string": helm_python.parse_set_string_values,
        "set-json": helm_python.parse_set_json,
        "set-literal": helm_python.parse_set_literal,
    }
    try:
        values: dict[str, Any] | None = readers[kind](text)
    except helm_python.HelmError as error:
        raise HelmFailure(_readable(str(error))) from None
    return values or {}


@cache
def embedded() -> Engine:
    """Which Helm and which Kubernetes version the SDK renders for, asked of itself. Only inside a bounded worker."""
    import helm_python

    chart = {"Chart.yaml": b"apiVersion: v2\nname: probe\nversion: 0.0.0\n", "templates/probe.txt": _PROBE.encode()}
    [answer] = LoadedChart(chart).render("", "probe", "default").values()

    kubernetes, _ = answer.split()
    return Engine(f"helm-sdk {helm_python.helm_sdk_version()}", kubernetes.lstrip("v"))


def program() -> str:
    """The `helm` program on PATH, or ""."""
    return programs.find("helm")


@cache
def program_version(path: str) -> str:
    """What `helm version` says, such as `v3.19.0`."""
    return _run([path, "version", "--template", "{{.Version}}"], Path("/"), 20).strip()


def program_identity(path: str) -> str:
    """What tells one installed program from another without starting it: path, size and time of change."""
    status = os.stat(path)
    return f"{path}:{status.st_size}:{status.st_mtime_ns}"


def render_with_program(
    path: str, folder: Path, overlay: Path | None, *, release: str, namespace: str, kubernetes: str, seconds: float
) -> dict[str, str]:
    """What `helm template` writes for a Kubernetes version, by template path from the chart's name on.

    Raises:
        HelmFailure: it refuses the chart.
        BoundExceeded: it needs more time, or writes more, than is allowed.
    """
    command = [path, "template", release, str(folder), "--namespace", namespace, "--kube-version", kubernetes]
    if overlay:
        command += ["--values", str(overlay)]
    output = _run(command, folder.parent, seconds)
    _bound({"": output})
    pieces = _SOURCE.split(output)
    texts: dict[str, list[str]] = {}
    for name, text in zip(pieces[1::2], pieces[2::2], strict=True):
        texts.setdefault(name.strip(), []).append(text)
    return {name: "\n---\n".join(parts) for name, parts in sorted(texts.items())}


def _run(command: list[str], home: Path, seconds: float) -> str:
    # Nothing of the user's Helm is used: no plugins, repositories, kubeconfig or proxies.
    environment = {"HOME": str(home), "PATH": os.defpath, "HELM_NO_PLUGINS": "1", "LC_ALL": "C"}
    for name in ("HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME", "HELM_PLUGINS"):
        environment[name] = str(home / "helm-home")
    environment["KUBECONFIG"] = os.devnull
    try:
        done = subprocess.run(
            command, capture_output=True, env=environment, stdin=subprocess.DEVNULL, timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired:
        raise BoundExceeded(f"helm took more than {seconds:g} s (bound: unit time)") from None
    if done.returncode:
        message = done.stderr.decode(errors="replace").replace("Use --debug flag to render out invalid YAML", "")
        raise HelmFailure(_readable(message.removeprefix("Error: "), command[3] if len(command) > 3 else ""))
    return done.stdout.decode(errors="replace")


def _packed(files: Mapping[str, bytes]) -> bytes:
    """Files as a packaged chart, stored without compression: a tarfile of the standard library takes ten times as long.

    Only paths below 100 bytes fit a plain header; longer ones are preceded by a GNU long name.
    """
    blocks: list[bytes] = []
    for path, data in files.items():
        name = f"chart/{path}".encode()
        if len(name) > _LONGEST_NAME:
            blocks += [_header(b"././@LongLink", len(name) + 1, b"L"), name, b"\0" * (512 - len(name) % 512)]
        blocks += [_header(name[:_LONGEST_NAME], len(data), b"0"), data, b"\0" * (-len(data) % 512)]
    blocks.append(bytes(1024))
    deflate = zlib.compressobj(0, wbits=31)
    return deflate.compress(b"".join(blocks)) + deflate.flush()


def _header(name: bytes, size: int, kind: bytes) -> bytes:
    head = b"%s%s0000644\x000000000\x000000000\x00%011o\x0000000000000\x00" % (name, bytes(100 - len(name)), size)
    tail = b"%s%sustar\x0000%s" % (kind, bytes(100), bytes(247))
    total = sum(head) + sum(tail) + 8 * 32
    return b"%s%06o\x00 %s" % (head, total, tail)


def _bound(texts: dict[str, str]) -> None:
    if sum(map(len, texts.values())) > MAX_RENDER_BYTES:
        raise BoundExceeded(f"renders to more than {MAX_RENDER_BYTES} bytes (bound: render size)")


def _readable(message: str, folder: str = "") -> str:
    """One line, without the folder it was rendered in, long middles left out."""
    if folder:
        message = message.replace(folder + "/", "").replace(folder, "the chart")
    text = " ".join(message.split())
    return text if len(text) <= sum(MESSAGE_ENDS) else f"{text[: MESSAGE_ENDS[0]]} … {text[-MESSAGE_ENDS[1] :]}"
