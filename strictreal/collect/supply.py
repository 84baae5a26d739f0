"""What is known against the packages and configuration files of the subject: two scanners of the machine to facts.

trivy compares lock files and images with a database that is on the machine, and tries its rules on configuration files;
pip-audit asks for each pinned Python package. Both are given copies: only what is tracked, no settings of the subject's.

A scanner that is absent has looked at nothing. Where the lane `embedded` finds neither, the units are absent, and say so
(the configuration's `require` turns that into not-proven); in the lane `kind`, which is there for whole proofs, and where
one of the two is at hand, they are gaps. So is, in every lane, a file of which no package was looked up, and a database
older than MAX_DATABASE_DAYS.
"""

from __future__ import annotations

import datetime
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path, PurePosixPath

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from strictreal import programs, suite
from strictreal.collect import pins
from strictreal.collect.kube.images import Record, recorded
from strictreal.collect.subject import excluded
from strictreal.config import Config
from strictreal.engines import pip_audit, trivy
from strictreal.errors import BoundExceeded, StrictRealError, ToolMissing
from strictreal.facts.supply import (
    ConfigurationScan,
    DependencyScan,
    DependencyVulnerability,
    ImageScan,
    ImageVulnerability,
    Misconfiguration,
    Vulnerability,
)
from strictreal.model import Absence, Fact, Gap, Inventory, Location, Observation
from strictreal.redact import redact
from strictreal.session import Session
from strictreal.subject import Tree

COLLECTOR = "supply"
UNITS = ("DependencyScan", "ConfigurationScan", "ImageScan")
MAX_DATABASE_DAYS = 14
"""Trivy's database appears several times a day; what it does not know yet after two weeks has been told elsewhere."""
MAX_COPIED = 256 * 1024**2
MAX_LINE_BYTES = 4 * 1024**2
MAX_TEXT = 300
MAX_VERSIONS = 8
"""Of one package in one file, each under an environment marker of its own; pip-audit is asked once for each."""
LOCKS = re.compile(  # trivy is asked; one that it does not read is a gap
    r"(?:^|/)(?:package-lock\.json|npm-shrinkwrap\.json|yarn\.lock|pnpm-lock\.yaml|bun\.lock|composer\.lock|Gemfile\.lock"
    r"|poetry\.lock|Pipfile\.lock|uv\.lock|go\.mod|go\.sum|Cargo\.lock|pom\.xml|gradle\.lockfile|packages\.lock\.json"
    r"|pubspec\.lock|mix\.lock|Podfile\.lock|conan\.lock)$"
)
PYTHON_LOCKS = re.compile(  # what pip reads, by the usual names; pip-audit is asked
    r"(?:^|/)(?:[\w.-]{0,60}requirements[\w.-]{0,60}\.(?:txt|lock)|constraints[\w.-]{0,60}\.txt"
    r"|(?:requirements|constraints)/[^/]{1,200}\.(?:txt|lock))$"
)
CONFIGURATIONS = re.compile(
    r"(?:^|/)(?:Dockerfile|Containerfile)[\w.-]{0,60}$|\.(?:ya?ml|tf|tpl|bicep|dockerfile)$|/Chart\.lock$"
)
ALONE = re.compile(  # files of which each is tried on its own, or with its folder
    r"(?:^|/)(?:Dockerfile|Containerfile)(?!\.dockerignore$)[\w.-]{0,60}$|\.(?:tf|dockerfile)$"
)
REPORTS = {"dependencies.json": "DependencyScan", "configuration.json": "ConfigurationScan", "image.json": "ImageScan"}
"""In a specimen: a report as trivy writes it."""


def collect(tree: Tree, config: Config, session: Session) -> Iterator[Observation]:
    """Every scan that the subject gives a reason for."""
    if tree.root.is_relative_to(suite.root() / "checks" / "specimens"):
        yield from _recorded(tree)
    elif tree.origin != "revision":
        if session.lane != "kind" and not (programs.find("trivy") or programs.find("pip-audit")):
            reason = "neither trivy nor pip-audit is on the PATH: nothing was looked up"
            absent = tuple(Absence(of=unit, reason=reason) for unit in UNITS)
            yield Observation(collector=COLLECTOR, source="", digest=tree.digest, facts=absent)
            return
        kept = [entry.path for entry in tree if not excluded(config, entry.path)]
        pinned = frozenset(filter(PYTHON_LOCKS.search, kept))
        for path in sorted(pinned):
            yield _observed(tree, session, "DependencyScan", [path], partial(_python, tree, path, pinned))
        if locks := list(filter(LOCKS.search, kept)):
            yield _observed(tree, session, "DependencyScan", locks, partial(_locks, tree, session, locks))
        if files := list(filter(CONFIGURATIONS.search, kept)):
            yield _observed(tree, session, "ConfigurationScan", [""], partial(_configurations, tree, session, files))
        if session.lane == "kind":
            yield from _images(tree, session)


