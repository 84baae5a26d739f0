"""What the software is made of: nothing in it is known to be critically vulnerable.

A scanner that did not look has proven nothing: what it examined is counted, and its absence is told.
"""

from collections.abc import Iterator

from strictreal.check import check
from strictreal.facts.supply import (
    DependencyVulnerability,
    ImageVulnerability,
    Misconfiguration,
    Vulnerability,
)
from strictreal.model import Facts, Finding

FAILING = frozenset({"critical", "unknown"})
"""Some sources rate nothing; what nobody has rated counts as the worst."""


@check(
    "supply.dependencies",
    proves="No pinned dependency has a known critical vulnerability.",
    remedy="Pin a version in which it is mended; if there is none yet, waive it with a date.",
)
def test_no_pinned_dependency_is_critically_vulnerable(known: Facts[DependencyVulnerability]) -> Iterator[Finding]:
    yield from _critical(known)


@check(
    "supply.images",
    proves="No image that was built has a package with a known critical vulnerability.",
    remedy="Build the image anew from a base in which it is mended; if there is none yet, waive it with a date.",
)
def test_no_image_is_critically_vulnerable(known: Facts[ImageVulnerability]) -> Iterator[Finding]:
    yield from _critical(known)


@check(
    "supply.configuration",
    proves="No configuration file breaks a rule of the scanner that it rates critical.",
    remedy="Do what the finding asks for.",
)
def test_no_configuration_is_critically_at_fault(broken: Facts[Misconfiguration]) -> Iterator[Finding]:
    for one in broken:
        if one.severity in FAILING:
            yield one.finding(f"{one.id}: {one.message}", remedy=one.remedy)


def _critical(known: Facts[Vulnerability]) -> Iterator[Finding]:
    for one in known:
        if one.severity in FAILING:
            rated = "rated critical" if one.severity == "critical" else "not rated by its source"
            mended = f"; mended in {one.fixed}" if one.fixed else "; not mended yet"
            yield one.finding(f"{one.package} {one.installed}: {one.id}, {rated}{mended}")
