"""The `trivy` program, when it is on the PATH: known vulnerabilities in packages, and faults of configuration.

It never fetches anything: its databases must be there already, and how old they are is part of what it says. It runs in
an empty folder of its own, so that neither trivy.yaml nor .trivyignore of a subject is read, and what a comment in a
scanned file suppresses is reported all the same.
"""

from __future__ import annotations

import datetime
import subprocess
import tempfile
from pathlib import Path
from typing import Literal, NamedTuple

import msgspec

from strictreal import programs
from strictreal.errors import BoundExceeded, StrictRealError, ToolMissing

SECONDS = 600
"""For one scan; a large image takes a minute."""
MAX_REPORT = 256 * 1024**2
MAX_MESSAGE = 300
SCHEMA = 2
"""Of the reports that are understood: trivy 0.20 and later."""
FINDINGS = ("vulnerability", "misconfiguration")
Kind = Literal["config", "fs", "image", "sbom"]
Severity = Literal["UNKNOWN", "LOW", "MEDIUM", "HIGH", "CRITICAL"]
_PACKAGES = ("--scanners=vuln", "--list-all-pkgs", "--offline-scan", "--skip-db-update", "--skip-java-db-update")
_FLAGS: dict[Kind, tuple[str, ...]] = {
    "config": ("--skip-check-update",),
    "fs": (*_PACKAGES, "--include-dev-deps"),
    "image": _PACKAGES,
    "sbom": _PACKAGES,
}


class Version(NamedTuple):
    """Of the program, and when its vulnerability database was made; None while it has none."""

    program: str
    updated: datetime.datetime | None


class Package(msgspec.Struct, frozen=True):
    """A package that was compared with the database."""

    name: str = msgspec.field(name="Name")
    version: str = msgspec.field(name="Version", default="")


class Vulnerability(msgspec.Struct, frozen=True):
    """One known vulnerability of one installed package."""

    id: str = msgspec.field(name="VulnerabilityID")
    package: str = msgspec.field(name="PkgName")
    installed: str = msgspec.field(name="InstalledVersion", default="")
    fixed: str = msgspec.field(name="FixedVersion", default="")
    severity: Severity = msgspec.field(name="Severity", default="UNKNOWN")
    title: str = msgspec.field(name="Title", default="")


class Cause(msgspec.Struct, frozen=True):
    """Where a configuration is at fault; line 0 is the whole file."""

    resource: str = msgspec.field(name="Resource", default="")
    start: int = msgspec.field(name="StartLine", default=0)
    end: int = msgspec.field(name="EndLine", default=0)


class Misconfiguration(msgspec.Struct, frozen=True):
    """One rule that a configuration file breaks."""

    id: str = msgspec.field(name="ID")
    message: str = msgspec.field(name="Message", default="")
    title: str = msgspec.field(name="Title", default="")
    resolution: str = msgspec.field(name="Resolution", default="")
    severity: Severity = msgspec.field(name="Severity", default="UNKNOWN")
    status: str = msgspec.field(name="Status", default="FAIL")
    cause: Cause = msgspec.field(name="CauseMetadata", default_factory=Cause)


class Summary(msgspec.Struct, frozen=True):
    """How many rules were tried on one file."""

    successes: int = msgspec.field(name="Successes", default=0)
    failures: int = msgspec.field(name="Failures", default=0)


class Suppressed(msgspec.Struct, frozen=True):
    """A finding that something told trivy to leave out."""

    kind: str = msgspec.field(name="Type")
    finding: msgspec.Raw = msgspec.field(name="Finding")


class Result(msgspec.Struct, frozen=True):
    """What was found in one target: a lock file, the packages of an image's system, a configuration file."""

    target: str = msgspec.field(name="Target")
    kind: str = msgspec.field(name="Class", default="")
    packages: tuple[Package, ...] | None = msgspec.field(name="Packages", default=())
    vulnerabilities: tuple[Vulnerability, ...] | None = msgspec.field(name="Vulnerabilities", default=())
    summary: Summary | None = msgspec.field(name="MisconfSummary", default=None)
    misconfigurations: tuple[Misconfiguration, ...] | None = msgspec.field(name="Misconfigurations", default=())
    suppressed: tuple[Suppressed, ...] | None = msgspec.field(name="ExperimentalModifiedFindings", default=())


