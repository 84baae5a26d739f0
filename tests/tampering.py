"""What tests of tampering do to an evidence folder, and that its verification tells of it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from strictreal.evidence import ledger
from strictreal.evidence.factfiles import SPECIMENS
from strictreal.evidence.statement import ENVELOPE
from strictreal.evidence.verify import Report


def few_specimens(folder: Path) -> None:
    """Keep bundles small, so that thousands of verifications are quick however large the suite grows."""
    path = folder / SPECIMENS
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:20]))


def bundles_of(output: Path) -> list[Path]:
    return sorted(path.parent for path in output.rglob(ENVELOPE))


@contextmanager
def restored(output: Path) -> Iterator[None]:
    """Put the evidence folder back as it was."""
    copy = output.with_name("copy")
    shutil.copytree(output, copy, symlinks=True)
    try:
        yield
    finally:
        shutil.rmtree(output)
        copy.rename(output)


def assert_detected(report: Report, *names: str) -> None:
    assert report.problems, "nothing was noticed"
    told = "\n".join(report.problems)
    assert all(name in told for name in names), f"{names} not named in: {told}"


def write_lines(place, lines: list[bytes]) -> None:
    (place.output / ledger.LEDGER).write_bytes(b"".join(lines))


def chained(entries: list[tuple[str, str]]) -> list[bytes]:
    """A chain in itself perfect, over any bundles: what a forger writes."""
    data = b""
    for bundle, statement in entries:
        data = ledger.extended(data, bundle, statement)
    return data.splitlines(keepends=True)
