"""Packaged charts, unpacked in memory. Nothing of an archive is ever written where it says it wants to be."""

from __future__ import annotations

import gzip
import io
import tarfile
import zlib
from dataclasses import dataclass
from pathlib import PurePosixPath

from strictreal.errors import BoundExceeded

MAX_ARCHIVE_BYTES = 64 * 1024 * 1024
"""Unpacked size of one packaged chart."""
MAX_MEMBERS = 10_000
MAX_NESTING = 5
"""Packaged charts inside packaged charts."""


class UnsafeArchive(ValueError):
    """The archive is broken, or holds what no packaged chart may hold; the message names the member."""


class NoChart(UnsafeArchive):
    """The archive is something else than a packaged chart."""


@dataclass(frozen=True)
class Package:
    """A .tgz that has been looked into.

    Attributes:
        files: its files by path below its top folder; empty when it holds no chart.
        fault: why it must not be used though it holds a chart; "" when it may.
    """

    files: dict[str, bytes]
    fault: str = ""


def look_into(data: bytes) -> Package:
    """looking into packages"""
    try:
        return Package(unpack(data))
    except NoChart:
        return Package({})
    except UnsafeArchive as error:
        return Package({}, str(error))


def unpack(data: bytes) -> dict[str, bytes]:
    """The files of a packaged chart by their path below its single top folder, as `helm package` writes it.

    Raises:
        NoChart: it is no gzipped tar that holds a Chart.yaml in its top folder.
        UnsafeArchive: it holds a chart, and a member that leaves the top folder, or is a link, device or pipe.
        BoundExceeded: unpacked, the chart is larger, or has more members, than the bounds above.
    """
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as stream:
            content = stream.read(MAX_ARCHIVE_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise NoChart(f"is not a gzipped archive: {error}") from None
    files: dict[str, bytes] = {}
    fault: Exception | None = None
    chart = False
    try:
        with tarfile.open(fileobj=io.BytesIO(content), mode="r:") as archive:
            for count, member in enumerate(archive, 1):
                chart = chart or (member.name.count("/") == 1 and member.name.endswith("/Chart.yaml"))
                if count > MAX_MEMBERS:
                    fault = BoundExceeded(f"has more than {MAX_MEMBERS} members (bound: archive members)")
                    break
                try:
                    if not member.isdir():
                        name = _safe_name(member)  # before its content: the target of a link must not be read
                        files[name] = _content(archive, member)
                except UnsafeArchive as error:
                    fault = fault or error
    except (tarfile.TarError, ValueError, OSError, EOFError) as error:
        fault = fault or UnsafeArchive(f"is not a sound archive: {error}")
    if len(content) > MAX_ARCHIVE_BYTES:
        fault = BoundExceeded(f"unpacks to more than {MAX_ARCHIVE_BYTES} bytes (bound: archive size)")
    if not chart:
        raise NoChart("holds no chart")
    if fault:
        raise fault
    return files


def _safe_name(member: tarfile.TarInfo) -> str:
    name = member.name
    parts = PurePosixPath(name).parts
    if "\\" in name or "\0" in name or name.startswith("/") or ".." in parts or (parts and ":" in parts[0]):
        raise UnsafeArchive(f"holds {name[:200]!r}, which leaves the chart")
    if not member.isreg():
        kind = "a link" if member.issym() or member.islnk() else "a device, pipe or other special file"
        raise UnsafeArchive(f"holds {name[:200]!r}, {kind}")
    if len(parts) < 2:
        raise UnsafeArchive(f"holds {name[:200]!r} outside its top folder")
    return "/".join(parts[1:])


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = archive.extractfile(member)
    return file.read() if file else b""


def expand(files: dict[str, bytes], depth: int = 0) -> tuple[dict[str, bytes], dict[str, str]]:
    """A chart's files with the packaged subcharts under charts/ laid open as folders beside them.

    Helm would unpack them itself; doing it here applies our bounds, shows their templates, and keeps Helm from reading
    schemas that point to the network.

    Returns:
        The files, and for each folder that was a package (`charts/redis-1.0.tgz.d`) the package's path.

    Raises:
        UnsafeArchive, BoundExceeded: as `unpack`, with the package named.
    """
    opened: dict[str, bytes] = {}
    packages: dict[str, str] = {}
    for path, data in files.items():
        parts = path.split("/")
        if not (path.endswith(".tgz") and len(parts) >= 2 and parts[-2] == "charts"):
            opened[path] = data
            continue
        if depth >= MAX_NESTING:
            raise BoundExceeded(f"{path}: packages nested more than {MAX_NESTING} deep (bound: archive nesting)")
        try:
            inner, deeper = expand(unpack(data), depth + 1)
        except UnsafeArchive as error:
            raise UnsafeArchive(f"{path} {error}") from None
        folder = path + ".d"
        packages[folder] = path
        packages |= {f"{folder}/{name}": path for name in deeper}
        opened |= {f"{folder}/{name}": content for name, content in inner.items()}
        if sum(map(len, opened.values())) > MAX_ARCHIVE_BYTES:
            raise BoundExceeded(f"unpacks to more than {MAX_ARCHIVE_BYTES} bytes (bound: archive size)")
    return opened, packages