class Report(msgspec.Struct, frozen=True):
    """A report of trivy's JSON format."""

    schema: int = msgspec.field(name="SchemaVersion")
    results: tuple[Result, ...] | None = msgspec.field(name="Results", default=())


def find() -> str:
    """The program's path.

    Raises:
        ToolMissing: there is none on the PATH.
    """
    found = programs.find("trivy")
    if not found:
        raise ToolMissing("no trivy binary on the PATH")
    return found


def version(cache: Path | None) -> Version:
    """What scans, and by a database of which moment.

    Args:
        cache: folder of trivy's databases; trivy's own default when it is None.

    Raises:
        ToolMissing: there is no program.
        StrictRealError: it failed, or its answer is not understood.
    """
    return read_version(_run(["version", "--format=json", *_cache(cache)]))


def read_version(data: bytes) -> Version:
    """The answer of `trivy version --format=json`.

    Raises:
        StrictRealError: it is none.
    """
    try:
        said = msgspec.json.decode(data, type=_Version)
    except msgspec.DecodeError as error:
        raise StrictRealError(f"trivy version is not understood: {error}") from None
    return Version(said.version, said.database.updated if said.database else None)


class _Database(msgspec.Struct):
    updated: datetime.datetime = msgspec.field(name="UpdatedAt")


class _Version(msgspec.Struct):
    version: str = msgspec.field(name="Version")
    database: _Database | None = msgspec.field(name="VulnerabilityDB", default=None)


def scan(kind: Kind, target: str, cache: Path | None) -> Report:
    """Scan a folder, an image by its reference, or a bill of materials.

    Raises:
        ToolMissing: there is no program.
        BoundExceeded: it took longer than SECONDS, or said more than MAX_REPORT bytes.
        StrictRealError: it failed, or its report is not understood.
    """
    return read(_run([kind, "--quiet", "--format=json", "--show-suppressed", *_FLAGS[kind], *_cache(cache), target]))


def read(data: bytes) -> Report:
    """A report, what was suppressed in it counted like everything else.

    Raises:
        StrictRealError: it is no report of this format.
    """
    try:
        report = msgspec.json.decode(data, type=Report)
        if report.schema != SCHEMA:
            raise StrictRealError(f"trivy's report has schema version {report.schema}, {SCHEMA} is understood")
        return msgspec.structs.replace(report, results=tuple(_unsuppressed(one) for one in report.results or ()))
    except msgspec.DecodeError as error:
        raise StrictRealError(f"trivy's report is not understood: {error}") from None


def _unsuppressed(result: Result) -> Result:
    """The result with what was left out of it put back."""
    back = {kind: [one.finding for one in result.suppressed or () if one.kind == kind] for kind in FINDINGS}
    return msgspec.structs.replace(
        result,
        packages=result.packages or (),
        vulnerabilities=(
            *(result.vulnerabilities or ()),
            *(msgspec.json.decode(raw, type=Vulnerability) for raw in back["vulnerability"]),
        ),
        misconfigurations=(
            *(result.misconfigurations or ()),
            *(msgspec.json.decode(raw, type=Misconfiguration) for raw in back["misconfiguration"]),
        ),
        suppressed=(),
    )


def _cache(folder: Path | None) -> tuple[str, ...]:
    return (f"--cache-dir={folder}",) if folder else ()


def _run(arguments: list[str]) -> bytes:
    program = find()
    with tempfile.TemporaryDirectory(prefix="strictreal-trivy-") as empty:
        try:
            done = subprocess.run((program, *arguments), capture_output=True, cwd=empty, timeout=SECONDS, check=False)
        except subprocess.TimeoutExpired:
            raise BoundExceeded(f"trivy {arguments[0]} took more than {SECONDS} s (bound: scan time)") from None
    if len(done.stdout) > MAX_REPORT:
        raise BoundExceeded(f"trivy {arguments[0]} said more than {MAX_REPORT} bytes (bound: size of a report)")
    if done.returncode:
        said = " ".join(done.stderr.decode(errors="replace").split())[-MAX_MESSAGE:]
        raise StrictRealError(f"trivy {arguments[0]} ended with {done.returncode}: {said}")
    return done.stdout
