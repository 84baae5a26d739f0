"""Root file systems of Debian's packages, by mmdebstrap from the machine's own sources."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from kind.programs import Failure, run, say
from kind.settings import pin

LEAN = [f"--dpkgopt=path-exclude=/usr/share/{part}/*" for part in ("doc", "man", "locale", "info")]
MANUAL = """--essential-hook=mkdir -p "$1/usr/share/man/man1\""""
"""Java's package links into it."""
SOURCES = (Path("/etc/apt/sources.list.d/debian.sources"), Path("/etc/apt/sources.list"))


def install(root: Path, packages: Sequence[str], variant: str = "essential") -> None:
    """Lay a root file system with these packages into an empty folder."""
    sources = [str(p) for p in SOURCES if p.is_file() and p.stat().st_size][:1]
    run(
        "mmdebstrap",
        "--mode=root",
        f"--variant={variant}",
        "--format=directory",
        f"--include={','.join(packages)}",
        *LEAN,
        MANUAL,
        pin("debian", "suite"),
        root,
        *sources,
        extra={"SOURCE_DATE_EPOCH": pin("build", "epoch")},
    )
    for part in ("var/cache/apt", "var/lib/apt/lists", "var/log", "dev"):
        for entry in (root / part).glob("*") if (root / part).is_dir() else ():
            shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
    (root / "etc/machine-id").unlink(missing_ok=True)


def user(root: Path, name: str, number: int) -> None:
    """Give a user and its group of the image this number, which charts name."""
    for file, fields in (("passwd", f"x:{number}:{number}::/nonexistent:/usr/sbin/nologin"), ("group", f"x:{number}:")):
        path = root / "etc" / file
        lines = path.read_text().splitlines() if path.is_file() else []
        kept = [line for line in lines if not line.startswith(f"{name}:")]
        path.parent.mkdir(exist_ok=True)
        path.write_text("\n".join([*kept, f"{name}:{fields}"]) + "\n")


def expect(root: Path, package: str, version: str) -> None:
    """Hold the version that Debian gave against the pin.

    Debian replaces a version by one with fixes, and keeps the old one nowhere that is served: a later one of the same major
    version is told, and listed in the bill of materials.

    Raises:
        Failure: another major version.
    """
    found = run("dpkg-query", f"--admindir={root}/var/lib/dpkg", "--show", "--showformat=${Version}", package)
    upstream = found.rpartition(":")[2].partition("-")[0]
    if upstream.partition(".")[0] != version.partition(".")[0]:
        raise Failure(f"Debian has {package} {found}, versions.toml {version}: change versions.toml and the charts")
    if upstream != version:
        say(f"! Debian has {package} {found} by now: raise {version} in versions.toml and in the charts")
