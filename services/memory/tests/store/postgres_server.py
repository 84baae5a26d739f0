"""A real PostgreSQL server over a folder, that can be stopped hard and started again."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from pathlib import Path

NOBODY = 65534
PLACES = "/usr/lib/postgresql/*/bin"


def binaries() -> Path | None:
    """The folder of PostgreSQL's programs, or None where there are none."""
    found = shutil.which("postgres")
    if found:
        return Path(found).resolve().parent
    return next(
        (place for place in sorted(Path("/").glob(PLACES.lstrip("/")), reverse=True) if (place / "postgres").exists()),
        None,
    )


class Server:
    """One cluster on a loopback port; runs as nobody where the caller is root, as PostgreSQL insists."""

    def __init__(self, programs: Path, folder: Path) -> None:
        self._programs, self._data, self._log = programs, folder / "data", folder / "log"
        self._process: subprocess.Popen[bytes] | None = None
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        folder.chmod(0o755)
        self._data.mkdir(mode=0o700)
        if os.geteuid() == 0:
            os.chown(self._data, NOBODY, NOBODY)
        self._run("initdb", "-D", str(self._data), "-U", "sfm", "-A", "trust", "-E", "UTF8", "--locale=C").wait()
        assert (self._data / "PG_VERSION").exists(), self._said()

    @property
    def url(self) -> str:
        """For SQLAlchemy."""
        return f"postgresql+asyncpg://sfm@127.0.0.1:{self.port}/postgres"

    def _run(self, program: str, *arguments: str) -> subprocess.Popen[bytes]:
        as_nobody = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"] if os.geteuid() == 0 else []
        with self._log.open("ab") as log:
            return subprocess.Popen(
                [*as_nobody, str(self._programs / program), *arguments], stdout=log, stderr=log, cwd="/"
            )

    def _said(self) -> str:
        return self._log.read_text(errors="replace")[-2000:]

    def start(self) -> None:
        """Start and wait until it accepts connections."""
        self._process = self._run(
            "postgres",
            "-D",
            str(self._data),
            "-p",
            str(self.port),
            "-c",
            "listen_addresses=127.0.0.1",
            "-c",
            "unix_socket_directories=",
        )
        deadline = time.monotonic() + 30
        while self._run("pg_isready", "-h", "127.0.0.1", "-p", str(self.port)).wait() != 0:
            assert self._process.poll() is None, f"the server has ended: {self._said()}"
            assert time.monotonic() < deadline, self._said()
            time.sleep(0.1)

    def kill(self) -> None:
        """An immediate stop: no checkpoint, connections cut, recovery at the next start."""
        if self._process is not None:
            self._run("pg_ctl", "stop", "-D", str(self._data), "-m", "immediate").wait()
            self._process.wait()
            self._process = None
