"""The container engine: whichever answers, or one of Debian's packages that is started here, on a socket of its own."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
from pathlib import Path

from kind.programs import Failure, find, run, say, step, succeeds, wait
from kind.settings import HERE, LOOPBACK, SOCKET, cache_dir, environment

# The first is Debian's own package; put together, since it is a registry's name as well, and none is named here.
PACKAGES = (".".join(("docker", "io")), "mmdebstrap", "iptables", "ca-certificates")
SYS_RESOURCE = 24
POLICY = Path("/usr/sbin/policy-rc.d")


def answers() -> bool:
    """Whether an engine can be used."""
    return bool(find("docker")) and succeeds("docker", "info", timeout=20)


def install() -> None:
    """Debian's packages, none of whose daemons starts by itself.

    Raises:
        Failure: this is no Debian, or nobody who may install.
    """
    if shutil.which("dockerd") and shutil.which("mmdebstrap") and shutil.which("iptables"):
        return
    if os.geteuid() or not shutil.which("apt-get"):
        raise Failure(
            f"the offline way needs {', '.join(PACKAGES)}: install them, or run this as root where apt-get is"
        )
    with step("install the engine"):
        own = not POLICY.exists()
        try:
            if own:
                POLICY.write_text("#!/bin/sh\nexit 101\n")
                POLICY.chmod(0o755)
            run("apt-get", "update", "-qq")
            run(
                "apt-get",
                "install",
                "-y",
                "-qq",
                "--no-install-recommends",
                *PACKAGES,
                extra={"DEBIAN_FRONTEND": "noninteractive"},
            )
        finally:
            if own:
                POLICY.unlink(missing_ok=True)


def start() -> None:
    """Start it unless it runs; a pid that an engine killed with -9 has left is no reason not to."""
    if answers():
        if running() is not None:
            fence()
        return
    install()
    home = cache_dir() / "engine"
    home.mkdir(parents=True, exist_ok=True)
    SOCKET.parent.mkdir(parents=True, exist_ok=True)
    stop()
    words = [
        "dockerd",
        "--host",
        f"unix://{SOCKET}",
        "--data-root",
        str(home / "data"),
        "--exec-root",
        str(SOCKET.parent / "exec"),
        "--pidfile",
        str(pid_file()),
        "--storage-driver",
        "overlay2",
        "--dns",
        LOOPBACK,
    ]
    if not holds(SYS_RESOURCE):
        words += ["--add-runtime", f"fitting={HERE / 'engine-runc'}", "--default-runtime", "fitting"]
    with step("start the engine"):
        with (home / "log").open("ab") as log:
            subprocess.Popen(
                words,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment(),
                start_new_session=True,
                cwd="/",
            )
        try:
            wait("the engine", answers, 60)
        except Failure as late:
            raise Failure(f"{late}\n{(home / 'log').read_text()[-2000:]}") from late
        fence()


def stop() -> None:
    """Stop the engine that was started here, if it runs; its images stay."""
    pid = running()
    if pid is None:
        pid_file().unlink(missing_ok=True)
        return
    os.kill(pid, signal.SIGTERM)
    wait("the engine's end", lambda: running() is None, 60)
    SOCKET.unlink(missing_ok=True)


def tidy() -> None:
    """Drop what nothing is called by any more: images of nodes that were made anew, and volumes of nodes that are gone."""
    run("docker", "image", "prune", "--force")
    run("docker", "volume", "prune", "--force")


def running() -> int | None:
    """The process that was started here; another one that has its number by now is not it."""
    with contextlib.suppress(OSError, ValueError):
        pid = int(pid_file().read_text())
        if str(pid_file()).encode() in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0"):
            return pid
    return None


def pid_file() -> Path:
    """Of the engine that is started here."""
    return cache_dir() / "engine" / "pid"


def holds(capability: int) -> bool:
    """Whether this process may give a capability to those that it starts."""
    bounds = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("CapBnd"))
    return bool(int(bounds.split()[1], 16) >> capability & 1)


def fence() -> None:
    """Containers speak with this machine alone: a Service's address that nobody serves yet would be routed out of it."""
    for outside in {
        line.split()[4] for line in run("ip", "-4", "route", "show", "default").splitlines() if " dev " in line
    }:
        rule = ("DOCKER-USER", "-o", outside, "-j", "REJECT")
        if not succeeds("iptables", "-C", *rule):
            run("iptables", "-I", *rule)
            say(f"  containers reach nothing behind {outside}")


def unfence() -> None:
    """Take back what `fence` did."""
    if not find("iptables") or not find("ip"):
        return
    for outside in {
        line.split()[4] for line in run("ip", "-4", "route", "show", "default").splitlines() if " dev " in line
    }:
        while succeeds("iptables", "-C", "DOCKER-USER", "-o", outside, "-j", "REJECT"):
            run("iptables", "-D", "DOCKER-USER", "-o", outside, "-j", "REJECT")
