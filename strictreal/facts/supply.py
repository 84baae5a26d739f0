"""What scanners say of packages and configuration files: what they compared with which database, and what they found."""

from __future__ import annotations

from typing import Literal

from strictreal.model import Located, Natural

Severity = Literal["unknown", "low", "medium", "high", "critical"]


class Scan(Located, frozen=True, kw_only=True):
    """One target that a scanner has looked at."""

    scanner: str
    """Name and version."""
    database: str
    """UTC day of what it was compared with, ISO 8601; the name of a service that is asked over the network; or the
    scanner itself, for rules that it brings along."""
    examined: Natural
    """Packages that were looked up, or rules that were tried; at least 1."""


class DependencyScan(Scan, frozen=True, kw_only=True):
    """One file of pinned dependencies."""


class ConfigurationScan(Scan, frozen=True, kw_only=True):
    """The configuration files of the subject: Dockerfiles, manifests, infrastructure as code."""


class ImageScan(Scan, frozen=True, kw_only=True):
    """One image that was built from the subject."""


class Vulnerability(Located, frozen=True, kw_only=True):
    """One known vulnerability of one package."""

    id: str
    """As the database calls it: CVE-…, GHSA-…, PYSEC-…"""
    package: str
    installed: str
    fixed: str = ""
    """Versions in which it is mended; empty while there is none."""
    severity: Severity = "unknown"
    title: str = ""


class DependencyVulnerability(Vulnerability, frozen=True, kw_only=True):
    """One of a pinned dependency."""

    unit = "DependencyScan"


class ImageVulnerability(Vulnerability, frozen=True, kw_only=True):
    """One of a package in an image."""

    unit = "ImageScan"


class Misconfiguration(Located, frozen=True, kw_only=True):
    """One rule that a configuration file breaks."""

    unit = "ConfigurationScan"
    id: str
    severity: Severity = "unknown"
    message: str
    remedy: str = ""
