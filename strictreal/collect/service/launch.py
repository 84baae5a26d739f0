"""The service as a process of its own: the program installed beside strictreal, on loopback ports, killed by pid."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, cast

from strictreal.errors import StrictRealError
from strictreal.programs import search_path
from strictreal.redact import redact

START_SECONDS = 60
STOP_SECONDS = 20
_TAIL = 300


class Server:
    """One running service.

    Attributes:
        address: host:port of gRPC, once it has said so.
    """

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self.address = ""

    def kill(self) -> None:
        """SIGKILL, as a power cut would end it."""
        self._process.send_signal(signal.SIGKILL)
        self._process.wait(STOP_SECONDS)

    def stop(self) -> None:
        """SIGTERM, and SIGKILL when that is not heeded in time."""
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()


@contextlib.contextmanager
def serve(module: str, settings: Mapping[str, str], folder: Path) -> Iterator[Server]:
    """A running service, ended with the block.

    Args:
        module: what `python -m` starts; it is imported from this interpreter's packages, never from the subject.
        settings: its environment; nothing else of ours reaches it but PATH.
        folder: where it runs and what it says is kept.

    Raises:
        StrictRealError: it does not say within START_SECONDS that it serves; the message has the end of what it said.
    """
    said = folder / "service.log"
    with said.open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-I", "-m", module, "serve"],
            cwd=folder,
            env={"PATH": search_path(), "HOME": str(folder), "LC_ALL": "C.UTF-8", **settings},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            start_new_session=True,
        )
    server = Server(process)
    try:
        ready = _ready(process, said)
        _await_storage(process, ready.get("http", ""), said)
        server.address = ready["grpc"]
        yield server
    finally:
        if process.poll() is None:
            server.stop()
        if process.stdout:
            process.stdout.close()


def _ready(process: subprocess.Popen[bytes], said: Path) -> dict[str, str]:
    """The first line of standard output, an object that names the address."""
    output = cast("IO[bytes]", process.stdout)
    os.set_blocking(output.fileno(), False)
    line, end = b"", time.monotonic() + START_SECONDS
    while b"\n" not in line and time.monotonic() < end and process.poll() is None:
        line += output.read() or b""
        time.sleep(0.02)
    line += output.read() or b""
    with contextlib.suppress(ValueError):
        ready = json.loads(line.partition(b"\n")[0])
        if isinstance(ready, dict) and isinstance(ready.get("grpc"), str):
            return ready
    raise _failed("did not say that it serves", process, said)


def _await_storage(process: subprocess.Popen[bytes], address: str, said: Path) -> None:
    """Wait until /ready says yes: the address is told before storage is open."""
    open_without_proxy = urllib.request.build_opener(urllib.request.ProxyHandler({})).open
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        try:
            with open_without_proxy(f"http://{address}/ready", timeout=STOP_SECONDS):
                return
        except OSError:  # refused, or 503 while it is not ready
            time.sleep(0.05)
    raise _failed("did not become ready", process, said)


def _failed(what: str, process: subprocess.Popen[bytes], said: Path) -> StrictRealError:
    ended = "" if process.poll() is None else f" (it ended with {process.returncode})"
    tail = said.read_text(errors="replace").strip()[-_TAIL:]
    return StrictRealError(f"the service {what}{ended}: {redact(tail)}")
