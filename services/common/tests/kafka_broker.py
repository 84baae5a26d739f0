"""A real Kafka broker over a folder, its own controller (KRaft), that can be killed and started again."""

from __future__ import annotations

import base64
import functools
import random
import shutil
import socket
import subprocess
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

SCRIPT = Path(__file__).with_name("servers") / "get_kafka.sh"
START_SECONDS = 90.0
HEAP = ("-Xms64m", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
PARTITIONS = 4


@functools.cache
def jars() -> Path:
    """Where the script puts Kafka's jars."""
    said = subprocess.run([SCRIPT, "--where"], check=True, stdout=subprocess.PIPE, text=True)
    return Path(said.stdout.strip())


def missing() -> str:
    """What a broker needs and is not there; empty when all is."""
    if shutil.which("java") is None:
        return "Kafka needs Java, which is not installed"
    if not any(jars().glob("kafka_*.jar")):
        return f"Kafka's jars are not in {jars()}; {SCRIPT.name} gets them with Maven"
    return ""


def free_port() -> int:
    """A port that stays free while its server is down: outgoing connections get theirs from 32768 on (Linux)."""
    while True:
        port = random.randrange(20_000, 32_768)
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


def nowhere() -> str:
    """host:port at which nobody listens."""
    return f"127.0.0.1:{free_port()}"


class Broker:
    """One broker on loopback ports, with 4 partitions for each topic that somebody asks for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self.port, controller = free_port(), free_port()
        self._settings = folder / "server.properties"
        lines = {
            "process.roles": "broker,controller",
            "node.id": 1,
            "controller.quorum.voters": f"1@127.0.0.1:{controller}",
            "controller.listener.names": "CONTROLLER",
            "listeners": f"PLAINTEXT://127.0.0.1:{self.port},CONTROLLER://127.0.0.1:{controller}",
            "log.dirs": folder / "data",
            "num.partitions": PARTITIONS,
            "auto.create.topics.enable": "true",
            "offsets.topic.num.partitions": 1,
            "offsets.topic.replication.factor": 1,
            "transaction.state.log.replication.factor": 1,
            "transaction.state.log.min.isr": 1,
            "share.coordinator.state.topic.replication.factor": 1,
            "share.coordinator.state.topic.min.isr": 1,
            "group.initial.rebalance.delay.ms": 0,
            "log.cleaner.dedupe.buffer.size": 16 * 1024 * 1024,
        }
        self._settings.write_text("".join(f"{name}={value}\n" for name, value in lines.items()))
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        made = self._java("kafka.tools.StorageTool", "format", "-t", cluster, "-c", str(self._settings))
        assert made.wait(START_SECONDS) == 0, self.said

    @property
    def address(self) -> str:
        """host:port."""
        return f"127.0.0.1:{self.port}"

    @property
    def said(self) -> str:
        """The end of its log."""
        return (self._folder / "log").read_text()[-4000:]

    def start(self) -> None:
        """Start, and wait until it accepts connections."""
        self._process = self._java("kafka.Kafka", str(self._settings))
        end = time.monotonic() + START_SECONDS
        while True:
            assert self._process.poll() is None, f"the broker has ended: {self.said}"
            assert time.monotonic() < end, f"the broker does not accept connections: {self.said}"
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            except OSError:
                time.sleep(0.1)
            else:
                return

    def kill(self) -> None:
        """SIGKILL, as a crash."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _java(self, *arguments: str) -> subprocess.Popen[bytes]:
        java = shutil.which("java")
        assert java
        with (self._folder / "log").open("ab") as log:
            return subprocess.Popen([java, *HEAP, "-cp", f"{jars()}/*", *arguments], stdout=log, stderr=log)


@contextmanager
def broker(folder: Path) -> Iterator[Broker]:
    """A running broker, killed at the end."""
    made = Broker(folder)
    try:
        made.start()
        yield made
    finally:
        made.kill()
