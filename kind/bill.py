"""Bills of materials: what an image's files say about themselves, as CycloneDX.

Debian's packages by dpkg's status, programs of Go by what the compiler wrote into them, Python's distributions by their
metadata, Java's by the names of their archives. What is written here by hand has no package and is not listed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from email.parser import HeaderParser
from pathlib import Path
from urllib.parse import quote

from kind.programs import Failure, run

GO_MAGIC = b"\xff Go buildinf:"
JAR = re.compile(r"(?P<group>[a-z][\w-]*(?:\.[\w-]+)*)\.(?P<name>[a-zA-Z][\w-]*?)-(?P<version>\d[\w.+-]*)\.jar")
"""org.keycloak.keycloak-core-26.5.6.jar; a name that has dots is taken for one with a longer group."""
INSIDE = "kind/packages"
"""Of the node image: what the images inside it are made of, a line each."""
FOLDERS = ("usr/bin", "usr/sbin", "usr/local/bin", "usr/local/sbin", "opt/cni/bin")


def of(root: Path) -> list[str]:
    """Package URLs of everything found under a root file system, sorted, each once."""
    inside = (root / INSIDE).read_text("utf-8").split() if (root / INSIDE).is_file() else ()
    return sorted({*debian(root), *go(root), *python(root), *java(root), *inside})


def write(reference: str, packages: Iterable[str]) -> str:
    """The document."""
    components = [
        {"type": "library", "name": name(p), "version": p.rpartition("@")[2].partition("?")[0], "purl": p}
        for p in packages
    ]
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"component": {"type": "container", "name": reference}},
        "components": components,
    }
    return json.dumps(document, indent=1) + "\n"


def name(package: str) -> str:
    """A package's name by its URL."""
    return package.partition("/")[2].rpartition("@")[0]


def debian(root: Path) -> Iterator[str]:
    """Installed packages."""
    status = root / "var/lib/dpkg/status"
    for block in status.read_text("utf-8").split("\n\n") if status.is_file() else ():
        entry = HeaderParser().parsestr(block)
        if "installed" in str(entry["Status"]):
            yield f"pkg:deb/debian/{entry['Package']}@{quote(entry['Version'])}?arch={entry['Architecture']}"


def go(root: Path) -> Iterator[str]:
    """Modules of programs, by what the compiler wrote into them."""
    for program in (
        p for folder in FOLDERS for p in sorted((root / folder).glob("*")) if p.is_file() and not p.is_symlink()
    ):
        if GO_MAGIC not in program.read_bytes():
            continue
        try:
            lines = run("go", "version", "-m", program).splitlines()
        except Failure:
            continue  # Debian's programs of Go, whose packages are listed
        yield f"pkg:generic/go@{lines[0].rpartition('go')[2]}"
        for line in lines:
            match line.split("\t")[1:]:
                case ["dep" | "=>", path, version, *_]:
                    yield f"pkg:golang/{path}@{version}"


def python(root: Path) -> Iterator[str]:
    """Installed distributions."""
    for metadata in root.glob("**/*.dist-info/METADATA"):
        entry = HeaderParser().parsestr(metadata.read_text("utf-8", "replace"))
        yield f"pkg:pypi/{re.sub('[-_.]+', '-', entry['Name']).lower()}@{entry['Version']}"


def java(root: Path) -> Iterator[str]:
    """Archives of Quarkus' layout, whose names begin with the group."""
    for archive in root.glob("opt/**/lib/lib/**/*.jar"):
        if parts := JAR.fullmatch(archive.name):
            yield f"pkg:maven/{parts['group']}/{parts['name']}@{parts['version']}"
