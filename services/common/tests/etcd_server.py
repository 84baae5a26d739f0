"""A real etcd on loopback ports, that can be killed, frozen and started again; servers/build_etcd.sh builds it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

from redis_server import free_port

BUILT = Path.home() / ".cache" / "strictreal-ci"
PROGRAM = shutil.which("etcd", path=os.pathsep.join([*os.get_exec_path(), str(BUILT)]))
ABSENT = "there is no etcd (no `etcd` binary; services/common/tests/servers/build_etcd.sh builds it)"


class EtcdServer:
    """One member over a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self._client, self._peer = free_port(), free_port()

    @property
    def url(self) -> str:
        """For the settings."""
        return f"http://127.0.0.1:{self._client}"

    def start(self) -> None:
        """Start and wait until it is healthy."""
        assert PROGRAM
        peer = f"http://127.0.0.1:{self._peer}"
        arguments = {
            "name": "one",
            "data-dir": str(self._folder / "etcd"),
            "listen-client-urls": self.url,
            "advertise-client-urls": self.url,
            "listen-peer-urls": peer,
            "initial-advertise-peer-urls": peer,
            "initial-cluster": f"one={peer}",
            "unsafe-no-fsync": "true",
        }
        self._process = subprocess.Popen(
            [PROGRAM, *(f"--{name}={value}" for name, value in arguments.items())],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + 30
        while not self._healthy():
            assert self._process.poll() is None, "the server has ended"
            assert time.monotonic() < deadline, "the server is not healthy"
            time.sleep(0.05)

    def kill(self) -> None:
        """End it at once."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def freeze(self) -> None:
        """Let it answer nothing, with its connections open."""
        assert self._process
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        assert self._process
        self._process.send_signal(signal.SIGCONT)

    def _healthy(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/health", timeout=2) as answer:
                return b'"true"' in answer.read()
        except (urllib.error.URLError, OSError):
            return False
