"""Runs that die at any moment, full disks, two runs at once: what was recorded stays valid, and nothing half verifies.

The runs are real processes, killed by SIGKILL: at random moments, and before each single change of the disk, which
Python's own audit events announce. Nothing in the product knows of these tests.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

import msgspec
import pytest

from strictreal import config
from strictreal.errors import EvidenceError, EvidenceNotWritten
from strictreal.evidence import disk, factfiles, ledger, listing, sign
from strictreal.evidence.bundle import Audit, Receipt, Writer
from strictreal.evidence.contents import envelope
from strictreal.evidence.statement import ENVELOPE
from strictreal.evidence.verify import Demands, verify
from strictreal.evidence.witness import Witness

RANDOM_KILLS = 120
LINES = 20
"""Lines of each fact file, so that many bundles are quickly written however large the suite grows."""
CHANGES = ("os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.truncate", "fcntl.flock")
"""Audit events of operations that change the disk, besides opening a file to write."""
_processes = multiprocessing.get_context("forkserver")
_processes.set_forkserver_preload(["pytest", "strictreal.evidence.verify", "strictreal.evidence.bundle"])


class Scribe(msgspec.Struct, frozen=True):
    """Everything that a process needs to write bundles: an evidence folder, a home, and the facts of a real run."""

    output: Path
    home: Path
    facts: Path

    def account(self) -> Audit:
        bundle = listing.load(self.facts)
        return Audit(time=bundle.predicate.time, subject=bundle.predicate.subject, results=bundle.results.results)

    def write(self) -> Receipt:
        settings = config.settings({"HOME": str(self.home)})
        with Writer(self.output) as writer:
            with disk.unwritten("the facts"):
                for name in (factfiles.FACTS, factfiles.SPECIMENS):
                    lines = (self.facts / name).read_bytes().splitlines(keepends=True)
                    (writer.folder / name).write_bytes(b"".join(lines[:LINES]))
            writer.blob(b"kind: Service\n")
            return writer.commit(self.account(), sign.signer(settings), witness=Witness(settings.state_home))

    def problems(self) -> tuple[str, ...]:
        settings = config.settings({"HOME": str(self.home)})
        demands = Demands(keys=sign.trusted(settings))
        return verify(self.output, demands, witness=Witness(settings.state_home)).problems


def write_for_ever(scribe: Scribe, begun: Connection) -> None:
    while True:
        scribe.write()
        begun.send_bytes(b".")


@contextmanager
def writing(scribe: Scribe) -> Iterator[ForkServerProcess]:
    """A process that writes bundles for ever, and has written one."""
    begun, writes = _processes.Pipe(duplex=False)
    process = _processes.Process(target=write_for_ever, args=(scribe, writes))
    process.start()
    writes.close()  # so that its death is heard
    try:
        begun.recv_bytes()
        yield process
    finally:
        process.kill()
        process.join()


def write_and_die_before(scribe: Scribe, operation: int) -> None:
    """Write one bundle, but kill this very process before its `operation`-th change of the disk."""
    seen = 0

    def count(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal seen
        writes = event == "open" and bool(arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))
        if writes or event in CHANGES:
            seen += 1
            if seen == operation:
                os.kill(os.getpid(), signal.SIGKILL)

    scribe.account()  # what is imported late is imported now
    sys.addaudithook(count)
    scribe.write()


@pytest.fixture
def scribe(tmp_path: Path, real_bundle: Path) -> Scribe:
    scribe = Scribe(tmp_path / "evidence", tmp_path / "home", real_bundle)
    scribe.write()
    return scribe


def bundles(scribe: Scribe) -> list[str]:
    return [line.bundle for line in ledger.read(scribe.output).lines]


def assert_sound_after_death(scribe: Scribe, before: list[str]) -> None:
    """The ledger and all earlier bundles verify, no half bundle does, and the next run succeeds and cleans up."""
    assert scribe.problems() == ()
    listed = bundles(scribe)
    assert listed[: len(before)] == before
    statements = {line.statement for line in ledger.read(scribe.output).lines}
    settings = config.settings({"HOME": str(scribe.home)})
    for path in scribe.output.rglob(ENVELOPE):
        if envelope(path.parent).sha256 not in statements:
            assert not verify(path.parent, Demands(keys=sign.trusted(settings))).verified
    receipt = scribe.write()
    assert scribe.problems() == ()
    assert bundles(scribe) == [*listed, receipt.bundle.relative_to(scribe.output).as_posix()]
    assert all((scribe.output / bundle / ENVELOPE).is_file() for bundle in bundles(scribe))
    hidden = sorted(path.name for path in scribe.output.iterdir() if path.name.startswith("."))
    assert hidden == [ledger.LOCK], "the next run leaves nothing of the dead one"


@pytest.fixture
def fresh(scribe: Scribe, tmp_path: Path) -> Callable[[], list[str]]:
    """Puts evidence and home back to a ledger of three bundles, and lists them."""
    scribe.write()
    scribe.write()
    shutil.copytree(scribe.output, tmp_path / "first evidence")
    shutil.copytree(scribe.home, tmp_path / "first home")

    def put_back() -> list[str]:
        shutil.rmtree(scribe.output)
        shutil.rmtree(scribe.home)
        shutil.copytree(tmp_path / "first evidence", scribe.output)
        shutil.copytree(tmp_path / "first home", scribe.home)
        return bundles(scribe)

    return put_back


def test_a_run_killed_at_random_moments_leaves_the_ledger_and_earlier_bundles_valid(scribe, fresh):
    chance = random.Random(1)
    unfinished = 0
    for _ in range(RANDOM_KILLS):
        before = fresh()
        with writing(scribe) as process:
            time.sleep(chance.random() * 0.02)
            assert process.is_alive(), "the process ended by itself"
        unfinished += bool(list(scribe.output.glob(".*[!k]")))
        assert_sound_after_death(scribe, before)
    assert unfinished > RANDOM_KILLS // 4, "most kills strike while something is being written"


def test_a_run_that_is_interrupted_from_the_keyboard_clears_up_after_itself(scribe, fresh):
    chance = random.Random(2)
    left = 0
    for _ in range(40):
        before = fresh()
        with writing(scribe) as process:
            time.sleep(chance.random() * 0.02)
            os.kill(process.pid, signal.SIGINT)
            process.join(60)
            assert process.exitcode == 1
        left += bool(list(scribe.output.glob(f"{ledger.PENDING}*")))
        assert_sound_after_death(scribe, before)
    assert left < 10, "only an interrupt within the clearing itself leaves work for the next run"


def test_a_run_killed_before_each_change_of_the_disk_leaves_the_ledger_and_earlier_bundles_valid(scribe, fresh):
    operation = 0
    recorded = []
    while True:
        operation += 1
        before = fresh()
        process = _processes.Process(target=write_and_die_before, args=(scribe, operation))
        process.start()
        process.join()
        if process.exitcode == 0:
            break
        assert process.exitcode == -signal.SIGKILL
        recorded.append(len(bundles(scribe)) - len(before))
        assert_sound_after_death(scribe, before)
    assert recorded == sorted(recorded), "there is one moment of commit"
    assert recorded.count(0) > 10
    assert recorded.count(1) > 1


def test_a_committed_bundle_whose_run_died_before_its_last_step_verifies_and_is_finished_by_the_next_run(scribe):
    """The state between the two renames, made by hand."""
    last = scribe.output / bundles(scribe)[-1]
    last.rename(scribe.output / f"{ledger.PENDING}0123456789abcdef")
    settings = config.settings({"HOME": str(scribe.home)})
    report = verify(scribe.output, Demands(keys=sign.trusted(settings)))
    assert report.problems == ()
    assert report.bundles == 1
    assert any("interrupted" in note for note in report.notes)
    scribe.write()
    assert last.is_dir()
    assert scribe.problems() == ()


def test_the_folder_of_a_run_that_goes_on_is_left_alone(scribe):
    with Writer(scribe.output) as slow:
        (slow.folder / factfiles.FACTS).write_bytes(b"")
        scribe.write()
        assert (slow.folder / factfiles.FACTS).is_file()
        assert scribe.problems() == ()
    assert not slow.folder.exists(), "a block without a commit leaves nothing"
    assert scribe.problems() == ()


def write_some(scribe: Scribe, count: int) -> None:
    for _ in range(count):
        scribe.write()


def test_several_runs_at_once_are_all_recorded_in_some_order(tmp_path, real_bundle):
    """Four processes begin on an empty folder and an empty home: one key, one chain, no lost bundle."""
    scribe = Scribe(tmp_path / "evidence", tmp_path / "home", real_bundle)
    processes = [_processes.Process(target=write_some, args=(scribe, 10)) for _ in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0, 0, 0]
    assert len(bundles(scribe)) == 40
    assert scribe.problems() == ()


def test_verification_while_runs_go_on_sees_no_problem(scribe):
    with writing(scribe):
        seen = set()
        deadline = time.monotonic() + 30
        while len(seen) < 10 and time.monotonic() < deadline:
            assert scribe.problems() == ()
            seen.add(len(bundles(scribe)))
        assert len(seen) >= 10


def write_within(scribe: Scribe, limit: int, answer: Path) -> None:
    """Write one bundle while no file may grow beyond `limit` bytes; leave what came of it."""
    message = "written"
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    try:
        scribe.write()
    except EvidenceNotWritten as error:
        message = str(error)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    answer.write_text(message)


def test_no_file_size_limit_leaves_anything_half(scribe, tmp_path):
    for _ in range(8):
        scribe.write()  # the ledger grows beyond most other files, so that it too is cut
    largest = max(path.stat().st_size for path in scribe.output.rglob("*") if path.is_file())
    limits = [
        0,
        1,
        50,
        100,
        300,
        500,
        1000,
        1500,
        1700,
        1900,
        2500,
        *range(3000, largest, max(1000, largest // 25)),
        largest + 1500,
    ]
    messages = []
    for limit in limits:
        before = (scribe.output / ledger.LEDGER).read_bytes()
        process = _processes.Process(target=write_within, args=(scribe, limit, tmp_path / "answer"))
        process.start()
        process.join()
        messages.append((tmp_path / "answer").read_text())
        if messages[-1] != "written":
            assert (scribe.output / ledger.LEDGER).read_bytes() == before
            assert not list(scribe.output.glob(".pending*"))
        assert scribe.problems() == ()
    refused = [message for message in messages if message != "written"]
    assert len(refused) > 5
    assert all("File too large" in message for message in refused)
    assert "written" in messages


@contextmanager
def mounted(folder: Path, options: str) -> Iterator[Path]:
    """A file system of its own."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", options, "none", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"only root can mount a disk: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 2 MiB."""
    with mounted(tmp_path / "disk", "size=2m") as folder:
        yield folder


