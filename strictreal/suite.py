"""The audit suite: checks/, rules/ and policies/, wherever this installation keeps them."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from strictreal.model import canonical, digest

_PARTS = ("checks", "rules", "policies")


@cache
def root() -> Path:
    """The folder that holds checks/, rules/ and policies/: inside the wheel, or the source checkout."""
    package = Path(__file__).resolve().parent
    packed = package / "_suite"
    return packed if packed.is_dir() else package.parent


def docs() -> Path:
    """The folder with a page for every check."""
    packed = root() / "docs"
    return packed if packed.is_dir() and root().name == "_suite" else root() / "docs" / "checks"


def specimens(checks: Path) -> dict[tuple[str, str], Path]:
    """Each specimen of a folder of checks, by check id and kind. One with before/ and after/ is a change."""
    folders = (folder for folder in sorted((checks / "specimens").glob("*/*")) if folder.is_dir())
    return {(folder.parent.name, folder.name): folder for folder in folders}


def judged(specimen: Path) -> Path:
    """The tree of a specimen that its check judges."""
    return specimen / "after" if (specimen / "before").is_dir() else specimen


def _digest_below(folder: Path, parts: tuple[str, ...], suffixes: tuple[str, ...] = ()) -> str:
    files = []
    for part in parts:
        for path in sorted((folder / part).rglob("*")):
            hidden = "__pycache__" in path.parts or path.suffix == ".pyc"
            if path.is_file() and not hidden and (not suffixes or path.suffix in suffixes):
                files.append([path.relative_to(folder).as_posix(), digest(path.read_bytes())])
    return digest(canonical(files))


@cache
def suite_digest() -> str:
    """SHA-256 over every file of the checks, rules and policies in use: signed with each outcome."""
    return _digest_below(root(), _PARTS)


@cache
def engine_digest() -> str:
    """SHA-256 over the toolchain's own source; facts cached by another engine are never reused."""
    return _digest_below(Path(__file__).resolve().parent, (".",), (".py",))