def _observed(
    tree: Tree, session: Session, unit: str, targets: list[str], scan: Callable[[], Iterable[Fact]]
) -> Observation:
    """The facts of one scan; where it cannot be made, a gap of each target."""
    facts: tuple[Fact, ...]
    with session.watch(f"Look up {targets[0] or 'configuration files'}", targets) as advance:
        try:
            facts = tuple(scan())
        except (StrictRealError, OSError) as error:
            reason = redact(str(error), MAX_TEXT)
            facts = tuple(Gap(of=unit, where=Location(target), reason=reason) for target in targets)
        advance(len(targets))
    counted = sum(type(fact).__name__ == unit or isinstance(fact, Gap) for fact in facts)
    return Observation(
        collector=COLLECTOR,
        source=targets[0] or unit,
        digest=tree.digest,
        facts=(Inventory(of=unit, count=counted), *facts),
    )


def _python(tree: Tree, path: str, others: frozenset[str]) -> Iterator[Fact]:
    """What pip-audit knows of one file of pinned packages; a gap where a line pins nothing."""
    pip_audit.find()
    found = pins.read(tree.read(path), path, others)
    lines = {(pin.name, pin.version): pin.line for pin in reversed(found.pinned)}
    if lines:
        rounds = _rounds(lines)
        answers = [pip_audit.audit({name: str(version) for name, version in asked.items()}) for asked in rounds]
        known = {key: one for asked, given in zip(rounds, answers, strict=True) for key, one in _known(asked, given)}
        yield from _pinned(path, lines, known, f"pip-audit {pip_audit.version()}")
    elif not found.loose:
        raise StrictRealError("pins no package by name==version, so there is nothing to look up")
    yield from _loose(path, found.loose)


def _rounds(wanted: Iterable[tuple[str, Version]]) -> list[dict[str, Version]]:
    """Questions for pip-audit, sorted: it is asked for one version of a package at a time.

    Raises:
        BoundExceeded: a package has more versions than MAX_VERSIONS.
    """
    rounds: list[dict[str, Version]] = []
    for name, version in sorted(wanted):
        free = next((one for one in rounds if name not in one), None)
        if free is None:
            rounds.append(free := {})
        free[name] = version
    if len(rounds) > MAX_VERSIONS:
        most = next(iter(rounds[-1]))
        raise BoundExceeded(f"{most} is pinned to more than {MAX_VERSIONS} versions (bound: versions of a package)")
    return rounds


def _known(
    asked: Mapping[str, Version], answers: Iterable[pip_audit.Dependency]
) -> Iterator[tuple[tuple[str, Version], pip_audit.Dependency]]:
    """The answer for each version of a package that was asked for.

    Raises:
        StrictRealError: it did not look one up, or looked up another version.
    """
    known = {str(canonicalize_name(one.name)): one for one in answers}
    unseen = [name for name, version in asked.items() if not _answers(known.get(name), version)]
    if unseen:
        raise StrictRealError(f"pip-audit did not look up {len(unseen)} of {len(asked)} packages, {unseen[0]} first")
    yield from (((name, version), known[name]) for name, version in asked.items())


def _pinned(
    path: str,
    lines: Mapping[tuple[str, Version], int],
    known: Mapping[tuple[str, Version], pip_audit.Dependency],
    scanner: str,
) -> Iterator[Fact]:
    """The scan of one file, and what it told of each pin."""
    yield DependencyScan(where=Location(path), scanner=scanner, database="PyPI", examined=len(lines))
    for (name, version), one in known.items():
        for vulnerability in one.vulnerabilities:
            yield DependencyVulnerability(
                where=Location(path, lines[name, version]),
                id=vulnerability.id,
                package=name,
                installed=one.version,
                fixed=", ".join(vulnerability.fixed),
                title=", ".join(vulnerability.aliases),
            )


