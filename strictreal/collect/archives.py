"""Archives and compiled files: what they are called, and whether an archive holds code. Nothing is unpacked to disk."""

from __future__ import annotations

import io
import posixpath
import re
import tarfile
import zipfile
from collections.abc import Iterator

from strictreal.collect import embedded
from strictreal.collect.languages import NOTEBOOK, has_suffix, language_of, unread
from strictreal.model import Fact

MAX_MEMBERS = 50_000
MAX_UNPACKED = 512 * 1024**2
"""Bytes of a tar archive that are unpacked to list its members."""
MAX_SCRIPTS = 1000
"""Members without an ending that are opened to see what they are."""
_OPENING = 400
_ZIP = (".zip", ".egg", ".whl", ".pyz", ".pyzw", ".jar", ".war", ".ear", ".aar", ".apk", ".nupkg", ".vsix", ".xpi")
_TAR = (".tar", ".tgz", ".tbz", ".tbz2", ".txz", ".gem", ".crate")
_UNOPENED = (".7z", ".rar", ".deb", ".rpm", ".tzst", ".phar", ".asar", ".img", ".iso")
_PACKED = (".gz", ".bz2", ".xz", ".zst", ".lzma", ".z")
_COMPILED = re.compile(r"(?i)\.(?:so(?:\.\d+)*|dylib|dll|exe|py[cod]|class|o|obj|a|node|wasm|dex|beam|elc|xpc|jmod)$")
_BINARY = (b"\x7fELF", b"MZ", b"\xcf\xfa\xed\xfe", b"\xfe\xed\xfa\xcf", b"\xca\xfe\xba\xbe", b"\0asm")


def is_archive(path: str) -> bool:
    """Whether a file of this name holds other files, or is one that is packed and by its name code."""
    return has_suffix(path, *_ZIP, *_TAR, *_UNOPENED) or _is_packed_tar(path) or bool(_packed_code(path))


def is_compiled(path: str, opening: bytes = b"") -> bool:
    """Whether a file is what a compiler made: by its name, or its first bytes where the name has no ending."""
    return bool(_COMPILED.search(path)) or opening.startswith(_BINARY)


def facts_of(file: tuple[str, bytes]) -> list[Fact]:
    """listing archives"""
    path, data = file
    if packed := _packed_code(path):
        raise ValueError(f"is packed {packed}, which is not unpacked and read")
    if has_suffix(path, *_UNOPENED) or (_is_packed_tar(path) and has_suffix(path, ".zst", ".z")):
        raise ValueError("is an archive that is not opened, so that nobody knows whether it holds code")
    try:
        code = list(_code(_zipped(data) if zipfile.is_zipfile(io.BytesIO(data)) else _tarred(data)))
    except (zipfile.BadZipFile, tarfile.TarError, EOFError, OSError, RuntimeError, NotImplementedError) as error:
        raise ValueError(f"is an archive that cannot be listed: {type(error).__name__}: {error}") from error
    if code:
        more = f" and {len(code) - 1} more files" if len(code) > 1 else ""
        raise ValueError(f"is an archive with code in it, which is not unpacked and read: {code[0]}{more}")
    return []


def _is_packed_tar(path: str) -> bool:
    return has_suffix(path, *_PACKED) and has_suffix(posixpath.splitext(path)[0], ".tar")


def _packed_code(path: str) -> str:
    """The language of a single packed file such as `tool.py.gz`; "" for other names."""
    inner = posixpath.splitext(path)[0] if has_suffix(path, *_PACKED) else ""
    return language_of(inner) or unread(inner)


def _code(members: Iterator[tuple[str, bytes]]) -> Iterator[str]:
    for count, (name, opening) in enumerate(members):
        if count >= MAX_MEMBERS:
            raise ValueError(f"has more than {MAX_MEMBERS} members (bound: archive members)")
        known = language_of(name, opening) or unread(name, opening) or has_suffix(name, NOTEBOOK)
        if known or embedded.embeds(name) or is_compiled(name, opening) or is_archive(name):
            yield name


def _zipped(data: bytes) -> Iterator[tuple[str, bytes]]:
    scripts = 0
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for member in archive.infolist():
            if member.is_dir():
                continue
            opening = b""
            if _is_bare(member.filename) and scripts < MAX_SCRIPTS:
                scripts += 1
                with archive.open(member) as file:
                    opening = file.read(_OPENING)
            yield member.filename, opening


def _tarred(data: bytes) -> Iterator[tuple[str, bytes]]:
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:*") as archive:
        for member in archive:
            if member.offset_data + member.size > MAX_UNPACKED:
                raise ValueError(f"unpacks to more than {MAX_UNPACKED} bytes (bound: archive size)")
            if member.isfile():
                file = archive.extractfile(member) if _is_bare(member.name) else None
                yield member.name, file.read(_OPENING) if file else b""


def _is_bare(name: str) -> bool:
    return "." not in name.rpartition("/")[2]