def test_a_disk_that_fills_up_leaves_nothing_half(small_disk, tmp_path, real_bundle):
    scribe = Scribe(small_disk / "evidence", tmp_path / "home", real_bundle)
    scribe.write()
    filler = small_disk / "filler"
    messages = []
    needed = sum(path.stat().st_size for path in scribe.output.rglob("*") if path.is_file())
    for free in range(0, 2 * needed + 64 * 1024, 4096):
        filler.unlink(missing_ok=True)
        room = os.statvfs(small_disk)
        filler.write_bytes(bytes(max(0, room.f_bavail * room.f_frsize - free)))
        before = bundles(scribe)
        try:
            scribe.write()
            messages.append("written")
        except EvidenceNotWritten as error:
            messages.append(str(error))
            still = bundles(scribe)
            hidden = list(scribe.output.glob(".pending*"))
            filler.unlink()
            assert (still, hidden) == (before, [])
        assert scribe.problems() == ()
    refused = [message for message in messages if message != "written"]
    assert len(refused) > 5
    assert all("No space left on device; free some space" in message for message in refused)
    assert "written" in messages


def test_a_read_only_disk_gives_a_clear_error(tmp_path, real_bundle):
    refused = pytest.raises(EvidenceNotWritten, match="Read-only file system; name a folder that can be written with")
    with mounted(tmp_path / "disk", "size=512k,ro") as folder, refused:
        Scribe(folder / "evidence", tmp_path / "home", real_bundle).write()