def _loose(path: str, lines: Sequence[pins.Loose]) -> Iterator[Gap]:
    """The gap of the lines that pin no version."""
    if lines:
        first = lines[0]
        reason = f"{len(lines)} lines pin no version, so there is nothing to look up: line {first.line}, "
        yield Gap(
            of="DependencyScan", where=Location(path, first.line), reason=reason + redact(first.text, MAX_TEXT // 2)
        )


def _answers(one: pip_audit.Dependency | None, version: Version) -> bool:
    """Whether an answer is about this version."""
    try:
        return one is not None and not one.skipped and Version(one.version) == version
    except InvalidVersion:
        return False


def _locks(tree: Tree, session: Session, paths: list[str]) -> Iterator[Fact]:
    scanner, day = _scanner(session)
    with tempfile.TemporaryDirectory(prefix="strictreal-locks-") as name:
        _copy(tree, paths, Path(name))
        report = trivy.scan("fs", name, session.trivy_cache)
    yield from _dependencies(report, scanner, day, partial(_line, tree))
    read = {result.target for result in report.results or () if result.packages}
    for path in paths:
        beside = path.removesuffix("go.sum") + "go.mod"  # with which trivy reads go.sum
        if path not in read and not (path.endswith("go.sum") and beside in paths):
            yield Gap(of="DependencyScan", where=Location(path), reason="trivy read no package from it")


def _dependencies(report: trivy.Report, scanner: str, day: str, line: Callable[[str, str], int]) -> Iterator[Fact]:
    for result in report.results or ():
        if result.kind == "lang-pkgs" and result.packages:
            yield DependencyScan(
                where=Location(result.target), scanner=scanner, database=day, examined=len(result.packages)
            )
            yield from _vulnerabilities(DependencyVulnerability, result, partial(_located, result.target, line))


def _located(target: str, line: Callable[[str, str], int], one: trivy.Vulnerability) -> Location:
    return Location(target, line(target, one.package))


def _configurations(tree: Tree, session: Session, paths: list[str]) -> Iterator[Fact]:
    scanner = f"trivy {trivy.version(session.trivy_cache).program}"
    with tempfile.TemporaryDirectory(prefix="strictreal-configurations-") as name:
        _copy(tree, paths, Path(name))
        report = trivy.scan("config", name, session.trivy_cache)
    yield from _configuration(report, scanner, tuple(filter(ALONE.search, paths)))


def _configuration(report: trivy.Report, scanner: str, alone: tuple[str, ...] = ()) -> Iterator[Fact]:
    """What trivy says of configuration files.

    Args:
        alone: files that it was given and must have tried rules on.

    Raises:
        StrictRealError: it tried no rule at all.
    """
    tried = 0
    reached: set[str] = set()
    for result in report.results or ():
        rules = result.summary.successes + result.summary.failures if result.summary else 0
        tried += rules
        if rules or result.misconfigurations:
            reached.add(result.target)
        for one in result.misconfigurations or ():
            if one.status == "FAIL":
                yield Misconfiguration(
                    where=Location(
                        result.target, max(0, one.cause.start), resource=redact(one.cause.resource, MAX_TEXT)
                    ),
                    id=one.id,
                    severity=one.severity.lower(),  # type: ignore[arg-type]  # the same words
                    message=redact(one.message or one.title, MAX_TEXT),
                    remedy=redact(one.resolution, MAX_TEXT),
                )
    if not tried:
        raise StrictRealError("trivy config tried no rule on any file")
    yield ConfigurationScan(where=Location(""), scanner=scanner, database=scanner, examined=tried)
    for path in alone:
        # Rules that a Terraform file keeps are told of its folder, or of the root of what was scanned.
        told = {path, *map(str, PurePosixPath(path).parents)} if path.endswith(".tf") else {path}
        if reached.isdisjoint(told):
            yield Gap(of="ConfigurationScan", where=Location(path), reason="trivy config tried no rule on it")


def _images(tree: Tree, session: Session) -> Iterator[Observation]:
    """Every image on record as built: by its bill of materials where there is one, else in the engine that has it."""
    try:
        record = recorded(session.cluster.images)
    except (OSError, ValueError, StrictRealError) as error:
        gap = Gap(of="ImageScan", where=Location(""), reason=redact(str(error), MAX_TEXT))
        yield Observation(
            collector=COLLECTOR, source="images", digest=tree.digest, facts=(Inventory(of="ImageScan", count=1), gap)
        )
        return
    for reference in sorted(record.images):
        yield _observed(tree, session, "ImageScan", [reference], partial(_image, session, record, reference))


def _image(session: Session, record: Record, reference: str) -> Iterator[Fact]:
    scanner, day = _scanner(session)
    bill = record.bills.get(reference, "")
    report = trivy.scan("sbom" if bill else "image", bill or reference, session.trivy_cache)
    yield from _packages(report, reference, scanner, day)


def _packages(report: trivy.Report, reference: str, scanner: str, day: str) -> Iterator[Fact]:
    results = [result for result in report.results or () if result.packages]
    examined = sum(len(result.packages or ()) for result in results)
    if not examined:
        raise StrictRealError("trivy found no package in the image")
    where = Location(reference)
    yield ImageScan(where=where, scanner=scanner, database=day, examined=examined)
    for result in results:
        yield from _vulnerabilities(ImageVulnerability, result, lambda _: where)


def _vulnerabilities(
    kind: type[Vulnerability], result: trivy.Result, where: Callable[[trivy.Vulnerability], Location]
) -> Iterator[Fact]:
    for one in result.vulnerabilities or ():
        yield kind(
            where=where(one),
            id=one.id,
            package=one.package,
            installed=one.installed,
            fixed=one.fixed,
            severity=one.severity.lower(),  # type: ignore[arg-type]  # the same words
            title=redact(one.title, MAX_TEXT),
        )


def _scanner(session: Session) -> tuple[str, str]:
    """Name and version of trivy, and the day of its database.

    Raises:
        ToolMissing: the program or the database is absent.
        BoundExceeded: the database is too old.
    """
    found = trivy.version(session.trivy_cache)
    if found.updated is None:
        where = session.trivy_cache or "its own cache"
        raise ToolMissing(
            f"trivy has no vulnerability database in {where}: `trivy image --download-db-only` fetches one"
        )
    age = datetime.datetime.now(datetime.UTC) - found.updated
    if age > datetime.timedelta(days=MAX_DATABASE_DAYS):
        day = found.updated.date().isoformat()
        raise BoundExceeded(
            f"trivy's database is of {day}, over {MAX_DATABASE_DAYS} days old (bound: age of a database)"
        )
    return f"trivy {found.program}", found.updated.date().isoformat()


def _copy(tree: Tree, paths: list[str], folder: Path) -> None:
    """Copy files of the subject, by their paths.

    Raises:
        BoundExceeded: together they are larger than MAX_COPIED.
    """
    left = MAX_COPIED
    for path in paths:
        data = tree.read(path)
        left -= len(data)
        if left < 0:
            raise BoundExceeded(f"the files to scan are larger than {MAX_COPIED} bytes (bound: size of a scan)")
        place = folder / PurePosixPath(path)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)


