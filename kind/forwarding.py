"""A port of the loopback that leads into the cluster by kubectl, and is led there anew whenever that ends."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import threading
import time

from kind.programs import find
from kind.settings import LOOPBACK, environment, kubeconfig

PAUSE_SECONDS = 0.3


class Forward:
    """One forwarded port, which stays the same while pods come and go.

    Args:
        target: as kubectl takes it: `pod/name` or `service/name`.
    """

    def __init__(self, namespace: str, target: str, port: int) -> None:
        with socket.create_server((LOOPBACK, 0)) as free:
            self.port: int = free.getsockname()[1]
        self._words = (
            find("kubectl"),
            f"--kubeconfig={kubeconfig()}",
            "--namespace",
            namespace,
            "port-forward",
            target,
            f"{self.port}:{port}",
        )
        self._over = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._lead, daemon=True)

    def __enter__(self) -> Forward:
        self._thread.start()
        self._await()
        return self

    def __exit__(self, *unused: object) -> None:
        self._over.set()
        self.renew()
        self._thread.join()

    def renew(self) -> None:
        """Lead there anew: a pod that was killed is not always missed."""
        if process := self._process:
            process.kill()

    def _lead(self) -> None:
        while not self._over.is_set():
            with subprocess.Popen(
                self._words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment()
            ) as process:
                self._process = process
                if self._over.is_set():
                    process.kill()
                process.wait()
            time.sleep(PAUSE_SECONDS)

    def _await(self) -> None:
        """Return when somebody listens, or after half a minute."""
        until = time.monotonic() + 30
        while time.monotonic() < until:
            with contextlib.suppress(OSError), socket.create_connection((LOOPBACK, self.port), timeout=1):
                return
            time.sleep(PAUSE_SECONDS)