def _as_link(output: Path) -> None:
    (output.parent / "elsewhere").mkdir()
    (output / "runs").symlink_to(output.parent / "elsewhere")


def _ledger_as_link(output: Path) -> None:
    (output.parent / "victim").write_text("")
    (output / ledger.LEDGER).symlink_to(output.parent / "victim")


def _lock_as_link(output: Path) -> None:
    (output / ledger.LOCK).symlink_to(output.parent / "victim")


def _lock_as_pipe(output: Path) -> None:
    os.mkfifo(output / ledger.LOCK)


def _ledger_as_pipe(output: Path) -> None:
    os.mkfifo(output / ledger.LEDGER)


@pytest.mark.parametrize("trap", [_as_link, _ledger_as_link, _lock_as_link, _lock_as_pipe, _ledger_as_pipe])
def test_an_evidence_folder_with_traps_is_refused_and_nothing_outside_is_touched(
    trap: Callable[[Path], None], tmp_path, real_bundle
):
    scribe = Scribe(tmp_path / "evidence", tmp_path / "home", real_bundle)
    scribe.output.mkdir()
    trap(scribe.output)
    with pytest.raises(EvidenceError):
        scribe.write()
    outside = [path for path in tmp_path.iterdir() if path.name not in ("evidence", "home")]
    assert all(path.stat().st_size == 0 for path in outside if path.is_file())
    assert all(not list(path.iterdir()) for path in outside if path.is_dir())


def test_hidden_links_and_folders_that_somebody_planted_are_removed_without_being_followed(scribe, tmp_path):
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "file").write_text("keep")
    (scribe.output / f"{ledger.PENDING}link").symlink_to(tmp_path / "precious")
    planted = scribe.output / f"{ledger.PENDING}folder"
    planted.mkdir()
    (planted / "link").symlink_to(tmp_path / "precious")
    scribe.write()
    assert (tmp_path / "precious" / "file").read_text() == "keep"
    assert not list(scribe.output.glob(".pending*"))
    assert scribe.problems() == ()