def _line(tree: Tree, path: str, package: str) -> int:
    """The first line of a lock file that names a package as a whole word; 0 where none does."""
    if path not in tree.paths:
        return 0
    word = re.compile(rf"(?<![\w.-]){re.escape(package)}(?![\w-])", re.IGNORECASE)
    text = tree.read(path)[:MAX_LINE_BYTES].decode(errors="replace")
    found = word.search(text)
    return text.count("\n", 0, found.start()) + 1 if found else 0


def _recorded(tree: Tree) -> Iterator[Observation]:
    """The report that a specimen holds."""
    read: dict[str, Callable[[trivy.Report], Iterator[Fact]]] = {
        "DependencyScan": partial(_dependencies, scanner="recorded", day="recorded", line=partial(_line, tree)),
        "ConfigurationScan": partial(_configuration, scanner="recorded"),
        "ImageScan": partial(_packages, reference="recorded", scanner="recorded", day="recorded"),
    }
    for name, unit in REPORTS.items():
        if name in tree.paths:
            facts = tuple(read[unit](trivy.read(tree.read(name))))
            counted = sum(type(fact).__name__ == unit for fact in facts)
            yield Observation(
                collector=COLLECTOR, source=name, digest=tree.digest, facts=(Inventory(of=unit, count=counted), *facts)
            )
